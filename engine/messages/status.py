"""The engine itself: whether it is there, notices, and how far a long preparation has come."""

from dataclasses import dataclass

from engine.messages.envelope import Arguments, Request


@dataclass(frozen=True, slots=True)
class EngineReady:
    device: str  # "cpu", "cuda", "mps"
    device_name: str
    threads: int


@dataclass(frozen=True, slots=True)
class Hello(Request[EngineReady]):
    """-> EngineReady, as soon as torch is there."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth saying that ended nothing: a key that begins with "notice." and its arguments."""

    key: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long preparation has come: `key` begins with "progress.", fraction 0..1 or None if unknown."""

    key: str
    fraction: float | None
