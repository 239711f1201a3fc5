"""From logits to the next token, with the distribution after every stage: pure functions.

The stages act in the order of messages.STAGES:

    model                p = softmax(logits)
    repetition penalty   lowers the logits of tokens that occurred before (Keskar 2019, arXiv:1909.05858, §4.1)
    temperature          p = softmax(logits / temperature); 0 is greedy: all on the likeliest token
    top-k                keeps the k likeliest tokens (Fan 2018, arXiv:1805.04833)
    top-p                keeps the fewest likeliest tokens with p in total (Holtzman 2020, arXiv:1904.09751, §3.1)
    min-p                keeps those at least min_p times as likely as the likeliest (Nguyen 2024, arXiv:2407.01082)

From the temperature on, the rank order of the tokens stays the same (likeliest first, ties by ID) and each stage
only cuts its tail, so that the number of tokens left describes it. After a cut the probabilities are renormalised
before the next stage. The token is drawn by the inverse of the cumulative distribution in rank order.

Suffixes: V by token ID, R by rank.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.messages.generation import STAGES, Candidates, SamplingSettings

Floats = NDArray[np.float64]
Logits = NDArray[np.float32] | NDArray[np.float64]

LIMITS = {
    "repetition_penalty": (0.01, 100.0),
    "temperature": (0.0, 1000.0),
    "top_k": (0, 10_000_000),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class Stages:
    """One next token's distribution through all stages; see `stages`."""

    model_V: Floats  # softmax of the logits
    penalized_V: Floats  # softmax of the logits after the repetition penalty
    order_R: NDArray[np.intp]  # token IDs, likeliest after the penalty first, ties by ID
    tempered_R: Floats  # probabilities after the temperature
    cumulative_R: Floats  # running sum of tempered_R
    kept: tuple[int, ...]  # number of tokens left after each stage of STAGES
    entropy: float  # entropy of the model's own distribution, in nats
    settings: SamplingSettings

    def probabilities(self, rank_n: NDArray[np.integer]) -> Floats:
        """Return the probabilities of the tokens of these ranks after every stage, 0 once cut: [len(STAGES), n]."""
        ids, tempered_n = self.order_R[rank_n], self.tempered_R[rank_n]
        cut = [
            np.where(rank_n < kept, tempered_n / self.cumulative_R[kept - 1], 0.0)
            for kept in self.kept[STAGES.index("temperature") :]
        ]
        return np.stack([self.model_V[ids], self.penalized_V[ids], *cut])

    def pick(self, draw: float) -> int:
        """Return the rank of the token that `draw`, uniform in [0, 1), selects."""
        left_R = self.cumulative_R[: self.kept[-1]]
        return min(int(np.searchsorted(left_R, draw * left_R[-1], side="right")), len(left_R) - 1)

    def interval(self, rank: int) -> tuple[float, float]:
        """Return the interval of draws, within 0..1, that select this rank."""
        whole = self.cumulative_R[self.kept[-1] - 1]
        before = self.cumulative_R[rank - 1] if rank else 0.0
        return float(before / whole), float(self.cumulative_R[rank] / whole)

    def starts(self, rank_n: NDArray[np.integer]) -> tuple[float, ...]:
        """Return the lower end of the interval of the token of each rank; of a token that was cut it is 1."""
        last = self.kept[-1]
        before_n = np.where(rank_n > 0, self.cumulative_R[np.minimum(rank_n, last) - 1], 0.0)
        return tuple((before_n / self.cumulative_R[last - 1]).tolist())

    def rank_of(self, token: int) -> int:
        """Return the rank of a token, 0 for the likeliest."""
        return int(np.flatnonzero(self.order_R == token)[0])

    def ranks(self, ids: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return the rank of each of `ids`, 0 for the likeliest."""
        rank_V = np.empty_like(self.order_R)
        rank_V[self.order_R] = np.arange(len(self.order_R))
        ranks: NDArray[np.intp] = rank_V[ids]
        return ranks


def stages(logits_V: Logits, previous_ids: Sequence[int], settings: SamplingSettings) -> Stages:
    """Return all stages for one position. `previous_ids` are the tokens that the repetition penalty acts on.

    A logit that is NaN counts as probability 0. Raises EngineError: error.logits_broken if no token is possible,
    error.config_range for a setting out of range.
    """
    check(settings)
    logits_V = finite(logits_V)
    lowered_V = penalize(logits_V, previous_ids, settings.repetition_penalty)
    model_V = softmax(logits_V)
    penalized_V = model_V if lowered_V is logits_V else softmax(lowered_V)
    order_R = rank_order(lowered_V)
    unchanged = settings.temperature == 1.0
    tempered_R = penalized_V[order_R] if unchanged else softmax_sorted(lowered_V[order_R], settings.temperature)
    cumulative_R = np.cumsum(tempered_R)
    possible = int(np.count_nonzero(tempered_R))  # the rest is impossible, or too small for a float64
    k_kept = keep_top_k(possible, settings.top_k)
    p_kept = keep_top_p(cumulative_R[:k_kept], settings.top_p)
    min_p_kept = keep_min_p(tempered_R[:p_kept], settings.min_p)
    before = (int(np.count_nonzero(model_V)), int(np.count_nonzero(penalized_V)))
    return Stages(
        model_V=model_V,
        penalized_V=penalized_V,
        order_R=order_R,
        tempered_R=tempered_R,
        cumulative_R=cumulative_R,
        kept=(*before, possible, k_kept, p_kept, min_p_kept),
        entropy=entropy(model_V, logits_V),
        settings=settings,
    )


# --- The stages themselves ------------------------------------------------------------------------


def penalize(logits_V: Floats, previous_ids: Sequence[int], penalty: float) -> Floats:
    """Divide positive logits of the tokens that occurred before by `penalty`, and multiply negative ones by it."""
    if penalty == 1.0 or not len(previous_ids):
        return logits_V
    ids = np.asarray(previous_ids)
    penalized_V = logits_V.copy()
    penalized_V[ids] = np.where(logits_V[ids] > 0, logits_V[ids] / penalty, logits_V[ids] * penalty)
    return penalized_V


def softmax(logits_V: Floats) -> Floats:
    """Return exp(x) / sum(exp(x)); the largest is subtracted first, so that nothing overflows."""
    weights_V: Floats = np.exp(logits_V - logits_V.max())
    return weights_V / weights_V.sum()


def entropy(p_V: Floats, logits_V: Floats) -> float:
    """Return -Σ p·log p of p = softmax(logits), in nats; log p = logit - constant also where p underflows."""
    top = int(logits_V.argmax())
    log_p_V = logits_V - logits_V[top] + math.log(p_V[top])
    return max(0.0, -float(np.einsum("v,v", p_V, log_p_V)))  # `@` would use threads, which take longer here


def rank_order(logits_V: Floats) -> NDArray[np.intp]:
    """Return the token IDs, largest logit first, ties by ID.

    Only the ties are sorted by ID: a stable sort of 49,152 logits takes twice as long as one that is not stable.
    """
    order_R = np.argsort(-logits_V)
    sorted_desc = logits_V[order_R]
    equal = sorted_desc[1:] == sorted_desc[:-1]
    tied_R = np.append(equal, False) | np.insert(equal, 0, False)
    tied = order_R[tied_R]
    order_R[tied_R] = tied[np.lexsort((tied, -logits_V[tied]))]
    return order_R


def softmax_sorted(logits_R: Floats, temperature: float) -> Floats:
    """Return softmax(logits / temperature) of descending logits; temperature 0 gives the first probability 1."""
    if temperature == 0.0:
        greedy_R = np.zeros_like(logits_R)
        greedy_R[0] = 1.0
        return greedy_R
    with np.errstate(over="ignore"):  # a tiny temperature overflows to probability 0
        weights_R: Floats = np.exp((logits_R - logits_R[0]) / temperature)
    return weights_R / weights_R.sum()


def keep_top_k(available: int, k: int) -> int:
    """Return how many tokens are kept; k = 0 keeps all."""
    return min(available, k) if k else available


def keep_top_p(cumulative_R: Floats, p: float) -> int:
    """Return the smallest number of tokens with at least the share `p` of the total, cumulative_R[-1]."""
    if p >= 1.0:
        return len(cumulative_R)
    return min(int(np.searchsorted(cumulative_R, p * cumulative_R[-1], side="left")) + 1, len(cumulative_R))


def keep_min_p(sorted_desc: Floats, min_p: float) -> int:
    """Return how many tokens have at least `min_p` times the probability of the first."""
    if min_p == 0.0:
        return len(sorted_desc)
    return int(np.count_nonzero(sorted_desc >= min_p * sorted_desc[0]))


def finite(logits_V: Logits) -> Floats:
    """Return the logits as float64, with NaN and -inf far below, +inf far above every float32.

    Raises EngineError error.logits_broken if all are NaN or -inf.
    """
    logits = logits_V.astype(np.float64)
    if not np.isfinite(logits).all():
        if not (logits > -np.inf).any():
            raise EngineError("error.logits_broken")
        logits = np.nan_to_num(logits, nan=-1e100, neginf=-1e100, posinf=1e100)
    return logits


def check(settings: SamplingSettings) -> None:
    """Check every setting against LIMITS. Raises EngineError error.config_range."""
    for name, (least, most) in LIMITS.items():
        value = getattr(settings, name)
        if not least <= value <= most:  # rejects NaN, too
            raise EngineError("error.config_range", setting=name, value=str(value), least=least, most=most)


# --- The draw, and the candidates shown ------------------------------------------------------------


def draw(seed: int, position: int) -> float:
    """Return the draw for the token at this position, uniform in [0, 1): a pure function of its arguments.

    The output of SplitMix64 (Steele et al. 2014, doi:10.1145/2660193.2660195) at counter `position`,
    from a state that is itself such an output of `seed`. numpy's Philox with a key and a counter would do the
    same in one line, but takes ten times as long a draw (61 µs against 6 µs), a tenth of a small model's step.
    """
    return (_mix(_mix(seed) + position) >> 11) / 2**53


def _mix(counter: int) -> int:
    mask = (1 << 64) - 1
    z = (counter + 1) * 0x9E3779B97F4A7C15 & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return z ^ z >> 31


def candidates(
    stages: Stages, draw: float, most: int, piece: Callable[[int], str], taken: int | None = None
) -> Candidates:
    """Return the `most` likeliest tokens with their probabilities after each stage; `piece` names a token.

    `taken` is the token that counts as drawn, by default the one that `draw` selects.
    """
    rank = stages.pick(draw) if taken is None else stages.rank_of(taken)
    drawn = int(stages.order_R[rank])
    ids = likeliest(stages.model_V, most)
    if drawn not in ids:
        ids[-1] = drawn
    (start, end), rank_n = stages.interval(rank), stages.ranks(ids)
    return Candidates(
        ids=ids.astype(np.int32),
        pieces=tuple(map(piece, ids.tolist())),
        probabilities=stages.probabilities(rank_n).astype(np.float32),
        kept=stages.kept,
        entropy=stages.entropy,
        draw=draw,
        drawn=int(np.flatnonzero(ids == drawn)[0]),
        drawn_from=start,
        drawn_to=end,
        starts=stages.starts(rank_n),
        sampling=stages.settings,
    )


def likeliest(probabilities_V: Floats, most: int) -> NDArray[np.intp]:
    """Return the IDs of the `most` largest, descending, ties by ID."""
    least = np.partition(probabilities_V, -most)[-most] if most < len(probabilities_V) else 0.0
    ids = np.flatnonzero(probabilities_V >= least)
    return ids[np.argsort(-probabilities_V[ids], kind="stable")][:most]
