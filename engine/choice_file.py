"""Writing files of choices between answers. The engine and the window both use it, so that a choice is saved at once.

A file has one JSON object a line, with the fields that other programs read: prompt, chosen and rejected (the best and
the worst answer, null if there is neither). Our own fields come after them: answers, ranks and judge.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.messages.choices import MOST_ANSWERS, Choice


def write_choices(path: Path, choices: Sequence[Choice]) -> None:
    """Replace a file by these choices, whole or not at all.

    Raises EngineError: error.choices_invalid for a choice that `is_valid` refuses, error.not_written.
    """
    for number, choice in enumerate(choices, 1):
        if not is_valid(choice):
            raise EngineError("error.choices_invalid", number=number)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            replacing(path) as temporary,
            temporary.open("w", encoding="utf-8", errors="replace", newline="\n") as file,
        ):
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
