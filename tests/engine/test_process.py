"""The engine's loop: every request ends exactly once, in turn, and Cancel takes effect."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from engine.errors import EngineError
from engine.messages import Cancel, Ended, Event, Quit, Submit
from engine.service.process import IDLE, serve


@dataclass(frozen=True)
class Count:
    to: int


@dataclass(frozen=True)
class Forever:
    idle: bool = False


@dataclass(frozen=True)
class Fail:
    foreseen: bool


closed: list[str] = []


def count(request: Count) -> Iterator[int]:
    yield from range(request.to)


def forever(request: Forever) -> Iterator[object]:
    try:
        while True:
            yield IDLE if request.idle else None
    finally:
        closed.append("forever")


def fail(request: Fail) -> Iterator[None]:
    yield None
    if request.foreseen:
        raise EngineError("error.text_empty", file="a.txt")
    raise ZeroDivisionError("a bug")


@pytest.fixture
def engine() -> Iterator[Connection]:
    closed.clear()
    ours, theirs = Pipe()
    handlers = {Count: count, Forever: forever, Fail: fail}
    thread = threading.Thread(target=serve, args=(theirs, handlers))
    thread.start()
    yield ours
    if not ours.closed:
        ours.send(Quit())
        thread.join(5)
        ours.close()
    thread.join(5)
    theirs.close()
    assert not thread.is_alive()


def until_ended(engine: Connection, job: int) -> list[object]:
    """All messages up to the end of `job`."""
    seen: list[object] = []
    while not (seen and isinstance(seen[-1], Ended) and seen[-1].job == job):
        assert engine.poll(5)
        seen.append(engine.recv())
    return seen


def test_a_request_is_answered_in_order_and_ends_once(engine: Connection) -> None:
    engine.send(Submit(7, Count(3)))
    assert until_ended(engine, 7) == [Event(7, 0), Event(7, 1), Event(7, 2), Ended(7, "done")]


def test_a_question_is_answered_while_another_job_runs(engine: Connection) -> None:
    engine.send(Submit(1, Forever()))
    engine.send(Submit(2, Count(2)))
    assert until_ended(engine, 2)[-1] == Ended(2, "done")


def test_two_jobs_take_turns(engine: Connection) -> None:
    engine.send(Submit(1, Forever(idle=True)))  # holds the loop busy until both counters are in
    engine.send(Submit(2, Count(40)))
    engine.send(Submit(3, Count(40)))
    events = [message.job for message in until_ended(engine, 3) if isinstance(message, Event)]
    assert abs(events.index(3) - events.index(2)) <= 40
    assert events.count(2) == events.count(3) == 40


def test_cancel_closes_the_job_and_says_so(engine: Connection) -> None:
    engine.send(Submit(1, Forever()))
    engine.send(Submit(2, Count(1)))
    until_ended(engine, 2)  # job 1 has had its turn
    engine.send(Cancel(1))
    assert until_ended(engine, 1) == [Ended(1, "cancelled")]
    assert closed == ["forever"]


def test_a_waiting_job_can_be_cancelled(engine: Connection) -> None:
    engine.send(Submit(1, Forever(idle=True)))
    engine.send(Cancel(1))
    assert until_ended(engine, 1)[-1] == Ended(1, "cancelled")


def test_cancelling_what_has_ended_is_no_error(engine: Connection) -> None:
    engine.send(Submit(1, Count(0)))
    until_ended(engine, 1)
    engine.send(Cancel(1))
    engine.send(Submit(2, Count(1)))
    assert until_ended(engine, 2) == [Event(2, 0), Ended(2, "done")]


def test_a_foreseen_failure_crosses_as_key_and_arguments(engine: Connection) -> None:
    engine.send(Submit(1, Fail(foreseen=True)))
    assert until_ended(engine, 1) == [Ended(1, "failed", "error.text_empty", {"file": "a.txt"})]


def test_a_bug_crosses_with_its_traceback_and_the_engine_goes_on(engine: Connection) -> None:
    engine.send(Submit(1, Fail(foreseen=False)))
    [ended] = until_ended(engine, 1)
    assert isinstance(ended, Ended)
    assert ended.key == "error.unexpected"
    assert "ZeroDivisionError" in ended.detail
    engine.send(Submit(2, Count(1)))
    assert until_ended(engine, 2)[-1] == Ended(2, "done")


def test_the_end_of_the_pipe_closes_every_job(engine: Connection) -> None:
    engine.send(Submit(1, Forever(idle=True)))
    engine.send(Submit(2, Count(1)))
    until_ended(engine, 2)
    engine.close()
    deadline = threading.Event()
    for _ in range(100):
        if closed:
            break
        deadline.wait(0.05)
    assert closed == ["forever"]
