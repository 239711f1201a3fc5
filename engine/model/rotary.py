"""Rotary position embeddings: pairs of features are rotated by an angle that grows with the position.

Su et al. 2021 (arXiv:2104.09864). Suffixes: T tokens, C positions in the table, K head width.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.model.config import ModelConfig, RopeScaling

Rotation = tuple[Tensor, Tensor]  # cos_T1K, sin_T1K


class Rotary(nn.Module):
    """Cosine and sine of the angle t · frequency_i at position t, for the pair of features i and i + K/2."""

    cos_C1K: Tensor
    sin_C1K: Tensor

    def __init__(self, config: ModelConfig, local: bool = False) -> None:
        """Prepare the rotation of all layers, or with `local` of those with a window and a theta of their own."""
        super().__init__()
        self._config, self._local, self._long = config, local, False
        self._make_table(min(config.context, 1024))

    def forward(self, start: int, T: int) -> Rotation:
        """Return the rotation of T positions in a text that ends with them."""
        is_long = self._config.is_long(start + T)
        if start + T > len(self.cos_C1K) or is_long != self._long:
            self._long = is_long
            self._make_table(min(2 * (start + T), self._config.context))
        return self.cos_C1K[start : start + T], self.sin_C1K[start : start + T]

    def _make_table(self, positions: int) -> None:
        frequencies = rotary_frequencies(self._config, self._local, self._long)
        angles = torch.from_numpy(np.outer(np.arange(positions), frequencies))
        factor = attention_factor(self._config, self._local)
        device = self.cos_C1K.device if hasattr(self, "cos_C1K") else None
        cos, sin = ((factor * part).float().to(device) for part in (angles.cos(), angles.sin()))
        self.register_buffer("cos_C1K", torch.cat((cos, cos), dim=-1).unsqueeze(1), persistent=False)
        self.register_buffer("sin_C1K", torch.cat((-sin, sin), dim=-1).unsqueeze(1), persistent=False)


def rotary_frequencies(config: ModelConfig, local: bool = False, is_long: bool = False) -> NDArray[np.float64]:
    """Return theta^(-2i/K) for each pair i of the K rotated features, or scaled for a longer context.

    "linear" divides all of them by the factor (Chen et al. 2023, arXiv:2306.15595). "llama3" keeps wavelengths
    that are short against the original context, divides long ones, and interpolates between
    (Grattafiori et al. 2024, arXiv:2407.21783, and its reference code). "yarn" does so along the index of the
    pair (Peng et al. 2023, arXiv:2309.00071, §3.2). "longrope" divides each by a number of its own, which was
    searched for; texts of more than the original context have other ones (Ding et al. 2024, arXiv:2402.13753).
    """
    theta, width = config.local_rope_theta if local else config.rope_theta, config.rotated_features
    frequencies, scaling = theta ** -(np.arange(0, width, 2) / width), config.rope_scaling
    if scaling is None or local:
        return frequencies
    if scaling.kind == "linear":
        return frequencies / scaling.factor
    if scaling.kind == "longrope":
        return frequencies / np.array(scaling.long_factors if is_long else scaling.short_factors)
    if scaling.kind == "yarn":
        kept = _kept_by_yarn(scaling, theta, width)
    else:
        turns = scaling.original_context * frequencies / (2 * math.pi)  # full turns in the original context
        kept = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    kept = np.clip(kept, 0.0, 1.0)
    return frequencies * kept + frequencies / scaling.factor * (1 - kept)


def attention_factor(config: ModelConfig, local: bool = False) -> float:
    """Return the factor of cosine and sine, with which YaRN and LongRoPE sharpen the attention of longer texts."""
    return 1.0 if local or config.rope_scaling is None else config.rope_scaling.attention_factor


def _kept_by_yarn(scaling: RopeScaling, theta: float, width: int) -> NDArray[np.float64]:
    """Return 1 for pairs with more than beta_fast turns in the original context, 0 for fewer than beta_slow."""

    def pair_with(turns: float) -> float:
        return width * math.log(scaling.original_context / (turns * 2 * math.pi)) / (2 * math.log(theta))

    first, last = pair_with(scaling.beta_fast), pair_with(scaling.beta_slow)
    if scaling.truncate:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, width - 1)
    return 1 - (np.arange(width // 2, dtype=np.float64) - first) / ((last - first) or 0.001)
