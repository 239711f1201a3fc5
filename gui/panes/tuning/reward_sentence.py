"""What a reward model has learned, in words."""

from engine.messages.choices import RewardFitted
from gui.i18n import number, percent, t

CLEAR = 0.4  # correlation of reward and length from which the length is named

BETTER = 0.6  # share of predicted choices from which a reward model is better than guessing, which reaches one half


def accuracy_words(found: RewardFitted) -> str:
    """Return how well choices are predicted that the reward model was not fitted to."""
    if found.accuracy is None:
        return t("pane.tuning.choices.reward.too_few", count=found.choices)
    kind = "accuracy" if found.accuracy >= BETTER else "guessing"
    return t(f"pane.tuning.choices.reward.{kind}", share=percent(found.accuracy))


def learned_words(found: RewardFitted) -> str:
    """Return what goes with the reward beyond chance: a word, the length, or nothing."""
    named = found.words[0] if found.words else None
    by_length = abs(found.length) >= max(CLEAR, found.chance)
    if named is not None and not (by_length and abs(found.length) > abs(named.correlation)):
        kind = "likes" if named.correlation > 0 else "dislikes"
        difference = number(abs(named.difference), 1)
        return t(f"pane.tuning.choices.reward.{kind}", word=named.word.strip(), difference=difference)
    if by_length:
        kind = "long" if found.length > 0 else "short"
        return t(f"pane.tuning.choices.reward.{kind}", correlation=number(found.length, 2, signed=True))
    return t("pane.tuning.choices.reward.nothing")
