"""Saving a model for other programs."""

from dataclasses import dataclass
from typing import Literal

from engine.messages.envelope import Request
from engine.messages.status import Progress


@dataclass(frozen=True, slots=True)
class SavedModel:
    path: str
    family: str  # model_type of `transformers`, or architecture of llama.cpp
    bytes: int


@dataclass(frozen=True, slots=True)
class SaveForOthers(Request[Progress | SavedModel]):
    """Save a model in a format that other programs open, whole or not at all; answers Progress…, SavedModel.

    `model` as in OpenModel; `path` is a new folder or a file. An existing one is an error, unless `replace` is true
    and it is a file.
    """

    model: str
    form: Literal["huggingface", "gguf"]
    path: str
    weights: Literal["float32", "float16", "q8_0"] = "float16"
    replace: bool = False
