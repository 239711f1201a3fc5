"""A transformer computed from its formulas in float64, from its weights alone, to check the program's numbers."""

import math

import numpy as np
from numpy.typing import NDArray

from engine.model.config import RopeScaling
from engine.model.transformer import Transformer

Doubles = NDArray[np.float64]


class ByHand:
    """A forward pass of one text, without the model's modules and without its rotary tables."""

    def __init__(self, model: Transformer, ids: list[int]) -> None:
        self.config = c = model.config
        self.w = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
        self.inputs: list[Doubles] = []  # this and the following: one array a layer; what attention reads, [T D]
        self.queries: list[Doubles] = []
        self.keys: list[Doubles] = []
        self.values: list[Doubles] = []
        self.scores: list[Doubles] = []  # [H T T], -inf for keys that a query does not see
        self.weights: list[Doubles] = []
        self.heads: list[Doubles] = []
        self.features: list[Doubles] = []
        x = self.w["embedding.weight"][ids] * c.embedding_scale
        if c.positions == "learned":
            x = x + self.w["positions.weight"][: len(ids)]
        if c.embedding_norm:
            x = self.norm(x, "embedding_norm")
        self.residuals = [x]
        for layer in range(c.n_layers):
            x = self.block(x, layer)
            self.residuals.append(x)
        self.final = self.norm(x, "final_norm")
        self.logits = capped(self.final @ self.w["unembedding.weight"].T, c.logit_cap)

    def block(self, x: Doubles, layer: int) -> Doubles:
        name, norms = f"blocks.{layer}", self.config.block_norms
        read = x if norms == "after" else self.norm(x, f"{name}.attention_norm")
        added = self.attention(read, layer)
        middle = x + (added if norms == "before" else self.norm(added, f"{name}.attention_out_norm"))
        read = x if self.config.parallel else middle
        added = self.mlp(read if norms == "after" else self.norm(read, f"{name}.mlp_norm"), layer)
        return middle + (added if norms == "before" else self.norm(added, f"{name}.mlp_out_norm"))

    def norm(self, x: Doubles, name: str) -> Doubles:
        if self.config.norm == "layer":
            x = x - x.mean(-1, keepdims=True)
        y = x / np.sqrt((x * x).mean(-1, keepdims=True) + self.config.norm_epsilon)
        return y * self.w.get(f"{name}.weight", 1.0) + self.w.get(f"{name}.bias", 0.0)

    def linear(self, x: Doubles, name: str) -> Doubles:
        return x @ self.w[f"{name}.weight"].T + self.w.get(f"{name}.bias", 0.0)

    def attention(self, x: Doubles, layer: int) -> Doubles:
        c, name, T = self.config, f"blocks.{layer}.attention", len(x)
        H, G, K = c.n_heads, c.n_kv_heads, c.head_width
        q, k, v = np.split(self.linear(x, f"{name}.qkv"), [H * K, (H + G) * K], axis=-1)
        if c.qk_norm and c.qk_norm_over == "all_heads":
            q, k = self.norm(q, f"{name}.q_norm"), self.norm(k, f"{name}.k_norm")
        q, k, v = q.reshape(T, H, K), k.reshape(T, G, K), v.reshape(T, G, K)
        if c.qk_norm and c.qk_norm_over == "head":
            q, k = self.norm(q, f"{name}.q_norm"), self.norm(k, f"{name}.k_norm")
        q, k = (np.stack([self.rotated(part[t], t, layer, T) for t in range(T)]) for part in (q, k))
        window = c.windows[layer] if c.windows else 0
        scores, weights, heads = np.full((H, T, T), -np.inf), np.zeros((H, T, T)), np.zeros((T, H, K))
        for h in range(H):
            g = h // (H // G)
            for t in range(T):
                for s in range(max(0, t + 1 - window) if window else 0, t + 1):
                    scores[h, t, s] = capped(q[t, h] @ k[s, g] * (c.score_scale or 1 / math.sqrt(K)), c.score_cap)
                shares = np.exp(scores[h, t] - scores[h, t].max())
                weights[h, t] = shares / shares.sum()
                heads[t, h] = weights[h, t] @ v[:, g]
        self.inputs.append(x)
        self.queries.append(q)
        self.keys.append(k)
        self.values.append(v)
        self.scores.append(scores)
        self.weights.append(weights)
        self.heads.append(heads)
        return self.linear(heads.reshape(T, H * K), f"{name}.out")

    def rotated(self, x_HK: Doubles, position: int, layer: int, length: int) -> Doubles:
        """Rotate pairs of each head's first features as complex numbers, by multiplying them by e^(i·angle)."""
        c = self.config
        if c.positions == "learned" or layer in c.unrotated_layers:
            return x_HK
        width = c.rotary_width or c.head_width
        local = bool(c.local_rope_theta and c.windows and c.windows[layer])
        theta, scaling = (c.local_rope_theta, None) if local else (c.rope_theta, c.rope_scaling)
        frequencies = [frequency(pair, width, theta, scaling, length) for pair in range(width // 2)]
        factor = scaling.attention_factor if scaling else 1.0
        turned, kept = x_HK[:, :width], x_HK[:, width:]
        z = (turned[:, : width // 2] + 1j * turned[:, width // 2 :]) * np.exp(1j * position * np.array(frequencies))
        return np.concatenate((factor * z.real, factor * z.imag, kept), axis=1)

    def mlp(self, x: Doubles, layer: int) -> Doubles:
        up = self.linear(x, f"blocks.{layer}.mlp.up")
        if self.config.activation in ("swiglu", "geglu"):
            gate, value = np.split(up, 2, axis=-1)
            features = (silu(gate) if self.config.activation == "swiglu" else gelu(gate)) * value
        elif self.config.activation == "gelu":
            features = gelu(up)
        elif self.config.activation == "gelu_exact":
            features = 0.5 * up * (1 + np.vectorize(math.erf)(up / math.sqrt(2)))
        elif self.config.activation == "relu":
            features = np.maximum(up, 0)
        else:
            features = np.maximum(up, 0) ** 2
        self.features.append(features)
        return self.linear(features, f"blocks.{layer}.mlp.down")


def frequency(pair: int, width: int, theta: float, scaling: RopeScaling | None, length: int) -> float:
    """Return the angle between two positions, in radians, of one pair of the rotated features."""
    plain = float(theta ** (-2 * pair / width))
    if scaling is None:
        return plain
    if scaling.kind == "linear":
        return plain / scaling.factor
    if scaling.kind == "longrope":
        factors = scaling.long_factors if length > scaling.original_context else scaling.short_factors
        return plain / factors[pair]
    if scaling.kind == "llama3":
        turns = scaling.original_context * plain / (2 * math.pi)
        share = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    else:  # YaRN: the indices of the pairs that make beta_fast and beta_slow turns in the original context
        first, last = (
            width / 2 * math.log(scaling.original_context / (2 * math.pi * turns), theta)
            for turns in (scaling.beta_fast, scaling.beta_slow)
        )
        if scaling.truncate:
            first, last = math.floor(first), math.ceil(last)
        first, last = max(first, 0), min(last, width - 1)
        share = (last - pair) / (last - first)
    share = min(max(share, 0.0), 1.0)
    return share * plain + (1 - share) * plain / scaling.factor


def capped(x: Doubles, cap: float) -> Doubles:
    return cap * np.tanh(x / cap) if cap else x


def silu(x: Doubles) -> Doubles:
    return x / (1 + np.exp(-x))


def gelu(x: Doubles) -> Doubles:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
