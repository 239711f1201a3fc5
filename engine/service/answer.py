"""The type of a handler: a generator of answers; at each `yield` other jobs may run."""

from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

from engine.messages.envelope import Request

T = TypeVar("T")


class Idle:
    """Yielded by a job that waits, such as a paused run. When all jobs wait, the loop sleeps."""


IDLE: Final = Idle()

Answer = Generator[T | Idle | None, None, None]  # None: nothing to report, but other jobs may run
Handler = Callable[[Any, Any], Answer[Any]]  # (session, request) -> answers
Handlers = dict[type[Request[Any]], Handler]
