"""What fine-tuning on examples shows, in one sentence."""

from engine.messages.examples import CheckedPairs, ExampleTokens
from gui.i18n import number, percent, t
from gui.panes.tuning.examples_curves import Curves

NONE, HALF, MOST = 0.1, 0.5, 0.9  # of the answers
FORGOTTEN = 0.05  # more loss on old text than before, as a share of it


def before_a_run(tokens: ExampleTokens | None, checked: CheckedPairs | None) -> str:
    """Return which tokens of the example count, and how many pairs are held out."""
    if tokens is None or checked is None or not checked.train:
        return ""
    figures = {"answer": number(tokens.answer), "tokens": number(len(tokens.pieces))}
    return t("pane.tuning.examples.says.counts", held_out=number(checked.held_out), **figures)


def of_a_run(curves: Curves) -> str:
    """Return how much of form and content the model has learned, and what it has forgotten."""
    form, right = curves.last("form"), curves.last("right")
    if form is None or right is None:
        return ""
    figures = {"form": percent(form), "right": percent(right)}
    forgotten = _forgotten(curves)
    if form < NONE:
        return t("pane.tuning.examples.says.neither", **figures)
    if forgotten is not None and forgotten >= FORGOTTEN and right >= HALF:
        return t("pane.tuning.examples.says.forgets", more=percent(forgotten), **figures)
    first, then = (_reached(curves, name) for name in ("form", "right"))
    if form >= HALF and right < NONE and (curves.first("form") or 0.0) < HALF:
        return t("pane.tuning.examples.says.form_only", **figures)
    if first and then is not None and first < then:
        moments = {"first": number(first, 1), "then": number(then, 1)}
        return t("pane.tuning.examples.says.form_first", right=percent(right), **moments)
    return t("pane.tuning.examples.says.both", **figures)


def scaled(scale: float) -> str:
    """Return what the scale of a low-rank adaptation does."""
    if scale == 0:
        return t("pane.tuning.examples.says.off")
    return t("pane.tuning.examples.says.scaled", scale=number(scale, 1))


def _reached(curves: Curves, name: str) -> float | None:
    """Return the second of the first measurement at which half of the answers were so, and 0 if they were before."""
    return next((seconds for seconds, value in curves.points.get(name, ()) if value >= HALF), None)


def _forgotten(curves: Curves) -> float | None:
    """Return by which share the loss on old text has grown; None without old text."""
    first, last = curves.first("old_loss"), curves.last("old_loss")
    return last / first - 1 if first and last is not None else None
