"""The sentence of the Training pane, against the losses and estimates that it speaks of."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engine.messages.training import BestMoment, ReadRun, TrainingEstimate, TrainingPoints, TrainingSettings
from engine.service.session import Session
from engine.training.recording import LOG
from gui import i18n
from gui.curve import Curve
from gui.panes.training.sentence import FEWEST_STEPS, about_run, about_start
from gui.runs import RunRecord
from tests.engine.sessions import ask
from tests.gui.fakes import started
from tests.gui.models import trained_folder

FLOORS = {"uniform": 7.6, "unigram": 6.2, "bigram": 4.5}
SAYS = {
    "": "no better than guessing",
    "uniform": "which tokens are frequent",
    "unigram": "which token follows which",
    "bigram": "more than the token before",
}
LOSSES = st.lists(st.floats(0.5, 9.0), min_size=1, max_size=40)


def curve(smoothed: list[float], unseen: dict[int, float] | None = None) -> Curve:
    made = Curve("run", 64, dict(FLOORS))
    steps, losses = np.arange(1, len(smoothed) + 1), np.array(smoothed)
    made.extend(steps, steps * 0.5, losses, losses, losses, losses)
    for step, loss in (unseen or {}).items():
        made.add_validation(step, loss)
    return made


@given(LOSSES)
def test_the_sentence_names_the_lowest_floor_that_the_loss_is_below_and_since_when(smoothed: list[float]) -> None:
    words = about_run(curve(smoothed), None)
    reached = [name for name, floor in FLOORS.items() if smoothed[-1] < floor]
    name = reached[-1] if reached else ""
    assert SAYS[name] in words
    assert f"Loss {smoothed[-1]:.2f}" in words
    assert f"({FLOORS[name or 'uniform']:.2f})" in words
    if name:
        first = next(step for step, loss in enumerate(smoothed, 1) if loss < FLOORS[name])
        assert f"since step {first}:" in words


@given(LOSSES, st.floats(0.5, 9.0))
def test_a_floor_that_only_the_training_text_is_below_is_not_claimed(smoothed: list[float], unseen: float) -> None:
    words = about_run(curve(smoothed, {len(smoothed): unseen}), None)
    reached = [floor for floor in FLOORS.values() if smoothed[-1] < floor]
    if reached and unseen >= reached[-1]:
        assert "on its own text" in words
        assert f"{unseen:.2f}, it is not" in words
    else:
        assert "on its own text" not in words


def test_learning_by_heart_is_said_with_the_best_step_and_the_last_loss() -> None:
    made = curve([5.0, 3.0, 1.0], {1: 5.0, 2: 4.1, 3: 4.9})
    words = about_run(made, BestMoment("/models/a/best", 2, 4.1))
    assert "by heart" in words
    assert "at step 2 (4.10)" in words
    assert "4.90 now" in words
    noisy = curve([5.0, 4.9, 4.8], {1: 5.0, 2: 4.6, 3: 4.7})
    assert "by heart" not in about_run(noisy, BestMoment("/models/a/best", 2, 4.6))


def test_a_kept_moment_is_the_best_only_while_the_loss_stays_above_it() -> None:
    record = RunRecord(started(), curve([5.0] * 9, {1: 5.0, 2: 4.1, 3: 4.9}))
    kept = record.kept = BestMoment("/models/a/best", 2, 4.1)
    before = record.best
    record.curve.add_validation(9, 3.9)
    assert (before, record.best) == (kept, None)
    assert RunRecord(started(), curve([5.0])).best is None


@pytest.mark.parametrize("broken", [[math.nan], []])
def test_nothing_is_said_of_a_loss_that_is_not_known(broken: list[float]) -> None:
    assert about_run(curve(broken), None) == ""
    bare = curve([3.0])
    bare.references.clear()
    assert about_run(bare, None) == ""


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_sentences_are_short(language: str) -> None:
    i18n.set_language(language)
    most = {"en": 120, "ja": 65}[language]
    losses = (8.0, 7.0, 5.0, 3.0)
    measured: tuple[dict[int, float], ...] = ({}, {1234: 7.9})
    cases = [about_run(curve([loss] * 1234, unseen), None) for loss in losses for unseen in measured]
    cases.append(about_run(curve([5.0], {1: 4.9}), BestMoment("", 1234, 4.12)))
    cases += [about_start(estimate(steps)) for steps in (12, 12_345)]
    assert [words for words in cases if not 10 < len(words) <= most] == []


def estimate(steps: int) -> TrainingEstimate:
    return TrainingEstimate(TrainingSettings(batch=12, context=64), 1000, 1000, 30.0, steps, 1000.0)


@given(st.integers(1, 10**6))
def test_the_start_is_described_by_steps_and_tokens_or_warned_of(steps: int) -> None:
    words = about_start(estimate(steps))
    assert f"about {steps:,} steps" in words
    if steps < FEWEST_STEPS:
        assert "too few" in words
    else:
        assert f"reads {steps * 12 * 64:,} tokens" in words


# --- Real runs ----------------------------------------------------------------------------------------


def smoothed(losses: list[float]) -> list[float]:
    """Return the exponential means of the losses: the weight of the newest falls from 1 to a fiftieth."""
    means = losses[:1]
    for count, loss in enumerate(losses[1:], 1):
        means.append(means[-1] + max(0.02, 1 / (1 + 0.08 * count)) * (loss - means[-1]))
    return means


@pytest.mark.parametrize("steps", [3, 30])
def test_the_sentence_of_a_real_run_agrees_with_its_log(tmp_path: Path, steps: int) -> None:
    folder = trained_folder(tmp_path / "run", steps)
    begun, *reports = ask(Session(), ReadRun(str(folder)))
    record = RunRecord.of(begun)
    for report in reports:
        if isinstance(report, TrainingPoints):
            record.add(report)
    said = about_run(record.curve, None)
    log = [json.loads(line) for line in (folder / LOG).read_text("utf-8").splitlines()]
    means = smoothed([line["loss"] for line in log if "loss" in line])
    unseen = [line["validation"] for line in log if "validation" in line]
    assert len(means) == steps
    assert f"Loss {means[-1]:.2f}" in said
    floors = begun.references
    assert floors["uniform"] == pytest.approx(math.log(begun.vocabulary))
    below = [name for name in ("uniform", "unigram", "bigram") if means[-1] < floors[name]]
    lowest = floors[below[-1]] if below else floors["uniform"]
    assert f"{lowest:.2f}" in said
    if below and unseen[-1] >= lowest:
        assert f"{unseen[-1]:.2f}" in said
    elif below:
        assert f"since step {next(step for step, mean in enumerate(means, 1) if mean < lowest)}:" in said
