"""Files of choices between answers.

A file has one JSON object a line, with the fields that other programs read: prompt, chosen and rejected (the best and
the worst answer, null if there is neither). Our own fields come after them: answers, ranks and judge.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.messages.choices import MOST_ANSWERS, Choice
from engine.text.reading import read_all

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


def write_choices(path: Path, choices: Sequence[Choice]) -> None:
    """Replace a file by these choices, whole or not at all.

    Raises EngineError: error.choices_invalid for a choice that `is_valid` refuses, error.not_written.
    """
    for number, choice in enumerate(choices, 1):
        if not is_valid(choice):
            raise EngineError("error.choices_invalid", number=number)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(_line(choice) for choice in choices)
    except OSError as error:
        raise not_written(path, error) from error


def is_valid(choice: Choice) -> bool:
    """Return whether a choice has two to four different answers that are not blank, and a rank for each or none."""
    answers, ranks = choice.answers, choice.ranks
    return (
        2 <= len(answers) <= MOST_ANSWERS
        and len(set(answers)) == len(answers)
        and all(answer.strip() for answer in answers)
        and len(ranks) in (0, len(answers))
        and all(rank >= 1 for rank in ranks)
    )


def _line(choice: Choice) -> str:
    best, worst = min(choice.ranks, default=0), max(choice.ranks, default=0)
    decided = best < worst
    fields = {
        "prompt": choice.prompt,
        "chosen": choice.answers[choice.ranks.index(best)] if decided else None,
        "rejected": choice.answers[choice.ranks.index(worst)] if decided else None,
        "answers": choice.answers,
        "ranks": choice.ranks,
        "judge": choice.judge,
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"


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
