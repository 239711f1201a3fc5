"""The record of a training run: what the engine has reported so far. This needs no widgets and no engine."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from engine.messages.training import (
    BestMoment,
    TrainingPoints,
    TrainingResult,
    TrainingSample,
    TrainingSettings,
    TrainingStarted,
)
from gui.curve import Curve
from gui.i18n import duration, number, t


@dataclass
class RunRecord:
    started: TrainingStarted
    curve: Curve
    samples: list[TrainingSample] = field(default_factory=list)
    last: TrainingPoints | None = None
    result: TrainingResult | None = None
    kept: BestMoment | None = None

    @classmethod
    def of(cls, started: TrainingStarted) -> "RunRecord":
        settings = started.settings
        name = Path(started.folder).name
        return cls(started, Curve(name, settings.batch * settings.context, started.references))

    def add(self, points: TrainingPoints) -> None:
        """Add the points of a report, without steps that are already recorded: a pause repeats the last one."""
        self.last = points
        new = points.steps > self.step
        losses, optimizer = (points.losses, points.smoothed), (points.learning_rates, points.gradient_norms)
        self.curve.extend(*(column[new] for column in (points.steps, points.seconds, *losses, *optimizer)))
        seen = set(self.curve.validation_steps.tolist())
        for step, loss in zip(points.validation_steps.tolist(), points.validation_losses.tolist(), strict=True):
            if step not in seen:
                self.curve.add_validation(step, loss)

    @property
    def folder(self) -> str:
        return self.started.folder

    @property
    def step(self) -> int:
        return int(self.curve.steps[-1]) if len(self.curve) else 0

    @property
    def paused(self) -> bool:
        return self.last is not None and self.last.paused

    @property
    def fraction(self) -> float:
        return self.last.fraction if self.last is not None else 0.0

    @property
    def unfinished(self) -> bool:
        return self.fraction < 1.0

    def figures(self, running: bool) -> list[tuple[str, str]]:
        """Return the names and values of the run's current statistics, the most important first."""
        curve, last = self.curve, self.last
        if last is None or not len(curve):
            return []
        held_out = curve.held_out(math.inf)
        steps = self.started.settings.steps
        seconds = float(curve.seconds[-1])
        speed = last.tokens_per_second or self.step * curve.tokens_per_step / max(seconds, 1e-9)
        known = not math.isnan(held_out)
        measured = int(curve.validation_steps[-1]) if known else self.step
        time = ("left", duration(last.seconds_left)) if running else ("time", duration(seconds))
        figures = [
            ("step", number(self.step) + (f" / {number(steps)}" if steps else "")),
            ("loss", number(curve.smoothed[-1], 3)),
            ("validation", number(held_out, 3) if known else "–"),
            ("perplexity", number(math.exp(min(held_out, 20.0)), 1) if known else "–"),
            time,
            ("speed", number(speed)),
            ("rate", f"{curve.rates[-1]:.2g}"),
            ("norm", number(curve.norms[-1], 2)),
        ]
        at_step = {"validation", "perplexity"} if measured != self.step else set()  # they are not of the current step
        return [(_figure_name(name, measured if name in at_step else None), value) for name, value in figures]

    @property
    def best(self) -> BestMoment | None:
        """The moment kept because the loss on unseen text has risen since; None if it has fallen lower again."""
        kept, curve = self.kept, self.curve
        if kept is None:
            return None
        later = curve.validation[curve.validation_steps > kept.step]
        return kept if len(later) and np.nanmin(later) > kept.validation_loss else None

    def rows(self) -> list[tuple[object, ...]]:
        """Return a row per step: step, tokens, seconds, loss, smoothed, validation loss, rate, gradient norm."""
        curve = self.curve
        held_out = dict(zip(curve.validation_steps.tolist(), curve.validation.tolist(), strict=True))
        columns = (curve.seconds, curve.losses, curve.smoothed, curve.rates, curve.norms)
        rows: list[tuple[object, ...]] = []
        for step, values in zip(curve.steps.astype(int).tolist(), np.column_stack(columns).tolist(), strict=True):
            seconds, loss, smoothed, rate, norm = (float(f"{value:.6g}") for value in values)
            known = held_out.get(step)
            validation = "" if known is None else float(f"{known:.6g}")
            rows.append((step, step * curve.tokens_per_step, seconds, loss, smoothed, validation, rate, norm))
        return rows


def _figure_name(name: str, step: int | None) -> str:
    words = t(f"pane.training.figure.{name}")
    return words if step is None else t("pane.training.figure.at", name=words, step=number(step))


def new_folder(models: Path, text: str) -> Path:
    """Return a folder that does not exist yet, named after the text."""
    stem = Path(text.split(" +")[0]).stem or "run"
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in stem)[:60]
    number = 1
    while (models / f"{safe}-{number}").exists():
        number += 1
    return models / f"{safe}-{number}"


def settings_from(saved: object) -> TrainingSettings | None:
    """Return settings that were saved as JSON; None if they are not valid."""
    if not isinstance(saved, dict) or saved.get("tokenizer") not in ("bpe", "char"):
        return None
    if saved.get("layout", "nakami") not in ("nakami", "llama", "qwen3"):
        return None
    values = [value for name, value in saved.items() if name not in ("tokenizer", "layout")]
    if not all(value is None or (isinstance(value, int | float) and 0 <= value < 2**31) for value in values):
        return None
    try:
        return replace(TrainingSettings(), **saved)
    except TypeError:
        return None
