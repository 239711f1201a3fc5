"""The place of each token of a text on one line; of a long text those that matter, with "…" for the others."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A token, or the gap in which tokens from `first` to `last` are left out; x and width in pixels."""

    first: int
    last: int
    x: float
    width: float
    left_out: bool = False

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def tokens_in_room(widths: Sequence[float], row: int, keys: Sequence[int], room: float, gap: float) -> list[int]:
    """Return which tokens to show, in order: `row`, `keys` and as many neighbours of these as there is room for.

    `widths` include the space before each token; `gap` is the width of the sign for tokens left out. The row is always
    shown, and a key is left out if there is no room for it.
    """
    shown: set[int] = set()
    used = gap if widths else 0.0

    def cost(token: int) -> float:
        hidden = sum(0 <= side < len(widths) and side not in shown for side in (token - 1, token + 1))
        return widths[token] + gap * (hidden - 1)

    anchors = [row, *(key for key in keys if key != row)]
    for token in anchors:
        if token == row or used + cost(token) <= room:
            used += cost(token)
            shown.add(token)
    anchors = [token for token in anchors if token in shown]
    near = sorted(range(len(widths)), key=lambda i: min(abs(i - a) + (a != row) for a in anchors))
    for token in near:
        if token not in shown:
            if used + cost(token) > room:
                break
            used += cost(token)
            shown.add(token)
    return sorted(shown)


def placed(widths: Sequence[float], spaces: Sequence[float], shown: Sequence[int], gap: float) -> list[Place]:
    """Return the places of the tokens in `shown` and of the gaps between them, from x = 0 on.

    `widths` are those of the words alone, `spaces` the distances before them.
    """
    places: list[Place] = []
    x, following = 0.0, 0
    for token in (*shown, len(widths)):
        if token > following:
            places.append(Place(following, token - 1, x, gap, True))
            x += gap
        if token < len(widths):
            x += spaces[token] if places else 0.0
            places.append(Place(token, token, x, widths[token]))
            x += widths[token]
        following = token + 1
    return places
