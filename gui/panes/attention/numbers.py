"""The numbers of one head from a query to its output, and which of its keys are shown."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.attention import AttentionSteps

Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Numbers:
    """The computation of one query in one head; S keys up to the query, K head width, D width."""

    pieces: tuple[str, ...]  # of the S keys; the last is the query
    input: Floats  # [D]
    q: Floats  # [K]
    k: Floats  # [S, K]
    v: Floats  # [S, K]
    raw: Floats  # [S]: q·k
    scaled: Floats  # [S]
    weights: Floats  # [S]
    output: Floats  # [K]
    scaling: str  # the formula from `raw` to `scaled`

    def keys_in(self, room: int) -> list[int]:
        """Return at most `room` keys in the order of the text: the query itself and those with the largest weights."""
        count = len(self.weights)
        if count <= room:
            return list(range(count))
        order = np.argsort(-self.weights[:-1], kind="stable")[: max(0, room - 1)]
        return [*sorted(order.tolist()), count - 1]


def numbers_of(steps: AttentionSteps, head: int, pieces: tuple[str, ...]) -> Numbers:
    """Return the numbers of a head; of `pieces`, those of all tokens, the ones up to the query are kept."""
    group = head * len(steps.k) // len(steps.q)
    return Numbers(
        pieces[: steps.query + 1], steps.input, steps.q[head], steps.k[group], steps.v[group],
        steps.k[group] @ steps.q[head], steps.scaled[head], steps.weights[head], steps.heads[head], scaling(steps),
    )  # fmt: skip


def scaling(steps: AttentionSteps) -> str:
    """Return the formula from q·k to the scaled score: Gemma has a scale of its own, and Gemma 2 a soft cap too."""
    root = round(steps.scale**-2, 4) if steps.scale else steps.q.shape[-1]
    divided = f"÷ √{root:.4g} = {root**0.5:.3g}"
    return f"{divided}, ± {steps.cap:g}" if steps.cap else divided
