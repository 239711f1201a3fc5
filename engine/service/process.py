"""The engine's process: one thread, one loop, many generators.

Each request is a generator; each `yield` is where results leave, other requests get a turn and
Cancel takes effect. This file imports nothing heavy, because the window imports it for `serve`.
"""

import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from engine.errors import EngineError
from engine.messages.envelope import Arguments, Cancel, Ended, Event, Quit, Request, Submit
from engine.service.answer import IDLE, Answer

IDLE_SECONDS = 0.05
LAST_WORDS_SECONDS = 1.5  # how long a save may take after the window has gone

Job = tuple[int, Answer[Any]]
Answering = Callable[[Request[Any]], Answer[Any]]


def main(connection: Connection) -> None:
    """What the spawned process runs until the window closes the pipe or goes away."""
    _lower_priority()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(connection)


def serve(connection: Connection, answer: Answering | None = None) -> None:
    """Answer requests until Quit or the end of the pipe; then close every job, which saves its work.

    `answer` starts the job of a request. By default that is the handler of the request on a new session.
    """
    if answer is None:
        from engine.service.handlers import answering  # imports torch, in this process only

        answer = answering()
    jobs: deque[Job] = deque()
    try:
        waiting = 0
        while True:
            while not jobs or connection.poll(IDLE_SECONDS if waiting >= len(jobs) else 0):
                message = connection.recv()
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
            try:
                generator.close()
            except Exception:  # a full disk, say: the others have work to save too
                traceback.print_exc()


def _begin(connection: Connection, jobs: deque[Job], message: Submit, answer: Answering) -> None:
    """Add the request's job to the queue. A request that nothing answers fails alone."""
    try:
        jobs.append((message.job, answer(message.request)))
    except Exception as error:
        connection.send(_failed(message.job, error))


def _turn(connection: Connection, jobs: deque[Job]) -> object:
    """Lets the first job run to its next yield and puts it at the end of the queue."""
    job, generator = jobs.popleft()
    try:
        body = next(generator)
    except StopIteration:
        connection.send(Ended(job, "done"))
        return None
    except Exception as error:
        connection.send(_failed(job, error))
        return None
    if body is not None and body is not IDLE:
        try:
            connection.send(Event(job, body))
        except (EOFError, OSError):
            raise  # the window is gone
        except Exception as error:  # the body cannot be pickled: a bug of this job alone
            generator.close()
            connection.send(_failed(job, error))
            return None
    jobs.append((job, generator))
    return body


def _cancel(connection: Connection, jobs: deque[Job], number: int) -> None:
    for entry in list(jobs):
        if entry[0] == number:
            jobs.remove(entry)
            try:
                entry[1].close()
            except Exception as error:
                connection.send(_failed(number, error))
            else:
                connection.send(Ended(number, "cancelled"))


def _failed(job: int, error: Exception) -> Ended:
    """A bug comes with its traceback."""
    if isinstance(error, EngineError):
        return Ended(job, "failed", error.key, error.args_by_name)
    arguments: Arguments = {"error": f"{type(error).__name__}: {error}"}
    return Ended(job, "failed", "error.unexpected", arguments, "".join(traceback.format_exception(error)))


def _end_with_parent() -> None:
    """The pipe's end stops the loop at its next turn; this stops a process that has none soon."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        time.sleep(LAST_WORDS_SECONDS)
        os._exit(0)


def _lower_priority() -> None:
    """The window comes first: the engine takes all cores, but only what is left of them."""
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        ctypes.windll.kernel32.SetPriorityClass(ctypes.windll.kernel32.GetCurrentProcess(), below_normal)
    else:
        os.nice(5)
