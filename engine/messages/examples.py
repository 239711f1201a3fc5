"""What fine-tuning on pairs would learn from: the tokens of one pair, and how many pairs count."""

from dataclasses import dataclass

from engine.messages.envelope import Request
from engine.messages.status import Progress
from engine.messages.tuning import Pair


@dataclass(frozen=True, slots=True)
class ExampleTokens:
    """A pair as it is trained on: its tokens as shown on screen, and which of them count for the loss."""

    pieces: tuple[str, ...]
    counts: tuple[bool, ...]
    context: int  # the most tokens that the model can read

    @property
    def answer(self) -> int:
        """How many tokens count for the loss."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class ShowExample(Request[ExampleTokens]):
    pair: Pair


@dataclass(frozen=True, slots=True)
class CheckedPairs:
    """How pairs are divided, and what a low-rank adaptation of the open model would train."""

    train: int
    held_out: int
    duplicates: int
    too_long: int  # for the context; they are left out
    parameters: int  # of the whole model
    matrices: tuple[tuple[int, int], ...]  # rows and columns of each matrix that would be adapted
    questions: tuple[str, ...]  # some of the prompts that are held out, or of all if none is

    def adapted(self, rank: int) -> int:
        """Return how many numbers a low-rank adaptation of this rank has; rank 0 stands for all weights."""
        return sum(rank * (rows + columns) for rows, columns in self.matrices) if rank else self.parameters


@dataclass(frozen=True, slots=True)
class CheckPairs(Request[Progress | CheckedPairs]):
    """Divide pairs as a run with these settings would, and count those that it would leave out."""

    pairs: tuple[Pair, ...]
    held_out: float  # share of the prompts
    seed: int
