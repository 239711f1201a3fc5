"""The lists of documents and of runs, used by mouse and keyboard."""

import math

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTreeWidgetItem, QWidget
from pytestqt.qtbot import QtBot

from engine.messages.training import RunSummary
from gui import i18n
from gui.curve import Curve
from gui.panes.search.document_list import DocumentList
from gui.panes.training.run_list import RunList
from gui.theme import DARK, LIGHT
from tests.gui.fake_documents import entries
from tests.gui.hands import LEFT, SHIFT, click_row, look, open_row, press, recorded, show

# --- Documents -----------------------------------------------------------------------------------------


@pytest.fixture
def documents(qtbot: QtBot) -> DocumentList:
    found: DocumentList = show(qtbot, DocumentList(), 700, 500)
    found.retranslate()
    found.set_entries(entries(4, broken=True))
    return found


def test_files_that_could_not_be_read_come_first_with_the_reason(documents: DocumentList) -> None:
    assert documents.title.text() == "Documents: 4"
    assert documents.note.isVisible()
    assert "Not read: 1" in documents.note.text()
    first, second = documents.rows()[:2]
    assert first[:2] == ("broken.pdf", "–")
    assert "broken.pdf" in str(first[2])
    assert second == ("note-0.txt", "3", "1,234 characters")
    documents.set_entries(entries(4))
    assert not documents.note.isVisible()


def test_only_documents_that_were_read_are_opened_and_removed(documents: DocumentList) -> None:
    opened, removed = recorded(documents.opened), recorded(documents.removed)
    open_row(documents.view, 0)
    assert not documents.buttons["remove"].isEnabled()
    press(documents.view, Qt.Key.Key_Delete, Qt.Key.Key_Return)
    assert (opened, removed) == ([], [])
    open_row(documents.view, 2)
    assert documents.buttons["remove"].isEnabled()
    press(documents.view, Qt.Key.Key_Return)
    assert opened == [1, 1]
    press(documents.view, Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
    assert [[entry.document for entry in some] for some in removed] == [[1], [1]]


def test_the_button_removes_several_documents_at_once(documents: DocumentList) -> None:
    removed = recorded(documents.removed)
    click_row(documents.view, 0)
    click_row(documents.view, 3, keys=SHIFT)
    QTest.mouseClick(documents.buttons["remove"], LEFT)
    assert [sorted(entry.document for entry in some) for some in removed] == [[0, 1, 2]]
    press(documents.view, Qt.Key.Key_Escape)
    documents.view.clearSelection()
    press(documents.view, Qt.Key.Key_Delete)
    assert len(removed) == 1


def test_removing_is_undone_by_button_and_by_keys(qtbot: QtBot, documents: DocumentList) -> None:
    undone = recorded(documents.undo_wanted)
    assert not documents.buttons["undo"].isVisible()
    documents.set_undo(3)
    assert documents.buttons["undo"].text() == "Undo removing (3)"
    QTest.mouseClick(documents.buttons["undo"], LEFT)
    documents.activateWindow()
    documents.view.setFocus()
    qtbot.waitUntil(documents.view.hasFocus)
    QTest.keySequence(documents.view, QKeySequence(QKeySequence.StandardKey.Undo))
    assert len(undone) == 2
    documents.set_undo(0)
    assert not documents.buttons["undo"].isVisible()


def test_documents_are_found_by_any_part_of_their_path(qtbot: QtBot, documents: DocumentList) -> None:
    assert not documents.search.isVisible()  # few documents need no search
    documents.set_entries(entries(30))
    assert documents.search.isVisible()
    QTest.keyClicks(documents.search, " NOTE-2")
    assert [name for name, *_ in documents.rows()] == ["note-2.txt", *(f"note-{n}.txt" for n in range(20, 30))]
    click_row(documents.view, 1)
    removed = recorded(documents.removed)
    press(documents.view, Qt.Key.Key_Delete)
    assert removed[0][0].document == 20


def test_no_document_is_filtered_by_an_invisible_search(documents: DocumentList) -> None:
    documents.set_entries(entries(13))
    QTest.keyClicks(documents.search, "note-7")
    documents.set_entries(entries(12))
    assert documents.search.isVisible() or len(documents.rows()) == 12
    documents.search.clear()
    assert len(documents.rows()) == 12


def test_in_an_empty_collection_documents_can_only_be_added(documents: DocumentList) -> None:
    documents.set_entries([])
    assert documents.title.text() == "Documents: 0"
    enabled = {name for name, button in documents.buttons.items() if button.isEnabled()}
    assert {"files", "folder"} <= enabled
    assert not enabled & {"remove", "look"}
    emitted = [recorded(documents.files_wanted), recorded(documents.folder_wanted)]
    for name in ("files", "folder"):
        QTest.mouseClick(documents.buttons[name], LEFT)
    assert [len(some) for some in emitted] == [1, 1]
    press(documents.view, Qt.Key.Key_Return, Qt.Key.Key_Delete)


def test_the_list_of_documents_follows_language_and_theme(documents: DocumentList) -> None:
    before = (documents.title.text(), documents.note.text(), documents.header(), documents.rows()[0][2])
    i18n.set_language("ja")
    documents.retranslate()
    after = (documents.title.text(), documents.note.text(), documents.header(), documents.rows()[0][2])
    assert all(a != b for a, b in zip(before, after, strict=True))
    for theme in (LIGHT, DARK):
        look(theme)
        shown = documents.documents.index(0, 0).data(Qt.ItemDataRole.ForegroundRole)
        assert shown.name() == theme.bad
        assert documents.documents.index(1, 0).data(Qt.ItemDataRole.ForegroundRole) is None


# --- Runs ----------------------------------------------------------------------------------------------


def summary(n: int, loss: float = 2.5) -> RunSummary:
    return RunSummary(f"/models/story-{n}", "story.txt", 123_456, 4000, 125.4, loss, True)


@pytest.fixture
def runs(qtbot: QtBot) -> RunList:
    found: RunList = show(qtbot, RunList(), 700, 300)
    found.retranslate()
    look(LIGHT)
    front, other = Curve("front"), Curve("other")
    other.look = 2
    found.add(summary(0), front)
    found.add(summary(1), other)
    found.add(summary(2, math.nan), None)
    return found


def row_of(runs: RunList, row: int) -> list[str]:
    return [item_of(runs, row).text(column) for column in range(5)]


def item_of(runs: RunList, row: int) -> QTreeWidgetItem:
    item = runs.tree.topLevelItem(row)
    assert item is not None
    return item


def test_a_run_is_listed_with_its_figures(runs: RunList) -> None:
    assert row_of(runs, 0) == ["story-0", "2.500", "123,456", "2:05", "4,000"]
    assert row_of(runs, 2)[1] == "–"  # nothing was held out
    assert not runs.empty.isVisible()


def test_a_checkbox_shows_or_hides_a_run(runs: RunList) -> None:
    toggled = recorded(runs.toggled)
    boxes = [item_of(runs, row).data(0, Qt.ItemDataRole.CheckStateRole) for row in range(3)]
    assert [None if box is None else Qt.CheckState(box) for box in boxes] == [
        None,
        Qt.CheckState.Checked,
        Qt.CheckState.Unchecked,
    ]
    assert toggled == []
    for row in (1, 2):
        runs.tree.setCurrentItem(item_of(runs, row))
        press(runs.tree, Qt.Key.Key_Space)
    assert toggled == [("/models/story-1", False), ("/models/story-2", True)]


def test_marking_a_run_from_code_changes_its_checkbox_and_swatch_without_a_signal(runs: RunList) -> None:
    toggled, item = recorded(runs.toggled), item_of(runs, 2)
    before = item.icon(0).pixmap(24, 12).toImage()
    curve = Curve("laid over")
    curve.look = 1
    runs.mark("/models/story-2", curve)
    assert item.checkState(0) == Qt.CheckState.Checked
    assert item.icon(0).pixmap(24, 12).toImage() != before
    runs.mark("/models/story-2", None)
    runs.mark("/models/unknown", curve)
    assert item.checkState(0) == Qt.CheckState.Unchecked
    assert toggled == []


def test_the_current_run_can_be_opened_but_not_removed(runs: RunList) -> None:
    assert not runs.open_button.isEnabled()
    wanted, removed = recorded(runs.model_wanted), recorded(runs.removed)
    runs.tree.setCurrentItem(item_of(runs, 0))
    assert runs.open_button.isEnabled()
    assert not runs.remove_button.isEnabled()
    runs.tree.setCurrentItem(item_of(runs, 1))
    QTest.mouseClick(runs.remove_button, LEFT)
    assert removed == ["/models/story-1"]
    assert "/models/story-1" not in runs.runs
    runs.tree.setCurrentItem(item_of(runs, 1))
    QTest.mouseClick(runs.open_button, LEFT)
    assert wanted == ["/models/story-2"]
    assert not runs.isVisible()


def test_a_list_without_runs_shows_a_hint(runs: RunList) -> None:
    for _ in range(2):
        runs.tree.setCurrentItem(item_of(runs, 1))
        QTest.mouseClick(runs.remove_button, LEFT)
    assert runs.tree.topLevelItemCount() == 1
    runs.clear()
    assert runs.empty.isVisible()
    assert not runs.tree.isVisible()
    assert not runs.open_button.isEnabled()
    assert not runs.remove_button.isEnabled()


@pytest.mark.parametrize("at", [(0, 0), (700, 500), (760, 20)])
def test_the_list_of_runs_opens_within_the_screen(qtbot: QtBot, runs: RunList, at: tuple[int, int]) -> None:
    button = show(qtbot, QWidget(), 60, 24)
    button.move(*at)
    runs.hide()
    pane = show(qtbot, QWidget(), 700, 500)
    runs.open_below(button, pane)
    screen = button.screen().availableGeometry()
    assert runs.isVisible()
    assert runs.width() <= 700
    assert screen.left() <= runs.x()
    assert screen.top() <= runs.y()
    QTest.keyClick(runs, Qt.Key.Key_Escape)
    assert not runs.isVisible()
