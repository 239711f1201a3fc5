"""One asked question as the window knows it: what has come back so far, and how far each step is."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.search import (
    AnswerAttention,
    Answered,
    AnswerToken,
    AnswerTokens,
    PromptBuilt,
    ScoreRows,
    SearchResult,
)

STEPS = ("question", "vector", "passages", "prompt", "answer", "citations")
StepState = Literal["waiting", "running", "done", "left_out"]


@dataclass
class Answering:
    """An answer with sources, or the one without."""

    prompt: PromptBuilt | None = None
    tokens: list[AnswerToken] = field(default_factory=list)
    answered: Answered | None = None


@dataclass
class Retrieval:
    """Numbers of passages stand in the order of the collection, N of them."""

    question: str = ""
    running: bool = False
    result: SearchResult | None = None
    cosines_N: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    keyword_N: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    scores_N: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    sourced: Answering = field(default_factory=Answering)
    unsourced: Answering = field(default_factory=Answering)
    attention: NDArray[np.float32] | None = None  # [tokens of the answer, hits + 2]

    def take(self, event: object) -> None:
        """One more of the messages that `messages.Ask` or `messages.Search` promises."""
        if isinstance(event, SearchResult):
            self.result = event
            self.cosines_N, self.keyword_N, self.scores_N = (np.zeros(event.passages, np.float32) for _ in "123")
        elif isinstance(event, ScoreRows):
            part = slice(event.start, event.start + len(event.scores))
            self.cosines_N[part], self.keyword_N[part] = event.cosines, event.keyword
            self.scores_N = self.scores_N.copy()  # another array: whoever ranks by it sees that it has changed
            self.scores_N[part] = event.scores
        elif isinstance(event, PromptBuilt):
            self._side(event.sourced).prompt = event
        elif isinstance(event, AnswerTokens):
            self._side(event.sourced).tokens += event.tokens
        elif isinstance(event, Answered):
            self._side(event.sourced).answered = event
        elif isinstance(event, AnswerAttention):
            self.attention = event.weights

    def _side(self, sourced: bool) -> Answering:
        return self.sourced if sourced else self.unsourced

    def states(self) -> dict[str, StepState]:
        """Of each of the STEPS. What has come is done, the first that has not is running, if anything runs."""
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
        """The hit that a passage is, counted from 0."""
        hits = self.result.hits if self.result else ()
        return next((source for source, hit in enumerate(hits) if hit.passage.index == index), None)
