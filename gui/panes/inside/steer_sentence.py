"""What the texts of a steered model show, in one sentence, and where they break."""

import math

from engine.messages.steering import SteeredTexts
from gui.i18n import number, t

BROKEN = 3.0  # times the perplexity of the text without steering
REPEATED = 0.5  # share of pairs of tokens that a text has had before
CLEAR = 2.0  # standard errors; of models with shuffled weights, 1 in 70 shows more
SHOWN = 18  # characters of a text


def breaks(found: SteeredTexts, place: int) -> bool:
    """Return whether a text is broken: it surprises the model itself, or repeats itself, as the unsteered does not."""
    plain, repeated = found.strengths.index(0.0), found.repeated[place]
    values = found.perplexities
    odd = len(values) > max(place, plain) and values[place] >= BROKEN * values[plain]
    return odd or (repeated > REPEATED and found.repeated[plain] <= REPEATED)


def is_clear(found: SteeredTexts) -> bool:
    """Return whether texts that the direction was not made of follow it; True if that was not measured."""
    return found.gain is None or found.gain > CLEAR * found.gain_error


def sentence(found: SteeredTexts, strength: float) -> str:
    """Return what steering at `strength` does; at 0, what it does at about 1 or -1."""
    if not found.done:
        return ""
    plain = found.strengths.index(0.0)
    changed = [place for place, text in enumerate(found.texts) if text != found.texts[plain]]
    if not changed:
        return t("pane.inside.steer.says.nothing", most=number(max(found.strengths), 1))
    place = (
        found.strengths.index(strength) if strength else min(changed, key=lambda i: abs(abs(found.strengths[i]) - 1))
    )
    at = number(found.strengths[place], 1, signed=True)
    if place not in changed:
        first = min((found.strengths[i] for i in changed), key=abs)
        return t("pane.inside.steer.says.same", at=at, first=number(first, 1, signed=True))
    now, before = differing(found.texts[place], found.texts[plain])
    if not is_clear(found):
        gain, error = number(found.gain or 0.0, 2, signed=True), number(found.gain_error, 2)
        return t("pane.inside.steer.says.unclear", at=at, now=now, before=before, gain=gain, error=error)
    broken = sorted((abs(s), i) for i, s in enumerate(found.strengths) if breaks(found, i))
    if not broken:
        most = max((value for value in found.perplexities if not math.isnan(value)), default=math.nan)
        return t("pane.inside.steer.says.holds", at=at, now=now, before=before, perplexity=number(most, 1))
    edge = number(found.strengths[broken[0][1]], 1, signed=True)
    return t("pane.inside.steer.says.breaks", at=at, now=now, before=before, edge=edge)


def differing(text: str, plain: str) -> tuple[str, str]:
    """Return the beginnings of two texts from the word on in which they differ."""
    same = common(text, plain)
    return _short(text[same:]), _short(plain[same:])


def common(text: str, plain: str) -> int:
    """Return the length of the beginning that two texts share, up to the beginning of a word."""
    same = next((i for i, pair in enumerate(zip(text, plain, strict=False)) if pair[0] != pair[1]), None)
    same = min(len(text), len(plain)) if same is None else same
    return next((i for i in range(min(same, len(text) - 1), -1, -1) if text[i].isspace()), 0)


def _short(text: str) -> str:
    words = text.strip().partition("\n")[0].split(" ")
    kept = words[0][:SHOWN]
    for word in words[1:]:
        if len(kept) + 1 + len(word) > SHOWN:
            break
        kept += f" {word}"
    return kept or "–"
