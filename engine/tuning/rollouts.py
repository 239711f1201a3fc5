"""Texts that a model writes in batches, and their probabilities: what learning from preferences is made of.

Suffixes: B texts at once, T tokens, V vocabulary.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.model.transformer import Transformer
from engine.training.tasks.answers import IGNORED, Example, padded


@torch.no_grad()
def write_texts(
    model: Transformer,
    prompt: Sequence[int],
    count: int,
    tokens: int,
    generator: torch.Generator,
    stops: Collection[int] = (),
    temperature: float = 1.0,
) -> list[Example]:
    """Return `count` continuations of a prompt of at most `tokens` tokens, drawn from the model's distribution.

    A continuation ends with the first token of `stops`.
    """
    tokens = min(tokens, model.config.context - len(prompt))
    cache = model.new_cache(count)
    x_BT = torch.tensor([list(prompt)] * count, device=model.device)
    written: list[Tensor] = []
    ended_B = torch.zeros(count, dtype=torch.bool)
    for _ in range(max(0, tokens)):
        logits_BV = model(x_BT, cache)[:, -1].float().cpu()
        next_B = torch.multinomial((logits_BV / temperature).softmax(dim=-1), 1, generator=generator)[:, 0]
        written.append(next_B.masked_fill(ended_B, IGNORED))
        ended_B |= torch.isin(next_B, torch.tensor(list(stops), dtype=next_B.dtype))
        if bool(ended_B.all()):
            break
        x_BT = next_B[:, None].to(model.device)
    rows = torch.stack(written, dim=1).tolist() if written else [[] for _ in range(count)]
    return [Example((*prompt, *(token for token in row if token != IGNORED)), len(prompt)) for row in rows]


@dataclass(frozen=True, slots=True)
class Scored:
    """Texts under one model: log p of each token that counts, and the sums over each text."""

    log_p_BTV: Tensor  # of every token of the vocabulary, at every position
    y_BT: Tensor  # the tokens; IGNORED where none counts

    @property
    def counted_BT(self) -> Tensor:
        return self.y_BT != IGNORED

    @property
    def token_log_p_BT(self) -> Tensor:
        """The log-probability of each token, 0 where none counts."""
        found_BT = self.log_p_BTV.gather(2, self.y_BT.clamp(min=0)[..., None])[..., 0]
        return found_BT * self.counted_BT

    @property
    def log_p_B(self) -> Tensor:
        """The log-probability of each continuation, given its prompt."""
        return self.token_log_p_BT.sum(dim=1)


def score_texts(model: Transformer, texts: Sequence[Example]) -> Scored:
    """Return the probabilities of continuations. Texts are filled up at their end, which no earlier token sees."""
    x_BT, y_BT = padded(texts)
    logits_BTV = model(x_BT.to(model.device)).float()
    return Scored(logits_BTV.log_softmax(dim=-1), y_BT.to(model.device))


def kl_per_text(now: Scored, before: Scored) -> Tensor:
    """Return the Kullback-Leibler divergence of each text's distributions, summed over its tokens, in nats [B].

    For texts that the present model has written this estimates KL(now || before) with the sum over the vocabulary
    done exactly at each position (Rao and Blackwell), which has less variance than log p - log q of the drawn token.
    """
    per_token_BT = (now.log_p_BTV.exp() * (now.log_p_BTV - before.log_p_BTV)).sum(dim=2)
    return (per_token_BT * now.counted_BT).sum(dim=1)


def distinct_bigrams(texts: Sequence[Example]) -> float:
    """Return the number of different pairs of tokens over that of all pairs (Li et al. 2016, arXiv:1510.03055)."""
    pairs = [pair for text in texts for pair in zip(text.ids[text.first :], text.ids[text.first + 1 :], strict=False)]
    return len(set(pairs)) / max(1, len(pairs))
