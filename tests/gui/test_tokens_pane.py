"""The Tokens pane: pieces, merges, tokenizers side by side, vocabulary, frequencies, context."""

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.messages.models import ModelInfo
from engine.messages.tokens import CompareTokenizers, ReplayMerges
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine


@pytest.fixture
def pane(window: MainWindow, qtbot: QtBot) -> Any:
    window.state.set_model(ModelInfo("story", "f", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    window.state.set_text("abcde")
    window.workspace.set_layout(1, ["tokens"])
    found: Any = window.workspace.pane("tokens")
    qtbot.waitUntil(lambda: window.state.tokens is not None and bool(found.merges.steps))
    return found


def test_a_click_selects_a_token_and_replays_its_word(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    box = pane.flow.page._boxes[2].center().toPoint()
    QTest.mouseClick(pane.flow.page, Qt.MouseButton.LeftButton, pos=box)
    assert pane.state.token == 2
    asked = [request for request in engine.requests if isinstance(request, ReplayMerges)]
    assert asked[-1].token == 2


def test_the_slider_steps_through_the_merges(pane: Any) -> None:
    assert pane.merges.row.pieces == ("abc",)
    QTest.keyClick(pane.merges.slider, Qt.Key.Key_Left)
    assert pane.merges.row.pieces == ("ab", "c")
    assert "Rank 5" in pane.merges.caption.text()
    assert "7" in pane.merges.caption.text()
    pane.merges.slider.setValue(0)
    assert pane.merges.row.lit == ""
    pane.merges.grab()


def test_tokenizers_are_compared_and_a_price_shows_their_costs(pane: Any, qtbot: QtBot) -> None:
    pane.view.button("compare").click()
    qtbot.waitUntil(lambda: len(pane.compare.found) == 4)
    table = pane.compare.table
    assert table.isColumnHidden(4)
    assert [table.item(0, column).text() for column in (0, 2, 3, 7)] == ["Open model", "10", "3.00", "2.00"]
    pane.compare.price.setValue(2.0)
    assert not table.isColumnHidden(4)
    assert pane.table().rows[0][4] == pytest.approx(2e-5)


def test_an_edited_sentence_is_compared(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    pane.view.button("compare").click()
    pane.compare.english.selectAll()
    QTest.keyClicks(pane.compare.english, "hello")
    QTest.keyClick(pane.compare.english, Qt.Key.Key_Return)
    asked = [request for request in engine.requests if isinstance(request, CompareTokenizers)]
    assert asked[-1].english == "hello"


def test_the_vocabulary_is_searched_and_sorted(pane: Any, qtbot: QtBot) -> None:
    pane.view.button("vocabulary").click()
    table = pane.vocabulary
    qtbot.waitUntil(lambda: len(table.model.shown) == 26)
    table.view.sortByColumn(4, Qt.SortOrder.DescendingOrder)
    assert table.model.shown[:2] == [25, 24]
    QTest.keyClicks(table.search, "c")
    assert table.model.shown == [2]
    table.search.setText("7")
    assert table.model.shown == [7]
    assert pane.table().rows == [(7, "h", "68", "letters", 7)]


def test_frequencies_name_the_token_under_the_mouse(pane: Any, qtbot: QtBot) -> None:
    pane.view.button("zipf").click()
    qtbot.waitUntil(lambda: len(pane.zipf.counts) == 25)  # one token does not occur
    assert pane.zipf.counts[0] == 25
    pane.zipf.hovered.emit(0)
    assert "z" in pane.zipf_caption.text()
    pane.zipf.hovered.emit(-1)
    assert "Zipf" in pane.zipf_caption.text()
    assert [words for _, words in pane.zipf.plot.getAxis("bottom")._tickLevels[0]][:4] == ["1", "10", "100", "1,000"]


def test_the_ruler_shows_how_full_each_context_is(pane: Any) -> None:
    pane.view.button("ruler").click()
    count = len(pane.state.tokens.ids)
    assert pane.ruler.bars()[0] == ("story", 16, 16)
    assert f"{count / 16 * 100:.1f}\u00a0%" in pane.ruler.words()[0]
    assert "200,000" in pane.ruler.words()[-1]
    pane.ruler.grab()


def test_choices_are_saved_and_restored(pane: Any) -> None:
    pane.view.choose("ruler")
    pane.compare.price.setValue(3.0)
    saved = pane.save()
    pane.restore({"view": "no", "price": "x", "sentences": 3})
    pane.view.choose("chips")
    pane.restore(saved)
    assert (pane.view.current, pane.compare.price.value()) == ("ruler", 3.0)
