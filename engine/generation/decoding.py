"""Writing token by token: a generator of steps on top of the model and the sampling stages."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from engine.generation.sampling import Stages, draw, stages
from engine.messages.generation import SamplingSettings
from engine.model.cache import KVCache
from engine.model.single_token import SingleToken
from engine.model.transformer import Transformer
from engine.text.tokenizer import StreamDecoder, Tokenizer

REMEMBERED = 512  # positions whose logits are kept


@dataclass(frozen=True, slots=True)
class Step:
    """One token, and everything that led to it."""

    id: int
    text: str  # what it adds to the text: "" while a character is incomplete
    stages: Stages
    draw: float
    probability: float  # the model's own

    @property
    def entropy(self) -> float:
        """Of the model's distribution, nats."""
        return self.stages.entropy


def window(length: int, context: int) -> int:
    """Index of the first token that the model sees when it continues `length` tokens.

    A full context is not moved by one token at a time: the newest half is kept and room made for as
    much again. So the cache holds what computing those tokens afresh would give.
    """
    if length <= context:
        return 0
    half = max(1, context // 2)
    return -(-(length - context) // half) * half


class Reader:
    """Computes the logits behind a text, reusing what it computed before: keys, values and recent logits."""

    def __init__(self, model: Transformer) -> None:
        self.model = model
        self._cache = KVCache(model)
        self._single = SingleToken(model) if SingleToken.can_run(model) else None
        self._seen: list[int] = []  # the tokens that the cache holds
        self._first = 0  # where in the text they begin
        self._logits: OrderedDict[tuple[int, ...], NDArray[np.float32]] = OrderedDict()

    def forget(self) -> None:
        """The weights have changed: nothing that was computed holds any more."""
        self._seen = []
        self._logits.clear()

    def logits(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """[V] behind `ids`, which must not be empty."""
        key = tuple(ids)
        known = self._logits.get(key)
        if known is None:
            known = self._compute(key)
            self._logits[key] = known
            if len(self._logits) > REMEMBERED:
                self._logits.popitem(last=False)
        return known

    @torch.inference_mode()
    def _compute(self, ids: tuple[int, ...]) -> NDArray[np.float32]:
        first = window(len(ids), self.model.config.context)
        visible = list(ids[first:])
        shared = self._shared(first, visible)
        self._cache.truncate(shared)
        self._first, self._seen = first, visible
        if shared == len(visible) - 1 and self._single is not None:
            return self._single(visible[-1], self._cache)
        new = torch.tensor([visible[shared:]], device=self.model.head.weight.device)
        logits_BTV = self.model(new, self._cache)
        result: NDArray[np.float32] = logits_BTV[0, -1].float().cpu().numpy()
        return result

    def _shared(self, first: int, visible: list[int]) -> int:
        """How many tokens at the start of `visible` the cache holds already; the last must be computed."""
        if first != self._first or not self._seen:
            return 0
        most = min(len(self._seen), len(visible) - 1)
        if self._seen[:most] == visible[:most]:
            return most
        return next(i for i in range(most) if self._seen[i] != visible[i])


def decode(
    reader: Reader,
    tokenizer: Tokenizer,
    prompt: Sequence[int],
    tokens: int,
    sampling: SamplingSettings,
    seed: int,
    position: int = 0,
    first: int | None = None,
) -> Iterator[Step]:
    """`tokens` steps behind `prompt`, one at a time, or fewer if the model ends the text.

    The draw at each step depends on `seed` and the place behind the prompt alone. For a text that is
    being continued, `position` tokens at the end of `prompt` were written before. `first`, if given, is
    taken as the first token instead of the one drawn. An empty prompt starts from a line end.
    """
    ids = list(prompt) or tokenizer.encode("\n")
    stream = StreamDecoder(tokenizer)
    for id in ids[len(ids) - position :]:
        stream.push(id)  # the last of them may have begun a character
    for place in range(position, position + tokens):
        step = weigh(reader, ids, sampling, draw(seed, place), first if place == position else None)
        ids.append(step.id)
        yield replace(step, text=stream.push(step.id))
        if step.id in reader.model.config.stop_ids:
            return


def weigh(reader: Reader, ids: Sequence[int], sampling: SamplingSettings, u: float, taken: int | None = None) -> Step:
    """The next token behind `ids`: the one on which the random number `u` falls, or the one `taken`."""
    result = stages(reader.logits(ids), ids, sampling)
    id = int(result.order_R[result.pick(u)]) if taken is None else taken
    return Step(id, "", result, u, float(result.model_V[id]))
