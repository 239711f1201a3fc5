"""Find the models on this computer: Nakami's own, and those that other programs have downloaded.

Nothing is loaded: of each model only the description and the headers of the weights are read.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from engine import gguf_header
from engine.errors import EngineError
from engine.gguf_header import PART
from engine.messages.models import StoredModel
from engine.model import bundled
from engine.model.checkpoint import CONFIG, WEIGHTS, read_json
from engine.model.config import ModelConfig
from engine.model.opening import BUILTIN, describe, read_config
from engine.text import gguf_tokenizer, sentencepiece_file
from engine.text.tokenizer import FILE as TOKENIZER

DEPTH = 6  # folders below the one that is searched
MOST_ENTRIES = 200_000  # files and folders that are looked at in one place
LARGEST_TEXT = 1 << 24  # bytes of a config.json, a manifest or a ref
DIGEST = re.compile(r"sha256[:-][0-9a-fA-F]{64}")
OLLAMA_SERVICE = Path("/usr/share/ollama/.ollama/models")  # of its service on Linux
REGISTRY = "registry.ollama.ai"
MODEL_LAYER = "application/vnd.ollama.image.model"
# GGUF files that belong to a model, or to none: projectors of images (clip), and tables of importance.
NO_MODELS = ("clip", "None")


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder that may be a model; `error` is the reason if it cannot be read."""

    path: Path
    origin: str
    name: str
    error: EngineError | None = None


def own_folder() -> Path:
    """Return the folder in which the window keeps Nakami's runs and downloads."""
    return user_data_path("nakami", appauthor=False) / "models"


def find_all(own: Path, folders: Iterable[Path] = ()) -> Iterator[StoredModel | None]:
    """Yield each model once; None between two steps of the search, at which it can be ended.

    `own` is the folder with Nakami's runs and downloads, `folders` are those that the user has added.
    """
    seen: set[str] = set()
    for place in _places(own, folders):
        yield None
        if place is None or (real := os.path.realpath(place.path)) in seen:
            continue
        seen.add(real)
        yield describe_place(place)


def _places(own: Path, folders: Iterable[Path]) -> Iterator[Place | None]:
    yield Place(BUILTIN, "nakami", "nakami")
    with suppress(EngineError):  # a missing package is reported when the model is asked for
        path = bundled.find(bundled.NAME)
        yield Place(path, "bundled", path.stem)
    yield from _own(own)
    for cache in _huggingface_caches():
        yield from _huggingface(cache)
    for store in _ollama_stores():
        yield from _ollama(store)
    for models in _lmstudio_folders():
        yield from _below(models, "lmstudio")
    for folder in folders:
        yield from _below(folder, "folder", named=folder.name)


# --- One model ------------------------------------------------------------------------------------


def describe_place(place: Place) -> StoredModel | None:
    """Describe the model in a place, with the reason if it cannot be opened; None if it is no model."""
    path, error = place.path, place.error
    family, parameters, memory = "", 0, 0
    if error is None:
        try:
            if not _looks_like_a_model(path):
                return None
            info = describe(path, weights="float16")  # as the window opens it
            family, parameters, memory = info.family, info.parameters, info.bytes
            _check_tokenizer(path)
        except EngineError as reason:
            error = reason
        except OSError as reason:  # for example deleted in this moment
            error = _unreadable(path, reason)
    if error is not None and not family:
        if _is_part_of_another(error, place):
            return None
        config = _config(path)
        family, parameters = (config.family, config.parameters()) if config else ("", 0)
        memory = 2 * parameters
    return StoredModel(
        name=place.name,
        path=str(path),
        format="gguf" if path.is_file() else "folder",
        origin=place.origin,
        family=family,
        parameters=parameters,
        size=_size(path),
        memory=memory,
        reason=error.key if error else "",
        arguments=error.args_by_name if error else {},
    )


def _looks_like_a_model(path: Path) -> bool:
    """Return whether a folder's config.json describes a model; files named config.json are common."""
    if path.is_file():
        return True
    if (path / CONFIG).stat().st_size > LARGEST_TEXT:
        return False
    try:
        values = read_json(path / CONFIG)
    except EngineError:
        return (path / WEIGHTS).is_file()
    if "vocabulary" in values:  # one of Nakami; a run that has just begun has no weights yet
        return (path / WEIGHTS).is_file()
    return isinstance(values.get("model_type"), str)


def _check_tokenizer(path: Path) -> None:
    """Raise EngineError, error.no_tokenizer or error.tokenizer_unknown, if there is no tokenizer that is supported."""
    if path.is_file():
        gguf_tokenizer.check(gguf_header.read(path, texts=False).values, str(path))
    elif not (path / TOKENIZER).is_file() and not sentencepiece_file.find(path):
        raise EngineError("error.no_tokenizer", folder=str(path))


def _is_part_of_another(error: EngineError, place: Place) -> bool:
    """Return whether an error means that there is no model, or one that is still being downloaded."""
    if error.key in ("error.model_no_weights", "error.model_missing"):
        return True
    if error.key == "error.model_shard":
        return place.origin == "huggingface"
    return error.key == "error.model_unknown" and error.args_by_name["architecture"] in NO_MODELS


def _config(path: Path) -> ModelConfig | None:
    try:
        return read_config(path)
    except EngineError:
        return None


def _size(path: Path) -> int:
    """Return the bytes of a GGUF file with its other parts, or of the files in a folder."""
    with suppress(OSError):
        if path.is_file():
            part = PART.fullmatch(path.name)
            files = path.parent.glob(f"{_escaped(part[1])}-?????-of-{part[3]}.gguf") if part else iter([path])
        else:
            files = path.iterdir()
        return sum(file.stat().st_size for file in files if file.is_file())
    return 0


def _escaped(name: str) -> str:
    """Return a pattern of `glob` for exactly this name."""
    return re.sub(r"([*?[])", r"[\1]", name)


# --- Folders --------------------------------------------------------------------------------------


def _below(root: Path, origin: str, named: str = "") -> Iterator[Place | None]:
    """Yield the models in a folder and below it; None for each folder that was read.

    Symbolic links are followed, but no folder is entered twice. A model is named by its path from `root`.
    """
    entered: set[tuple[int, int]] = set()
    left = MOST_ENTRIES
    waiting = [(root, 0)]
    while waiting and left > 0:
        folder, depth = waiting.pop()
        yield None
        try:
            about = folder.stat()
            if (about.st_dev, about.st_ino) in entered:
                continue
            entered.add((about.st_dev, about.st_ino))
            files, folders = _entries(folder, left)
        except OSError as error:
            if folder == root and named:
                yield Place(root, origin, named, _unreadable(root, error))
            continue
        left -= 1 + len(files) + len(folders)
        name = "/".join(folder.relative_to(root).parts)
        if CONFIG in files:
            yield Place(folder, origin, name or named or folder.name)
        yield from (Place(folder / file, origin, _title(file)) for file in files if _is_gguf(file))
        if depth < DEPTH:
            waiting += [(folder / name, depth + 1) for name in reversed(folders)]


def _entries(folder: Path, most: int) -> tuple[list[str], list[str]]:
    """Return the names of the files and of the visible folders in a folder, sorted. Raises OSError."""
    files, folders = [], []
    with os.scandir(folder) as entries:
        for entry, _ in zip(entries, range(most), strict=False):
            if not _is_folder(entry):
                files.append(entry.name)
            elif not entry.name.startswith("."):
                folders.append(entry.name)
    return sorted(files), sorted(folders)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links that lead to each other
        return False


def _is_gguf(name: str) -> bool:
    """Return whether a file is a model, or the first part of one, and no projector of images."""
    part = PART.fullmatch(name)
    return name.endswith(".gguf") and "mmproj" not in name.lower() and (part is None or int(part[2]) == 1)


def _title(name: str) -> str:
    """Return the name of the model in a GGUF file, without the number of its part."""
    part = PART.fullmatch(name)
    return part[1] if part else name.removesuffix(".gguf")


def _unreadable(path: Path, error: OSError) -> EngineError:
    return EngineError("error.text_unreadable", file=str(path), reason=error.strerror or str(error))


def _own(models: Path) -> Iterator[Place | None]:
    """Yield Nakami's runs, and what it has downloaded from the hub into folders named owner--model."""
    for place in _below(models, "nakami") if models.is_dir() else ():
        if place is not None and "--" in place.name:
            yield Place(place.path, "huggingface", place.name.replace("--", "/", 1))
        else:
            yield place


# --- The cache of huggingface_hub -----------------------------------------------------------------


def _huggingface_caches() -> list[Path]:
    """Return the cache's folder, which environment variables may move (huggingface_hub/constants.py)."""
    variables = os.environ
    home = variables.get("HF_HOME") or f"{variables.get('XDG_CACHE_HOME') or Path.home() / '.cache'}/huggingface"
    cache = variables.get("HF_HUB_CACHE") or variables.get("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    return _present(Path(os.path.expandvars(cache)).expanduser())


def _huggingface(cache: Path) -> Iterator[Place | None]:
    """Yield the models in models--OWNER--NAME/snapshots/COMMIT; a file in refs/ names each commit."""
    for repository in sorted(cache.glob("models--*")):
        name = repository.name.removeprefix("models--").replace("--", "/", 1)
        commits: dict[str, str] = {}
        for path in sorted((repository / "refs").rglob("*"), key=lambda path: path.name != "main"):
            yield None
            ref = "/".join(path.relative_to(repository / "refs").parts)
            commits.setdefault(_text(path), name if ref == "main" else f"{name} ({ref})")
        for commit, title in commits.items():
            snapshot = repository / "snapshots" / commit
            if re.fullmatch(r"\w+", commit) and snapshot.is_dir():
                for place in _below(snapshot, "huggingface"):
                    yield Place(place.path, place.origin, title) if place and place.path == snapshot else place


def _text(path: Path) -> str:
    """Return the text of a small file, "" if it cannot be read."""
    try:
        return path.read_text("utf-8").strip() if path.stat().st_size <= LARGEST_TEXT else ""
    except (OSError, ValueError):
        return ""


# --- The stores of other programs -----------------------------------------------------------------


def _present(*folders: Path) -> list[Path]:
    return [folder for folder in dict.fromkeys(folders) if os.path.lexists(folder)]


def _ollama_stores() -> list[Path]:
    """Return the user's folder of Ollama (envconfig/config.go), and that of its service."""
    chosen = os.environ.get("OLLAMA_MODELS")
    stores = [Path(chosen)] if chosen else [Path.home() / ".ollama" / "models"]
    return _present(*stores, OLLAMA_SERVICE)


def _ollama(store: Path) -> Iterator[Place | None]:
    """Yield the models in manifests/HOST/NAMESPACE/MODEL/TAG; the weights are a GGUF file in blobs/."""
    manifests = store.glob("manifests/*/*/*/*")
    for path in sorted(manifests, key=lambda path: (path.parts[-4] != REGISTRY, path)):  # its names are shortest
        yield None
        blob = _blob(store, path)
        if blob is not None:
            host, namespace, model, tag = path.parts[-4:]
            shown = [part for part in (host, namespace) if part not in (REGISTRY, "library")]
            yield Place(blob, "ollama", "/".join([*shown, f"{model}:{tag}"]))


def _blob(store: Path, manifest: Path) -> Path | None:
    """Return the file of the weights that a manifest names, None if it names none or it is missing."""
    try:
        layers: list[dict[str, Any]] = json.loads(_text(manifest))["layers"]
        digests = [str(layer["digest"]) for layer in layers if layer["mediaType"] == MODEL_LAYER]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not digests or not DIGEST.fullmatch(digests[0]):
        return None
    names = (digests[0].replace(":", "-"), digests[0])  # the second one before Ollama 0.1.24
    return next((store / "blobs" / name for name in names if (store / "blobs" / name).is_file()), None)


def _lmstudio_folders() -> list[Path]:
    """Return the models folder of LM Studio; a file in the home folder names another one."""
    homes = [Path.home() / ".lmstudio", Path.home() / ".cache" / "lm-studio"]
    pointed = _text(Path.home() / ".lmstudio-home-pointer")
    return _present(*(home / "models" for home in ([Path(pointed)] if pointed else []) + homes))
