"""The engine's process: one thread, one loop, many generators.

Each request is a generator. At each `yield` its result is sent, other requests may run, and Cancel takes
effect. This file imports nothing heavy, because the window imports it for `main`.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from engine.errors import EngineError
from engine.messages.envelope import Arguments, Cancel, Ended, Event, Quit, Request, Submit
from engine.messages.wire import pack, unpack
from engine.service.answer import Answer, Idle
from engine.service.turns import Job, Turns
from engine.threads import make_threads_yield

LAST_SAVE_SECONDS = 1.5  # time for saving after the window has gone

T = TypeVar("T")
Answering = Callable[[Request[Any]], Answer[Any]]


def main(connection: Connection) -> None:
    """Run the spawned process until the window closes the pipe or goes away.

    Ctrl+C in a terminal is also sent to this process, which ignores it: the window closes and lets it save.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _lower_priority()
    make_threads_yield()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(connection)
    sys.stderr.flush()
    os._exit(0)  # everything is saved; deleting torch's objects would take a second


def serve(connection: Connection, answer: Answering | None = None) -> None:
    """Answer requests until Quit or the end of the pipe; then close every job, which saves its work.

    `answer` starts the job of a request, by default its handler on a new session.
    """
    if answer is None:
        from engine.service.handlers import answering  # imports torch, in this process only

        answer = answering()
    turns = Turns()
    try:
        while True:
            while connection.poll(turns.pause()):
                message = unpack(connection.recv_bytes())
                turns.wake()
                if isinstance(message, Quit):
                    return
                if isinstance(message, Cancel):
                    _cancel(connection, turns, message.job)
                elif isinstance(message, Submit):
                    _begin(connection, turns, message, answer)
            job = turns.take()
            if job is not None:
                turns.put_back(*_turn(connection, job))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the window is gone
    finally:
        for _, generator in turns:
            error = _attempt(generator.close)
            if error is not None:  # for example a full disk; the other jobs are saved all the same
                traceback.print_exception(error)


def _send(connection: Connection, message: Ended) -> None:
    connection.send_bytes(pack(message))


def _attempt(action: Callable[[], T]) -> T | Exception:
    """Return the result of `action`, or the exception that it raised: a bug in a job fails that job alone."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001 (whatever it is, it is reported)
        return error


def _begin(connection: Connection, turns: Turns, message: Submit, answer: Answering) -> None:
    """Add the request's job to the turns."""
    generator = _attempt(lambda: answer(message.request))
    if isinstance(generator, Exception):
        _send(connection, _failed(message.job, generator))
    else:
        turns.add((message.job, generator))


def _turn(connection: Connection, job: Job) -> tuple[Job | None, object]:
    """Let a job run to its next yield. Return the job, or None if it has ended, and what it has yielded."""
    number, generator = job
    body = _attempt(lambda: next(generator))
    if isinstance(body, StopIteration):
        _send(connection, Ended(number, "done"))
        return None, None
    if isinstance(body, Exception):
        _send(connection, _failed(number, body))
        return None, None
    if body is not None and not isinstance(body, Idle):
        packed = _attempt(lambda: pack(Event(number, body)))
        if isinstance(packed, Exception):
            _attempt(generator.close)
            _send(connection, _failed(number, packed))
            return None, None
        connection.send_bytes(packed)
    return job, body


def _cancel(connection: Connection, turns: Turns, number: int) -> None:
    job = turns.remove(number)
    if job is not None:
        error = _attempt(job[1].close)
        _send(connection, Ended(number, "cancelled") if error is None else _failed(number, error))


def _failed(job: int, error: Exception) -> Ended:
    """Return how the job failed, for a bug with its traceback."""
    if isinstance(error, EngineError):
        return Ended(job, "failed", error.key, error.args_by_name)
    arguments: Arguments = {"error": f"{type(error).__name__}: {error}"}
    return Ended(job, "failed", "error.unexpected", arguments, "".join(traceback.format_exception(error)))


def _end_with_parent() -> None:
    """End the process soon after its parent: the end of the pipe stops the loop only at its next turn."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        time.sleep(LAST_SAVE_SECONDS)
        os._exit(0)


def _lower_priority() -> None:
    """Lower the priority of this process, which uses all cores, below that of the window."""
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        ctypes.windll.kernel32.SetPriorityClass(ctypes.windll.kernel32.GetCurrentProcess(), below_normal)
    else:
        os.nice(5)
