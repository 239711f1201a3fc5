"""A decoder-only transformer, from token IDs to logits, in the order of the mathematics.

Vaswani et al. 2017 (arXiv:1706.03762) in the form that small models take today: the norm before
each part (Xiong et al. 2020, arXiv:2002.04745), rotary positions (Su et al. 2021, arXiv:2104.09864),
RMSNorm (Zhang and Sennrich 2019, arXiv:1910.07467), normalised queries and keys (Henry et al. 2020,
arXiv:2010.04245) and ReLU² (So et al. 2021, arXiv:2109.08668). ModelConfig chooses among the variants.

Suffixes give the shapes:
    B batch   T input tokens   S keys (cached ones and T)   V vocabulary
    D width   H heads   G key/value heads (G = H without grouping)   K head width   M width of the MLP
    P those of the T tokens that are recorded
"""

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.model.cache import Known, KVCache, LayerCache
from engine.model.config import ModelConfig
from engine.model.derivatives import relu_squared, rms_norm, rotate
from engine.model.linear import Linear
from engine.model.rotary import Rotary, Rotation
from engine.model.tape import NO_TAPE, Tape


class Transformer(nn.Module):
    """logits_BTV = model(ids_BT): for every position the unnormalised log-probability of each next token."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        config.check()
        self.config = config
        self.embedding = _table(config.vocabulary, config.width)
        if config.positions == "learned":
            self.positions = _table(config.context, config.width)
        else:
            self.rotary = Rotary(config)
            if config.local_rope_theta:
                self.local_rotary = Rotary(config, local=True)
        self.embedding_norm = Norm(config, config.width) if config.embedding_norm else nn.Identity()
        self.blocks = nn.ModuleList(Block(config, i) for i in range(config.n_layers))
        self.final_norm = Norm(config, config.width)
        self.unembedding = Linear(config.width, config.vocabulary, bias=False)
        if config.tied_head:
            self.unembedding.weight = self.embedding.weight
        self.initialize()

    def forward(
        self, ids_BT: Tensor, cache: KVCache | None = None, tape: Tape = NO_TAPE, only_last: bool = False
    ) -> Tensor:
        """Return the logits of T tokens, which continue those in the cache and are added to it.

        With `only_last` they are those of the last token, [B 1 V]: with a large vocabulary, logits take long.
        A cache of short texts does not serve a long one, where `config.is_long` tells them apart.
        Raises ValueError if the tokens, with those in the cache, do not fit the context.
        """
        x_BTD, rotations = self._embed(ids_BT, cache.length if cache else 0, tape)
        T = ids_BT.shape[1]
        if cache:
            cache.reserve(cache.length + T)
        for index, block in enumerate(self.blocks):
            x_BTD = block(x_BTD, rotations[index], cache.layer(index, T) if cache else None, tape)
        if cache:
            cache.length += T
        return self._unembed(x_BTD[:, -1:] if only_last else x_BTD, tape)

    def resume(self, x_BTD: Tensor, first: int, tape: Tape, before: Sequence[Known] = ()) -> Tensor:
        """Return the last residual stream, given the one that enters block `first`.

        `before` are the keys and values, of the blocks from `first` on, of the tokens before those of `x_BTD`.
        """
        rotations = self._rotations(before[0].length if before else 0, x_BTD.shape[1])
        for index in range(first, len(self.blocks)):
            x_BTD = self.blocks[index](x_BTD, rotations[index], before[index - first] if before else None, tape)
        return x_BTD

    def residual(self, ids_BT: Tensor) -> Tensor:
        """Return the last residual stream of whole texts; `decode` gives the logits of any of its tokens."""
        return self.resume(self._embed(ids_BT, 0, NO_TAPE)[0], 0, NO_TAPE)

    def decode(self, x: Tensor) -> Tensor:
        """Return the logits [... V] of a residual stream [... D]."""
        return self._unembed(x, NO_TAPE)

    def new_cache(self, batch: int = 1) -> KVCache:
        """Return an empty cache for this model."""
        like = self.embedding(torch.zeros(1, dtype=torch.long, device=self.device))
        return KVCache(self.config, like, batch)

    @property
    def device(self) -> torch.device:
        """Return the device that the weights are on."""
        device: torch.device = self.embedding.weight.device
        return device

    def record(self, ids_BT: Tensor, tape: Tape) -> None:
        """Compute what the tape wants, and nothing that comes after it."""
        for _ in self.walk(ids_BT, tape):
            pass

    def walk(self, ids_BT: Tensor, tape: Tape) -> Iterator[int]:
        """Record block by block; yield each block's index once its activations are on the tape."""
        return self._walk(ids_BT, tape) if tape.gradients else self._walk_without_gradients(ids_BT, tape)

    def _walk(self, ids_BT: Tensor, tape: Tape) -> Iterator[int]:
        x_BTD, rotations = self._embed(ids_BT, 0, tape)
        for index, block in enumerate(self.blocks):
            if tape.complete:
                return
            x_BTD = block(x_BTD, rotations[index], None, tape)
            yield index
        if tape.changes("ln_final", "logits"):
            self._unembed(x_BTD, tape)
        elif not tape.complete:  # only for the tokens that are kept: with a large vocabulary, logits take long
            x_BPD = self.final_norm(x_BTD[:, tape.positions])
            tape.keep("ln_final", x_BPD)
            if tape.wants("logits"):
                tape.keep("logits", soft_cap(self.unembedding(x_BPD), self.config.logit_cap))

    _walk_without_gradients = torch.no_grad()(_walk)

    def _embed(self, ids_BT: Tensor, start: int, tape: Tape) -> tuple[Tensor, list[Rotation | None]]:
        """Return the first residual stream, and each layer's rotation of positions `start` to start + T."""
        T = ids_BT.shape[1]
        if start + T > self.config.context:
            raise ValueError(f"{start + T} tokens do not fit a context of {self.config.context}")
        tape.begin(ids_BT, start)
        x_BTD = tape.through("embed", self.embedding(ids_BT))
        if self.config.embedding_scale != 1.0:
            x_BTD = x_BTD * self.config.embedding_scale
        if self.config.positions == "learned":
            x_BTD = x_BTD + self.positions.weight[start : start + T]
        return self.embedding_norm(x_BTD), self._rotations(start, T)

    def _rotations(self, start: int, T: int) -> list[Rotation | None]:
        config = self.config
        if config.positions == "learned":
            return [None] * config.n_layers
        rotation: Rotation = self.rotary(start, T)
        local: Rotation = self.local_rotary(start, T) if config.local_rope_theta else rotation
        rotations: list[Rotation | None] = [local if window else rotation for window in config.layer_windows]
        for index in config.unrotated_layers:
            rotations[index] = None
        return rotations

    def _unembed(self, x_BTD: Tensor, tape: Tape) -> Tensor:
        x_BTD = tape.through("ln_final", self.final_norm(x_BTD))
        return tape.through("logits", soft_cap(self.unembedding(x_BTD), self.config.logit_cap))

    @torch.no_grad()
    def initialize(self) -> None:
        """Draw random weights; the unembedding and the projections to the residual stream start at zero.

        At the start each block is the identity, and all tokens have the same probability.
        """
        for name, parameter in self.named_parameters():
            if parameter.ndim < 2 or parameter.is_meta:  # a meta parameter will be replaced by a loaded one
                continue  # norms keep gains of one and biases of zero
            if name.endswith(("attention.out.weight", "mlp.down.weight")) or name == "unembedding.weight":
                parameter.zero_()
            elif name.startswith(("embedding", "positions")):
                parameter.normal_(0.0, 0.02 if self.config.tied_head else 1.0)
            else:
                parameter.normal_(0.0, 0.5 / math.sqrt(parameter.shape[1]))


def _table(rows: int, width: int) -> nn.Embedding:
    """Return an uninitialised embedding: nn.Embedding's own initialisation takes 5 s for large vocabularies."""
    empty_RD = torch.empty(rows, width)
    table: nn.Embedding = nn.Embedding.from_pretrained(empty_RD, freeze=False)
    return table


class Block(nn.Module):
    """Attention moves information between tokens, the MLP transforms each one; both add to the residual stream.

    Most families normalise what the two read, OLMo 2 what they add, and Gemma both. In a parallel block
    (Wang and Komatsuzaki 2021, GPT-J) the MLP does not read what attention has added.
    """

    def __init__(self, config: ModelConfig, index: int) -> None:
        super().__init__()
        self.name, self.parallel = f"blocks.{index}", config.parallel
        before, after = config.block_norms != "after", config.block_norms != "before"
        self.attention_norm = Norm(config, config.width) if before else nn.Identity()
        self.attention = Attention(config, index)
        self.attention_out_norm = Norm(config, config.width) if after else nn.Identity()
        self.mlp_norm = Norm(config, config.width) if before else nn.Identity()
        self.mlp = MLP(config, f"{self.name}.mlp")
        self.mlp_out_norm = Norm(config, config.width) if after else nn.Identity()

    def forward(self, x_BTD: Tensor, rotation: Rotation | None, cache: LayerCache | Known | None, tape: Tape) -> Tensor:
        name = self.name
        x_BTD = tape.through(f"{name}.resid_pre", x_BTD)
        normed_BTD = tape.through(f"{name}.ln1", self.attention_norm(x_BTD))
        out_BTD = self.attention_out_norm(self.attention(normed_BTD, rotation, cache, tape))
        mid_BTD = x_BTD + tape.through(f"{name}.attn_out", out_BTD)
        mid_BTD = tape.through(f"{name}.resid_mid", mid_BTD)
        normed_BTD = tape.through(f"{name}.ln2", self.mlp_norm(x_BTD if self.parallel else mid_BTD))
        out_BTD = self.mlp_out_norm(self.mlp(normed_BTD, tape))
        x_BTD = mid_BTD + tape.through(f"{name}.mlp_out", out_BTD)
        return tape.through(f"{name}.resid_post", x_BTD)


class Attention(nn.Module):
    """Causal attention: a query is compared with the keys up to its own, which weight the mean of their values."""

    def __init__(self, config: ModelConfig, index: int) -> None:
        super().__init__()
        self.name = f"blocks.{index}.attn"
        self.H, self.G, self.K = config.n_heads, config.n_kv_heads, config.head_width
        self.window, self.cap = config.layer_windows[index], config.score_cap
        self.scale = config.score_scale or self.K**-0.5
        self.qkv = Linear(config.width, (self.H + 2 * self.G) * self.K, bias=config.qkv_biases)
        self.over_all_heads = config.qk_norm_over == "all_heads"
        q_width, k_width = (self.H * self.K, self.G * self.K) if self.over_all_heads else (self.K, self.K)
        self.q_norm = Norm(config, q_width) if config.qk_norm else nn.Identity()
        self.k_norm = Norm(config, k_width) if config.qk_norm else nn.Identity()
        self.out = Linear(self.H * self.K, config.width, bias=config.out_biases)

    def forward(self, x_BTD: Tensor, rotation: Rotation | None, cache: LayerCache | Known | None, tape: Tape) -> Tensor:
        B, T, _ = x_BTD.shape
        qkv = self.qkv(x_BTD).view(B, T, self.H + 2 * self.G, self.K)
        qk, v_BTGK = qkv.split((self.H + self.G, self.G), dim=2)
        qk = self._normalise(qk)
        if rotation is not None:
            qk = rotate(qk, *rotation)
        q_BTHK, k_BTGK = qk.split((self.H, self.G), dim=2)
        q_BHTK = tape.through(f"{self.name}.q", q_BTHK).transpose(1, 2)
        k_BGSK = tape.through(f"{self.name}.k", k_BTGK).transpose(1, 2)
        v_BGSK = tape.through(f"{self.name}.v", v_BTGK).transpose(1, 2)
        if cache is not None:
            k_BGSK, v_BGSK = cache.extend(k_BGSK, v_BGSK)
        z_BHTK = self._attend(q_BHTK, k_BGSK, v_BGSK, tape)
        z_BTHK = tape.through(f"{self.name}.z", z_BHTK.transpose(1, 2))
        return self._project(z_BTHK, tape)

    def _normalise(self, qk: Tensor) -> Tensor:
        """Normalise each head's queries and keys, as one tensor where they share the norm, or those of all heads."""
        if not self.over_all_heads and getattr(self.q_norm, "weight", None) is None:
            normed: Tensor = self.q_norm(qk)
            return normed
        q_BTHK, k_BTGK = qk.split((self.H, self.G), dim=2)
        if self.over_all_heads:
            q_BTHK = self.q_norm(q_BTHK.flatten(2)).view(q_BTHK.shape)
            k_BTGK = self.k_norm(k_BTGK.flatten(2)).view(k_BTGK.shape)
        else:
            q_BTHK, k_BTGK = self.q_norm(q_BTHK), self.k_norm(k_BTGK)
        return torch.cat((q_BTHK, k_BTGK), dim=2)

    def _attend(self, q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, tape: Tape) -> Tensor:
        """Return z = softmax(scores) · v, fused where the tape needs neither the scores nor the pattern."""
        scores, pattern = f"{self.name}.scores", f"{self.name}.pattern"
        changed = tape.changes(scores, pattern)
        if not changed and not tape.wants(scores, pattern):
            return self._attend_fast(q_BHTK, k_BGSK, v_BGSK)
        T, S = q_BHTK.shape[2], k_BGSK.shape[2]
        seen = range(S - T + 1, S + 1)  # the number of keys up to each query, its own included
        if changed or tape.gradients:
            scores_BHTS = tape.through(scores, self.scores(q_BHTK, k_BGSK))
            hidden_TS = ~visible(seen, S, self.window, q_BHTK.device)
            pattern_BHTS = tape.through(pattern, scores_BHTS.masked_fill(hidden_TS, -math.inf).softmax(dim=-1))
            return pattern_BHTS @ per_head(v_BGSK, self.H)
        q_BHPK, seen = q_BHTK[:, :, tape.positions], seen[tape.positions]
        if tape.wants(scores):
            tape.keep(scores, self.scores(q_BHPK, k_BGSK))
        if tape.wants(pattern):
            pattern_BHPS = q_BHPK.new_zeros(*q_BHPK.shape[:3], S)
            z_BHPK = self._attend_in_steps(q_BHPK, k_BGSK, v_BGSK, seen, pattern_BHPS)
            tape.keep(pattern, pattern_BHPS)
            if len(seen) == T:
                return z_BHPK
        return self._attend_fast(q_BHTK, k_BGSK, v_BGSK)

    def scores(self, q_BHPK: Tensor, k_BGSK: Tensor) -> Tensor:
        """Return q·k / sqrt(K) for P queries, or with the model's own scale and cap, [B H P S]."""
        return soft_cap(self.scale * q_BHPK @ per_head(k_BGSK, self.H).transpose(-2, -1), self.cap)

    def _attend_fast(self, q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor) -> Tensor:
        """Return z for all tokens by torch's fused kernel, which stores no pattern but has no soft cap."""
        T, S, window = q_BHTK.shape[2], k_BGSK.shape[2], self.window
        if self.cap:
            return self._attend_in_steps(q_BHTK, k_BGSK, v_BGSK, range(S - T + 1, S + 1))
        if T == 1 and window:
            k_BGSK, v_BGSK = k_BGSK[:, :, -window:], v_BGSK[:, :, -window:]
        mask_TS = None  # a single new token sees all keys
        if T > 1 and (T < S or 0 < window < S):
            mask_TS = visible(range(S - T + 1, S + 1), S, window, q_BHTK.device)
        causal, grouped = T > 1 and mask_TS is None, self.H != self.G
        return F.scaled_dot_product_attention(
            q_BHTK, k_BGSK, v_BGSK, mask_TS, is_causal=causal, scale=self.scale, enable_gqa=grouped
        )

    def _attend_in_steps(
        self, q_BHPK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, seen: range, into_BHPS: Tensor | None = None
    ) -> Tensor:
        """Return z of P queries, [B H P K], and write the attention pattern to `into`, which contains zeros.

        Query p sees the first seen[p] keys. ROWS queries are computed at a time, against no more keys than
        the last of them sees: that halves the work, and the scores stay in the processor's cache.
        """
        k_BHSK, v_BHSK, z = per_head(k_BGSK, self.H), per_head(v_BGSK, self.H), []
        for first in range(0, len(seen), ROWS):
            rows = slice(first, min(first + ROWS, len(seen)))
            most = seen[rows][-1]
            scores = self.scores(q_BHPK[:, :, rows], k_BHSK[:, :, :most])
            hidden = ~visible(seen[rows], most, self.window, q_BHPK.device)
            pattern = scores.masked_fill_(hidden, -math.inf).softmax(dim=-1)
            if into_BHPS is not None:
                into_BHPS[:, :, rows, :most] = pattern
            z.append(pattern @ v_BHSK[:, :, :most])
        return torch.cat(z, dim=2)

    def _project(self, z_BTHK: Tensor, tape: Tape) -> Tensor:
        """Return W_O · z of all heads; head by head only where the tape needs each head's part."""
        result = f"{self.name}.result"
        if not tape.wants(result) and not tape.changes(result):
            projected_BTD: Tensor = self.out(z_BTHK.flatten(2))
            return projected_BTD
        out_DHK = self.out.weight.view(-1, self.H, self.K)
        result_BTHD = tape.through(result, torch.einsum("bthk,dhk->bthd", z_BTHK, out_DHK))
        out_BTD = result_BTHD.sum(dim=2)
        return out_BTD if self.out.bias is None else out_BTD + self.out.bias


def soft_cap(x: Tensor, cap: float) -> Tensor:
    """Return cap · tanh(x / cap), which is nearly x for small x and stays below the cap; 0: x itself."""
    return x if not cap else cap * torch.tanh(x / cap)


def per_head(x_BGSK: Tensor, H: int) -> Tensor:
    """Repeat keys or values for the H / G heads that share them."""
    G = x_BGSK.shape[1]
    return x_BGSK if G == H else x_BGSK.repeat_interleave(H // G, dim=1)


ROWS = 128


def visible(seen: range, S: int, window: int, device: torch.device) -> Tensor:
    """Return [P S]: whether query p sees key s, that is one of the first seen[p] keys, or of their last `window`."""
    keys_S = torch.arange(S, device=device)
    seen_P1 = torch.arange(seen.start, seen.stop, seen.step, device=device).unsqueeze(1)
    mask_PS = keys_S < seen_P1
    return mask_PS & (keys_S >= seen_P1 - window) if window else mask_PS


class MLP(nn.Module):
    """Maps each token by itself to M features, applies the activation function, and maps them back to D."""

    def __init__(self, config: ModelConfig, name: str) -> None:
        super().__init__()
        self.name = name
        self.activation = config.activation
        self.gated = config.gated
        self.up = Linear(config.width, config.mlp_width * (2 if self.gated else 1), bias=config.mlp_biases)
        self.down = Linear(config.mlp_width, config.width, bias=config.mlp_biases)

    def forward(self, x_BTD: Tensor, tape: Tape) -> Tensor:
        pre_BTM = self.up(x_BTD)
        if self.gated:  # SwiGLU, GeGLU (Shazeer 2020, arXiv:2002.05202)
            gate_BTM, value_BTM = pre_BTM.chunk(2, dim=-1)
            post_BTM = self._activate(tape.through(f"{self.name}.pre", gate_BTM)) * value_BTM
        else:
            post_BTM = self._activate(tape.through(f"{self.name}.pre", pre_BTM))
        out_BTD: Tensor = self.down(tape.through(f"{self.name}.post", post_BTM))
        return out_BTD

    def _activate(self, x: Tensor) -> Tensor:
        if self.activation == "relu2":
            return relu_squared(x)
        if self.activation == "relu":
            return F.relu(x)
        if self.activation == "swiglu":
            return F.silu(x)
        # GPT-2 and Gemma were trained with the tanh form of GELU.
        return F.gelu(x, approximate="none" if self.activation == "gelu_exact" else "tanh")


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
