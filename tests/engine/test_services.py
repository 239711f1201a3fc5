"""Requests and their answers: every request has a handler, and messages stay small."""

import importlib
import pkgutil
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import messages
from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.messages.attention import HEAD_KINDS, Attend, AttendHead, ExplainAttention, ScoreHeads
from engine.messages.embeddings import EmbeddingMap, FindAnalogy, LookUp, Project, TracePaths
from engine.messages.envelope import Request
from engine.messages.generation import Candidates, Generate, GeneratedToken, LookAhead, PredictNext, SamplingSettings
from engine.messages.map import TraceForward
from engine.messages.models import OpenModel
from engine.messages.texts import AssessText, InspectText
from engine.messages.tokens import CompareTokenizers, ListVocabulary, ReplayMerges, Tokenize
from engine.messages.training import ListPresets
from engine.service import tokens as token_service
from engine.service.handlers import handler_of
from engine.service.session import Session
from tests.engine.conftest import SENTENCES
from tests.engine.sessions import ask, start

TEXT = "the cat sat on the mat."
pytestmark = pytest.mark.usefixtures("one_thread")


# --- Tokens -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", ["a", "猫", "鬱", "😀", "\u200d", "א"])
def test_the_tokens_of_a_long_text_are_one_message(session: Session, character: str) -> None:
    """Characters outside the vocabulary are up to four tokens each."""
    text = character * 200_000
    [found] = ask(session, Tokenize(text))
    assert len(found.text) >= 5000
    assert text.startswith(found.text)
    assert session.opened.tokenizer.decode(found.ids.tolist()) == found.text
    assert found.ends[-1] == len(found.text)


def test_a_vocabulary_has_every_token_counted_in_the_opened_text(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("the dog the dog 猫", "utf-8")
    [vocabulary] = ask(session, ListVocabulary("not this", (str(path),)))
    tokenizer = session.opened.tokenizer
    assert list(vocabulary.pieces) == [tokenizer.piece(i) for i in range(tokenizer.vocabulary)]
    ids = tokenizer.encode("the dog the dog 猫\n")
    assert vocabulary.counts.tolist() == [ids.count(i) for i in range(tokenizer.vocabulary)]


def test_a_sample_is_read_once_and_no_further_than_needed(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(token_service, "SAMPLE", 30)
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(name * 20)
    paths = (str(tmp_path / "a.txt"), str(tmp_path / "b.txt"))
    ask(session, ListVocabulary("", paths))
    assert session.cached("sample", (paths, ""), str) == "a" * 20 + "\n" + "b" * 9
    shutil.rmtree(tmp_path)
    assert ask(session, ListVocabulary("", paths))
    with pytest.raises(EngineError, match="text_missing"):
        ask(session, ListVocabulary("", paths[:1]))


def test_tokenizers_to_compare_are_trained_once_for_the_same_texts(session: Session, text_file: Path) -> None:
    request = CompareTokenizers("😀" * 5000, "the cat", "猫", (str(text_file),))
    columns = ask(session, request)
    key = (request.paths, request.encoding)
    trained: dict[str, Any] = session.cached("tokenizer unigram", key, dict)
    assert ask(session, request)[1].vocabulary == columns[1].vocabulary
    assert session.cached("tokenizer unigram", key, dict) is trained
    assert {column.characters for column in columns} == {5000}
    assert columns[0].count == 20_000  # 😀 is not in the open model's vocabulary: four bytes each
    assert all(len(column.tokens.text) == token_service.COMPARED for column in columns)


def test_a_token_beyond_the_text_has_no_merges(session: Session) -> None:
    assert ask(session, ReplayMerges("the", 99)) == []
    assert ask(session, ReplayMerges("", 0)) == []


def test_merges_are_counted_in_the_opened_text(session: Session, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("cat cats the")
    [steps] = ask(session, ReplayMerges("the cat", 1, (str(tmp_path / "own.txt"),)))
    assert [step.count for step in steps.steps[1:]] == ["cat cats the\n".count(s.merged) for s in steps.steps[1:]]
    assert steps.steps[0].count == 0


# --- Attention ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_", [Attend(""), AttendHead("", 0, 0), ExplainAttention("", 0, 0), TracePaths(""), TraceForward(""),
                 AssessText(""), AssessText("\n")],
)  # fmt: skip
def test_a_text_without_tokens_has_no_answer(session: Session, request_: Request[Any]) -> None:
    assert ask(session, request_) == []


def test_the_pattern_of_one_head_equals_that_among_all_heads(session: Session) -> None:
    layers = ask(session, Attend(TEXT))
    for layer, head in ((0, 1), (1, 0)):
        [rows] = ask(session, AttendHead(TEXT, layer, head))
        assert np.allclose(rows.weights, layers[layer].weights[head], atol=5e-4)  # a step of float16


@pytest.mark.parametrize(("asked", "answered"), [(-5, 0), (0, 0), (10_000, 6)])
def test_a_query_outside_the_text_becomes_the_nearest_inside(session: Session, asked: int, answered: int) -> None:
    [steps] = ask(session, ExplainAttention("the cat sat on the mat", 0, asked, most=7))
    count = min(7, len(session.opened.tokenizer.encode("the cat sat on the mat")))
    assert steps.query == min(answered, count - 1)
    assert steps.weights.sum(-1) == pytest.approx(1.0, abs=1e-5)


def test_opening_another_model_ends_the_patterns_of_the_first(session: Session, model_folder: Path) -> None:
    pictures = start(session, Attend(TEXT))
    next(pictures)
    session.open(model_folder)
    assert list(pictures) == []


def test_heads_are_scored_for_every_kind(session: Session) -> None:
    [found] = ask(session, ScoreHeads())
    assert found.scores.shape == (len(HEAD_KINDS), 2, 2)
    assert found.scores.dtype == np.float32
    assert found.even.shape == (len(HEAD_KINDS),)
    assert (found.even > 0).all()


# --- Embeddings and the map ---------------------------------------------------------------------------


def test_every_point_of_the_map_has_its_name(session: Session) -> None:
    names, shown = ask(session, Project(dims=3))
    assert shown.points.shape == (len(names.ids), 3)
    tokenizer = session.opened.tokenizer
    assert list(names.pieces) == [tokenizer.piece(i) for i in names.ids.tolist()]
    assert list(names.kinds) == [tokenizer.kind_of(i) for i in names.ids.tolist()]


def test_a_map_in_progress_can_be_cancelled(session: Session) -> None:
    moving = start(session, Project("tsne"))
    fractions = []
    for event in moving:
        if isinstance(event, EmbeddingMap):
            assert event.explained == ()
            fractions.append(event.fraction)
        if len(fractions) == 4:
            break
    moving.close()
    assert fractions[0] == 0.0
    assert all(a < b for a, b in pairwise(fractions))


def test_neighbours_of_a_token_exclude_single_bytes(session: Session) -> None:
    [row] = ask(session, LookUp(300, 10_000))
    rows = session.opened.model.embedding.weight.detach().numpy()
    assert row.rows == len(rows) == session.opened.tokenizer.vocabulary
    assert sorted(row.near.ids.tolist()) == [i for i in range(256, len(rows)) if i != 300]
    expected = rows[row.near.ids] @ rows[300] / np.linalg.norm(rows[row.near.ids], axis=1) / np.linalg.norm(rows[300])
    assert np.allclose(row.near.cosines, expected, atol=1e-5)
    assert (np.diff(row.near.cosines) <= 0).all()


@pytest.mark.parametrize("token", [-1, 10**6])
def test_a_token_outside_the_vocabulary_raises_an_engine_error(session: Session, token: int) -> None:
    with pytest.raises(EngineError) as raised:
        ask(session, LookUp(token))
    assert raised.value.key == "error.ids"


def test_a_word_of_many_tokens_takes_part_in_an_analogy(session: Session) -> None:
    [found] = ask(session, FindAnalogy("catdog", "  cat ", "猫", 4))
    tokenizer, rows = session.opened.tokenizer, session.opened.model.embedding.weight.detach().numpy().astype(float)
    assert [b"".join(map(tokenizer.token_bytes, word.ids)).decode().strip() for word in found.asked] == [
        "catdog",
        "cat",
        "猫",
    ]
    a, b, c = (rows[list(word.ids)].mean(0) / np.linalg.norm(rows[list(word.ids)].mean(0)) for word in found.asked)
    target = a - b + c
    expected = [rows[i] @ target / np.linalg.norm(rows[i]) / np.linalg.norm(target) for i in found.near.ids]
    assert np.allclose(found.near.cosines, expected, atol=1e-4)
    assert not set(found.near.ids.tolist()) & {i for word in found.asked for i in word.ids}


@pytest.mark.parametrize("word", ["", " ", "\u3000", "\n\t"])
def test_white_space_is_refused_as_a_word(session: Session, word: str) -> None:
    with pytest.raises(EngineError, match="analogy_empty"):
        ask(session, FindAnalogy("cat", word, "dog"))


def test_paths_have_a_point_for_each_layer_and_token_of_the_context(session: Session) -> None:
    [paths] = ask(session, TracePaths(TEXT * 5, dims=3))
    assert paths.points.shape == (3, len(paths.pieces), 3)
    assert len(paths.pieces) == len(paths.kinds) == session.opened.model.config.context
    assert paths.first == len(session.opened.tokenizer.encode(TEXT * 5)) - len(paths.pieces)
    assert len(paths.explained) == 3


def test_the_histogram_counts_every_logit_between_the_lowest_and_the_highest(session: Session) -> None:
    [shown] = ask(session, TraceForward(TEXT, most=2))
    with torch.no_grad():
        logits = session.opened.model(torch.tensor([session.opened.tokenizer.encode(TEXT)]))[0, -1].numpy()
    step = (logits.max() - logits.min()) / 32
    counts = [0] * 32
    for logit in logits:
        counts[min(31, int((logit - logits.min()) / step))] += 1
    assert shown.histogram.sum() == len(logits)
    assert (
        np.abs(np.cumsum(shown.histogram) - np.cumsum(counts)).max() <= 1
    )  # a logit on an edge may lie on either side
    assert (shown.features, shown.width) == (128, 32)


# --- The session ---------------------------------------------------------------------------------------


def requests() -> list[type[Request[Any]]]:
    """Return every request that engine/messages declares."""
    modules = [importlib.import_module(f"engine.messages.{m.name}") for m in pkgutil.iter_modules(messages.__path__)]
    values = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    return list(dict.fromkeys(kind for kind in values if issubclass(kind, Request) and kind is not Request))


@pytest.mark.parametrize("kind", requests(), ids=lambda kind: kind.__name__)
def test_every_request_has_a_handler(kind: type[Request[Any]]) -> None:
    assert callable(handler_of(kind))


@pytest.mark.parametrize(
    "request_",
    [
        Tokenize("a"), ReplayMerges("a", 0), ListVocabulary("a"), CompareTokenizers("a", "a", "a"),
        Generate("a"), PredictNext("a"), Attend("a"), AttendHead("a", 0, 0), ExplainAttention("a", 0, 0),
        ScoreHeads(), Project(), TracePaths("a"), LookUp(1), FindAnalogy("a", "b", "c"), TraceForward("a"),
        AssessText("a"),
    ],
    ids=lambda request: type(request).__name__,
)  # fmt: skip
def test_without_a_model_requests_raise_no_model(request_: Request[Any]) -> None:
    with pytest.raises(EngineError) as raised:
        ask(Session(), request_)
    assert raised.value.key == "error.no_model"


def written(session: Session, request: Generate) -> tuple[list[GeneratedToken], Candidates | None]:
    """Return the tokens that are written, and the candidates for the one after them."""
    reports = ask(session, request)
    return [token for report in reports for token in report.tokens], reports[-1].following


def test_the_token_that_ends_a_text_is_reported_as_its_end(session: Session) -> None:
    request = Generate("the cat", tokens=6, sampling=SamplingSettings(temperature=0.0))
    whole, after = written(session, request)
    assert after is not None
    assert not any(token.special for token in whole)
    last = whole[2].id
    session.opened.reader.stop_ids = (last,)
    tokens, after = written(session, request)
    length = [token.id for token in whole].index(last) + 1
    assert [token.ends for token in tokens] == [False] * (length - 1) + [True]
    assert after is None


def test_a_text_from_nothing_is_continued_as_it_began(session: Session) -> None:
    request = Generate("", tokens=8, sampling=SamplingSettings(temperature=0.0))
    ids = [token.id for token in written(session, request)[0]]
    rest, _ = written(session, replace(request, chosen=tuple(ids[:3]), tokens=5))
    assert [token.id for token in rest] == ids[3:]


def test_a_model_that_cannot_be_opened_leaves_the_open_one(session: Session, tmp_path: Path) -> None:
    before = session.opened
    with pytest.raises(EngineError, match="model_missing"):
        ask(session, OpenModel(str(tmp_path)))
    assert session.opened is before
    assert isinstance(before.reader, Reader)


def test_a_text_is_inspected_without_an_open_model(text_file: Path) -> None:
    [info] = ask(Session(), InspectText((str(text_file),)))
    assert (info.name, info.characters, info.encoding) == ("story.txt", len(SENTENCES * 60), "utf-8")
    [presets] = ask(Session(), ListPresets(info.characters))
    assert list(presets.settings) == ["30s", "5m", "overnight"]


@pytest.mark.parametrize("prompt", ["The cat", ""])
def test_looking_ahead_writes_what_is_written_greedily_after_each_of_the_likeliest_tokens(
    session: Session, prompt: str
) -> None:
    greedy = SamplingSettings(temperature=0.0)
    found = ask(session, PredictNext(prompt, sampling=greedy))[-1]
    branches: dict[int, list[GeneratedToken]] = {}
    for event in ask(session, LookAhead(prompt, branches=3, tokens=5)):
        branches.setdefault(event.branch, []).append(event.token)
    assert list(branches) == [0, 1, 2]
    assert [tokens[0].id for tokens in branches.values()] == found.ids[:3].tolist()
    for tokens in branches.values():
        request = Generate(prompt, (), tokens[0].id, len(tokens), greedy)
        written = [token for event in ask(session, request) for token in event.tokens]
        assert [token.id for token in written] == [token.id for token in tokens]
        assert len(tokens) == 5 or "\n" in tokens[-1].text or tokens[-1].ends
        assert all("\n" not in token.text for token in tokens[:-1])


def test_looking_ahead_ends_when_another_model_is_opened(session: Session, model_folder: Path) -> None:
    answers = start(session, LookAhead("The cat"))
    next(answers)
    session.open(model_folder)
    assert list(answers) == []
