"""Values of an earlier text are dimmed while those of the new one are being computed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.messages.attention import Attend, AttentionLayer
from engine.messages.envelope import Ended
from engine.messages.status import LayersDone
from gui import i18n
from gui.widgets import veil
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, attention, model
from tests.gui.hands import pixels, recorded


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


def test_values_whose_successors_could_not_be_computed_stay_dimmed(
    pane: Any, window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.end(Attend, Ended(0, "failed", "error.no_model"))
    assert pane.veil.isVisible()
    at_rest = pixels(pane.body)
    qtbot.wait(3 * veil.BEAT_MS)
    assert np.array_equal(pixels(pane.body), at_rest)  # nothing moves: nothing is being computed
    engine.answers[Attend] = attention
    window.state.set_text("abc")
    qtbot.waitUntil(lambda: pane.patterns.text == "abc" and not pane.veil.waiting)


def test_a_text_that_is_taken_away_lifts_the_veil(pane: Any, window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(pane.veil.isVisible)
    window.state.set_text("")
    assert not pane.veil.isVisible()


def test_a_quick_answer_shows_no_veil(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    dimmed = recorded(pane.veil.dimmed)
    assert pane.veil.waiting
    engine.end(Attend, Ended(0, "done"))
    qtbot.wait(veil.WAIT_MS + 100)
    assert not pane.veil.waiting
    assert dimmed == []


@pytest.mark.parametrize(("age", "share"), [(0, 0.0), (60, 0.0), (120, 0.25), (180, 1.0), (5000, 1.0)])
def test_the_veil_is_pale_for_quick_answers_and_soon_at_its_full_strength(
    pane: Any, monkeypatch: pytest.MonkeyPatch, age: int, share: float
) -> None:
    begun = pane.veil._begun
    monkeypatch.setattr(veil, "monotonic", lambda: begun + age / 1000)
    assert pane.veil.strength == pytest.approx(share * veil.STRENGTH, abs=1e-6)


def test_the_veil_says_what_is_computed_and_how_far(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    notice = pane.veil._notice
    qtbot.waitUntil(lambda: notice.isVisible())
    assert notice.words == "Computing attention"
    engine.send(Attend, LayersDone(12, 30))
    assert notice.words == "Computing attention, layer 12 of 30"
    assert pane.veil._line.fraction == pytest.approx(0.4)
    i18n.set_language("ja")
    assert notice.words == "アテンションを計算中（30 層のうち 12 層）"


def test_the_title_and_the_sentence_are_dimmed_with_the_values(pane: Any, window: MainWindow, qtbot: QtBot) -> None:
    [tile] = window.workspace.tiles
    qtbot.waitUntil(lambda: not tile.sentence.isEnabled() and not tile.subtitle.isEnabled())
    window.state.set_text("")
    assert tile.sentence.isEnabled()
    assert tile.subtitle.isEnabled()


def test_the_moving_line_repaints_nothing_below_it(pane: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    qtbot.waitUntil(lambda: pane.veil._notice.isVisible())
    qtbot.wait(2 * veil.BEAT_MS)
    painted: list[str] = []
    heatmap = type(pane.heatmap)
    monkeypatch.setattr(heatmap, "paintEvent", lambda *_: painted.append("heatmap"))
    places = [pane.veil._line._place]
    qtbot.wait(5 * veil.BEAT_MS)
    assert pane.veil._line._place != places[0]
    assert painted == []


def test_training_does_not_dim_what_it_only_renews(
    pane: Any, window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.answers[Attend] = attention
    window.state.set_text("abcde")
    qtbot.waitUntil(lambda: pane.patterns.text == "abcde" and not pane.veil.waiting)
    del engine.answers[Attend]
    window.state.set_training(True)
    window.state.weights_changed.emit()
    assert len(engine.asked(Attend)) == 4
    assert not pane.veil.waiting
    window.state.set_text("other")  # this is another text, and not only a later moment
    assert pane.veil.waiting
    window.state.set_training(False)
