"""Scenes: what the window shows, as data. A TOML file has a `[[scene]]` table for each; this needs no Qt.

    [[scene]]
    id = "pronoun"
    title = "What “it” means"
    look = "The row of “It”."
    panes = ["attention"]

Instead of any text, a table by language can be given: `title = { en = "…", ja = "…" }`.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.messages.models import Scaled
from engine.sentences import FOLDER
from gui.panes import PANE_IDS

EXAMPLES = FOLDER.parent / "scenes" / "examples.toml"
INSIDE, TUNING = (EXAMPLES.with_name(name) for name in ("inside.toml", "tuning.toml"))
LANGUAGES = frozenset(folder.name for folder in FOLDER.iterdir())

Words = str | dict[str, str]  # the same in every language, or by language


@dataclass(frozen=True, slots=True)
class Scene:
    id: str
    title: Words
    look: Words  # what to look at
    panes: list[str]  # ids of 1, 2 or 4 panes, one a tile
    model: str = "builtin"  # or the folder of a model
    text: Words = ""  # for all panes; "" leaves the text as it is
    select: Words = ""  # select the token in which the last occurrence of this ends
    off: list[str] = field(default_factory=list)  # heads "3.1" and MLPs "3.mlp" to turn off, layer and head from 0
    saved: dict[str, dict[str, Any]] = field(default_factory=dict)  # by pane: the argument of its `restore`
    act: dict[str, Any] = field(default_factory=dict)  # the argument of the first pane's `act`
    runs: bool = False  # whether it begins a run, whose model takes the place of the scene's

    @property
    def changes(self) -> tuple[Scaled, ...]:
        """The interventions in the model."""
        parts = (part.split(".") for part in self.off)
        return tuple(Scaled(int(layer), None if head == "mlp" else int(head)) for layer, head in parts)


def read_scenes(path: Path) -> dict[str, Scene]:
    """Return the scenes of a file by id, in the order of the file.

    Raises EngineError: "error.scene_file" if the file cannot be read or is not TOML, "error.scene_field" with the
    line and the name of a field that is missing, unknown or of the wrong kind.
    """
    try:
        text = path.read_text("utf-8")
        tables = tomllib.loads(text).get("scene")
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise ValueError("[[scene]]?")
    except (OSError, ValueError) as error:
        raise EngineError("error.scene_file", file=str(path), reason=str(error)) from error
    scenes: dict[str, Scene] = {}
    for index, table in enumerate(tables):
        wrong = _wrong_field(table) or ("id" if table["id"] in scenes else "")
        if wrong:
            raise EngineError("error.scene_field", file=str(path), line=_line_of(text, index, wrong), field=wrong)
        scene = Scene(**table)
        scenes[scene.id] = scene
    return scenes


def in_language(value: Any, language: str) -> Any:
    """Return `value` with each table by language in it replaced by its entry for `language`, or else for English.

    If both are missing, the table's first entry counts.
    """
    if not isinstance(value, dict):
        return value
    if value and value.keys() <= LANGUAGES:
        return value.get(language, value.get("en", next(iter(value.values()))))
    return {name: in_language(part, language) for name, part in value.items()}


def _is_words(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and value.keys() <= LANGUAGES and all(isinstance(words, str) for words in value.values())
    return isinstance(value, str)


CHECKS: dict[str, Callable[[Any], bool]] = {
    "id": lambda value: isinstance(value, str) and value != "",
    "title": _is_words,
    "look": _is_words,
    "panes": lambda value: (
        isinstance(value, list) and len(value) in (1, 2, 4) and all(pane in PANE_IDS for pane in value)
    ),
    "model": lambda value: isinstance(value, str),
    "text": _is_words,
    "select": _is_words,
    "off": lambda value: (
        isinstance(value, list) and all(re.fullmatch(r"\d{1,4}\.(\d{1,4}|mlp)", str(part)) for part in value)
    ),
    "saved": lambda value: (
        isinstance(value, dict) and all(name in PANE_IDS and isinstance(part, dict) for name, part in value.items())
    ),
    "act": lambda value: isinstance(value, dict),
    "runs": lambda value: isinstance(value, bool),
}


def _wrong_field(table: dict[str, Any]) -> str:
    """Return the name of a field that is missing, unknown or of the wrong kind, or "" if all are right."""
    for name, value in table.items():
        if name not in CHECKS or not CHECKS[name](value):
            return name
    needed = [f.name for f in fields(Scene) if f.default is MISSING and f.default_factory is MISSING]
    return next((name for name in needed if name not in table), "")


def _line_of(text: str, index: int, name: str) -> int:
    """Return the line (from 1) of a field in the scene with this index, or the scene's first line if it has none."""
    lines = text.split("\n")
    heads = [number for number, line in enumerate(lines, 1) if re.match(r"\s*\[\[\s*scene\s*\]\]", line)]
    begin, end = [*heads, *[len(lines)] * (index + 2)][index : index + 2]
    there = (number for number in range(begin, end) if re.match(rf"\s*\[?(scene\.)?{re.escape(name)}\b", lines[number]))
    return next((number + 1 for number in there), begin)
