"""The pictures of steering and precision: texts below each other, and the curve of their perplexity."""

import math
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage
from pytestqt.qtbot import QtBot

from gui import theme
from gui.panes.inside.perplexity_plot import TICKS, PerplexityPlot, Point
from gui.panes.inside.written_texts import MOST_PROMPT, Row, WrittenTexts, shortened

LONG = "The staff were friendly and welcoming, and I was happy to try the food and the drinks. " * 3


def rows(count: int, text: str = " it was amazing") -> tuple[Row, ...]:
    return tuple(Row(f"{place} bits", "The food: ", text, 7, current=not place) for place in range(count))


def grabbed(widget: WrittenTexts | PerplexityPlot) -> QImage:
    return widget.grab().toImage()


def has_color(image: QImage, color: QColor) -> bool:
    """Return whether a pixel has nearly this colour."""
    wanted = color.rgb()
    places = ((x, y) for y in range(image.height()) for x in range(image.width()))
    return any(image.pixel(x, y) == wanted for x, y in places)


@pytest.fixture(params=[False, True], ids=["above", "beside"])
def texts(request: pytest.FixtureRequest, qtbot: QtBot) -> WrittenTexts:
    made = WrittenTexts(beside=request.param)
    qtbot.addWidget(made)
    made.resize(600, 400)
    return made


# --- Texts ----------------------------------------------------------------------------------------


def test_a_short_text_is_written_in_larger_type_than_a_long_one(texts: WrittenTexts) -> None:
    sizes = []
    for text in (" good", LONG):
        texts.set_rows(rows(3, text))
        _, font = texts._fitting()
        sizes.append(QFontMetricsF(font).height())
    assert sizes[0] > sizes[1]


def test_all_texts_fit_in_a_large_widget(texts: WrittenTexts) -> None:
    for count in (1, 3, 6):
        texts.set_rows(rows(count, LONG))
        texts.resize(1200, 900)
        layouts, font = texts._fitting()
        assert len(layouts) == count
        assert texts._needed(layouts, font) <= texts.height()


def test_the_texts_keep_their_width(texts: WrittenTexts) -> None:
    texts.set_rows(rows(2, LONG))
    layouts, _ = texts._fitting()
    room = texts.width() - texts._column()
    for layout in layouts:
        assert all(layout.lineAt(line).naturalTextWidth() <= room for line in range(layout.lineCount()))


def test_texts_below_headings_that_have_no_room_are_left_out_from_the_end(qtbot: QtBot) -> None:
    texts = WrittenTexts()
    qtbot.addWidget(texts)
    texts.resize(300, 130)
    texts.set_rows(rows(3, LONG))
    layouts, _ = texts._fitting()
    assert len(layouts) == 2  # the text at the strength, and the one without steering
    assert layouts[0].text().startswith("The food:")
    texts.grab()


def test_texts_beside_headings_are_all_shown_however_little_room_there_is(qtbot: QtBot) -> None:
    texts = WrittenTexts(beside=True)
    qtbot.addWidget(texts)
    texts.resize(300, 130)
    texts.set_rows(rows(6, LONG))
    assert len(texts._fitting()[0]) == 6
    texts.grab()


def test_what_differs_is_painted_in_the_accent(texts: WrittenTexts) -> None:
    accent = theme.current().content.color("accent")
    texts.set_rows((Row("0", "", " the same", len(" the same")),))
    assert not has_color(grabbed(texts), accent)
    texts.set_rows((Row("0", "", " ████ ████", 5),))
    assert has_color(grabbed(texts), accent)


def test_the_current_row_is_marked_and_a_broken_heading_is_red(texts: WrittenTexts) -> None:
    shown = theme.current().content
    texts.set_rows((Row("██ bits", "", " text", 5),))
    assert not has_color(grabbed(texts), shown.color("accent_soft"))
    assert not has_color(grabbed(texts), shown.color("bad"))
    texts.set_rows((Row("██ bits", "", " text", 5, current=True, broken=True),))
    assert has_color(grabbed(texts), shown.color("accent_soft"))
    assert has_color(grabbed(texts), shown.color("bad"))


def test_the_texts_are_read_out_with_their_headings(texts: WrittenTexts) -> None:
    texts.set_rows(rows(2))
    assert texts.accessibleDescription() == "0 bits: The food:  it was amazing\n1 bits: The food:  it was amazing"


@pytest.mark.parametrize("width", [40, 200])
def test_nothing_fails_without_room(texts: WrittenTexts, width: int) -> None:
    texts.set_rows(rows(3, LONG))
    texts.resize(width, 5)
    texts.grab()
    texts.set_rows(())
    texts.grab()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.text(max_size=60), st.integers(0, 60))
def test_any_text_is_painted(texts: WrittenTexts, prompt: str, text: str, same: int) -> None:
    texts.set_rows((Row("8 bits", prompt, text, min(same, len(text))),))
    texts.grab()


def test_of_a_long_prompt_the_end_is_shown() -> None:
    assert shortened("short") == "short"
    long = "x" * 50 + "y" * MOST_PROMPT
    assert shortened(long) == "…" + "y" * MOST_PROMPT


# --- The curve ------------------------------------------------------------------------------------


@pytest.fixture
def plot(qtbot: QtBot) -> PerplexityPlot:
    made = PerplexityPlot()
    qtbot.addWidget(made)
    made.resize(400, 300)
    return made


def points(*values: float) -> tuple[Point, ...]:
    return tuple(Point(str(place), value, value > 100, f"{place}: {value}") for place, value in enumerate(values))


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=13))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_point_is_inside_and_a_higher_perplexity_is_higher_up(plot: PerplexityPlot, values: list[float]) -> None:
    plot.set_data(points(*values), 0, "title", "below")
    area = plot.area()
    heights = [plot.y_of(value) for value in values]
    assert all(area.top() - 1e-6 <= y <= area.bottom() + 1e-6 for y in heights)
    assert [plot.x_of(place) for place in range(len(values))] == sorted(
        plot.x_of(place) for place in range(len(values))
    )
    order = sorted(range(len(values)), key=lambda place: values[place])
    assert all(heights[low] >= heights[high] for low, high in pairwise(order))
    assert plot.ticks()[-1] >= max(values)
    assert [plot.nearest(plot.x_of(place)) for place in range(len(values))] == list(range(len(values)))


def test_the_axis_reaches_only_as_far_as_the_perplexities(plot: PerplexityPlot) -> None:
    plot.set_data(points(2.0, 3.0), None, "", "")
    assert plot.ticks() == [1, 2, 5, 10]
    plot.set_data(points(2.0, 300.0), None, "", "")
    assert plot.ticks()[-1] == 1000
    plot.set_data(points(2.0, 1e9), None, "", "")
    assert plot.ticks() == list(TICKS)
    assert plot.y_of(1e9) == pytest.approx(plot.area().top())


def test_unknown_perplexities_are_left_out(plot: PerplexityPlot) -> None:
    plot.set_data(points(2.0, math.nan, 3.0), 1, "", "")
    plot.grab()
    plot.set_data(points(math.nan), None, "", "")
    plot.grab()
    plot.set_data((), None, "", "")
    plot.grab()
    assert plot.describe_at(QPoint(10, 10)) == ""


def test_a_broken_point_is_red(plot: PerplexityPlot) -> None:
    bad = theme.current().content.color("bad")
    plot.set_data(points(2.0, 3.0), None, "", "")
    assert not has_color(grabbed(plot), bad)
    plot.set_data(points(2.0, 300.0), None, "", "")
    assert has_color(grabbed(plot), bad)


def test_a_point_is_chosen_by_mouse_and_arrow_keys(plot: PerplexityPlot, qtbot: QtBot) -> None:
    chosen: list[int] = []
    plot.chosen.connect(chosen.append)
    plot.show()
    plot.set_data(points(2.0, 3.0, 4.0), 1, "", "")
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(round(plot.x_of(2)), 100))
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert chosen == [2, 0, 2]
    plot.set_data(points(2.0, 3.0, 4.0), None, "", "")
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert chosen == [2, 0, 2]
    assert plot.describe_at(QPoint(round(plot.x_of(1)), 50)) == "1: 3.0"
