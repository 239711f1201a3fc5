"""What Nakami brings: its model, and documents, which are copied before the user may change them."""

from pathlib import Path

from gui.saving import write_whole
from gui.theme import ASSETS

BUILTIN = ASSETS / "model"  # the model that Nakami brings


def copy_company(home: Path, language: str) -> Path:
    """The notices of a company, in a folder below `home`; files that are there already stay as they are.

    Raises OSError.
    """
    folder = home / f"company-{language}"
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted((ASSETS / "samples" / "company" / language).glob("*.txt")):
        if not (folder / file.name).exists():
            write_whole(folder / file.name, file.read_bytes())
    return folder
