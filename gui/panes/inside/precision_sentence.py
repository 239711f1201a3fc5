"""What rounding the weights does to a text, in one sentence, and where it breaks."""

import math
from collections.abc import Sequence

from engine.messages.precision import RoundedText
from gui.i18n import number, t

BROKEN = 2.0  # times the perplexity of the prompt at the first width
GUESSED = 0.25  # of the tokens of the vocabulary: a perplexity near that of guessing, which is their number


def breaks(rows: Sequence[RoundedText], place: int) -> bool:
    """Return whether the model predicts the prompt much worse at this width than at the first."""
    return rows[place].perplexity >= BROKEN * rows[0].perplexity


def sentence(rows: Sequence[RoundedText], vocabulary: int) -> str:
    """Return at how many bits the text changes and breaks; `rows` begin with the most bits."""
    if len(rows) < 2:
        return ""
    first, last = rows[0], rows[-1]
    if first.perplexity >= GUESSED * vocabulary:
        figure = number(first.perplexity)
        return t("pane.inside.precision.says.guessed", bits=first.bits, perplexity=figure, tokens=number(vocabulary))
    changed = next((place for place, row in enumerate(rows) if row.text != first.text), None)
    broken = next((place for place in range(len(rows)) if breaks(rows, place)), None)
    if changed is None:
        return t("pane.inside.precision.says.same", bits=last.bits, first=first.bits)
    same, at = rows[changed - 1].bits, rows[changed].bits
    if broken is None:
        if math.isnan(first.perplexity):
            return t("pane.inside.precision.says.changes", same=same, at=at)
        most = number(max(row.perplexity for row in rows), 1)
        return t("pane.inside.precision.says.holds", same=same, at=at, perplexity=most)
    row = rows[broken]
    figures = {"perplexity": _figure(row.perplexity), "before": _figure(first.perplexity)}
    if broken <= changed:
        return t("pane.inside.precision.says.breaks_at_once", same=same, at=row.bits, **figures)
    return t("pane.inside.precision.says.breaks", same=same, at=at, broken=row.bits, **figures)


def _figure(perplexity: float) -> str:
    return number(perplexity, 1 if perplexity < 10 else 0)
