"""SmolLM2, the model that comes with Nakami in a package of its own, and GGUF files on the command line."""

import json
import math
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from engine.cli.main import main
from engine.errors import EngineError
from engine.messages.models import ModelInfo, OpenModel
from engine.messages.status import Notice, Progress
from engine.model.bundled import PACKAGE, find
from engine.model.opening import load_model
from engine.retrieval.prompts import Chat, style_for
from engine.service.models import open_model
from engine.service.session import Session
from engine.training.evaluation import evaluate
from tests.engine.gguf_damage import small_gguf

TEXT = (
    "Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, "
    "and dedicated to the proposition that all men are created equal. Now we are engaged in a great civil war, testing "
    "whether that nation, or any nation so conceived and so dedicated, can long endure.\n\nThe kettle had boiled twice "
    'before Anna remembered it: 2 cups, 350 ml of water, and no tea left in the tin. "Then coffee," she said, and '
    "laughed.\n"
)
LOSS = 3.245361  # nats a token, of transformers 5.24 in float32 from the same file


@pytest.fixture(scope="module")
def bundled() -> Path:
    try:
        return find("smollm2")
    except EngineError:
        pytest.skip(f"{PACKAGE} is not installed")


def test_smollm2_knows_the_capital_of_france(bundled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--prompt", "The capital of France is", "--tokens", "1", "--temperature", "0"]
    assert main(["generate", "smollm2", *arguments]) == 0
    assert capsys.readouterr().out == " Paris\n"


def test_smollm2_is_described_and_its_package_is_not_imported(
    bundled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["open", str(bundled), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["family"], info["layers"], info["heads"], info["vocabulary"]) == ("llama", 30, 9, 49_152)
    assert info["parameters"] == 134_515_008
    assert info["unused"] == []
    assert PACKAGE.replace("-", "_") not in sys.modules


def test_the_perplexity_of_smollm2_is_that_of_transformers(bundled: Path) -> None:
    *_, result = evaluate(*load_model(bundled), TEXT)
    assert result["tokens"] == 104
    assert math.exp(result["loss"] - LOSS) == pytest.approx(1.0, abs=0.001)


def test_smollm2_is_asked_in_its_chat_template(bundled: Path) -> None:
    style = style_for(bundled)
    assert isinstance(style, Chat)
    assert "<|im_start|>user" in style("Where is the fox?", ["The fox is in the forest."])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("engine.model.bundled.files", missing)
    assert main(["open", "smollm2"]) == 1
    assert PACKAGE in capsys.readouterr().err
    assert find("some/folder") == Path("some/folder")


def test_a_folder_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "smollm2").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find("smollm2") == Path("smollm2")


def test_every_command_takes_a_gguf_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, text = str(tmp_path / "model.gguf"), tmp_path / "text.txt"
    small_gguf(tmp_path / "model.gguf")
    text.write_text("the text that is evaluated, the " * 20)
    for command in (
        ["open", path],
        ["generate", path, "--prompt", "the", "--tokens", "3"],
        ["tokenize", path, "the"],
        ["evaluate", path, str(text)],
        ["logits", path, "--ids", "1,2,3", "--out", str(tmp_path / "logits.npz")],
        ["attend", path, "the text", "--out", str(tmp_path / "weights.npz")],
        ["ablate", path, "the text", "--off", "0.1"],
    ):
        assert main(command) == 0, command
    capsys.readouterr()
    assert np.load(tmp_path / "logits.npz")["logits"].shape == (3, 258)
    assert np.load(tmp_path / "weights.npz")["weights"].shape == (2, 2, 7, 7)


def test_the_engine_opens_a_gguf_file_with_progress(tmp_path: Path) -> None:
    small_gguf(tmp_path / "model.gguf")
    session = Session()
    answers = [answer for answer in open_model(session, OpenModel(str(tmp_path / "model.gguf"))) if answer is not None]
    assert isinstance(answers[0], Notice)
    assert isinstance(answers[1], Progress)
    assert isinstance(answers[-1], ModelInfo)
    assert answers[-1].name == "model"
    assert session.opened.ids_of("the")
