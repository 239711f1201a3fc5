"""The patterns of all heads for one text, without widgets."""

import numpy as np
import pytest

from engine.messages.attention import ExplainAttention
from gui.panes.attention.patterns import Patterns, Shown, with_steps
from tests.gui.fakes import attention_steps


def patterns_of(count: int, size: int) -> Patterns:
    layers = [np.zeros((3, size, size), np.float16) for _ in range(2)]
    return Patterns("x" * 9 + "y" * count, ("y",) * count, 9, layers)


def test_a_pooled_pattern_is_enlarged_to_all_tokens() -> None:
    shown = patterns_of(5, 3)
    shown.layers[1][2] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert shown.are_pooled
    rows = [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]]
    assert shown.of_head(1, 2).tolist() == rows
    assert not patterns_of(3, 3).are_pooled


@pytest.mark.parametrize(("token", "row"), [(None, 4), (9, 0), (13, 4), (8, 4), (14, 4)])
def test_the_row_of_a_token_that_is_not_shown_is_the_last(token: int | None, row: int) -> None:
    assert patterns_of(5, 5).row_of(token) == row


def test_the_strongest_head_has_the_largest_weight_from_row_to_key() -> None:
    shown = patterns_of(4, 4)
    shown.layers[0][1][3, 0] = 0.4
    shown.layers[1][2][3, 0] = 0.6
    shown.layers[0][0][3, 1] = 0.9
    assert shown.strongest_head(3, 0) == (1, 2)
    assert shown.within(7, 1) == (1, 1)


@pytest.mark.parametrize("error", [0.0004, 0.3], ids=["of rounding", "of another moment"])
def test_the_steps_and_the_pattern_have_the_same_shares(error: float) -> None:
    [steps] = attention_steps(ExplainAttention("abcd", 1, 3))
    patterns = patterns_of(4, 4)
    weights = np.zeros((4, 4), np.float16)
    weights[3] = steps.weights[2] + [error, -error, 0, 0]
    shown = with_steps(Shown(patterns, 1, 2, 3, weights), steps)
    assert shown.steps is not None
    assert np.allclose(shown.weights[3], shown.steps.weights[2], atol=5e-4)
    assert (shown.weights[3] == weights[3]).all() == (error < 0.1)
    assert (patterns.of_head(1, 2) == 0).all()  # the patterns themselves stay
