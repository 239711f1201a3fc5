"""Each stage of sampling follows its paper, and the random number selects the token."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from engine.errors import EngineError
from engine.generation.sampling import candidates, draw, rank_order, softmax, stages
from engine.messages.generation import STAGES, SamplingSettings

LOGITS = arrays.arrays(np.float32, st.integers(2, 40), elements=st.floats(-30, 30, width=32))
SETTINGS = st.builds(
    SamplingSettings,
    repetition_penalty=st.floats(0.5, 2.0),
    temperature=st.sampled_from([0.0, 0.1, 0.7, 1.0, 2.0]),
    top_k=st.integers(0, 50),
    top_p=st.floats(0.0, 1.0),
    min_p=st.floats(0.0, 1.0),
)
PREVIOUS = st.lists(st.integers(0, 1), max_size=3)


def rows(logits: np.ndarray, settings: SamplingSettings, previous: list[int] | None = None) -> np.ndarray:
    """Return the probabilities after every stage, [stage, token]."""
    found = stages(logits, previous or [], settings)
    return found.probabilities(found.ranks(np.arange(len(logits))))


@given(logits=arrays.arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([-1e100, -2.0, 0.0, 1.5, 7.0])))
def test_tokens_are_ranked_by_their_logits_and_equal_ones_by_id(logits: np.ndarray) -> None:
    assert rank_order(logits).tolist() == sorted(range(len(logits)), key=lambda token: (-logits[token], token))


@given(logits=LOGITS, settings=SETTINGS, previous=PREVIOUS)
def test_every_stage_is_a_distribution_and_only_cuts(
    logits: np.ndarray, settings: SamplingSettings, previous: list[int]
) -> None:
    result = rows(logits, settings, previous)
    assert np.allclose(result.sum(axis=1), 1.0)
    for before, after in itertools.pairwise(result[2:]):
        assert not (after[before == 0] > 0).any()


@given(logits=LOGITS, k=st.integers(1, 60))
def test_top_k_keeps_exactly_k(logits: np.ndarray, k: int) -> None:
    settings = SamplingSettings(temperature=1.0, top_k=k)
    kept = np.flatnonzero(rows(logits, settings)[STAGES.index("top_k")])
    assert len(kept) <= min(k, len(logits))
    lowest = logits[kept].min()
    assert (logits[np.setdiff1d(np.arange(len(logits)), kept)] <= lowest).all()


@given(logits=LOGITS, p=st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_with_p_in_total(logits: np.ndarray, p: float) -> None:
    row = rows(logits, SamplingSettings(temperature=1.0, top_p=p))
    model, kept = row[0], row[STAGES.index("top_p")] > 0
    held = model[kept].sum()
    assert held >= p - 1e-6
    assert held - model[kept].min() < p + 1e-6


@given(logits=LOGITS)
def test_temperature_zero_takes_the_likeliest(logits: np.ndarray) -> None:
    result = stages(logits, [], SamplingSettings(temperature=0.0))
    assert result.order_R[result.pick(0.999)] == logits.argmax()


@given(logits=LOGITS, cold=st.floats(0.2, 0.9), hot=st.floats(1.1, 3.0))
def test_a_higher_temperature_raises_the_entropy(logits: np.ndarray, cold: float, hot: float) -> None:
    def highest(temperature: float) -> float:
        return float(rows(logits, SamplingSettings(temperature=temperature))[-1].max())

    assert highest(cold) >= highest(1.0) - 1e-9 >= highest(hot) - 2e-9


@given(
    logits=arrays.arrays(np.float32, 20, elements=st.floats(-8, 8, width=32), unique=True),
    penalty=st.sampled_from([1.0, 1.3]),
    temperature=st.sampled_from([0.5, 1.0, 1.7]),
    k=st.sampled_from([0, 1, 5, 12]),
    p=st.sampled_from([1.0, 0.9, 0.5]),
    min_p=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_stages_agree_with_transformers(
    logits: np.ndarray, penalty: float, temperature: float, k: int, p: float, min_p: float
) -> None:
    previous = [3, 7, 3]
    scores = torch.from_numpy(logits.copy())[None].double()
    ids = torch.tensor([previous])
    for processor in (
        RepetitionPenaltyLogitsProcessor(penalty),
        TemperatureLogitsWarper(temperature),
        *([TopKLogitsWarper(k)] if k else []),
        *([TopPLogitsWarper(p)] if p < 1 else []),
        *([MinPLogitsWarper(min_p)] if min_p else []),
    ):
        scores = processor(ids, scores)
    settings = SamplingSettings(penalty, temperature, k, p, min_p)
    ours, theirs = rows(logits, settings, previous)[-1], scores.softmax(-1)[0].numpy()
    if set(np.flatnonzero(ours)) == set(np.flatnonzero(theirs)):
        assert np.allclose(ours, theirs, atol=1e-6)
    else:  # a sum that meets p to the last bit may fall on either side
        assert abs(np.count_nonzero(ours) - np.count_nonzero(theirs)) == 1


@given(logits=LOGITS, settings=SETTINGS, u=st.floats(0, 1, exclude_max=True))
def test_the_interval_of_the_drawn_token_contains_the_draw(
    logits: np.ndarray, settings: SamplingSettings, u: float
) -> None:
    shown = candidates(stages(logits, [], settings), u, 8, str)
    assert shown.drawn_from - 1e-9 <= u <= shown.drawn_to + 1e-9
    assert shown.probabilities[-1, shown.drawn] > 0
    assert shown.drawn_to - shown.drawn_from == pytest.approx(float(shown.probabilities[-1, shown.drawn]), abs=1e-5)
    assert shown.probabilities.shape == (len(STAGES), min(8, len(logits)))
    assert len(set(shown.ids.tolist())) == len(shown.ids)


@given(logits=LOGITS, settings=SETTINGS, previous=PREVIOUS, place=st.floats(0.01, 0.99))
def test_a_draw_inside_the_interval_of_a_candidate_selects_it(
    logits: np.ndarray, settings: SamplingSettings, previous: list[int], place: float
) -> None:
    result = stages(logits, previous, settings)
    shown = candidates(result, 0.5, 8, str)
    assert shown.sampling == settings
    for index, (start, share) in enumerate(zip(shown.starts, shown.probabilities[-1].tolist(), strict=True)):
        if share > 1e-6:
            assert result.order_R[result.pick(start + place * share)] == shown.ids[index]
        elif share == 0:
            assert start == pytest.approx(1.0)


def test_draws_follow_the_distribution() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.2], np.float32))
    result = stages(logits, [], SamplingSettings(temperature=1.0))
    counts = np.bincount([result.order_R[result.pick(draw(7, i))] for i in range(4000)], minlength=3) / 4000
    assert np.allclose(counts, [0.5, 0.3, 0.2], atol=0.03)


def test_draws_repeat_and_are_uniform() -> None:
    numbers = np.array([draw(seed, position) for seed in range(40) for position in range(100)])
    assert draw(3, 9) == draw(3, 9)
    assert len(set(numbers.tolist())) == len(numbers)
    assert 0 <= numbers.min() < 0.01
    assert 0.99 < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.02


def test_repetition_penalty_acts_on_earlier_tokens() -> None:
    plain = rows(np.array([2.0, 1.9, -1.0], np.float32), SamplingSettings(temperature=1.0))[-1]
    punished = rows(np.array([2.0, 1.9, -1.0], np.float32), SamplingSettings(2.0, 1.0), previous=[0, 2])[-1]
    assert punished[0] < plain[0]
    assert punished[1] > plain[1]
    assert punished[2] < plain[2]


def test_broken_numbers_are_impossible_tokens_or_an_error() -> None:
    result = rows(np.array([np.nan, 1.0, -np.inf, 0.0], np.float32), SamplingSettings(temperature=1.0))
    assert result[-1][0] == result[-1][2] == 0
    with pytest.raises(EngineError) as raised:
        stages(np.full(4, np.nan, np.float32), [], SamplingSettings())
    assert raised.value.key == "error.logits_broken"


@pytest.mark.parametrize("change", [{"temperature": -1.0}, {"top_p": 1.5}, {"min_p": float("nan")}, {"top_k": -2}])
def test_settings_out_of_range_raise_an_engine_error(change: dict[str, float]) -> None:
    with pytest.raises(EngineError) as raised:
        stages(np.zeros(4, np.float32), [], SamplingSettings(**change))  # type: ignore[arg-type]
    assert raised.value.key == "error.config_range"


def test_softmax_of_huge_numbers() -> None:
    assert softmax(np.array([1e300, 0.0])).tolist() == [1.0, 0.0]
