"""What the engine does for a request, in words: the same ones in the panes and in the status line."""

from typing import Any

from engine.messages.envelope import Request
from engine.messages.status import LayersDone, Progress
from gui.i18n import percent, t

Report = LayersDone | Progress  # how far a request is

# The words of a request are those of its subject, the module in which it is declared, except for these.
WORDS = {
    "Ask": "answering",
    "AskHub": "hub",
    "AssessText": "assessing",
    "ColourByReward": "reward",
    "ChooseEmbedder": "embedding",
    "DownloadModel": "download",
    "EstimateTraining": "estimating",
    "Expect": "generation",
    "FitReward": "reward",
    "Generate": "writing",
    "Hello": "starting",
    "ListModels": "library",
    "JudgeChoices": "judging",
    "LookAhead": "ahead",
    "Project": "projecting",
    "SimulateChoices": "answers",
    "WriteAnswers": "answers",
    "WriteWorld": "world",
}


def doing(request: Request[Any], report: Report | None = None) -> str:
    """Return what is being computed for a request, and how far it is."""
    if isinstance(report, Progress):
        what = t(report.key)
        return what if report.fraction is None else t("progress.percent", what=what, percent=percent(report.fraction))
    kind = type(request)
    what = t(f"doing.{WORDS.get(kind.__name__, kind.__module__.rpartition('.')[2])}")
    return what if report is None else t("doing.layers", what=what, done=report.done, layers=report.layers)
