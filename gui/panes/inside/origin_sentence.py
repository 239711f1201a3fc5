"""The sentences of the origin view: a verdict on a span with the numbers it rests on, and on near hidden states."""

from engine.messages.origin import NearPassages, Origin
from gui.i18n import number, t
from gui.text import JAPANESE

NEARER = 0.05  # cosine beyond the usual one from which a passage is near
SAME = 0.9  # agreement with the mean embeddings from which the layers add nothing


def of_origin(found: Origin) -> str:
    """Return the verdict: by heart, put together, nowhere, or too short to say."""
    source = t("pane.inside.origin.own" if found.source.own else "pane.inside.origin.other")
    words = {"longest": found.longest, "chance": found.chance, "covered": found.covered, "source": source}
    words["words"] = t(f"pane.inside.origin.{unit(found.span)}", count=found.words)
    if found.verdict == "heart":
        count = max(run.count for run in found.runs if run.words == found.longest)
        return t("pane.inside.origin.says.heart", **words, times=t("pane.inside.origin.times", count=count))
    if found.verdict == "nowhere" and found.covered:
        return t("pane.inside.origin.says.mostly_new", **words)
    return t(f"pane.inside.origin.says.{found.verdict}", **words)


def of_near(near: NearPassages) -> str:
    """Return how near the nearest passage is, or that this means nothing because the model guesses or adds nothing."""
    if not near.passages:
        return ""
    if near.loss >= near.guessing:
        return t("pane.inside.origin.near_guessing", loss=number(near.loss, 1), guessing=number(near.guessing, 1))
    if near.agreement > SAME:
        return t("pane.inside.origin.near_words", agreement=number(near.agreement, 2))
    first = number(near.passages[0].cosine, 2)
    if near.passages[0].cosine < near.usual + NEARER:
        return t("pane.inside.origin.near_none", layer=near.layer, cosine=first, usual=number(near.usual, 2))
    return t("pane.inside.origin.near", layer=near.layer, cosine=first, usual=number(near.usual, 2))


def unit(span: str) -> str:
    """Return what counts as a word in most of a span: "characters" in Japanese, else "words"."""
    return "characters" if 2 * sum(map(len, JAPANESE.findall(span))) > len(span) else "words"
