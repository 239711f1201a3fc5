"""The names of judges as they are shown: simulated ones are marked as such."""

from typing import get_args

from engine.messages.choices import Taste
from gui.i18n import t

TASTES: tuple[Taste, ...] = get_args(Taste)

BY_PRINCIPLE = "principle: "  # begins the name of a model that judges by a principle


def is_person(judge: str) -> bool:
    """Return whether a judge is neither simulated nor a model that judges by a principle."""
    return judge not in TASTES and not judge.startswith(BY_PRINCIPLE)


def shown_judge(judge: str) -> str:
    """Return the name of a judge: a person's name, a simulated judge's taste, or a principle after its mark."""
    if judge in TASTES:
        return t("pane.tuning.choices.simulated", taste=t(f"pane.tuning.choices.taste.{judge}"))
    if judge.startswith(BY_PRINCIPLE):
        return t("pane.tuning.choices.judges_by", principle=judge.removeprefix(BY_PRINCIPLE))
    return judge or t("pane.tuning.choices.nobody")
