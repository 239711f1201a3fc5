"""The pane's sentence: how well the documents answer the question, from what was found and written."""

import re

from engine.messages.search import Answered
from gui.i18n import number, percent, t
from gui.panes.search.retrieval import Retrieval
from gui.panes.search.sources import one_line

LONGEST = 20  # characters of an answer that is quoted
WORDS = re.compile(r"\s+")


def says(asked: Retrieval) -> str:
    """Return what the present state of an answer shows; "" before anything was found."""
    result, answered = asked.result, asked.sourced.answered
    if result is None:
        return ""
    if not asked.hits:
        return t("pane.search.says.nothing", passages=number(len(result.scores_N)))
    if answered is None:
        return _found(asked)
    if answered.kind == "extracted":
        source = answered.citations[0].source + 1 if answered.citations else 0
        return t("pane.search.says.extracted", source=source) if source else ""
    return _written(asked, answered)


def _found(asked: Retrieval) -> str:
    """Return how many passages were found, and how far the second is below the first."""
    words = {"count": len(asked.hits), "all": number(len(asked.result.scores_N)) if asked.result else ""}
    if len(asked.hits) < 2:
        return t("pane.search.says.found_one", **words)
    share = asked.hits[1].score / asked.hits[0].score
    return t("pane.search.says.found", percent=percent(share), **words)


def _written(asked: Retrieval, answered: Answered) -> str:
    """Return how many sentences of a written answer a passage states, and what the model says without passages."""
    cited, unsaid = len(answered.citations), len(answered.unsaid)
    without = asked.unsourced.answered
    if not cited and not unsaid:
        return t("pane.search.says.empty")
    if not cited:
        return t("pane.search.says.made_up")
    if unsaid:
        return t("pane.search.says.partly", cited=cited, count=cited + unsaid)
    source = answered.citations[0].source + 1
    if without is not None and without.unsaid and not without.citations:
        answer, other = _quoted(answered.text, without.text)
        return t("pane.search.says.compared", source=source, answer=answer, without=other)
    return t("pane.search.says.supported", source=source, count=cited)


def _quoted(text: str, other: str) -> tuple[str, str]:
    """Return two texts, shortened so that what they differ in is seen."""
    first, second = (one_line(words).rstrip(".。") for words in (text, other))
    same = next(
        (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )
    cut = max((place.end() for place in WORDS.finditer(first[:same])), default=same)
    while cut and first[cut - 1].isdigit():  # do not cut a number, which Japanese writes without spaces around it
        cut -= 1
    return _shortened(first, cut), _shortened(second, cut)


def _shortened(text: str, cut: int) -> str:
    """Return a text without the words that it begins with in common with another, if it is too long."""
    if len(text) <= LONGEST:
        return text
    rest = f"…{text[cut:]}" if cut else text
    return rest if len(rest) <= LONGEST else f"{rest[: LONGEST - 1].rstrip()}…"
