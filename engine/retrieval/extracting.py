"""Find the sentence of a passage that answers a question, and the sentences that support an answer."""

import re
import unicodedata
from collections.abc import Sequence
from math import sqrt

from engine.messages.search import Citation
from engine.retrieval.analysis import importance, question_terms, terms
from engine.retrieval.keyword import Keywords
from engine.retrieval.passages import Span, sentences

TITLES = {"mr", "mrs", "ms", "dr"}
ENOUGH = 0.35  # share of a sentence's weight that its source must contain


class Extractor:
    """Compares sentences by their terms, weighted by their rarity in a collection."""

    def __init__(self, keywords: Keywords) -> None:
        self._keywords = keywords
        self._unknown = float(keywords.idf_V.max(initial=1.0))

    def weight(self, term: str) -> float:
        """Return the inverse document frequency of a term; an unknown term has that of the rarest one."""
        column = self._keywords.vocabulary.get(term)
        return self._unknown if column is None else float(self._keywords.idf_V[column])

    def best_sentence(self, question: str, text: str) -> tuple[Span, float]:
        """Return the sentence (or line) nearest to the question and its score; 0 if none shares a term with it."""
        asked, best, highest = set(question_terms(question)), (0, 0), 0.0
        for span in lines(text):
            found = set(terms(text[span[0] : span[1]]))
            score = sum(map(self.weight, sorted(asked & found))) / sqrt(sum(map(self.weight, sorted(found))) + 10.0)
            if score > highest:
                best, highest = span, score
        return best, highest

    def coverage(self, question: str, text: str) -> float:
        """Return how much of a question, 0..1, a single line of a text contains."""
        asked = {term: importance(term) * self.weight(term) for term in question_terms(question)}
        found = (asked.keys() & set(terms(text[start:end])) for start, end in lines(text))
        most = max((sum(asked[term] for term in sorted(some)) for some in found), default=0.0)
        return most / max(sum(asked.values()), 1e-9)

    def cite(self, answer: str, passages: Sequence[str]) -> list[Citation]:
        """Return for each sentence of the answer the sentence that contains most of it, if one contains enough.

        A passage that lacks a number or a name of the answer is not its source.
        """
        found = []
        for span in lines(answer):
            sentence = answer[slice(*span)]
            able = [
                index
                for index, text in enumerate(passages)
                if _numbers(sentence) <= _numbers(text) and _names(sentence) <= _words(text)
            ]
            sources = [(index, line) for index in able for line in lines(passages[index])]
            wanted = set(terms(sentence))
            whole = max(sum(map(self.weight, wanted)), 1e-9)
            shares = [
                sum(map(self.weight, wanted & set(terms(passages[index][slice(*line)])))) / whole
                for index, line in sources
            ]
            best = max(range(len(sources)), key=shares.__getitem__, default=None)
            if best is not None and shares[best] >= ENOUGH:
                source, line = sources[best]
                found.append(Citation(*span, source, *line))
        return found


def unsupported(answer: str, citations: Sequence[Citation]) -> list[Span]:
    """Return the sentences of an answer without a citation; not those without words, such as "1."."""
    cited = {citation.start for citation in citations}
    alone = [span for span in lines(answer) if span[0] not in cited]
    return [span for span in alone if re.search(r"[^\W\d_]", answer[slice(*span)])]


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+", unicodedata.normalize("NFKC", text)))


def _names(sentence: str) -> set[str]:
    """Return the words with a capital inside a sentence, in lower case; titles are no names."""
    inside = re.findall(r"(?<=[^\W\d_])[,;]? +([A-Z][^\W\d_]+)", sentence)
    return {word.casefold() for word in inside} - TITLES


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", text.casefold()))


def lines(text: str) -> list[Span]:
    """Return the spans of the sentences, split further at line ends, as in lists and tables."""
    found: list[Span] = []
    for start, end in sentences(text):
        for line in text[start:end].split("\n"):
            if line.strip():
                found.append((start, start + len(line)))
            start += len(line) + 1
    return found
