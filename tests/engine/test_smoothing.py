"""The smoothed loss of a run, and the moments at which it passes a reference."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engine.training.smoothing import LEAST_SHARE, STRETCH, Crossings, Smoothing

LOSSES = st.lists(st.floats(0.0, 12.0), min_size=1, max_size=60)


def smoothed(losses: list[float]) -> list[float]:
    smoothing = Smoothing()
    return [smoothing.add(loss) for loss in losses]


def test_noise_is_smoothed_and_a_lasting_change_is_followed() -> None:
    noise = np.random.default_rng(0).normal(3, 1, 300)
    assert np.std(smoothed(noise.tolist())[50:]) < noise.std() / 2
    assert smoothed([3.0] * 1000 + [2.0] * 3000)[-1] == pytest.approx(2.0, abs=0.01)


@given(LOSSES)
def test_the_smoothed_loss_is_the_weighted_mean_of_all_losses(losses: list[float]) -> None:
    weights = np.zeros(len(losses))
    for index in range(len(losses)):
        share = max(LEAST_SHARE, 1 / (1 + STRETCH * index))
        weights *= 1 - share
        weights[index] += share
    assert smoothed(losses)[-1] == pytest.approx(float(weights @ losses))


def test_a_nan_or_infinite_loss_is_skipped() -> None:
    assert smoothed([4.0, math.nan, math.inf, 4.0]) == [4.0] * 4
    assert math.isnan(smoothed([math.nan])[0])


@given(LOSSES, st.lists(st.floats(0.0, 12.0), max_size=4))
def test_each_reference_is_passed_once_at_the_first_loss_below_it(losses: list[float], references: list[float]) -> None:
    crossings = Crossings(references)
    found = [index for index, loss in enumerate(losses) if crossings.crosses(loss)]
    first = (next((i for i, loss in enumerate(losses) if loss < reference), None) for reference in references)
    assert found == sorted({index for index in first if index is not None})
