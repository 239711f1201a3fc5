"""Tables, used by mouse and keyboard: sorting, selecting, searching, opening."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QTableView
from pytestqt.qtbot import QtBot

from engine.messages.search import Answered, Citation, SearchHit
from engine.messages.tokens import Vocabulary
from gui import i18n
from gui.panes.search.citation_table import CitationTable
from gui.panes.search.document_list import DocumentList
from gui.panes.search.passage_table import COLUMNS as PASSAGE_COLUMNS, MOST_TEXTS, PassageTable
from gui.panes.tokens.vocabulary_table import VocabularyTable
from gui.theme import DARK, LIGHT
from tests.gui.fake_documents import TEXTS, entries, passage
from tests.gui.hands import CONTROL, click_row, column_of, in_a_window, look, open_row, press, recorded, show, sort_by


def cell_text(view: QTableView, row: int, column: int) -> Any:
    return view.model().index(row, column).data()


# --- Passages ------------------------------------------------------------------------------------------


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


def test_the_best_passages_come_first(passages: PassageTable) -> None:
    assert column_of(passages, RANK) == ["1", "2", "3", "4"]
    assert column_of(passages, SCORE) == ["0.4000", "0.3000", "0.2000", "0.1000"]
    assert column_of(passages, TEXT)[0] == TEXTS[1]
    assert column_of(passages, SOURCE)[0] == "note-1.txt · passage 1"
    assert passages.table_rows()[0][:4] == (1, 0.9, 1.0, 0.4)
    assert [row[4] for row in passages.table_rows()] == column_of(passages, TEXT)


@pytest.mark.parametrize(
    ("column", "texts"), [(COSINE, [0, 2, 3, 1]), (KEYWORD, [2, 1, 3, 0]), (SCORE, [0, 3, 2, 1]), (RANK, [0, 3, 2, 1])]
)
def test_a_click_on_a_heading_sorts_and_a_second_one_reverses(
    passages: PassageTable, column: int, texts: list[int]
) -> None:
    orders = []
    for _ in range(2):
        sort_by(passages, column)
        orders.append(column_of(passages, TEXT))
    expected = [TEXTS[i] for i in texts]
    assert sorted(orders) == sorted([expected, expected[::-1]])


def test_columns_of_texts_cannot_be_sorted(passages: PassageTable) -> None:
    sort_by(passages, COSINE)
    header, before = passages.horizontalHeader(), column_of(passages, TEXT)
    arrow = header.sortIndicatorSection(), header.sortIndicatorOrder()
    for column in (TEXT, SOURCE, TEXT):
        sort_by(passages, column)
        assert column_of(passages, TEXT) == before
        assert (header.sortIndicatorSection(), header.sortIndicatorOrder()) == arrow


def test_the_selected_passage_stays_selected_when_sorted(passages: PassageTable) -> None:
    click_row(passages, 0)
    selected = recorded(passages.selected)
    marked = passages.currentIndex().siblingAtColumn(TEXT).data()
    for column in (COSINE, COSINE, KEYWORD, RANK, RANK):
        sort_by(passages, column)
        assert passages.currentIndex().siblingAtColumn(TEXT).data() == marked
        assert [i.siblingAtColumn(TEXT).data() for i in passages.selectionModel().selectedRows()] == [marked]
    assert selected == []


def test_passages_are_selected_and_opened_by_mouse_and_keys(passages: PassageTable) -> None:
    selected, opened = recorded(passages.selected), recorded(passages.opened)
    click_row(passages, 2, TEXT)
    press(passages, Qt.Key.Key_Up, Qt.Key.Key_Return)
    open_row(passages, 3, TEXT)
    assert selected == [3, 2, 0]
    assert opened == [2, 0]


def test_selecting_from_code_emits_no_signal(passages: PassageTable) -> None:
    selected = recorded(passages.selected)
    passages.select(3)
    assert passages.currentIndex().row() == 2
    passages.select(99)
    assert passages.currentIndex().row() == 2
    passages.set_scores(COSINES, KEYWORDS, SCORES[::-1])
    assert selected == []


def test_passages_without_a_cosine_come_last_and_show_a_dash(passages: PassageTable) -> None:
    cosines = COSINES.copy()
    cosines[1] = np.nan
    passages.set_scores(cosines, KEYWORDS, SCORES)
    for _ in range(2):
        sort_by(passages, COSINE)
        assert column_of(passages, TEXT)[-1] == TEXTS[1]
        assert column_of(passages, COSINE)[-1] == "–"


def test_hits_are_bold_and_the_tooltip_has_the_whole_text(passages: PassageTable) -> None:
    passages.set_hits([passage(1)])
    model = passages.model()
    fonts = [model.index(row, 0).data(Qt.ItemDataRole.FontRole) for row in range(4)]
    assert [bool(font and font.bold()) for font in fonts] == [True, False, False, False]
    assert TEXTS[1] in model.index(0, TEXT).data(Qt.ItemDataRole.ToolTipRole)
    heads = [model.headerData(c, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) for c in range(6)]
    assert len(set(heads)) == 6
    assert not any(words.startswith("pane.") for words in heads)


def test_texts_are_loaded_as_they_come_into_view(qtbot: QtBot) -> None:
    table: PassageTable = show(qtbot, PassageTable(), 900, 300)
    wanted = recorded(table.texts_wanted)
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


def test_a_narrow_table_hides_the_keyword_score(passages: PassageTable) -> None:
    for width, hidden in ((900, False), (200, True), (900, False)):
        passages.resize(width, 300)
        assert passages.isColumnHidden(KEYWORD) == hidden
        assert not passages.grab().isNull()


def test_an_empty_table_selects_and_opens_nothing(qtbot: QtBot) -> None:
    table: PassageTable = show(qtbot, PassageTable())
    table.retranslate()
    emitted = [recorded(table.selected), recorded(table.opened), recorded(table.texts_wanted)]
    empty = np.zeros(0, np.float32)
    table.set_scores(empty, empty, empty)
    press(table, Qt.Key.Key_Return, Qt.Key.Key_Down, Qt.Key.Key_End)
    table.select(0)
    sort_by(table, COSINE)
    assert (emitted, table.table_rows()) == ([[], [], []], [])


def test_the_headings_follow_the_language(passages: PassageTable) -> None:
    english = passages.header()
    i18n.set_language("ja")
    passages.retranslate()
    shown = [passages.model().headerData(c, Qt.Orientation.Horizontal) for c in range(6)]
    assert tuple(shown) == passages.header() != english
    assert passages.accessibleName() != ""


# --- Citations -----------------------------------------------------------------------------------------


def answered() -> tuple[Answered, tuple[SearchHit, ...]]:
    hits = tuple(SearchHit(passage(i), 1.0, 0.5, 1.0, (0, 6)) for i in range(3))
    text = "Holiday\nin August. Tea costs 180."
    cited = (Citation(0, 18, 0, 16, 31), Citation(19, 33, 2, 0, 10))
    return Answered(True, "written", text, cited), hits


def test_each_cited_sentence_is_beside_its_source(qtbot: QtBot) -> None:
    table: CitationTable = show(qtbot, CitationTable())
    table.retranslate()
    table.set_answer(*answered())
    assert table.table.rowCount() == 2
    shown = [[cell_text(table.table, y, x) for x in range(3)] for y in range(2)]
    assert shown[0] == ["Holiday in August.", "1  note-0.txt · passage 1", "August 13 to 15"]
    assert shown[1][1:] == ["3  note-2.txt · passage 1", "Fire drill"]
    assert table.rows() == [tuple(row) for row in shown]


def test_a_citation_is_opened_by_a_click_and_by_enter(qtbot: QtBot) -> None:
    table: CitationTable = show(qtbot, CitationTable())
    answer, hits = answered()
    table.set_answer(answer, hits)
    opened = recorded(table.opened)
    click_row(table.table, 1, 2)
    press(table.table, Qt.Key.Key_Up, Qt.Key.Key_Return)
    assert opened == [answer.citations[1], answer.citations[0]]
    table.set_answer(replace(answer, citations=answer.citations[:1]), hits)
    press(table.table, Qt.Key.Key_Return)
    table.set_answer(None, ())
    press(table.table, Qt.Key.Key_Return)
    assert set(opened) == set(answer.citations)


def test_without_citations_the_table_gives_the_reason(qtbot: QtBot) -> None:
    table: CitationTable = show(qtbot, CitationTable())
    table.retranslate()
    assert table.words.text() == "Citations appear after the answer."
    assert not table.table.isVisible()
    answer, hits = answered()
    table.set_answer(replace(answer, citations=()), hits)
    assert table.words.text() == "No sentence of the answer is found in the passages."
    i18n.set_language("ja")
    table.retranslate()
    assert "Citations" not in table.words.text()
    assert table.header() == tuple(table.table.model().headerData(x, Qt.Orientation.Horizontal) for x in range(3))


def test_sources_have_the_colours_of_the_theme(qtbot: QtBot) -> None:
    table: CitationTable = show(qtbot, CitationTable())
    table.set_answer(*answered())
    for theme in (LIGHT, DARK):
        look(theme)
        colors = [table.table.model().index(y, 1).data(Qt.ItemDataRole.ForegroundRole).color().name() for y in range(2)]
        assert colors == [theme.series[0], theme.series[2]]


# --- Vocabulary ----------------------------------------------------------------------------------------


TOKENS: tuple[str, ...] = ("<end>", " the", "あ", "<0xE3>", "The", "7", "²", "\n", "7")
KINDS: tuple[str, ...] = ("special", "latin", "hiragana", "byte", "latin", "digit", "other", "space", "digit")


@pytest.fixture
def vocabulary(qtbot: QtBot) -> VocabularyTable:
    table: VocabularyTable = show(qtbot, VocabularyTable())
    table.retranslate()
    data = tuple(b"\xe3" if piece.startswith("<0x") else piece.encode() for piece in TOKENS)
    counts = np.array([0, 50, 20, 3, 4, 5, 1, 9, 7])
    table.set_vocabulary(Vocabulary(TOKENS, data, KINDS, counts))
    assert table.model.shown[:2] == [1, 2]  # the most frequent first
    table.view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    return table


def test_a_token_is_shown_with_its_bytes_and_kind(vocabulary: VocabularyTable) -> None:
    model = vocabulary.view.model()
    shown = [[model.index(row, column).data() for column in range(5)] for row in range(9)]
    assert shown[1] == ["1", "␣the", "20 74 68 65", "letters", "50"]
    assert shown[2] == ["2", "あ", "E3 81 82", "hiragana", "20"]
    assert shown[3] == ["3", "0xE3", "E3", "part of a character", "3"]
    assert shown[7][1] == "⏎"
    assert vocabulary.found.text() == "9 of 9"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("the", [1, 4]),
        ("␣", [1]),
        ("␣the", [1]),
        ("0xE3", [3]),
        (" ", [1]),
        ("⏎", [7]),
        ("あ", [2]),
        ("7", [5, 7, 8]),  # the digit, and the token with this ID
        ("７", [7]),
        ("²", [6]),
        ("99", []),
        ("9" * 5000, []),
        ("xyz", []),
    ],
)
def test_tokens_are_found_by_piece_and_by_id(vocabulary: VocabularyTable, typed: str, found: list[int]) -> None:
    vocabulary.search.setText(typed)
    assert vocabulary.model.shown == found
    assert vocabulary.found.text() == f"{len(found)} of 9"
    assert len(vocabulary.rows()) == len(found)


@given(typed=st.text(max_size=8))
@settings(max_examples=60)
def test_any_text_can_be_searched_for(vocabulary: VocabularyTable, typed: str) -> None:
    vocabulary.search.setText(typed)
    assert set(vocabulary.model.shown) <= set(range(9))
    vocabulary.search.clear()
    assert len(vocabulary.model.shown) == 9


def test_a_click_on_a_heading_sorts_the_vocabulary(vocabulary: VocabularyTable) -> None:
    counts = []
    for _ in range(2):
        sort_by(vocabulary.view, 4)
        counts.append([int(words) for words in column_of(vocabulary.view, 4)])
    assert sorted(map(tuple, counts)) == sorted([tuple(sorted(counts[0])), tuple(sorted(counts[0], reverse=True))])
    QTest.keyClicks(vocabulary.search, "the")
    found = [int(words) for words in column_of(vocabulary.view, 4)]
    assert found == [n for n in counts[-1] if n in (4, 50)]  # search results keep the order


def test_the_selected_token_stays_selected_when_sorted(vocabulary: VocabularyTable) -> None:
    click_row(vocabulary.view, 2)
    for column in (4, 4, 1, 3, 0):
        sort_by(vocabulary.view, column)
        assert vocabulary.view.currentIndex().siblingAtColumn(1).data() == "あ"


def test_return_chooses_a_token(vocabulary: VocabularyTable) -> None:
    chosen = recorded(vocabulary.chosen)
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
    vocabulary.set_vocabulary(Vocabulary((), (), (), np.zeros(0, np.int64)))
    assert vocabulary.rows() == []


@pytest.mark.parametrize("make", [VocabularyTable, CitationTable, DocumentList, PassageTable])
def test_tab_leaves_every_table(qtbot: QtBot, make: Any) -> None:
    made: Any = make()
    if isinstance(made, VocabularyTable):
        made.set_vocabulary(Vocabulary(("a", "b"), (b"a", b"b"), ("latin", "latin"), np.array([1, 2])))
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
