"""Models: opening a folder, and fetching one from the Hugging Face hub."""

from dataclasses import dataclass

from engine.messages.envelope import Request
from engine.messages.status import Notice, Progress


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
    bytes: int  # of memory that its weights need
    step: int  # training steps behind these weights; 0 if not known
    training: bool  # these weights are being trained now
    resumable: bool  # a run that can be continued lies in the folder


@dataclass(frozen=True, slots=True)
class OpenModel(Request[Notice | ModelInfo]):
    """-> Notice of the memory it takes, then ModelInfo.

    `folder` holds a model of Nakami or of a known family, with its tokenizer.json.
    """

    folder: str


@dataclass(frozen=True, slots=True)
class Downloaded:
    folder: str


@dataclass(frozen=True, slots=True)
class DownloadModel(Request[Progress | Downloaded]):
    """-> Progress…, Downloaded: a model of the Hugging Face hub, by its name there.

    It uses the network, as besides it only collections with a Qdrant server do.
    """

    name: str
    models: str  # the folder that gets a folder for it
