"""The policy gradient: its gradient against plain computations, and what a leash and a reward do."""

import copy
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from engine.messages.training import TrainingSettings
from engine.model.transformer import Transformer
from engine.training.optimizers import Optimizer
from engine.training.tasks.answers import Example
from engine.training.trainer import Trainer
from engine.tuning.policy import GROUP, PROMPTS, Policy, advantages, policy_loss
from engine.tuning.rollouts import divergence
from tests.engine.small_models import random_model

PROMPT = (1, 2)


def fives(texts: Sequence[Example]) -> list[float]:
    """Reward each token 5 of an answer."""
    return [float(text.ids[text.first :].count(5)) for text in texts]


def policy(before: Transformer, beta: float, tokens: int = 4, seed: int = 1) -> Policy:
    return Policy(before, [PROMPT, (3,), (4, 4, 4)], fives, beta, tokens, (), seed)


def gradient(model: Transformer, loss: Tensor) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])


def trained(beta: float, steps: int = 30, rate: float = 3e-3) -> tuple[Transformer, Policy]:
    model = random_model(1)
    task = policy(copy.deepcopy(model), beta)
    settings = TrainingSettings(steps=steps, seconds=None, batch=2)
    for _ in Trainer(model, task, settings, Optimizer(model, 0.0, rate)).run():
        pass
    return model, task


def test_the_advantage_is_over_the_mean_of_the_other_texts() -> None:
    found = advantages(torch.tensor([[1.0, 2.0, 6.0], [0.0, 0.0, 0.0]]))
    assert found.tolist() == [[1 - 4, 2 - 3.5, 6 - 1.5], [0, 0, 0]]


def test_over_all_texts_the_gradient_is_that_of_the_expected_reward() -> None:
    model = random_model(1).double()
    texts = [Example((*PROMPT, token), 2) for token in range(20)]
    reward_B = torch.arange(20.0).double() ** 2
    p_B = model(torch.tensor([PROMPT]))[0, -1].softmax(dim=-1)
    expected = gradient(model, (p_B * reward_B).sum())  # of Σ p(y) reward(y), without any logarithm
    for baseline in (0.0, 7.0):
        loss_B, _ = policy_loss(model, model, texts, reward_B - baseline, beta=0.0)
        p_B = model(torch.tensor([PROMPT]))[0, -1].softmax(dim=-1).detach()
        found = gradient(model, -(p_B * loss_B).sum())
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_the_gradient_of_a_step_is_that_of_its_texts_one_by_one() -> None:
    model, before, beta = random_model(1), random_model(2), 0.3
    task = policy(before, beta)
    [loss] = task.losses(model, 0)
    found = gradient(model, loss)
    texts = task.written.texts
    rewards = fives(texts)
    total = torch.zeros(())
    for place, text in enumerate(texts):
        group = [rewards[i] for i in range(len(texts)) if i // GROUP == place // GROUP and i != place]
        for index in range(text.first, len(text.ids)):
            log_p_V, log_q_V = (m(torch.tensor([text.ids[:index]]))[0, -1].log_softmax(0) for m in (model, before))
            kl = (log_p_V.exp() * (log_p_V - log_q_V)).sum()
            total = total + beta * kl - (rewards[place] - sum(group) / len(group)) * log_p_V[text.ids[index]]
    torch.testing.assert_close(found, gradient(model, total / len(texts) / (1 + beta)), atol=1e-5, rtol=1e-4)


def test_the_number_of_the_loss_is_the_leash_minus_the_reward() -> None:
    model, before = random_model(1), random_model(2)
    task = policy(before, beta=0.3)
    [loss] = task.losses(model, 0)
    written = task.written
    assert len(written.texts) == PROMPTS * GROUP
    assert written.reward == pytest.approx(sum(fives(written.texts)) / len(written.texts))
    assert written.kl == pytest.approx(divergence(model, before, written.texts), abs=1e-4)
    assert loss.item() == pytest.approx((0.3 * written.kl - written.reward) / 1.3, abs=1e-4)
    [(validation, count)] = task.validation_losses(model, final=True)
    assert validation == pytest.approx(loss.item(), abs=1e-4)
    assert count == 1


def test_texts_that_do_not_fit_into_memory_at_once_give_the_same_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    model, before = random_model(1), random_model(2)
    [whole] = policy(before, 0.3).losses(model, 0)
    monkeypatch.setattr("engine.tuning.rollouts.LOGITS_AT_ONCE", 20 * 7 * 5)
    parts = list(policy(before, 0.3).losses(model, 0))
    assert len(parts) > 1
    assert sum(part.item() for part in parts) == pytest.approx(whole.item(), abs=1e-5)
    found = sum((gradient(model, part) for part in parts), torch.zeros(()))
    torch.testing.assert_close(found, gradient(model, whole), atol=1e-5, rtol=1e-4)


def test_the_reward_grows_and_a_leash_holds_it_back() -> None:
    free, held, tied = (trained(beta) for beta in (0.0, 1.0, 1e4))
    assert free[1].written.reward > held[1].written.reward > tied[1].written.reward
    assert free[1].written.kl > held[1].written.kl > 10 * tied[1].written.kl
    assert tied[1].written.kl < 0.01


def test_equal_seeds_write_equal_texts() -> None:
    first, second = (policy(random_model(1), 0.1) for _ in range(2))
    for task in (first, second):
        list(task.losses(random_model(2), 3))
    assert first.written == second.written
    list(second.losses(random_model(2), 4))
    assert first.written.texts != second.written.texts
