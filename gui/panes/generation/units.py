"""The units of a surprisal or entropy: bits, the probability in per cent, or the number of choices."""

import math
from collections.abc import Callable

from gui.i18n import number, percent, t

LN2 = math.log(2)


def _bits(bits: float) -> str:
    return t("pane.generation.unit.in_bits", bits=number(bits, 1))


def _percent(bits: float) -> str:
    return share(2.0**-bits)


def _choices(bits: float) -> str:
    if bits > 20:
        return f"2^{bits:.0f}"
    return number(2.0**bits, 1 if bits < 3 else 0)


# A surprisal of b bits is that of a probability of 2^-b, or of one of 2^b equally likely choices.
UNITS: dict[str, Callable[[float], str]] = {"percent": _percent, "bits": _bits, "choices": _choices}


def share(probability: float) -> str:
    """Return a probability in per cent with one decimal, or as many as a small one needs, at most six."""
    digits = 1 if probability >= 0.01 or probability <= 0 else min(6, 1 - math.floor(math.log10(100 * probability)))
    return percent(probability, digits)
