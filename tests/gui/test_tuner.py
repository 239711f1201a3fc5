"""A run of fine-tuning in the window: its record, and that the panes follow its model."""

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.messages.training import SteerTraining
from engine.messages.tuning import Measured, Pair, StationAnswers, TuneOnPairs, TuningStarted
from gui.state import AppState
from gui.tuner import Tuner
from tests.gui.fakes import FakeEngine, model, points

STARTED = TuningStarted("/models/examples-1", "/models/base", "examples", 6, 2, 0)


@pytest.fixture
def tuner(qapp: object, engine: FakeEngine, tmp_path: Path) -> Tuner:
    """Return a tuner whose run has made ten steps."""
    made = Tuner(AppState(), engine)  # type: ignore[arg-type]
    made.models = tmp_path
    made.start(TuneOnPairs((Pair("a", "b"),), made.folder_for("examples")))
    engine.send(TuneOnPairs, STARTED)
    engine.send(TuneOnPairs, model(training=True))
    engine.send(TuneOnPairs, points())
    return made


def test_the_record_keeps_what_is_measured_and_answered(qtbot: QtBot, tuner: Tuner, engine: FakeEngine) -> None:
    with qtbot.waitSignals([tuner.measured, tuner.measured]):
        engine.send(TuneOnPairs, Measured(5, 1.5, {"right": 0.25}))
        engine.send(TuneOnPairs, StationAnswers(5, ("a",), ("b",)))
    assert tuner.record is not None
    assert tuner.record.values("right") == [(1.5, 0.25)]
    assert tuner.record.values("kl") == []
    assert tuner.record.answers[-1].texts == ("b",)
    assert tuner.record.step == int(np.max(points().steps))


def test_the_model_in_tuning_is_the_open_one(tuner: Tuner, engine: FakeEngine) -> None:
    assert tuner.state.model == model(training=True)
    assert tuner.state.training
    tuner.stop()
    assert engine.asked(SteerTraining) == [SteerTraining("stop")]


def test_no_second_run_starts(tuner: Tuner, engine: FakeEngine) -> None:
    tuner.start(TuneOnPairs((Pair("a", "b"),), tuner.folder_for("examples")))
    assert len(engine.asked(TuneOnPairs)) == 1
