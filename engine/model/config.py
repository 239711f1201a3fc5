"""The configuration of a model: one dataclass, stored as config.json."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from engine.errors import EngineError

MOST_LAYERS = 200
LARGEST = 20_000_000_000  # parameters; larger models do not fit the memory of a laptop


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """Scaling of the rotary frequencies for a context longer than that of pre-training; see rotary.py."""

    kind: Literal["linear", "llama3", "yarn", "longrope"]
    factor: float
    low_freq_factor: float = 1.0  # this and the next: only for llama3
    high_freq_factor: float = 4.0
    original_context: int = 8192  # not for linear
    attention_factor: float = 1.0  # multiplies cosine and sine; this and the next three: for yarn
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True
    short_factors: tuple[float, ...] = ()  # longrope: divisors of the frequencies for texts up to original_context
    long_factors: tuple[float, ...] = ()  # and for longer texts

    def is_long(self, length: int) -> bool:
        """Return whether a text of `length` tokens is rotated with the long factors."""
        return self.kind == "longrope" and length > self.original_context


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A model's hyperparameters. The defaults are the GPT that Nakami trains; families.py has those of others."""

    vocabulary: int
    n_layers: int = 4
    n_heads: int = 4
    n_kv_heads: int = 4  # fewer than n_heads: grouped-query attention
    width: int = 128
    head_width: int = 32
    mlp_width: int = 512
    context: int = 64
    positions: Literal["rotary", "learned"] = "rotary"
    rope_theta: float = 10_000.0
    local_rope_theta: float = 0.0  # for layers with a window, which are then not scaled; 0: the same as for the others
    rope_scaling: RopeScaling | None = None
    rotary_width: int = 0  # features of a head that are rotated, the first ones; 0: all
    unrotated_layers: tuple[int, ...] = ()  # indices of layers without positions
    windows: tuple[int, ...] = ()  # per layer: number of keys that a query sees, its own included; 0 or (): all
    norm: Literal["rms", "layer"] = "rms"
    norm_gains: bool = False
    norm_epsilon: float = 1e-6
    block_norms: Literal["before", "after", "both"] = "before"  # where attention and MLP are normalised
    embedding_norm: bool = True  # the residual stream starts with unit scale
    embedding_scale: float = 1.0
    qk_norm: bool = True
    qk_norm_over: Literal["head", "all_heads"] = "head"
    score_scale: float = 0.0  # factor of q·k; 0: 1 / sqrt(head_width)
    score_cap: float = 0.0  # soft cap of the scores, cap · tanh(score / cap); 0: none
    logit_cap: float = 0.0
    parallel: bool = False  # the MLP reads what attention reads, not its result
    activation: Literal["relu2", "relu", "gelu", "gelu_exact", "swiglu", "geglu"] = "relu2"
    qkv_biases: bool = False
    out_biases: bool = False  # biases of attention's output projection
    mlp_biases: bool = False
    norm_biases: bool = False
    tied_head: bool = False
    stop_ids: tuple[int, ...] = ()  # tokens that end a text
    family: str = "nakami"

    def check(self) -> None:
        """Check all values. Raises EngineError: error.config_range, error.heads_divide, error.model_too_large."""
        limits = {
            "vocabulary": (1, 1_000_000),
            "n_layers": (1, MOST_LAYERS),
            "n_heads": (1, 256),
            "n_kv_heads": (1, 256),
            "width": (1, 32_768),
            "head_width": (1, 1024),
            "rotary_width": (0, 1024),
            "mlp_width": (1, 262_144),
            "context": (1, 1_048_576),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise EngineError("error.config_range", setting=name, value=str(value), least=least, most=most)
        if self.n_heads % self.n_kv_heads:
            raise EngineError("error.heads_divide", heads=self.n_heads, width=self.n_kv_heads)
        self._check_rotation()
        if self.windows and len(self.windows) != self.n_layers:
            raise EngineError("error.config_choice", setting="windows", value=len(self.windows), known=self.n_layers)
        if any(index >= self.n_layers for index in self.unrotated_layers):
            most = self.n_layers - 1
            raise EngineError("error.config_range", setting="unrotated_layers", value=most + 1, least=0, most=most)
        if self.parameters() > LARGEST:
            raise EngineError("error.model_too_large", parameters=f"{self.parameters():,}", most=f"{LARGEST:,}")

    def _check_rotation(self) -> None:
        rotated = self.rotated_features
        pairs = (rotated + 1) // 2
        if self.positions == "rotary" and not 0 < 2 * pairs <= self.head_width:
            setting = "rotary_width" if self.rotary_width else "head_width"
            raise EngineError("error.config_range", setting=setting, value=rotated, least=2, most=self.head_width)
        scaling = self.rope_scaling
        if scaling and scaling.kind == "yarn" and self.rope_theta <= 1:
            raise EngineError("error.config_range", setting="rope_theta", value=self.rope_theta, least=1, most="∞")
        if scaling and scaling.kind == "llama3" and scaling.high_freq_factor <= scaling.low_freq_factor:
            low, high = scaling.low_freq_factor, scaling.high_freq_factor
            raise EngineError("error.config_range", setting="high_freq_factor", value=high, least=low, most="∞")
        if scaling and scaling.kind == "longrope":
            for name, factors in (("short_factors", scaling.short_factors), ("long_factors", scaling.long_factors)):
                if len(factors) != pairs:
                    raise EngineError("error.config_choice", setting=name, value=len(factors), known=pairs)

    @property
    def rotated_features(self) -> int:
        """Number of features of a head that rotary positions rotate."""
        return self.rotary_width or self.head_width

    @property
    def layer_windows(self) -> tuple[int, ...]:
        """Each layer's window, 0 where there is none."""
        return self.windows or (0,) * self.n_layers

    @property
    def gated(self) -> bool:
        """True if the MLP multiplies its activations by a second projection (Shazeer 2020, arXiv:2002.05202)."""
        return self.activation in ("swiglu", "geglu")

    def is_long(self, length: int) -> bool:
        """Return whether a text of `length` tokens has other rotary frequencies than a short one."""
        return self.rope_scaling is not None and self.rope_scaling.is_long(length)

    def parameters(self) -> int:
        """Return the number of parameters."""
        heads, keys = self.n_heads * self.head_width, self.n_kv_heads * self.head_width
        norm = self.width * (int(self.norm_gains) + int(self.norm_gains and self.norm_biases))
        qkv = (self.width + int(self.qkv_biases)) * (heads + 2 * keys)
        out = (heads + int(self.out_biases)) * self.width
        up = (self.width + int(self.mlp_biases)) * self.mlp_width * (2 if self.gated else 1)
        down = (self.mlp_width + int(self.mlp_biases)) * self.width
        qk_norms = 2 * self.head_width if self.qk_norm_over == "head" else heads + keys
        qk_norms *= int(self.qk_norm and self.norm_gains)
        norms = norm * (4 if self.block_norms == "both" else 2) + qk_norms
        blocks = self.n_layers * (qkv + out + up + down + norms)
        embedding = self.vocabulary * self.width * (1 if self.tied_head else 2)
        positions = self.context * self.width if self.positions == "learned" else 0
        return blocks + embedding + positions + norm * (2 if self.embedding_norm else 1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ModelConfig":
        """Return the config of a JSON file. Raises as `check`, and error.config_choice for an unknown choice."""
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        choices: dict[str, tuple[Any, ...]] = {
            "positions": ("rotary", "learned"),
            "norm": ("rms", "layer"),
            "block_norms": ("before", "after", "both"),
            "qk_norm_over": ("head", "all_heads"),
            "activation": ("relu2", "relu", "gelu", "gelu_exact", "swiglu", "geglu"),
        } | {f.name: (True, False) for f in fields(cls) if f.type is bool}
        for name, allowed in choices.items():
            if known.get(name, allowed[0]) not in allowed:
                choice = ", ".join(map(str, allowed))
                raise EngineError("error.config_choice", setting=name, value=str(known[name]), known=choice)
        for f in fields(cls):
            value = known.get(f.name, f.default)
            if f.type is float and not (isinstance(value, (int, float)) and value >= 0 and (value or not f.default)):
                raise EngineError("error.config_range", setting=f.name, value=str(value), least=0, most="∞")
        if "vocabulary" not in known:
            raise EngineError("error.config_range", setting="vocabulary", value="–", least=1, most=1_000_000)
        for name in ("windows", "stop_ids", "unrotated_layers"):
            known[name] = _numbers(name, known.get(name) or ())
        known["rope_scaling"] = _scaling(known.get("rope_scaling"))
        config = cls(**known)
        config.check()
        return config


def _numbers(name: str, values: Any) -> tuple[int, ...]:
    if not isinstance(values, (list, tuple)) or not all(type(n) is int and n >= 0 for n in values):
        raise EngineError("error.config_range", setting=name, value=str(values), least=0, most="∞")
    return tuple(values)


def _scaling(values: Any) -> RopeScaling | None:
    if values is None:
        return None
    kinds = ("linear", "llama3", "yarn", "longrope")
    unknown = EngineError("error.config_choice", setting="rope_scaling", value=str(values)[:80], known=", ".join(kinds))
    try:
        scaling = RopeScaling(**values)
        short, long = tuple(scaling.short_factors), tuple(scaling.long_factors)
    except TypeError as error:
        raise unknown from error
    named = [getattr(scaling, f.name) for f in fields(RopeScaling) if f.type in (int, float)]
    if scaling.kind not in kinds or not all(isinstance(n, (int, float)) and n > 0 for n in (*named, *short, *long)):
        raise unknown
    return replace(scaling, short_factors=short, long_factors=long)
