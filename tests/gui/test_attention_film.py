"""The film of attention: its numbers, the keys that are shown of a long text, its moments, and its keys."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot

from engine.messages.attention import AttentionSteps, ExplainAttention
from gui.panes.attention.film import PICTURES, AttentionFilm
from gui.panes.attention.numbers import numbers_of, scaling
from gui.theme import DARK, GAP_S, LIGHT, Theme
from tests.gui.fakes import attention_steps
from tests.gui.hands import LARGE_TYPE, Hover, click, look, painted, pixels, press, show


def film_of(qtbot: QtBot, query: int = 5, width: int = 1200, height: int = 700) -> tuple[Any, AttentionSteps]:
    pieces = tuple(f"t{i}" for i in range(query + 3))
    [steps] = attention_steps(ExplainAttention("x" * len(pieces), 0, query))
    film = show(qtbot, AttentionFilm(), width, height)
    film.set_data(steps, 1, pieces)
    film.grab()  # the first painting places the numbers
    return film, steps


def test_every_number_has_its_exact_value_in_a_tooltip(qtbot: QtBot, hover: Hover) -> None:
    film, steps = film_of(qtbot)
    described = {
        hover(film, QPointF(box.left() + box.width() * 0.99, box.center().y()).toPoint()) for box, _, _ in film._strips
    }
    for key in range(6):
        assert f"k  t{key} [4] = {steps.k[1, key, -1]:.4f}" in described
    assert f"x [12] = {steps.input[-1]:.4f}" in described
    assert f"sum = output [4] = {steps.heads[1, -1]:.4f}" in described
    assert {name for _, name, _ in film._strips} >= {f"v  t{key}" for key in range(6)}
    assert hover(film, QPoint(1, 699)) == ""


def test_the_picture_shows_numbers_that_lead_to_one_another() -> None:
    [steps] = attention_steps(ExplainAttention("abcdef", 0, 4))
    numbers = numbers_of(steps, 2, tuple("abcdef"))
    assert numbers.pieces == tuple("abcde")
    assert numbers.raw.tolist() == pytest.approx([float(key @ numbers.q) for key in numbers.k])
    assert numbers.scaled.tolist() == pytest.approx((numbers.raw / 2).tolist(), rel=1e-5)  # √4
    shares = np.exp(numbers.scaled) / np.exp(numbers.scaled).sum()
    assert numbers.weights.tolist() == pytest.approx(shares.tolist(), rel=1e-5)
    assert numbers.output.tolist() == pytest.approx((numbers.weights @ numbers.v).tolist(), rel=1e-4)


def test_heads_that_share_keys_show_the_shared_keys() -> None:
    [steps] = attention_steps(ExplainAttention("abcdef", 0, 5))
    four = {name: getattr(steps, name)[[0, 1, 2, 0]] for name in ("q", "scaled", "weights", "heads")}
    grouped = replace(steps, k=steps.k[:2], v=steps.v[:2], **four)
    for head, group in enumerate((0, 0, 1, 1)):
        assert numbers_of(grouped, head, tuple("abcdef")).k.tolist() == steps.k[group].tolist()


def test_the_formula_of_the_scores_is_that_of_the_model() -> None:
    [steps] = attention_steps(ExplainAttention("abcdef", 0, 5))
    assert scaling(steps) == "÷ √4 = 2"
    assert scaling(replace(steps, q=np.zeros((3, 32), np.float32))) == "÷ √32 = 5.66"
    assert scaling(replace(steps, scale=0.0625)) == "÷ √256 = 16"
    gemma2 = replace(steps, scale=0.0625, cap=50.0, scaled=np.zeros_like(steps.scaled))
    assert scaling(gemma2) == "÷ √256 = 16, ± 50"
    raw = numbers_of(gemma2, 1, tuple("abcdef")).raw
    assert np.allclose(raw, steps.k[1] @ steps.q[1])  # not from the scores, which are capped


@given(count=st.integers(1, 300), room=st.integers(1, 40), seed=st.integers(0, 99))
def test_of_many_keys_the_query_and_those_with_the_largest_weights_are_shown(count: int, room: int, seed: int) -> None:
    [steps] = attention_steps(ExplainAttention("x" * count, 0, count - 1))
    weights = np.random.default_rng(seed).random((3, count)).astype(np.float32)
    keys = numbers_of(replace(steps, weights=weights), 0, ("x",) * count).keys_in(room)
    assert len(keys) == min(count, room)
    assert keys == sorted(keys)
    assert keys[-1] == count - 1
    left_out = set(range(count)) - set(keys)
    assert all(weights[0, other] <= weights[0, key] for other in left_out for key in keys[:-1])


def test_the_bar_of_a_key_is_as_long_as_its_weight(qtbot: QtBot) -> None:
    film, steps = film_of(qtbot, width=2000)
    weights = np.zeros_like(steps.weights)
    weights[1, 2], weights[1, 4] = 0.75, 0.25
    film.set_data(replace(steps, weights=weights), 1, tuple(f"t{i}" for i in range(8)))
    box = film.boxes()[PICTURES.index("weigh")]
    accent = painted(film, LIGHT.color("accent"))
    accent[: round(box.top()) + 60] = False
    accent[:, : round(box.left() + box.width() * 0.74)] = False
    accent[:, round(box.right()) :] = False
    lengths = sorted({int(n) for n in accent.sum(1)} - {0, 1}, reverse=True)
    assert lengths[0] / lengths[1] == pytest.approx(3.0, rel=0.1)  # edges are blended


def test_a_picture_is_painted_only_once_the_film_has_come_to_it(qtbot: QtBot) -> None:
    film, _ = film_of(qtbot)
    for moment, seen in ((0.5, {0}), (1.5, {0, 1}), (2.5, {0, 1, 2}), (4.0, {0, 1, 2, 3})):
        film.go_to(moment)
        assert film.current == max(seen)
        picture = pixels(film)
        for index, box in film.boxes().items():
            inside = box.adjusted(0, 40, 0, 0).toAlignedRect()
            part = picture[inside.top() : inside.bottom(), inside.left() : inside.right()]
            assert (len(np.unique(part)) > 1) == (index in seen)


def test_space_plays_the_next_picture_and_begins_again_after_the_last(qtbot: QtBot) -> None:
    film, _ = film_of(qtbot)
    for _ in range(2):
        press(film, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda: not film.is_playing)
    assert film.moment == 2.0
    press(film, Qt.Key.Key_Left)
    assert film.moment == 1.0
    press(film, Qt.Key.Key_End)
    assert film.moment == 4.0
    press(film, Qt.Key.Key_Home)
    assert film.moment == 0.0
    click(film, film.boxes()[2].center().toPoint())
    qtbot.waitUntil(lambda: film.moment == 3.0)


def test_a_small_film_shows_one_picture_and_stops_when_it_is_hidden(qtbot: QtBot) -> None:
    film, _ = film_of(qtbot, width=400, height=250)
    film.go_to(1.5)
    assert list(film.boxes()) == [1]
    film.play_or_pause()
    film.hide()
    assert not film.is_playing


def test_the_formula_lights_the_symbols_of_the_current_picture(qtbot: QtBot) -> None:
    film, _ = film_of(qtbot)
    top = film.height() - round(film._formula_height()) + 8
    orange, green = (LIGHT.series_color(index) for index in (1, 2))  # of k and v
    for moment, k_lit, v_lit in ((0.5, True, True), (1.5, True, False), (2.5, False, False), (3.5, False, True)):
        film.go_to(moment)
        assert painted(film, orange)[top:].any() == k_lit
        assert painted(film, green)[top:].any() == v_lit


@pytest.mark.parametrize("key", range(6))
def test_the_sum_counts_up_while_the_query_is_on_a_key(qtbot: QtBot, key: int) -> None:
    film, steps = film_of(qtbot)
    film.go_to(1 + (key + 0.5) / 6)
    film.grab()
    names = [name for _, name, _ in film._strips]
    assert names.count("q") == 3  # of the first picture, above the keys, and on the key
    assert f"k  t{key}" in names
    products = steps.q[1] * steps.k[1, key]
    assert float(products.sum()) == pytest.approx(float(film.numbers.raw[key]), abs=1e-5)


@pytest.mark.parametrize("theme", [LIGHT, DARK, LARGE_TYPE], ids=["light", "dark", "large type"])
@pytest.mark.parametrize("size", [(560, 340), (1400, 300), (2400, 1100)])
def test_no_picture_of_the_film_leaves_its_box(qtbot: QtBot, size: tuple[int, int], theme: Theme) -> None:
    film, _ = film_of(qtbot, 40, *size)
    look(theme)
    film.grab()
    boxes = [box.adjusted(-GAP_S, -1, 1, 1) for box in film.boxes().values()]
    assert all(any(box.contains(strip) for box in boxes) for strip, _, _ in film._strips)
