"""What the choices so far say, in one sentence."""

from collections.abc import Sequence

from engine.messages.choices import Choice
from gui.i18n import percent, t
from gui.panes.tuning.choice_list import ENOUGH

EVEN = 0.1  # shares that differ from one half by less than this say nothing about the length


def longer_share(choices: Sequence[Choice]) -> float:
    """Return the share of the pairs whose preferred answer has more characters; equal lengths count one half."""
    lengths = [(len(chosen.strip()), len(rejected.strip())) for c in choices for chosen, rejected in c.pairs]
    return sum((a > b) + (a == b) / 2 for a, b in lengths) / len(lengths)


def sentence(decided: Sequence[Choice]) -> str:
    """Return how many decided choices there are, and whether the longer or the shorter answer was preferred in them."""
    count = len(decided)
    if not count:
        return t("pane.tuning.choices.says.none", enough=ENOUGH)
    share = longer_share(decided)
    if count < ENOUGH:
        return t("pane.tuning.choices.says.few", count=count, missing=ENOUGH - count)
    if abs(share - 0.5) < EVEN:
        return t("pane.tuning.choices.says.even", count=count, share=percent(share))
    kind = "longer" if share > 0.5 else "shorter"
    return t(f"pane.tuning.choices.says.{kind}", count=count, share=percent(max(share, 1 - share)))
