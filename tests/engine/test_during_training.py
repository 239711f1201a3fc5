"""What is shown of a model in training belongs to the weights of one step, however many answers there are."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from engine.messages.attribution import AttributeText
from engine.messages.desk import Measure, RankParts, Rewrite
from engine.messages.envelope import Request
from engine.messages.neurons import ReadHead, ReadNeuron, ScanLayer
from engine.messages.origin import FindNear, FindOrigin
from engine.messages.precision import TryPrecisions
from engine.messages.status import LayersDone, Progress
from engine.messages.steering import Steer
from engine.model.opening import BUILTIN
from engine.service.answer import Idle
from engine.service.session import Session
from engine.text.world.stream import stream
from tests.engine.sessions import start

TEXT = "The capital of France is"
pytestmark = pytest.mark.usefixtures("one_thread")


def of_a_text(make: Callable[..., Request[Any]], *values: object) -> Callable[[str], Request[Any]]:
    return lambda path: make(*values, paths=(path,))


REQUESTS: dict[str, Callable[[str], Request[Any]]] = {
    "attribution": lambda _: AttributeText(TEXT),
    "head": of_a_text(ReadHead, 3, 0),
    "layer": of_a_text(ScanLayer, 3),
    "meters": of_a_text(Measure, TEXT, ("text", "pronoun", "corpus")),
    "near passages": of_a_text(FindNear, TEXT),
    "neuron": of_a_text(ReadNeuron, 3, 5),
    "parts": lambda _: RankParts(TEXT),
    "precision": lambda _: TryPrecisions(TEXT, (32, 4), 6),
    "steering": lambda _: Steer(TEXT, ("I am happy", "I like it"), ("I am sad", "I hate it"), 1, (0.0, 1.0), 6),
    "texts": lambda _: Rewrite(TEXT, 8),
}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("text") / "world.txt"
    path.write_text("".join(stream(0.01, 7)), "utf-8")
    return str(path)


def answers(request: Request[Any], between: Callable[[Session], None]) -> list[Any]:
    """Return the answers of the built-in model, as if it were in training; `between` runs at each yield."""
    session, found = Session(), []
    session.open(BUILTIN)
    if paths := getattr(request, "paths", ()):
        list(start(session, FindOrigin(TEXT, paths)))  # reads the text, which does not depend on the weights
    session.opened.info = replace(session.opened.info, training=True)
    for answer in start(session, request):
        if not isinstance(answer, Progress | LayersDone | Idle | None):
            found.append(answer)
        between(session)
    return found


@torch.no_grad()
def step(session: Session) -> None:
    """Change the weights as a training step does."""
    session.opened.model.unembedding.weight.mul_(-0.5)
    session.opened.model.get_parameter("blocks.0.mlp.down.weight").mul_(0.5)
    session.weights_changed()


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@pytest.mark.parametrize("name", REQUESTS)
def test_all_answers_belong_to_one_step(name: str, text: str) -> None:
    request = REQUESTS[name](text)
    expected, found = answers(request, lambda _: None), answers(request, step)
    assert expected
    assert len(found) == len(expected)
    assert all(map(same, found, expected))
