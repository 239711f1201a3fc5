"""Steering: a direction from two sets of texts is added to the residual stream while the model writes.

The direction is the difference of the mean residual streams of both sets after one layer (Turner et al. 2023, "ActAdd",
arXiv:2308.10248; Rimsky et al. 2024, "contrastive activation addition", arXiv:2312.06681):

    v = mean of h over the texts wanted - mean of h over the others,    h' = h + strength · v at every token.

A text's mean leaves out its first token, whose residual stream is the same for all texts in most models. The last
token's difference alone, as in some papers, makes SmolLM2 write nonsense.

Suffixes: N texts, S strengths, T tokens of a text, K tokens written, D width, V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError, check_index
from engine.inspection.scoring import Scores, score
from engine.model.tape import UNCHANGED, Changes, Tape, in_order
from engine.model.transformer import Transformer

Texts = Sequence[Sequence[int]]  # tokens of each text
Floats = NDArray[np.float64]


def direction(model: Transformer, plus: Texts, minus: Texts, layer: int) -> Tensor:
    """Return the mean residual stream after `layer` of the texts `plus`, less that of `minus`, [D].

    Every text counts the same. Raises EngineError: error.config_range for a layer that the model does not have,
    error.steer_short for a set without texts, or a text of fewer than two tokens.
    """
    check_index("layer", layer, model.config.n_layers)
    if not plus or not minus or any(len(ids) < 2 for ids in (*plus, *minus)):
        raise EngineError("error.steer_short")
    name = f"blocks.{layer}.resid_post"
    means_ND = []
    for ids in (*plus, *minus):
        tape = Tape([name])
        model.record(_rows(model, [ids[: model.config.context]]), tape)
        means_ND.append(tape.take(name)[0, 1:].float().mean(dim=0))
    return torch.stack(means_ND[: len(plus)]).mean(dim=0) - torch.stack(means_ND[len(plus) :]).mean(dim=0)


def tokens_of(texts: Sequence[str], encode: Callable[[str], Sequence[int]]) -> list[list[int]]:
    """Return the tokens of each text; before a text of one token a newline, since its first token does not count."""
    found = [list(encode(text)) for text in texts]
    return [[*encode("\n"), *ids] if len(ids) == 1 else ids for ids in found]


def added(layer: int, added_SD: Tensor, changes: Changes = UNCHANGED) -> Changes:
    """Return `changes`, followed by the addition of one vector to each text of a batch after `layer`."""
    name = f"blocks.{layer}.resid_post"
    before = [changes[name]] if name in changes else []
    return {**changes, name: in_order([*before, lambda x_STD: x_STD + added_SD[:, None].to(x_STD)])}


@torch.no_grad()
def write(model: Transformer, ids: Sequence[int], tokens: int, changes: Changes, texts: int) -> Iterator[list[int]]:
    """Yield the likeliest next token of `texts` copies of a prompt [texts], `tokens` times; `changes` tell them apart.

    All are computed at once, so that 13 texts take two or three times as long as one. The prompt's last tokens
    that leave room for `tokens` in the context are read. Raises EngineError error.logits_broken.
    """
    room = max(1, model.config.context - tokens)
    cache, tape = model.new_cache(texts), Tape(changes=changes)
    new_ST = _rows(model, [ids[-room:]] * texts)
    for _ in range(min(tokens, model.config.context - 1)):
        logits_SV = model(new_ST, cache, tape)[:, -1]
        if not logits_SV.isfinite().all():
            raise EngineError("error.logits_broken")
        new_ST = logits_SV.argmax(dim=1, keepdim=True)
        yield new_ST[:, 0].tolist()


def perplexities(
    model: Transformer, ids: Sequence[int], written: Texts, changes: Changes = UNCHANGED
) -> Iterator[float]:
    """Yield the perplexity of each text written after a prompt; NaN for one without tokens.

    It is the exponential of the mean surprisal of the tokens written, given the prompt.
    """
    for ids_K in written:
        before = ids[-max(1, model.config.context - len(ids_K)) :]
        surprisals = _surprisals(model, [*before, *ids_K], changes)[-len(ids_K) :] if ids_K else np.full(1, np.nan)
        yield float(np.exp(surprisals.mean()))


@dataclass(frozen=True, slots=True)
class Separation:
    """How far a direction separates texts that it was not made of, in nats a token."""

    mean: float  # log-probability gained by the texts wanted, less that gained by the others, from strength -1 to 1
    error: float  # standard error of the mean


def separate(model: Transformer, plus: Texts, minus: Texts, layer: int) -> Iterator[Separation | None]:
    """Yield None from time to time, and at last how well a direction from half of the texts separates the other half.

    Each half of the texts is measured by the direction of the other half, so that both sets need two texts. Of models
    with shuffled weights, 1 in 54 had a mean above two errors, with four texts a set; the error of so few is rough.
    """
    gains: list[list[float]] = [[], []]
    for half in (0, 1):
        v_D = direction(model, plus[half::2], minus[half::2], layer)
        steered = [added(layer, sign * v_D[None]) for sign in (1.0, -1.0)]
        for found, texts in zip(gains, (plus, minus), strict=True):
            for ids in texts[1 - half :: 2]:
                ids = ids[: model.config.context]
                up, down = (_surprisals(model, ids, change).mean() for change in steered)
                found.append(float(down - up))
                yield None
    yield Separation(
        float(np.mean(gains[0]) - np.mean(gains[1])),
        float(np.sqrt(sum(np.var(values, ddof=1) / len(values) for values in gains))),
    )


def _surprisals(model: Transformer, ids: Sequence[int], changes: Changes) -> Floats:
    """Return -ln p of each token but the first, in nats."""
    return np.concatenate([part.surprisals for part in score(model, ids, changes) if isinstance(part, Scores)])


def _rows(model: Transformer, texts: Texts) -> Tensor:
    return torch.tensor([list(ids) for ids in texts], device=model.device)
