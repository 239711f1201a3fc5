"""The pictures of fine-tuning on examples: curves, answers before and now, and what is trained, to scale."""

import math

import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from engine.messages.examples import CheckedPairs, ExampleTokens
from engine.messages.tuning import Measured, TuningStarted
from gui.panes.tuning.examples_answers import Answer, AnswerRows
from gui.panes.tuning.examples_curves import CurvePlot, Curves, curves_of
from gui.panes.tuning.examples_lora import LoraPicture
from gui.panes.tuning.examples_sentence import before_a_run, of_a_run
from gui.theme import DARK, LIGHT
from gui.tuner import TuningRecord
from tests.gui.fakes import points
from tests.gui.hands import Hover, look, painted, plain, show

STARTED = TuningStarted("/models/examples-1", "/models/base", "examples", 6, 2, 0)


def curves(form: list[float], right: list[float], old: list[float] | None = None) -> Curves:
    """Return measurements 2 seconds apart."""
    named = {"form": form, "right": right, "old_loss": old or []}
    found = {name: tuple((2.0 * n, v) for n, v in enumerate(values)) for name, values in named.items() if values}
    return Curves(found, 2.0 * len(form))


# --- The sentence ---


@pytest.mark.parametrize(
    ("form", "right", "old", "words"),
    [
        ([0.0], [0.0], [0.6], "0 % of the answers are in the right form so far"),
        ([0.0, 0.9, 0.95], [0.0, 0.2, 0.8], [0.6, 0.6, 0.6], "half of the answers have it after 2.0 s, half are right"),
        ([0.0, 0.9, 0.95], [0.0, 0.2, 0.8], [0.6, 0.6, 0.9], "80 % of the held-out answers are right, but the loss"),
        ([0.0, 0.9], [0.0, 0.01], None, "90 % of the answers have the right form, but only 1 % are right"),
        ([0.0, 0.9], [0.0, 0.9], None, "90 % of the held-out answers have the right form, and 90 % are right"),
        ([0.9, 0.9], [0.1, 0.6], None, "90 % of the held-out answers have the right form, and 60 % are right"),
        ([1.0, 1.0], [0.0, 0.0], None, "100 % of the held-out answers have the right form, and 0 % are right"),
        ([0.4], [0.2], None, "40 % of the held-out answers have the right form, and 20 % are right"),
    ],
)
def test_the_sentence_fits_what_was_measured(
    qapp: object, form: list[float], right: list[float], old: list[float] | None, words: str
) -> None:
    assert words in plain(of_a_run(curves(form, right, old)))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 9)), min_size=1, max_size=6))
def test_every_claim_of_the_sentence_is_true(measured: list[tuple[float, float, float]]) -> None:
    form, right, old = (list(values) for values in zip(*measured, strict=True))
    words = of_a_run(curves(form, right, old))
    if "Form comes first" in words:
        assert next(n for n, v in enumerate(form) if v >= 0.5) < next(n for n, v in enumerate(right) if v >= 0.5)
        assert form[0] < 0.5
    if "form without facts" in words:
        assert right[-1] < 0.1
        assert form[-1] >= 0.5 > form[0]
    if "forgets" in words:
        assert old[-1] > old[0]
    assert words


def test_nothing_is_said_before_anything_is_measured(qapp: object) -> None:
    assert of_a_run(Curves({}, 0.0)) == ""
    assert before_a_run(None, None) == ""


def test_before_a_run_the_sentence_counts_the_tinted_tokens(qapp: object) -> None:
    tokens = ExampleTokens(("a", "b", "c"), (False, True, True), 64)
    words = before_a_run(tokens, CheckedPairs(6, 2, 0, 0, 100, (), ()))
    assert "Only the 2 tinted of 3 tokens" in words
    assert "2 pairs are held out" in words


# --- The curves ---


def test_the_loss_on_answers_is_that_on_held_out_ones_at_its_second(qapp: object) -> None:
    record = TuningRecord(STARTED)
    for report in (points(1, 10), points(11, 5, fraction=0.5)):
        record.points.append(report)
        record.last = report
    record.measured.append(Measured(0, 0.0, {"form": 0.25}))
    found = curves_of(record)
    assert [at for at, _ in found.points["answer_loss"]] == [10.0, 15.0]
    assert found.points["form"] == ((0.0, 0.25),)
    assert found.end == 15.0 + points().seconds_left
    assert "right" not in found.points


def test_the_curves_are_painted_inside_their_boxes_and_described(qtbot: QtBot, hover: Hover) -> None:
    plot = CurvePlot()
    plot.resize(600, 500)
    show(qtbot, plot)
    plot.set_curves(curves([0.0, 1.0, 1.0], [0.0, 0.5, 0.75], [0.6, 0.7, 0.8]))
    upper, lower = plot.areas()
    assert upper.bottom() < lower.top()
    assert lower.bottom() < plot.height()
    first, last = plot.place(upper, 0.0, 0.0, 1.0), plot.place(upper, 4.0, 0.75, 1.0)
    assert first.x() == upper.left()
    assert first.y() == upper.bottom()
    assert upper.contains(last)
    words = hover(plot, QPoint(round(last.x()) + 2, round(last.y())))
    assert "Right 75 %" in words
    assert "Loss on old text 0.80" in words
    assert "Right 50 %" in hover(plot, QPoint(round(plot.place(upper, 3.0, 0.0, 1.0).x()), 100))
    assert "In the right form 100 %" in plain(plot.accessibleDescription())


def test_curves_in_a_tiny_tile_do_not_fail(qtbot: QtBot) -> None:
    plot = CurvePlot()
    plot.resize(20, 10)
    show(qtbot, plot)
    plot.set_curves(curves([0.0, 1.0], [0.1, 0.5]))
    plot.grab()


def test_a_measurement_that_is_no_number_is_left_out(qapp: object) -> None:
    record = TuningRecord(STARTED)
    record.measured += [Measured(0, 0.0, {"old_loss": 0.5}), Measured(1, 1.0, {"old_loss": math.nan})]
    assert curves_of(record).points["old_loss"] == ((0.0, 0.5),)


# --- The answers ---


def test_answers_are_large_where_there_is_room_and_all_fit(qtbot: QtBot) -> None:
    rows = AnswerRows()
    rows.resize(700, 500)
    show(qtbot, rows)
    short = Answer("What does the fox eat?", "mice and", "The fox eats mice.", "The fox eats mice.")
    rows.set_answers([short])
    large = rows._fitting()[0][0].font().pixelSize()
    rows.set_answers([short, Answer("Long?", "a " * 120, "b " * 120), Answer("Longer?", "c " * 120, "d " * 120)])
    small = rows._fitting()[0][0].font().pixelSize()
    assert small < large
    assert sum(map(rows._height, rows._fitting())) <= rows.height()


def test_a_right_answer_is_painted_in_green_and_said(qtbot: QtBot) -> None:
    rows = AnswerRows()
    rows.resize(600, 200)
    show(qtbot, rows)
    rows.set_answers([Answer("Who?", "He", "I.", "I.")])
    assert "✓" in rows.accessibleDescription()
    assert painted(rows, rows.theme.color("good")).any()
    rows.set_answers([Answer("Who?", "He", "You.", "I.")])
    assert "✓" not in rows.accessibleDescription()


def test_answers_are_painted_in_the_dark_theme(qtbot: QtBot) -> None:

    rows = AnswerRows()
    rows.resize(600, 200)
    show(qtbot, rows)
    rows.set_answers([Answer("Who?", "He", "You.")])
    look(DARK)
    assert painted(rows, QColor(DARK.accent)).any()
    look(LIGHT)


# --- What is trained ---


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(1, 64))
def test_the_matrices_are_in_one_scale(rows: int, columns: int, rank: int) -> None:
    picture = LoraPicture()
    picture.resize(500, 300)
    picture.set_shape(rows, columns, rank, rank * (rows + columns), rows * columns)
    boxes = picture.boxes()
    whole, down, across = (boxes[name] for name in "WBA")
    assert whole.height() / whole.width() == pytest.approx(rows / columns)
    assert down.height() == whole.height()
    assert across.width() == whole.width()
    assert down.width() == across.height()
    assert across.right() <= picture.width() + 1


def test_all_weights_are_one_matrix_with_its_numbers(qtbot: QtBot) -> None:
    picture = LoraPicture()
    picture.resize(400, 300)
    show(qtbot, picture)
    picture.set_shape(512, 128, 0, 1_000_000, 1_000_000)
    assert list(picture.boxes()) == ["W"]
    assert "1,000,000 of 1,000,000 numbers are trained (100 %)" in plain(picture.words())
    picture.set_shape(512, 128, 8, 5_120, 1_000_000)
    assert "5,120 of 1,000,000 numbers are trained (0.5 %)" in plain(picture.words())
    picture.grab()
