"""The envelope: the whole protocol between the two processes."""

from dataclasses import dataclass, field
from typing import Literal

Arguments = dict[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Submit:
    """Window -> engine: please run `request` as job number `job`."""

    job: int
    request: object


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
    """Engine -> window: exactly one for every `Submit`, whatever happened."""

    job: int
    outcome: Literal["done", "cancelled", "failed"]
    key: str = ""
    arguments: Arguments = field(default_factory=dict)
    detail: str = ""  # a traceback, for bugs only
