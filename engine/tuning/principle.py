"""A judge that is the model itself: it is asked which of two answers fits a written principle better.

The preferences of "constitutional AI" (Bai et al. 2022, arXiv:2212.08073, section 4): the model reads the principle,
the prompt and both answers, (A) and (B), and its probabilities of the tokens "A" and "B" are compared. It is asked in
both orders, because models favour a place; the mean of both is its preference. The models of that paper are large:
SmolLM2 with 135 million parameters favours (A) whatever the principle (tests/benchmarks/preferences.py).
"""

import math
import re
from dataclasses import dataclass
from itertools import combinations

from engine.errors import EngineError
from engine.messages.choices import Choice
from engine.model.language_model import LanguageModel
from engine.text.judges import ranked
from engine.tuning.prompting import Prompting

JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
LETTERS = ("A", "B")
QUESTIONS = {
    "en": (
        "Consider two answers to the same prompt.\n\nPrompt: {prompt}\n\n(A) {a}\n\n(B) {b}\n\n"
        "Principle: {principle}\n\nWhich answer fits the principle better? Reply with the letter A or B only."
    ),
    "ja": (
        "同じプロンプトへの二つの答えを比べます。\n\nプロンプト：{prompt}\n\n(A) {a}\n\n(B) {b}\n\n"
        "原則：{principle}\n\n原則によく合うのはどちらの答えですか。A か B の一文字だけで答えてください。"
    ),
}
REPLY = {"en": "\n\nThe better answer is (", "ja": "\n\nよく合うのは ("}  # of a model without a chat template


@dataclass(frozen=True)
class Principle:
    """A principle, and the model that judges by it; the question is in the principle's language."""

    words: str
    reader: LanguageModel
    prompting: Prompting

    def choose(self, choice: Choice) -> Choice:
        """Return the model's own ranks for the answers of a choice: by the sum of its preferences over the others.

        Raises EngineError: error.choices_prompt if the question does not fit the context, error.logits_broken.
        """
        answers = choice.answers
        values = [0.0] * len(answers)
        for i, j in combinations(range(len(answers)), 2):
            first = self.preference(choice.prompt, answers[i], answers[j])
            values[i] += first
            values[j] += 1 - first
        return ranked(choice.prompt, answers, values, "principle")

    def preference(self, prompt: str, first: str, second: str) -> float:
        """Return the probability that the model prefers the first answer, 0..1, as the mean over both orders."""
        forward, backward = self.asked(prompt, first, second), self.asked(prompt, second, first)
        return (forward + 1 - backward) / 2

    def asked(self, prompt: str, a: str, b: str) -> float:
        """Return the probability of "A" over that of "A" or "B"."""
        language = "ja" if JAPANESE.search(self.words) else "en"
        question = QUESTIONS[language].format(prompt=prompt, a=a.strip(), b=b.strip(), principle=self.words)
        asked = question if self.prompting.by_template else question + REPLY[language]
        logits = self.reader.logits(self.prompting.ids(asked))
        found_a, found_b = (float(logits[self.prompting.tokenizer.encode_prompt(letter)[-1]]) for letter in LETTERS)
        if not (math.isfinite(found_a) and math.isfinite(found_b)):
            raise EngineError("error.logits_broken")
        return 0.5 + 0.5 * math.tanh((found_a - found_b) / 2)  # σ, without overflow
