"""Generation: sampling settings, the candidates for the next token, and tokens as they are written."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.status import Progress


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """How the next token is drawn. The stages act in the order of these fields."""

    repetition_penalty: float = 1.0  # 1 = off
    temperature: float = 0.8  # 0 = greedy
    top_k: int = 0  # 0 = off
    top_p: float = 1.0  # 1 = off
    min_p: float = 0.0  # 0 = off


GREEDY = SamplingSettings(temperature=0.0)
STAGES = ("model", "repetition_penalty", "temperature", "top_k", "top_p", "min_p")


@dataclass(frozen=True, slots=True)
class Candidates:
    """The likeliest next tokens through every stage of sampling, in the model's order.

    `probabilities[s, i]` is candidate i's after stage STAGES[s], 0 once a stage has cut it; the rest of each
    row belongs to the tokens that are not listed. The token drawn is always listed: it replaces the last one
    if it is not among the likeliest.
    """

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    probabilities: NDArray[np.float32]  # [len(STAGES), n]
    kept: tuple[int, ...]  # number of tokens of the whole vocabulary left after each stage
    entropy: float  # entropy of the model's distribution, in nats
    draw: float  # uniform in [0, 1)
    drawn: int  # index into ids: the token that the draw selects
    drawn_from: float  # lower end of the interval of draws that select this token,
    drawn_to: float  # upper end; intervals follow the probabilities after the last stage, the largest first
    starts: tuple[float, ...] = ()  # lower end of each candidate's interval
    sampling: SamplingSettings = SamplingSettings()  # the settings of the stages


@dataclass(frozen=True, slots=True)
class GeneratedToken:
    id: int
    piece: str
    text: str  # text that this token adds: "" while a character is incomplete
    probability: float  # the model's own probability, before any stage
    entropy: float  # nats
    candidates: Candidates | None
    special: bool = False  # a special token, which adds no text
    ends: bool = False  # the model ends its text with this token


@dataclass(frozen=True, slots=True)
class GeneratedTokens:
    """Tokens written since the report before.

    The last report of Generate has the candidates for the token after its text, computed with the same weights as its
    last token; there are none if the model has ended the text, and in a chat.
    """

    tokens: tuple[GeneratedToken, ...]
    tokens_per_second: float
    step: int = 0  # training step of the weights that wrote the tokens; 0 if it is not known
    following: Candidates | None = None


@dataclass(frozen=True, slots=True)
class Generate(Request[GeneratedTokens]):
    """Continue a text; the tokens are sent as they are drawn.

    `chosen` are token IDs after the prompt (a branch of the tree); generation continues after them. `first` is
    taken as the next token instead of the one drawn. The random draw for the token at position t depends only
    on `seed` and t, so a branch taken again repeats. `candidates` is how many are reported a step (0 = none).
    Generation ends after a token that contains `stop`, if that is not empty.
    """

    prompt: str
    chosen: tuple[int, ...] = ()
    first: int | None = None
    tokens: int = 1
    sampling: SamplingSettings = SamplingSettings()
    seed: int = 1
    candidates: int = 24
    stop: str = ""
    pinned: bool = False  # whether the model pinned as A writes, instead of the open one


@dataclass(frozen=True, slots=True)
class ContextUsed:
    """How much of a text the model sees: all tokens, or the last ones if the text is longer than its context."""

    tokens: int  # of the text
    seen: int


@dataclass(frozen=True, slots=True)
class PredictNext(Request[ContextUsed | Candidates]):
    """Compute the candidates for the token after prompt + chosen; answers ContextUsed first.

    The logits of recent positions are cached, so a dragged slider does not run the model again.
    """

    prompt: str
    chosen: tuple[int, ...] = ()
    sampling: SamplingSettings = SamplingSettings()
    seed: int = 1
    candidates: int = 24


@dataclass(frozen=True, slots=True)
class PinnedNext:
    """What A gives the open model's candidates, before any stage, and A's own likeliest token.

    `probabilities` is None if the vocabularies differ: then the candidates are other tokens to A.
    """

    probabilities: NDArray[np.float32] | None  # [n]
    piece: str = ""  # A's likeliest token
    probability: float = 0.0  # of it


@dataclass(frozen=True, slots=True)
class PredictPinned(Request[PinnedNext]):
    """Let A predict the token after prompt + chosen, and report the probabilities of the tokens `ids`."""

    prompt: str
    chosen: tuple[int, ...]
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AheadToken:
    """A token of one of several continuations, which are numbered from the likeliest first token."""

    branch: int
    token: GeneratedToken


@dataclass(frozen=True, slots=True)
class LookAhead(Request[Progress | AheadToken]):
    """Continue prompt + chosen by each of its `branches` likeliest next tokens, and each of these greedily.

    A continuation has at most `tokens` tokens, and fewer if the model ends the text or begins a new line.
    """

    prompt: str
    chosen: tuple[int, ...] = ()
    branches: int = 4
    tokens: int = 8
