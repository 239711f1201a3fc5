"""A report leaves at once, and then at most once an interval."""

import time

import pytest

from engine.pace import Pace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace the clock; its time in seconds is the only entry."""
    seconds = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    return seconds


def test_the_first_report_is_due_at_once_and_the_next_after_the_interval(clock: list[float]) -> None:
    pace = Pace(0.5)
    assert pace.due()
    clock[0] += 0.4
    assert not pace.due()
    assert not pace.due()
    clock[0] += 0.1
    assert pace.due()
    assert not pace.due()


def test_a_report_that_must_leave_now_starts_a_new_interval(clock: list[float]) -> None:
    pace = Pace(0.5)
    assert pace.due(now=True)
    clock[0] += 0.4
    assert pace.due(now=True)
    clock[0] += 0.4
    assert not pace.due()


def test_an_interval_of_zero_lets_every_report_through(clock: list[float]) -> None:
    pace = Pace(0.0)
    assert [pace.due() for _ in range(3)] == [True, True, True]
