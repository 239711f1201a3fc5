"""The sentence of the Attention pane: what one row of a head's pattern shows, computed from its weights."""

import numpy as np
from numpy.typing import NDArray

from gui.i18n import percent, t
from gui.text import word

STRONG = 0.5  # share from which one key alone is named
SPREAD = 0.1  # largest share below which the attention is spread; or less than 1.5 times the even share
ALL = 0.95  # share of one key from which the others are not named
HABIT = 0.8  # part of the rows in which a head does the same, from which this is its habit
FEWEST_ROWS = 3  # that can show a habit


def share(value: float) -> str:
    """Return a share of attention as it is written everywhere in the pane: 93.3 %."""
    return percent(value, 1)


def strongest(weights: NDArray[np.floating], row: int, count: int) -> list[int]:
    """Return the keys with a row's largest weights, largest first; of equal weights the first key."""
    return np.argsort(-weights[row, : row + 1].astype(np.float32), kind="stable")[:count].tolist()


def sentence(weights: NDArray[np.floating], pieces: tuple[str, ...], row: int) -> str:
    """Return what row `row` of a pattern [query, key] shows; "" without tokens."""
    if not pieces:
        return ""
    query = _quoted(pieces[row])
    if row == 0:
        return t("pane.attention.says.first" if len(pieces) > 1 else "pane.attention.says.alone", query=query)
    keys = strongest(weights, row, 3)
    names = [t("pane.attention.says.itself") if key == row else _quoted(pieces[key]) for key in keys]
    shares = [float(weights[row, key]) for key in keys]
    even = 1 / (row + 1)
    words = {"query": query, "key": names[0], "share": share(shares[0])}
    if shares[0] < max(1.5 * even, SPREAD):
        return t("pane.attention.says.even", **words, even=share(even))
    habit, count, rows = _habit(weights, row, keys[0])
    if habit:
        return t(habit, **words, times=count, rows=rows)
    if shares[0] >= ALL:
        return t("pane.attention.says.whole", **words)
    words |= {"second": names[1], "second_share": share(shares[1])}
    if shares[0] >= STRONG or len(keys) < 3:
        return t("pane.attention.says.strong", **words)
    return t("pane.attention.says.several", **words, third=names[2], third_share=share(shares[2]))


def _quoted(piece: str) -> str:
    return t("pane.attention.says.quoted", word=word(piece))


def _habit(weights: NDArray[np.floating], row: int, key: int) -> tuple[str, int, int]:
    """Return the key of the sentence of a head that does in most rows what it does in this one, or "".

    With it, in how many rows the largest weight is on the token before or on the first token, and of how many. The
    first two rows do not count, because there both are the same.
    """
    largest = weights[2:].argmax(axis=1)
    rows = len(largest)
    if row < 2 or rows < FEWEST_ROWS:
        return "", 0, rows
    kinds = {row - 1: ("previous", np.arange(1, rows + 1)), 0: ("sink", np.zeros(rows))}
    if key not in kinds:
        return "", 0, rows
    kind, wanted = kinds[key]
    count = int((largest == wanted).sum())
    return (f"pane.attention.says.{kind}" if count >= HABIT * rows else ""), count, rows
