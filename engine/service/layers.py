"""Report how far a forward pass is, and let other jobs run between its layers."""

from collections.abc import Generator
from typing import TypeVar

from engine.messages.status import LayersDone
from engine.pace import Pace
from engine.service.session import OpenedModel

REPORT_SECONDS = 0.1  # a pass that takes less is computed without a break

T = TypeVar("T")


def by_layer(opened: OpenedModel, steps: Generator[int, None, T]) -> Generator[LayersDone, None, T]:
    """Run a forward pass that yields the index of each layer; report its progress, and return what it returns.

    A pass through a model in training is not interrupted: a training step would change the weights of the layers
    that are still to come.
    """
    pace = Pace(REPORT_SECONDS)
    pace.due(now=True)
    while True:
        try:
            layer = next(steps)
        except StopIteration as end:
            value: T = end.value
            return value
        if pace.due() and not opened.info.training:
            yield LayersDone(layer + 1, opened.model.config.n_layers)
