"""What the attribution view shows: one explained token, and what each token contributes by each method."""

from dataclasses import dataclass, field, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from engine.messages.attribution import AttributeText, Contributions, Explained, Method

METHODS: tuple[Method, ...] = get_args(Method)
NOTHING = 1e-3  # nats below which a method shows nothing


@dataclass(frozen=True)
class Attribution:
    """The answers to one request; it is replaced as a whole."""

    request: AttributeText
    explained: Explained
    values: dict[Method, NDArray[np.float32]] = field(default_factory=dict)

    def with_values(self, found: Contributions) -> "Attribution":
        return replace(self, values={**self.values, found.method: found.values})

    def shares(self, method: Method) -> NDArray[np.float64]:
        """Return a method's values divided by the largest magnitude, -1..1; all 0 if they are nothing."""
        values = self.values[method].astype(float)
        most = float(np.abs(values).max(initial=0.0))
        return values / most if most > NOTHING else np.zeros_like(values)

    def says_nothing(self, method: Method) -> bool:
        return not self.shares(method).any()

    def correlation(self, method: Method) -> float:
        """Return the rank correlation of a method with occlusion."""
        return rank_correlation(self.values["occlusion"], self.values[method])


def rank_correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return Spearman's rank correlation (1904), -1..1; NaN for fewer than three values."""
    if len(first) < 3:
        return np.nan
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    return float(np.asarray(np.corrcoef(ranks))[0, 1])
