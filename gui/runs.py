"""A run as the window knows it: what the engine has told of it so far. No widgets, no engine."""

from dataclasses import dataclass, field
from pathlib import Path

from engine.messages import TrainingPoints, TrainingResult, TrainingSample, TrainingStarted
from gui.widgets.loss_plot import Curve


@dataclass
class RunRecord:
    started: TrainingStarted
    curve: Curve
    samples: list[TrainingSample] = field(default_factory=list)
    last: TrainingPoints | None = None
    result: TrainingResult | None = None

    @classmethod
    def of(cls, started: TrainingStarted) -> "RunRecord":
        settings = started.settings
        name = Path(started.folder).name
        return cls(started, Curve(name, settings.batch * settings.context, references=started.references))

    def add(self, points: TrainingPoints) -> None:
        """Points that are known already (a run that is being continued tells its past) are passed over."""
        self.last = points
        new = points.steps > (self.curve.steps[-1] if len(self.curve.steps) else 0)
        self.curve.extend(
            points.steps[new],
            points.seconds[new],
            points.losses[new],
            points.learning_rates[new],
            points.gradient_norms[new],
        )
        seen = set(self.curve.validation_steps.tolist())
        for step, loss in zip(points.validation_steps.tolist(), points.validation_losses.tolist(), strict=True):
            if step not in seen:
                self.curve.add_validation(step, loss)

    @property
    def step(self) -> int:
        return int(self.curve.steps[-1]) if len(self.curve.steps) else 0


def new_folder(models: Path, text: str) -> Path:
    """A folder that does not exist yet, named after the text."""
    stem = Path(text.split(" +")[0]).stem or "run"
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in stem)[:60]
    number = 1
    while (models / f"{safe}-{number}").exists():
        number += 1
    return models / f"{safe}-{number}"


def earlier_runs(models: Path) -> list[Path]:
    """Folders with a run in them, the newest first."""
    try:
        found = [path for path in models.iterdir() if (path / "run.json").is_file()]
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return []
