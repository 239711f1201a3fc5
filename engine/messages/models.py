"""Models: opening one, listing those on this computer, changing the open one, and downloading one from the hub."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.messages.envelope import Arguments, Request
from engine.messages.status import Notice, Progress

WeightsForm = Literal["float32", "float16", "int8"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    name: str
    folder: str
    family: str
    parameters: int
    layers: int
    heads: int
    width: int
    context: int
    vocabulary: int
    bytes: int  # memory for the weights
    step: int  # training steps so far; 0 if not known
    training: bool  # these weights are being trained now
    resumable: bool  # the folder contains a run that can be resumed
    device: str = "cpu"  # where it computes: "cpu", "cuda", "mps"
    unused: tuple[str, ...] = ()  # tensors of the files that are no part of the model
    weights: str = "float32"  # the type that they are kept as: a WeightsForm, or "bfloat16"
    file_bits: float = 0.0  # mean bits of a weight in a file that rounds them to fewer than 16, else 0

    def unused_words(self) -> Arguments:
        """Return the arguments of notice.tensors_unused."""
        return {"count": len(self.unused), "names": shortened(self.unused)}


def shortened(names: Sequence[str], most: int = 4) -> str:
    """Return the first names, and an ellipsis if there are more."""
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


@dataclass(frozen=True, slots=True)
class OpenModel(Request[Notice | Progress | ModelInfo]):
    """Open a model: answers a Notice of the memory needed, its Progress, ModelInfo, a Notice if weights are damaged.

    `folder` contains a model of Nakami or of a known family, with its tokenizer.json, or is a GGUF file, or
    "smollm2" for the one that comes with Nakami.
    """

    folder: str
    weights: WeightsForm = "int8"  # how those of a large model are kept, if this computer is faster that way


# --- The models on this computer ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model on this computer that was found without being loaded."""

    name: str
    path: str  # for OpenModel
    format: Literal["folder", "gguf"]
    origin: str  # "nakami", "bundled", "huggingface", "ollama", "lmstudio", "folder"
    family: str  # "" if it is not known
    parameters: int  # 0 if it is not known
    size: int  # bytes of its files
    memory: int  # bytes for the weights once it is open; 0 if it is not known
    reason: str = ""  # the key of a sentence that says why it cannot be opened; "" if it can
    arguments: Arguments = field(default_factory=dict, hash=False)

    @property
    def opens(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class StoredModels:
    """The models found since the answer before."""

    models: tuple[StoredModel, ...]


@dataclass(frozen=True, slots=True)
class ListModels(Request[StoredModels]):
    """Find the models on this computer: answers as it finds them."""

    own: str  # the folder with Nakami's runs and downloads
    folders: tuple[str, ...] = ()  # those that the user has added


# --- Changing the open model ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scaled:
    """Multiply the output of a head or MLP by `factor`: 0 turns it off (zero ablation), 1 changes nothing."""

    layer: int
    head: int | None  # None: the layer's MLP
    factor: float = 0.0


@dataclass(frozen=True, slots=True)
class MeanAblated:
    """Replace the output of a head or MLP at every token by its mean over the tokens of `text`."""

    layer: int
    head: int | None  # None: the layer's MLP
    text: str


@dataclass(frozen=True, slots=True)
class Steered:
    """Add `strength` times a direction to the residual stream after `layer`, at every token.

    The direction is the mean residual stream of the texts `plus`, less that of the texts `minus`.
    """

    layer: int
    plus: tuple[str, ...]
    minus: tuple[str, ...]
    strength: float


PatchPart = Literal["resid_post", "attn_out", "mlp_out", "z"]


@dataclass(frozen=True, slots=True)
class Patched:
    """Replace an activation at token number `place` of `text` by that of `source` (activation patching).

    It is replaced in every text that begins with the same tokens up to that one, on which it depends.
    """

    layer: int
    part: PatchPart  # "z" is the output of one head
    place: int
    source: str
    text: str
    head: int | None = None  # of the part "z"


Intervention = Scaled | MeanAblated | Steered | Patched


@dataclass(frozen=True, slots=True)
class ModelChanged:
    interventions: tuple[Intervention, ...]


@dataclass(frozen=True, slots=True)
class ChangeModel(Request[ModelChanged]):
    """Replace all interventions in the open model; () removes them.

    They apply to every request that runs the open model, until another one is opened. The model's files and its
    training are not affected.
    """

    interventions: tuple[Intervention, ...] = ()


# --- The hub --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HubOffer:
    """What a download takes, in bytes."""

    name: str
    revision: str
    size: int  # of all files
    left: int  # of what is not on this computer yet
    free: int  # on the disk


@dataclass(frozen=True, slots=True)
class AskHub(Request[HubOffer]):
    """Ask the Hugging Face hub what a download takes. Nothing is downloaded."""

    name: str
    models: str  # the folder in which the model's folder would be made
    revision: str = ""  # a branch or tag, such as a checkpoint; "" for the main one


@dataclass(frozen=True, slots=True)
class Downloaded:
    folder: str


@dataclass(frozen=True, slots=True)
class DownloadModel(Request[Progress | Downloaded]):
    """Download a model by its name on the Hugging Face hub, or continue a download.

    Only this, AskHub, and collections on a Qdrant server use the network.
    """

    name: str
    models: str  # the folder in which the model's folder is made
    revision: str = ""
