"""Direct preference optimisation: its loss against a plain computation, and what it changes."""

import copy
import math

import pytest
import torch

from engine.messages.training import TrainingSettings
from engine.model.transformer import Transformer
from engine.training.optimizers import Optimizer
from engine.training.tasks.answers import Example
from engine.training.tasks.preferences import Compared, Preferences, margins
from engine.training.trainer import Trainer
from tests.engine.small_models import random_model

CHOICES = [
    Compared(Example((1, 2, 3, 4, 5), 2), Example((1, 2, 6), 2)),
    Compared(Example((7, 8, 9), 1), Example((7, 9, 8, 8, 8), 1)),
    Compared(Example((3, 4, 4), 2), Example((3, 4, 5), 2)),
]


def plain_log_p(model: Transformer, text: Example) -> float:
    total = 0.0
    for place in range(text.first, len(text.ids)):
        logits_V = model(torch.tensor([text.ids[:place]]))[0, -1].double()
        total += (logits_V[text.ids[place]] - logits_V.logsumexp(0)).item()
    return total


def train(model: Transformer, beta: float, steps: int = 5, seed: int = 1) -> Preferences:
    task = Preferences(model, CHOICES, beta, batch=2, seed=seed)
    settings = TrainingSettings(steps=steps, seconds=None, batch=2)
    for _ in Trainer(model, task, settings, Optimizer(model, 0.0, 3e-3)).run():
        pass
    return task


@torch.no_grad()
def test_the_loss_is_that_of_the_paper() -> None:
    before, now, beta = random_model(1), random_model(2), 0.3
    task = Preferences(before, CHOICES, beta, batch=3, seed=1)
    expected = 0.0
    for choice in CHOICES:
        ratios = [plain_log_p(now, text) - plain_log_p(before, text) for text in (choice.chosen, choice.rejected)]
        expected += -math.log(1 / (1 + math.exp(-beta * (ratios[0] - ratios[1])))) / len(CHOICES)
    assert sum(part.item() for part in task.losses(now, 0)) == pytest.approx(expected, abs=1e-5)
    assert sum(loss for loss, _ in task.validation_losses(now, final=True)) / 3 == pytest.approx(expected, abs=1e-5)


@torch.no_grad()
def test_the_loss_of_the_model_before_is_log_2() -> None:
    task = Preferences(model := random_model(1), CHOICES, 0.1, batch=3, seed=1)
    assert sum(part.item() for part in task.losses(model, 0)) == pytest.approx(math.log(2), abs=1e-6)


def test_what_is_chosen_becomes_likelier_against_what_is_rejected() -> None:
    model = random_model(1)
    before = margins(model, CHOICES).tolist()
    train(model, beta=0.1)
    assert all(now > then + 0.1 for now, then in zip(margins(model, CHOICES).tolist(), before, strict=True))


def test_equal_seeds_give_equal_weights() -> None:
    models = [random_model(1) for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        train(model, beta=0.1, seed=seed)
    first, second, other = (model.state_dict()["embedding.weight"] for model in models)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@torch.no_grad()
def test_parts_of_a_batch_add_up_to_its_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(1)
    task, now = Preferences(model, CHOICES, 0.1, batch=3, seed=1), random_model(2)
    [whole] = task.losses(now, 0)
    monkeypatch.setattr("engine.training.tasks.preferences.AT_ONCE", 1)
    parts = list(task.losses(now, 0))
    assert len(parts) == 3
    assert sum(part.item() for part in parts) == pytest.approx(whole.item(), abs=1e-6)


def test_the_model_before_is_only_read() -> None:
    model = random_model(1)
    kept = copy.deepcopy(model.state_dict())
    Preferences(model, CHOICES, 0.1, batch=2, seed=1)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in model.state_dict().items())
