"""The progress of a forward pass: reported layer by layer, and computed with one state of the weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.messages.attention import Attend, AttendHead, ExplainAttention
from engine.messages.envelope import Request
from engine.messages.generation import Candidates, PredictNext
from engine.messages.map import TraceForward
from engine.messages.status import LayersDone, Progress
from engine.messages.texts import AssessText
from engine.service import attention, generation, layers
from engine.service.session import Session
from engine.training.evaluation import losses
from tests.engine.sessions import ask, start

TEXT = "the cat sat on the mat"
PASSES = [TraceForward(TEXT), AttendHead(TEXT, 1, 0), ExplainAttention(TEXT, 1, 3)]


@pytest.fixture
def session(model_folder: Path) -> Session:
    session = Session()
    session.open(model_folder)
    return session


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (layers, attention):
        monkeypatch.setattr(module, "REPORT_SECONDS", 0.0)  # as if each layer took long


def train(session: Session) -> None:
    """Mark the open model as one in training."""
    session.opened.info = replace(session.opened.info, training=True)


@pytest.mark.parametrize("request_", PASSES, ids=lambda request: type(request).__name__)
def test_a_long_pass_reports_every_layer_before_its_answer(session: Session, request_: Request[Any]) -> None:
    answers = list(start(session, request_))
    assert answers[:-1] == [LayersDone(1, 2), LayersDone(2, 2)]
    assert not isinstance(answers[-1], LayersDone)


def test_the_layers_of_attention_are_counted_as_they_come(session: Session) -> None:
    answers = list(start(session, Attend(TEXT)))
    assert [answer for answer in answers if isinstance(answer, LayersDone)] == [LayersDone(1, 2), LayersDone(2, 2)]


@pytest.mark.parametrize("request_", PASSES, ids=lambda request: type(request).__name__)
def test_a_pass_through_a_model_in_training_is_not_interrupted(session: Session, request_: Request[Any]) -> None:
    train(session)
    assert len(list(start(session, request_))) == 1


def test_the_attention_of_all_layers_of_a_model_in_training_has_the_same_weights(session: Session) -> None:
    expected = [layer.weights for layer in ask(session, Attend(TEXT))]
    train(session)
    job = start(session, Attend(TEXT))
    shown = [next(job).weights]
    with torch.no_grad():  # as a training step between two layers does
        for parameter in session.opened.model.parameters():
            parameter.mul_(3)
    later = [layer.weights for layer in job if not isinstance(layer, LayersDone)]
    assert np.array_equal([*shown, *later], expected)


def test_a_long_prompt_is_read_in_parts_and_its_candidates_are_those_of_one_pass(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    [*_, whole] = ask(session, PredictNext(TEXT))
    session.opened.reader.forget()
    monkeypatch.setattr(generation, "READ_AT_ONCE", 2)
    answers = ask(session, PredictNext(TEXT))
    progress = [event.fraction or 0 for event in answers if isinstance(event, Progress)]
    assert len(progress) > 1
    assert progress == sorted(progress)
    assert isinstance(answers[-1], Candidates)
    assert np.allclose(answers[-1].probabilities, whole.probabilities, atol=1e-5)


def test_a_text_is_assessed_by_its_mean_surprisal_and_lets_other_jobs_run(session: Session) -> None:
    opened = session.opened
    ids = np.array(opened.ids_of(TEXT), np.int64)[None]
    ((total, count),) = losses(opened.model, ids[:, :-1], ids[:, 1:])
    answers = list(start(session, AssessText(TEXT)))
    assert answers[0] is None
    assert answers[-1].loss == pytest.approx(total / count, rel=1e-5)
