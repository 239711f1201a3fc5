"""The settings that Nakami keeps between two starts, in one JSON file that is replaced atomically."""

import json
import shutil
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from platformdirs import user_config_path, user_data_path

from engine.files import replacing

SCHEMA = 1
RECENT = 8  # entries of the recent list


def default_path() -> Path:
    return user_config_path("nakami", appauthor=False) / "settings.json"


def models_folder() -> Path:
    """Return where runs started in the window keep their models."""
    return user_data_path("nakami", appauthor=False) / "models"


def choices_path() -> Path:
    """Return where the choices between answers that were made in the window are kept."""
    return user_data_path("nakami", appauthor=False) / "choices.jsonl"


def world_path() -> Path:
    """Return where the text of Nakami's little world is kept once it has been written."""
    return user_data_path("nakami", appauthor=False) / "world.txt"


def documents_folder() -> Path:
    """Return the folder of the user's document collection, unless another one is chosen."""
    return user_data_path("nakami", appauthor=False) / "documents"


@dataclass
class Settings:
    schema: int = SCHEMA
    welcomed: bool = False  # whether the program was started before
    language: str = ""  # "" = the system's
    theme: str = "light"
    zoom: float = 1.0  # of the controls
    content_zoom: float = 1.0  # of what the panes show, beside the one that follows from the window's size
    sentences: bool = True  # whether each pane's sentence is shown
    window: str = ""  # geometry, base64
    tiles: int = 4
    tiles_small: int = 1  # in a window that is too small for four readable tiles
    layout: list[str] = field(default_factory=list)  # pane ids, tile by tile
    panes: dict[str, dict[str, Any]] = field(default_factory=dict)
    saved_to: str = ""  # the folder into which a picture or table was saved last
    text: str = ""
    corpus: list[str] = field(default_factory=list)
    corpus_encoding: str = ""  # chosen by the user
    model: str = ""
    weights: str = "int8"  # how the weights of large models are kept: "float16" or "int8"
    model_folders: list[str] = field(default_factory=list)  # that the user has added to those searched for models
    model_chooser: dict[str, Any] = field(default_factory=dict)  # size of the dialog, and the order of its rows
    save_for_others: dict[str, Any] = field(default_factory=dict)  # format, precision and folder of the last time
    recent: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> tuple["Settings", bool]:
        """Return the settings in `path`, and whether a broken file had to be renamed to *.bad.json.

        Missing values and those of a wrong type take their default; unknown ones are dropped. The file of a newer
        version of Nakami is copied to *.schemaN.json first, because this version will overwrite it.
        """
        try:
            raw = json.loads(path.read_text("utf-8"))
            if not isinstance(raw, dict):
                raise ValueError("not an object")
        except FileNotFoundError:
            return cls(), False
        except (OSError, ValueError):
            _put_aside(path)
            return cls(), True
        defaults = cls()
        known = {f.name: raw[f.name] for f in fields(cls) if _same_kind(raw.get(f.name), getattr(defaults, f.name))}
        if known.get("schema", SCHEMA) > SCHEMA:
            _copy(path, path.with_suffix(f".schema{known['schema']}.json"))
        return cls(**known | {"schema": SCHEMA}), False

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), "utf-8")

    def remember(self, path: str) -> None:
        """Put a text or model first in the recent list."""
        self.recent = [path, *(other for other in self.recent if other != path)][:RECENT]


def _same_kind(value: Any, default: Any) -> bool:
    if isinstance(default, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is type(default)


def _copy(path: Path, to: Path) -> None:
    try:
        shutil.copyfile(path, to)
    except OSError:
        pass  # where no copy can be written, the file cannot be overwritten either


def _put_aside(path: Path) -> None:
    try:
        path.replace(path.with_suffix(".bad.json"))
    except OSError:
        pass  # unreadable, and cannot be renamed: the defaults still work
