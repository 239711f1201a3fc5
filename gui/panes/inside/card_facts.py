"""What was found about the token after a text: what the methods say, whether they agree, and what does not follow."""

import math
from dataclasses import dataclass

import numpy as np

from engine.messages.attribution import Contributions
from engine.messages.desk import PartsTried
from engine.messages.inside import LensGrid, LogitParts
from gui.changes import part_words
from gui.i18n import number, percent, t
from gui.panes.inside.attribution_shown import rank_correlation
from gui.panes.inside.lens_sentence import guessing_sentence, sentence
from gui.text import word

LARGE_FALL = 0.05  # of the answer's probability, from which a part counts as needed
FEWEST_TOKENS = 2


@dataclass(frozen=True)
class Facts:
    """The answers of the methods for one text and model; those that have not arrived are missing."""

    text: str
    vocabulary: int
    grid: LensGrid
    parts: LogitParts | None = None
    tried: tuple[PartsTried, ...] = ()  # all layers, once the last has arrived
    layers_tried: int = 0
    changed: bool = False  # whether the model has changes; its heads are not tried then
    pieces: tuple[str, ...] = ()  # the tokens that `contributions` are of
    contributions: tuple[Contributions, ...] = ()

    @property
    def answer(self) -> str:
        return word(self.grid.names[int(self.grid.targets[-1])])


TITLES = ("answer", "layers", "adds", "needs", "parts_agree", "tokens", "tokens_agree", "doubt", "limits")


@dataclass(frozen=True)
class Row:
    """A finding: the key of its title, and what it says."""

    title: str
    words: str


def rows(facts: Facts) -> list[Row]:
    """Return the findings in the order in which they are read, and at the end what does not follow from them."""
    grid = facts.grid
    share = float(grid.target_probabilities[-1, -1])
    found = [
        Row("answer", t("pane.inside.card.answer", word=facts.answer, percent=percent(share, 1))),
        Row("layers", sentence(grid.target_ranks[:, -1], grid.target_probabilities[:, -1], facts.answer)),
        Row("adds", _adds(facts)),
        Row("needs", _needs(facts)),
        Row("parts_agree", _parts_agree(facts)),
        Row("tokens", _tokens(facts)),
        Row("tokens_agree", _tokens_agree(facts)),
        Row("doubt", guessing_sentence(grid.target_probabilities[-1, :-1], facts.vocabulary)),
        Row("limits", t("pane.inside.card.limits")),
    ]
    return [row for row in found if row.words]


def adding_most(parts: LogitParts) -> tuple[int, int]:
    """Return the head that adds most to the answer's logit."""
    layer, head = np.unravel_index(int(parts.heads.argmax()), parts.heads.shape)
    return int(layer), int(head)


def needed_most(tried: tuple[PartsTried, ...]) -> tuple[tuple[int, int], float]:
    """Return the head without which the answer is least probable, and how probable it is then.

    MLPs are left out: without the first one hardly any text can be read, whatever the answer.
    """
    layer = min(tried, key=lambda one: float(one.probabilities[:-1].min()))
    head = int(layer.probabilities[:-1].argmin())
    return (layer.layer, head), float(layer.probabilities[head])


def _part(layer: int, head: int) -> str:
    """Return the words for a head as they are written inside a sentence."""
    words = part_words(layer, head)
    return words[0].lower() + words[1:]


def _adds(facts: Facts) -> str:
    if facts.parts is None:
        return ""
    place = adding_most(facts.parts)
    figures = {"amount": number(float(facts.parts.heads[place]), 1, signed=True), "total": number(facts.parts.total, 1)}
    return t("pane.inside.card.adds", part=_part(*place), **figures)


def _needs(facts: Facts) -> str:
    if facts.changed:
        return t("pane.inside.card.needs_changed")
    if not facts.tried:
        layers = len(facts.grid.ids) - 1
        return t("pane.inside.card.needs_running", done=facts.layers_tried, layers=layers) if facts.layers_tried else ""
    place, after = needed_most(facts.tried)
    before = facts.tried[0].whole.probability
    key = "needs" if before - after >= LARGE_FALL else "needs_none"
    shares = {"before": percent(before, 1), "after": percent(after, 1)}
    return t(f"pane.inside.card.{key}", part=_part(*place), **shares)


def _parts_agree(facts: Facts) -> str:
    """Return whether the head that adds most is the one that is needed most; "" if none is needed."""
    if facts.parts is None or not facts.tried:
        return ""
    adds, (needed, after) = adding_most(facts.parts), needed_most(facts.tried)
    if facts.tried[0].whole.probability - after < LARGE_FALL:
        return ""
    if adds == needed:
        return t("pane.inside.card.agree", part=_part(*adds))
    return t("pane.inside.card.disagree", adds=_part(*adds), needed=_part(*needed))


def _tokens(facts: Facts) -> str:
    if not facts.contributions or len(facts.pieces) < FEWEST_TOKENS:
        return ""
    first = facts.contributions[0]
    place = int(first.values.argmax())
    nats = float(first.values[place])
    return t("pane.inside.card.tokens", token=word(facts.pieces[place]), nats=number(nats, 1)) if nats > 0 else ""


def _tokens_agree(facts: Facts) -> str:
    """Compare occlusion with integrated gradients by the correlation of their ranks."""
    found = {one.method: one.values for one in facts.contributions}
    if "integrated" not in found:
        return ""
    correlation = rank_correlation(found["occlusion"], found["integrated"])
    if math.isnan(correlation):
        return ""
    same = int(found["occlusion"].argmax()) == int(found["integrated"].argmax())
    piece = facts.pieces[int(found["integrated"].argmax())]
    key = "methods_agree" if same else "methods_disagree"
    return t(f"pane.inside.card.{key}", token=word(piece), correlation=number(correlation, 2, signed=True))


def card_sentence(facts: Facts) -> str:
    """Return the finding that rests on most: agreement, disagreement, or what is still being computed."""
    doubt = guessing_sentence(facts.grid.target_probabilities[-1, :-1], facts.vocabulary)
    if doubt:
        return doubt
    if facts.changed:
        return _adds(facts)
    if facts.parts is None or not facts.tried:
        return t("pane.inside.card.says.running", word=facts.answer)
    _, after = needed_most(facts.tried)
    before = facts.tried[0].whole.probability
    if before - after < LARGE_FALL:
        return t("pane.inside.card.says.nothing", word=facts.answer, after=percent(after, 1))
    return _parts_agree(facts)
