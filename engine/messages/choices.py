"""Choices between answers of the open model, by people or by simulated judges, and the reward model made of them."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.status import Progress

MOST_ANSWERS: Final = 4
Taste = Literal["short", "polite", "joy", "happy_end", "animal"]  # of a simulated judge
# The words of Landis and Koch (1977) for a kappa below 0, up to 0.2, 0.4, 0.6, 0.8, and above.
KAPPA_WORDS: Final = ("poor", "slight", "fair", "moderate", "substantial", "almost_perfect")


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

    A model with a chat template answers the prompt as a message; any other one continues it, to the end of the line.
    An answer that is cut off after `tokens` ends with its last whole sentence, if it has one.
    Raises EngineError: error.choices_prompt for a prompt without a token or as long as the context,
    error.config_range.
    """

    prompt: str
    count: int = 2
    tokens: int = 24
    temperature: float = 1.0
    seed: int = 1


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


@dataclass(frozen=True, slots=True)
class ListPrompts(Request[Prompts]):
    """List the little world's prompts of a kind, "animals" or "stories", or the lines of a text file.

    Raises EngineError: error.choices_none for a file without a line, and as `read_all`.
    """

    kind: Literal["animals", "stories"] = "animals"
    language: Literal["ja", "en"] = "en"
    path: str = ""


@dataclass(frozen=True, slots=True)
class SimulateChoices(Request[ChoiceList]):
    """Let a simulated judge choose between answers of the open model to the little world's prompts.

    Each answer has the decided choices so far; there may be fewer than `count` if the texts hardly differ in what the
    judge looks at. Raises EngineError error.config_range.
    """

    taste: Taste
    errors: float = 0.0  # share of the choices in which the judge prefers the other answer
    count: int = 12
    kind: Literal["animals", "stories"] = "animals"
    language: Literal["ja", "en"] = "en"
    held_out: bool = False  # prompts about the animals that are held out
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Judged:
    """The choices of a judge so far, in the order of those it was given."""

    choices: tuple[Choice, ...]
    agreeing: float | None  # share of the pairs preferred by both ways of ranking that are equal; None without one
    done: bool = False


@dataclass(frozen=True, slots=True)
class JudgeChoices(Request[Judged]):
    """Let another judge rank the answers of choices: a simulated one by its taste, or the open model by a principle.

    `principle` and `opposite` are two short instructions such as "Be polite." and "Be rude."; the model prefers the
    answer after which it finds the first one likelier. Its choices may be wrong: compare `agreeing` with one half.
    Raises EngineError: error.config_range, and for a principle error.choices_prompt, error.logits_broken.
    """

    choices: tuple[Choice, ...]
    taste: Taste | None = None  # None: the model judges by the principle
    principle: str = ""
    opposite: str = ""
    errors: float = 0.0  # of the simulated judge
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far judges agree on the choices that all of them have made."""

    judges: tuple[str, ...]
    choices: int  # that all of them have made
    observed: float  # share of the pairs of judges with the same verdict
    kappa: float | None  # Cohen's for two judges, Fleiss' for more; None if it is not defined
    word: str  # one of KAPPA_WORDS; "" without a kappa


@dataclass(frozen=True, slots=True)
class MeasureAgreement(Request[Agreement]):
    """Measure how far the judges of these choices agree, as `engine.text.agreement.agreement`."""

    choices: tuple[Choice, ...]


# --- The reward model ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WordEffect:
    """How the reward of answers goes with a word in them."""

    word: str
    correlation: float  # of reward and presence, -1..1
    difference: float  # mean reward with the word, less that without
    answers: int  # that have it


@dataclass(frozen=True, slots=True)
class RewardFitted:
    """A reward model, by what it does. Rewards are in nats: a difference of 1 makes a preference e times as likely."""

    choices: int  # that it was fitted to: those with a pair
    accuracy: float | None  # share of choices predicted by a reward model that was not fitted to them; None: too few
    length: float  # correlation of reward and length in tokens
    longer: float  # share of the choices in which the preferred answer is the longer one; equal lengths count one half
    words: tuple[WordEffect, ...]  # that the reward goes with, beyond chance, the strongest first
    chance: float  # the correlation that the strongest of the words would reach by chance, in 1 of 20 cases
    rewards: tuple[tuple[float, ...], ...]  # of the answers of each choice
    step: int  # training step of the model


@dataclass(frozen=True, slots=True)
class FitReward(Request[Progress | RewardFitted]):
    """Fit a reward model to choices; it serves ColourByReward until the next one.

    Of more than 2,000 choices the last 2,000 are used. Raises EngineError: error.choices_undecided if no choice
    prefers an answer, and error.choices_prompt.
    """

    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class RewardedText:
    """A text with its reward after every token, and what every token adds to it.

    The reward of a text is the mean of its tokens' parts.
    """

    pieces: tuple[str, ...]
    texts: tuple[str, ...]  # that each token adds: "" while a character is incomplete
    rewards: NDArray[np.float32]  # after each token
    parts: NDArray[np.float32]  # of each token
    changed: bool  # the reward model was fitted to other weights than the model has now


@dataclass(frozen=True, slots=True)
class ColourByReward(Request[RewardedText]):
    """Give the reward of a text after every token, as an answer to `prompt`, whose tokens do not count.

    Raises EngineError: error.no_reward if there is no reward model for this model, and as Prompting.ids.
    """

    text: str
    prompt: str = ""
