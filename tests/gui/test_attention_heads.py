"""All heads at once: where each is drawn and clicked, sorting, and the badges of the heads that have a name."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from engine.messages.attention import HEAD_KINDS, HeadScores
from gui.colormaps import color_of, share_color
from gui.panes.attention.badges import HeadBadges
from gui.panes.attention.mosaic import Mosaic, _numbered, cells_for
from gui.theme import LIGHT
from tests.gui.hands import Hover, area_of, click, painted, plain, press, recorded, show, where

SIZES = [(180, 190), (440, 350), (900, 600)]


def heads(layers: int, count: int, lit: tuple[int, int], tokens: int = 4) -> list[np.ndarray]:
    weights = [np.zeros((count, tokens, tokens), np.float16) for _ in range(layers)]
    weights[lit[0]][lit[1]] = 1.0
    return weights


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("layers", "count", "lit"),
    [(1, 1, (0, 0)), (2, 3, (1, 2)), (12, 12, (7, 0)), (12, 12, (0, 11)), (30, 9, (29, 8)), (32, 32, (20, 9))],
)
def test_a_head_is_clicked_where_it_is_drawn(
    qtbot: QtBot, layers: int, count: int, lit: tuple[int, int], size: tuple[int, int]
) -> None:
    mosaic = show(qtbot, Mosaic(), *size)
    mosaic.set_weights(heads(layers, count, lit))
    chosen = recorded(mosaic.chosen)
    rows, columns = np.nonzero(painted(mosaic, color_of(1.0)))
    click(mosaic, QPoint(int(np.median(columns)), int(np.median(rows))))
    assert chosen == [lit]


@settings(max_examples=100, deadline=None)
@given(columns=st.integers(1, 128), rows=st.integers(1, 128), width=st.integers(60, 2500), height=st.integers(60, 1400))
def test_the_cells_fill_their_box_and_each_is_found(columns: int, rows: int, width: int, height: int) -> None:
    for square in (False, True):
        cells = cells_for(columns, rows, (width, height), (20.0, 14.0), square)
        for cell in ((0, 0), (columns - 1, rows - 1), (columns // 2, rows // 2)):
            box = cells.box(*cell)
            assert cells.at(box.center()) == cell
            assert box.left() >= 20
            assert box.right() <= width + 1e-6
            assert box.bottom() <= height + 1e-6
        right, bottom = cells.box(columns - 1, 0).right(), cells.box(0, rows - 1).bottom()
        assert right >= width - 1e-6 or bottom >= height - 1e-6
        assert square or (right >= width - 1e-6 and bottom >= height - 1e-6)


def test_layers_are_columns_unless_their_cells_would_be_much_smaller(qtbot: QtBot) -> None:
    mosaic = show(qtbot, Mosaic(), 700, 300)
    for layers, count, columns in ((30, 9, 30), (4, 4, 4), (1, 16, 16), (12, 2, 12)):
        mosaic.set_weights(heads(layers, count, (0, 0)))
        assert mosaic.cells.columns == columns


def test_a_head_among_many_is_a_bar_code_of_the_selected_row(qtbot: QtBot) -> None:
    mosaic, weights = show(qtbot, Mosaic(), 700, 300), heads(30, 9, (0, 0), 5)
    weights[0][0] = np.tri(5)
    weights[12][7][3] = [0.0, 0.5, 0.25, 0.25, 0.0]
    mosaic.set_weights(weights, 3)
    cell = mosaic._boxes[12, 7]
    image = mosaic.grab().toImage()
    down = [cell.top() + cell.height() * (key + 0.5) / 4 for key in range(4)]
    seen = [image.pixelColor(round(cell.center().x()), round(y)) for y in down]
    assert seen == [share_color(share) for share in (0.0, 0.5, 0.25, 0.25)]


@pytest.mark.parametrize("tokens", [60, 128, 1000])
def test_the_strongest_key_stays_visible_where_keys_are_finer_than_pixels(qtbot: QtBot, tokens: int) -> None:
    mosaic, weights = show(qtbot, Mosaic(), 300, 150), [np.zeros((32, tokens, tokens), np.float16) for _ in range(4)]
    for key in (0, tokens // 3, tokens - 1):
        for layer in weights:
            layer[:, -1] = 0
        weights[2][20, -1, key] = 1.0
        mosaic.set_weights([*weights])
        assert painted(mosaic, color_of(1.0)).any()


def test_heads_are_sorted_by_their_weight_to_a_key(qtbot: QtBot, hover: Hover) -> None:
    mosaic, weights = show(qtbot, Mosaic(), 700, 300), heads(30, 9, (0, 0), 5)
    weights[0][0] = 0
    for share, (layer, head) in ((0.75, (29, 1)), (0.5, (3, 8)), (0.25, (0, 2))):
        weights[layer][head][3, 1] = share
    mosaic.set_weights(weights, 3, 1)
    mosaic.chosen.connect(mosaic.set_current)
    mosaic.set_current(29, 1)
    assert list(mosaic._slots)[:3] == [(29, 1), (3, 8), (0, 2)]
    assert len(mosaic._slots) < 270  # only those that are legible
    assert hover(mosaic, mosaic._boxes[3, 8].center().toPoint()) == "Layer 4, head 9, 50.0 %"
    press(mosaic, Qt.Key.Key_Right)
    assert (mosaic.layer, mosaic.head) == (3, 8)
    mosaic.set_weights(weights, 3, 1, pooled=True)  # the largest of several tokens, not the share of one
    assert hover(mosaic, mosaic._boxes[3, 8].center().toPoint()) == "Layer 4, head 9, ≤ 50.0 %"
    mosaic.set_weights(weights, 3)
    assert len(mosaic._slots) == 270


def test_arrow_keys_move_through_the_heads_and_stop_at_the_edges(qtbot: QtBot) -> None:
    mosaic = show(qtbot, Mosaic(), 240, 240)
    mosaic.set_weights(heads(3, 2, (0, 0)))
    mosaic.chosen.connect(mosaic.set_current)
    way = []
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up, *[Qt.Key.Key_Right] * 3, Qt.Key.Key_Down, Qt.Key.Key_Home):
        press(mosaic, key)
        way.append((mosaic.layer, mosaic.head))
    assert way == [(0, 0), (0, 0), (1, 0), (2, 0), (2, 0), (2, 1), (0, 1)]
    assert mosaic.accessibleDescription() == "Layer 1, head 2"


@given(count=st.integers(1, 130), needed=st.floats(0.1, 20), data=st.data())
def test_the_chosen_number_is_written_and_no_two_overlap(count: int, needed: float, data: st.DataObject) -> None:
    chosen = data.draw(st.integers(-1, count - 1))
    written = sorted(_numbered(count, chosen, needed))
    assert chosen < 0 or chosen in written
    assert all(after - before >= min(needed, count) for before, after in pairwise(written))


def test_the_chosen_head_is_framed(qtbot: QtBot) -> None:
    mosaic = show(qtbot, Mosaic(), 300, 200)
    mosaic.set_weights(heads(2, 3, (1, 2)))
    mosaic.set_current(1, 2)
    picture = where(mosaic, color_of(1.0))
    frame = painted(mosaic, LIGHT.color("accent"))
    frame[: int(mosaic.cells.top)] = False
    frame[:, : int(mosaic.cells.left)] = False
    assert area_of(frame).contains(picture)
    assert area_of(frame).width() < 110


@pytest.mark.parametrize("size", [(400, 300), (60, 40)], ids=["with words", "a line"])
def test_a_badge_is_drawn_on_its_head(qtbot: QtBot, size: tuple[int, int]) -> None:
    mosaic = show(qtbot, Mosaic(), *size)
    mosaic.set_weights(heads(2, 3, (1, 1)))
    mosaic.set_badges({(0, 1): ("prev", "#ff00ff"), (7, 7): ("gone", "#00ffff")})
    chosen = recorded(mosaic.chosen)
    rows, columns = np.nonzero(painted(mosaic, QColor("#ff00ff")))
    click(mosaic, QPoint(int(columns[0]), int(rows[0])))
    assert chosen == [(0, 1)]
    assert not painted(mosaic, QColor("#00ffff")).any()


# --- Badges --------------------------------------------------------------------------------------------


def badges_of(qtbot: QtBot, scores: np.ndarray) -> HeadBadges:
    badges = HeadBadges()
    qtbot.addWidget(badges)
    badges.resize(2000, 70)
    badges.set_scores(HeadScores(scores.astype(np.float32), np.full(len(HEAD_KINDS), 0.08, np.float32)))
    return badges


def test_a_badge_names_the_best_head_its_score_and_that_of_even_attention(qtbot: QtBot) -> None:
    scores = np.full((len(HEAD_KINDS), 3, 4), 0.1)
    scores[0, 2, 3] = 0.87
    badges = badges_of(qtbot, scores)
    words = plain(badges.buttons[0].text())
    assert words == "Best at looking at the previous token:\nlayer 3, head 4, 87 % (evenly: 8 %)"
    assert plain(badges.buttons[1].text()).startswith("No head for looking at the first token")
    assert LIGHT.muted in badges.buttons[1].styleSheet()
    assert LIGHT.muted not in badges.buttons[0].styleSheet()
    chosen = recorded(badges.chosen)
    badges.buttons[0].click()
    assert chosen == [(2, 3)]


def test_a_kind_that_would_name_most_heads_names_none(qtbot: QtBot) -> None:
    scores = np.full((len(HEAD_KINDS), 3, 3), 0.1)
    scores[HEAD_KINDS.index("first")] = 0.9
    scores[HEAD_KINDS.index("previous"), 1, 2] = 0.6
    badges = badges_of(qtbot, scores)
    assert {place: words for place, (words, _) in badges.badges().items()} == {(1, 2): "prev"}


def test_the_badges_have_all_long_or_all_short_names(qtbot: QtBot) -> None:
    badges = badges_of(qtbot, np.full((len(HEAD_KINDS), 2, 2), 0.5))
    badges.show()
    seen = set()
    for width in range(200, 2000, 60):
        badges.resize(width, 70)
        seen.add(tuple(button.text() for button in badges.buttons))
        assert len({button.text().startswith("Best at") for button in badges.buttons}) == 1
    assert len(seen) == 2
