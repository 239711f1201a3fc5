"""One question, and what has been received of its answer."""

from dataclasses import dataclass
from typing import Literal

from engine.messages.search import AskRecord, SearchHit

Fate = Literal["", "taken", "shortened", "far", "count", "room"]  # "": there is no prompt


@dataclass(frozen=True)
class Retrieval(AskRecord):
    """One question, and the reports of `messages.Ask` or `messages.Search` received so far. It is replaced whole."""

    question: str = ""
    running: bool = False

    @property
    def hits(self) -> tuple[SearchHit, ...]:
        return self.result.hits if self.result else ()

    @property
    def is_extracted(self) -> bool:
        """True if the answer is the sentence nearest to the question, because no model has written one."""
        return self.sourced.answered is not None and self.sourced.answered.kind == "extracted"

    @property
    def taken(self) -> tuple[int, ...]:
        """The hits in the prompt, in order."""
        return tuple(part.source for part in self.sourced.prompt.parts) if self.sourced.prompt else ()

    def fate(self, source: int) -> Fate:
        """Return whether a hit is in the prompt, or why it is not: see messages.LeftOut."""
        prompt = self.sourced.prompt
        if prompt is None:
            return ""
        left = next((left for left in prompt.left_out if left.source == source), None)
        return "taken" if left is None else left.reason if left.whole else "shortened"

    def source_of(self, index: int) -> int | None:
        """Return the rank, from 0, of passage `index` among the hits; None if it is not one."""
        return next((source for source, hit in enumerate(self.hits) if hit.passage.index == index), None)
