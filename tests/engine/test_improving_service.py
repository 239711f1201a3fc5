"""Improvement as a request and as a command: its reports, its folder, and what is refused."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.errors import EngineError
from engine.messages.choices import Choice
from engine.messages.improving import Improve, ImprovingSettings, Method
from engine.messages.models import ModelInfo
from engine.messages.training import SteerTraining
from engine.messages.tuning import Measured, StationAnswers, TuningResult, TuningStarted
from engine.model.opening import load_model
from engine.service.improving import CHOICES as FILE
from engine.service.session import Session
from engine.text.choices import read_choices, write_choices
from tests.engine.sessions import ask, start

CHOICES = (
    Choice("the", (" cat sat on the mat.", " dog sat on the log."), (1, 2)),
    Choice("the", (" cat sat on the log.", " dog sat on the mat."), (1, 2)),
    Choice("the", (" log.", " mat."), ()),
)
SETTINGS = ImprovingSettings(steps=4, tokens=6)


def improve(folder: Path, **settings: Any) -> Improve:
    return Improve(CHOICES, str(folder), replace(SETTINGS, **settings), held_out=("sat on",), questions=("the",))


@pytest.mark.parametrize("method", ["dpo", "reinforce"])
def test_a_run_reports_its_measures_and_leaves_a_model(session: Session, tmp_path: Path, method: Method) -> None:
    before = session.opened.model
    events = ask(session, improve(tmp_path / "improved", method=method))
    [begun] = [event for event in events if isinstance(event, TuningStarted)]
    assert (begun.method, begun.train, begun.held_out, begun.left_out) == (method, 2, 1, 1)
    measured = [event for event in events if isinstance(event, Measured)]
    assert (measured[0].step, measured[-1].step) == (0, 4)
    assert measured[0].values["kl"] == pytest.approx(0.0, abs=1e-5)
    assert measured[-1].values["kl"] > 0
    for one in measured:
        assert one.values.keys() >= {"reward", "kl", "length", "preferred", "distinct"}
        assert all(math.isfinite(value) for value in one.values.values())
    assert len([event for event in events if isinstance(event, StationAnswers)]) == len(measured)
    assert isinstance(events[-2], TuningResult)
    assert isinstance(events[-1], ModelInfo)
    assert session.opened.model is not before
    saved, _ = load_model(tmp_path / "improved")
    assert all(p.equal(q) for p, q in zip(saved.parameters(), session.opened.model.parameters(), strict=True))
    assert tuple(read_choices(tmp_path / "improved" / FILE)) == CHOICES


def test_the_limit_of_the_divergence_ends_the_run_and_the_saved_model_is_below_it(
    session: Session, tmp_path: Path
) -> None:
    events = ask(session, improve(tmp_path / "improved", steps=300, learning_rate=0.3, most_kl=0.2))
    [result] = [event for event in events if isinstance(event, TuningResult)]
    assert result.reason == "notice.enough_kl"
    assert result.steps < 300
    last = [event for event in events if isinstance(event, Measured)][-1]
    assert 0.02 < last.values["kl"] < 0.4
    saved, _ = load_model(tmp_path / "improved")
    assert all(p.equal(q) for p, q in zip(saved.parameters(), session.opened.model.parameters(), strict=True))


def test_a_run_that_is_stopped_keeps_its_model_and_its_choices(session: Session, tmp_path: Path) -> None:
    job = start(session, improve(tmp_path / "improved", steps=10_000, most_kl=None))
    for _ in range(60):
        next(job)
    ask(session, SteerTraining("stop"))
    assert isinstance(list(job)[-1], ModelInfo)
    load_model(tmp_path / "improved")
    assert tuple(read_choices(tmp_path / "improved" / FILE)) == CHOICES


def test_what_cannot_be_learned_from_is_refused_before_anything_is_written(session: Session, tmp_path: Path) -> None:
    folder = tmp_path / "improved"
    undecided = replace(improve(folder), choices=CHOICES[2:])
    far = improve(folder, beta=-1.0)
    for request, key in ((undecided, "choices_undecided"), (far, "config_range")):
        with pytest.raises(EngineError, match=key):
            ask(session, request)
    assert not folder.exists()
    assert session.run is None


# --- The command --------------------------------------------------------------------------------------


def test_the_command_prefers_by_a_file_of_choices(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choices, out = tmp_path / "choices.jsonl", tmp_path / "improved"
    write_choices(choices, CHOICES)
    command = ["prefer", str(model_folder), str(choices), "--out", str(out), "--steps", "3", "--tokens", "6", "--json"]
    for method in ("dpo", "reinforce"):
        assert main([*command[:4], str(out / method), *command[5:], "--method", method, "--kl", "0.2"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["steps"] == 3
        assert result["preferred"].keys() == {"before", "after"}
        assert 0 <= result["kl"] < 2
        assert result["seconds"] > 0
        assert "reward_accuracy" in result
        load_model(out / method)
    assert main([*command[:4], str(out / "dpo"), *command[5:]]) == 1  # the folder has a model now


@pytest.mark.parametrize("name", ["world-rude-ja:12", "world-polite-fr:12", "world-polite-ja:0"])
def test_a_simulated_judge_that_does_not_exist_is_refused(model_folder: Path, tmp_path: Path, name: str) -> None:
    assert main(["prefer", str(model_folder), name, "--out", str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()
