"""A judge that is the model itself: which answer fits a written principle better than its opposite.

As in "constitutional AI" (Bai et al. 2022, arXiv:2212.08073, section 4) a principle takes the place of people. Large
models are asked which answer is better, "(A)" or "(B)". SmolLM2 with 135 million parameters replies "(A)" whatever the
principle. Therefore the model reads an answer, and what counts is how much likelier it then finds the principle than
its opposite:

    value of an answer = ln p(principle | prompt, answer) - ln p(opposite | prompt, answer)

Without the opposite, a principle that the model finds unlikely after any friendly text would be judged the wrong way
round. Figures: tests/benchmarks/preferences.py.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.messages.choices import Choice
from engine.text.judges import ranked
from engine.text.tokenizer import Tokenizer

JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
FORMS = {
    "en": ("Prompt: {prompt}\nAnswer: {answer}\nPrinciple of the answer:", " "),
    "ja": ("プロンプト：{prompt}\n答え：{answer}\nこの答えの原則：", ""),
}


@dataclass(frozen=True)
class Principle:
    """A principle and its opposite, and the model that judges by them; it reads in the principle's language."""

    words: str
    opposite: str
    reader: Reader
    tokenizer: Tokenizer

    def choose(self, choice: Choice) -> Choice:
        """Return the model's own ranks for the answers of a choice. Raises EngineError as `value`."""
        values = [self.value(choice.prompt, answer) for answer in choice.answers]
        return ranked(choice.prompt, choice.answers, values, "principle")

    def value(self, prompt: str, answer: str) -> float:
        """Return how much likelier the principle is than its opposite after an answer, in nats.

        Raises EngineError: error.choices_prompt if the text does not fit the context, error.logits_broken.
        """
        form, space = FORMS["ja" if JAPANESE.search(self.words) else "en"]
        before = self.tokenizer.encode(form.format(prompt=prompt.strip(), answer=answer.strip()))
        principle, opposite = (self.tokenizer.encode_prompt(space + words) for words in (self.words, self.opposite))
        if len(before) + max(len(principle), len(opposite)) > self.reader.context:
            raise EngineError("error.choices_prompt", context=self.reader.context)
        return self._log_p(before, principle) - self._log_p(before, opposite)

    def _log_p(self, before: Sequence[int], ids: Sequence[int]) -> float:
        """Return the log-probability of the tokens `ids` after `before`, in nats."""
        total = 0.0
        for place, token in enumerate(ids):
            logits_V = self.reader.logits([*before, *ids[:place]]).astype(np.float64)
            total += float(logits_V[token] - np.logaddexp.reduce(logits_V))
        if not math.isfinite(total):
            raise EngineError("error.logits_broken")
        return total
