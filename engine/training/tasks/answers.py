"""Supervised fine-tuning: predict the tokens of an answer from its prompt and the answer's tokens before them.

The prompt is only read: its tokens do not count for the loss (Ouyang et al. 2022, arXiv:2203.02155, §3.4, stage 1).

Suffixes: B examples, T tokens of the longest of them, V vocabulary, N tokens of answers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.errors import EngineError
from engine.messages.tuning import Pair
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from engine.training.recipe import tokens_at_once
from engine.training.tasks.replay import Replay

FEWEST_AT_ONCE = 128  # tokens of examples that are computed together; reading the weights takes longer than fewer
VALIDATION_EXAMPLES, FINAL_EXAMPLES = 64, 1024
IGNORED = -100  # a target that does not count; cross_entropy's own default


@dataclass(frozen=True, slots=True)
class Form:
    """The text around a pair, and the token that ends an answer, if the model has one."""

    before: str = "User: "
    between: str = "\nBot:"
    space: str = " "  # before the answer
    after: str = "\n\n"  # ends the answer of a model that has no token for it
    end: int | None = None
    by_template: bool = False  # which writes the token that begins a text itself

    def prompt(self, tokenizer: Tokenizer, words: str) -> list[int]:
        """Return the tokens after which the answer begins."""
        begin = [] if self.by_template else tokenizer.encode("")
        text = self.before + tokenizer.as_text(words.strip()) + self.between
        return [*begin, *tokenizer.encode_prompt(text)]

    def answer(self, tokenizer: Tokenizer, words: str) -> list[int]:
        """Return the tokens of an answer with its end."""
        text = self.space + tokenizer.as_text(words.strip())
        if self.end is not None:
            return [*tokenizer.encode_prompt(text), self.end]
        return tokenizer.encode_prompt(text + self.after)


@dataclass(frozen=True, slots=True)
class Example:
    ids: tuple[int, ...]
    first: int  # index of the answer's first token


def examples(pairs: Sequence[Pair], form: Form, tokenizer: Tokenizer, context: int) -> list[Example]:
    """Return the pairs as tokens, without those that are longer than the context."""
    found = []
    for pair in pairs:
        prompt, answer = form.prompt(tokenizer, pair.prompt), form.answer(tokenizer, pair.answer)
        if len(prompt) + len(answer) <= context + 1:
            found.append(Example((*prompt, *answer), len(prompt)))
    return found


class Answers:
    """The task of supervised fine-tuning. The loss is the cross-entropy in nats per token of the answers.

    `replay` adds its own loss on old text with the weight `replay_weight`, against forgetting.
    """

    def __init__(
        self,
        train: Sequence[Example],
        held_out: Sequence[Example],
        batch: int,
        seed: int,
        replay: Replay | None = None,
        replay_weight: float = 1.0,
    ) -> None:
        """Raise EngineError error.pairs_long if no example fits into the context."""
        if not train:
            raise EngineError("error.pairs_long")
        self.train, self.held_out, self.batch, self.seed = list(train), list(held_out), batch, seed
        self.replay, self.replay_weight = replay, replay_weight

    @property
    def tokens_per_step(self) -> int:
        mean = sum(len(example.ids) for example in self.train) / len(self.train)
        return round(self.batch * mean) + (self.replay.tokens_per_step if self.replay else 0)

    def losses(self, model: Transformer, step: int) -> Iterator[Tensor]:
        chosen = self._batch(step)
        count = sum(len(example.ids) - example.first for example in chosen)
        for part in _parts(chosen, model):
            yield answer_loss(model, part) / count
        if self.replay is not None:
            for loss in self.replay.losses(model, step):
                yield self.replay_weight * loss

    def _batch(self, step: int) -> list[Example]:
        return [self.train[index] for index in shuffled(len(self.train), step, self.batch, self.seed)]

    @torch.no_grad()
    def validation_losses(self, model: Transformer, final: bool) -> Iterator[tuple[float, int]]:
        most = FINAL_EXAMPLES if final else VALIDATION_EXAMPLES
        for part in _parts((self.held_out or self.train)[:most], model):
            count = sum(len(example.ids) - example.first for example in part)
            yield answer_loss(model, part).item(), count


def shuffled(count: int, step: int, batch: int, seed: int) -> list[int]:
    """Return the indices of a step's batch: each once before any is repeated, in another order each time."""
    places = range(step * batch, (step + 1) * batch)
    orders = {epoch: np.random.default_rng((seed, epoch)).permutation(count) for epoch in {p // count for p in places}}
    return [int(orders[place // count][place % count]) for place in places]


def _parts(chosen: Sequence[Example], model: Transformer) -> Iterator[list[Example]]:
    """Yield the examples by length, few enough at once for other requests and for little memory."""
    tokens = max(FEWEST_AT_ONCE, tokens_at_once(model.config))
    part: list[Example] = []
    for example in sorted(chosen, key=lambda e: len(e.ids)):
        if part and (len(part) + 1) * len(example.ids) > tokens:
            yield part
            part = []
        part.append(example)
    if part:
        yield part


def answer_loss(model: Transformer, chosen: Sequence[Example]) -> Tensor:
    """Return the cross-entropy of the answers' tokens, added up."""
    return -log_p(model, chosen).sum()


def log_p(model: Transformer, chosen: Sequence[Example]) -> Tensor:
    """Return the log-probability of each answer, given its prompt, in nats [B]."""
    x_BT, y_BT = (ids.to(model.device) for ids in padded(chosen))
    counted_BT = y_BT != IGNORED
    logits_NV = model.decode(model.residual(x_BT)[counted_BT])  # of these tokens alone
    log_p_N = -F.cross_entropy(logits_NV.float(), y_BT[counted_BT], reduction="none")
    return torch.zeros(len(chosen), device=model.device).index_add(0, counted_BT.nonzero()[:, 0], log_p_N)


def padded(chosen: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Return the tokens and their targets, both [B T]. Targets outside the answers are IGNORED.

    Short examples are filled up at their end, which no earlier token sees.
    """
    T = max(len(example.ids) for example in chosen) - 1
    x_BT, y_BT = torch.zeros(len(chosen), T, dtype=torch.long), torch.full((len(chosen), T), IGNORED)
    for row, example in enumerate(chosen):
        ids = torch.tensor(example.ids)
        x_BT[row, : len(ids) - 1] = ids[:-1]
        y_BT[row, example.first - 1 : len(ids) - 1] = ids[example.first :]
    return x_BT, y_BT
