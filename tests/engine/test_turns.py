"""Jobs take turns; those that nobody waits for give way to the others, but are not stopped by them."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from engine.service.answer import AFTER_OTHERS, IDLE
from engine.service.turns import IDLE_SECONDS, PATIENCE_SECONDS, QUIET_SECONDS, SHARE, Job, Turns

WORK, STEP = None, 0.1


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def nothing() -> Iterator[Any]:
    yield


def job(number: int) -> Job:
    return number, nothing()  # type: ignore[return-value]


class Loop:
    """Plays the engine's loop with jobs that only take time."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.turns = Turns(self.clock)
        self.took: list[int] = []
        self.yields: dict[int, object] = {}  # what each job yields at the end of a turn
        self.lengths: dict[int, float] = {}  # of its turns, in seconds

    def begin(self, number: int, body: object = WORK, seconds: float = STEP) -> None:
        self.turns.add(job(number))
        self.turns.wake()
        self.yields[number], self.lengths[number] = body, seconds

    def begin_later(self, number: int, seconds: float = STEP) -> None:
        """Begin a job that gives way from its first turn on."""
        self.begin(number, AFTER_OTHERS, 0.0)
        while number not in self.took:
            self.step()
        self.yields[number], self.lengths[number] = WORK, seconds

    def step(self) -> None:
        pause = self.turns.pause()
        assert pause is not None
        self.clock.now += pause
        taken = self.turns.take()
        if taken is not None:
            self.took.append(taken[0])
            self.clock.now += self.lengths[taken[0]]
            self.turns.put_back(taken, self.yields[taken[0]])

    def run(self, seconds: float) -> list[int]:
        """Return whose turns there are in the next seconds."""
        first, end = len(self.took), self.clock.now + seconds
        while self.clock.now < end:
            self.step()
        return self.took[first:]


@pytest.fixture
def loop() -> Loop:
    return Loop()


def test_jobs_take_turns(loop: Loop) -> None:
    for number in (1, 2, 3):
        loop.begin(number)
    assert loop.run(0.85) == [1, 2, 3, 1, 2, 3, 1, 2, 3]


def test_a_new_job_has_its_first_turn_before_those_in_work(loop: Loop) -> None:
    for number in (1, 2, 3):
        loop.begin(number)
    assert loop.run(0.45) == [1, 2, 3, 1, 2]
    loop.begin(4)
    loop.begin(5)
    assert loop.turns.remove(4) is not None
    loop.begin(6)
    assert loop.run(0.85) == [5, 6, 3, 1, 2, 5, 6, 3, 1]


def test_a_job_that_gives_way_does_so_to_a_new_one_even_when_it_is_due(loop: Loop) -> None:
    loop.begin_later(2)
    loop.run(PATIENCE_SECONDS)
    loop.begin(1)
    assert loop.run(STEP / 2) == [1]


def test_a_job_that_nobody_waits_for_has_no_turn_while_another_works(loop: Loop) -> None:
    loop.begin_later(2)
    loop.begin(1)
    assert set(loop.run(PATIENCE_SECONDS - 2 * STEP)) == {1}


def test_it_continues_once_the_others_have_ended_and_were_quiet_for_a_moment(loop: Loop) -> None:
    loop.begin_later(2)
    loop.begin(1)
    loop.run(0.35)
    assert loop.turns.remove(1) is not None
    begun = loop.clock.now
    assert loop.run(QUIET_SECONDS + 0.01) == [2]
    assert loop.clock.now == pytest.approx(begun + QUIET_SECONDS + STEP)
    assert loop.run(3 * STEP - 0.05) == [2, 2, 2]  # without a pause


def test_it_gets_its_share_of_the_time_beside_a_long_run(loop: Loop) -> None:
    loop.begin_later(2, seconds=0.5)
    loop.begin(1, seconds=0.07)
    taken = loop.run(100.0)
    assert taken.count(2) * 0.5 == pytest.approx(SHARE * 100, rel=0.15)


def test_a_run_that_is_paused_does_not_hold_it_up(loop: Loop) -> None:
    loop.begin_later(2)
    loop.begin(1, IDLE, seconds=0.0)
    taken = loop.run(2.0)
    assert taken.count(2) * STEP > 1.5
    assert taken.count(1) >= taken.count(2) - 1  # and it still sees at each turn whether to go on


def test_the_loop_sleeps_while_all_jobs_wait(loop: Loop) -> None:
    loop.begin(1, IDLE, seconds=0.0)
    loop.run(0.3)
    assert loop.turns.pause() == IDLE_SECONDS
    loop.turns.wake()
    assert loop.turns.pause() == 0.0


def test_without_jobs_the_loop_waits_for_a_message(loop: Loop) -> None:
    assert loop.turns.pause() is None
    assert loop.turns.take() is None
    loop.begin_later(2)
    assert loop.turns.remove(2) is not None
    assert loop.turns.pause() is None


def test_a_job_is_removed_wherever_it_is(loop: Loop) -> None:
    loop.begin_later(2)
    loop.begin(1)
    assert [number for number, _ in loop.turns] == [1, 2]
    assert loop.turns.remove(3) is None
    removed = loop.turns.remove(2)
    assert removed is not None
    assert removed[0] == 2
    assert [number for number, _ in loop.turns] == [1]


@given(
    st.lists(st.tuples(st.sampled_from(["begin", "later", "idle", "remove", "run"]), st.integers(0, 9)), max_size=30)
)
def test_every_job_in_progress_has_turns_again(steps: list[tuple[str, int]]) -> None:
    loop, alive = Loop(), set[int]()
    for number, (act, target) in enumerate(steps, start=10):
        if act == "begin":
            loop.begin(number)
        elif act == "later":
            loop.begin_later(number)
        elif act == "idle":
            loop.begin(number, IDLE, seconds=0.0)
        elif act == "remove" and alive:
            number = sorted(alive)[target % len(alive)]
            assert loop.turns.remove(number) is not None
            alive.remove(number)
        elif alive:
            loop.run(0.1 * target)
        if act in ("begin", "later", "idle"):
            alive.add(number)
    assert {number for number, _ in loop.turns} == alive
    if alive:
        assert set(loop.run(60.0)) == alive
