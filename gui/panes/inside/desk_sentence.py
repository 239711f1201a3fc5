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
    if strongest.without.loss - strongest.whole.loss < LEAST:
        return t("pane.inside.desk.says.none", part=part)
    if meter in BY_LOSS:
        losses = {"before": f"{strongest.whole.loss:.2f}", "after": f"{strongest.without.loss:.2f}"}
        return t("pane.inside.desk.says.loss", part=part, **losses)
    shares = (strongest.whole.probability, strongest.without.probability)
    before, after = (percent(share, 1) for share in shares)
    if meter is None:
        return t("pane.inside.desk.says.strongest", part=part, word=word(strongest.target), before=before, after=after)
    able = t(f"pane.inside.desk.by_{meter}")
    return t("pane.inside.desk.says.meter", part=part, meter=able, before=before, after=after)
