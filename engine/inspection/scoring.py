"""Score a text: the surprisal, rank and entropy of each token as the model predicts it.

Suffixes: T tokens of a window, R of them at a time, D width, V vocabulary.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError
from engine.inspection.attention import batch_of
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer, soft_cap

FEWEST = 3  # predictions that can show that a model guesses
LOGITS_AT_ONCE = 1 << 22  # 16 MB: sixteen tokens of a vocabulary of 262,144


@dataclass(frozen=True, slots=True)
class Scores:
    """The predictions of consecutive tokens, one entry each, in nats."""

    surprisals: NDArray[np.float64]  # -ln p
    ranks: NDArray[np.int32]  # 1 for the likeliest token of the vocabulary, ties by ID
    entropies: NDArray[np.float64]


def window_start(place: int, context: int) -> int:
    """Return the index of the first token from which the token at `place` is predicted, place >= 1.

    Windows are those of `evaluate`: consecutive, as long as the context, and each predicts the tokens that are one
    further on.
    """
    return (place - 1) // context * context


def score(model: Transformer, ids: Sequence[int], changes: Changes = UNCHANGED) -> Iterator[Scores | float]:
    """Yield the scores of all tokens but the first, a few at a time, and the share that is done, 0..1.

    The mean surprisal is the loss of `evaluate`. Logits exist for a few tokens at a time, so that a large
    vocabulary takes little memory. Raises EngineError error.logits_broken if weights are damaged.
    """
    context, count = model.config.context, len(ids) - 1
    rows = max(1, LOGITS_AT_ONCE // model.config.vocabulary)
    for start in range(0, count, context):
        window, following = ids[start : min(start + context, count)], ids[start + 1 : start + context + 1]
        tape = Tape(["ln_final"], changes=changes)
        for block in model.walk(batch_of(model, window), tape):
            yield (start + len(window) * (block + 1) / model.config.n_layers) / count
        x_TD = tape.take("ln_final")[0]
        targets_T = torch.tensor(following, device=x_TD.device)
        for row in range(0, len(window), rows):
            yield _scores(_logits(model, x_TD[row : row + rows]), targets_T[row : row + rows])


def mean_loss(model: Transformer, texts: Iterable[Sequence[int]], changes: Changes = UNCHANGED) -> float:
    """Return the mean surprisal of all tokens but each text's first, in nats; NaN if they are fewer than FEWEST.

    A model whose loss is no lower than the logarithm of its vocabulary guesses, as one with random weights does.
    """
    found = [part.surprisals for ids in texts for part in score(model, ids, changes) if isinstance(part, Scores)]
    return float(np.concatenate(found).mean()) if sum(map(len, found)) >= FEWEST else math.nan


@dataclass(frozen=True, slots=True)
class Divergence:
    """The predictions p of one model and q of another, one entry a token, in nats."""

    first: Scores
    second: Scores
    divergences: NDArray[np.float64]  # sum of p ln(p / q) (Kullback and Leibler 1951)
    symmetric: NDArray[np.float64]  # Jensen-Shannon divergence (Lin 1991, doi:10.1109/18.61115)


def diverge(
    models: tuple[Transformer, Transformer], ids: Sequence[int], changes: tuple[Changes, Changes]
) -> Iterator[Divergence | float]:
    """Yield as `score` the predictions of two models with the same vocabulary, which read the same windows.

    The windows are those of the shorter context. Raises as `score`.
    """
    context, count = min(model.config.context for model in models), len(ids) - 1
    vocabulary = min(model.config.vocabulary for model in models)  # some pad their tables with unused rows
    rows = max(1, LOGITS_AT_ONCE // vocabulary)
    for start in range(0, count, context):
        window, following = ids[start : min(start + context, count)], ids[start + 1 : start + context + 1]
        tapes = [Tape(["ln_final"], changes=change) for change in changes]
        for half, (model, tape) in enumerate(zip(models, tapes, strict=True)):
            for block in model.walk(batch_of(model, window), tape):
                share = (half + (block + 1) / model.config.n_layers) / 2
                yield (start + len(window) * share) / count
        for row in range(0, len(window), rows):
            parts = [
                _logits(model, tape["ln_final"][0, row : row + rows])[:, :vocabulary].cpu()
                for model, tape in zip(models, tapes, strict=True)
            ]
            yield _divergence(parts[0], parts[1], torch.tensor(following[row : row + rows]))


def _divergence(first_RV: Tensor, second_RV: Tensor, targets_R: Tensor) -> Divergence:
    log_p_RV, log_q_RV = first_RV.log_softmax(dim=1), second_RV.log_softmax(dim=1)
    log_m_RV = torch.logaddexp(log_p_RV, log_q_RV) - math.log(2)
    p_RV, q_RV = log_p_RV.exp(), log_q_RV.exp()
    kl_R = (p_RV * (log_p_RV - log_q_RV)).sum(dim=1).clamp_min(0)
    js_R = ((p_RV * (log_p_RV - log_m_RV)).sum(dim=1) + (q_RV * (log_q_RV - log_m_RV)).sum(dim=1)) / 2
    scores = _scores(first_RV, targets_R), _scores(second_RV, targets_R)
    return Divergence(*scores, _array(kl_R), _array(js_R.clamp_min(0)))


@torch.no_grad()
def _logits(model: Transformer, x_RD: Tensor) -> Tensor:
    logits_RV: Tensor = soft_cap(model.unembedding(x_RD), model.config.logit_cap).float()
    check_finite(logits_RV)
    return logits_RV


def _scores(logits_RV: Tensor, targets_R: Tensor) -> Scores:
    log_p_RV = logits_RV.log_softmax(dim=1)
    surprisals_R = -log_p_RV.gather(1, targets_R[:, None])[:, 0]
    entropies_R = torch.special.entr(log_p_RV.exp()).sum(dim=1)
    return Scores(_array(surprisals_R), ranks(logits_RV, targets_R).int().cpu().numpy(), _array(entropies_R))


def check_finite(logits: Tensor) -> None:
    """Raise EngineError error.logits_broken if a logit is infinite or NaN. `isfinite` takes twenty times as long."""
    if not (logits.amax().isfinite() and logits.amin().isfinite()):  # both are NaN if one logit is
        raise EngineError("error.logits_broken")


def ranks(logits_RV: Tensor, targets_R: Tensor) -> Tensor:
    """Return the rank of each row's target, 1 for the likeliest token, ties by ID."""
    target_R1 = logits_RV.gather(1, targets_R[:, None])
    ids_V = torch.arange(logits_RV.shape[1], device=logits_RV.device)
    before_RV = (logits_RV > target_R1) | ((logits_RV == target_R1) & (ids_V < targets_R[:, None]))
    return 1 + before_RV.sum(dim=1)


def _array(tensor: Tensor) -> NDArray[np.float64]:
    values: NDArray[np.float64] = tensor.double().cpu().numpy()
    return values
