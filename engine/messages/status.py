"""The engine itself: its device, notices, and the progress of long preparations."""

from dataclasses import dataclass

from engine.messages.envelope import Arguments, Request


@dataclass(frozen=True, slots=True)
class EngineReady:
    device: str  # "cpu", "cuda", "mps"
    device_name: str
    threads: int


@dataclass(frozen=True, slots=True)
class Hello(Request[EngineReady]):
    """Ask for the device; answered once torch is imported."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message that is no failure: a key that begins with "notice." and its arguments."""

    key: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a long preparation: `key` begins with "progress."; fraction 0..1, None if unknown."""

    key: str
    fraction: float | None


@dataclass(frozen=True, slots=True)
class LayersDone:
    """The progress of a forward pass: how many layers of the model are computed."""

    done: int
    layers: int
