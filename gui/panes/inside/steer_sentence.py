"""What the texts of a steered model show, in one sentence, and where they become odd or repeat themselves."""

import math

from engine.messages.steering import SteeredTexts
from gui.i18n import number, percent, t

ODD = 3.0  # times the perplexity of the text without steering
REPEATED = 0.5  # share of pairs of tokens that a text has had before
CLEAR = 2.0  # standard errors; of models with shuffled weights, 1 in 70 shows more
SHOWN = 18  # characters of a text


def is_odd(found: SteeredTexts, place: int) -> bool:
    """Return whether the perplexity of a text is several times that of the text without steering."""
    plain, values = found.strengths.index(0.0), found.perplexities
    return len(values) > max(place, plain) and values[place] >= ODD * values[plain]


def repeats(found: SteeredTexts, place: int) -> bool:
    """Return whether most of a text repeats itself, as the text without steering does not."""
    return found.repeated[place] > REPEATED >= found.repeated[found.strengths.index(0.0)]


def is_noted(found: SteeredTexts, place: int) -> bool:
    """Return whether a text is odd or repeats itself."""
    return is_odd(found, place) or repeats(found, place)


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
    words = {"at": at, "now": now, "before": before}
    noted = [i for i in range(len(found.texts)) if is_noted(found, i)]
    if not noted:
        most = max((value for value in found.perplexities if not math.isnan(value)), default=math.nan)
        return t("pane.inside.steer.says.holds", perplexity=figure(most), **words)
    edge = place if place in noted else min(noted, key=lambda i: abs(found.strengths[i]))
    words["edge"] = number(found.strengths[edge], 1, signed=True)
    if repeats(found, edge):
        return t("pane.inside.steer.says.repeats", percent=percent(found.repeated[edge]), **words)
    figures = {"perplexity": figure(found.perplexities[edge]), "plain": figure(found.perplexities[plain])}
    return t("pane.inside.steer.says.odd", **figures, **words)


def figure(perplexity: float) -> str:
    """Return a perplexity with as many digits as it deserves."""
    return number(perplexity, 1 if perplexity < 100 else 0)


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
