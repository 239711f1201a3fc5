"""Earlier runs: listed, and read back from their logs."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.errors import EngineError
from engine.messages.training import ListRuns, ReadRun, RunSummary, TrainingPoints, TrainingStarted
from engine.service import training
from engine.service.session import Session
from engine.training.recording import last_lines
from tests.engine.conftest import SMALL


def listed(folder: Path) -> list[RunSummary]:
    return [run for run in training.list_runs(Session(), ListRuns(str(folder))) if isinstance(run, RunSummary)]


@pytest.fixture
def run_folder(model_folder: Path, tmp_path: Path) -> Path:
    """Return a copy of the model's folder that a test may change."""
    return Path(shutil.copytree(model_folder, tmp_path / "runs" / "story-1"))


def test_the_list_has_steps_time_and_loss_of_each_run(run_folder: Path) -> None:
    [run] = listed(run_folder.parent)
    log = [json.loads(line) for line in (run_folder / "log.jsonl").read_text().splitlines()]
    assert (run.folder, run.text, run.steps, run.finished) == (str(run_folder), "story.txt", 30, True)
    assert run.validation_loss == [line["validation"] for line in log if "validation" in line][-1]
    assert run.seconds == log[-1]["seconds"]
    config = json.loads((run_folder / "config.json").read_text())
    assert run.parameters > config["vocabulary"] * SMALL.width


def test_the_newest_run_comes_first_and_damaged_ones_are_skipped(run_folder: Path) -> None:
    newer = shutil.copytree(run_folder, run_folder.parent / "story-2")
    (newer / "log.jsonl").write_text('{"step": 3, "loss": 2.0, "seconds": 1.5}\n{"step": 4, "sample": "x"}\n{"ste')
    broken = shutil.copytree(run_folder, run_folder.parent / "broken")
    (broken / "run.json").write_text("{")
    odd = shutil.copytree(run_folder, run_folder.parent / "odd")
    (odd / "run.json").write_text('{"name": "x", "settings": {"nonsense": 1}}')
    (run_folder.parent / "not-a-run").mkdir()
    first, second = listed(run_folder.parent)
    assert (first.folder, first.steps, first.seconds, first.finished) == (str(newer), 3, 1.5, False)
    assert math.isnan(first.validation_loss)
    assert second.folder == str(run_folder)


def test_a_folder_without_runs_is_an_empty_list(tmp_path: Path) -> None:
    assert listed(tmp_path) == []
    assert listed(tmp_path / "nowhere") == []


def test_last_lines_are_the_last_step_and_every_evaluation_before(run_folder: Path) -> None:
    lines = list(last_lines(run_folder))
    assert lines[0]["step"] == 30
    assert all("validation" in line for line in lines[1:])
    assert [line["step"] for line in lines] == sorted((line["step"] for line in lines), reverse=True)


def test_an_earlier_run_is_read_with_its_settings_references_and_losses(run_folder: Path) -> None:
    started, points, *_ = list(training.read_run(Session(), ReadRun(str(run_folder))))
    assert isinstance(started, TrainingStarted)
    assert started.settings == SMALL
    assert started.references["bigram"] < started.references["unigram"] < started.references["uniform"]
    assert isinstance(points, TrainingPoints)
    assert points.steps.tolist() == list(range(1, 31))
    assert points.fraction == 1.0
    assert np.isfinite(points.losses).all()
    assert points.validation_steps[-1] == 30


def test_an_unfinished_run_is_read_with_its_fraction(run_folder: Path) -> None:
    log = run_folder / "log.jsonl"
    log.write_text(
        "".join(line for line in log.read_text().splitlines(keepends=True) if json.loads(line)["step"] <= 15)
    )
    points = next(e for e in training.read_run(Session(), ReadRun(str(run_folder))) if isinstance(e, TrainingPoints))
    assert points.fraction == 0.5


def references_of(folder: Path) -> dict[str, float]:
    started = next(training.read_run(Session(), ReadRun(str(folder))))
    assert isinstance(started, TrainingStarted)
    return started.references


def test_reference_losses_are_computed_once_per_run(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = references_of(run_folder)
    monkeypatch.setattr(training, "bigram_loss", lambda *_: pytest.fail("computed again"))
    assert references_of(run_folder) == first


def test_reading_a_damaged_run_raises_model_damaged(run_folder: Path) -> None:
    (run_folder / "run.json").write_text('{"name": "x"}')
    with pytest.raises(EngineError) as raised:
        next(training.read_run(Session(), ReadRun(str(run_folder))))
    assert raised.value.key == "error.model_damaged"
