"""Generate a text token by token with a language model and the sampling stages."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from engine.generation.sampling import Stages, draw, stages
from engine.messages.generation import SamplingSettings
from engine.model.language_model import LanguageModel
from engine.model.single_token import SingleToken
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer
from engine.text.tokenizer import StreamDecoder, Tokenizer

MOST_CACHED = 512  # positions whose logits are cached


@dataclass(frozen=True, slots=True)
class Step:
    """One generated token, and how it was drawn."""

    id: int
    text: str  # text that the token adds: "" while a character is incomplete
    stages: Stages
    draw: float
    probability: float  # the model's own probability, before any stage

    @property
    def entropy(self) -> float:
        """The entropy of the model's own distribution, in nats."""
        return self.stages.entropy


def window(length: int, context: int) -> int:
    """Return the index of the first token that the model sees when it continues `length` tokens.

    When the context is full, the window moves on by half a context, and its tokens are computed again. Moving it
    by one token would require that at every step.
    """
    if length <= context:
        return 0
    half = max(1, context // 2)
    return -(-(length - context) // half) * half


class Reader:
    """A transformer as a LanguageModel; reuses the keys, values and recent logits that it computed before."""

    def __init__(self, model: Transformer, changes: Changes = UNCHANGED) -> None:
        self.model, self._tape = model, Tape(changes=changes)
        self.vocabulary, self.context = model.config.vocabulary, model.config.context
        self.stop_ids = model.config.stop_ids
        self._cache = model.new_cache()
        self._single = SingleToken(model) if SingleToken.can_run(model) else None
        self._seen: list[int] = []  # the tokens in the cache
        self._first = 0  # index of the first of them in the text
        self._logits: OrderedDict[tuple[int, ...], NDArray[np.float32]] = OrderedDict()
        self.changes = changes

    def forget(self, changes: Changes = UNCHANGED) -> None:
        """Drop everything computed with other weights or changes."""
        self.changes, self._tape = changes, Tape(changes=changes)
        self._seen = []
        self._logits.clear()

    def logits(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Return the logits [V] of the token after `ids`, at least one."""
        key = tuple(ids)
        known = self._logits.get(key)
        if known is None:
            known = self._compute(key)
            self._logits[key] = known
            if len(self._logits) > MOST_CACHED:
                self._logits.popitem(last=False)
        return known

    @torch.inference_mode()
    def _compute(self, ids: tuple[int, ...]) -> NDArray[np.float32]:
        first = window(len(ids), self.context)
        visible = list(ids[first:])
        shared = self._shared(first, visible)
        self._cache.truncate(shared)
        self._first, self._seen = first, visible
        if shared == len(visible) - 1 and self._single is not None and not self.changes:
            return self._single(visible[-1], self._cache)
        new = torch.tensor([visible[shared:]], device=self.model.device)
        logits_B1V = self.model(new, self._cache, self._tape, only_last=True)
        result: NDArray[np.float32] = logits_B1V[0, 0].float().cpu().numpy()
        return result

    def _shared(self, first: int, visible: list[int]) -> int:
        """Return how many tokens at the start of `visible` are in the cache; the last is always computed."""
        is_long = self.model.config.is_long
        if first != self._first or not self._seen or is_long(len(self._seen)) != is_long(len(visible)):
            return 0
        most = min(len(self._seen), len(visible) - 1)
        if self._seen[:most] == visible[:most]:
            return most
        return next(i for i in range(most) if self._seen[i] != visible[i])


def decode(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: Sequence[int],
    tokens: int,
    sampling: SamplingSettings,
    seed: int,
    position: int = 0,
    first: int | None = None,
) -> Iterator[Step]:
    """Yield `tokens` steps after `prompt`, or fewer if the model ends the text.

    The draw at each step depends only on `seed` and the position after the prompt. For a text that is being
    continued, the last `position` tokens of `prompt` were written before. `first`, if given, is taken as the
    first token instead of the one drawn. An empty prompt starts from a newline.
    """
    ids = list(prompt) or beginning(tokenizer)
    stream = StreamDecoder(tokenizer)
    for token in ids[len(ids) - position :]:
        stream.push(token)  # the last of them may be the first bytes of a character
    for place in range(position, position + tokens):
        step = sample_step(model, ids, sampling, draw(seed, place), first if place == position else None)
        ids.append(step.id)
        yield replace(step, text=stream.push(step.id))
        if step.id in model.stop_ids:
            return


def beginning(tokenizer: Tokenizer) -> list[int]:
    """Return the tokens that an empty text is continued from: a newline, or the first token if there is none for it."""
    return tokenizer.encode("\n") or [0]


def sample_step(
    model: LanguageModel, ids: Sequence[int], sampling: SamplingSettings, u: float, taken: int | None = None
) -> Step:
    """Return the next token after `ids`: the one that the random number `u` selects, or the one `taken`.

    The repetition penalty acts on the tokens that the model sees.
    """
    result = stages(model.logits(ids), ids[window(len(ids), model.context) :], sampling)
    token = int(result.order_R[result.pick(u)]) if taken is None else taken
    return Step(token, "", result, u, float(result.model_V[token]))
