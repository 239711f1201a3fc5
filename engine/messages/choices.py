"""Choices between answers of the open model, by people or by simulated judges, and the reward model made of them."""

from dataclasses import dataclass
from typing import Final

from engine.messages.envelope import Request

MOST_ANSWERS: Final = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """How a judge ranks two to four answers to a prompt.

    `ranks` has a rank for each answer: 1 for the best, equal numbers for a tie. It is empty if no answer is good:
    such a choice is kept, and prefers nothing.
    """

    prompt: str
    answers: tuple[str, ...]
    ranks: tuple[int, ...]
    judge: str = ""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All (chosen, rejected) that follow from the ranks, in the order of the answers."""
        ranked = list(zip(self.answers, self.ranks, strict=False))
        return [(a, b) for a, rank in ranked for b, other in ranked if rank < other]


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers written so far. They differ from each other once they are `done`.

    There are fewer than asked for if the model writes hardly anything else.
    """

    texts: tuple[str, ...]
    step: int  # training step of the model
    done: bool = False


@dataclass(frozen=True, slots=True)
class WriteAnswers(Request[Answers]):
    """Let the open model write different answers to a prompt.

    A model with a chat template answers the prompt as a message; any other one continues it. `sentence` ends an
    answer with its first sentence. Raises EngineError: error.choices_prompt for a prompt without a token or as long
    as the context, error.config_range.
    """

    prompt: str
    count: int = 2
    tokens: int = 24
    temperature: float = 1.0
    seed: int = 1
    sentence: bool = True


@dataclass(frozen=True, slots=True)
class ChoiceList:
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class ReadChoices(Request[ChoiceList]):
    """Read a file of choices. Raises EngineError as `engine.text.choices.read_choices`."""

    path: str


@dataclass(frozen=True, slots=True)
class ChoicesWritten:
    path: str
    count: int


@dataclass(frozen=True, slots=True)
class WriteChoices(Request[ChoicesWritten]):
    """Replace a file by these choices. Raises EngineError error.not_written, and error.choices_invalid."""

    path: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts for choices, and for measuring afterwards what has changed."""

    prompts: tuple[str, ...]
    held_out: tuple[str, ...]
    tokens: int  # that answers to them have at most
    sentence: bool  # an answer ends with its first sentence


@dataclass(frozen=True, slots=True)
class ListPrompts(Request[Prompts]):
    """List the little world's prompts of a kind, "animals" or "stories", or the lines of a text file.

    Raises EngineError: error.choices_none for a file without a line, and as `read_all`.
    """

    kind: str = "animals"
    language: str = "en"
    path: str = ""
