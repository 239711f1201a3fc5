"""Where a model computes. Other devices than the CPU are simulated: "meta" has tensors without numbers."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from engine.errors import EngineError
from engine.messages.ablation import Ablate
from engine.messages.attention import Attend, AttendHead, ExplainAttention, ScoreHeads
from engine.messages.embeddings import FindAnalogy, LookUp, Project, TracePaths
from engine.messages.envelope import Request
from engine.messages.generation import Generate, PredictNext
from engine.messages.map import TraceForward
from engine.messages.models import ChangeModel, MeanAblated, OpenModel, Scaled
from engine.messages.scoring import Expect, ScoreText
from engine.messages.status import Notice
from engine.model import devices
from engine.model.config import ModelConfig
from engine.model.opening import BUILTIN
from engine.model.single_token import SingleToken
from engine.model.transformer import Transformer
from engine.service.handlers import on_the_cpu_if_full
from engine.service.session import Session
from tests.engine.sessions import ask

TEXT = "The fox sees the dog."
REQUESTS: list[Request[Any]] = [
    Attend(TEXT),
    AttendHead(TEXT, 0, 1),
    ExplainAttention(TEXT, 1, 3),
    ScoreHeads(),
    Project(most=50),
    TracePaths(TEXT),
    LookUp(20),
    FindAnalogy("king", "man", "woman"),
    TraceForward(TEXT),
    Generate(TEXT, tokens=3),
    PredictNext(TEXT),
    Ablate(TEXT, (Scaled(0, 0, 0.0),)),
    ScoreText(TEXT),
    Expect(TEXT, 2, "fox"),
    ChangeModel((Scaled(0, 1, 0.5), MeanAblated(1, None, TEXT))),
    Generate(TEXT, tokens=3),
]


def tiny(width: int = 32) -> Transformer:
    return Transformer(ModelConfig(50, 2, 2, 2, width=width, head_width=16, mlp_width=64, context=32))


def test_only_large_models_are_worth_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "best_device", lambda: "cuda")
    assert devices.device_for(tiny().config) == "cpu"
    large = replace(tiny().config, vocabulary=49_152, n_layers=30, width=576, mlp_width=1536)
    assert devices.device_for(large) == "cuda"


def test_a_model_moves_to_a_device_with_room_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny()
    size = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    monkeypatch.setattr(devices, "free_memory", lambda device: size)
    assert devices.place(model, "meta") == "cpu"
    assert model.unembedding.weight.device.type == "cpu"
    monkeypatch.setattr(devices, "free_memory", lambda device: 2 * size)
    assert devices.place(model, "meta") == "meta"
    assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"meta"}


def test_a_model_stays_on_the_cpu_if_moving_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []

    def to(self: Transformer, device: str) -> Transformer:
        moved.append(device)
        if device != "cpu":
            raise torch.OutOfMemoryError
        return self

    monkeypatch.setattr(devices, "free_memory", lambda device: 1 << 40)
    monkeypatch.setattr(Transformer, "to", to)
    assert devices.place(tiny(), "cuda") == "cpu"
    assert moved == ["cuda", "cpu"]


def test_opening_says_that_a_device_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("engine.service.session", "engine.service.models"):
        monkeypatch.setattr(f"{module}.device_for", lambda config: "cuda")
    monkeypatch.setattr("engine.service.session.best_device", lambda: "cuda")
    monkeypatch.setattr(devices, "free_memory", lambda device: 0)
    session = Session()
    events = ask(session, OpenModel(str(BUILTIN)))
    assert Notice("notice.device_small", {"device": "CUDA"}) in events
    assert session.opened.info.device == "cpu"


def test_no_request_makes_tensors_on_another_device_than_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor that is made without naming a device is on "meta" here, and cannot meet the model's on the CPU."""
    monkeypatch.setattr(SingleToken, "can_run", lambda model: False)  # it computes only on the CPU, in numpy
    session = Session()
    session.open(BUILTIN)
    with torch.device("meta"):
        for request in REQUESTS:
            assert ask(session, request), request


def test_a_full_gpu_makes_the_open_model_compute_on_the_cpu() -> None:
    session = Session()
    session.open(BUILTIN)
    session.opened.info = replace(session.opened.info, device="cuda")
    ask(session, ChangeModel((Scaled(0, 0, 0.0),)))

    def answer() -> Any:
        yield 1
        raise torch.OutOfMemoryError

    events = on_the_cpu_if_full(session, answer())
    assert next(events) == 1
    with pytest.raises(EngineError) as raised:
        next(events)
    assert raised.value.key == "error.device_full"
    assert session.opened.info.device == "cpu"
    assert session.opened.interventions == (Scaled(0, 0, 0.0),)
    with pytest.raises(torch.OutOfMemoryError):  # on the CPU it is an error like any other
        list(on_the_cpu_if_full(session, answer()))
