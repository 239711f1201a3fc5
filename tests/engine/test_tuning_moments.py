"""Going back to a moment of a run of fine-tuning, and saving a tuned model as it is now."""

from pathlib import Path

import pytest
import torch

from engine.errors import EngineError
from engine.messages.comparing import Pin
from engine.messages.models import OpenModel
from engine.messages.moments import AnswerQuestions, ListMoments, Moments, ReturnTo, SaveTuned
from engine.messages.tuning import Pair, ScaleAdaptation, StationAnswers, TuneOnPairs, TuningSettings
from engine.model.lora import adapted, merged_state
from engine.model.opening import load_model
from engine.model.transformer import Transformer
from engine.service.session import Session
from engine.tuning import moments
from tests.engine.sessions import ask, start

PAIRS = tuple(Pair(f"cat {n}", "sat") for n in range(8))


@pytest.fixture
def session(model_folder: Path) -> Session:
    made = Session()
    ask(made, OpenModel(str(model_folder)))
    return made


def tune(folder: Path, lora: int = 0) -> TuneOnPairs:
    return TuneOnPairs(PAIRS, str(folder), TuningSettings(steps=4, batch=2, lora=lora), ("cat",))


def weights(session: Session) -> torch.Tensor:
    """Return all weights of the open model, merged."""
    return all_of(session.opened.model)


def all_of(model: Transformer) -> torch.Tensor:
    return torch.cat([tensor.flatten() for _, tensor in sorted(merged_state(model).items())]).clone()


@pytest.mark.parametrize("lora", [0, 2])
def test_the_model_goes_back_to_a_moment_and_forward_again(session: Session, tmp_path: Path, lora: int) -> None:
    before = weights(session)
    ask(session, tune(tmp_path / "tuned", lora))
    after = weights(session)
    assert not torch.equal(before, after)
    [found] = ask(session, ListMoments())
    assert (found.steps[0], found.steps[-1]) == (0, 4)
    [there] = ask(session, ReturnTo(0))
    assert there == Moments(found.steps, 0)
    assert torch.equal(weights(session), before)
    saved, _ = load_model(tmp_path / "tuned")
    assert torch.equal(all_of(saved), before)
    assert ask(session, ListMoments()) == [there]
    assert ask(session, SaveTuned())[0].step == 0
    ask(session, ReturnTo(4))
    assert torch.equal(weights(session), after)


def test_answers_at_a_moment_are_those_that_the_run_reported(session: Session, tmp_path: Path) -> None:
    reported = [event for event in ask(session, tune(tmp_path / "tuned")) if isinstance(event, StationAnswers)]
    for answers in (reported[0], reported[-1]):
        ask(session, ReturnTo(answers.step))
        [found] = ask(session, AnswerQuestions(("cat",)))
        assert found.texts == answers.texts


def test_a_scaled_adaptation_is_merged_when_it_is_saved(session: Session, tmp_path: Path) -> None:
    ask(session, tune(tmp_path / "tuned", lora=2))
    ask(session, ScaleAdaptation(0.5))
    half = weights(session)
    ask(session, SaveTuned())
    ask(session, OpenModel(str(tmp_path / "tuned")))
    assert torch.equal(weights(session), half)
    assert ask(session, ListMoments())[0].steps == ()  # the thin matrices are gone


def test_a_tuned_model_with_an_adaptation_is_tuned_further(session: Session, tmp_path: Path) -> None:
    ask(session, tune(tmp_path / "first", lora=2))
    first = weights(session)
    ask(session, tune(tmp_path / "second", lora=2))
    assert len(list(adapted(session.opened.model))) > 0
    ask(session, ReturnTo(0))
    assert torch.allclose(weights(session), first, atol=1e-6)


def test_a_moment_that_is_not_kept_is_refused_and_nothing_changes(session: Session, tmp_path: Path) -> None:
    ask(session, tune(tmp_path / "tuned"))
    before = weights(session)
    with pytest.raises(EngineError, match="moment_gone"):
        ask(session, ReturnTo(3333))
    assert torch.equal(weights(session), before)


def test_a_model_that_was_not_tuned_is_not_overwritten(session: Session) -> None:
    assert ask(session, ListMoments())[0].steps == ()
    with pytest.raises(EngineError, match="not_tuned"):
        ask(session, SaveTuned())


def test_a_model_in_tuning_is_not_set_back(session: Session, tmp_path: Path) -> None:
    run = start(session, tune(tmp_path / "tuned"))
    while session.run is None:
        next(run)
    for request in (ReturnTo(0), SaveTuned()):
        with pytest.raises(EngineError, match="run_in_progress"):
            ask(session, request)
    run.close()


def test_no_more_moments_are_kept_than_there_is_room_for(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "MOST_BYTES", 0)
    ask(session, tune(tmp_path / "tuned"))
    assert ask(session, ListMoments())[0].steps == ()


def test_going_back_leaves_the_pinned_model_as_it_is(session: Session, tmp_path: Path) -> None:
    ask(session, tune(tmp_path / "tuned"))
    after = weights(session)
    ask(session, Pin())
    ask(session, ReturnTo(0))
    assert torch.equal(all_of(session.side(pinned=True).model), after)
