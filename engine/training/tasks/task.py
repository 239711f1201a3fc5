"""The interface of a training task: its data and losses. The trainer does the rest, the same for all tasks."""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor

from engine.model.transformer import Transformer


class Task(Protocol):
    """The data of a run, its loss and its held-out loss. The model's parameters that require a gradient are trained."""

    @property
    def tokens_per_step(self) -> int: ...

    def losses(self, model: Transformer, step: int) -> Iterator[Tensor]:
        """Yield the loss of each micro-batch of a step, times its share of the batch: they add up to the step's loss.

        A pure function of the model and the step (the first is 0), so that a resumed run sees the same data.
        The caller runs the backward pass of each before it asks for the next.
        """

    def validation_losses(self, model: Transformer, final: bool) -> Iterator[tuple[float, int]]:
        """Yield the summed loss on held-out data and the number of its terms, a few examples at a time.

        `final`: the evaluation at the end of the run, which may take longer than the earlier ones.
        """
