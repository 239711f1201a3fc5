"""Scores of a text: equal to transformers and to `evaluate`; the probability of a word."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from engine.cli.main import main
from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.generation.words import score_word
from engine.inspection import scoring
from engine.inspection.scoring import Scores, score
from engine.messages.models import ChangeModel, Scaled
from engine.messages.scoring import Expect, Expected, ScoredTokens, ScoreText
from engine.messages.status import Progress
from engine.model.opening import load_transformer
from engine.service.session import Session
from engine.training.evaluation import evaluate
from tests.engine.hf_models import model_of, saved, some_ids
from tests.engine.sessions import ask, start

TEXT = "the cat sat on the log. 猫は家で暮らしている。🙂 the dog sat on the mat.\n" * 2


def scored(session: Session, text: str) -> list[ScoredTokens]:
    return [answer for answer in ask(session, ScoreText(text)) if isinstance(answer, ScoredTokens)]


def column(parts: list[ScoredTokens], name: str) -> np.ndarray:
    return np.concatenate([getattr(part, name) for part in parts])


def expected(session: Session, text: str, place: int, word: str = "") -> Expected:
    [answer] = ask(session, Expect(text, place, word))
    assert isinstance(answer, Expected)
    return answer


def arrays(model: object, ids: list[int]) -> Scores:
    parts = [part for part in score(model, ids) if isinstance(part, Scores)]  # type: ignore[arg-type]
    return Scores(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("surprisals", "ranks", "entropies")))


@pytest.mark.parametrize("kind", ["Llama", "GPTNeoX", "Gemma2", "Qwen3"])
def test_scores_are_those_of_transformers(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "LOGITS_AT_ONCE", 7 * 500)  # seven tokens at a time
    theirs = saved(model_of(kind), tmp_path)
    ids = some_ids(60)
    with torch.no_grad():
        output = theirs(ids, labels=ids)
    log_p = output.logits[0, :-1].double().log_softmax(-1)
    found = arrays(load_transformer(tmp_path), ids[0].tolist())
    surprisals = -log_p[range(59), ids[0, 1:]].numpy()
    assert found.surprisals == pytest.approx(surprisals, abs=1e-4)
    assert found.surprisals.mean() == pytest.approx(output.loss.item(), abs=1e-4)
    assert found.entropies == pytest.approx(-(log_p.exp() * log_p).sum(-1).numpy(), abs=1e-4)
    assert found.ranks.tolist() == [1 + int((row > row[t]).sum()) for row, t in zip(log_p, ids[0, 1:], strict=True)]


def test_the_mean_surprisal_of_a_text_longer_than_the_context_is_the_loss_of_evaluate(session: Session) -> None:
    opened = session.opened
    assert len(opened.ids_of(TEXT)) > 3 * opened.model.config.context
    *_, last = evaluate(opened.model, opened.tokenizer, TEXT)
    surprisals = column(scored(session, TEXT), "surprisals")
    assert len(surprisals) == len(opened.ids_of(TEXT))
    assert np.isnan(surprisals[0])
    assert np.nanmean(surprisals) == pytest.approx(last["loss"], abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(text=st.text(min_size=1, max_size=60))
def test_the_texts_of_the_tokens_are_the_text(model_folder: Path, text: str) -> None:
    session = Session()
    session.open(model_folder)
    parts = scored(session, text)
    clean = text.encode("utf-8", "replace").decode()
    assert "".join(t for part in parts for t in part.texts) == clean
    assert {part.total for part in parts} == {sum(len(part.ids) for part in parts)}


def test_the_rank_and_probability_of_a_token_are_those_of_the_candidates_at_its_place(session: Session) -> None:
    parts = scored(session, TEXT)
    ids, ranks, surprisals, entropies = (column(parts, n) for n in ("ids", "ranks", "surprisals", "entropies"))
    context = session.opened.model.config.context
    for place in (1, 5, context, context + 1, len(ids) - 1):
        shown = expected(session, TEXT, place).candidates
        assert shown.entropy == pytest.approx(entropies[place], abs=1e-4)
        if ranks[place] <= len(shown.ids):
            assert shown.ids[ranks[place] - 1] == ids[place]
            assert shown.probabilities[0, ranks[place] - 1] == pytest.approx(math.exp(-surprisals[place]), abs=1e-5)


def test_interventions_change_the_scores(session: Session) -> None:
    before = column(scored(session, TEXT), "surprisals")
    ask(session, ChangeModel((Scaled(0, None),)))
    assert not np.allclose(column(scored(session, TEXT), "surprisals")[1:], before[1:], atol=1e-3)
    ask(session, ChangeModel(()))
    assert column(scored(session, TEXT), "surprisals")[1:] == pytest.approx(before[1:])


def test_a_single_token_has_no_prediction_and_an_empty_text_is_refused(session: Session) -> None:
    [part] = scored(session, "t")
    assert (part.total, part.ranks.tolist()) == (1, [0])
    with pytest.raises(EngineError, match="text_too_short"):
        ask(session, ScoreText(""))


def test_progress_is_reported_and_scoring_ends_when_another_model_is_opened(
    session: Session, model_folder: Path
) -> None:
    answers = start(session, ScoreText(TEXT))
    assert isinstance(next(answers), ScoredTokens)
    progress = next(answers)
    assert isinstance(progress, Progress)
    assert progress.fraction is not None
    assert 0 < progress.fraction < 1
    session.open(model_folder)
    assert list(answers) == []


def test_damaged_weights_are_reported(session: Session) -> None:
    with torch.no_grad():
        dict(session.opened.model.named_parameters())["blocks.0.mlp.up.weight"][0, 0] = math.nan
    with pytest.raises(EngineError, match="logits_broken"):
        ask(session, ScoreText(TEXT))


# --- Words ------------------------------------------------------------------------------------------


def test_a_word_of_several_tokens_has_the_product_of_their_probabilities(session: Session) -> None:
    opened, text = session.opened, "the cat"
    word = expected(session, text, len(opened.ids_of(text)), " zebra").word
    assert word is not None
    assert len(word.pieces) > 1
    parts = scored(session, text + " zebra")
    added = column(parts, "surprisals")[-len(word.pieces) :]
    assert word.probability == pytest.approx(math.exp(-added.sum()), rel=1e-3)
    assert word.rank == column(parts, "ranks")[-len(word.pieces)]


def test_a_word_is_taken_after_a_space_where_that_is_likelier(session: Session) -> None:
    opened, text = session.opened, "the cat"
    place = len(opened.ids_of(text))
    word = expected(session, text, place, "sat").word
    assert word is not None
    assert word.form == " sat"
    assert word == expected(session, text, place, " sat").word
    after_space = expected(session, "the cat ", len(opened.ids_of("the cat ")), "sat").word
    assert after_space is not None
    assert after_space.form == "sat"


def test_a_word_that_fills_the_context_is_scored(session: Session) -> None:
    word = expected(session, TEXT, len(session.opened.ids_of(TEXT)), "z" * 40).word
    assert word is not None
    assert 0 <= word.probability < 1e-6


def test_an_empty_word_is_refused(session: Session) -> None:
    with pytest.raises(EngineError, match="word_empty"):
        score_word(Reader(session.opened.model), session.opened.tokenizer, "a", [97], "")


# --- The command ------------------------------------------------------------------------------------


def test_the_command_prints_tokens_and_words(model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(model_folder), "the cat sat", "--word", "on", "--word", "zebra", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    first, *rest = result["tokens"]
    assert [first[name] for name in ("probability", "rank", "entropy")] == [None, None, None]
    assert all(0 < token["probability"] <= 1 and token["rank"] >= 1 and token["entropy"] >= 0 for token in rest)
    assert [word["word"] for word in result["words"]] == ["on", "zebra"]
    assert result["words"][0]["probability"] > result["words"][1]["probability"]
    assert result["perplexity"] == pytest.approx(math.exp(result["loss"]))


def test_the_command_without_json_prints_a_line_for_each_token_and_word(
    model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(model_folder), "abc", "--word", "cat"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "'a'"
    assert lines[-1].startswith("' cat'") or lines[-1].startswith("'cat'")
    assert "#" in lines[-1]


def test_the_command_refuses_an_empty_text_and_an_empty_word(
    model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(model_folder), ""]) == 1
    assert main(["score", str(model_folder), "a", "--word", ""]) == 1
    assert "empty" in capsys.readouterr().err
