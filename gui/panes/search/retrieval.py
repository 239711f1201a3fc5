"""The model of one question: the reports received so far, and the state of each step."""

from dataclasses import dataclass
from typing import Literal

from engine.messages.search import AskRecord, SearchHit

STEPS = ("question", "vector", "passages", "prompt", "answer", "citations")
StepState = Literal["waiting", "running", "done", "left_out"]


@dataclass(frozen=True)
class Retrieval(AskRecord):
    """One question, and the reports of `messages.Ask` or `messages.Search` received so far."""

    question: str = ""
    running: bool = False
    passage: int = -1  # index of the selected passage, whose cosine is shown in detail

    @property
    def hits(self) -> tuple[SearchHit, ...]:
        return self.result.hits if self.result else ()

    def states(self) -> dict[str, StepState]:
        """Return the state of each step: done if its report has arrived; the first other one runs if anything runs."""
        found, answered = self.result, self.sourced.answered
        written = self.sourced.prompt is not None
        done = {
            "question": bool(self.question),
            "vector": found is not None and len(found.vector) > 0,
            "passages": found is not None,
            "prompt": written,
            "answer": answered is not None,
            "citations": answered is not None,
        }
        states: dict[str, StepState] = {step: "done" if done[step] else "waiting" for step in STEPS}
        if found is not None and not done["vector"]:
            states["vector"] = "left_out"
        if answered is not None and not written:
            states["prompt"] = "left_out"
        first = next((step for step in STEPS if states[step] == "waiting"), None)
        if self.running and first is not None:
            states[first] = "running"
        return states

    def source_of(self, index: int) -> int | None:
        """Return the rank, from 0, of passage `index` among the hits; None if it is not one."""
        return next((source for source, hit in enumerate(self.hits) if hit.passage.index == index), None)
