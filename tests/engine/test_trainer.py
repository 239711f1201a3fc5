"""The trainer alone: its numbers, and its use of a task."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.model.transformer import Transformer
from engine.text.corpus import Corpus
from engine.training.recipe import model_config
from engine.training.tasks.language_modelling import LanguageModelling
from engine.training.trainer import Trainer, TrainStep
from tests.engine.conftest import SMALL

VOCABULARY = 50
# Recorded in a run of SMALL on `corpus`, before the trainer was separated from its task.
LOSSES = [
    3.91202, 3.90932, 3.89962, 3.87729, 3.86044, 3.83341, 3.80271, 3.75368, 3.74313, 3.67726, 3.58960, 3.51940, 3.46080,
    3.37959, 3.29140, 3.25441, 3.19888, 3.09527, 3.04426, 3.03408, 3.00103, 2.99371, 2.94323, 2.93940, 2.87914, 2.84488,
    2.90016, 2.80627, 2.82873, 2.78162,
]  # fmt: skip
FIRST_AND_LAST_VALIDATION = [3.90829, 2.84519]
FIRST_NORMS = [0.7939, 0.7297, 0.8165, 0.8157]


@pytest.fixture
def corpus() -> Corpus:
    steps = np.random.default_rng(7).integers(1, 4, size=4000)
    return Corpus((np.cumsum(steps) % VOCABULARY).astype(np.uint16))


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(3)
    return Transformer(model_config(SMALL, VOCABULARY))


def run_of(trainer: Trainer) -> list[TrainStep]:
    return [step for step in trainer.run() if step is not None]


@pytest.mark.usefixtures("float32")
def test_losses_norms_and_validation_are_those_of_the_recorded_run(model: Transformer, corpus: Corpus) -> None:
    steps = run_of(Trainer(model, LanguageModelling(corpus, SMALL), SMALL))
    assert [step.loss for step in steps] == pytest.approx(LOSSES, rel=1e-4)
    assert [step.gradient_norm for step in steps[:4]] == pytest.approx(FIRST_NORMS, rel=1e-3)
    assert [steps[0].validation_loss, steps[-1].validation_loss] == pytest.approx(FIRST_AND_LAST_VALIDATION, rel=1e-4)
    assert [step.tokens for step in steps] == [n * SMALL.batch * SMALL.context for n in range(1, 31)]


@pytest.mark.usefixtures("bfloat16")
def test_losses_in_bfloat16_are_those_of_float32_within_a_thousandth(model: Transformer, corpus: Corpus) -> None:
    steps = run_of(Trainer(model, LanguageModelling(corpus, SMALL), SMALL))
    assert [step.loss for step in steps] == pytest.approx(LOSSES, rel=1e-3)


class OneAnswer:
    """A task of another kind: give token 7 after any token, in two micro-batches of different size."""

    tokens_per_step = 48

    def losses(self, model: Transformer, step: int) -> Iterator[Tensor]:
        for rows in (1, 2):
            yield self._loss(model, rows, step) * rows / 3

    def validation_losses(self, model: Transformer, final: bool) -> Iterator[tuple[float, int]]:
        with torch.no_grad():
            yield self._loss(model, 3, 0).item() * 48, 48

    def _loss(self, model: Transformer, rows: int, step: int) -> Tensor:
        x_BT = torch.arange(step, step + 16 * rows).view(rows, 16) % VOCABULARY
        logits_BTV = model(x_BT)
        return -logits_BTV.log_softmax(-1)[..., 7].mean()


def test_the_trainer_trains_any_task(model: Transformer) -> None:
    steps = run_of(Trainer(model, OneAnswer(), SMALL))
    assert steps[0].loss == pytest.approx(np.log(VOCABULARY), abs=0.1)
    assert steps[-1].loss < 1.0
    assert steps[-1].validation_loss is not None
    assert steps[-1].validation_loss < 1.0
    assert steps[-1].tokens == 30 * 48


def test_parameters_that_require_no_gradient_stay_as_they_are(model: Transformer, corpus: Corpus) -> None:
    model.embedding.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    settings = dataclasses.replace(SMALL, steps=6)
    trainer = Trainer(model, LanguageModelling(corpus, settings), settings)
    assert all(np.isfinite(step.loss) for step in run_of(trainer))
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_a_run_that_is_closed_within_a_step_keeps_no_gradients(model: Transformer, corpus: Corpus) -> None:
    steps = Trainer(model, LanguageModelling(corpus, SMALL), SMALL).run()
    assert next(steps) is None
    assert any(parameter.grad is not None for parameter in model.parameters())
    steps.close()
    assert all(parameter.grad is None for parameter in model.parameters())
