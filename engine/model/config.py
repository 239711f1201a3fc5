"""The configuration of a model: one dataclass, stored as config.json."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from engine.errors import EngineError

LARGEST = 20_000_000_000  # parameters; larger models do not fit the memory of a laptop


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """Scaling of the rotary frequencies for a context longer than that of pre-training."""

    kind: Literal["linear", "llama3"]
    factor: float
    low_freq_factor: float = 1.0  # this and the next two: only for llama3
    high_freq_factor: float = 4.0
    original_context: int = 8192


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A model's hyperparameters. The defaults are the GPT that Nakami trains; GPT-2, Llama, Mistral, Qwen fit too."""

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
    norm: Literal["rms", "layer"] = "rms"
    norm_gains: bool = False
    norm_epsilon: float = 1e-6
    embedding_norm: bool = True  # the residual stream starts with unit scale
    qk_norm: bool = True
    activation: Literal["relu2", "relu", "gelu", "gelu_exact", "swiglu"] = "relu2"
    qkv_biases: bool = False
    out_biases: bool = False  # biases of attention's output projection
    mlp_biases: bool = False
    norm_biases: bool = False
    tied_head: bool = False
    rope_scaling: RopeScaling | None = None
    windows: tuple[int, ...] = ()  # per layer: number of keys that a query sees, its own included; 0 or (): all
    stop_ids: tuple[int, ...] = ()  # tokens that end a text
    family: str = "nakami"

    def check(self) -> None:
        """Check all values. Raises EngineError: error.config_range, error.heads_divide, error.model_too_large."""
        limits = {
            "vocabulary": (1, 1_000_000),
            "n_layers": (1, 200),
            "n_heads": (1, 256),
            "n_kv_heads": (1, 256),
            "width": (1, 32_768),
            "head_width": (1, 1024),
            "mlp_width": (1, 262_144),
            "context": (1, 1_048_576),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise EngineError("error.config_range", setting=name, value=str(value), least=least, most=most)
        if self.n_heads % self.n_kv_heads:
            raise EngineError("error.heads_divide", heads=self.n_heads, width=self.n_kv_heads)
        if self.positions == "rotary" and self.head_width % 2:
            raise EngineError("error.config_range", setting="head_width", value=self.head_width, least=2, most=1024)
        if self.windows and len(self.windows) != self.n_layers:
            raise EngineError("error.config_choice", setting="windows", value=len(self.windows), known=self.n_layers)
        if self.parameters() > LARGEST:
            raise EngineError("error.model_too_large", parameters=f"{self.parameters():,}", most=f"{LARGEST:,}")

    def parameters(self) -> int:
        """Return the number of parameters."""
        heads, keys = self.n_heads * self.head_width, self.n_kv_heads * self.head_width
        norm = self.width * (int(self.norm_gains) + int(self.norm_gains and self.norm_biases))
        qkv = (self.width + int(self.qkv_biases)) * (heads + 2 * keys)
        out = (heads + int(self.out_biases)) * self.width
        up = (self.width + int(self.mlp_biases)) * self.mlp_width * (2 if self.activation == "swiglu" else 1)
        down = (self.mlp_width + int(self.mlp_biases)) * self.width
        qk_norms = 2 * self.head_width if self.qk_norm and self.norm_gains else 0
        blocks = self.n_layers * (qkv + out + up + down + 2 * norm + qk_norms)
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
            "activation": ("relu2", "relu", "gelu", "gelu_exact", "swiglu"),
        } | {f.name: (True, False) for f in fields(cls) if f.type is bool}
        for name, allowed in choices.items():
            if known.get(name, allowed[0]) not in allowed:
                choice = ", ".join(map(str, allowed))
                raise EngineError("error.config_choice", setting=name, value=str(known[name]), known=choice)
        for name in ("rope_theta", "norm_epsilon"):
            if name in known and not (isinstance(known[name], (int, float)) and known[name] > 0):
                raise EngineError("error.config_range", setting=name, value=str(known[name]), least=0, most="∞")
        if "vocabulary" not in known:
            raise EngineError("error.config_range", setting="vocabulary", value="–", least=1, most=1_000_000)
        for name in ("windows", "stop_ids"):
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
    unknown = EngineError("error.config_choice", setting="rope_scaling", value=str(values), known="linear, llama3")
    try:
        scaling = RopeScaling(**values)
    except TypeError as error:
        raise unknown from error
    numbers = (scaling.factor, scaling.low_freq_factor, scaling.high_freq_factor, scaling.original_context)
    if scaling.kind not in ("linear", "llama3") or not all(isinstance(n, (int, float)) and n > 0 for n in numbers):
        raise unknown
    return scaling
