"""The envelope: the whole protocol between the two processes."""

from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

Arguments = dict[str, str | int | float]
T_co = TypeVar("T_co", covariant=True)


class Request(Generic[T_co]):
    """A request of the window to the engine. T_co is the type of its answers, a union if there are several.

    A request that takes long may be answered by LayersDone or Progress (status.py) before, whatever its T_co.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Submit:
    """Window -> engine: please run `request` as job number `job`."""

    job: int
    request: Request[Any]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Window -> engine: end this job at its next safe point."""

    job: int


@dataclass(frozen=True, slots=True)
class Quit:
    """Window -> engine: end the process."""


@dataclass(frozen=True, slots=True)
class Event:
    """Engine -> window: one result of a job; a job may send any number of them."""

    job: int
    body: object


@dataclass(frozen=True, slots=True)
class Ended:
    """Engine -> window: the job has ended. Sent exactly once for every `Submit`."""

    job: int
    outcome: Literal["done", "cancelled", "failed"]
    key: str = ""
    arguments: Arguments = field(default_factory=dict)
    detail: str = ""  # a traceback, for bugs only
