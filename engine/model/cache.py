"""Keys and values of the tokens already seen, so that each new token costs one position.

Suffixes: B batch, T new tokens, G key/value heads, K head width, C tokens that there is capacity for.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.model.config import ModelConfig


class KVCache:
    """The keys and values of `length` tokens; the capacity doubles as needed, up to the model's context."""

    def __init__(self, config: ModelConfig, like: Tensor, batch: int = 1) -> None:
        """Begin empty; `like` has the type and the device of the keys and values."""
        self._config, self._batch, self._like = config, batch, like
        self._arrays: list[tuple[NDArray[np.float32], NDArray[np.float32]]] | None = None
        self._buffer = torch.empty(0)
        self.length = self.capacity = 0
        self.reserve(min(config.context, 256))

    def reserve(self, length: int) -> None:
        """Grow the capacity to at least `length` tokens."""
        if length <= self.capacity:
            return
        config, self.capacity = self._config, min(self._config.context, max(length, 2 * self.capacity))
        shape = (config.n_layers, 2, self._batch, config.n_kv_heads, self.capacity, config.head_width)
        larger = torch.empty(shape, dtype=self._like.dtype, device=self._like.device)
        if self.length:
            larger[..., : self.length, :] = self._buffer[..., : self.length, :]
        self._buffer, self._arrays = larger, None

    def layer(self, index: int, T: int) -> "LayerCache":
        """Return one layer's keys and values, to be extended by the next T tokens."""
        return LayerCache(self._buffer[index, 0], self._buffer[index, 1], self.length, self.length + T)

    def arrays(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return each layer's k_GCK and v_GCK as numpy arrays over the same memory; for batch 1 on the CPU."""
        if self._arrays is None:
            self._arrays = [(layer[0, 0].numpy(), layer[1, 0].numpy()) for layer in self._buffer]
        return self._arrays

    def truncate(self, length: int) -> None:
        """Drop all tokens from `length` on."""
        self.length = min(self.length, length)


class LayerCache:
    """One layer's keys and values; the new ones go to [start, end)."""

    __slots__ = ("end", "k_BGCK", "start", "v_BGCK")

    def __init__(self, k_BGCK: Tensor, v_BGCK: Tensor, start: int, end: int) -> None:
        self.k_BGCK, self.v_BGCK, self.start, self.end = k_BGCK, v_BGCK, start, end

    def extend(self, k_BGTK: Tensor, v_BGTK: Tensor) -> tuple[Tensor, Tensor]:
        """Store the new tokens' keys and values, and return those of all tokens so far."""
        self.k_BGCK[:, :, self.start : self.end] = k_BGTK
        self.v_BGCK[:, :, self.start : self.end] = v_BGTK
        return self.k_BGCK[:, :, : self.end], self.v_BGCK[:, :, : self.end]


class Known:
    """One layer's keys and values of the tokens before, which are the same for all texts; new ones are not kept."""

    def __init__(self, k_1TGK: Tensor, v_1TGK: Tensor) -> None:
        self.k_1GTK, self.v_1GTK, self.length = k_1TGK.transpose(1, 2), v_1TGK.transpose(1, 2), k_1TGK.shape[1]

    def extend(self, k_BGTK: Tensor, v_BGTK: Tensor) -> tuple[Tensor, Tensor]:
        """Return the keys and values of all tokens, of which those given are the last."""
        B = len(k_BGTK)
        before = (x_1GTK.expand(B, -1, -1, -1) for x_1GTK in (self.k_1GTK, self.v_1GTK))
        k_BGSK, v_BGSK = (torch.cat(both, dim=2) for both in zip(before, (k_BGTK, v_BGTK), strict=True))
        return k_BGSK, v_BGSK
