"""Download models from the Hugging Face hub by name: only safetensors, JSON and sentencepiece files.

The network is used in a thread of its own, so that neither a slow hub nor one that does not answer stops the engine.
"""

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

from engine.errors import EngineError, not_written
from engine.messages.models import HubOffer

T = TypeVar("T")
NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}|[\w.-]{1,96}")
REVISION = re.compile(r"[\w.-]{0,96}")  # a branch or a tag, such as step1000
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model")
SMALL = re.compile(r"(config|generation_config|tokenizer_config|added_tokens)\.json|chat_template\.(jinja|json)")
CHUNK = 1 << 20  # bytes that are read at a time
PAUSE = 0.001  # seconds to wait for the thread before others may run

Files = list[dict[str, Any]]  # of the hub's file system: the name, size and checksum of each file
Share = float | None  # of the bytes that are on this computer, 0..1; None if nothing has changed


def folder_for(name: str, models: Path, revision: str = "") -> Path:
    """Return the folder for a model of the hub. Raises EngineError error.hub_name."""
    if not NAME.fullmatch(name) or not REVISION.fullmatch(revision) or ".." in name + revision:
        raise EngineError("error.hub_name", name=f"{name}@{revision}"[:80].rstrip("@"))
    return models / (name.replace("/", "--") + (f"@{revision}" if revision else ""))


def offer(name: str, folder: Path, revision: str = "", hub: Any = None) -> Iterator[HubOffer | None]:
    """Ask the hub what a download takes: yield None while it has not answered, and last the answer.

    Raises EngineError: error.hub_name, error.hub_unreachable, error.hub_missing, error.hub_gated,
    error.hub_no_weights, error.hub_no_tokenizer.
    """
    folder_for(name, folder.parent, revision)
    files = yield from _in_thread(lambda: _wanted(name, revision, hub or _file_system()))
    size = sum(file["size"] for file in files)
    yield HubOffer(name, revision, size, size - sum(_present(folder, file) for file in files), _free(folder))


def download(name: str, folder: Path, hub: Any = None, revision: str = "") -> Generator[Share, None, None]:
    """Download a model's files into `folder`; yield the share that is done.

    What has arrived is kept, and a later download continues from there. `hub` is a file system with ls(name) and
    open(path), as in `huggingface_hub`. Raises EngineError as `offer`, error.disk_full and error.not_written.
    """
    folder_for(name, folder.parent, revision)
    hub = hub or (yield from _in_thread(_file_system))
    files = yield from _in_thread(lambda: _wanted(name, revision, hub))
    total = sum(file["size"] for file in files)
    left = total - sum(_present(folder, file) for file in files)
    if left > _free(folder):
        need, have = f"{left / 1e9:.2f}", f"{_free(folder) / 1e9:.2f}"
        raise EngineError("error.disk_full", folder=str(folder.parent), need=need, have=have)
    copying = _Copying(name, hub, files, folder)
    copying.start()
    try:
        shown = -1
        while copying.is_alive():
            copying.join(PAUSE)
            yield copying.done / max(total, 1) if copying.done != shown else None
            shown = copying.done
    finally:
        copying.stopped.set()
    if copying.error is not None:
        raise copying.error
    yield 1.0


class _Copying(threading.Thread):
    """Downloads files one after another until it is stopped; `done` counts the bytes on this computer."""

    def __init__(self, name: str, hub: Any, files: Files, folder: Path) -> None:
        super().__init__(daemon=True)
        self._name, self._hub, self._files, self._folder = name, hub, files, folder
        self.done = 0
        self.stopped = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for file in self._files:
                self._copy(file)
        except OSError as error:
            self.error = not_written(self._folder, error)
        except Exception as error:  # noqa: BLE001 - raised again by `download`, in the engine's own thread
            self.error = error

    def _copy(self, file: dict[str, Any]) -> None:
        """Download one file, or the rest of it, into a partial file, and rename that once it is whole and right."""
        path, partial = _path(self._folder, file), _partial(self._folder, file)
        self.done += _present(self._folder, file)
        if path.is_file() and path.stat().st_size == file["size"]:
            return
        for old in self._folder.glob(f"{path.name}.*.part"):
            if old != partial:  # of another version of the model
                old.unlink()
        with partial.open("ab") as copy:
            source = _call(self._name, lambda: self._hub.open(file["name"], "rb"))
            with source:
                if copy.tell():
                    source.seek(copy.tell())
                while part := _call(self._name, lambda: source.read(CHUNK)):
                    if self.stopped.is_set():
                        return
                    copy.write(part)
                    copy.flush()  # a thread that is stopped later writes nothing after what a new one appends
                    self.done += len(part)
            copy.flush()
            os.fsync(copy.fileno())
        if not _is_right(partial, file):
            partial.unlink()
            raise EngineError("error.hub_unreachable", name=self._name, reason=path.name)
        partial.replace(path)


def _path(folder: Path, file: dict[str, Any]) -> Path:
    return folder / Path(file["name"]).name


def _partial(folder: Path, file: dict[str, Any]) -> Path:
    """Return where the first part of a file is kept: under a name that another version of it does not have."""
    version = str(_checksum(file) or file.get("blob_id") or file["size"])
    return folder / f"{Path(file['name']).name}.{version[:16]}.part"


def _present(folder: Path, file: dict[str, Any]) -> int:
    """Return how many bytes of a file are on this computer."""
    path, partial = _path(folder, file), _partial(folder, file)
    if path.is_file() and path.stat().st_size == file["size"]:
        return int(file["size"])
    return partial.stat().st_size if partial.is_file() else 0


def _is_right(path: Path, file: dict[str, Any]) -> bool:
    """Return whether a downloaded file has the size, and if it is known the checksum, that the hub names."""
    if path.stat().st_size != file["size"]:
        return False
    expected = _checksum(file)
    with path.open("rb") as data:
        return expected is None or hashlib.file_digest(data, "sha256").hexdigest() == expected


def _checksum(file: dict[str, Any]) -> str | None:
    """Return the SHA-256 of a file that the hub keeps as a large file."""
    return (file.get("lfs") or {}).get("sha256")


def _free(folder: Path) -> int:
    """Return how many bytes are free where a folder is or will be."""
    there = next((parent for parent in (folder, *folder.parents) if parent.is_dir()), Path.cwd())
    return shutil.disk_usage(there).free


# --- The hub --------------------------------------------------------------------------------------


def _wanted(name: str, revision: str, hub: Any) -> Files:
    """Return the files that are needed, config.json last: only a folder with it counts as a model."""
    place = f"{name}@{revision}" if revision else name
    listed = _call(name, lambda: hub.ls(place, detail=True))
    files = {Path(file["name"]).name: file for file in listed if file.get("type") == "file"}
    shards = [file for file in files if SHARD.fullmatch(file)] if INDEX in files else []
    weights = [INDEX, *shards] if shards else [file for file in (SINGLE, INDEX) if file in files]
    if not shards and SINGLE not in files:
        raise EngineError("error.hub_no_weights", name=place)
    tokenizers = [file for file in TOKENIZERS if file in files]
    if not tokenizers or "config.json" not in files:
        raise EngineError("error.hub_no_tokenizer", name=place)
    small = sorted((file for file in files if SMALL.fullmatch(file)), key=lambda file: file == "config.json")
    return [files[file] for file in (*tokenizers, *weights, *small)]


def _call(name: str, function: Callable[[], T]) -> T:
    """Call a function of the hub.

    Raises EngineError: error.hub_missing, error.hub_gated, error.hub_unreachable for other failures.
    """
    try:
        return function()
    except Exception as error:  # each library involved has its own errors for "no network"
        kind = type(error).__name__
        if "Gated" in kind or "Gated" in type(error.__cause__).__name__:
            raise EngineError("error.hub_gated", name=name) from error
        if isinstance(error, FileNotFoundError) or "NotFound" in kind:
            raise EngineError("error.hub_missing", name=name) from error
        raise EngineError("error.hub_unreachable", name=name, reason=kind) from error


def _in_thread(function: Callable[[], T]) -> Generator[None, None, T]:
    """Run a function in a thread, yield None until it ends, and return its result or raise its exception."""
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(function())
        except Exception as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(PAUSE)
        yield None
    if errors:
        raise errors[0]
    return results[0]


def _file_system() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfFileSystem  # imported only for a download: it uses the network

    return HfFileSystem(skip_instance_cache=True)
