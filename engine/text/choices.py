"""Reading files of choices between answers; engine/choice_file.py describes and writes them."""

import json
from pathlib import Path
from typing import TypeVar

from engine.choice_file import is_valid, write_choices
from engine.errors import EngineError
from engine.messages.choices import Choice
from engine.text.reading import read_all

__all__ = ["MOST", "is_valid", "read_choices", "write_choices"]

MOST = 100_000
T = TypeVar("T")


def read_choices(path: Path) -> list[Choice]:
    """Read choices, from our own files or from those of others with prompt, chosen and rejected.

    Raises EngineError: error.choices_line for a line that is no choice, error.choices_none, error.choices_many, and
    as `read_all` for a file that cannot be read.
    """
    choices: list[Choice] = []
    for line, words in enumerate("".join(read_all([path])).split("\n"), 1):
        if not words.strip():
            continue
        if len(choices) == MOST:
            raise EngineError("error.choices_many", file=str(path), most=MOST)
        choice = _choice(words)
        if choice is None:
            raise EngineError("error.choices_line", file=str(path), line=line)
        choices.append(choice)
    if not choices:
        raise EngineError("error.choices_none", file=str(path))
    return choices


def _choice(line: str) -> Choice | None:
    """Return the choice of a line, or None if it has none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("prompt"), str):
        return None
    pair = [found.get("chosen"), found.get("rejected")]  # of a file of another program
    answers, ranks = _list_of(str, found.get("answers", pair)), _list_of(int, found.get("ranks", [1, 2]))
    if answers is None or ranks is None:
        return None
    judge = found.get("judge", "")
    choice = Choice(found["prompt"], tuple(answers), tuple(ranks), judge if isinstance(judge, str) else "")
    return choice if is_valid(choice) else None


def _list_of(kind: type[T], values: object) -> list[T] | None:
    """Return the values if they are a list of this kind, else None."""
    return values if isinstance(values, list) and all(isinstance(value, kind) for value in values) else None
