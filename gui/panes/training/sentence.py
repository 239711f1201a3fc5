"""The one sentence of the Training pane, from the losses of the run or from the estimate before it."""

import math

from engine.messages.training import BestMoment, TrainingEstimate
from gui.curve import Curve
from gui.i18n import duration, number, t
from gui.panes.training.floors import NAMES, first_below

FEWEST_STEPS = 100  # fewer teach a model little more than which tokens are frequent


def about_run(curve: Curve, best: BestMoment | None) -> str:
    """Return what the curve has reached: which floor it is below since when, or that it learns by heart.

    It does so if it predicts its own text better than it ever did unseen text, and unseen text worse than before.
    """
    if not len(curve) or not math.isfinite(curve.smoothed[-1]):
        return ""
    loss, unseen = number(curve.smoothed[-1], 2), curve.held_out(math.inf)
    if best is not None and curve.smoothed[-1] < best.validation_loss:
        numbers = {"best": number(best.validation_loss, 2), "last": number(unseen, 2)}
        return t("pane.training.says.heart", step=number(best.step), **numbers)
    floors = {name: curve.references[name] for name in NAMES if name in curve.references}
    below = [name for name, floor in floors.items() if curve.smoothed[-1] < floor]
    if not floors:
        return ""
    if not below:
        name = next(iter(floors))
        return t("pane.training.says.guessing", loss=loss, floor=number(floors[name], 2))
    name = min(below, key=lambda each: floors[each])
    index = first_below(curve.smoothed, floors[name])
    step, floor = int(curve.steps[index or 0]), number(floors[name], 2)
    measured = len(curve.validation_steps) and curve.validation_steps[-1] >= step
    if measured and unseen >= floors[name]:
        words = t(f"pane.training.plot.{name}", value=floor)
        return t("pane.training.says.own_text", loss=loss, floor=words, unseen=number(unseen, 2))
    return t(f"pane.training.says.{name}", loss=loss, floor=floor, step=number(step))


def about_start(estimate: TrainingEstimate) -> str:
    """Return how many steps and tokens the run would have."""
    steps, time = number(estimate.steps), duration(estimate.seconds)
    if estimate.steps < FEWEST_STEPS:
        return t("pane.training.says.few_steps", steps=steps, time=time)
    tokens = estimate.steps * estimate.settings.batch * estimate.settings.context
    return t("pane.training.says.start", steps=steps, time=time, tokens=number(tokens))
