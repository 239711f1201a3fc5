"""Candidates, the draw and chips of tokens, as they are painted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFontMetricsF
from pytestqt.qtbot import QtBot

from engine.messages.generation import STAGES, Candidates, GeneratedToken, SamplingSettings
from gui import i18n
from gui.i18n import percent
from gui.theme import DARK, GAP_M, LARGE, LIGHT, NORMAL, Theme
from gui.widgets.candidate_bars import CandidateBars
from gui.widgets.draw_strip import DrawStrip
from gui.widgets.token_spans import spans_of
from gui.widgets.token_strip import CHEVRON, TokenStrip, describe
from tests.gui.fakes import candidates, many_candidates, tokens_of
from tests.gui.hands import (
    LARGE_TYPE,
    Hover,
    area_of,
    click,
    look,
    painted,
    press,
    recorded,
    show,
    turn_wheel,
    where,
)

# --- Candidates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", [LIGHT, DARK, LARGE_TYPE], ids=["light", "dark", "large type"])
def test_an_excluded_candidate_is_grey_and_can_be_chosen(qtbot: QtBot, hover: Hover, theme: Theme) -> None:
    bars = show(qtbot, CandidateBars(), 400, 400)
    look(theme)
    bars.set_candidates(candidates())
    chosen, place = recorded(bars.chosen), where(bars, theme.color("cut"))
    assert "excluded by min-p" in hover(bars, place)
    assert hover(bars, place).startswith("c   ID 99\nmodel: 20.00 %")
    click(bars, place)
    assert chosen == [99]
    assert hover(bars, QPoint(200, 395)) == ""


def test_bars_are_as_long_as_the_probabilities(qtbot: QtBot) -> None:
    bars = show(qtbot, CandidateBars(), 500, 300)
    bars.set_candidates(candidates())
    lengths = painted(bars, LIGHT.series_color(0))[round(bars._top_of(0)) :].sum(1)
    runs = np.split(lengths, np.flatnonzero(lengths == 0))
    first, second = [int(run.max()) for run in runs if run.size and run.max() > 5][:2]
    assert first / second == pytest.approx(0.5 / 0.3, rel=0.05)


@pytest.mark.parametrize("highest", [0.001, 0.02, 0.5, 1.0])
def test_the_axis_ends_at_100_per_cent_unless_it_is_stretched(qtbot: QtBot, highest: float) -> None:
    bars = show(qtbot, CandidateBars(draws=False), 500, 300)
    table = np.full((len(STAGES), 3), highest / 4, np.float32)
    table[:, 0] = highest
    bars.set_candidates(replace(candidates(), probabilities=table))
    left, right = bars._columns().axis

    def length() -> int:
        return int(painted(bars, LIGHT.series_color(0))[round(bars._top_of(0)) :].sum(1).max())

    assert length() == pytest.approx(max(1, highest * (right - left)), abs=2)
    press(bars, Qt.Key.Key_Z)
    assert length() == pytest.approx(max(1, highest * bars.factor() * (right - left)), abs=2)
    assert 0.09 < highest * bars.factor() <= 1.0


@given(st.integers(1, 60), st.integers(150, 700))
@settings(max_examples=20)
def test_the_rows_and_the_others_have_all_of_the_probability(qtbot: QtBot, count: int, height: int) -> None:
    bars = show(qtbot, CandidateBars(), 400, height)
    shown = many_candidates(count)
    bars.set_candidates(replace(shown, drawn=count - 1))
    assert len(bars.indices()) == bars.rows() <= 10
    assert count - 1 in bars.indices()  # the drawn one in any case
    model, left = bars.others()
    assert model + shown.probabilities[0, bars.indices()].sum() == pytest.approx(1.0, abs=1e-5)
    assert left + shown.probabilities[-1, bars.indices()].sum() == pytest.approx(1.0, abs=1e-5)


@given(st.integers(190, 900), st.integers(120, 700), st.booleans())
@settings(max_examples=25)
def test_no_number_is_cut_and_the_bars_keep_some_room(qtbot: QtBot, width: int, height: int, draws: bool) -> None:
    bars = show(qtbot, CandidateBars(draws=draws), width, height)
    bars.set_candidates(replace(many_candidates(12), pieces=("a long name of a token",) * 12))
    columns = bars._columns()
    assert columns.figure >= QFontMetricsF(bars.theme.font(bars._size())).horizontalAdvance(percent(1, 1))
    assert columns.figures[0] - columns.figure >= columns.axis[1]
    assert columns.axis[1] - columns.axis[0] >= 20


@given(st.integers(170, 900), st.booleans())
@settings(max_examples=25)
def test_the_only_column_of_numbers_has_its_whole_name_beside_the_factor(qtbot: QtBot, width: int, draws: bool) -> None:
    bars = show(qtbot, CandidateBars(draws=draws), width, 300)
    bars.set_candidates(replace(candidates(), probabilities=0.1 * candidates().probabilities))
    columns, heads = bars._columns(), len(bars._heads())
    words = QFontMetricsF(bars.theme.font(NORMAL)).horizontalAdvance(bars._head_words(heads - 1))
    assert heads > 1 or bars._head(0, columns).width() >= words
    assert not bars._tag().isEmpty()
    assert bars._tag().right() <= bars._head(0, columns).left()


# --- The draw ----------------------------------------------------------------------------------------


def drawing(draw: float, temperature: float = 1.0) -> Candidates:
    found = candidates(0 if draw < 0.6 else 1)
    return replace(found, draw=draw, starts=(0.0, 0.6, 1.0), sampling=SamplingSettings(temperature=temperature))


@pytest.fixture
def strip(qtbot: QtBot) -> DrawStrip:
    bars = show(qtbot, CandidateBars(), 500, 400)
    made: DrawStrip = show(qtbot, DrawStrip(bars), 500, 90)
    return made


def show_draw(strip: DrawStrip, found: Candidates, spin: bool = False) -> None:
    strip._bars.set_candidates(found)
    strip.show_draw(spin)


@pytest.mark.parametrize("draw", [0.05, 0.42, 0.97])
def test_the_needle_is_at_the_random_number(strip: DrawStrip, draw: float) -> None:
    show_draw(strip, drawing(draw))
    rows, columns = np.nonzero(painted(strip, LIGHT.series_color(1)))
    assert columns[rows <= rows.min() + 2].mean() == pytest.approx(draw * 500, abs=3)
    assert strip.accessibleDescription() == f"random number {draw:.2f} → {'a' if draw < 0.6 else 'b'}"
    box = strip.segment(0 if draw < 0.6 else 1)
    assert box.left() <= draw * 500 <= box.right()
    assert box.width() == pytest.approx((0.6 if draw < 0.6 else 0.4) * 500, abs=0.01)


def test_the_needle_spins_and_stops_at_the_random_number(qtbot: QtBot, strip: DrawStrip) -> None:
    show_draw(strip, drawing(0.2))
    show_draw(strip, drawing(0.7), spin=True)
    places: list[float] = []
    qtbot.waitUntil(lambda: places.append(strip.needle) or strip.needle == 0.7)  # type: ignore[func-returns-value]
    assert len(set(places)) > 3


def test_at_temperature_0_there_is_no_needle_but_a_crown(strip: DrawStrip, hover: Hover) -> None:
    show_draw(strip, drawing(0.3))
    with_needle = painted(strip, LIGHT.series_color(1)).sum()
    assert not painted(strip, LIGHT.series_color(4)).any()
    show_draw(strip, drawing(0.3, temperature=0.0))
    assert painted(strip, LIGHT.series_color(1)).sum() < with_needle
    crown = where(strip, LIGHT.series_color(4))
    assert crown.x() == pytest.approx(strip.segment(0).center().x(), abs=3)
    assert "no draw" in strip.accessibleDescription()
    assert hover(strip, strip.segment(1).center().toPoint()).startswith("b   40.00 %")


def test_the_rest_of_the_strip_and_the_row_of_others_have_the_same_number(strip: DrawStrip) -> None:
    many = many_candidates(24)
    shares = many.probabilities[-1].tolist()
    show_draw(strip, replace(many, drawn=20, draw=0.9, starts=tuple(np.cumsum([0.0, *shares[:-1]]).tolist())))
    covered = sum(strip.segment(index).width() for index in strip._segments())
    assert len(strip._segments()) == strip._bars.rows()
    assert 1 - covered / strip.width() == pytest.approx(strip._bars.others()[1], abs=1e-5)


def test_where_the_other_tokens_have_little_room_their_share_is_still_whole(strip: DrawStrip) -> None:
    assert strip.rest_words(0.09, 400) == f"others {percent(0.09, 1)}"
    assert strip.rest_words(0.09, 100) == percent(0.09, 1)


# --- Written tokens ----------------------------------------------------------------------------------


def token(piece: str, text: str = "", **more: bool) -> GeneratedToken:
    return GeneratedToken(1, piece, text, 0.5, 1.0, None, **more)


def test_a_character_is_a_grey_box_until_its_last_byte_is_written() -> None:
    parts = [token("a", "a"), token("<0xE5>"), token("<0x90>"), token("<0xBE>", "吾")]
    looks = [[span.look for span in spans_of(parts[:count], [0.5] * count)] for count in range(1, 5)]
    assert looks == [[""], ["", "half"], ["", "", "half"], ["", "", "", ""]]
    assert "".join(span.text for span in spans_of(parts, [0.5] * 4)) == "a吾"
    assert spans_of([token("<0xFF>", "\ufffd")], [0.5])[0].look == "half"


@pytest.mark.parametrize(
    ("piece", "ends", "name"),
    [
        ("<|im_end|>", True, "end of turn"),
        ("<|endoftext|>", True, "end of text"),
        ("</s>", True, "end of text"),
        ("<|im_start|>", False, "<|im_start|>"),
    ],
)
def test_special_tokens_are_chips_with_a_name_that_is_no_part_of_the_text(piece: str, ends: bool, name: str) -> None:
    [span] = spans_of([token(piece, special=True, ends=ends)], [0.9])
    assert (span.look, span.text, span.shown.strip("\xa0")) == ("chip", "", name)
    assert piece in span.words


def test_arrow_keys_and_return_choose_a_candidate(qtbot: QtBot) -> None:
    bars = show(qtbot, CandidateBars(), 400, 400)
    bars.set_candidates(candidates())
    chosen = recorded(bars.chosen)
    press(bars, Qt.Key.Key_Return)  # nothing is chosen yet
    press(bars, Qt.Key.Key_Up, Qt.Key.Key_Return, *[Qt.Key.Key_Down] * 7, Qt.Key.Key_Enter)
    assert chosen == [97, 99]
    assert "c   ID 99" in bars.accessibleDescription()


def test_keys_cannot_choose_a_candidate_that_is_not_shown(qtbot: QtBot) -> None:
    bars = show(qtbot, CandidateBars(), 400, 500)
    bars.set_candidates(many_candidates(12))
    assert bars.rows() == 10
    press(bars, *[Qt.Key.Key_Down] * 12)
    bars.resize(400, 150)
    assert bars.rows() < 10
    chosen = recorded(bars.chosen)
    press(bars, Qt.Key.Key_Return)
    assert chosen == [bars.rows() - 1]
    bars.set_candidates(candidates())  # three candidates
    press(bars, Qt.Key.Key_Return)
    assert chosen[-1] in (97, 98, 99)


def test_an_empty_list_of_candidates_emits_and_describes_nothing(qtbot: QtBot, hover: Hover) -> None:
    bars = show(qtbot, CandidateBars(), 400, 300)
    chosen = recorded(bars.chosen)
    click(bars, QPoint(50, 10))
    press(bars, Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert (chosen, hover(bars, QPoint(50, 10)), bars.rows()) == ([], "", 0)


# --- Token strip ---------------------------------------------------------------------------------------


def strip_of(qtbot: QtBot, text: str, width: int = 400) -> TokenStrip:
    strip: TokenStrip = show(qtbot, TokenStrip(), width, 46)
    strip.set_tokens(tokens_of(text))
    return strip


def chip(strip: TokenStrip, index: int) -> QRect:
    """Return where a chip is drawn, by selecting it for a moment."""
    before = strip.current
    strip.current = index
    found = area_of(painted(strip, strip.theme.color("accent")))
    strip.current = before
    return found


def test_a_click_selects_a_chip_and_a_second_click_deselects_it(qtbot: QtBot) -> None:
    strip = strip_of(qtbot, "a b\n私😀")
    selected = recorded(strip.selected)
    for index in range(6):
        click(strip, chip(strip, index).center())
    assert selected == [0, 1, 2, 3, 4, 5]
    strip.set_current(3)
    click(strip, chip(strip, 3).center())
    assert selected[-1] is None


def test_arrow_keys_move_through_the_chips(qtbot: QtBot) -> None:
    strip = strip_of(qtbot, "abc")
    strip.selected.connect(strip.set_current)
    way = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_Left):
        press(strip, key)
        way.append(strip.current)
    press(strip, Qt.Key.Key_Escape)
    way.append(strip.current)
    press(strip, Qt.Key.Key_Left)
    assert [*way, strip.current] == [0, 1, 2, 2, 0, 0, None, 2]


def test_an_empty_strip_selects_nothing(qtbot: QtBot, hover: Hover) -> None:
    strip: TokenStrip = show(qtbot, TokenStrip(), 400, 46)
    selected = recorded(strip.selected)
    for tokens in (None, tokens_of("")):
        strip.set_tokens(tokens)
        press(strip, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Escape)
        assert hover(strip, QPoint(10, 10)) == ""
    assert selected == []


def test_a_click_after_scrolling_selects_the_chip_under_the_mouse(qtbot: QtBot, hover: Hover) -> None:
    strip = strip_of(qtbot, "".join(map(chr, range(0x3041, 0x3091))))
    turn_wheel(strip, QPoint(100, 20), -6)
    first = next(i for i in range(80) if hover(strip, QPoint(200, 20)).startswith(chr(0x3041 + i)))
    assert first > 10
    assert chip(strip, first).contains(QPoint(200, 20))
    turn_wheel(strip, QPoint(100, 20), -500)
    assert hover(strip, QPoint(380, 20)).startswith(chr(0x3090))  # the last chip
    turn_wheel(strip, QPoint(100, 20), 500)
    assert hover(strip, QPoint(6, 20)).startswith(chr(0x3041))


@given(st.integers(0, 199), st.integers(80, 700))
@settings(max_examples=25)
def test_a_token_selected_in_another_pane_is_scrolled_into_view(qtbot: QtBot, index: int, width: int) -> None:
    strip = strip_of(qtbot, "ab 私" * 50, width)
    strip.set_current(index)
    shown = chip(strip, index)
    assert shown.left() >= 0
    assert shown.right() < width
    wide = strip_of(qtbot, "ab 私" * 50, 700)
    wide.set_current(index)
    room = width - 2 * strip.theme.px(CHEVRON)  # the room between the marks at both ends
    assert shown.width() >= min(chip(wide, index).width(), room)  # the whole chip, not its edge


def test_the_tooltip_of_a_chip_has_its_bytes_and_characters(qtbot: QtBot, hover: Hover) -> None:
    strip = strip_of(qtbot, "a𠮟 ")
    assert (
        hover(strip, chip(strip, 1).center()) == f"𠮟   ID {ord('𠮟')}, letters\nBytes F0 A0 AE 9F\nCharacters 1 to 2"
    )
    i18n.set_language("ja")
    assert "␣" in hover(strip, chip(strip, 2).center())
    assert "Bytes" not in hover(strip, chip(strip, 2).center())


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_the_bytes_of_the_chips_are_those_of_the_text(text: str) -> None:
    tokens = tokens_of(text)
    lines = [describe(tokens, i).rsplit("\n", 2)[1].removeprefix("Bytes ") for i in range(len(text))]
    assert bytes.fromhex("".join(lines)) == text.encode()


def test_the_name_of_the_drawn_candidate_is_not_cut(qtbot: QtBot) -> None:
    bars = CandidateBars()
    qtbot.addWidget(bars)
    bars.resize(500, 400)
    bars.set_candidates(replace(candidates(), pieces=("Question", "b", "c")))
    bold = QFontMetricsF(bars.theme.font(LARGE, bold=True))
    place = bars.place_of(97)
    assert place is not None
    assert place.width() - GAP_M >= bold.horizontalAdvance("Question")
