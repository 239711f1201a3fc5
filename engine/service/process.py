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
from collections import deque
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from engine.errors import EngineError
from engine.messages.envelope import Arguments, Cancel, Ended, Event, Quit, Request, Submit
from engine.messages.wire import pack, unpack
from engine.service.answer import IDLE, Answer
from engine.threads import make_threads_yield

IDLE_SECONDS = 0.05
LAST_SAVE_SECONDS = 1.5  # time for saving after the window has gone

T = TypeVar("T")
Job = tuple[int, Answer[Any]]
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
    jobs: deque[Job] = deque()
    try:
        waiting = 0
        while True:
            while not jobs or connection.poll(IDLE_SECONDS if waiting >= len(jobs) else 0):
                message = unpack(connection.recv_bytes())
                waiting = 0
                if isinstance(message, Quit):
                    return
                if isinstance(message, Cancel):
                    _cancel(connection, jobs, message.job)
                elif isinstance(message, Submit):
                    _begin(connection, jobs, message, answer)
            waiting = waiting + 1 if _turn(connection, jobs) is IDLE else 0
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the window is gone
    finally:
        for _, generator in jobs:
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


def _begin(connection: Connection, jobs: deque[Job], message: Submit, answer: Answering) -> None:
    """Add the request's job to the queue."""
    generator = _attempt(lambda: answer(message.request))
    if isinstance(generator, Exception):
        _send(connection, _failed(message.job, generator))
    else:
        jobs.append((message.job, generator))


def _turn(connection: Connection, jobs: deque[Job]) -> object:
    """Let the first job run to its next yield and put it at the end of the queue."""
    job, generator = jobs.popleft()
    body = _attempt(lambda: next(generator))
    if isinstance(body, StopIteration):
        _send(connection, Ended(job, "done"))
        return None
    if isinstance(body, Exception):
        _send(connection, _failed(job, body))
        return None
    if body is not None and body is not IDLE:
        packed = _attempt(lambda: pack(Event(job, body)))
        if isinstance(packed, Exception):
            _attempt(generator.close)
            _send(connection, _failed(job, packed))
            return None
        connection.send_bytes(packed)
    jobs.append((job, generator))
    return body


def _cancel(connection: Connection, jobs: deque[Job], number: int) -> None:
    for entry in list(jobs):
        if entry[0] == number:
            jobs.remove(entry)
            error = _attempt(entry[1].close)
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
