"""The sentence that answers: found in a passage, and found again as the source of what was written."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from engine.retrieval.analysis import importance, question_terms, terms
from engine.retrieval.chunking import Span, sentences
from engine.retrieval.keyword import Keywords

ENOUGH = 0.35  # of what a sentence says must stand in its source


@dataclass(frozen=True, slots=True)
class Citation:
    answer: Span  # characters of the answer
    source: int  # index of the passage
    span: Span  # characters of that passage


class Extractor:
    """Weighs terms by their rarity in a collection."""

    def __init__(self, keywords: Keywords) -> None:
        self._keywords = keywords
        self._unknown = float(keywords.idf_V.max(initial=1.0))

    def weight(self, term: str) -> float:
        """A term that the collection does not hold says as much as its rarest one."""
        column = self._keywords.vocabulary.get(term)
        return self._unknown if column is None else float(self._keywords.idf_V[column])

    def best_sentence(self, question: str, text: str) -> tuple[Span, float]:
        """The span of the sentence (or line) nearest to the question, and how near: 0 if none shares a term with it."""
        asked, best, highest = set(question_terms(question)), (0, 0), 0.0
        for span in lines(text):
            found = set(terms(text[span[0] : span[1]]))
            score = sum(map(self.weight, sorted(asked & found))) / sqrt(sum(map(self.weight, sorted(found))) + 10.0)
            if score > highest:
                best, highest = span, score
        return best, highest

    def covered(self, question: str, text: str) -> float:
        """How much of a question, 0..1, stands in one line of a text: words that belong together stand together."""
        asked = {term: importance(term) * self.weight(term) for term in question_terms(question)}
        found = (asked.keys() & set(terms(text[start:end])) for start, end in lines(text))
        most = max((sum(asked[term] for term in sorted(some)) for some in found), default=0.0)
        return most / max(sum(asked.values()), 1e-9)

    def cite(self, answer: str, passages: Sequence[str]) -> list[Citation]:
        """For each sentence of the answer the sentence that says most of it, if one says enough.

        A passage that lacks a number of the answer is not where it comes from.
        """
        found = []
        for span in lines(answer):
            sentence = answer[slice(*span)]
            able = [index for index, text in enumerate(passages) if _numbers(sentence) <= _numbers(text)]
            sources = [(index, line) for index in able for line in lines(passages[index])]
            said = set(terms(sentence))
            whole = max(sum(map(self.weight, said)), 1e-9)
            shares = [
                sum(map(self.weight, said & set(terms(passages[index][slice(*line)])))) / whole
                for index, line in sources
            ]
            best = max(range(len(sources)), key=shares.__getitem__, default=None)
            if best is not None and shares[best] >= ENOUGH:
                found.append(Citation(span, *sources[best]))
        return found


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+", unicodedata.normalize("NFKC", text)))


def lines(text: str) -> list[Span]:
    """Sentences; where lines are shorter, as in lists and tables, lines."""
    found: list[Span] = []
    for start, end in sentences(text):
        for line in text[start:end].split("\n"):
            if line.strip():
                found.append((start, start + len(line)))
            start += len(line) + 1
    return found
