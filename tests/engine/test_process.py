"""The engine's loop: every request ends exactly once, jobs take turns, and can be cancelled."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError
from engine.messages.envelope import Cancel, Ended, Event, Request, Submit
from engine.service.answer import IDLE
from tests.engine.sessions import loop, until_ended


@dataclass(frozen=True)
class Count(Request[int]):
    to: int


@dataclass(frozen=True)
class Forever(Request[object]):
    idle: bool = False


@dataclass(frozen=True)
class Fail(Request[None]):
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


@dataclass(frozen=True)
class Hold(Request[object]):
    """A request for a job that waits until it is closed, and then fails to save if `fails`."""

    name: str
    fails: bool


def hold(request: Hold) -> Iterator[object]:
    try:
        yield request.name
        while True:
            yield IDLE
    finally:
        closed.append(request.name)
        if request.fails:
            raise EngineError("error.not_written", file=request.name, reason="full")


def unpicklable(request: "Unpicklable") -> Iterator[object]:
    yield lambda: None


@dataclass(frozen=True)
class Unpicklable(Request[object]):
    pass


@dataclass(frozen=True)
class Wait(Request[object]):
    """A request that blocks the loop until `gate` is opened, so that it then receives several messages at once."""


gate = threading.Event()


def wait(request: Wait) -> Iterator[object]:
    gate.wait(30)
    yield None


@dataclass(frozen=True)
class Large(Request[object]):
    """A request for an answer of this many bytes and strings."""

    bytes_: int
    strings: int


def large(request: Large) -> Iterator[object]:
    yield np.arange(request.bytes_ // 8), tuple(f"piece {i} 語" for i in range(request.strings))


HANDLERS: dict[type, Callable[[Any], Any]] = {
    Wait: wait,
    Large: large,
    Count: count,
    Forever: forever,
    Fail: fail,
    Hold: hold,
    Unpicklable: unpicklable,
}


def answer(request: Any) -> Any:
    return HANDLERS[type(request)](request)


def send_together(engine: Connection, *messages: Submit | Cancel) -> None:
    """Send messages that the loop receives together."""
    gate.clear()
    engine.send(Submit(1, Wait()))
    for message in messages:
        engine.send(message)
    gate.set()


@pytest.fixture
def engine() -> Iterator[Connection]:
    closed.clear()
    with loop(answer) as ours:
        yield ours


def test_a_request_is_answered_in_order_and_ends_once(engine: Connection) -> None:
    engine.send(Submit(7, Count(3)))
    assert until_ended(engine, 7) == [Event(7, 0), Event(7, 1), Event(7, 2), Ended(7, "done")]


def test_a_request_is_answered_while_another_job_runs(engine: Connection) -> None:
    engine.send(Submit(1, Forever()))
    engine.send(Submit(2, Count(2)))
    assert until_ended(engine, 2)[-1] == Ended(2, "done")


def test_two_jobs_take_turns(engine: Connection) -> None:
    send_together(engine, Submit(2, Count(40)), Submit(3, Count(40)))
    events = [message.job for message in until_ended(engine, 3) if isinstance(message, Event)]
    assert events == [2, 3] * 40


def test_cancel_closes_the_job_and_reports_it(engine: Connection) -> None:
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


def test_cancelling_an_ended_job_does_nothing(engine: Connection) -> None:
    engine.send(Submit(1, Count(0)))
    until_ended(engine, 1)
    engine.send(Cancel(1))
    engine.send(Submit(2, Count(1)))
    assert until_ended(engine, 2) == [Event(2, 0), Ended(2, "done")]


def test_an_engine_error_is_sent_as_key_and_arguments(engine: Connection) -> None:
    engine.send(Submit(1, Fail(foreseen=True)))
    assert until_ended(engine, 1) == [Ended(1, "failed", "error.text_empty", {"file": "a.txt"})]


def test_a_bug_is_sent_with_its_traceback_and_the_engine_continues(engine: Connection) -> None:
    engine.send(Submit(1, Fail(foreseen=False)))
    [ended] = until_ended(engine, 1)
    assert isinstance(ended, Ended)
    assert ended.key == "error.unexpected"
    assert "ZeroDivisionError" in ended.detail
    engine.send(Submit(2, Count(1)))
    assert until_ended(engine, 2)[-1] == Ended(2, "done")


def test_closing_the_pipe_closes_the_running_jobs(engine: Connection) -> None:
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


# --- Large answers -----------------------------------------------------------------------------------


def test_an_answer_of_30_megabytes_arrives_whole_and_in_order(engine: Connection) -> None:
    send_together(engine, Submit(2, Large(30_000_000, 150_000)), Submit(3, Count(3)))
    received = [message for message in until_ended(engine, 3) if message.job != 1]
    assert [message.job for message in received] == [2, 3, 2, 3, 3, 3]
    numbers, pieces = received[0].body
    assert np.array_equal(numbers, np.arange(30_000_000 // 8))
    assert pieces == tuple(f"piece {i} 語" for i in range(150_000))


def test_a_cancelled_large_answer_leaves_nothing_in_the_pipe(engine: Connection) -> None:
    send_together(engine, Submit(2, Large(30_000_000, 0)), Cancel(2), Submit(3, Count(1)))
    ended = [message for message in until_ended(engine, 3) if message.job == 2]
    assert ended == [Ended(2, "cancelled")]
    engine.send(Submit(4, Large(8, 1)))
    [answer_, end] = until_ended(engine, 4)
    assert (answer_.job, answer_.body[1], end) == (4, ("piece 0 語",), Ended(4, "done"))


# --- Failures to save --------------------------------------------------------------------------------


def begin(engine: Connection, job: int, request: Hold) -> None:
    """Start a job and wait for its first answer: before it, the job has nothing to save."""
    engine.send(Submit(job, request))
    assert engine.poll(30)
    assert engine.recv() == Event(job, request.name)


def test_a_job_that_cannot_save_when_it_is_cancelled_sends_the_error(engine: Connection) -> None:
    begin(engine, 1, Hold("a", fails=True))
    engine.send(Cancel(1))
    assert until_ended(engine, 1) == [Ended(1, "failed", "error.not_written", {"file": "a", "reason": "full"})]
    assert closed == ["a"]


def test_a_job_that_cannot_save_at_the_end_does_not_prevent_others() -> None:
    closed.clear()
    with loop(answer) as engine:
        for job, (name, fails) in enumerate((("a", False), ("b", True), ("c", False)), start=1):
            begin(engine, job, Hold(name, fails))
    assert sorted(closed) == ["a", "b", "c"]


@pytest.mark.parametrize("request_", [Unpicklable(), object()], ids=["answer cannot be pickled", "no handler"])
def test_a_bad_message_fails_its_own_job_only(engine: Connection, request_: object) -> None:
    engine.send(Submit(1, Forever()))
    engine.send(Submit(2, request_))  # type: ignore[arg-type]
    [end] = until_ended(engine, 2)
    assert (end.outcome, end.key) == ("failed", "error.unexpected")
    assert "Traceback" in end.detail
    engine.send(Submit(3, Count(2)))
    assert until_ended(engine, 3)[-1] == Ended(3, "done")
    engine.send(Cancel(1))
    assert until_ended(engine, 1)[-1] == Ended(1, "cancelled")
