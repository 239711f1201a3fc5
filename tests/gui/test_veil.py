"""Values of an earlier text are dimmed while those of the new one are being computed."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from engine.messages.attention import Attend, AttentionLayer
from engine.messages.envelope import Ended
from gui.widgets import veil
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, attention, model
from tests.gui.hands import pixels


@pytest.fixture
def pane(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> Iterator[Any]:
    """Return the Attention pane while the second of two texts is being computed."""
    window.state.set_model(model())
    window.workspace.set_layout(1, ["attention"])
    shown: Any = window.workspace.pane("attention")
    window.state.set_text("abcde")
    qtbot.waitUntil(lambda: shown.patterns is not None)
    assert not shown.veil.isVisible()
    del engine.answers[Attend]  # its answers come when the test sends them
    window.state.set_text("vwxyz")
    return shown


def test_old_values_are_dimmed_until_the_new_ones_are_here(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    before = pixels(pane.body)
    qtbot.waitUntil(pane.veil.isVisible)
    assert pane.veil.geometry() == pane.body.rect()
    assert (pixels(pane.body) & 0xFF).mean() > (before & 0xFF).mean()  # paler
    for layer in attention(engine.asked(Attend)[-1]):
        assert isinstance(layer, AttentionLayer)
        engine.send(Attend, layer)
    engine.end(Attend, Ended(0, "done"))
    assert not pane.veil.isVisible()
    assert pane.patterns.text == "vwxyz"


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
def test_the_values_are_not_dimmed_for_ever(pane: Any, engine: FakeEngine, qtbot: QtBot, outcome: Any) -> None:
    qtbot.waitUntil(pane.veil.isVisible)
    engine.end(Attend, Ended(0, outcome, "error.no_model"))
    assert not pane.veil.isVisible()


def test_a_text_that_is_taken_away_lifts_the_veil(pane: Any, window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(pane.veil.isVisible)
    window.state.set_text("")
    assert not pane.veil.isVisible()


def test_a_quick_answer_shows_no_veil(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.end(Attend, Ended(0, "done"))
    qtbot.wait(veil.DELAY_MS + 100)
    assert not pane.veil.isVisible()
