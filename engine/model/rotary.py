"""Rotary position embeddings: pairs of features are rotated by an angle that grows with the position.

Su et al. 2021 (arXiv:2104.09864). Suffixes: T tokens, C positions in the table, K head width.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.model.config import ModelConfig

Rotation = tuple[Tensor, Tensor]  # cos_T1K, sin_T1K


class Rotary(nn.Module):
    """Cosine and sine of the angle t · frequency_i at position t, for the pair of features i and i + K/2."""

    cos_C1K: Tensor
    sin_C1K: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.frequencies = rotary_frequencies(config)
        self._make_table(min(config.context, 1024))

    def forward(self, start: int, T: int) -> Rotation:
        if start + T > len(self.cos_C1K):
            self._make_table(2 * (start + T))
        return self.cos_C1K[start : start + T], self.sin_C1K[start : start + T]

    def _make_table(self, positions: int) -> None:
        angles = torch.from_numpy(np.outer(np.arange(positions), self.frequencies))
        device = self.cos_C1K.device if hasattr(self, "cos_C1K") else None
        cos, sin = angles.cos().float().to(device), angles.sin().float().to(device)
        self.register_buffer("cos_C1K", torch.cat((cos, cos), dim=-1).unsqueeze(1), persistent=False)
        self.register_buffer("sin_C1K", torch.cat((-sin, sin), dim=-1).unsqueeze(1), persistent=False)


def rotary_frequencies(config: ModelConfig) -> NDArray[np.float64]:
    """Return theta^(-2i/K) for each pair i, scaled if the model was trained further with a longer context.

    "linear" divides all of them by the factor (Chen et al. 2023, arXiv:2306.15595). "llama3" keeps wavelengths
    that are short against the original context, divides long ones, and interpolates between
    (Grattafiori et al. 2024, arXiv:2407.21783, and its reference code).
    """
    frequencies = config.rope_theta ** -(np.arange(0, config.head_width, 2) / config.head_width)
    scaling = config.rope_scaling
    if scaling is None:
        return frequencies
    if scaling.kind == "linear":
        return frequencies / scaling.factor
    turns = scaling.original_context * frequencies / (2 * math.pi)  # full turns in the original context
    kept = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    kept = np.clip(kept, 0.0, 1.0)
    return frequencies * kept + frequencies / scaling.factor * (1 - kept)
