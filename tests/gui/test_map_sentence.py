"""The sentence of the Map: every number in it is one of the pass that is shown."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.messages.generation import SamplingSettings
from engine.messages.map import ForwardTrace, TraceForward
from engine.model.bundled import is_installed
from engine.model.config import ModelConfig
from engine.model.transformer import Transformer
from engine.service.session import Session
from engine.text.tokenizer import train_characters
from gui import i18n
from gui.panes.map.sentence import sentence
from gui.samples import BUILTIN
from tests.engine.sessions import ask

TEXTS = ("The fox is in the forest. The fox is", "The capital of France is", "ウサギは", "a")
DRAWS = (SamplingSettings(), SamplingSettings(temperature=0.0), SamplingSettings(temperature=2.0))


def random_model() -> Session:
    torch.manual_seed(1)
    tokenizer = train_characters(["".join(TEXTS)])
    config = ModelConfig(tokenizer.vocabulary, 3, 2, 2, width=16, head_width=8, mlp_width=32, context=64)
    model = Transformer(config)
    session = Session()
    session._set(model, tokenizer, info_of(model))
    return session


def info_of(model: Transformer):  # type: ignore[no-untyped-def]
    from tests.gui.fakes import model as info

    return replace(info(), layers=model.config.n_layers, vocabulary=model.config.vocabulary)


def sessions() -> list[object]:
    return ["random", pytest.param("builtin", marks=pytest.mark.skipif(not BUILTIN.is_dir(), reason="not there")), "smollm2"]


@pytest.fixture(params=["random", "builtin", "smollm2", "trained"], scope="module")
def session(request: pytest.FixtureRequest) -> Session:
    if request.param == "random":
        return random_model()
    opened = Session()
    if request.param == "smollm2":
        if not is_installed():
            pytest.skip("SmolLM2 is not installed")
        opened.open(Path("smollm2"))
    else:
        opened.open(BUILTIN if request.param == "builtin" else request.getfixturevalue("model_folder"))
    return opened
