"""Coloured text, as it is painted: its lines, its spans, and how it is used."""

import re
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PySide6.QtCore import QEvent, QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.colormaps import color_of
from gui.text import marked
from gui.widgets.coloured_text import ColouredText, Span
from tests.gui.hands import (
    LARGE_TYPE,
    Hover,
    click,
    drag,
    look,
    painted,
    point,
    press,
    recorded,
    show,
    where,
)


def boxes_of(text: ColouredText) -> list[tuple[int, QRectF, str]]:
    return [(i, *box) for i, boxes in enumerate(text.page._boxes) for box in boxes]


PROSE = "It was a bright cold day in April, and the clocks were striking thirteen. " * 4


@pytest.mark.parametrize(
    "text",
    [PROSE, "吾輩は猫である。名前はまだ無い。" * 9, "x" * 400, "https://example.org/" + "path/" * 60, "a b" * 90],
)
def test_no_text_is_wider_than_the_widget(qtbot: QtBot, text: str) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 320, 300)
    shown.set_spans([Span(text, None), Span(" end", 0.5)])
    boxes = boxes_of(shown)
    assert max(box.right() for _, box, _ in boxes) <= shown.viewport().width() + 1
    assert "".join(part for _, _, part in boxes) == text + " end"


def test_english_words_are_kept_whole(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 320, 300)
    shown.set_spans([Span(PROSE, None)])
    lines: dict[float, str] = {}
    for _, box, part in boxes_of(shown):
        lines[box.top()] = lines.get(box.top(), "") + part
    assert len(lines) > 3
    assert " ".join(line.strip() for line in lines.values()).split() == PROSE.split()


@given(
    st.lists(st.text(st.sampled_from("ab cd.、猫で😀é\n"), max_size=40), min_size=1, max_size=6), st.integers(90, 500)
)
@settings(max_examples=30)
def test_every_character_is_painted_once_and_in_order(qtbot: QtBot, texts: list[str], width: int) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), width, 200)
    shown.set_spans([Span(text, 0.5) for text in texts])
    boxes = boxes_of(shown)
    assert "".join(part for _, _, part in boxes) == "".join(texts).replace("\n", "⏎")
    assert [i for i, _, _ in boxes] == sorted(i for i, _, _ in boxes)
    for (_, a, _), (_, b, _) in pairwise(boxes):
        assert b.left() >= a.right() - 0.01 or b.top() >= a.bottom() - 0.01
    assert shown.text() == "".join(texts)


@pytest.mark.parametrize("character", ["か\u3099", "e\u0301", "👨\u200d👩\u200d👧", "👍🏽", "❤\ufe0f", "葛\U000e0100"])
def test_grapheme_clusters_are_not_split(qtbot: QtBot, character: str) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 120, 300)
    shown.set_spans([Span(f"猫{character * 30}犬", None)])
    parts = [part for _, _, part in boxes_of(shown)]
    assert "".join(parts) == f"猫{character * 30}犬"
    assert {unicodedata.category(part[0])[0] for part in parts} <= {"L", "S"}
    assert not any(part.endswith("\u200d") or part[0] in "\u200d🏽" for part in parts)


def test_a_token_is_underlined_and_clicked_where_it_is_drawn(qtbot: QtBot, hover: Hover) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 500, 200)
    shown.set_spans([Span("The", None, "the prompt"), Span(" cat", 0.0, "low"), Span(" sat", 1.0, "high")])
    clicked = recorded(shown.clicked)
    for value, words in ((0.0, "low"), (1.0, "high")):
        place = where(shown.page, color_of(value))
        click(shown.page, place)
        assert hover(shown.page, place) == words
    assert clicked == [1, 2]
    assert hover(shown.page, QPoint(480, 150)) == ""


def test_hovered_is_emitted_when_the_mouse_enters_and_leaves_a_span(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 500, 200)
    shown.set_spans([Span("one", 0.1), Span(" two", 0.9)])
    hovered = recorded(shown.hovered)
    for value in (0.1, 0.9):
        point(shown.page, where(shown.page, color_of(value)))
    QApplication.sendEvent(shown.page, QEvent(QEvent.Type.Leave))
    assert hovered[-3:] == [0, 1, -1]


def test_keys_move_through_the_spans_and_copy_the_text(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 500, 200)
    spans = [Span("私は", None), Span("😀", 0.5), Span(" sat", 0.5)]
    shown.set_spans(spans, 1)
    clicked, copied = recorded(shown.clicked), []
    shown.copied.connect(lambda: copied.append(QApplication.clipboard().text()))
    press(shown.page, Qt.Key.Key_Left, Qt.Key.Key_Right)
    shown.set_spans(spans, 0)
    press(shown.page, Qt.Key.Key_Left)
    shown.set_spans(spans, 2)
    press(shown.page, Qt.Key.Key_Right)
    shown.set_spans(spans)
    press(shown.page, Qt.Key.Key_Left)
    QTest.keyClick(shown.page, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clicked == [0, 2, 0, 2, 2]
    assert copied == ["私は😀 sat"]


def test_the_view_scrolls_to_the_end_of_the_text(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 300, 120)
    shown.set_spans([Span(PROSE, None), *[Span(f" word{n}", 0.25) for n in range(60)], Span(" end", 1.0)])
    qtbot.waitUntil(lambda: bool(painted(shown.viewport(), color_of(1.0)).any()))
    shown.set_spans([*[Span(f" word{n}", 0.25) for n in range(60)], Span(" end", 1.0)], 0)
    qtbot.waitUntil(lambda: shown.verticalScrollBar().value() < 30)


def test_sources_are_tinted_and_numbered(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 500, 200)
    shown.set_spans([Span("said before ", None), Span("said by a source", None, "", QColor("#cc00cc"), "7")])
    mark = painted(shown.page, QColor("#cc00cc"))
    before = [box for i, box, _ in boxes_of(shown) if i == 0][-1]
    first = next(box for i, box, _ in boxes_of(shown) if i == 1)
    number = np.flatnonzero(mark[: round(first.center().y())].any(axis=0))
    line = np.flatnonzero(mark[round(first.bottom()) - 8 :].any(axis=0))
    assert before.right() - 1 <= number.min() < number.max() <= first.left()  # between the prompt and the continuation
    assert line.min() >= round(first.left()) - 1


def test_larger_type_takes_more_lines(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 400, 200)
    shown.set_spans([Span(PROSE, 0.3)])
    before = shown.page.minimumHeight()
    look(LARGE_TYPE)
    assert shown.page.minimumHeight() > 3 * before


def test_an_empty_piece_has_a_name() -> None:
    assert [marked(piece) for piece in ("", " ", "猫")] == ["∅", "␣", "猫"]


def test_the_mark_is_complete_when_a_line_begins_with_a_space(qtbot: QtBot) -> None:
    red, widths = QColor(200, 0, 0), []
    for text in ("Words", " Words"):
        view = show(qtbot, ColouredText(), 300, 100)
        view.set_spans([Span(text, None, color=red, mark="1")], None)
        top = painted(view.page, red)[: view.page.line_height // 2]
        widths.append(int(top.any(axis=0).sum()))
    assert widths[0] == widths[1] > 0


def _text(qtbot: QtBot, pieces: list[str], width: int = 300) -> ColouredText:
    shown = ColouredText()
    qtbot.addWidget(shown)
    shown.resize(width, 400)
    shown.show()
    shown.set_spans([Span(piece, None) for piece in pieces])
    return shown


def _lines(shown: ColouredText) -> list[str]:
    lines: dict[float, str] = {}
    for boxes in shown.page._boxes:
        for box, part in boxes:
            lines[box.top()] = lines.get(box.top(), "") + part
    return list(lines.values())


@pytest.mark.parametrize("whole", [True, False])
def test_a_long_text_wraps_at_its_spaces_in_one_piece_or_in_tokens(qtbot: QtBot, whole: bool) -> None:
    text = "Once upon a time there was a rabbit who lived in the forest near the pond, and it was hungry."
    words = text.split()
    tokens = [part for piece in re.findall(" ?[^ ]+", text) for part in (piece[:2], piece[2:]) if part]
    shown = _text(qtbot, [text] if whole else tokens)
    assert all(box.right() <= shown.viewport().width() for boxes in shown.page._boxes for box, _ in boxes)
    assert [word for line in _lines(shown) for word in line.split()] == words
    assert len(_lines(shown)) > 2


def test_no_line_begins_with_punctuation_that_follows_a_space(qtbot: QtBot) -> None:
    shown = _text(qtbot, ["、", "aa、", "a、、、犬", "aaaaa", "aab、、", "a 、、、、", "、"], 400)
    assert _lines(shown) == ["、aa、a、、、犬aaaaaaab、、", "a 、、、、、"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.sampled_from("ab .,」「。、猫犬っ😀\n"), min_size=1, max_size=6), max_size=30))
def test_lines_lose_and_clip_nothing_and_never_begin_with_closing_punctuation(qtbot: QtBot, pieces: list[str]) -> None:
    shown = _text(qtbot, pieces, 400)
    drawn = "".join(part for boxes in shown.page._boxes for _, part in boxes)
    assert drawn.replace("⏎", "\n") == "".join(pieces)
    assert all(box.left() >= -20 for boxes in shown.page._boxes for box, _ in boxes)
    # Where so much is joined that it is wider than a line there is no other way.
    if not re.search("[.,」「。、っab😀]{12}", "".join(pieces)):
        wrapped = [line for before, line in pairwise(_lines(shown)) if not before.endswith("⏎")]
        assert [line for line in wrapped if line[0] in "」。、"] == []


@pytest.fixture
def selectable(qtbot: QtBot) -> ColouredText:
    shown: ColouredText = show(qtbot, ColouredText(), 600, 200)
    shown.selectable = True
    shown.set_spans([Span("The cat", None), Span(" sat", 0.5), Span(" on", 0.5), Span(" it.", 0.5)], 3)
    return shown


def middle(text: ColouredText, index: int) -> QPoint:
    return text.page.boxes_of(index)[0].center().toPoint()


def test_spans_are_selected_by_dragging_and_a_click_still_chooses_one(selectable: ColouredText) -> None:
    clicked = recorded(selectable.clicked)
    drag(selectable.page, middle(selectable, 3), middle(selectable, 1))
    assert selectable.selected_text() == " sat on it."
    press(selectable.page, Qt.Key.Key_Left)
    assert clicked == [2]
    click(selectable.page, middle(selectable, 1))
    assert clicked == [2, 1]
    assert selectable.selected_text() == ""


def test_shift_and_arrow_keys_select_and_only_the_selection_is_copied(selectable: ColouredText) -> None:
    for _ in range(2):
        QTest.keyClick(selectable.page, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert selectable.selected_text() == " on it."
    QTest.keyClick(selectable.page, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == " on it."
    QTest.keyClick(selectable.page, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert selectable.selected_text() == " it."
    selectable.set_spans([Span("Another text", None)])
    assert selectable.selected_text() == ""


def test_the_menu_is_wanted_only_of_a_selectable_text(selectable: ColouredText) -> None:
    wanted = recorded(selectable.menu_wanted)
    menu = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(5, 5), QPoint(70, 80))
    QApplication.sendEvent(selectable.page, menu)
    selectable.selectable = False
    QApplication.sendEvent(selectable.page, menu)
    assert wanted == [QPoint(70, 80)]


def test_a_text_that_is_scrolled_is_cut_between_two_lines(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 320, 205)
    shown.whole_lines = True
    shown.set_spans([Span(PROSE * 3, None)])
    line, bar = shown.page.line_height, shown.verticalScrollBar()
    assert shown.page.height() > shown.height()
    for steps in (0, 2, 100):
        bar.setValue(steps * bar.singleStep())
        assert (bar.value() + shown.viewport().height()) % line == 0
        assert bar.value() % line == 0
    shown.set_spans([Span("short", None)])
    assert shown.viewport().height() == shown.height() - 2 * shown.frameWidth()
