"""A reward model: a linear head on a language model that gives the preferred one of two answers the higher reward.

The head reads the mean x of the final hidden states of an answer's tokens. Its reward r = w·x predicts a choice by the
model of Bradley and Terry (1952), as in Christiano et al. 2017 (arXiv:1706.03741) and Ouyang et al. 2022
(arXiv:2203.02155, equation 1):

    P(answer a is preferred to b) = σ(r_a - r_b),    loss = mean of -ln σ(r_chosen - r_rejected) + L2/2 · |w|²

The loss is convex, and Newton's method finds its minimum. The reward is also the mean of w·h over the answer's
tokens, so that every token has its part in it. A reward alone means nothing: 0 is the mean of the answers fitted.

Suffixes: N answers or pairs, T tokens, D width, R dimensions of the span of the pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.messages.choices import Choice
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer
from engine.training.tasks.answers import Example
from engine.tuning.prompting import Prompting

L2 = 0.01
TOKENS_AT_ONCE = 2048  # of answers that are computed together
FOLDS = 10
STEPS = 50  # of Newton's method, which needs about six
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RewardModel:
    """The head: a reward is w·x - w·mean, for hidden states divided by `scale`."""

    w_D: Floats
    mean_D: Floats
    scale: float

    def rewards(self, x: Floats) -> Floats:
        """Return the rewards [...] of hidden states or means of them [... D]."""
        return (x / self.scale - self.mean_D) @ self.w_D


def answers_of(choices: Sequence[Choice], prompting: Prompting) -> list[Example]:
    """Return all answers as tokens, one after the other. Raises EngineError as Prompting.ids."""
    return [prompting.example(choice.prompt, answer) for choice in choices for answer in choice.answers]


def mean_states(model: Transformer, answers: Sequence[Example], changes: Changes = UNCHANGED) -> Floats:
    """Return the mean final hidden state of each answer's tokens, [N D]; the prompt's tokens do not count."""
    return np.concatenate(list(mean_states_in_parts(model, answers, changes)))


def mean_states_in_parts(
    model: Transformer, answers: Sequence[Example], changes: Changes = UNCHANGED
) -> Iterator[Floats]:
    """Yield what `mean_states` returns, a few answers at a time."""
    width = max((len(answer.ids) for answer in answers), default=1)
    at_once = max(1, TOKENS_AT_ONCE // width)
    for start in range(0, len(answers), at_once):
        part = answers[start : start + at_once]
        x_NT = torch.zeros(len(part), max(len(answer.ids) for answer in part), dtype=torch.long)
        for row, answer in enumerate(part):  # filled up at the end, which no earlier token sees
            x_NT[row, : len(answer.ids)] = torch.tensor(answer.ids)
        states_NTD = final_states(model, x_NT, changes)
        spans = [slice(min(answer.first, len(answer.ids) - 1), len(answer.ids)) for answer in part]
        yield np.stack([states_TD[span].mean(axis=0) for states_TD, span in zip(states_NTD, spans, strict=True)])


def final_states(model: Transformer, x_NT: torch.Tensor, changes: Changes = UNCHANGED) -> Floats:
    """Return the residual stream of every token after the final norm, [N T D]."""
    tape = Tape(["ln_final"], changes=changes)
    model.record(x_NT.to(model.device), tape)
    return tape.take("ln_final").double().cpu().numpy()


# --- Fitting ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pairs:
    """The pairs of choices as differences of hidden states. A choice with several pairs counts as much as one."""

    difference_ND: Floats  # chosen - rejected
    weight_N: Floats
    group_N: NDArray[np.int64]  # the index of the pair's prompt, or of its choice if there are few prompts


def pairs_of(choices: Sequence[Choice], x_ND: Floats) -> Pairs:
    """Return the pairs, given the mean states of all answers in the order of `answers_of`."""
    differences, weights, groups = [np.zeros((0, x_ND.shape[1]))], list[float](), list[int]()
    places = {prompt: place for place, prompt in enumerate(dict.fromkeys(c.prompt for c in choices if c.pairs))}
    start = 0
    for index, choice in enumerate(choices):
        of_answer = dict(zip(choice.answers, x_ND[start:], strict=False))
        start += len(choice.answers)
        for chosen, rejected in choice.pairs:
            differences.append((of_answer[chosen] - of_answer[rejected])[None])
            weights.append(1 / len(choice.pairs))
            groups.append(places[choice.prompt] if len(places) >= FOLDS else index)
    return Pairs(np.concatenate(differences), np.array(weights), np.array(groups, np.int64))


def fit(choices: Sequence[Choice], x_ND: Floats) -> RewardModel:
    """Return the reward model of choices with at least one pair, given the mean states of all their answers.

    Raises EngineError error.logits_broken for states that are not finite.
    """
    if not np.isfinite(x_ND).all():
        raise EngineError("error.logits_broken")
    scale = float(np.sqrt((x_ND**2).mean())) or 1.0
    pairs = pairs_of(choices, x_ND / scale)
    return RewardModel(newton(pairs.difference_ND, pairs.weight_N), x_ND.mean(axis=0) / scale, scale)


def newton(difference_ND: Floats, weight_N: Floats, l2: float = L2) -> Floats:
    """Return the w that minimises the loss in the docstring of this module, [D].

    It is a sum of the pairs' differences, so that it is found in the basis of their span, which is small.
    """
    basis_DR, _ = np.linalg.qr(difference_ND.T)
    x_NR, share_N = difference_ND @ basis_DR, weight_N / weight_N.sum()
    w_R = np.zeros(x_NR.shape[1])
    for _ in range(STEPS):
        wrong_N = 0.5 - 0.5 * np.tanh(x_NR @ w_R / 2)  # σ(-r)
        gradient_R = l2 * w_R - x_NR.T @ (share_N * wrong_N)
        hessian_RR = l2 * np.eye(len(w_R)) + (x_NR.T * (share_N * wrong_N * (1 - wrong_N))) @ x_NR
        step_R = np.linalg.solve(hessian_RR, gradient_R)
        w_R -= step_R
        if np.abs(step_R).max(initial=0.0) < 1e-9:
            break
    return basis_DR @ w_R


def accuracy(rewards: Floats, choices: Sequence[Choice]) -> float | None:
    """Return the share of the choices whose preferred answer has the higher reward; None without a pair.

    `rewards` are those of all answers in the order of `answers_of`. Equal rewards count one half.
    """
    pairs = pairs_of(choices, np.asarray(rewards, np.float64)[:, None])
    return _right(pairs.difference_ND[:, 0], pairs.weight_N)


def _right(margin_N: Floats, weight_N: Floats) -> float | None:
    total = weight_N.sum()
    return float(weight_N @ (0.5 + 0.5 * np.sign(margin_N)) / total) if total else None


def held_out_accuracy(choices: Sequence[Choice], x_ND: Floats) -> float | None:
    """Return the share of right predictions for choices that the reward model was not fitted to (cross-validation).

    The choices of one prompt are held out together, in up to ten folds. None if there are fewer than four groups.
    """
    pairs = pairs_of(choices, x_ND / (float(np.sqrt((x_ND**2).mean())) or 1.0))
    groups = np.unique(pairs.group_N)
    if len(groups) < 4:
        return None
    fold_N = np.searchsorted(groups, pairs.group_N) % min(FOLDS, len(groups))
    margin_N = np.zeros(len(fold_N))
    for fold in np.unique(fold_N):
        held = fold_N == fold
        margin_N[held] = pairs.difference_ND[held] @ newton(pairs.difference_ND[~held], pairs.weight_N[~held])
    return _right(margin_N, pairs.weight_N)
