"""What the window gets for what it asks: runs that are steered, questions in between, messages that stay small."""

import dataclasses
import importlib
import inspect as reflection
import math
import pickle
import shutil
import threading
from collections.abc import Iterator
from itertools import pairwise
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import messages as m
from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.model.opening import load_model
from engine.service import embeddings, tokens as token_service, training
from engine.service.handlers import HANDLERS, make_handlers
from engine.service.process import IDLE, serve
from engine.service.session import Session
from engine.training.run import read_log
from tests.engine.conftest import SENTENCES, SMALL

TEXT = "the cat sat on the mat."
MEGABYTE = 2**20


def ask(session: Session, request: object) -> list[Any]:
    """All that the window gets: nothing where others only got a turn."""
    return [event for event in HANDLERS[type(request)](session, request) if event is not None and event is not IDLE]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models as small as these only lose by sharing their work among threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def session(model_folder: Path) -> Session:
    opened = Session()
    opened.open(model_folder)
    return opened


def running(text_file: Path, folder: Path, **changes: Any) -> m.Train:
    prompt = changes.pop("sample_prompt", "the cat")
    settings = dataclasses.replace(SMALL, **changes)
    return m.Train((str(text_file),), str(folder), settings, sample_prompt=prompt)


def losses_of(folder: Path) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in read_log(folder) if "loss" in line}


@pytest.fixture(scope="module")
def whole(text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], Path]:
    """A run that nobody disturbed, and what was told of it."""
    folder = tmp_path_factory.mktemp("whole") / "m"
    session = Session()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "SAMPLE_TOKENS", 4)
        events = ask(session, running(text_file, folder))
    assert session.run is None
    return events, folder


# --- A run --------------------------------------------------------------------------------------------


def test_a_run_is_told_in_order(whole: tuple[list[Any], Path]) -> None:
    events, folder = whole
    order = [
        m.Progress,
        m.TrainingStarted,
        m.ModelInfo,
        m.TrainingSample,
        m.TrainingPoints,
        m.TrainingResult,
        m.ModelInfo,
    ]
    kinds = [type(event) for event in events]
    assert list(dict.fromkeys(kinds)) == [kind for kind in dict.fromkeys(order) if kind in kinds]
    first, last = (event for event in events if isinstance(event, m.ModelInfo))
    assert (first.training, last.training) == (True, False)
    assert (first.step, last.step, last.resumable) == (0, 30, True)
    assert kinds[-2:] == [m.TrainingResult, m.ModelInfo]
    assert last.folder == str(folder)


def test_every_step_is_told_once_and_as_it_was(whole: tuple[list[Any], Path]) -> None:
    events, folder = whole
    points = [event for event in events if isinstance(event, m.TrainingPoints)]
    steps = np.concatenate([p.steps for p in points]).tolist()
    losses = np.concatenate([p.losses for p in points])
    assert steps == list(range(1, 31))
    assert np.allclose(losses, list(losses_of(folder).values()), atol=1e-4)
    assert all(len(p.steps) == len(p.losses) == len(p.learning_rates) == len(p.seconds) for p in points)
    seconds = np.concatenate([p.seconds for p in points])
    assert (np.diff(seconds) >= 0).all()
    assert [p.fraction for p in points] == sorted(p.fraction for p in points)
    assert points[-1].fraction == 1.0
    assert points[-1].seconds_left == 0.0
    assert points[-1].validation_steps[-1] == 30
    result = next(event for event in events if isinstance(event, m.TrainingResult))
    assert (result.steps, result.tokens) == (30, 30 * SMALL.batch * SMALL.context)
    assert result.train_loss == pytest.approx(losses[-20:].mean(), abs=1e-3)
    assert result.validation_loss == pytest.approx(float(points[-1].validation_losses[-1]), abs=1e-4)


def test_samples_are_written_from_the_first_step_to_the_last(whole: tuple[list[Any], Path]) -> None:
    events, folder = whole
    samples = [event for event in events if isinstance(event, m.TrainingSample)]
    assert [s.step for s in samples] == sorted({s.step for s in samples})
    assert (samples[0].step, samples[-1].step) == (1, 30)
    assert all(s.prompt == "the cat" and s.text for s in samples)
    noted = [(line["step"], line["sample"]) for line in read_log(folder) if "sample" in line]
    assert noted == [(s.step, s.text) for s in samples]


def test_no_message_of_a_run_is_large(whole: tuple[list[Any], Path]) -> None:
    assert max(len(pickle.dumps(event)) for event in whole[0]) < MEGABYTE


def advance(run: Iterator[Any], until: int) -> int:
    """To at least this step, as the messages tell."""
    step = 0
    for event in run:
        if isinstance(event, m.TrainingPoints):
            step = int(event.steps[-1])
            if step >= until:
                return step
    raise AssertionError("the run ended before")


@pytest.fixture(autouse=True)
def reports_at_every_step_and_short_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(training, "SAMPLE_TOKENS", 4)


def test_a_paused_run_stands_still_answers_and_goes_on(
    whole: tuple[list[Any], Path], text_file: Path, tmp_path: Path
) -> None:
    session, folder = Session(), tmp_path / "m"
    run = training.train(session, running(text_file, folder))
    step = advance(run, 8)
    ask(session, m.SteerTraining("pause"))
    said = [event for event in (next(run) for _ in range(20)) if event is not None]
    assert isinstance(said[0], m.TrainingPoints)
    assert said[0].paused
    assert said[0].steps[-1] == step
    assert said[1:] == [IDLE] * (len(said) - 1)
    before = {name: tensor.clone() for name, tensor in session.opened.model.state_dict().items()}
    [found] = ask(session, m.Tokenize(TEXT))
    assert found.ids.tolist() == session.opened.tokenizer.encode(TEXT)
    assert next(run) is IDLE
    assert all(torch.equal(before[name], tensor) for name, tensor in session.opened.model.state_dict().items())
    ask(session, m.SteerTraining("resume"))
    rest = [event for event in run if isinstance(event, m.TrainingPoints)]
    assert not any(points.paused for points in rest)
    assert losses_of(folder) == losses_of(whole[1])


def test_a_stopped_run_is_saved_and_continued_to_the_same_end(
    whole: tuple[list[Any], Path], text_file: Path, tmp_path: Path
) -> None:
    session, folder = Session(), tmp_path / "m"
    run = training.train(session, running(text_file, folder))
    step = advance(run, 10)
    ask(session, m.SteerTraining("stop"))
    events = [event for event in run if event is not None]
    result = next(event for event in events if isinstance(event, m.TrainingResult))
    assert result.steps == step < 30
    assert session.run is None
    assert isinstance(events[-1], m.ModelInfo)
    assert (events[-1].step, events[-1].resumable) == (step, True)
    again = ask(session, m.Train((), str(folder), SMALL, resume=True, sample_prompt="the cat"))
    told = [event for event in again if isinstance(event, m.TrainingPoints)]
    assert np.concatenate([p.steps for p in told]).tolist() == list(range(1, 31))  # the past first
    assert losses_of(folder) == losses_of(whole[1])


def test_a_paused_run_that_is_stopped_ends_where_it_stood(text_file: Path, tmp_path: Path) -> None:
    session = Session()
    run = training.train(session, running(text_file, tmp_path / "m"))
    step = advance(run, 5)
    ask(session, m.SteerTraining("pause"))
    while next(run) is not IDLE:
        pass
    ask(session, m.SteerTraining("stop"))
    result = next(event for event in run if isinstance(event, m.TrainingResult))
    run.close()
    assert result.steps == step


@pytest.mark.parametrize("paused", [False, True])
def test_a_cancelled_run_is_saved_too(text_file: Path, tmp_path: Path, paused: bool) -> None:
    session, folder = Session(), tmp_path / "m"
    run = training.train(session, running(text_file, folder))
    step = advance(run, 6)
    if paused:
        ask(session, m.SteerTraining("pause"))
        while next(run) is not IDLE:
            pass
    run.close()
    assert session.run is None
    assert max(losses_of(folder)) == step
    model, _ = load_model(folder)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, session.opened.model.state_dict()[name])
    events = ask(session, m.Train((), str(folder), SMALL, resume=True))  # the pause is not remembered
    assert any(isinstance(event, m.TrainingResult) and event.steps == 30 for event in events)


def test_one_run_at_a_time(text_file: Path, tmp_path: Path) -> None:
    session = Session()
    run = training.train(session, running(text_file, tmp_path / "a"))
    advance(run, 2)
    with pytest.raises(EngineError, match="run_in_progress"):
        ask(session, running(text_file, tmp_path / "b"))
    assert not (tmp_path / "b").exists()
    assert session.run is not None  # the first is none the worse
    run.close()


def test_a_run_that_cannot_begin_leaves_the_session_free(text_file: Path, tmp_path: Path, model_folder: Path) -> None:
    session = Session()
    (tmp_path / "short.txt").write_text("abc")
    for request, key in (
        (running(tmp_path / "short.txt", tmp_path / "a"), "text_too_short"),
        (running(text_file, model_folder), "folder_taken"),
        (m.Train((), str(tmp_path / "none"), SMALL, resume=True), "nothing_to_resume"),
    ):
        with pytest.raises(EngineError, match=key):
            ask(session, request)
        assert session.run is None


def test_what_is_shown_in_the_middle_of_a_run_is_of_the_weights_of_that_moment(text_file: Path, tmp_path: Path) -> None:
    session, seen = Session(), []
    run = training.train(session, running(text_file, tmp_path / "m"))
    for step in (3, 9, 15):
        advance(run, step)
        opened = session.opened
        [shown] = ask(session, m.Weigh(TEXT, sampling=m.SamplingSettings(temperature=1.0)))
        with torch.no_grad():
            logits = opened.model(torch.tensor([opened.tokenizer.encode(TEXT)]))[0, -1]
        assert np.allclose(shown.probabilities[0], logits.double().softmax(-1).numpy()[shown.ids], atol=1e-4)
        seen.append(shown.probabilities[0])
    run.close()
    assert not np.allclose(seen[0], seen[2])


def test_an_estimate_in_the_middle_of_a_run_does_not_disturb_it(
    whole: tuple[list[Any], Path], text_file: Path, tmp_path: Path
) -> None:
    session, folder = Session(), tmp_path / "m"
    run = training.train(session, running(text_file, folder))
    advance(run, 4)
    random = torch.get_rng_state()
    [estimate] = ask(session, m.EstimateTraining((str(text_file),), dataclasses.replace(SMALL, steps=500)))
    assert torch.equal(torch.get_rng_state(), random)
    list(run)
    assert losses_of(folder) == losses_of(whole[1])
    assert estimate.steps == 500
    assert estimate.seconds == pytest.approx(500 * SMALL.batch * SMALL.context / estimate.tokens_per_second)
    assert estimate.parameters == sum(p.numel() for p in training.Transformer(
        training.model_config(SMALL, SMALL.vocabulary)).parameters())  # fmt: skip


def test_a_large_model_is_estimated_without_being_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "Transformer", lambda *_: pytest.fail("built"))
    settings = m.TrainingSettings(width=2048, heads=16, layers=24, seconds=3600.0)
    [estimate] = ask(Session(), m.EstimateTraining((), settings))
    assert estimate.parameters > 10**9
    assert estimate.memory_bytes > 4 * 4 * estimate.parameters
    assert estimate.seconds == 3600.0
    assert estimate.steps >= 1
    with pytest.raises(EngineError, match="heads_divide"):
        ask(Session(), m.EstimateTraining((), dataclasses.replace(settings, width=30)))


def test_the_model_of_a_run_is_the_one_that_is_open(text_file: Path, tmp_path: Path, model_folder: Path) -> None:
    session, folder = Session(), tmp_path / "m"
    run = training.train(session, running(text_file, folder))
    advance(run, 2)
    assert session.run is not None
    model = session.run.model
    *_, info = ask(session, m.OpenModel(str(folder)))
    assert info.training
    assert session.opened.model is model  # not read again from the disk, a step behind
    *_, other = ask(session, m.OpenModel(str(model_folder)))
    assert session.opened.model is not model
    rest = [event for event in run if isinstance(event, m.ModelInfo | m.TrainingResult)]
    assert [type(event) for event in rest] == [m.TrainingResult]  # the other one stays open
    assert session.opened.info == other


def test_a_run_that_was_saved_from_itself_says_so(text_file: Path, tmp_path: Path) -> None:
    session = Session()
    run = training.train(session, running(text_file, tmp_path / "m"))
    step = advance(run, 8)
    with torch.no_grad():
        session.opened.model.embedding.weight.fill_(math.nan)
    events = list(run)
    assert [event.arguments for event in events if isinstance(event, m.Notice)] == [{"step": step + 1}]
    assert session.opened.model.embedding.weight.isfinite().all()
    assert next(event.steps for event in events if isinstance(event, m.TrainingResult)) == 30


def test_a_run_in_a_folder_that_is_for_reading_only_is_read_all_the_same(
    whole: tuple[list[Any], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    folder = Path(shutil.copytree(whole[1], tmp_path / "copy"))
    (folder / training.REFERENCES).unlink()
    monkeypatch.setattr(training, "write_json", refused)
    started = next(event for event in whole[0] if isinstance(event, m.TrainingStarted))
    assert ask(Session(), m.ReadRun(str(folder)))[0].references == pytest.approx(started.references)
    assert not (folder / training.REFERENCES).exists()


# --- Tokens -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", ["a", "猫", "鬱", "😀", "\u200d", "א"])
def test_the_tokens_of_a_long_text_are_one_message(session: Session, character: str) -> None:
    """Characters that the model never saw are four tokens each."""
    text = character * 200_000
    [found] = ask(session, m.Tokenize(text))
    assert len(pickle.dumps(found)) < MEGABYTE
    assert len(found.text) >= 5000
    assert text.startswith(found.text)
    assert session.opened.tokenizer.decode(found.ids.tolist()) == found.text
    assert found.ends[-1] == len(found.text)


def test_pages_of_a_vocabulary_join_to_the_whole(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(token_service, "PAGE", 100)
    path = tmp_path / "own.txt"
    path.write_text("the dog the dog 猫", "utf-8")
    pages = ask(session, m.ListVocabulary("not this", (str(path),)))
    tokenizer = session.opened.tokenizer
    assert [page.start for page in pages] == list(range(0, tokenizer.vocabulary, 100))
    assert {page.total for page in pages} == {tokenizer.vocabulary}
    pieces = [piece for page in pages for piece in page.pieces]
    assert pieces == [tokenizer.piece(i) for i in range(tokenizer.vocabulary)]
    counts = np.concatenate([page.counts for page in pages])
    ids = tokenizer.encode("the dog the dog 猫\n")
    assert counts.tolist() == [ids.count(i) for i in range(tokenizer.vocabulary)]


def test_a_sample_is_read_once_and_no_further_than_needed(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(token_service, "SAMPLE", 30)
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(name * 20)
    paths = (str(tmp_path / "a.txt"), str(tmp_path / "b.txt"))
    ask(session, m.ListVocabulary("", paths))
    assert session.sample == (paths, "a" * 20 + "\n" + "b" * 9)
    shutil.rmtree(tmp_path)
    assert ask(session, m.ListVocabulary("", paths))
    with pytest.raises(EngineError, match="text_missing"):
        ask(session, m.ListVocabulary("", paths[:1]))


def test_tokenizers_to_compare_are_learned_once_for_the_same_texts(session: Session, text_file: Path) -> None:
    request = m.CompareTokenizers("😀" * 5000, "the cat", "猫", (str(text_file),))
    columns = ask(session, request)
    learned = session.rivals
    assert ask(session, request)[1].vocabulary == columns[1].vocabulary
    assert session.rivals is learned
    assert all(len(pickle.dumps(column)) < MEGABYTE for column in columns)
    assert {column.characters for column in columns} == {5000}
    assert columns[0].count == 20_000  # the open model never saw 😀: four bytes each
    assert all(len(column.tokens.text) == token_service.COMPARED for column in columns)


def test_a_token_that_is_no_longer_there_has_no_merges(session: Session) -> None:
    assert ask(session, m.ReplayMerges("the", 99)) == []
    assert ask(session, m.ReplayMerges("", 0)) == []


def test_merges_are_counted_in_the_opened_text(session: Session, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("cat cats the")
    [steps] = ask(session, m.ReplayMerges("the cat", 1, (str(tmp_path / "own.txt"),)))
    assert [step.count for step in steps.steps[1:]] == ["cat cats the\n".count(s.merged) for s in steps.steps[1:]]
    assert steps.steps[0].count == 0


# --- Attention ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_", [m.Attend(""), m.AttendHead("", 0, 0), m.ExplainAttention("", 0, 0), m.TracePaths(""), m.Trace(""),
                 m.Judge(""), m.Judge("\n")],
)  # fmt: skip
def test_a_text_without_tokens_is_no_failure(session: Session, request_: object) -> None:
    assert ask(session, request_) == []


def test_rows_of_a_head_are_the_same_as_its_picture(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = ask(session, m.Attend(TEXT))
    monkeypatch.setattr("engine.service.attention.MOST_BYTES", 60)
    for layer, head in ((0, 1), (1, 0)):
        rows = ask(session, m.AttendHead(TEXT, layer, head))
        assert [row.start for row in rows] == np.cumsum([0, *(len(row.weights) for row in rows)])[:-1].tolist()
        assert len(rows) > 1
        assert np.allclose(
            np.concatenate([row.weights for row in rows]), layers[layer].weights[head], atol=5e-4
        )  # a step of float16


@pytest.mark.parametrize(("asked", "answered"), [(-5, 0), (0, 0), (10_000, 6)])
def test_a_query_outside_of_the_text_is_the_nearest_inside(session: Session, asked: int, answered: int) -> None:
    [steps] = ask(session, m.ExplainAttention("the cat sat on the mat", 0, asked, most=7))
    count = min(7, len(session.opened.tokenizer.encode("the cat sat on the mat")))
    assert steps.query == min(answered, count - 1)
    assert steps.weights.sum(-1) == pytest.approx(1.0, abs=1e-5)


def test_of_a_long_row_only_the_last_keys_are_sent(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    [whole] = ask(session, m.ExplainAttention(TEXT, 1, 6))
    monkeypatch.setattr("engine.service.attention.MOST_BYTES", 900)
    [part] = ask(session, m.ExplainAttention(TEXT, 1, 6))
    assert 0 < part.first_key <= 6
    for name in ("k", "v", "scaled", "weights"):
        shown = getattr(part, name)
        assert np.array_equal(shown, getattr(whole, name)[:, part.first_key :])
    assert np.array_equal(part.heads, whole.heads)


def test_another_model_opened_in_between_ends_the_pictures_of_the_first(session: Session, model_folder: Path) -> None:
    pictures = HANDLERS[m.Attend](session, m.Attend(TEXT))
    next(pictures)
    session.open(model_folder)
    assert list(pictures) == []


def test_heads_are_scored_for_every_kind(session: Session) -> None:
    [found] = ask(session, m.ScoreHeads())
    assert found.scores.shape == (len(m.HEAD_KINDS), 2, 2)
    assert found.scores.dtype == np.float32


# --- Embeddings and the machine -----------------------------------------------------------------------


def test_names_come_in_pages_before_the_map(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "PAGE", 20)
    *names, shown = ask(session, m.Project(dims=3))
    assert len(names) > 2
    assert [page.start for page in names] == list(range(0, 20 * len(names), 20))
    ids = np.concatenate([page.ids for page in names])
    assert shown.points.shape == (len(ids), 3)
    tokenizer = session.opened.tokenizer
    assert [p for page in names for p in page.pieces] == [tokenizer.piece(i) for i in ids.tolist()]
    assert [k for page in names for k in page.kinds] == [tokenizer.kind_of(i) for i in ids.tolist()]


def test_a_map_that_moves_can_be_left_at_any_moment(session: Session) -> None:
    moving = HANDLERS[m.Project](session, m.Project("tsne"))
    fractions = []
    for event in moving:
        if isinstance(event, m.EmbeddingMap):
            assert event.explained == ()
            assert len(pickle.dumps(event)) < MEGABYTE
            fractions.append(event.fraction)
        if len(fractions) == 4:
            break
    moving.close()
    assert fractions[0] == 0.0
    assert all(a < b for a, b in pairwise(fractions))


def test_neighbours_of_a_token_are_no_bytes(session: Session) -> None:
    [row] = ask(session, m.LookUp(300, 10_000))
    rows = session.opened.model.embedding.weight.detach().numpy()
    assert row.rows == len(rows) == session.opened.tokenizer.vocabulary
    assert sorted(row.near.ids.tolist()) == [i for i in range(256, len(rows)) if i != 300]
    expected = rows[row.near.ids] @ rows[300] / np.linalg.norm(rows[row.near.ids], axis=1) / np.linalg.norm(rows[300])
    assert np.allclose(row.near.cosines, expected, atol=1e-5)
    assert (np.diff(row.near.cosines) <= 0).all()


@pytest.mark.parametrize("id", [-1, 10**6])
def test_a_token_that_the_model_does_not_have_is_refused_in_words(session: Session, id: int) -> None:
    with pytest.raises(EngineError) as raised:
        ask(session, m.LookUp(id))
    assert raised.value.key == "error.ids"


def test_a_word_of_many_tokens_takes_part_in_an_analogy(session: Session) -> None:
    [found] = ask(session, m.FindAnalogy("catdog", "  cat ", "猫", 4))
    tokenizer, rows = session.opened.tokenizer, session.opened.model.embedding.weight.detach().numpy().astype(float)
    assert [b"".join(map(tokenizer.token_bytes, word)).decode().strip() for word in found.asked] == [
        "catdog",
        "cat",
        "猫",
    ]
    a, b, c = (rows[list(word)].mean(0) / np.linalg.norm(rows[list(word)].mean(0)) for word in found.asked)
    target = a - b + c
    expected = [rows[i] @ target / np.linalg.norm(rows[i]) / np.linalg.norm(target) for i in found.ids]
    assert np.allclose(found.cosines, expected, atol=1e-4)
    assert not set(found.ids.tolist()) & {i for word in found.asked for i in word}


@pytest.mark.parametrize("word", ["", " ", "\u3000", "\n\t"])
def test_white_space_is_no_word(session: Session, word: str) -> None:
    with pytest.raises(EngineError, match="analogy_empty"):
        ask(session, m.FindAnalogy("cat", word, "dog"))


def test_paths_end_where_the_logits_begin(session: Session) -> None:
    [paths] = ask(session, m.TracePaths(TEXT * 5, dims=3))
    assert paths.points.shape == (3, len(paths.pieces), 3)
    assert len(paths.pieces) == len(paths.kinds) == session.opened.model.config.context
    assert paths.first == len(session.opened.tokenizer.encode(TEXT * 5)) - len(paths.pieces)
    assert len(paths.explained) == 3


def test_the_histogram_counts_every_logit_between_the_lowest_and_the_highest(session: Session) -> None:
    [shown] = ask(session, m.Trace(TEXT, most=2))
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


# --- The session and the loop -------------------------------------------------------------------------


def requests() -> list[type]:
    """All that the messages call a request: their first word is what they give."""
    kinds = [value for value in vars(m).values() if isinstance(value, type) and dataclasses.is_dataclass(value)]
    return [kind for kind in kinds if (reflection.getdoc(kind) or "").startswith("->")]


def test_every_request_has_a_handler() -> None:
    assert set(requests()) | {m.SteerTraining} == set(HANDLERS)
    for handler in HANDLERS.values():
        for cell in getattr(handler, "__closure__", None) or ():  # those that are imported later
            if isinstance(cell.cell_contents, str) and cell.cell_contents in ("documents", "search"):
                importlib.import_module(f"engine.service.{cell.cell_contents}")


@pytest.mark.parametrize(
    "request_",
    [
        m.Tokenize("a"), m.ReplayMerges("a", 0), m.ListVocabulary("a"), m.CompareTokenizers("a", "a", "a"),
        m.Generate("a"), m.Weigh("a"), m.Attend("a"), m.AttendHead("a", 0, 0), m.ExplainAttention("a", 0, 0),
        m.ScoreHeads(), m.Project(), m.TracePaths("a"), m.LookUp(1), m.FindAnalogy("a", "b", "c"), m.Trace("a"),
        m.Judge("a"),
    ],
    ids=lambda request: type(request).__name__,
)  # fmt: skip
def test_without_a_model_there_is_a_sentence_for_it(request_: object) -> None:
    with pytest.raises(EngineError) as raised:
        ask(Session(), request_)
    assert raised.value.key == "error.no_model"


def test_a_model_that_cannot_be_opened_leaves_the_one_that_is(session: Session, tmp_path: Path) -> None:
    before = session.opened
    with pytest.raises(EngineError, match="model_missing"):
        ask(session, m.OpenModel(str(tmp_path)))
    assert session.opened is before
    assert isinstance(before.reader, Reader)


@pytest.fixture
def engine() -> Iterator[Any]:
    """The loop with everything behind it, in a thread."""
    ours, theirs = Pipe()
    thread = threading.Thread(target=serve, args=(theirs, make_handlers()))
    thread.start()
    yield ours
    if not ours.closed:
        ours.send(m.Quit())
    thread.join(30)
    ours.close()
    theirs.close()
    assert not thread.is_alive()


def until_ended(engine: Any, job: int) -> list[Any]:
    seen: list[Any] = []
    while not (seen and isinstance(seen[-1], m.Ended) and seen[-1].job == job):
        assert engine.poll(30)
        seen.append(engine.recv())
    return seen


def test_questions_are_answered_while_a_run_goes_on_until_it_is_cancelled(
    engine: Any, text_file: Path, tmp_path: Path
) -> None:
    engine.send(m.Submit(1, running(text_file, tmp_path / "m", steps=10**6, sample_prompt="")))
    while True:
        assert engine.poll(30)
        message = engine.recv()
        if isinstance(message, m.Event) and isinstance(message.body, m.TrainingPoints):
            break
    for job, request in enumerate((m.Tokenize(TEXT), m.Attend(TEXT), m.Project(), m.Generate(TEXT, tokens=3)), start=2):
        engine.send(m.Submit(job, request))
        mine = [message for message in until_ended(engine, job) if message.job == job]
        assert len(mine) >= 2
        assert mine[-1] == m.Ended(job, "done")
    engine.send(m.Submit(9, m.Attend(TEXT)))
    engine.send(m.Cancel(9))
    ended = [message for message in until_ended(engine, 9) if isinstance(message, m.Ended)]
    assert [end.job for end in ended] == [9]
    engine.send(m.Cancel(1))
    assert until_ended(engine, 1)[-1] == m.Ended(1, "cancelled")
    assert len(losses_of(tmp_path / "m")) >= 1
    engine.send(m.Submit(10, m.ReadRun(str(tmp_path / "m"))))
    assert until_ended(engine, 10)[-1].outcome == "done"


def test_a_run_is_saved_when_the_window_goes_away(text_file: Path, tmp_path: Path) -> None:
    ours, theirs = Pipe()
    thread = threading.Thread(target=serve, args=(theirs, make_handlers()))
    thread.start()
    ours.send(m.Submit(1, running(text_file, tmp_path / "m", steps=10**6)))
    told = 0
    while not told:
        assert ours.poll(30)
        message = ours.recv()
        if isinstance(message, m.Event) and isinstance(message.body, m.TrainingPoints):
            told = int(message.body.steps[-1])
    ours.close()
    thread.join(30)
    theirs.close()
    assert not thread.is_alive()
    assert max(losses_of(tmp_path / "m")) >= told
    load_model(tmp_path / "m")


@dataclasses.dataclass(frozen=True)
class Hold:
    """A job that does nothing until it is closed, and then may find that it cannot save."""

    name: str
    fails: bool


def test_a_job_that_cannot_save_when_it_is_cancelled_says_so_in_words() -> None:
    closed: list[str] = []
    with held(closed) as engine:
        hold(engine, 1, Hold("a", fails=True))
        engine.send(m.Cancel(1))
        assert until_ended(engine, 1) == [m.Ended(1, "failed", "error.not_written", {"file": "a", "reason": "full"})]
    assert closed == ["a"]


def test_a_job_that_cannot_save_at_the_end_does_not_keep_others_from_it() -> None:
    closed: list[str] = []
    with held(closed) as engine:
        for job, (name, fails) in enumerate((("a", False), ("b", True), ("c", False)), start=1):
            hold(engine, job, Hold(name, fails))
    assert sorted(closed) == ["a", "b", "c"]


def hold(engine: Any, job: int, request: Hold) -> None:
    """Until it has begun: what never began has nothing to save."""
    engine.send(m.Submit(job, request))
    assert engine.poll(30)
    assert engine.recv() == m.Event(job, request.name)


class held:
    """A loop of Hold jobs in a thread."""

    def __init__(self, closed: list[str]) -> None:
        self.closed = closed

    def _hold(self, request: Hold) -> Iterator[object]:
        try:
            yield request.name
            while True:
                yield IDLE
        finally:
            self.closed.append(request.name)
            if request.fails:
                raise EngineError("error.not_written", file=request.name, reason="full")

    def __enter__(self) -> Any:
        self.ours, self.theirs = Pipe()
        self.thread = threading.Thread(target=serve, args=(self.theirs, {Hold: self._hold}))
        self.thread.start()
        return self.ours

    def __exit__(self, *_: object) -> None:
        self.ours.send(m.Quit())
        self.thread.join(10)
        self.ours.close()
        self.theirs.close()
        assert not self.thread.is_alive()


def test_a_run_that_learned_nothing_yet_can_be_read(text_file: Path, tmp_path: Path) -> None:
    session = Session()
    run = training.train(session, running(text_file, tmp_path / "m"))
    while not isinstance(next(run), m.TrainingStarted):
        pass
    run.close()
    started, *rest = ask(session, m.ReadRun(str(tmp_path / "m")))
    assert rest == []
    assert started.references["uniform"] == pytest.approx(math.log(started.vocabulary))
    [listed] = ask(session, m.ListRuns(str(tmp_path)))
    assert (listed.steps, listed.finished) == (0, False)
    assert math.isnan(listed.validation_loss)


def test_a_text_is_looked_at_before_anything_is_opened(text_file: Path) -> None:
    [info] = ask(Session(), m.InspectText((str(text_file),)))
    assert (info.name, info.characters, info.encoding) == ("story.txt", len(SENTENCES * 60), "utf-8")
    [presets] = ask(Session(), m.ListPresets(info.characters))
    assert list(presets.settings) == ["30s", "5m", "overnight"]
