"""The built-in model, and the sample documents, which are copied before the user can change them."""

from pathlib import Path

from engine.messages.models import ModelInfo
from gui.i18n import t
from gui.saving import write_whole
from gui.text import shown_name
from gui.theme import ASSETS

BUILTIN = ASSETS / "model"
SMOLLM2 = "smollm2"  # for the engine, the model that is installed with Nakami


def path_of(name: str) -> str:
    """Return the absolute path of a file or folder that the user named; "smollm2" as it is if there is none."""
    path = Path(name)
    return name if name == SMOLLM2 and not path.exists() else str(path.absolute())


def name_of(model: ModelInfo) -> str:
    """Return the name of a model as it is shown."""
    return t("status.builtin") if Path(model.folder) == BUILTIN else shown_name(model.name)


def copy_company(home: Path, language: str) -> Path:
    """Return a folder below `home` with a company's notices; existing files are not overwritten.

    Raises OSError.
    """
    folder = home / f"company-{language}"
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted((ASSETS / "samples" / "company" / language).glob("*.txt")):
        if not (folder / file.name).exists():
            write_whole(folder / file.name, file.read_bytes())
    return folder
