"""The number of threads of a run follows the time of its steps."""

from collections.abc import Iterator

import pytest
import torch

from engine.model.thread_count import NEXT_TRIAL, ThreadCount


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def counts(seconds: dict[int, float], steps: int) -> list[int]:
    """Return the number of threads of each step, where a step takes so many seconds with one thread and with two."""
    chosen = []
    with ThreadCount() as threads:
        for _ in range(steps):
            chosen.append(torch.get_num_threads())
            threads.choose(seconds[chosen[-1]])
    return chosen


def test_all_threads_are_used_where_they_are_faster_and_trials_are_rare() -> None:
    chosen = counts({1: 0.09, 2: 0.05}, 2000)
    assert chosen.count(1) * 0.09 < 0.02 * 2000 * 0.05


def test_one_thread_is_used_where_it_is_faster() -> None:
    chosen = counts({1: 0.4, 2: 2.0}, 200)
    assert chosen.count(2) * 2.0 < 0.2 * 200 * 0.4


def test_the_choice_follows_a_change_of_load() -> None:
    seconds = {1: 0.09, 2: 0.05}
    with ThreadCount() as threads:
        for step in range(3000):
            if step == 1000:
                seconds[2] = 0.5
            threads.choose(seconds[torch.get_num_threads()])
            if step == 1500:
                assert torch.get_num_threads() == 1
                seconds[2] = 0.05
        assert torch.get_num_threads() == 2


def test_a_trial_of_much_slower_steps_ends_after_the_first() -> None:
    chosen = counts({1: 0.1, 2: 1.0}, round(NEXT_TRIAL / 0.1))
    assert "".join(map(str, chosen)).lstrip("2").count("2") <= 1


def test_torch_has_its_threads_again_afterwards() -> None:
    counts({1: 0.4, 2: 2.0}, 100)
    assert torch.get_num_threads() == 2
