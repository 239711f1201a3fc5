"""The sentence of the mixing desk: what the changes do to the next token, or which part matters most."""

from dataclasses import dataclass

import numpy as np

from engine.messages.desk import BY_LOSS, Level, MeterName, Mixed
from gui.changes import Place, part_words
from gui.i18n import percent, t
from gui.text import word

LEAST = 0.05  # nats that a part must matter, to be named


@dataclass(frozen=True)
class Strongest:
    """The head without which the loss is the highest."""

    place: Place
    whole: Level
    without: Level
    target: str  # the piece whose probability is measured, if `meter` is None
    meter: MeterName | None


def of_ranking(changes: int, strongest: Strongest) -> str:
    """Return which head matters most in the model without its `changes` changes, which the ranking leaves out."""
    before, after = _levels(strongest)
    part = part_words(*strongest.place)
    if strongest.without.loss - strongest.whole.loss < LEAST:
        return t("pane.inside.desk.says.original_none", count=changes, part=part)
    return t("pane.inside.desk.says.original", count=changes, part=part, before=before, after=after)


def sentence(mixed: Mixed, changes: int, strongest: Strongest | None) -> str:
    """Return what `changes` changes do to the candidates, or what is known without any."""
    first, now = int(mixed.before.argmax()), int(mixed.after.argmax())
    words = {"word": word(mixed.pieces[first]), "before": percent(float(mixed.before[first]), 1)}
    if not changes:
        return _unchanged(words, strongest)
    words |= {"after": percent(float(mixed.after[first]), 1)}
    if first != now:
        other = {"other": word(mixed.pieces[now]), "percent": percent(float(mixed.after[now]), 1)}
        return t("pane.inside.desk.says.other", count=changes, **words, **other)
    moved = abs(np.log(max(1e-30, float(mixed.after[first]))) - np.log(max(1e-30, float(mixed.before[first]))))
    return t(f"pane.inside.desk.says.{'moved' if moved >= LEAST else 'same'}", count=changes, **words)


def _unchanged(words: dict[str, str], strongest: Strongest | None) -> str:
    if strongest is None:
        return t("pane.inside.desk.says.unchanged", **words)
    part, meter = part_words(*strongest.place), strongest.meter
    before, after = _levels(strongest)
    if strongest.without.loss - strongest.whole.loss < LEAST:
        return t("pane.inside.desk.says.none", part=part)
    if meter in BY_LOSS:
        return t("pane.inside.desk.says.loss", part=part, before=before, after=after)
    if meter is None:
        return t("pane.inside.desk.says.strongest", part=part, word=word(strongest.target), before=before, after=after)
    able = t(f"pane.inside.desk.by_{meter}")
    return t("pane.inside.desk.says.meter", part=part, meter=able, before=before, after=after)


def _levels(strongest: Strongest) -> tuple[str, str]:
    """Return what the meter shows with every part, and without the strongest head."""
    levels = strongest.whole, strongest.without
    by_loss = strongest.meter in BY_LOSS
    before, after = (f"{level.loss:.2f}" if by_loss else percent(level.probability, 1) for level in levels)
    return before, after
