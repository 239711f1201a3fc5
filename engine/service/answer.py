"""The type of a handler: a generator of answers; at each `yield` other jobs may run."""

from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

from engine.messages.envelope import Request

T = TypeVar("T")


class Idle:
    """Yielded instead of an answer by a job that can wait."""


IDLE: Final = Idle()  # it waits for something, such as a paused run: when all jobs do, the loop sleeps
AFTER_OTHERS: Final = Idle()  # nobody waits for what it does from now on: it gives way to the other jobs

Answer = Generator[T | Idle | None, None, None]  # None: nothing to report, but other jobs may run
Handler = Callable[[Any, Any], Answer[Any]]  # (session, request) -> answers
Handlers = dict[type[Request[Any]], Handler]
