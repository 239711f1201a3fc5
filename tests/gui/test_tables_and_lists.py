"""Tables, lists, forms and small controls: what a person clicks, types and presses in them, and what they then say."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtCore import QModelIndex, QPoint, QRect, Qt
from PySide6.QtGui import QInputMethodEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QMessageBox, QTableView, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from engine import messages as m
from gui import i18n
from gui.theme import DARK, LIGHT
from gui.widgets.citation_table import CitationTable
from gui.widgets.curve import Curve
from gui.widgets.document_list import DocumentList
from gui.widgets.figures import FigureRow
from gui.widgets.labelled_slider import REST_MS, LabelledSlider
from gui.widgets.message_bar import MessageBar
from gui.widgets.passage_table import COLUMNS as PASSAGE_COLUMNS, MOST_TEXTS, PassageTable
from gui.widgets.prompt import Prompt
from gui.widgets.run_form import NUMBERS, RunForm
from gui.widgets.run_list import RunList
from gui.widgets.switch import Switch
from gui.widgets.tokenizer_table import TokenizerTable
from gui.widgets.vocabulary_table import VocabularyTable
from gui.widgets.work_bar import WorkBar
from tests.gui.fakes import TEXTS, passage, tokenizer_columns, tokens_of

LEFT = Qt.MouseButton.LeftButton
NO_KEY, CONTROL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


def show(qtbot: QtBot, widget: Any, width: int = 700, height: int = 400) -> Any:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    return widget


def heard(signal: Any) -> list[Any]:
    """Everything that a signal says from now on."""
    told: list[Any] = []
    signal.connect(lambda *values: told.append(values if len(values) > 1 else values[0] if values else None))
    return told


def press(widget: QWidget, *keys: Qt.Key) -> None:
    for key in keys:
        QTest.keyClick(widget, key)


def cell(view: QTableView, row: int, column: int = 0) -> QPoint:
    place: QRect = view.visualRect(view.model().index(row, column, QModelIndex()))
    return place.center()


def click_row(view: QTableView, row: int, column: int = 0, keys: Any = NO_KEY) -> None:
    QTest.mouseClick(view.viewport(), LEFT, keys, cell(view, row, column))


def open_row(view: QTableView, row: int, column: int = 0) -> None:
    """A double click as a hand makes it."""
    click_row(view, row, column)
    QTest.mouseDClick(view.viewport(), LEFT, NO_KEY, cell(view, row, column))


def sort_by(view: QTableView, column: int) -> None:
    """A click on the head of a column."""
    header = view.horizontalHeader()
    at = QPoint(header.sectionViewportPosition(column) + 12, header.height() // 2)
    QTest.mouseClick(header.viewport(), LEFT, NO_KEY, at)


def column_of(view: QTableView, column: int) -> list[str]:
    model = view.model()
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def in_a_window(qtbot: QtBot, widget: QWidget) -> QWidget:
    """With something behind it that Tab can go to, and room below."""
    window, after = QWidget(), Switch(["after"])
    column = QVBoxLayout(window)
    column.addWidget(widget)
    column.addWidget(after)
    column.addStretch(1)
    widget.kept = window  # type: ignore[attr-defined]  # or it is collected, with all that is in it
    show(qtbot, window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return after.button("after")


# --- Passages ---------------------------------------------------------------------------------------

COSINES = np.array([0.2, 0.9, 0.5, 0.7], np.float32)
KEYWORDS = np.array([3.0, 1.0, 0.0, 2.0], np.float32)
SCORES = np.array([0.1, 0.4, 0.3, 0.2], np.float32)
RANK, COSINE, KEYWORD, SCORE, TEXT, SOURCE = range(len(PASSAGE_COLUMNS))


@pytest.fixture
def passages(qtbot: QtBot) -> PassageTable:
    table: PassageTable = show(qtbot, PassageTable(), 900, 300)
    table.retranslate()
    table.set_scores(COSINES, KEYWORDS, SCORES)
    table.set_passages([passage(i) for i in range(4)])
    return table


def test_the_best_passages_stand_above(passages: PassageTable) -> None:
    assert column_of(passages, RANK) == ["1", "2", "3", "4"]
    assert column_of(passages, SCORE) == ["0.4000", "0.3000", "0.2000", "0.1000"]
    assert column_of(passages, TEXT)[0] == TEXTS[1]
    assert column_of(passages, SOURCE)[0] == "note-1.txt · passage 1"
    assert passages.table_rows()[0][:4] == (1, 0.9, 1.0, 0.4)
    assert [row[4] for row in passages.table_rows()] == column_of(passages, TEXT)


@pytest.mark.parametrize(
    ("column", "texts"), [(COSINE, [0, 2, 3, 1]), (KEYWORD, [2, 1, 3, 0]), (SCORE, [0, 3, 2, 1]), (RANK, [0, 3, 2, 1])]
)
def test_a_click_on_a_head_sorts_and_another_turns_it_around(
    passages: PassageTable, column: int, texts: list[int]
) -> None:
    orders = []
    for _ in range(2):
        sort_by(passages, column)
        orders.append(column_of(passages, TEXT))
    expected = [TEXTS[i] for i in texts]
    assert sorted(orders) == sorted([expected, expected[::-1]])


def test_texts_are_not_sorted_because_not_all_are_here(passages: PassageTable) -> None:
    sort_by(passages, COSINE)
    header, before = passages.horizontalHeader(), column_of(passages, TEXT)
    arrow = header.sortIndicatorSection(), header.sortIndicatorOrder()
    for column in (TEXT, SOURCE, TEXT):
        sort_by(passages, column)
        assert column_of(passages, TEXT) == before
        assert (header.sortIndicatorSection(), header.sortIndicatorOrder()) == arrow


def test_the_marked_passage_stays_marked_when_the_table_is_sorted(passages: PassageTable) -> None:
    click_row(passages, 0)
    told = heard(passages.selected)
    marked = passages.currentIndex().siblingAtColumn(TEXT).data()
    for column in (COSINE, COSINE, KEYWORD, RANK, RANK):
        sort_by(passages, column)
        assert passages.currentIndex().siblingAtColumn(TEXT).data() == marked
        assert [i.siblingAtColumn(TEXT).data() for i in passages.selectionModel().selectedRows()] == [marked]
    assert told == []


def test_passages_are_told_by_mouse_and_keys_and_opened(passages: PassageTable) -> None:
    selected, opened = heard(passages.selected), heard(passages.opened)
    click_row(passages, 2, TEXT)
    press(passages, Qt.Key.Key_Up, Qt.Key.Key_Return)
    open_row(passages, 3, TEXT)
    assert selected == [3, 2, 0]
    assert opened == [2, 0]


def test_a_passage_marked_from_elsewhere_is_not_told_again(passages: PassageTable) -> None:
    selected = heard(passages.selected)
    passages.select(3)
    assert passages.currentIndex().row() == 2
    passages.select(99)
    assert passages.currentIndex().row() == 2
    passages.set_scores(COSINES, KEYWORDS, SCORES[::-1])
    assert selected == []


def test_what_an_index_did_not_look_at_comes_last_and_has_no_number(passages: PassageTable) -> None:
    cosines = COSINES.copy()
    cosines[1] = np.nan
    passages.set_scores(cosines, KEYWORDS, SCORES)
    for _ in range(2):
        sort_by(passages, COSINE)
        assert column_of(passages, TEXT)[-1] == TEXTS[1]
        assert column_of(passages, COSINE)[-1] == "–"


def test_taken_passages_are_bold_and_hovering_tells_the_whole_text(passages: PassageTable) -> None:
    passages.set_hits({1: 0})
    model = passages.model()
    fonts = [model.index(row, 0).data(Qt.ItemDataRole.FontRole) for row in range(4)]
    assert [bool(font and font.bold()) for font in fonts] == [True, False, False, False]
    assert TEXTS[1] in model.index(0, TEXT).data(Qt.ItemDataRole.ToolTipRole)
    heads = [model.headerData(c, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) for c in range(6)]
    assert len(set(heads)) == 6
    assert not any(words.startswith("widget.") for words in heads)


def test_texts_are_asked_for_as_they_come_into_view(qtbot: QtBot) -> None:
    table: PassageTable = show(qtbot, PassageTable(), 900, 300)
    wanted = heard(table.texts_wanted)
    count = 5000
    scores = np.linspace(1, 0, count, dtype=np.float32)
    table.set_scores(scores, scores, scores)
    qtbot.waitUntil(lambda: bool(wanted))
    assert wanted[-1][0] == 0
    assert len(wanted[-1]) <= MOST_TEXTS
    table.set_passages([replace(passage(0), index=i) for i in wanted[-1]])
    QTest.keyClick(table, Qt.Key.Key_End, CONTROL)
    qtbot.waitUntil(lambda: wanted[-1][-1] == count - 1)
    assert min(wanted[-1]) > 4000
    table.forget_passages()
    assert column_of(table, TEXT)[:3] == ["", "", ""]


def test_a_narrow_table_leaves_the_keyword_score_out(passages: PassageTable) -> None:
    for width, hidden in ((900, False), (200, True), (900, False)):
        passages.resize(width, 300)
        assert passages.isColumnHidden(KEYWORD) == hidden
        assert not passages.grab().isNull()


def test_an_empty_table_opens_and_marks_nothing(qtbot: QtBot) -> None:
    table: PassageTable = show(qtbot, PassageTable())
    table.retranslate()
    told = [heard(table.selected), heard(table.opened), heard(table.texts_wanted)]
    empty = np.zeros(0, np.float32)
    table.set_scores(empty, empty, empty)
    press(table, Qt.Key.Key_Return, Qt.Key.Key_Down, Qt.Key.Key_End)
    table.select(0)
    sort_by(table, COSINE)
    assert (told, table.table_rows()) == ([[], [], []], [])


def test_the_heads_of_the_table_follow_the_language(passages: PassageTable) -> None:
    english = passages.header()
    i18n.set_language("ja")
    passages.retranslate()
    shown = [passages.model().headerData(c, Qt.Orientation.Horizontal) for c in range(6)]
    assert tuple(shown) == passages.header() != english
    assert passages.accessibleName() != ""


# --- Citations --------------------------------------------------------------------------------------


def answered() -> tuple[m.Answered, tuple[m.SearchHit, ...]]:
    hits = tuple(m.SearchHit(passage(i), 1.0, 0.5, 1.0, (0, 6)) for i in range(3))
    text = "Holiday\nin August. Tea costs 180."
    cited = (m.Citation(0, 18, 0, 16, 31), m.Citation(19, 33, 2, 0, 10))
    return m.Answered(True, "written", text, cited), hits


def test_each_cited_sentence_stands_beside_its_source(qtbot: QtBot) -> None:
    table: CitationTable = show(qtbot, CitationTable())
    table.retranslate()
    table.set_answer(*answered())
    assert table.table.rowCount() == 2
    said = [[table.table.item(y, x).text() for x in range(3)] for y in range(2)]
    assert said[0] == ["Holiday in August.", "1  note-0.txt · passage 1", "August 13 to 15"]
    assert said[1][1:] == ["3  note-2.txt · passage 1", "Fire drill"]
    assert table.rows() == [tuple(row) for row in said]


def test_a_citation_is_opened_by_a_click_and_by_enter(qtbot: QtBot) -> None:
    table: CitationTable = show(qtbot, CitationTable())
    answer, hits = answered()
    table.set_answer(answer, hits)
    opened = heard(table.opened)
    click_row(table.table, 1, 2)
    press(table.table, Qt.Key.Key_Up, Qt.Key.Key_Return)
    assert opened == [answer.citations[1], answer.citations[0]]
    table.set_answer(replace(answer, citations=answer.citations[:1]), hits)
    press(table.table, Qt.Key.Key_Return)
    table.set_answer(None, ())
    press(table.table, Qt.Key.Key_Return)
    assert set(opened) == set(answer.citations)


def test_without_citations_it_is_said_why(qtbot: QtBot) -> None:
    table: CitationTable = show(qtbot, CitationTable())
    table.retranslate()
    assert table.words.text() == "Citations appear here when an answer is there."
    assert not table.table.isVisible()
    answer, hits = answered()
    table.set_answer(replace(answer, citations=()), hits)
    assert table.words.text() == "No sentence of the answer is found in the passages."
    i18n.set_language("ja")
    table.retranslate()
    assert "Citations" not in table.words.text()
    assert table.header() == tuple(table.table.horizontalHeaderItem(x).text() for x in range(3))


def test_sources_of_citations_take_the_colours_of_the_theme(qtbot: QtBot) -> None:
    table: CitationTable = show(qtbot, CitationTable())
    table.set_answer(*answered())
    for theme in (LIGHT, DARK):
        table.restyle(theme)
        colors = [table.table.item(y, 1).foreground().color().name() for y in range(2)]
        assert colors == [theme.series[0], theme.series[2]]


# --- Documents --------------------------------------------------------------------------------------


def entries(count: int, broken: bool = False) -> list[m.DocumentEntry]:
    read = [m.DocumentEntry(n, f"/notes/note-{n}.txt", 50, 1234 + n, 3) for n in range(count)]
    reason = {"file": "/notes/broken.pdf"}
    return [*read, *[m.DocumentEntry(-1, "/notes/broken.pdf", 0, 0, 0, "error.text_empty", reason)] * broken]


@pytest.fixture
def documents(qtbot: QtBot) -> DocumentList:
    found: DocumentList = show(qtbot, DocumentList(), 700, 500)
    found.retranslate()
    found.set_entries(entries(4, broken=True))
    return found


def test_what_was_not_read_comes_first_with_the_reason(documents: DocumentList) -> None:
    assert documents.title.text() == "Documents: 4"
    assert documents.note.isVisible()
    assert "Not read: 1" in documents.note.text()
    first, second = documents.rows()[:2]
    assert first[:2] == ("broken.pdf", "–")
    assert "broken.pdf" in str(first[2])
    assert second == ("note-0.txt", "3", "1,234 characters")
    documents.set_entries(entries(4))
    assert not documents.note.isVisible()


def test_only_what_was_read_is_opened_and_removed(documents: DocumentList) -> None:
    opened, removed = heard(documents.opened), heard(documents.removed)
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


def test_several_are_removed_at_once_by_the_button(documents: DocumentList) -> None:
    removed = heard(documents.removed)
    click_row(documents.view, 0)
    click_row(documents.view, 3, keys=SHIFT)
    QTest.mouseClick(documents.buttons["remove"], LEFT)
    assert [sorted(entry.document for entry in some) for some in removed] == [[0, 1, 2]]
    press(documents.view, Qt.Key.Key_Escape)
    documents.view.clearSelection()
    press(documents.view, Qt.Key.Key_Delete)
    assert len(removed) == 1


def test_removing_is_taken_back_by_button_and_by_keys(qtbot: QtBot, documents: DocumentList) -> None:
    undone = heard(documents.undo_wanted)
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


def test_documents_are_found_by_any_part_of_their_place(qtbot: QtBot, documents: DocumentList) -> None:
    assert not documents.search.isVisible()  # so few are seen at once
    documents.set_entries(entries(30))
    assert documents.search.isVisible()
    QTest.keyClicks(documents.search, " NOTE-2")
    assert [name for name, *_ in documents.rows()] == ["note-2.txt", *(f"note-{n}.txt" for n in range(20, 30))]
    click_row(documents.view, 1)
    removed = heard(documents.removed)
    press(documents.view, Qt.Key.Key_Delete)
    assert removed[0][0].document == 20


def test_no_document_stays_hidden_behind_a_search_that_cannot_be_seen(documents: DocumentList) -> None:
    documents.set_entries(entries(13))
    QTest.keyClicks(documents.search, "note-7")
    documents.set_entries(entries(12))
    assert documents.search.isVisible() or len(documents.rows()) == 12
    documents.search.clear()
    assert len(documents.rows()) == 12


def test_an_empty_collection_can_only_be_added_to(documents: DocumentList) -> None:
    documents.set_entries([])
    assert documents.title.text() == "Documents: 0"
    enabled = {name for name, button in documents.buttons.items() if button.isEnabled()}
    assert {"files", "folder"} <= enabled
    assert not enabled & {"remove", "look"}
    told = [heard(documents.files_wanted), heard(documents.folder_wanted)]
    for name in ("files", "folder"):
        QTest.mouseClick(documents.buttons[name], LEFT)
    assert [len(some) for some in told] == [1, 1]
    press(documents.view, Qt.Key.Key_Return, Qt.Key.Key_Delete)


def test_the_list_of_documents_follows_language_and_look(documents: DocumentList) -> None:
    before = (documents.title.text(), documents.note.text(), documents.header(), documents.rows()[0][2])
    i18n.set_language("ja")
    documents.retranslate()
    after = (documents.title.text(), documents.note.text(), documents.header(), documents.rows()[0][2])
    assert all(a != b for a, b in zip(before, after, strict=True))
    for theme in (LIGHT, DARK):
        documents.restyle(theme)
        shown = documents.documents.index(0, 0).data(Qt.ItemDataRole.ForegroundRole)
        assert shown.name() == theme.bad
        assert documents.documents.index(1, 0).data(Qt.ItemDataRole.ForegroundRole) is None


# --- Runs -------------------------------------------------------------------------------------------


def summary(n: int, loss: float = 2.5) -> m.RunSummary:
    return m.RunSummary(f"/models/story-{n}", "story.txt", 123_456, 4000, 125.4, loss, True)


@pytest.fixture
def runs(qtbot: QtBot) -> RunList:
    found: RunList = show(qtbot, RunList(), 700, 300)
    found.retranslate()
    found.restyle(LIGHT)
    front, other = Curve("front"), Curve("other")
    other.look = 2
    found.add(summary(0), front)
    found.add(summary(1), other)
    found.add(summary(2, math.nan), None)
    return found


def row_of(runs: RunList, row: int) -> list[str]:
    item = runs.tree.topLevelItem(row)
    return [item.text(column) for column in range(5)]


def test_a_run_is_listed_with_its_figures(runs: RunList) -> None:
    assert row_of(runs, 0) == ["story-0", "2.500", "123,456", "2:05", "4,000"]
    assert row_of(runs, 2)[1] == "–"  # nothing was held out
    assert not runs.empty.isVisible()


def test_a_box_lays_a_run_over_the_curve(runs: RunList) -> None:
    toggled = heard(runs.toggled)
    boxes = [runs.tree.topLevelItem(row).data(0, Qt.ItemDataRole.CheckStateRole) for row in range(3)]
    assert [None if box is None else Qt.CheckState(box) for box in boxes] == [
        None,
        Qt.CheckState.Checked,
        Qt.CheckState.Unchecked,
    ]
    assert toggled == []
    for row in (1, 2):
        runs.tree.setCurrentItem(runs.tree.topLevelItem(row))
        press(runs.tree, Qt.Key.Key_Space)
    assert toggled == [("/models/story-1", False), ("/models/story-2", True)]


def test_a_mark_from_elsewhere_changes_box_and_swatch_silently(runs: RunList) -> None:
    toggled, item = heard(runs.toggled), runs.tree.topLevelItem(2)
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


def test_the_run_in_front_is_opened_but_not_taken_away(runs: RunList) -> None:
    assert not runs.open_button.isEnabled()
    wanted, removed = heard(runs.model_wanted), heard(runs.removed)
    runs.tree.setCurrentItem(runs.tree.topLevelItem(0))
    assert runs.open_button.isEnabled()
    assert not runs.remove_button.isEnabled()
    runs.tree.setCurrentItem(runs.tree.topLevelItem(1))
    QTest.mouseClick(runs.remove_button, LEFT)
    assert removed == ["/models/story-1"]
    assert "/models/story-1" not in runs.runs
    runs.tree.setCurrentItem(runs.tree.topLevelItem(1))
    QTest.mouseClick(runs.open_button, LEFT)
    assert wanted == ["/models/story-2"]
    assert not runs.isVisible()  # the list has done its duty


def test_when_the_last_run_is_gone_the_list_says_so(runs: RunList) -> None:
    for _ in range(2):
        runs.tree.setCurrentItem(runs.tree.topLevelItem(1))
        QTest.mouseClick(runs.remove_button, LEFT)
    assert runs.tree.topLevelItemCount() == 1
    runs.clear()
    assert runs.empty.isVisible()
    assert not runs.tree.isVisible()
    assert not runs.open_button.isEnabled()
    assert not runs.remove_button.isEnabled()


@pytest.mark.parametrize("at", [(0, 0), (700, 500), (760, 20)])
def test_the_list_drops_down_on_the_screen(qtbot: QtBot, runs: RunList, at: tuple[int, int]) -> None:
    button = show(qtbot, QWidget(), 60, 24)
    button.move(*at)
    runs.hide()
    runs.open_below(button)
    screen = button.screen().availableGeometry()
    assert runs.isVisible()
    assert screen.left() <= runs.x()
    assert screen.top() <= runs.y()
    QTest.keyClick(runs, Qt.Key.Key_Escape)
    assert not runs.isVisible()


# --- Vocabulary -------------------------------------------------------------------------------------

TOKENS = ("<end>", " the", "あ", "<0xE3>", "The", "7", "²", "\n", "7")
KINDS = ("special", "latin", "hiragana", "byte", "latin", "digit", "other", "space", "digit")


@pytest.fixture
def vocabulary(qtbot: QtBot) -> VocabularyTable:
    table: VocabularyTable = show(qtbot, VocabularyTable())
    table.retranslate()
    data = tuple(b"\xe3" if piece.startswith("<0x") else piece.encode() for piece in TOKENS)
    counts = np.array([0, 50, 20, 3, 4, 5, 1, 9, 7])
    halves = (slice(0, 4), slice(4, 9))
    table.set_pages([m.VocabularyPage(s.start, 9, TOKENS[s], data[s], KINDS[s], counts[s]) for s in halves])
    return table


def test_a_token_is_shown_as_itself_its_bytes_and_its_kind(vocabulary: VocabularyTable) -> None:
    model = vocabulary.view.model()
    shown = [[model.index(row, column).data() for column in range(5)] for row in range(9)]
    assert shown[1] == ["1", "␣the", "20 74 68 65", "letters", "50"]
    assert shown[2] == ["2", "あ", "E3 81 82", "hiragana", "20"]
    assert shown[3] == ["3", "<0xE3>", "E3", "part of a character", "3"]
    assert shown[7][1] == "⏎"
    assert vocabulary.found.text() == "9 of 9"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("the", [1, 4]),
        ("␣", [1]),
        (" ", [1]),
        ("⏎", [7]),
        ("あ", [2]),
        ("7", [5, 7, 8]),  # the digit, and the token with this number
        ("７", [7]),
        ("²", [6]),
        ("99", []),
        ("9" * 5000, []),
        ("xyz", []),
    ],
)
def test_tokens_are_found_by_piece_and_by_number(vocabulary: VocabularyTable, typed: str, found: list[int]) -> None:
    vocabulary.search.setText(typed)
    assert vocabulary.model.shown == found
    assert vocabulary.found.text() == f"{len(found)} of 9"
    assert len(vocabulary.rows()) == len(found)


@given(typed=st.text(max_size=8))
@settings(max_examples=60)
def test_nothing_that_can_be_typed_breaks_the_search(vocabulary: VocabularyTable, typed: str) -> None:
    vocabulary.search.setText(typed)
    assert set(vocabulary.model.shown) <= set(range(9))
    vocabulary.search.clear()
    assert len(vocabulary.model.shown) == 9


def test_the_vocabulary_is_sorted_by_its_heads(vocabulary: VocabularyTable) -> None:
    counts = []
    for _ in range(2):
        sort_by(vocabulary.view, 4)
        counts.append([int(words) for words in column_of(vocabulary.view, 4)])
    assert sorted(map(tuple, counts)) == sorted([tuple(sorted(counts[0])), tuple(sorted(counts[0], reverse=True))])
    QTest.keyClicks(vocabulary.search, "the")
    found = [int(words) for words in column_of(vocabulary.view, 4)]
    assert found == [n for n in counts[-1] if n in (4, 50)]  # what is found keeps the order


def test_the_chosen_token_stays_chosen_when_sorted(vocabulary: VocabularyTable) -> None:
    click_row(vocabulary.view, 2)
    for column in (4, 4, 1, 3, 0):
        sort_by(vocabulary.view, column)
        assert vocabulary.view.currentIndex().siblingAtColumn(1).data() == "あ"


def test_a_token_is_chosen_by_enter(vocabulary: VocabularyTable) -> None:
    chosen = heard(vocabulary.chosen)
    vocabulary.search.setText("the")
    click_row(vocabulary.view, 1)
    press(vocabulary.view, Qt.Key.Key_Return)
    assert chosen == [4]


def test_the_vocabulary_follows_the_language(vocabulary: VocabularyTable) -> None:
    i18n.set_language("ja")
    vocabulary.retranslate()
    heads = [vocabulary.model.headerData(c, Qt.Orientation.Horizontal) for c in range(5)]
    assert "Bytes" not in heads
    assert "9" in vocabulary.found.text()
    vocabulary.set_pages([])
    assert vocabulary.rows() == []


@pytest.mark.parametrize("make", [VocabularyTable, TokenizerTable, CitationTable, DocumentList, PassageTable])
def test_tab_leaves_every_table(qtbot: QtBot, make: Any) -> None:
    made: Any = make()
    if isinstance(made, VocabularyTable):
        made.set_pages([m.VocabularyPage(0, 2, ("a", "b"), (b"a", b"b"), ("latin", "latin"), np.array([1, 2]))])
    elif isinstance(made, TokenizerTable):
        made.set_columns(tokenizer_columns(m.CompareTokenizers("abc", "a", "b")))  # type: ignore[arg-type]
    elif isinstance(made, CitationTable):
        made.set_answer(*answered())
    elif isinstance(made, DocumentList):
        made.set_entries(entries(3))
    else:
        made.set_scores(COSINES, KEYWORDS, SCORES)
    in_a_window(qtbot, made)
    views = [made] if isinstance(made, QAbstractItemView) else made.findChildren(QAbstractItemView)
    [view] = [view for view in views if isinstance(view, QTableView)]
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    view.setCurrentIndex(view.model().index(0, 0))
    QTest.keyClick(view, Qt.Key.Key_Tab)
    assert not view.hasFocus()


# --- Tokenizers -------------------------------------------------------------------------------------


def tokenizers() -> list[m.TokenizerColumn]:
    made = [
        m.TokenizerColumn("model", 400, 10, 30, tokens_of("abc"), 5, 10),
        m.TokenizerColumn("characters", 90, 30, 30, tokens_of("猫😀"), 0, 0),
        m.TokenizerColumn("bytes", 1000, 1_500_000, 30, tokens_of(""), 7, 3),
    ]
    return made


@pytest.fixture
def compared(qtbot: QtBot) -> TokenizerTable:
    table: TokenizerTable = show(qtbot, TokenizerTable(), 900, 500)
    table.retranslate()
    table.set_columns(tokenizers())
    return table


def test_tokenizers_are_compared_row_by_row(compared: TokenizerTable) -> None:
    said = [[compared.table.item(y, x).text() for x in range(8)] for y in range(3)]
    assert said[0][:4] == ["Open model", "400", "10", "3.00"]
    assert said[1][-1] == "0.00"  # of nothing in either language
    assert said[2][2] == "1,500,000"
    assert compared.header()[0] == "Tokenizer"


def test_the_chosen_tokenizer_shows_its_pieces(compared: TokenizerTable) -> None:
    assert compared.flow.page.tokens is not None
    assert compared.flow.page.tokens.pieces == ("a", "b", "c")
    click_row(compared.table, 1)
    assert compared.flow.page.tokens.pieces == ("猫", "😀")
    compared.set_columns(tokenizers())
    assert compared.table.currentRow() == 1
    assert compared.flow.page.tokens.pieces == ("猫", "😀")
    compared.set_columns(tokenizers()[:1])
    assert compared.flow.page.tokens.pieces == ("a", "b", "c")
    compared.set_columns([])
    assert compared.flow.page.tokens is None
    assert compared.rows() == []


def test_a_price_shows_what_a_text_costs(compared: TokenizerTable) -> None:
    told = heard(compared.price_changed)
    assert compared.table.isColumnHidden(4)
    compared.price.selectAll()
    QTest.keyClicks(compared.price, "2.5")
    assert compared.rows()[2][4] == pytest.approx(3.75)
    assert compared.table.item(2, 4).text() == "3.75"
    assert not compared.table.isColumnHidden(4)
    assert told
    compared.price.setValue(0.0)
    assert compared.table.isColumnHidden(4)


def test_a_sentence_is_told_when_it_is_finished(compared: TokenizerTable) -> None:
    told = heard(compared.sentences_changed)
    QTest.keyClicks(compared.japanese, "neko")
    assert told == []
    press(compared.japanese, Qt.Key.Key_Return)
    assert len(told) == 1


def test_the_comparison_follows_the_language_and_keeps_the_choice(compared: TokenizerTable) -> None:
    click_row(compared.table, 1)
    before = compared.table.item(0, 0).text()
    i18n.set_language("ja")
    compared.retranslate()
    compared.restyle(DARK)
    assert compared.table.item(0, 0).text() != before
    assert compared.table.currentRow() == 1
    assert all(label.text() and not label.text().startswith("widget.") for label in compared.labels.values())


# --- Slider and switch ------------------------------------------------------------------------------


@pytest.fixture
def slider(qtbot: QtBot) -> LabelledSlider:
    made: LabelledSlider = show(qtbot, LabelledSlider([0.0, 0.5, 1.0, 2.0, 4.0], lambda v: f"{v:.1f}"), 400, 40)
    made.set_label("Temperature", "how bold")
    return made


def test_a_slider_says_its_value_at_once_and_that_it_rests_once(qtbot: QtBot, slider: LabelledSlider) -> None:
    changing, changed = heard(slider.changing), heard(slider.changed)
    press(slider.slider, Qt.Key.Key_Right, Qt.Key.Key_Right)
    assert changing == [0.5, 1.0]
    assert changed == []
    assert slider.figure.text() == "1.0"
    qtbot.waitUntil(lambda: bool(changed), timeout=10 * REST_MS)
    assert changed == [1.0]
    press(slider.slider, Qt.Key.Key_End, Qt.Key.Key_End)
    assert (slider.value, changing[-1]) == (4.0, 4.0)


def handle(slider: LabelledSlider) -> QPoint:
    """Where the hand takes it."""
    bar = slider.slider
    share = bar.value() / bar.maximum()
    return QPoint(round(6 + share * (bar.width() - 12)), bar.height() // 2)


def test_a_slider_that_is_dragged_rests_when_it_is_let_go(slider: LabelledSlider) -> None:
    changing, changed = heard(slider.changing), heard(slider.changed)
    slider.set_value(1.0)
    QTest.mousePress(slider.slider, LEFT, NO_KEY, handle(slider))
    assert slider.slider.isSliderDown()
    slider.slider.setSliderPosition(4)
    slider._rest.timeout.emit()  # a long rest under the hand is none
    assert (changing, changed) == ([4.0], [])
    QTest.mouseRelease(slider.slider, LEFT, NO_KEY, handle(slider))
    assert changed == [4.0]


def test_a_click_on_the_handle_changes_nothing(slider: LabelledSlider) -> None:
    changed = heard(slider.changed)
    slider.set_value(1.0)
    QTest.mouseClick(slider.slider, LEFT, NO_KEY, handle(slider))
    assert (slider.value, changed) == (1.0, [])


@given(st.floats(-1e6, 1e6))
def test_a_value_from_elsewhere_finds_the_nearest_and_is_not_told(qtbot: QtBot, value: float) -> None:
    values = [0.0, 0.5, 1.0, 2.0, 4.0]
    made = LabelledSlider(values, str)
    qtbot.addWidget(made)
    told = heard(made.changing) + heard(made.changed)
    made.set_value(value)
    assert abs(made.value - min(max(value, 0.0), 4.0)) <= 1.0
    assert made.value in values
    assert made.figure.text() == str(made.value)
    assert told == []


def test_a_slider_has_a_name_and_a_value_for_those_who_do_not_see_it(slider: LabelledSlider) -> None:
    slider.set_value(2.0)
    assert slider.slider.accessibleName() == slider.name.text() == "Temperature"
    assert slider.slider.accessibleDescription() == "2.0"
    assert slider.toolTip() == "how bold"
    assert slider.name.buddy() is slider.slider


def test_a_switch_tells_only_what_becomes_another(qtbot: QtBot) -> None:
    switch: Switch = show(qtbot, Switch(["matrix", "lines", "steps"]))
    switch.set_labels({"matrix": "Matrix", "lines": "Lines", "steps": "Steps"}, "View")
    told = heard(switch.changed)
    for name in ("matrix", "lines", "lines", "steps"):
        QTest.mouseClick(switch.button(name), LEFT)
    switch.choose("steps")
    switch.choose("matrix")
    assert told == ["lines", "steps", "matrix"]
    assert switch.current == "matrix"
    assert switch.button("lines").text() == "Lines"
    assert [switch.button(name).isChecked() for name in ("matrix", "lines", "steps")] == [True, False, False]
    with pytest.raises(ValueError, match="tuple"):
        switch.choose("nothing")


def test_a_switch_is_turned_by_keys(qtbot: QtBot) -> None:
    switch = Switch(["a", "b"])
    in_a_window(qtbot, switch)
    switch.button("a").setFocus()
    press(switch.button("a"), Qt.Key.Key_Right)
    if switch.current == "a":  # the arrow only moves on, Space chooses
        press(switch.button("b"), Qt.Key.Key_Space)
    assert switch.current == "b"


# --- Prompt -----------------------------------------------------------------------------------------


@pytest.fixture
def prompt(qtbot: QtBot) -> Prompt:
    made = Prompt()
    in_a_window(qtbot, made)
    return made


def test_the_prompt_grows_to_three_lines_and_shrinks_again(qtbot: QtBot, prompt: Prompt) -> None:
    heights = []
    for text in ("one", "one\ntwo", "one\ntwo\nthree", "one\ntwo\nthree\nfour\nfive", "one"):
        prompt.set_text(text)
        heights.append(prompt.sizeHint().height())
    one, two, three, five, again = heights
    assert one < two < three == five
    assert again == one
    line = prompt.fontMetrics().lineSpacing()
    assert (two - one, three - one) == (line, 2 * line)


def test_long_words_wrap_and_what_does_not_fit_can_be_scrolled(qtbot: QtBot, prompt: Prompt) -> None:
    prompt.set_text("x" * 100)
    assert prompt.sizeHint().height() > prompt.fontMetrics().lineSpacing() * 2
    prompt.set_text("word " * 400)
    qtbot.waitUntil(lambda: prompt.verticalScrollBar().maximum() > 0)
    assert prompt.horizontalScrollBar().maximum() == 0


def test_typing_settles_once_and_undo_brings_the_last_text_back(qtbot: QtBot, prompt: Prompt) -> None:
    settled = heard(prompt.settled)
    QTest.keyClicks(prompt, "a cat")
    assert settled == []
    qtbot.waitUntil(lambda: settled == ["a cat"])
    prompt.set_text("from an example 😀")
    qtbot.waitUntil(lambda: settled[-1] == "from an example 😀")
    prompt.undo()
    assert prompt.toPlainText() == "a cat"
    qtbot.waitUntil(lambda: len(settled) == 3)
    prompt.set_text("a cat")  # nothing new
    qtbot.wait(1)
    assert not prompt._timer.isActive()


def test_what_is_still_being_composed_is_not_in_the_text(qtbot: QtBot, prompt: Prompt) -> None:
    settled = heard(prompt.settled)
    QApplication.sendEvent(prompt, QInputMethodEvent("ねこ", []))
    assert prompt.toPlainText() == ""
    event = QInputMethodEvent("", [])
    event.setCommitString("猫")
    QApplication.sendEvent(prompt, event)
    qtbot.waitUntil(lambda: bool(settled) and settled[-1] == "猫")
    assert "ねこ" not in settled


def test_tab_leaves_the_prompt_and_files_are_not_pasted_as_paths(qtbot: QtBot) -> None:
    made = Prompt()
    after = in_a_window(qtbot, made)
    made.setFocus()
    QTest.keyClick(made, Qt.Key.Key_Tab)
    qtbot.waitUntil(after.hasFocus)
    assert made.toPlainText() == ""
    assert not made.acceptDrops()


# --- The form of a run ------------------------------------------------------------------------------

PRESETS = {"30s": m.TrainingSettings(), "5m": m.TrainingSettings(layers=6, width=192, seconds=300.0)}


@pytest.fixture
def form(qtbot: QtBot) -> RunForm:
    made: RunForm = show(qtbot, RunForm(), 700, 500)
    made.restyle(LIGHT)
    made.set_presets(PRESETS, "30s")
    return made


def test_a_preset_is_one_click(form: RunForm) -> None:
    told = heard(form.changed)
    assert (form.chosen, form.settings()) == ("30s", PRESETS["30s"])
    QTest.mouseClick(form.buttons["5m"], LEFT)
    assert (form.chosen, form.settings()) == ("5m", PRESETS["5m"])
    assert len(told) == 1
    assert "6" in form.buttons["5m"].text()
    assert not form.own.isVisible()


def test_own_numbers_leave_the_preset_and_lead_back_to_it(form: RunForm) -> None:
    QTest.mouseClick(form.more, LEFT)
    assert form.own.isVisible()
    layers = form.numbers["layers"]
    press(layers, Qt.Key.Key_Up)
    assert form.chosen == ""
    assert not any(button.isChecked() for button in form.buttons.values())
    press(layers, Qt.Key.Key_Down)
    assert form.chosen == "30s"
    assert form.buttons["30s"].isChecked()
    QTest.mouseClick(form.buttons["5m"], LEFT)
    assert [name for name, button in form.buttons.items() if button.isChecked()] == ["5m"]


def test_a_run_by_steps_has_no_seconds_and_characters_need_no_vocabulary(form: RunForm) -> None:
    QTest.mouseClick(form.more, LEFT)
    form.unit.setFocus()
    press(form.unit, Qt.Key.Key_Down)
    form.length.setValue(500)
    press(form.tokenizer, Qt.Key.Key_Down)
    found = form.settings()
    assert (found.steps, found.seconds, found.tokenizer) == (500, None, "char")
    assert not form.numbers["vocabulary"].isEnabled()
    QTest.mouseClick(form.buttons["30s"], LEFT)
    assert form.numbers["vocabulary"].isEnabled()


@st.composite
def trainings(draw: st.DrawFn) -> m.TrainingSettings:
    numbers = {name: draw(st.integers(*limits)) for name, limits in NUMBERS.items()}
    length = draw(st.integers(1, 10_000_000))
    by_steps = draw(st.booleans())
    rate = draw(st.none() | st.integers(1, 10_000).map(lambda n: n / 10_000))
    return m.TrainingSettings(
        tokenizer=draw(st.sampled_from(["bpe", "char"])),
        **numbers,
        steps=length if by_steps else None,
        seconds=None if by_steps else float(length),
        learning_rate=rate,
    )


@given(wanted=trainings())
@settings(max_examples=40)
def test_any_settings_are_shown_and_read_back_as_they_were(form: RunForm, wanted: m.TrainingSettings) -> None:
    form.set_own(wanted)
    assert form.settings() == wanted
    assert form.own.isVisible()
    assert form.chosen == next((name for name, preset in PRESETS.items() if preset == wanted), "")


def test_the_form_says_everything_in_both_languages(form: RunForm) -> None:
    said = []
    for language in ("en", "ja"):
        i18n.set_language(language)
        form.retranslate()
        words = [label.text() for label in form.labels.values()]
        words += [label.buddy().toolTip() for label in form.labels.values()]
        words += [box.itemText(i) for box in (form.tokenizer, form.unit) for i in range(2)]
        words += [button.text() for button in form.buttons.values()]
        assert all(words)
        assert not any(text.startswith("pane.") or "{" in text for text in words)
        said.append(words)
    assert sum(a == b for a, b in zip(*said, strict=True)) <= 1
    form.rate.setValue(0.0)
    assert form.rate.text() == i18n.t("pane.training.choice.automatic")


def test_an_unknown_preset_gives_way_to_the_first(qtbot: QtBot) -> None:
    made: RunForm = show(qtbot, RunForm())
    made.set_presets(PRESETS, "overnight")
    made.set_presets(PRESETS, "5m")
    assert (made.chosen, len(made.buttons)) == ("5m", 2)


# --- Messages, work and figures ---------------------------------------------------------------------


@pytest.fixture
def bar(qtbot: QtBot) -> MessageBar:
    made = MessageBar()
    in_a_window(qtbot, made)
    return made


def test_a_failure_is_said_in_the_language_of_the_moment_until_it_is_dismissed(bar: MessageBar) -> None:
    assert not bar.isVisible()
    bar.show_failure(m.Ended(0, "failed", "error.text_empty", {"file": "/notes/😀.txt"}))
    assert bar.isVisible()
    english = bar.label.text()
    assert "😀.txt" in english
    assert bar.property("level") == "bad"
    assert not bar.details.isVisible()
    i18n.set_language("ja")
    bar.retranslate()
    assert "😀.txt" in bar.label.text() != english
    QTest.mouseClick(bar.dismiss, LEFT)
    assert not bar.isVisible()
    bar.retranslate()
    assert not bar.isVisible()


def test_the_newest_message_is_the_one_shown(bar: MessageBar) -> None:
    bar.show_failure(m.Ended(0, "failed", "error.text_empty", {"file": "a"}, "Traceback: no"))
    assert bar.details.isVisible()
    bar.show_key("error.text_empty", "warning", file="b")
    assert "b" in bar.label.text()
    assert not bar.details.isVisible()  # they belonged to the other one
    assert bar.property("level") == "warning"
    bar.show_notice(m.Notice("error.text_empty", {"file": "c"}))
    assert bar.property("level") == "info"


def test_details_of_a_bug_can_be_read(qtbot: QtBot, bar: MessageBar) -> None:
    bar.show_failure(m.Ended(0, "failed", "error.text_empty", {"file": "a"}, "Traceback: line 7"))
    QTest.mouseClick(bar.details, LEFT)
    [box] = bar.findChildren(QMessageBox)
    assert box.isVisible()
    assert box.detailedText() == "Traceback: line 7"
    assert box.text() == bar.label.text()
    box.close()
    qtbot.waitUntil(lambda: bar.findChildren(QMessageBox) == [])  # or there is one more with every look


def test_a_message_may_say_braces_and_markup(bar: MessageBar) -> None:
    bar.show_key("error.text_empty", file="{name} <b>x</b>")
    assert "{name} <b>x</b>" in bar.label.text()


@pytest.mark.parametrize(("seconds", "left"), [(None, "–"), (0.2, "0:00"), (59.7, "1:00"), (125.0, "2:05")])
def test_work_says_how_far_it_is_and_how_long_it_takes(qtbot: QtBot, seconds: float | None, left: str) -> None:
    work: WorkBar = show(qtbot, WorkBar(), 600, 40)
    work.set_progress("reading", 1200, 3000, seconds, "/notes/note-😀.txt")
    assert left in work.words.text()
    assert "1,200" in work.words.text()
    assert work.words.toolTip().endswith("note-😀.txt")
    assert (work.bar.value(), work.bar.maximum()) == (1200, 3000)
    work.set_progress("embedding", 0, 0, seconds)
    assert work.bar.maximum() == 1  # a bar without a range would run to and fro


def test_long_work_appears_and_can_be_cancelled(qtbot: QtBot) -> None:
    window, work = QWidget(), WorkBar()
    QVBoxLayout(window).addWidget(work)
    show(qtbot, window, 600, 100)
    assert not work.isVisible()
    work.retranslate()
    work.set_progress("reading", 1, 2, 3.0, "x" * 500)
    assert work.isVisible()
    assert window.width() == 600  # a long name does not push
    cancelled = heard(work.cancelled)
    QTest.mouseClick(work.cancel, LEFT)
    assert len(cancelled) == 1


@pytest.mark.parametrize("tall", [False, True])
@pytest.mark.parametrize("width", [1, 90, 2000])
def test_figures_never_overlap_or_leave_their_row(qtbot: QtBot, tall: bool, width: int) -> None:
    row: FigureRow = show(qtbot, FigureRow(), width, 60)
    row.set_tall(tall)
    row.set_figures([("Step", "1,234"), ("損失", "2.345"), ("Speed", "9,876 tok/s")])
    for theme in (LIGHT, replace(DARK, zoom=2.0)):
        row.restyle(theme)
        places = [place for place, _, _ in row.fitting()]
        assert all(b.left() > a.right() for a, b in pairwise(places))
        assert all(place.right() < row.width() for place in places)
        assert not row.grab().isNull()
    assert row.accessibleDescription() == "Step: 1,234\n損失: 2.345\nSpeed: 9,876 tok/s"


def test_figures_take_more_room_in_larger_type_and_none_without_any(qtbot: QtBot) -> None:
    row: FigureRow = show(qtbot, FigureRow(), 800, 60)
    row.set_figures([("Loss", "2.345")])
    before = row.fitting()[0][0].width(), row.sizeHint().height()
    row.restyle(replace(LIGHT, zoom=2.0))
    after = row.fitting()[0][0].width(), row.sizeHint().height()
    assert all(b > 1.5 * a for a, b in zip(before, after, strict=True))
    row.set_figures([])
    assert (row.fitting(), row.toolTip()) == ([], "")
