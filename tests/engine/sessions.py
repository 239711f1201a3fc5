"""Send requests to a session, or to the engine's loop through a pipe, as the window does."""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from engine.messages.envelope import Ended, Quit, Request
from engine.messages.status import LayersDone
from engine.service.answer import IDLE
from engine.service.handlers import handler_of
from engine.service.process import Answering, serve
from engine.service.session import Session


def start(session: Session, request: Request[Any]) -> Generator[Any, None, None]:
    """Start the handler of a request."""
    return handler_of(type(request))(session, request)


def ask(session: Session, request: Request[Any]) -> list[Any]:
    """Return all answers to a request, without the yields that only let other jobs run or report its progress."""
    quiet = (type(None), type(IDLE), LayersDone)
    return [event for event in start(session, request) if not isinstance(event, quiet)]


@contextmanager
def loop(answer: Answering) -> Iterator[Connection]:
    """Run the engine's loop in a thread; yield our end of its pipe. The loop ends with the block."""
    ours, theirs = Pipe()
    thread = threading.Thread(target=serve, args=(theirs, answer))
    thread.start()
    try:
        yield ours
    finally:
        if not ours.closed:
            ours.send(Quit())
        thread.join(30)
        ours.close()
        theirs.close()
    assert not thread.is_alive()


def until_ended(engine: Connection, job: int) -> list[Any]:
    """Return all messages up to the end of `job`."""
    seen: list[Any] = []
    while not (seen and isinstance(seen[-1], Ended) and seen[-1].job == job):
        assert engine.poll(30)
        seen.append(engine.recv())
    return seen
