"""The difference of the attention from that of the pinned A."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pytestqt.qtbot import QtBot

from engine.messages.attention import Attend, AttentionLayer
from engine.messages.comparing import Pinned
from gui.panes.attention.difference import Difference, difference, difference_sentence
from gui.panes.attention.pane import AttentionPane
from gui.panes.attention.patterns import Patterns
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, attention, model
from tests.gui.hands import plain


def patterns(seed: int, heads: int = 3, layers: int = 2, text: str = "abcd") -> Patterns:
    generator = np.random.default_rng(seed)
    weights = np.tril(generator.random((layers, heads, len(text), len(text)), np.float32) + 0.01)
    weights /= weights.sum(axis=-1, keepdims=True)
    return Patterns(text, tuple(text), 0, list(weights.astype(np.float16)))


@given(st.integers(0, 50), st.integers(0, 50))
def test_the_moved_share_is_between_nothing_and_all_and_counts_every_row(first: int, second: int) -> None:
    found = difference(patterns(first), patterns(second))
    assert found is not None
    moved_LH = found.moved()
    assert (moved_LH >= 0).all()
    assert (moved_LH <= 1).all()
    for layer, head in np.ndindex(2, 3):
        rows = [np.maximum(row, 0).sum() for row in found.of_head(layer, head)]  # what has come is what has gone
        assert moved_LH[layer, head] == pytest.approx(np.mean(rows), abs=2e-3)
    assert first != second or moved_LH.max() == 0


def test_the_sentence_names_the_head_that_differs_most() -> None:
    now, then = patterns(1), patterns(1)
    assert difference_sentence(difference(now, then), 0, 0) == "On this text no head attends otherwise than in A."
    other = [layer.copy() for layer in then.layers]
    other[1][2] = np.eye(4)[0]  # all on the first token
    found = Difference(now, replace(then, layers=other))
    share = 100 * float(found.moved()[1, 2])
    said = plain(difference_sentence(found, 0, 0))
    assert said.startswith(f"Most different from A: layer 2, head 3, with {share:.1f} %".replace("layer", "Layer"))
    assert said.endswith("The selected head: 0.0 %.")
    assert "differs most from A" in difference_sentence(found, 1, 2)


def test_other_tokens_or_heads_cannot_be_compared() -> None:
    assert difference(patterns(1), patterns(2, text="abce")) is None
    assert difference(patterns(1), patterns(2, heads=2)) is None
    assert "no difference can be shown" in difference_sentence(None, 0, 0)


@pytest.fixture
def pane(window: MainWindow, qtbot: QtBot, engine: FakeEngine) -> AttentionPane:
    def answers(request: Attend) -> list[object]:
        layers = attention(request)
        if not request.pinned:
            return layers
        return [replace(one, weights=one.weights[::-1]) if isinstance(one, AttentionLayer) else one for one in layers]

    engine.answers[Attend] = answers
    window.state.set_model(model())
    window.state.set_text("abcde")
    window.workspace.set_layout(1, ["attention"])
    found = window.workspace.pane(AttentionPane)
    qtbot.waitUntil(lambda: found.shown is not None)
    return found


def test_the_difference_is_offered_while_a_model_is_pinned(pane: AttentionPane, qtbot: QtBot) -> None:
    button = pane.view.button("minus")
    assert button.isHidden()
    pane.state.set_pinned(Pinned(model()))
    assert not button.isHidden()
    pane.view.choose("minus")
    qtbot.waitUntil(lambda: pane.shown is not None and pane.shown.pinned is not None)
    assert pane.minus.isVisible()
    assert pane.sentence().startswith(("This head", "Most different"))
    shown: Any = pane.shown
    found = Difference(shown.patterns, shown.pinned)
    assert (pane.state.layer, pane.state.head) == found.most() == (shown.layer, shown.head)
    now, then = (one.of_head(*found.most()).astype(np.float32) for one in (shown.patterns, shown.pinned))
    expected = now - then
    assert np.allclose(pane.minus.map.weights, expected)
    table = pane.table()
    assert table is not None
    assert table.rows[4][1] == pytest.approx(expected[4, 0])
    qtbot.waitUntil(lambda: pane.minus.bars.row_count() > 1)
    pane.minus.bars.choose(1)
    assert (pane.state.layer, pane.state.head) == pane.minus._heads[1]
    pane.state.set_pinned(Pinned(None))
    assert pane.view.current == "matrix"
    assert button.isHidden()


def test_another_token_does_not_ask_for_the_attention_of_a_again(
    pane: AttentionPane, engine: FakeEngine, qtbot: QtBot
) -> None:
    del engine.answers[Attend]  # it never ends
    pane.state.set_pinned(Pinned(model()))
    pane.view.choose("minus")
    asked = len(engine.asked(Attend))
    pane.state.select_token(1)
    pane.state.select_head(1, 0)
    assert pane.asking("AttendA")
    assert len(engine.asked(Attend)) == asked
