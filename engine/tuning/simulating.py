"""Choices of a simulated judge between texts that a model writes, for experiments, examples and tests."""

from collections.abc import Iterator, Sequence
from random import Random

import torch

from engine.messages.choices import Choice
from engine.model.transformer import Transformer
from engine.text.judges import Judge
from engine.tuning.prompting import Prompting, whole_sentences
from engine.tuning.rollouts import write_texts

AT_ONCE = 8  # texts to one prompt, which are compared two by two
LOOKED_AT = 20  # times as many pairs as are wanted


def simulate(
    model: Transformer, prompting: Prompting, judge: Judge, prompts: Sequence[str], count: int, tokens: int, seed: int
) -> Iterator[Choice]:
    """Yield the judge's choices, decided or tied, until `count` are decided or too many pairs have been looked at.

    Of each prompt's texts, at most two pairs are decided. Raises EngineError as Prompting.ids.
    """
    rng, generator, decided, looked_at = Random(seed), torch.Generator().manual_seed(seed), 0, 0
    while decided < count and looked_at < LOOKED_AT * count:
        prompt = rng.choice(prompts)
        ids = prompting.ids(prompt)
        written = write_texts(model, ids, AT_ONCE, tokens, generator, prompting.stops)
        texts = (whole_sentences(prompting.text(text.ids[text.first :])) for text in written)
        different = [text for text in dict.fromkeys(texts) if text.strip()]
        most = min(count, decided + 2)
        looked_at += AT_ONCE // 2  # even if all texts are equal
        for pair in zip(different[::2], different[1::2], strict=False):
            choice = judge.choose(prompt, pair, rng)
            decided += bool(choice.pairs)
            yield choice
            if decided == most:
                break
