"""Direct preference optimisation: make chosen texts likelier and rejected ones less likely, against the model before.

Rafailov et al. 2023, arXiv:2305.18290, equation 7:

    loss = -log σ(β (log π(y_w | x) - log π_ref(y_w | x)) - β (log π(y_l | x) - log π_ref(y_l | x)))

Suffixes: B choices.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.model.transformer import Transformer
from engine.training.tasks.answers import Example, log_p, shuffled

AT_ONCE = 8  # choices that are computed together


@dataclass(frozen=True, slots=True)
class Compared:
    """The two texts of a choice as tokens."""

    chosen: Example
    rejected: Example


class Preferences:
    """The task of DPO. `beta` holds the model to the one before: the larger, the less it may change."""

    def __init__(self, model: Transformer, choices: Sequence[Compared], beta: float, batch: int, seed: int) -> None:
        """Compute the log-probabilities under the model before, which is `model` as it is now."""
        self.choices, self.beta, self.batch, self.seed = list(choices), beta, batch, seed
        with torch.no_grad():
            self._before = [margins(model, [choice]).item() for choice in self.choices]

    @property
    def tokens_per_step(self) -> int:
        total = sum(len(choice.chosen.ids) + len(choice.rejected.ids) for choice in self.choices)
        return round(self.batch * total / len(self.choices))

    def losses(self, model: Transformer, step: int) -> Iterator[Tensor]:
        indices = shuffled(len(self.choices), step, self.batch, self.seed)
        for start in range(0, len(indices), AT_ONCE):
            part = indices[start : start + AT_ONCE]
            yield self._loss_B(model, part).sum() / len(indices)

    def _loss_B(self, model: Transformer, indices: Sequence[int]) -> Tensor:
        margin_B = margins(model, [self.choices[index] for index in indices])
        before_B = torch.tensor([self._before[index] for index in indices], device=margin_B.device)
        return dpo_loss(margin_B, before_B, self.beta)

    @torch.no_grad()
    def validation_losses(self, model: Transformer, final: bool) -> Iterator[tuple[float, int]]:
        for index in range(len(self.choices)):
            yield self._loss_B(model, [index]).item(), 1


def dpo_loss(margin_B: Tensor, before_B: Tensor, beta: float) -> Tensor:
    """Return the loss of each choice, given log π(y_w | x) - log π(y_l | x) now and before."""
    return -F.logsigmoid(beta * (margin_B - before_B))


def margins(model: Transformer, choices: Sequence[Compared]) -> Tensor:
    """Return log π(chosen) - log π(rejected) of each choice, [B]."""
    chosen_B, rejected_B = log_p(model, [c for pair in choices for c in (pair.chosen, pair.rejected)]).view(-1, 2).T
    return chosen_B - rejected_B
