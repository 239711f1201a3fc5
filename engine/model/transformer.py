"""A decoder-only transformer, from token IDs to logits, in the order of the mathematics.

Vaswani et al. 2017 (arXiv:1706.03762) in the form that small models take today: the norm before
each part (Xiong et al. 2020, arXiv:2002.04745), rotary positions (Su et al. 2021, arXiv:2104.09864),
RMSNorm (Zhang and Sennrich 2019, arXiv:1910.07467), normalised queries and keys (Henry et al. 2020,
arXiv:2010.04245) and ReLU² (So et al. 2021, arXiv:2109.08668). ModelConfig chooses among the variants.

Suffixes give the shapes:
    B batch   T tokens that go in   S tokens that are seen (cached ones and T)   V vocabulary
    D width   H heads   G key/value heads (G = H without grouping)   K head width   M width of the MLP
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.model.config import ModelConfig
from engine.model.derivatives import relu_squared, rms_norm, rotate
from engine.model.tape import Tape


class Transformer(nn.Module):
    """logits_BTV = model(ids_BT): at every position, how likely each token is to come next (unnormalised)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        config.check()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        if config.positions == "learned":
            self.positions = nn.Embedding(config.context, config.width)
        else:
            self.rotary = Rotary(config)
        self.embedding_norm = Norm(config, config.width) if config.embedding_norm else nn.Identity()
        self.blocks = nn.ModuleList(Block(config, f"blocks.{i}") for i in range(config.n_layers))
        self.final_norm = Norm(config, config.width)
        self.head = nn.Linear(config.width, config.vocabulary, bias=False)
        if config.tied_head:
            self.head.weight = self.embedding.weight
        self.initialize()

    def forward(self, ids_BT: Tensor, cache: "KVCache | None" = None, tape: Tape | None = None) -> Tensor:
        """With a cache the T tokens continue those it holds, and join them.

        Raises ValueError if the tokens, with those in the cache, are more than the context holds.
        """
        start, T = (cache.length if cache else 0), ids_BT.shape[1]
        if start + T > self.config.context:
            raise ValueError(f"{start + T} tokens do not fit a context of {self.config.context}")
        x_BTD = self.embedding(ids_BT)
        rotation = None
        if self.config.positions == "learned":
            x_BTD = x_BTD + self.positions.weight[start : start + T]
        else:
            rotation = self.rotary(start, T)
        x_BTD = self.embedding_norm(x_BTD)
        if tape:
            tape.keep("embedding", x_BTD)
        for index, block in enumerate(self.blocks):
            x_BTD = block(x_BTD, rotation, cache.layer(index, T) if cache else None, tape)
        if cache:
            cache.length += T
        x_BTD = self.final_norm(x_BTD)
        logits_BTV: Tensor = self.head(x_BTD)
        if tape:
            tape.keep("final_norm", x_BTD)
            tape.keep("logits", logits_BTV)
        return logits_BTV

    @torch.no_grad()
    def initialize(self) -> None:
        """What each block adds begins at zero, so that depth costs nothing at the start; so do the logits."""
        for name, parameter in self.named_parameters():
            if parameter.ndim < 2:
                continue  # gains stay at one, biases at zero
            if name.endswith(("attention.out.weight", "mlp.down.weight")) or name == "head.weight":
                parameter.zero_()
            elif name.startswith(("embedding", "positions")):
                parameter.normal_(0.0, 0.02 if self.config.tied_head else 1.0)
            else:
                parameter.normal_(0.0, 0.5 / math.sqrt(parameter.shape[1]))


class Block(nn.Module):
    """Attention lets the tokens exchange, the MLP lets each one think; both only add to what is there."""

    def __init__(self, config: ModelConfig, name: str) -> None:
        super().__init__()
        self.name = name
        self.attention_norm = Norm(config, config.width)
        self.attention = Attention(config, f"{name}.attn")
        self.mlp_norm = Norm(config, config.width)
        self.mlp = MLP(config, f"{name}.mlp")

    def forward(
        self, x_BTD: Tensor, rotation: "Rotation | None", cache: "LayerCache | None", tape: Tape | None
    ) -> Tensor:
        after_attention_BTD = x_BTD + self.attention(self.attention_norm(x_BTD), rotation, cache, tape)
        after_mlp_BTD = after_attention_BTD + self.mlp(self.mlp_norm(after_attention_BTD), tape)
        if tape:
            tape.keep(f"{self.name}.residual.before", x_BTD)
            tape.keep(f"{self.name}.residual.after", after_mlp_BTD)
        return after_mlp_BTD


class Attention(nn.Module):
    """Each token asks (q) all tokens up to itself (k) and takes a mixture of what they hold (v)."""

    def __init__(self, config: ModelConfig, name: str) -> None:
        super().__init__()
        self.name = name
        self.H, self.G, self.K = config.n_heads, config.n_kv_heads, config.head_width
        self.qkv = nn.Linear(config.width, (self.H + 2 * self.G) * self.K, bias=config.qkv_biases)
        self.q_norm = Norm(config, self.K) if config.qk_norm else nn.Identity()
        self.k_norm = Norm(config, self.K) if config.qk_norm else nn.Identity()
        self.out = nn.Linear(self.H * self.K, config.width, bias=config.biases)

    def forward(
        self, x_BTD: Tensor, rotation: "Rotation | None", cache: "LayerCache | None", tape: Tape | None
    ) -> Tensor:
        B, T, _ = x_BTD.shape
        qkv = self.qkv(x_BTD).view(B, T, self.H + 2 * self.G, self.K)
        q_BTHK, k_BTGK, v_BTGK = qkv.split((self.H, self.G, self.G), dim=2)
        q_BTHK, k_BTGK = self.q_norm(q_BTHK), self.k_norm(k_BTGK)
        if rotation is not None:
            q_BTHK, k_BTGK = rotate(q_BTHK, *rotation), rotate(k_BTGK, *rotation)
        q_BHTK, k_BGSK, v_BGSK = q_BTHK.transpose(1, 2), k_BTGK.transpose(1, 2), v_BTGK.transpose(1, 2)
        if cache is not None:
            k_BGSK, v_BGSK = cache.extend(k_BGSK, v_BGSK)
        if tape and tape.wants(*(f"{self.name}.{part}" for part in RECORDED)):
            heads_BHTK = self._recorded(q_BHTK, k_BGSK, v_BGSK, tape)
        else:
            heads_BHTK = attend(q_BHTK, k_BGSK, v_BGSK)
        out_BTD: Tensor = self.out(heads_BHTK.transpose(1, 2).reshape(B, T, self.H * self.K))
        if tape:
            tape.keep(f"{self.name}.input", x_BTD)
            tape.keep(f"{self.name}.output", out_BTD)
        return out_BTD

    def _recorded(self, q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, tape: Tape) -> Tensor:
        """softmax(q·k / sqrt(K)) · v, step by step, keeping what the tape wants."""
        k_BHSK = k_BGSK.repeat_interleave(self.H // self.G, dim=1)
        v_BHSK = v_BGSK.repeat_interleave(self.H // self.G, dim=1)
        scores_BHTS = q_BHTK @ k_BHSK.transpose(-2, -1) / math.sqrt(self.K)
        T, S = scores_BHTS.shape[-2:]
        future_TS = torch.ones(T, S, dtype=torch.bool, device=q_BHTK.device).triu(S - T + 1)
        weights_BHTS = scores_BHTS.masked_fill(future_TS, -math.inf).softmax(dim=-1)
        heads_BHTK = weights_BHTS @ v_BHSK
        for part, tensor in zip(RECORDED, (q_BHTK, k_BHSK, v_BHSK, scores_BHTS, weights_BHTS, heads_BHTK), strict=True):
            tape.keep(f"{self.name}.{part}", tensor)
        return heads_BHTK


RECORDED = ("q", "k", "v", "scores", "weights", "heads")


def attend(q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor) -> Tensor:
    """The same as `Attention._recorded`, by torch's fused kernel: nothing is kept."""
    T, S = q_BHTK.shape[2], k_BGSK.shape[2]
    grouped = q_BHTK.shape[1] != k_BGSK.shape[1]
    if T == S or T == 1:  # a single new token may look at all that is there
        return F.scaled_dot_product_attention(q_BHTK, k_BGSK, v_BGSK, is_causal=T > 1, enable_gqa=grouped)
    past_TS = torch.ones(T, S, dtype=torch.bool, device=q_BHTK.device).tril(S - T)
    return F.scaled_dot_product_attention(q_BHTK, k_BGSK, v_BGSK, attn_mask=past_TS, enable_gqa=grouped)


class MLP(nn.Module):
    """Each token by itself: up to M features, those that apply, and back."""

    def __init__(self, config: ModelConfig, name: str) -> None:
        super().__init__()
        self.name = name
        self.activation = config.activation
        wide = config.mlp_width * (2 if config.activation == "swiglu" else 1)
        self.up = nn.Linear(config.width, wide, bias=config.biases)
        self.down = nn.Linear(config.mlp_width, config.width, bias=config.biases)

    def forward(self, x_BTD: Tensor, tape: Tape | None) -> Tensor:
        features_BTM = self._activate(self.up(x_BTD))
        out_BTD: Tensor = self.down(features_BTM)
        if tape:
            tape.keep(f"{self.name}.input", x_BTD)
            tape.keep(f"{self.name}.activation", features_BTM)
            tape.keep(f"{self.name}.output", out_BTD)
        return out_BTD

    def _activate(self, x: Tensor) -> Tensor:
        if self.activation == "relu2":
            return relu_squared(x)
        if self.activation == "gelu":
            return F.gelu(x, approximate="tanh")
        gate, value = x.chunk(2, dim=-1)  # SwiGLU (Shazeer 2020, arXiv:2002.05202)
        return F.silu(gate) * value


class Norm(nn.Module):
    """RMSNorm x / sqrt(mean(x²) + ε) or LayerNorm, over the last axis, with or without gains."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.width, self.kind, self.epsilon = (width,), config.norm, config.norm_epsilon
        self.weight = nn.Parameter(torch.ones(width)) if config.norm_gains else None
        has_bias = config.norm_gains and config.biases
        self.bias = nn.Parameter(torch.zeros(width)) if has_bias else None

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "rms":
            y = rms_norm(x, self.epsilon)
            return y if self.weight is None else y * self.weight
        return F.layer_norm(x, self.width, self.weight, self.bias, self.epsilon)


# --- Rotary positions: pairs of numbers are turned by an angle that grows with the position ---------

Rotation = tuple[Tensor, Tensor]  # cos_T1K, sin_T1K


class Rotary(nn.Module):
    """Angle of pair i at position t: t · theta^(-2i/K). Number i is paired with number i + K/2."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        half = torch.arange(0, config.head_width, 2, dtype=torch.float64) / config.head_width
        angles = torch.outer(torch.arange(config.context, dtype=torch.float64), config.rope_theta**-half)
        cos, sin = angles.cos().float(), angles.sin().float()
        self.register_buffer("cos_C1K", torch.cat((cos, cos), dim=-1).unsqueeze(1), persistent=False)
        self.register_buffer("sin_C1K", torch.cat((-sin, sin), dim=-1).unsqueeze(1), persistent=False)

    def forward(self, start: int, T: int) -> Rotation:
        return self.cos_C1K[start : start + T], self.sin_C1K[start : start + T]  # type: ignore[index]


# --- Keys and values of the tokens already seen ----------------------------------------------------


class KVCache:
    """Room for a whole context, made once; `length` tokens of it are filled."""

    def __init__(self, model: Transformer, batch: int = 1) -> None:
        config = model.config
        shape = (config.n_layers, 2, batch, config.n_kv_heads, config.context, config.head_width)
        weight = model.head.weight
        self._buffer = torch.empty(shape, dtype=weight.dtype, device=weight.device)
        self._layers = [(self._buffer[i, 0], self._buffer[i, 1]) for i in range(config.n_layers)]
        self._arrays: list[tuple[NDArray[np.float32], NDArray[np.float32]]] | None = None
        self.length = 0

    def layer(self, index: int, T: int) -> "LayerCache":
        return LayerCache(*self._layers[index], self.length, self.length + T)

    def arrays(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Keys and values of each layer, k_GCK and v_GCK, as numpy arrays over the same memory: batch 1, CPU."""
        if self._arrays is None:
            self._arrays = [(k[0].numpy(), v[0].numpy()) for k, v in self._layers]
        return self._arrays

    def truncate(self, length: int) -> None:
        """Forgets all tokens from `length` on."""
        self.length = min(self.length, length)


class LayerCache:
    """One layer's keys and values; the new ones go to [start, end)."""

    __slots__ = ("end", "k_BGCK", "start", "v_BGCK")

    def __init__(self, k_BGCK: Tensor, v_BGCK: Tensor, start: int, end: int) -> None:
        self.k_BGCK, self.v_BGCK, self.start, self.end = k_BGCK, v_BGCK, start, end

    def extend(self, k_BGTK: Tensor, v_BGTK: Tensor) -> tuple[Tensor, Tensor]:
        """Stores the new tokens' keys and values; returns those of all tokens so far."""
        self.k_BGCK[:, :, self.start : self.end] = k_BGTK
        self.v_BGCK[:, :, self.start : self.end] = v_BGTK
        return self.k_BGCK[:, :, : self.end], self.v_BGCK[:, :, : self.end]
