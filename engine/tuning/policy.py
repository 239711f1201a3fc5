"""Policy gradient with a leash: write texts, make those with a high reward likelier, and stay near the model before.

What grows is the mean over texts of reward(y) - β KL(y). The gradient of the mean reward is that of REINFORCE
(Williams 1992): the mean of (reward(y) - baseline) ∇ log π(y). The baseline is the mean reward of the other texts that
continue the same prompt, which does not depend on y (Ahmadian et al. 2024, arXiv:2402.14740; with the mean of all of
them, divided by their standard deviation, it is GRPO's, Shao et al. 2024, arXiv:2402.03300). The KL divergence is
differentiated as in GRPO: for the texts as they were written. That it also changes with which texts are written is
left out.

Suffixes: P prompts, G texts that continue each of them, B = P·G texts.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.model.transformer import Transformer
from engine.training.tasks.answers import Example, shuffled
from engine.tuning.rollouts import continue_all, in_parts, kl_per_text, score_texts

Reward = Callable[[Sequence[Example]], Sequence[float]]
PROMPTS, GROUP = 3, 8  # prompts a step, and texts that continue each of them


@dataclass(frozen=True, slots=True)
class Written:
    """The texts of a step, with their means."""

    texts: list[Example]
    reward: float
    kl: float  # nats per text


class Policy:
    """The task of the policy gradient. The loss is (β KL - reward) / (1 + β), the mean over the step's own texts.

    Divided so, it stays of one size however large β is; where it is smallest does not change.
    """

    def __init__(
        self,
        before: Transformer,
        prompts: Sequence[Sequence[int]],
        reward: Reward,
        beta: float,
        tokens: int,
        stops: Collection[int],
        seed: int,
    ) -> None:
        """`reward` gives the reward of texts, `before` is the model that the leash holds to."""
        self.before, self.prompts, self.reward, self.beta = before, list(prompts), reward, beta
        self.tokens, self.stops, self.seed = tokens, frozenset(stops), seed
        self.written = Written([], 0.0, 0.0)  # by the last step

    @property
    def tokens_per_step(self) -> int:
        return PROMPTS * GROUP * self.tokens

    def losses(self, model: Transformer, step: int) -> Iterator[Tensor]:
        chosen = [self.prompts[i] for i in shuffled(len(self.prompts), step, PROMPTS, self.seed)]
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        prompts = [prompt for prompt in chosen for _ in range(GROUP)]
        texts = continue_all(model, prompts, self.tokens, generator, self.stops)
        reward_B = torch.tensor(list(self.reward(texts)))
        advantage_B = advantages(reward_B.view(-1, GROUP)).flatten()
        kl = 0.0
        for part in in_parts(model, texts):
            loss_B, kl_B = policy_loss(model, self.before, texts[part], advantage_B[part], self.beta)
            value_B = (self.beta * kl_B.cpu() - reward_B[part]).to(loss_B.device)
            kl += kl_B.sum().item() / len(texts)
            # The number of the loss is what it means; its gradient is that of the surrogate.
            yield (loss_B + (value_B - loss_B).detach()).sum() / (len(texts) * (1 + self.beta))
        self.written = Written(texts, reward_B.mean().item(), kl)

    def validation_losses(self, model: Transformer, final: bool) -> Iterator[tuple[float, int]]:
        """Yield the loss of the last step's texts: a text that is written anew is held-out data."""
        yield (self.beta * self.written.kl - self.written.reward) / (1 + self.beta), 1


def policy_loss(
    model: Transformer, before: Transformer, texts: Sequence[Example], advantage_B: Tensor, beta: float
) -> tuple[Tensor, Tensor]:
    """Return a surrogate of each text, whose gradient is that of its reward and leash, and its KL divergence, [B]."""
    now = score_texts(model, texts)
    with torch.no_grad():
        then = score_texts(before, texts)
    kl_B = kl_per_text(now, then)
    return beta * kl_B - advantage_B.to(kl_B.device) * now.log_p_B, kl_B.detach()


def advantages(reward_PG: Tensor) -> Tensor:
    """Return each reward minus the mean of the other rewards in its row."""
    G = reward_PG.shape[1]
    return (reward_PG - reward_PG.mean(dim=1, keepdim=True)) * (G / (G - 1))
