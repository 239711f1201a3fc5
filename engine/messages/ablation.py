"""Ablation: a text's loss and next token with parts of the open model turned off."""

from dataclasses import dataclass

from engine.messages.envelope import Request
from engine.messages.generation import Candidates
from engine.messages.models import Intervention


@dataclass(frozen=True, slots=True)
class Ablation:
    """Loss and next token with the open model, then with the parts off."""

    losses: tuple[float, float]  # losses of the text, in nats per token
    candidates: tuple[Candidates, Candidates]  # candidates for the token after the text


@dataclass(frozen=True, slots=True)
class Ablate(Request[Ablation]):
    """Ablate parts and measure a text of at least two tokens. The open model is not changed."""

    text: str
    off: tuple[Intervention, ...]
    candidates: int = 10
