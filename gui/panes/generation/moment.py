"""What the writing page shows, all of one text, one model and one time."""

from dataclasses import dataclass

from engine.messages.generation import Candidates, GeneratedToken, PinnedNext


@dataclass(frozen=True)
class Moment:
    prompt: str
    written: tuple[GeneratedToken, ...] = ()
    ahead: tuple[GeneratedToken, ...] = ()  # the tokens after the current one on the branch visited last
    candidates: Candidates | None = None
    is_past: bool = False  # the last token was drawn from the candidates; otherwise they are for the next one
    pinned: PinnedNext | None = None  # what A gives the candidates; while the difference from it is shown
    steps: tuple[int, int] = (0, 0)  # the training steps of the first and last token of a text written in training

    @property
    def ids(self) -> tuple[int, ...]:
        """The IDs of the written tokens."""
        return tuple(token.id for token in self.written)

    @property
    def last(self) -> GeneratedToken | None:
        return self.written[-1] if self.written else None
