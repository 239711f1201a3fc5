"""Texts that a model writes in batches, and their probabilities: what learning from preferences is made of.

Suffixes: B texts at once, T tokens, V vocabulary.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from engine.errors import EngineError
from engine.model.transformer import Transformer
from engine.training.tasks.answers import IGNORED, Example, padded

LOGITS_AT_ONCE = 2**24  # numbers: 64 MiB; a backward pass keeps several times as many


def write_texts(
    model: Transformer,
    prompt: Sequence[int],
    count: int,
    tokens: int,
    generator: torch.Generator,
    stops: Collection[int] = (),
    temperature: float = 1.0,
) -> list[Example]:
    """Return `count` continuations of a prompt; the rest is as in `continue_all`."""
    return continue_all(model, [prompt] * count, tokens, generator, stops, temperature)


@torch.no_grad()
def continue_all(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    tokens: int,
    generator: torch.Generator,
    stops: Collection[int] = (),
    temperature: float = 1.0,
) -> list[Example]:
    """Return a continuation of each prompt, of at most `tokens` tokens, drawn from the model's distribution.

    A continuation ends with the first token of `stops`. All prompts are read side by side, from the length of the
    shortest on: where a longer one goes on, its own token is taken and not a drawn one.
    Raises EngineError error.logits_broken.
    """
    texts = [list(prompt) for prompt in prompts]
    ends = [min(len(prompt) + tokens, model.config.context) for prompt in prompts]
    stop_ids, cache = set(stops), model.new_cache(len(texts))
    x_BT = torch.tensor([text[: min(map(len, texts))] for text in texts], device=model.device)
    for place in range(x_BT.shape[1], max(ends)):
        logits_BV = model(x_BT, cache)[:, -1].float().cpu()
        if not logits_BV.isfinite().all():
            raise EngineError("error.logits_broken")
        drawn_B = torch.multinomial((logits_BV / temperature).softmax(dim=-1), 1, generator=generator)[:, 0].tolist()
        for text, token, end, prompt in zip(texts, drawn_B, ends, prompts, strict=True):
            has_ended = len(text) > len(prompt) and text[-1] in stop_ids
            if len(text) == place < end and not has_ended:
                text.append(token)
        if all(len(text) <= place for text in texts):
            break
        x_BT = torch.tensor([[text[place] if place < len(text) else 0] for text in texts], device=model.device)
    return [Example(tuple(text), len(prompt)) for text, prompt in zip(texts, prompts, strict=True)]


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


@torch.no_grad()
def divergence(now: Transformer, before: Transformer, texts: Sequence[Example]) -> float:
    """Return the mean of `kl_per_text`, in nats; 0 without texts."""
    parts = [texts[part] for part in in_parts(now, texts)]
    sums = [kl_per_text(score_texts(now, part), score_texts(before, part)).sum().item() for part in parts]
    return sum(sums) / max(1, len(texts))


def in_parts(model: Transformer, texts: Sequence[Example]) -> Iterator[slice]:
    """Yield slices of texts so short that the probabilities of all tokens at once fit into memory."""
    longest = max((len(text.ids) for text in texts), default=1)
    size = max(1, LOGITS_AT_ONCE // (longest * model.config.vocabulary))
    yield from (slice(start, start + size) for start in range(0, len(texts), size))


def distinct_bigrams(texts: Sequence[Example]) -> float:
    """Return the number of different pairs of tokens over that of all pairs (Li et al. 2016, arXiv:1510.03055)."""
    pairs = [pair for text in texts for pair in _bigrams(text)]
    return len(set(pairs)) / max(1, len(pairs))


def distinct_within(texts: Sequence[Example]) -> float:
    """Return the mean of the same share within each text that has a pair: 1 if no text repeats itself."""
    shares = [len(set(pairs)) / len(pairs) for text in texts if (pairs := _bigrams(text))]
    return sum(shares) / max(1, len(shares))


def _bigrams(text: Example) -> list[tuple[int, int]]:
    return list(pairwise(text.ids[text.first :]))
