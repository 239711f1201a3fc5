"""Download models from the Hugging Face hub by name: only safetensors, JSON and sentencepiece files."""

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from engine.errors import EngineError, not_written
from engine.files import replacing

NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}|[\w.-]{1,96}")
WANTED = re.compile(
    r"[\w.-]+\.safetensors|model\.safetensors\.index\.json"
    r"|(config|generation_config|tokenizer|tokenizer_config|added_tokens)\.json|tokenizer\.model|spiece\.model"
)
CHUNK = 256 * 1024  # bytes read between two yields


def folder_for(name: str, models: Path) -> Path:
    """Return the folder for a model of the hub. Raises EngineError error.hub_name."""
    if not NAME.fullmatch(name) or ".." in name:
        raise EngineError("error.hub_name", name=name[:80])
    return models / name.replace("/", "--")


def download(name: str, folder: Path, hub: Any = None) -> Generator[float, None, None]:
    """Download a model's files into `folder`; yield the share done, 0..1.

    Files that are complete are not downloaded again, so an interrupted download continues. `hub` is a file
    system with ls(name) and open(path), as in `huggingface_hub`.
    Raises EngineError: error.hub_name, error.hub_unreachable, error.hub_missing, error.hub_no_weights,
    error.not_written.
    """
    folder_for(name, folder.parent)
    hub = _file_system() if hub is None else hub
    files = [file for file in _call(name, lambda: hub.ls(name, detail=True)) if _is_wanted(file)]
    if not any(file["name"].endswith(".safetensors") for file in files):
        raise EngineError("error.hub_no_weights", name=name)
    total, done = sum(file["size"] for file in files), 0
    files.sort(key=lambda file: Path(file["name"]).name == "config.json")  # last: a folder with it counts as a model
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            for count in _copy(name, hub, file, folder):
                done += count
                yield done / max(total, 1)
    except OSError as error:
        raise not_written(folder, error) from error


def _copy(name: str, hub: Any, file: dict[str, Any], folder: Path) -> Iterator[int]:
    """Download one file, whole or not at all; yield the size of each part in bytes."""
    path = folder / Path(file["name"]).name
    if path.is_file() and path.stat().st_size == file["size"]:
        yield file["size"]
        return
    with replacing(path) as temporary:
        source = _call(name, lambda: hub.open(file["name"], "rb"))
        with source, temporary.open("wb") as copy:
            while part := _call(name, lambda: source.read(CHUNK)):
                copy.write(part)
                yield len(part)
        if temporary.stat().st_size != file["size"]:
            raise EngineError("error.hub_unreachable", name=name, reason=path.name)


def _call(name: str, function: Any) -> Any:
    """Call a function of the hub. Raises EngineError: error.hub_missing, error.hub_unreachable for other failures."""
    try:
        return function()
    except FileNotFoundError as error:
        raise EngineError("error.hub_missing", name=name) from error
    except Exception as error:  # each library involved has its own errors for "no network"
        if "RepositoryNotFound" in type(error).__name__ or "Gated" in type(error).__name__:
            raise EngineError("error.hub_missing", name=name) from error
        raise EngineError("error.hub_unreachable", name=name, reason=type(error).__name__) from error


def _is_wanted(file: dict[str, Any]) -> bool:
    return file.get("type") == "file" and WANTED.fullmatch(Path(file["name"]).name) is not None


def _file_system() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfFileSystem  # imported only for a download: it uses the network

    return HfFileSystem()
