"""A decoder-only transformer, from token IDs to logits, in the order of the mathematics.

Vaswani et al. 2017 (arXiv:1706.03762) in the form that small models take today: the norm before
each part (Xiong et al. 2020, arXiv:2002.04745), rotary positions (Su et al. 2021, arXiv:2104.09864),
RMSNorm (Zhang and Sennrich 2019, arXiv:1910.07467), normalised queries and keys (Henry et al. 2020,
arXiv:2010.04245) and ReLU² (So et al. 2021, arXiv:2109.08668). ModelConfig chooses among the variants.

Suffixes give the shapes:
    B batch   T tokens that go in   S tokens that are seen (cached ones and T)   V vocabulary
    D width   H heads   G key/value heads (G = H without grouping)   K head width   M width of the MLP
    P those of the T tokens that are recorded   C tokens that a cache has room for
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.model.config import ModelConfig
from engine.model.derivatives import relu_squared, rms_norm, rotate
from engine.model.linear import Linear
from engine.model.rotary import Rotary, Rotation
from engine.model.tape import Tape


class Transformer(nn.Module):
    """logits_BTV = model(ids_BT): at every position, how likely each token is to come next (unnormalised)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        config.check()
        self.config = config
        self.embedding = _table(config.vocabulary, config.width)
        if config.positions == "learned":
            self.positions = _table(config.context, config.width)
        else:
            self.rotary = Rotary(config)
        self.embedding_norm = Norm(config, config.width) if config.embedding_norm else nn.Identity()
        self.blocks = nn.ModuleList(Block(config, i) for i in range(config.n_layers))
        self.final_norm = Norm(config, config.width)
        self.head = Linear(config.width, config.vocabulary, bias=False)
        if config.tied_head:
            self.head.weight = self.embedding.weight
        self.initialize()

    def forward(self, ids_BT: Tensor, cache: "KVCache | None" = None, tape: Tape | None = None) -> Tensor:
        """With a cache the T tokens continue those it holds, and join them.

        Raises ValueError if the tokens, with those in the cache, are more than the context holds.
        """
        x_BTD, rotation = self._embed(ids_BT, cache.length if cache else 0, tape)
        T = ids_BT.shape[1]
        if cache:
            cache.reserve(cache.length + T)
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

    def record(self, ids_BT: Tensor, tape: Tape) -> None:
        """Computes what the tape wants, and nothing that comes after it."""
        for _ in self.walk(ids_BT, tape):
            pass

    @torch.no_grad()
    def walk(self, ids_BT: Tensor, tape: Tape) -> Iterator[int]:
        """As `record`, block by block: yields the index of each as soon as the tape has heard of it."""
        x_BTD, rotation = self._embed(ids_BT, 0, tape)
        for index, block in enumerate(self.blocks):
            if tape.complete:
                return
            x_BTD = block(x_BTD, rotation, None, tape)
            yield index
        if tape.wants("final_norm", "logits"):
            x_BPD = self.final_norm(x_BTD[:, tape.positions])
            if tape.wants("final_norm"):
                tape.keep_rows("final_norm", x_BPD)
            if tape.wants("logits"):
                tape.keep_rows("logits", self.head(x_BPD))

    def _embed(self, ids_BT: Tensor, start: int, tape: Tape | None) -> tuple[Tensor, Rotation | None]:
        """The first residual, and the rotation of positions `start` to start + T."""
        T, rotation = ids_BT.shape[1], None
        if start + T > self.config.context:
            raise ValueError(f"{start + T} tokens do not fit a context of {self.config.context}")
        x_BTD = self.embedding(ids_BT)
        if self.config.positions == "learned":
            x_BTD = x_BTD + self.positions.weight[start : start + T]
        else:
            rotation = self.rotary(start, T)
        x_BTD = self.embedding_norm(x_BTD)
        if tape:
            tape.keep("embedding", x_BTD)
        return x_BTD, rotation

    @torch.no_grad()
    def initialize(self) -> None:
        """What each block adds begins at zero, so that depth costs nothing at the start; so do the logits."""
        for name, parameter in self.named_parameters():
            if parameter.ndim < 2 or parameter.is_meta:  # a model that is about to be read needs no beginning
                continue  # gains stay at one, biases at zero
            if name.endswith(("attention.out.weight", "mlp.down.weight")) or name == "head.weight":
                parameter.zero_()
            elif name.startswith(("embedding", "positions")):
                parameter.normal_(0.0, 0.02 if self.config.tied_head else 1.0)
            else:
                parameter.normal_(0.0, 0.5 / math.sqrt(parameter.shape[1]))


def _table(rows: int, width: int) -> nn.Embedding:
    """Its numbers come later: drawn now, where a model is only to be read, they would cost five seconds."""
    empty_RD = torch.empty(rows, width)
    table: nn.Embedding = nn.Embedding.from_pretrained(empty_RD, freeze=False)  # type: ignore[no-untyped-call]
    return table


class Block(nn.Module):
    """Attention lets the tokens exchange, the MLP lets each one think; both only add to what is there."""

    def __init__(self, config: ModelConfig, index: int) -> None:
        super().__init__()
        self.name = f"blocks.{index}"
        self.attention_norm = Norm(config, config.width)
        self.attention = Attention(config, index)
        self.mlp_norm = Norm(config, config.width)
        self.mlp = MLP(config, f"{self.name}.mlp")

    def forward(
        self, x_BTD: Tensor, rotation: Rotation | None, cache: "LayerCache | None", tape: Tape | None
    ) -> Tensor:
        after_attention_BTD = x_BTD + self.attention(self.attention_norm(x_BTD), rotation, cache, tape)
        after_mlp_BTD = after_attention_BTD + self.mlp(self.mlp_norm(after_attention_BTD), tape)
        if tape:
            tape.keep(f"{self.name}.residual.before", x_BTD)
            tape.keep(f"{self.name}.residual.after", after_mlp_BTD)
        return after_mlp_BTD


class Attention(nn.Module):
    """Each token asks (q) all tokens up to itself (k) and takes a mixture of what they hold (v)."""

    def __init__(self, config: ModelConfig, index: int) -> None:
        super().__init__()
        self.name = f"blocks.{index}.attn"
        self.window = config.windows[index] if config.windows else 0
        self.H, self.G, self.K = config.n_heads, config.n_kv_heads, config.head_width
        self.qkv = Linear(config.width, (self.H + 2 * self.G) * self.K, bias=config.qkv_biases)
        self.q_norm = Norm(config, self.K) if config.qk_norm else nn.Identity()
        self.k_norm = Norm(config, self.K) if config.qk_norm else nn.Identity()
        self.out = Linear(self.H * self.K, config.width, bias=config.out_biases)

    def forward(
        self, x_BTD: Tensor, rotation: Rotation | None, cache: "LayerCache | None", tape: Tape | None
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
        if tape and tape.wants(f"{self.name}.scores", f"{self.name}.weights"):
            heads_BHTK = self._recorded(q_BHTK, k_BGSK, v_BGSK, tape)
        else:
            heads_BHTK = attend(q_BHTK, k_BGSK, v_BGSK, self.window)
        out_BTD: Tensor = self.out(heads_BHTK.transpose(1, 2).reshape(B, T, self.H * self.K))
        if tape:
            parts = {"input": x_BTD, "q": q_BHTK, "k": k_BGSK, "v": v_BGSK, "heads": heads_BHTK, "output": out_BTD}
            for part, tensor in parts.items():
                tape.keep(f"{self.name}.{part}", tensor)
        return out_BTD

    def _recorded(self, q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, tape: Tape) -> Tensor:
        """softmax(q·k / sqrt(K)) · v, step by step, for the positions that the tape wants."""
        q_BHPK = q_BHTK[:, :, tape.positions]
        if tape.wants(f"{self.name}.scores"):
            k_BHSK = k_BGSK.repeat_interleave(self.H // self.G, dim=1)
            tape.keep_rows(f"{self.name}.scores", q_BHPK @ k_BHSK.transpose(-2, -1) / math.sqrt(self.K))
        if tape.wants(f"{self.name}.weights"):
            T, S = q_BHTK.shape[2], k_BGSK.shape[2]
            seen = range(S - T + 1, S + 1)[tape.positions]  # by each query: itself and all before it
            weights_BHPS, heads_BHPK = attend_in_steps(q_BHPK, k_BGSK, v_BGSK, seen, self.window)
            tape.keep_rows(f"{self.name}.weights", weights_BHPS)
            if len(seen) == T:
                return heads_BHPK
        return attend(q_BHTK, k_BGSK, v_BGSK, self.window)


def attend(q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, window: int = 0) -> Tensor:
    """What `attend_in_steps` gives for all tokens, by torch's fused kernel: nothing is kept."""
    T, S = q_BHTK.shape[2], k_BGSK.shape[2]
    grouped = q_BHTK.shape[1] != k_BGSK.shape[1]
    if T == 1 and window:
        k_BGSK, v_BGSK = k_BGSK[:, :, -window:], v_BGSK[:, :, -window:]
    if T == 1 or (T == S and not 0 < window < S):  # a single new token may look at all that is there
        return F.scaled_dot_product_attention(q_BHTK, k_BGSK, v_BGSK, is_causal=T > 1, enable_gqa=grouped)
    mask_TS = visible(range(S - T + 1, S + 1), S, window, q_BHTK.device)
    return F.scaled_dot_product_attention(q_BHTK, k_BGSK, v_BGSK, attn_mask=mask_TS, enable_gqa=grouped)


def attend_in_steps(
    q_BHPK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, seen: range, window: int = 0
) -> tuple[Tensor, Tensor]:
    """The attention weights [B H P S] of P queries, and what each head takes from the values [B H P K].

    Query p looks at the first seen[p] keys. ROWS queries are computed at a time, against no more keys than
    the last of them sees: half the work, and what is computed stays in the processor's cache.
    """
    B, H, P, K = q_BHPK.shape
    G, S = k_BGSK.shape[1:3]
    k_BHSK, v_BHSK = k_BGSK.repeat_interleave(H // G, dim=1), v_BGSK.repeat_interleave(H // G, dim=1)
    weights_BHPS, heads_BHPK = q_BHPK.new_zeros(B, H, P, S), torch.empty_like(q_BHPK)
    for first in range(0, P, ROWS):
        rows = slice(first, min(first + ROWS, P))
        most = seen[rows][-1]
        scores = q_BHPK[:, :, rows] @ k_BHSK[:, :, :most].transpose(-2, -1) / math.sqrt(K)
        hidden = ~visible(seen[rows], most, window, q_BHPK.device)
        weights = scores.masked_fill_(hidden, -math.inf).softmax(dim=-1)
        weights_BHPS[:, :, rows, :most] = weights
        heads_BHPK[:, :, rows] = weights @ v_BHSK[:, :, :most]
    return weights_BHPS, heads_BHPK


ROWS = 128


def visible(seen: range, S: int, window: int, device: torch.device) -> Tensor:
    """[P, S]: whether query p may look at key s; of the seen[p] first ones all, or the last `window`."""
    keys_S = torch.arange(S, device=device)
    seen_P1 = torch.arange(seen.start, seen.stop, seen.step, device=device).unsqueeze(1)
    mask_PS = keys_S < seen_P1
    return mask_PS & (keys_S >= seen_P1 - window) if window else mask_PS


class MLP(nn.Module):
    """Each token by itself: up to M features, those that apply, and back."""

    def __init__(self, config: ModelConfig, name: str) -> None:
        super().__init__()
        self.name = name
        self.activation = config.activation
        wide = config.mlp_width * (2 if config.activation == "swiglu" else 1)
        self.up = Linear(config.width, wide, bias=config.mlp_biases)
        self.down = Linear(config.mlp_width, config.width, bias=config.mlp_biases)

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
        if self.activation == "relu":
            return F.relu(x)
        if self.activation in ("gelu", "gelu_exact"):  # the tanh form is what GPT-2 was trained with
            return F.gelu(x, approximate="tanh" if self.activation == "gelu" else "none")
        gate, value = x.chunk(2, dim=-1)  # SwiGLU (Shazeer 2020, arXiv:2002.05202)
        return F.silu(gate) * value


class Norm(nn.Module):
    """RMSNorm x / sqrt(mean(x²) + ε) or LayerNorm, over the last axis, with or without gains."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.width, self.kind, self.epsilon = (width,), config.norm, config.norm_epsilon
        self.weight = nn.Parameter(torch.ones(width)) if config.norm_gains else None
        has_bias = config.norm_gains and config.norm_biases
        self.bias = nn.Parameter(torch.zeros(width)) if has_bias else None

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "rms":
            y = rms_norm(x, self.epsilon)
            return y if self.weight is None else y * self.weight
        return F.layer_norm(x, self.width, self.weight, self.bias, self.epsilon)


# --- Keys and values of the tokens already seen ----------------------------------------------------


class KVCache:
    """`length` tokens are filled; room for more is made by doubling, up to the context."""

    def __init__(self, model: Transformer, batch: int = 1) -> None:
        self._config, self._batch, self._weight = model.config, batch, model.head.weight
        self._arrays: list[tuple[NDArray[np.float32], NDArray[np.float32]]] | None = None
        self._buffer = torch.empty(0)
        self.length = self.room = 0
        self.reserve(min(model.config.context, 256))

    def reserve(self, length: int) -> None:
        """Makes room for `length` tokens."""
        if length <= self.room:
            return
        config, self.room = self._config, min(self._config.context, max(length, 2 * self.room))
        shape = (config.n_layers, 2, self._batch, config.n_kv_heads, self.room, config.head_width)
        larger = torch.empty(shape, dtype=self._weight.dtype, device=self._weight.device)
        if self.length:
            larger[..., : self.length, :] = self._buffer[..., : self.length, :]
        self._buffer, self._arrays = larger, None

    def layer(self, index: int, T: int) -> "LayerCache":
        return LayerCache(self._buffer[index, 0], self._buffer[index, 1], self.length, self.length + T)

    def arrays(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Keys and values of each layer, k_GCK and v_GCK, as numpy arrays over the same memory: batch 1, CPU."""
        if self._arrays is None:
            self._arrays = [(layer[0, 0].numpy(), layer[1, 0].numpy()) for layer in self._buffer]
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
