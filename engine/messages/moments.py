"""The moments of a run of fine-tuning: its weights at each measurement, to which the open model can be set back."""

from dataclasses import dataclass

from engine.messages.envelope import Request
from engine.messages.models import ModelInfo
from engine.messages.tuning import StationAnswers


@dataclass(frozen=True, slots=True)
class Moments:
    """The steps whose weights are kept, in order; empty if the open model has none, or can no longer use them."""

    steps: tuple[int, ...]
    step: int  # of the open model's weights


@dataclass(frozen=True, slots=True)
class ListMoments(Request[Moments]):
    """Answer the moments of the open model's run."""


@dataclass(frozen=True, slots=True)
class ReturnTo(Request[Moments]):
    """Set the open model, and its folder, to the weights of a moment.

    Fails with error.run_in_progress while it is trained, and with error.moment_gone if the moment is not kept.
    """

    step: int


@dataclass(frozen=True, slots=True)
class SaveTuned(Request[ModelInfo]):
    """Save the open model into its folder as it is now, with its adaptation merged at the present scale.

    Fails with error.run_in_progress, error.not_tuned if it is no tuned model of Nakami, and error.not_written.
    """


@dataclass(frozen=True, slots=True)
class AnswerQuestions(Request[StationAnswers]):
    """Let the open model answer prompts as it is now, greedily, in the form of its examples."""

    prompts: tuple[str, ...]
