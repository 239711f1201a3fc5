"""The candidates for the next token beside those of the pinned A."""

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.messages.comparing import Pinned
from engine.messages.generation import PinnedNext, PredictPinned
from gui.panes.generation.moment import Moment
from gui.panes.generation.pane import GenerationPane
from gui.panes.generation.sentence import of_moment
from gui.panes.generation.tables import pinned_table
from gui.panes.generation.writing import Writing
from gui.widgets.candidate_bars import CandidateBars, difference_words
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, candidates, model
from tests.gui.hands import plain

THEN = np.array([0.3, 0.45, 0.2], np.float32)  # the open model: 0.5, 0.3, 0.2


def said(*probabilities: float, piece: str = "a") -> str:
    pinned = PinnedNext(np.array(probabilities, np.float32), piece, max(probabilities))
    return plain(of_moment(Moment("x", candidates=candidates(), pinned=pinned)))


def test_the_sentence_names_both_likeliest_tokens_or_the_largest_change() -> None:
    assert said(*THEN, piece="b") == ("Now “a” is the likeliest with 50.0 % (in A 30.0 %); in A it is “b” with 45.0 %.")
    assert said(0.45, 0.32, 0.2) == "“a” stays the likeliest: 50.0 %, in A 45.0 % (+5.0 percentage points)."
    assert said(0.49, 0.25, 0.2) == (
        "“a” stays the likeliest: 50.0 %, in A 49.0 %. “b” changes most: +5.0 percentage points."
    )
    assert said(0.5, 0.3, 0.2) == "A expects the same next token: “a” with 50.0 %."
    other = Moment("x", candidates=candidates(), pinned=PinnedNext(None))
    assert "another vocabulary" in of_moment(other)
    assert pinned_table(other) is None


def test_a_difference_has_an_arrow_and_none_if_it_rounds_to_nothing() -> None:
    assert [difference_words(share) for share in (0.123, -0.2, 0.0004)] == ["▲ 12.3", "▼ 20.0", "="]


def test_the_bars_describe_both_and_leave_the_draw_as_it_is(qtbot: QtBot) -> None:
    bars = CandidateBars()
    qtbot.addWidget(bars)
    bars.resize(600, 400)
    bars.set_candidates(candidates(), np.array([0.1, 0.2, 0.3], np.float32))
    assert bars.others() == pytest.approx((0.0, 0.0), abs=1e-6)  # the draw is from the open model
    assert "Now 50.00 %, in A 10.00 %" in plain(bars.describe(0))
    assert list(bars._heads()) == ["model", "a", "points"]
    bars.resize(240, 400)
    assert list(bars._heads())[-1] == "points"
    bars.set_candidates(candidates(), np.array([0.9, 0.0, 0.0], np.float32))
    assert bars.factor() == 1


@pytest.fixture
def writing(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> Writing:
    engine.answers[PredictPinned] = lambda _: [PinnedNext(THEN, "b", 0.45)]
    window.prompt.set_text("The cat")
    window.show_pane("generation")
    window.workspace.choose_count(1)
    window.state.set_model(model())
    part = window.workspace.pane(GenerationPane).writing
    qtbot.waitUntil(lambda: part.moment.prompt == "The cat" and part.moment.candidates is not None)
    return part


def test_the_candidates_of_a_are_offered_while_a_model_is_pinned(
    writing: Writing, engine: FakeEngine, qtbot: QtBot
) -> None:
    assert writing.page.minus.isHidden()
    writing.state.set_pinned(Pinned(model()))
    assert not writing.page.minus.isHidden()
    writing.page.minus.click()
    qtbot.waitUntil(lambda: writing.moment.pinned is not None)
    assert engine.asked(PredictPinned) == [PredictPinned("The cat", (), (97, 98, 99))]
    assert writing.page.bars.pinned is THEN
    assert "in A it is “b”" in writing.sentence()
    table = writing.table()
    assert table is not None
    assert [row[4] for row in table.rows] == pytest.approx([0.2, -0.15, 0.0], abs=1e-6)


def test_a_follows_each_step_and_goes_when_it_is_unpinned(writing: Writing, engine: FakeEngine, qtbot: QtBot) -> None:
    writing.state.set_pinned(Pinned(model()))
    writing.page.minus.click()
    qtbot.waitUntil(lambda: writing.moment.pinned is not None)
    writing.step()
    qtbot.waitUntil(lambda: engine.asked(PredictPinned)[-1].chosen == (97,))
    qtbot.waitUntil(lambda: writing.moment.ids == (97,) and writing.moment.pinned is not None)
    writing.state.set_pinned(Pinned(None))
    assert writing.moment.pinned is None
    assert writing.page.bars.pinned is None
    assert writing.page.minus.isHidden()


def test_the_candidates_are_shown_without_a_if_it_does_not_answer(
    writing: Writing, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.answers[PredictPinned] = lambda _: []
    writing.state.set_pinned(Pinned(model()))
    writing.page.minus.click()
    qtbot.waitUntil(lambda: not writing.minus.is_waiting)
    assert writing.moment == replace(writing.moment, pinned=None)
    assert writing.sentence()
