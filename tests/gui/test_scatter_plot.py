"""The scatter plot: its points, labels, lasso and view, as they are painted."""

from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui import i18n
from gui.theme import GAP_S, HUGE, LIGHT, SMALL
from gui.widgets.arrow import Link
from gui.widgets.label_ranks import label_rank
from gui.widgets.scatter_plot import ScatterPlot
from tests.gui.hands import (
    LARGE_TYPE,
    RIGHT,
    SHIFT,
    area_of,
    click,
    drag,
    look,
    painted,
    pixels,
    point,
    press,
    recorded,
    show,
    turn_wheel,
)

CORNERS = np.array([[0, 0], [4, 0], [4, 4], [0, 4], [1, 2]], np.float32)


def plot_of(qtbot: QtBot, points: np.ndarray, width: int = 500, height: int = 400) -> ScatterPlot:
    plot: ScatterPlot = show(qtbot, ScatterPlot(), width, height)
    plot.set_names([f"n{i}" for i in range(len(points))], (["latin", "kanji", "digit"] * len(points))[: len(points)])
    plot.set_points(points, True)
    plot.grab()
    return plot


def test_a_point_is_clicked_and_hovered_where_it_is_drawn(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    clicked, hovered = recorded(plot.clicked), recorded(plot.hovered)
    middle = QPoint(330, 200)
    for index in range(5):
        at = plot.at(index).toPoint()
        click(plot, at)
        point(plot, at)
        background = pixels(plot)[middle.y(), middle.x()]
        assert pixels(plot)[at.y(), at.x()] != background
    click(plot, middle)
    point(plot, middle)
    assert clicked == [0, 1, 2, 3, 4, -1]
    assert hovered[-1] == -1
    assert {0, 1, 2, 3, 4} <= set(hovered)


def test_the_axes_point_right_and_up(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    assert plot.at(0).x() < plot.at(1).x()
    assert plot.at(0).y() > plot.at(3).y()
    assert all(QRectF(plot.rect()).contains(plot.at(i)) for i in range(5))


def test_keys_move_and_zoom_the_plot(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    first = [plot.at(i) for i in range(5)]
    press(plot, Qt.Key.Key_Right, Qt.Key.Key_Down)
    plot.grab()
    moved = plot.at(0) - first[0]
    assert moved.x() < 0  # the view moves to the right, the points to the left
    assert moved.y() < 0
    QTest.keyClicks(plot, "++")
    plot.grab()
    assert (plot.at(1) - plot.at(0)).x() == pytest.approx(1.44 * (first[1] - first[0]).x(), rel=1e-3)
    QTest.keyClicks(plot, "0")
    plot.grab()
    assert [plot.at(i) for i in range(5)] == first


def test_a_drag_emits_no_click_and_the_wheel_keeps_the_point_under_the_mouse(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    clicked, before = recorded(plot.clicked), plot.at(2)
    drag(plot, QPoint(250, 200), QPoint(260, 190), QPoint(270, 180))
    plot.grab()
    assert plot.at(2) - before == QPointF(20, -20)
    assert clicked == []
    fixed = plot.at(4)
    turn_wheel(plot, fixed.toPoint(), 3)
    plot.grab()
    assert (plot.at(4) - fixed).manhattanLength() < 2


@pytest.mark.parametrize("beyond", range(10))
def test_points_can_be_dragged_over_the_edge(qtbot: QtBot, beyond: int) -> None:
    plot = plot_of(qtbot, CORNERS)
    look(LARGE_TYPE)
    plot.grab()
    down = round(plot.height() - plot.at(0).y()) + beyond
    drag(plot, QPoint(250, 100), QPoint(250, 100 + down))
    assert painted(plot, LIGHT.color("surface")).sum() < plot.width() * plot.height()  # others are still visible
    assert plot.at(0).y() >= plot.height()


def test_a_lasso_emits_the_points_within(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    lassoed, clicked = recorded(plot.lassoed), recorded(plot.clicked)
    low = round(max(plot.at(0).y(), plot.at(1).y()))
    corners = [QPoint(0, low - 20), QPoint(499, low - 20), QPoint(499, 399), QPoint(0, 399), QPoint(0, low - 20)]
    before = plot.at(0)
    drag(plot, *corners, keys=SHIFT)
    plot.grab()
    assert lassoed == [[0, 1]]
    assert (clicked, plot.at(0)) == ([], before)


def test_a_lasso_around_no_points_emits_an_empty_list(qtbot: QtBot) -> None:
    for points in (CORNERS, CORNERS[:0]):
        plot = plot_of(qtbot, points)
        lassoed = recorded(plot.lassoed)
        drag(plot, QPoint(3, 3), QPoint(6, 3), QPoint(6, 6), keys=SHIFT)
        assert lassoed == [[]]


def test_keys_turn_three_dimensions_and_the_right_button_moves_them(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32))
    before = np.array([plot.at(i).toTuple() for i in range(20)])
    drag(plot, QPoint(250, 200), QPoint(280, 210), button=RIGHT)
    plot.grab()
    moved = np.array([plot.at(i).toTuple() for i in range(20)])
    np.testing.assert_allclose(moved - before, np.tile([30, 10], (20, 1)), atol=1e-3)
    press(plot, Qt.Key.Key_Left)
    plot.grab()
    turned = np.array([plot.at(i).toTuple() for i in range(20)])
    assert not np.allclose(turned, moved)
    np.testing.assert_allclose(turned[:, 1], moved[:, 1], atol=1e-2)  # turned about the vertical axis


def test_a_single_point_is_in_the_middle(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, np.array([[1e6, -3.0]], np.float32))
    assert plot.at(0) == QPointF(250, 200)


def test_points_with_nan_do_not_hide_others(qtbot: QtBot) -> None:
    points = CORNERS.copy()
    points[1] = np.nan
    plot = plot_of(qtbot, points)
    clicked = recorded(plot.clicked)
    for index in (0, 2, 3, 4):
        assert QRectF(plot.rect()).contains(plot.at(index))
        click(plot, plot.at(index).toPoint())
    assert clicked == [0, 2, 3, 4]


def test_fit_restores_the_view_after_extreme_zoom(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    before = plot.at(2)
    for clicks in (150, -300):
        turn_wheel(plot, QPoint(100, 100), clicks)
        assert not plot.grab().isNull()
    plot.fit([4])
    assert not plot.grab().isNull()
    assert plot.at(4) == QPointF(250, 200)
    QTest.keyClicks(plot, "0")
    plot.grab()
    assert plot.at(2) == before


def test_points_have_the_colour_and_shape_of_their_kind(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    styles = [plot.style_of(kind) for kind in plot.kinds_in_order()]
    assert plot.kinds_in_order() == ["latin", "kanji", "digit"]
    assert len({color for color, _ in styles}) == len({shape for _, shape in styles}) == 3
    shown, places = pixels(plot), [plot.at(i).toPoint() for i in range(5)]
    colors = [int(shown[at.y(), at.x()]) for at in places]
    assert colors[0] == colors[3] != colors[1]
    assert colors[1] == colors[4] != colors[2]
    entries = plot.legend_entries(str.title)
    assert [(entry.marker, entry.glyph) for entry in entries] == styles
    assert [entry.text for entry in entries] == ["Latin", "Kanji", "Digit"]


def test_marked_points_have_rings_until_other_points_are_set(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    plot.set_marked([2, 99])
    ring = area_of(painted(plot, LIGHT.color("accent")))
    assert plot.marked == [2]
    assert ring.adjusted(-9, -9, 9, 9).contains(plot.at(2).toPoint())
    plot.set_names(["a"], ["latin"])
    plot.set_points(CORNERS[:1], True)
    assert plot.marked == []
    assert not plot.grab().isNull()


def test_paths_and_axes_are_drawn(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    before = pixels(plot)
    plot.set_paths([[3, 2], [0, 4]])
    after = pixels(plot)
    middle = ((plot.at(3) + plot.at(2)) / 2).toPoint()
    assert after[middle.y(), middle.x()] != before[middle.y(), middle.x()]
    plot.set_explained([0.5, 0.3])
    assert (pixels(plot)[-16:] != after[-16:]).any()


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("size", [(40, 30), (120, 120), (400, 130), (900, 600)])
def test_the_name_of_an_axis_is_shown_whole_or_not_at_all(qtbot: QtBot, language: str, size: tuple[int, int]) -> None:
    i18n.set_language(language)
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    plot.resize(*size)
    plot.set_points(np.eye(2, dtype=np.float32), fit=True)
    plot.set_explained((0.61, 0.27))
    for name, share, room in zip(plot.axes(), ("61", "27"), size, strict=True):
        assert QFontMetricsF(plot.theme.font(SMALL)).horizontalAdvance(name) < room
        assert share in name if room >= 120 else name == ""
    plot.set_explained(())
    assert plot.axes() == ("", "")


def test_a_small_plot_uses_most_of_its_height(qtbot: QtBot) -> None:
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    plot.resize(400, 120)
    points = np.random.default_rng(1).uniform(-1, 1, (200, 2)).astype(np.float32)
    plot.set_points(points, fit=True)
    plot.grab()
    heights = [plot.at(index).y() for index in range(200)]
    assert max(heights) - min(heights) > 0.6 * 120
    assert min(heights) > 0
    assert max(heights) < 120


def _spread(plot: ScatterPlot) -> float:
    plot.grab()
    return float(np.ptp(plot._placed[:, 0]))


def test_a_plot_fills_a_larger_tile_unless_the_user_has_zoomed(qtbot: QtBot) -> None:
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    plot.resize(200, 200)
    plot.show()
    plot.set_points(np.random.default_rng(2).normal(size=(90, 2)).astype(np.float32), fit=True)
    small = _spread(plot)
    plot.resize(800, 800)
    assert _spread(plot) > 3 * small
    QTest.keyClick(plot, Qt.Key.Key_Plus)
    chosen = _spread(plot)
    plot.resize(400, 400)
    assert _spread(plot) == pytest.approx(chosen)


def crowd(qtbot: QtBot, count: int = 40_000) -> ScatterPlot:
    """Return a plot with a crowd around the middle; the names are numbers, and one word in a thousand."""
    plot: ScatterPlot = show(qtbot, ScatterPlot(), 600, 400)
    plot.set_names([f" word{'abcdefghij'[n % 10]}" if n % 1000 == 999 else str(n) for n in range(count)], ["a"] * count)
    plot.set_points(np.random.default_rng(1).normal(size=(count, 2)), fit=True)
    return plot


def test_the_colour_of_a_crowd_is_stronger_where_more_points_are(qtbot: QtBot) -> None:
    plot = crowd(qtbot)
    plot.set_names([""] * len(plot.points), ["a"] * len(plot.points))
    red = (pixels(plot) >> 16) & 0xFF
    middle, edge = red[180:220, 280:320], red[180:220, 30:70]
    assert middle.mean() < edge.mean() - 60
    assert len(np.unique(red)) > 4  # one, two, three, … points at a place
    assert edge.mean() > 200  # the edge is no mass


def test_zooming_into_a_crowd_shows_names_of_the_points_there(qtbot: QtBot) -> None:
    plot = crowd(qtbot)
    plot.grab()
    before = plot._labelled_first()
    plot.zoom(40)
    plot.grab()
    after = plot._labelled_first()
    assert all(plot.names[index].startswith(" word") for index in before[:20])
    assert set(after[5:]) - set(before), "no names came into view"


@pytest.mark.parametrize(("name", "rank"), [(" king", 0), ("king", 1), ("猫", 1), ("a", 2), ("12", 2), ("\x00", 3)])
def test_words_are_labelled_before_other_names_and_invisible_ones_never(name: str, rank: int) -> None:
    assert label_rank(name) == rank


def test_names_of_regions_are_shown_with_all_points_in_view_and_vanish_close_by(qtbot: QtBot) -> None:
    plot = crowd(qtbot, 2000)
    plot.set_names([""] * 2000, ["a"] * 2000)
    without = pixels(plot)
    plot.set_regions([("animals", np.zeros(2, np.float32))])
    assert plot._region_alpha() == 1
    assert (pixels(plot) != without).any()
    plot.zoom(8)
    assert plot._region_alpha() == 0
    near = pixels(plot)
    plot.set_regions([])
    assert (pixels(plot) == near).all()


def test_names_of_regions_are_painted_beside_the_points_and_other_names(qtbot: QtBot) -> None:
    rng = np.random.default_rng(3)
    centres = np.array([[0, 0], [6, 0], [0, 6], [6, 6]], np.float32)
    plot = plot_of(qtbot, np.concatenate([centre + rng.normal(size=(15, 2)) * 0.2 for centre in centres]), 700, 500)
    plot.set_regions([(f"region {n}", centre) for n, centre in enumerate(centres)])
    plot.grab()
    font = plot.theme.font(HUGE, bold=True)
    names = [box for box in plot._texts.taken if box.height() == QFontMetricsF(font).height()]
    assert len(names) == len(centres)
    assert not any(box.contains(plot.at(n)) for box in names for n in range(len(plot.points)))
    texts = [box.adjusted(GAP_S, 0, -GAP_S, 0) for box in plot._texts.taken]
    assert not any(a.intersects(b) for a, b in combinations(texts, 2))


def test_a_flight_ends_at_the_view_that_fit_shows_at_once(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    plot.fit([1, 4])
    plot.grab()
    wanted = [plot.at(i) for i in range(5)]
    plot.fit()
    press(plot, Qt.Key.Key_Right)  # also from a view that was moved by hand
    plot.grab()
    begun = plot.at(1)
    plot.fly_to([1, 4])
    plot.grab()
    assert (plot.at(1) - begun).manhattanLength() < 60  # it begins where the view was
    qtbot.waitUntil(lambda: (plot.grab(), (plot.at(1) - wanted[1]).manhattanLength() < 1e-3)[1])
    assert all((plot.at(i) - wanted[i]).manhattanLength() < 1e-2 for i in range(5))


def test_points_that_are_not_lit_are_faint(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    plot.set_names([""] * 5, ["latin"] * 5)
    background = 255.0

    def strength(index: int) -> float:
        at = plot.at(index).toPoint()
        return background - (pixels(plot)[at.y(), at.x()] >> 16 & 0xFF)

    full = strength(0)
    plot.set_lit([2])
    assert strength(2) == full
    assert strength(0) < 0.2 * full
    plot.set_lit(None)
    assert strength(0) == full


def test_points_are_coloured_by_numbers(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    plot.set_values(np.array([0.0, 0.5, 1.0, 1.0, np.nan]))
    plot.names = [""] * 5
    shown, places = pixels(plot), [plot.at(i).toPoint() for i in range(5)]
    colors = [int(shown[at.y(), at.x()]) for at in places]
    assert colors[2] == colors[3]
    assert len(set(colors)) == 4  # low, middle, high, and no number


def test_a_link_is_a_line_with_its_words(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, CORNERS)
    plain = pixels(plot)
    plot.set_links([Link(0, 1, "0.73")])
    middle = ((plot.at(0) + plot.at(1)) / 2).toPoint()
    assert pixels(plot)[middle.y(), middle.x()] != plain[middle.y(), middle.x()]
    with_words = pixels(plot)
    plot.set_links([Link(0, 1, "")])
    assert (pixels(plot) != with_words).any()


def test_the_ends_of_a_titled_axis_are_all_in_view(qtbot: QtBot) -> None:
    plot: ScatterPlot = show(qtbot, ScatterPlot(), 600, 400)
    points = np.random.default_rng(0).normal(size=(3000, 2)).astype(np.float32)
    points[7] = (40, 0)
    plot.set_names([""] * 3000, ["a"] * 3000)
    plot.set_points(points, fit=True)
    plot.grab()
    assert plot.at(7).x() > plot.width()
    plot.set_titles("← man   woman →", "up")
    plot.fit()
    plot.grab()
    assert plot.at(7).x() < plot.width()
    assert plot.axes() == ("← man   woman →", "up")


def test_a_kind_keeps_its_colour_whatever_comes_first(qtbot: QtBot) -> None:
    plot, order = plot_of(qtbot, CORNERS), ("city", "animal", "food")
    plot.set_names(list("abcde"), ["food", "food", "animal", "animal", "food"], order)
    before = plot.style_of("animal")
    plot.set_names(list("abcde"), ["animal", "city", "food", "food", "city"], order)
    assert plot.style_of("animal") == before
    plot.set_names(list("abcde"), ["food", "food", "animal", "animal", "food"], order)
    assert plot.kinds_in_order() == ["animal", "food"]  # the legend names only what is shown
