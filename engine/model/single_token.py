"""The forward pass of transformer.py for one new token, on the CPU, in numpy.

Generation multiplies the matrices of a small model by one vector at a time, and calling torch costs several times
as much as the products. The same mathematics in numpy is about five times as fast. It shares the model's weights
without a copy, and the cache; tests/engine/test_model.py compares both.

Suffixes as in transformer.py, without B and T, which are 1; R heads of a group.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController
from torch import nn
from torch.nn.functional import gelu

from engine.model.cache import KVCache
from engine.model.config import ModelConfig
from engine.model.half import MOST_SMALL, CompactLinear
from engine.model.lora import LowRankLinear
from engine.model.rotary import attention_factor, rotary_frequencies
from engine.model.thread_count import ThreadCount
from engine.model.transformer import Attention, Block, Norm, Transformer

Vector = NDArray[np.float32]
Apply = Callable[[Vector], Vector]


class SingleToken:
    """The model for one token: logits_V = step(token, cache) equals `model(ids_BT, cache)`."""

    def __init__(self, model: Transformer) -> None:
        self.config = model.config
        self._embedding_VD = _array(model.embedding.weight)
        learned = model.config.positions == "learned"
        self._positions_CD = _array(model.positions.weight) if learned else None
        self._rotations = None if learned else _Rotations(model.config)
        self._unrotated: list[Vector | None] = [None] * model.config.n_layers
        self._embedding_norm = _norm(model.embedding_norm)
        self._blocks = [_SingleBlock(block, model) for block in model.blocks]
        self._final_norm = _norm(model.final_norm)
        self._unembedding = _linear(model.unembedding)
        self._threads = ThreadCount()
        self._blas = ThreadpoolController().select(user_api="blas")
        self._is_small = sum(p.numel() for p in model.parameters()) < MOST_SMALL

    @staticmethod
    def can_run(model: Transformer) -> bool:
        """Return whether numpy can read the weights in place and has the activation function."""
        known, halved = model.config.activation in ACTIVATIONS, isinstance(model.unembedding, CompactLinear)
        return known and model.device.type == "cpu" and (halved or model.embedding.weight.dtype == torch.float32)

    def __call__(self, token: int, cache: KVCache) -> Vector:
        """Return the logits.

        Two threads compute a token of SmolLM2 in 13 ms with 8-bit weights, one in 15 ms; but where other programs keep
        two cores busy, two take 500 ms and one 33 ms. Float16 products are faster with one thread. So are those of a
        small model by numpy's BLAS, whose threads waited for the window: 150 tokens a second, and 600 with one.
        """
        threads, started = torch.get_num_threads(), time.perf_counter()
        torch.set_num_threads(self._threads.count)
        try:
            with self._blas.limit(limits=1 if self._is_small else self._threads.count):
                return self._step(token, cache)
        finally:
            self._threads.choose(time.perf_counter() - started)
            torch.set_num_threads(threads)

    def _step(self, token: int, cache: KVCache) -> Vector:
        position = cache.length
        cache.reserve(position + 1)
        x_D = self._embedding_VD[token].astype(np.float32, copy=False)
        if self.config.embedding_scale != 1.0:
            x_D = x_D * np.float32(self.config.embedding_scale)
        if self._positions_CD is not None:
            x_D = x_D + self._positions_CD[position]
        rotations = self._unrotated if self._rotations is None else self._rotations.at(position)
        x_D = self._embedding_norm(x_D)
        parallel, cached = self.config.parallel, cache.arrays()
        for block, rotation_KK, (k_GCK, v_GCK) in zip(self._blocks, rotations, cached, strict=True):
            mid_D = x_D + block.attend(x_D, position, rotation_KK, k_GCK, v_GCK)
            x_D = mid_D + block.mlp(x_D if parallel else mid_D)
        cache.length += 1
        return _soft_cap(self._unembedding(self._final_norm(x_D)), self.config.logit_cap)


class _SingleBlock:
    def __init__(self, block: nn.Module, model: Transformer) -> None:
        assert isinstance(block, Block)
        attention: Attention = block.attention
        self.H, self.G, self.K = attention.H, attention.G, attention.K
        self._attention_norm, self._mlp_norm = _norm(block.attention_norm), _norm(block.mlp_norm)
        norms = _norm_of_all_heads if attention.over_all_heads else _head_norm
        self._qk_norm = norms(attention.q_norm, attention.k_norm, self.H)
        self._qkv, self._up = _linear(attention.qkv), _linear(block.mlp.up)
        self._out = _normed(_linear(attention.out), block.attention_out_norm)
        self._down = _normed(_linear(block.mlp.down), block.mlp_out_norm)
        self._activate = ACTIVATIONS[model.config.activation]
        self._scale, self._cap, self._window = np.float32(attention.scale), attention.cap, attention.window

    def attend(self, x_D: Vector, position: int, rotation_KK: Vector | None, k_GCK: Vector, v_GCK: Vector) -> Vector:
        H, G, K, S = self.H, self.G, self.K, position + 1
        first = max(0, S - self._window) if self._window else 0
        qkv = self._qkv(self._attention_norm(x_D)).reshape(H + 2 * G, K)
        qk = self._qk_norm(qkv[: H + G])
        if rotation_KK is not None:
            qk = qk.dot(rotation_KK)
        k_GCK[:, position] = qk[H:]
        v_GCK[:, position] = qkv[H + G :]
        q_GRK: Vector = (qk[:H] * self._scale).reshape(G, H // G, K)  # the R heads of a group share its keys
        scores_GRS: Vector = q_GRK @ k_GCK[:, first:S].swapaxes(1, 2)
        if self._cap:
            scores_GRS = _soft_cap(scores_GRS, self._cap)
        scores_GRS -= scores_GRS.max(axis=-1, keepdims=True)
        weights_GRS = np.exp(scores_GRS, out=scores_GRS)
        heads_GRK = weights_GRS @ v_GCK[:, first:S]
        heads_GRK /= weights_GRS.sum(axis=-1, keepdims=True)
        return self._out(heads_GRK.reshape(H * K))

    def mlp(self, x_D: Vector) -> Vector:
        return self._down(self._activate(self._up(self._mlp_norm(x_D))))


def _relu_squared(x: Vector) -> Vector:
    positive = np.maximum(x, 0)
    return positive * positive


def _gelu(x: Vector) -> Vector:
    """Return GELU in its tanh form (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""
    inner = np.float32(0.7978845608028654) * (x + np.float32(0.044715) * x * x * x)
    return np.float32(0.5) * x * (1 + np.tanh(inner))


def _gelu_exact(x: Vector) -> Vector:
    y: Vector = gelu(torch.from_numpy(x)).numpy()  # numpy has no error function
    return y


def _geglu(x: Vector) -> Vector:
    gate, value = x.reshape(2, -1)
    return _gelu(gate) * value


def _swiglu(x: Vector) -> Vector:
    gate, value = x.reshape(2, -1)
    return gate / (1 + np.exp(-gate)) * value


def _relu(x: Vector) -> Vector:
    return np.maximum(x, 0)


ACTIVATIONS: dict[str, Apply] = {
    "relu2": _relu_squared,
    "relu": _relu,
    "gelu": _gelu,
    "gelu_exact": _gelu_exact,
    "swiglu": _swiglu,
    "geglu": _geglu,
}


def _soft_cap(x: Vector, cap: float) -> Vector:
    return x if not cap else np.float32(cap) * np.tanh(x / np.float32(cap))


class _Rotations:
    """The rotations of all layers at one position."""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config
        local = [bool(config.local_rope_theta and window) for window in config.layer_windows]
        self._is_local = [None if i in config.unrotated_layers else local[i] for i in range(config.n_layers)]
        self._frequencies = {
            local: [rotary_frequencies(config, local, is_long) for is_long in (False, True)] for local in set(local)
        }

    def at(self, position: int) -> list[Vector | None]:
        """Return each layer's matrix that rotates by the angles of this position, as x_HK · rotation_KK."""
        is_long, width = self._config.is_long(position + 1), self._config.head_width
        rotations = {
            local: _rotation(position * frequencies[is_long], width, attention_factor(self._config, local))
            for local, frequencies in self._frequencies.items()
        }
        return [None if local is None else rotations[local] for local in self._is_local]


def _rotation(angles: NDArray[np.float64], width: int, factor: float) -> Vector:
    """Return the matrix that rotates features i and i + R/2 of the first R by angle i, and scales them."""
    half, rotation_KK = len(angles), np.eye(width, dtype=np.float32)
    i, j = np.arange(half), np.arange(half, 2 * half)
    rotation_KK[i, i] = rotation_KK[j, j] = factor * np.cos(angles)
    rotation_KK[i, j] = factor * np.sin(angles)
    rotation_KK[j, i] = -rotation_KK[i, j]
    return rotation_KK


def _linear(layer: nn.Linear | CompactLinear | LowRankLinear) -> Apply:
    # `.dot` has half the call overhead of `@`
    product: Apply = layer.single if isinstance(layer, CompactLinear | LowRankLinear) else _array(layer.weight).dot
    if layer.bias is None:
        return product
    bias = _array(layer.bias)
    return lambda x: product(x) + bias


def _normed(apply: Apply, norm: nn.Module) -> Apply:
    """Return the layer followed by the norm, if it is one."""
    if not isinstance(norm, Norm):
        return apply
    normalise = _norm(norm)
    return lambda x: normalise(apply(x))


def _norm(norm: nn.Module) -> Apply:
    """Return the norm for one vector. Its scale is a Python float, which is faster than a 0-d array."""
    if not isinstance(norm, Norm):
        return lambda x: x
    gain = None if norm.weight is None else _array(norm.weight)
    bias = None if norm.bias is None else _array(norm.bias)
    width, epsilon, centred = norm.width[0], norm.epsilon, norm.kind == "layer"

    def apply(x: Vector) -> Vector:
        if centred:
            x = x - x.mean()
        y = x * np.float32(1.0 / math.sqrt(float(x.dot(x)) / width + epsilon))
        if gain is not None:
            y = y * gain
        return y if bias is None else y + bias

    return apply


def _head_norm(q_norm: nn.Module, k_norm: nn.Module, heads: int) -> Apply:
    """Return the norm of queries and keys together: the first `heads` rows are queries."""
    if not isinstance(q_norm, Norm) or not isinstance(k_norm, Norm):
        return lambda x: x
    assert q_norm.kind == "rms", "no family normalises its heads otherwise"
    width, epsilon = np.float32(q_norm.width[0]), np.float32(q_norm.epsilon)
    gains = None if q_norm.weight is None else (_array(q_norm.weight), _array(k_norm.weight))

    def apply(x_RK: Vector) -> Vector:
        mean_square_R = np.linalg.vecdot(x_RK, x_RK) / width
        y_RK = x_RK / np.sqrt(mean_square_R + epsilon)[:, None]
        if gains is not None:
            y_RK[:heads] *= gains[0]
            y_RK[heads:] *= gains[1]
        return y_RK

    return apply


def _norm_of_all_heads(q_norm: nn.Module, k_norm: nn.Module, heads: int) -> Apply:
    """Return the norm of all queries together, the first `heads` rows, and of all keys."""
    normalise_q, normalise_k = _norm(q_norm), _norm(k_norm)

    def apply(x_RK: Vector) -> Vector:
        parts = (normalise_q(x_RK[:heads].reshape(-1)), normalise_k(x_RK[heads:].reshape(-1)))
        return np.concatenate(parts).reshape(x_RK.shape)

    return apply


def _array(tensor: Any) -> Vector:
    return tensor.detach().numpy()
