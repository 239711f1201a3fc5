"""The difference of the lens from that of the pinned A."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pytestqt.qtbot import QtBot

from engine.messages.comparing import Pinned
from engine.messages.inside import LensGrid, ReadLens
from gui.colormaps import difference_color
from gui.i18n import set_language
from gui.panes.inside.lens import Lens
from gui.panes.inside.lens_difference import (
    FULL,
    NOTICED,
    DifferencePicture,
    lens_difference,
    lens_difference_sentence,
)
from gui.panes.inside.pane import InsidePane
from gui.window.main_window import MainWindow
from tests.gui.fakes import LENS_LAYERS as LAYERS, LENS_TOKENS as TOKENS, FakeEngine, lens_grid, model
from tests.gui.hands import plain


def other(*changes: tuple[int, int, float]) -> LensGrid:
    """Return the lens of A, in which some targets (layer, column) have another probability."""
    grid = lens_grid()
    shares = grid.target_probabilities.copy()
    for layer, column, share in changes:
        shares[layer, column] = share
    return replace(grid, target_probabilities=shares)


def said(then: LensGrid, column: int = TOKENS - 1) -> str:
    return plain(lens_difference_sentence(lens_difference(lens_grid(), then), column))


@given(st.integers(0, LAYERS), st.integers(0, TOKENS - 1), st.floats(0, 1, width=32))
def test_only_a_cell_that_a_expects_otherwise_differs(layer: int, column: int, share: float) -> None:
    found = lens_difference(lens_grid(), other((layer, column, share)))
    assert found is not None
    own = float(lens_grid().target_probabilities[layer, column])
    assert np.exp(found.nats_LT[layer, column]) * max(share, 1e-30) == pytest.approx(max(own, 1e-30), rel=1e-5)
    rest = found.nats_LT.copy()
    rest[layer, column] = 0
    assert not rest.any()


def test_the_sentence_has_both_probabilities_and_the_layers_where_they_part() -> None:
    both = other((2, 3, 0.3), (3, 3, 0.09))  # now 0.2 and 0.9
    assert said(both) == (
        "“w7” has 90.0 % at the end, in A 9.0 %. It first differs at layer 2, and most at layer 3: +2.3 nats."
    )
    assert said(other((2, 3, 0.4))) == (
        "“w7” has 90.0 % at the end, in A 90.0 %. It differs first and most at layer 2: -0.69 nats."
    )
    assert said(both, column=0) == (
        "No layer expects “w1” otherwise than A. The largest difference is after “␣France”: +2.3 nats."
    )
    assert said(other((3, 3, 0.9 * (1 - NOTICED / 2)))) == "On this text each layer expects the same as in A."


@pytest.mark.parametrize(
    "then",
    [
        lens_grid(("Die", " capital", " of", " France")),
        replace(lens_grid(), targets=np.array([1, 2, 3, 8], np.int32)),
        replace(lens_grid(), names={token: f" v{token}" for token in range(50)}),
        replace(lens_grid(), ids=lens_grid().ids[1:]),
    ],
)
def test_other_tokens_vocabularies_or_layers_cannot_be_compared(then: LensGrid) -> None:
    assert lens_difference(lens_grid(), then) is None
    assert "no difference can be shown" in said(then)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_sentences_fit_into_two_lines(language: str) -> None:
    set_language(language)
    longest = {"en": 125, "ja": 70}[language]
    assert all(
        len(said(then)) <= longest for then in (lens_grid(), other((1, 1, 0.5), (3, 3, 0.001)), lens_grid(("a",)))
    )


@pytest.fixture
def lens(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> Lens:
    engine.answers[ReadLens] = lambda request: [other((3, 3, 0.09)) if request.pinned else lens_grid()]
    window.state.set_model(model())
    window.state.set_text("The capital of France")
    window.workspace.set_layout(1, ["inside"])
    found = window.workspace.pane(InsidePane).part_of(Lens)
    qtbot.waitUntil(lambda: found.parts is not None)
    return found


def test_the_difference_is_offered_while_a_model_is_pinned(lens: Lens, engine: FakeEngine, qtbot: QtBot) -> None:
    assert lens.page.minus.isHidden()
    lens.state.set_pinned(Pinned(model()))
    assert not lens.page.minus.isHidden()
    lens.page.minus.click()
    qtbot.waitUntil(lens.page.difference.isVisible)
    assert not lens.page.layers.isVisible()
    assert engine.asked(ReadLens)[-1] == ReadLens("The capital of France", last=7, pinned=True)
    assert lens.sentence().startswith("“w7”")
    assert "in A" in lens.sentence()
    assert lens.page.ranks.pinned is not None
    table = lens.table()
    assert table is not None
    row = dict(zip(table.header, table.rows[-1], strict=True))
    assert row["target_probability"] == pytest.approx(0.9)
    assert row["a_target_probability"] == pytest.approx(0.09)
    assert row["difference_nats"] == pytest.approx(np.log(10), abs=1e-5)


def test_without_a_the_lens_is_shown_again(lens: Lens, qtbot: QtBot) -> None:
    lens.state.set_pinned(Pinned(model()))
    lens.page.minus.click()
    qtbot.waitUntil(lens.page.difference.isVisible)
    lens.state.set_pinned(Pinned(None))
    assert lens.page.minus.isHidden()
    assert lens.page.layers.isVisible()
    assert lens.page.ranks.pinned is None
    table = lens.table()
    assert table is not None
    assert "difference_nats" not in table.header


def test_a_is_read_once_while_only_the_open_model_changes(lens: Lens, engine: FakeEngine, qtbot: QtBot) -> None:
    lens.state.set_pinned(Pinned(model()))
    lens.page.minus.click()
    qtbot.waitUntil(lens.page.difference.isVisible)
    count = len(engine.asked(ReadLens))
    lens.refresh()
    qtbot.waitUntil(lambda: lens.parts is not None)
    assert [request.pinned for request in engine.asked(ReadLens)[count:]] == [False]
    assert lens.page.difference.isVisible()


def test_a_model_with_another_vocabulary_is_not_asked(lens: Lens, engine: FakeEngine, qtbot: QtBot) -> None:
    lens.state.set_pinned(Pinned(replace(model(), vocabulary=7)))
    lens.page.minus.click()
    assert "no difference can be shown" in lens.sentence()
    assert lens.page.layers.isVisible()
    assert not any(request.pinned for request in engine.asked(ReadLens))


def test_a_cell_is_tinted_by_its_difference_on_a_fixed_scale(qtbot: QtBot) -> None:
    picture = DifferencePicture()
    qtbot.addWidget(picture)
    found = lens_difference(lens_grid(), other((3, 3, 0.09), (2, 0, 1.0)))
    assert found is not None
    picture.set_difference(found, 3, 3)
    grid = found.now
    assert picture.color_of(grid, 3, 3) == difference_color((np.log(10) / FULL) ** 0.5)
    assert picture.color_of(grid, 2, 0).blue() > picture.color_of(grid, 2, 0).red()
    assert picture.color_of(grid, 1, 1) == difference_color(0)
    assert (picture.words_of(grid, 3, 3), picture.words_of(grid, 1, 1)) == ("+2.3", "")
    words = plain(picture.describe(3, 3))
    assert "90.0 % (rank 1), in A 9.0 % (rank 1)" in words
    assert "+2.3 nats" in words
