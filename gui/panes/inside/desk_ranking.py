"""Which parts matter most: what is known about them so far, in numbers, as bars and in words."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.messages.desk import BY_LOSS, Level, MeterName, PartsTried, RankParts
from gui.changes import Place, part_words
from gui.i18n import percent, t
from gui.panes.inside.desk_sentence import Strongest
from gui.widgets.bar_list import Bar

MOST_BARS = 14
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """What a meter shows without each part; the arrays are [layer, H + 1], NaN where a part was not tried yet."""

    request: RankParts
    losses: Floats
    shares: Floats
    whole: Level  # with every part
    target: str  # the piece whose probability is measured, if no meter is
    done: float  # 0..1

    @classmethod
    def begun(cls, request: RankParts, layers: int, heads: int) -> "Ranking":
        """Return a ranking in which no part was tried."""
        unknown = np.full((layers, heads + 1), np.nan)
        return cls(request, unknown, unknown, Level(0.0, 0.0), "", 0.0)

    def with_layer(self, found: PartsTried) -> "Ranking":
        """Return this ranking with one more layer."""
        losses, shares = self.losses.copy(), self.shares.copy()
        losses[found.layer], shares[found.layer] = found.losses, found.probabilities
        return replace(self, losses=losses, shares=shares, whole=found.whole, target=found.target, done=found.done)

    def effects(self) -> Floats:
        """Return the share of the probability that is lost without each part, 0..1: 1 - exp(-rise of the loss)."""
        effects: Floats = np.clip(1 - np.exp(self.whole.loss - self.losses), 0.0, 1.0)
        return effects

    def order(self) -> list[Place]:
        """Return the parts that were tried, the one that matters most first."""
        tried = [(layer, part) for layer, part in np.argwhere(np.isfinite(self.losses)).tolist()]
        tried.sort(key=lambda index: -float(self.losses[index]))
        return [(layer, None if part == self._mlp else part) for layer, part in tried]

    def without(self, place: Place) -> Level:
        """Return what the meter shows without a part."""
        index = place[0], self._mlp if place[1] is None else place[1]
        return Level(float(self.losses[index]), float(self.shares[index]))

    def strongest(self) -> Strongest | None:
        """Return the head that matters most, once all parts were tried."""
        if self.done < 1:
            return None
        place = next(place for place in self.order() if place[1] is not None)
        return Strongest(place, self.whole, self.without(place), self.target, self.request.meter)

    def bars(self) -> list[Bar]:
        """Return the parts that matter most, each with the share that is lost without it and both levels."""
        effects = self.effects()
        return [
            Bar(
                part_words(layer, head),
                float(effects[layer, self._mlp if head is None else head]),
                level_words(self.request.meter, self.whole, self.without((layer, head))),
            )
            for layer, head in self.order()[:MOST_BARS]
        ]

    @property
    def _mlp(self) -> int:
        return self.losses.shape[1] - 1


def share_words(before: float, after: float) -> str:
    """Return two shares in per cent, with an arrow between them."""
    return t("pane.inside.desk.shares", before=percent(float(before), 1), after=percent(float(after), 1))


def level_words(meter: MeterName | None, before: Level, after: Level | None) -> str:
    """Return what a meter shows before and after: the losses of texts, and for others probabilities."""
    levels = (before, after)
    if meter in BY_LOSS:
        words = ["…" if level is None else f"{level.loss:.2f}" for level in levels]
    else:
        words = ["…" if level is None else percent(level.probability, 1) for level in levels]
    return t("pane.inside.desk.shares", before=words[0], after=words[1])
