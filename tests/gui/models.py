"""Four models against which the sentences of the panes are held, the same ones in all tests."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.errors import EngineError
from engine.messages.training import TrainingSettings
from engine.model.bundled import find
from engine.model.checkpoint import save_model
from engine.model.config import ModelConfig
from engine.model.opening import BUILTIN
from engine.service.session import Session
from engine.text.tokenizer import train_characters
from engine.training.run import Run
from tests.engine.test_model import random_model

SENTENCES = "the cat sat on the mat. the dog sat on the log. "
SMALL = TrainingSettings(vocabulary=330, layers=2, heads=2, width=32, context=64, batch=4, steps=30, seconds=None)
TEXT = "The cat sat on the mat. The capital of France is"


def random_folder(folder: Path) -> Path:
    tokenizer = train_characters([TEXT * 2])
    model = random_model(ModelConfig(vocabulary=tokenizer.vocabulary, context=128, head_width=8))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.05)
    folder.mkdir()
    save_model(folder, model, tokenizer, 0)
    return folder


def trained_folder(folder: Path, steps: int = 30) -> Path:
    text = folder.parent / "story.txt"
    text.write_text(SENTENCES * 60, "utf-8")
    run = Run.start([str(text)], folder, replace(SMALL, steps=steps))
    list(run.prepare())
    list(run.steps())
    return folder


FOLDERS: dict[str, Callable[[Path], Path]] = {
    "built-in": lambda _: BUILTIN,
    "smollm2": lambda _: find("smollm2"),
    "trained": trained_folder,
    "random": random_folder,
}


@pytest.fixture(scope="module", params=FOLDERS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    opened = Session()
    try:
        opened.open(FOLDERS[request.param](tmp_path_factory.mktemp("models") / "model"))
    except EngineError:
        pytest.skip("the package with this model is not installed")
    return opened
