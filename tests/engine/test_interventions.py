"""Interventions in the open model: every request runs the changed model, and the same numbers come back after them."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.messages.attention import Attend, AttendHead, ExplainAttention, ScoreHeads
from engine.messages.embeddings import TracePaths
from engine.messages.envelope import Request
from engine.messages.generation import Generate, PredictNext, SamplingSettings
from engine.messages.map import TraceForward
from engine.messages.models import ChangeModel, Intervention, MeanAblated, ModelChanged, OpenModel, Scaled
from engine.messages.search import PromptPart
from engine.messages.texts import AssessText
from engine.model.tape import Tape
from engine.retrieval.answering import attention_to_parts, write
from engine.retrieval.prompts import Plain, Prompt
from engine.service.session import Session
from tests.engine.sessions import ask

TEXT = "the cat sat on the mat."
OFF = (Scaled(0, 1), Scaled(0, None))
WARM = SamplingSettings(temperature=1.0)
RUNS_THE_MODEL: list[Request[Any]] = [
    Attend(TEXT),
    AttendHead(TEXT, 1, 0),
    ExplainAttention(TEXT, 1, 3),
    ScoreHeads(),
    TracePaths(TEXT),
    TraceForward(TEXT),
    PredictNext(TEXT),
    Generate(TEXT, tokens=6, sampling=WARM),
    AssessText(TEXT),
]
pytestmark = pytest.mark.usefixtures("one_thread")


def numbers(value: object) -> Iterator[float]:
    """Yield every floating-point number in a message, except measured times."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        yield from value.astype(float).ravel()
    elif isinstance(value, float):
        yield value
    elif isinstance(value, tuple | list):
        for entry in value:
            yield from numbers(entry)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.name != "tokens_per_second":
                yield from numbers(getattr(value, field.name))


def answer(session: Session, request: Request[Any]) -> list[float]:
    return list(numbers(ask(session, request)))


def same(a: list[float], b: list[float]) -> bool:
    return len(a) == len(b) and np.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("request_", RUNS_THE_MODEL, ids=lambda request: type(request).__name__)
def test_every_request_runs_the_model_with_its_interventions(session: Session, request_: Request[Any]) -> None:
    before = answer(session, request_)
    assert before
    assert ask(session, ChangeModel(OFF)) == [ModelChanged(OFF)]
    assert not same(answer(session, request_), before)
    ask(session, ChangeModel((Scaled(0, 1, 1.0), Scaled(1, None, 1.0))))
    assert answer(session, request_) == before
    ask(session, ChangeModel())
    assert answer(session, request_) == before


def test_answers_from_documents_are_written_and_traced_with_the_interventions(session: Session) -> None:
    opened = session.opened
    made = Prompt("the cat: ", opened.tokenizer.encode("the cat: "), [PromptPart(0, 7, 0)], [])
    answer = opened.tokenizer.encode("the cat")

    def values() -> list[float]:
        changes = opened.reader.changes
        parts = attention_to_parts(opened.model, opened.tokenizer, made, answer, 1, changes)
        written = write(opened.reader, opened.tokenizer, made, 3, Plain(3))
        return [*parts.ravel().tolist(), *(step.probability for step in written if step is not None)]

    before = values()
    ask(session, ChangeModel(OFF))
    assert not same(values(), before)
    ask(session, ChangeModel())
    assert values() == before


def recorded(session: Session, name: str) -> torch.Tensor:
    opened = session.opened
    tape = Tape([name], changes=opened.changes)
    opened.model.record(torch.tensor([opened.tokenizer.encode(TEXT)]), tape)
    return tape[name][0]


def test_only_the_scaled_head_changes(session: Session) -> None:
    before = recorded(session, "blocks.0.attn.result")
    ask(session, ChangeModel((Scaled(0, 1, 0.25),)))
    after = recorded(session, "blocks.0.attn.result")
    assert torch.allclose(after[:, 1], 0.25 * before[:, 1], atol=1e-6)
    assert torch.equal(after[:, 0], before[:, 0])


@pytest.mark.parametrize(("head", "name"), [(1, "blocks.0.attn.z"), (None, "blocks.0.mlp_out")])
def test_mean_ablation_uses_the_mean_over_the_tokens_of_its_text(session: Session, head: int | None, name: str) -> None:
    other = "the dog sat on the log."
    ids = session.opened.tokenizer.encode(other)
    tape = Tape([name])
    session.opened.model.record(torch.tensor([ids[-session.opened.model.config.context :]]), tape)
    mean = tape[name][0].mean(dim=0)
    ask(session, ChangeModel((MeanAblated(0, head, other),)))
    found = recorded(session, name)
    found, mean = (found, mean) if head is None else (found[:, head], mean[head])
    assert torch.allclose(found, mean.expand_as(found), atol=1e-6)


def test_several_interventions_in_one_layer_are_made_together(session: Session) -> None:
    ask(session, ChangeModel((Scaled(0, 0), Scaled(0, 1, 0.5), Scaled(0, 1, 0.5))))
    found = recorded(session, "blocks.0.attn.z")
    ask(session, ChangeModel())
    before = recorded(session, "blocks.0.attn.z")
    assert (found[:, 0] == 0).all()
    assert torch.allclose(found[:, 1], 0.25 * before[:, 1], atol=1e-6)


def test_new_weights_give_a_new_mean(session: Session) -> None:
    ask(session, ChangeModel((MeanAblated(0, 1, TEXT),)))
    before = recorded(session, "blocks.0.attn.z")[0, 1].clone()
    with torch.no_grad():
        session.opened.model.embedding.weight.mul_(torch.linspace(0.5, 2.0, 32))
    session.weights_changed()
    assert not torch.allclose(recorded(session, "blocks.0.attn.z")[0, 1], before, atol=1e-4)


def test_another_model_is_opened_without_interventions(session: Session, model_folder: Path) -> None:
    before = answer(session, PredictNext(TEXT))
    ask(session, ChangeModel(OFF))
    ask(session, OpenModel(str(model_folder)))
    assert session.opened.interventions == ()
    assert answer(session, PredictNext(TEXT)) == before


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (Scaled(2, 0), "error.config_range"),
        (Scaled(-1, None), "error.config_range"),
        (Scaled(0, 2), "error.config_range"),
        (MeanAblated(0, 0, ""), "error.text_too_short"),
    ],
)
def test_an_intervention_outside_the_model_is_refused_and_the_old_ones_stay(
    session: Session, wrong: Intervention, key: str
) -> None:
    ask(session, ChangeModel(OFF))
    with pytest.raises(EngineError) as raised:
        ask(session, ChangeModel((Scaled(0, 0), wrong)))
    assert raised.value.key == key
    assert session.opened.interventions == OFF
