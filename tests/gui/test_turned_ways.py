"""The ways of vectors since A, without a window: what is listed, highlighted, looked up and described."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pytestqt.qtbot import QtBot

from engine.messages.embeddings import EmbeddingNames, TurnedVectors
from gui.panes.embeddings.turned_view import LISTED, NAMED, ROOM_FOR_LIST, TurnedView
from gui.theme import DARK
from tests.gui.hands import look, plain, show

QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
COUNT = 60


def turned(degrees: list[float], first: int = 100) -> TurnedVectors:
    """Return vectors named v0, v1, … with IDs from `first` on."""
    count = len(degrees)
    pieces = tuple(f" v{n}" for n in range(count))
    names = EmbeddingNames(np.arange(first, first + count, dtype=np.int32), pieces, ("latin",) * count, count)
    now = np.random.default_rng(1).normal(size=(count, 2)).astype(np.float32)
    return TurnedVectors(names, now, now + 0.1, (0.3, 0.2), np.asarray(degrees, float), 80.0, 64)


@pytest.fixture
def view(qtbot: QtBot) -> TurnedView:
    shown: TurnedView = show(qtbot, TurnedView(), 900, 600)
    shown.set_found(turned([float(n) for n in range(COUNT)]))
    return shown


def lit(view: TurnedView) -> set[int]:
    """Return the points that are not dimmed."""
    assert view.plot._lit is not None
    return set(np.flatnonzero(view.plot._lit).tolist())


@QUICK
@given(degrees=st.lists(st.floats(0, 180), min_size=1, max_size=COUNT))
def test_the_list_has_the_vectors_that_turned_most_first(view: TurnedView, degrees: list[float]) -> None:
    view.set_found(turned(degrees))
    shown = [degrees[point] for point in view._listed]
    if max(degrees) == 0:
        assert shown == []  # nothing has turned
    else:
        assert shown == sorted(degrees, reverse=True)[:LISTED]
        assert view.list.most >= max(degrees)
    table = view.table()
    assert table is not None
    angles = [row[2] for row in table.rows]
    assert angles == sorted(degrees, reverse=True)
    assert {(row[0], row[1]) for row in table.rows} == {(100 + n, f" v{n}") for n in range(len(degrees))}


def test_each_way_leads_from_where_a_vector_was_to_where_it_is(view: TurnedView) -> None:
    assert view.found is not None
    assert [way[1] for way in view.plot.paths] == view._listed
    for before, now in view.plot.paths:
        assert np.allclose(view.plot.points[before, :2], view.found.then[now])
        assert np.allclose(view.plot.points[now, :2], view.found.now[now])


def test_a_chosen_vector_keeps_its_way_when_other_vectors_turn_more(view: TurnedView) -> None:
    chosen: list[int] = []
    view.chosen.connect(chosen.append)
    view._point_clicked(3)  # it has turned by 3° only, and is not listed
    assert chosen == [103]
    assert view.row == 103
    assert view.plot.paths[0][1] == 3
    view.set_found(turned([float(COUNT - n) for n in range(COUNT)]))
    assert view.row == 103
    assert view.plot.paths[0][1] == 3


def test_a_click_on_where_a_vector_was_chooses_it_too(view: TurnedView) -> None:
    before, now = view.plot.paths[5]
    view._point_clicked(before)
    assert view.row == 100 + now
    view._point_clicked(-1)  # beside all points
    assert view.row == 100 + now


def test_the_tokens_of_the_text_have_ways_and_the_selected_one_comes_first(view: TurnedView) -> None:
    view.mark(101, [102, 101, 99999])  # the last one is not compared
    assert view.plot.paths[0][1] == 1
    assert {1, 2} <= {way[1] for way in view.plot.paths}
    ways = len(view.plot.paths)
    view.mark(101, [102, 101, 99999])
    assert len(view.plot.paths) == ways == LISTED + 2
    view.mark(None, [])
    assert view.row == 101  # a row that was chosen stays when the text is gone


def test_looking_up_again_goes_to_the_next_name(view: TurnedView) -> None:
    rows = []
    for _ in range(3):
        view.look_up("V1")
        rows.append(view.row)
    assert rows[0] == 101  # the shortest name
    assert len(set(rows)) == 3
    view.look_up("nowhere")
    view.look_up("  ")
    assert view.row == rows[-1]


def test_a_search_lights_the_names_that_contain_it(view: TurnedView) -> None:
    view.search("v1")
    assert lit(view) == {1, *range(10, 20)}
    view.search("nowhere")
    assert lit(view) == set()
    view.search("")
    assert set(view._listed) <= lit(view)


def test_a_point_is_described_by_its_angle(view: TurnedView) -> None:
    assert "v7" in plain(view.describe(7))
    assert "7.0" in plain(view.describe(7))
    assert view.describe(-1) == ""
    assert view.describe(COUNT + 3) == ""  # where a vector was
    assert "60" in plain(view.subtitle())
    assert "50 %" in plain(view.subtitle())  # 0.3 and 0.2 of the differences


def test_vectors_of_a_model_that_is_gone_are_described_no_more(view: TurnedView) -> None:
    view.set_found(None, other_tokens=True)
    assert view.other_tokens
    assert view.table() is None
    assert view.subtitle() == ""
    assert view.describe(3) == ""
    assert view.point_of(103) is None
    view.look_up("v1")
    view._point_clicked(3)
    assert view.row is None


def test_the_list_is_shown_where_there_is_room(view: TurnedView) -> None:
    room = view.content.px(ROOM_FOR_LIST)
    for width, compact, listed in ((room + 100, False, True), (room - 100, False, False), (room + 100, True, False)):
        view.adapt_layout(width, compact)
        assert view.side.isVisible() == listed
        assert view.legend.isVisible() == (not compact)


def test_names_are_written_at_the_points_that_turned_most(view: TurnedView) -> None:
    look(DARK)
    view.grab()
    assert len(view._listed) == LISTED
    assert set(view._listed[:NAMED]) == set(range(COUNT - NAMED, COUNT))
    assert view.list.accessibleName()
    assert view.plot.accessibleName()
