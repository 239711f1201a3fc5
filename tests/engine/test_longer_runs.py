"""Runs that go on after their end, the best moment that is kept, and the samples at each reference."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.messages.training import BestMoment, ReadRun, Train, TrainingPoints, TrainingSample, TrainingStarted
from engine.model.checkpoint import read_json, weights_of
from engine.model.opening import load_model
from engine.model.transformer import Transformer
from engine.service import training
from engine.service.session import Session
from engine.text.corpus import Corpus
from engine.training.best import RISE, BestWeights, read_best
from engine.training.recipe import lengthened, model_config
from engine.training.recording import read_log
from engine.training.smoothing import Smoothing
from engine.training.tasks.language_modelling import LanguageModelling
from engine.training.trainer import Trainer
from tests.engine.conftest import SMALL
from tests.engine.sessions import ask

pytestmark = pytest.mark.usefixtures("one_thread")


def request(text_file: Path, folder: Path, **changes: Any) -> Train:
    return Train((str(text_file),), str(folder), replace(SMALL, **changes))


def of_kind(events: list[Any], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture(autouse=True)
def short_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SAMPLE_TOKENS", 4)


# --- More after the end ----------------------------------------------------------------------------


def test_a_finished_run_goes_on_for_the_time_asked_for(text_file: Path, tmp_path: Path) -> None:
    session, folder = Session(), tmp_path / "m"
    ask(session, request(text_file, folder, steps=None, seconds=1.0))
    before = max(line["step"] for line in read_log(folder))
    events = ask(session, Train((), str(folder), SMALL, resume=True, more=1.0))
    points = of_kind(events, TrainingPoints)
    first = next(p for p in points if p.steps[-1] > before)
    assert 0.4 < first.fraction < 1.0
    assert points[-1].fraction == 1.0
    log = read_log(folder)
    assert log[-1].get("seconds", 0.0) > 1.9 or log[-2]["seconds"] > 1.9
    assert sum(line["step"] > before and "validation" in line for line in log) > 1
    assert read_json(folder / "run.json")["settings"]["seconds"] > 1.9
    again = of_kind(ask(session, ReadRun(str(folder))), TrainingStarted)
    assert again[0].settings.seconds == read_json(folder / "run.json")["settings"]["seconds"]


def test_a_run_counted_in_steps_gets_as_many_more_as_fit_into_the_time() -> None:
    longer = lengthened(SMALL, 30, 3.0, 10.0)
    assert (longer.steps, longer.seconds) == (130, None)
    timed = lengthened(replace(SMALL, steps=None, seconds=30.0), 500, 30.01, 30.0)
    assert timed.steps is None
    assert timed.seconds == pytest.approx(60.01)


def test_a_negative_or_endless_time_is_refused_and_the_run_stays_as_it_was(model_folder: Path) -> None:
    before = (model_folder / "run.json").read_bytes()
    for more in (-1e9, float("inf"), float("nan")):
        with pytest.raises(EngineError, match="config_range"):
            ask(Session(), Train((), str(model_folder), SMALL, resume=True, more=more))
    assert (model_folder / "run.json").read_bytes() == before


# --- The best moment -------------------------------------------------------------------------------


def test_the_best_weights_are_written_once_the_unseen_loss_has_risen(model_folder: Path, tmp_path: Path) -> None:
    model, tokenizer = load_model(model_folder)
    best = BestWeights(tmp_path)
    best.add(10, 3.0, model)
    expected = {name: tensor.clone() for name, tensor in weights_of(model).items()}
    with torch.no_grad():
        model.embedding.weight.add_(1.0)
    best.add(20, 3.0 + RISE / 2, model)
    best.save(model, tokenizer)
    assert read_best(tmp_path) is None  # noise
    best.add(30, 3.0 + 2 * RISE, model)
    best.save(model, tokenizer)
    assert read_best(tmp_path) == (10, 3.0)
    kept, _ = load_model(tmp_path / "best")
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights_of(kept).items())


def test_a_run_that_learns_by_heart_keeps_its_best_moment(tmp_path: Path) -> None:
    letters = torch.randint(26, (1200,), generator=torch.Generator().manual_seed(1)).tolist()
    text = tmp_path / "noise.txt"  # nothing in it can be predicted, only remembered
    text.write_text("".join(chr(97 + letter) for letter in letters))
    folder, session = tmp_path / "m", Session()
    settings = {"tokenizer": "char", "steps": 80, "batch": 16}
    events = ask(session, request(text, folder, **settings))
    losses = {line["step"]: line["validation"] for line in read_log(folder) if "validation" in line}
    step = min(losses, key=lambda step: losses[step])
    assert losses[step] + RISE < losses[max(losses)], "the run must overfit"
    [kept] = of_kind(events, BestMoment)
    assert (kept.folder, kept.step) == (str(folder / "best"), step)
    assert kept.validation_loss == pytest.approx(losses[step], abs=1e-4)
    assert of_kind(ask(session, ReadRun(str(folder))), BestMoment) == [kept]
    model, _ = load_model(folder / "best")
    task = LanguageModelling(Corpus.open(folder), SMALL)
    parts = list(task.validation_losses(model, final=False))
    assert sum(loss for loss, _ in parts) / sum(count for _, count in parts) == pytest.approx(losses[step], abs=1e-3)


@pytest.mark.parametrize("damage", [b"", b"x" * 100])
def test_a_damaged_best_moment_is_ignored(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "model.safetensors").write_bytes(damage)
    assert read_best(tmp_path) is None


# --- Samples and early evaluations -----------------------------------------------------------------


def test_a_sample_is_written_at_the_step_at_which_a_reference_is_passed(text_file: Path, tmp_path: Path) -> None:
    events = ask(Session(), request(text_file, tmp_path / "m", steps=60))
    [started] = of_kind(events, TrainingStarted)
    sampled = {event.step for event in of_kind(events, TrainingSample)}
    smoothing, passed = Smoothing(), set()
    for line in read_log(tmp_path / "m"):
        if "loss" in line and (smoothed := smoothing.add(line["loss"])):
            for name, loss in started.references.items():
                if smoothed < loss and name not in passed:
                    passed.add(name)
                    assert line["step"] in sampled, name
    assert {"uniform", "unigram"} <= passed


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("First Citizen:\nBefore we proceed", "First Citizen:"),
        ("一\n\n　吾輩は猫である。名前はまだ無い。", "吾輩は猫である。"),
        ("Once upon a time there was a wolf in the forest", "Once upon a time there"),
        ("x" * 50, "x" * 24),
        ("  \n", ""),
    ],
)
def test_samples_begin_like_the_text(text: str, prompt: str) -> None:
    assert training.beginning(text) == prompt


def early(seconds: float, cost: float) -> list[int]:
    """Return the steps, of 32 with 0.1 s each, at which a run of this length is evaluated at a power of two."""
    settings = replace(SMALL, steps=None, seconds=seconds)
    corpus = Corpus(np.zeros(1000, np.uint16))
    trainer = Trainer(Transformer(model_config(SMALL, 300)), LanguageModelling(corpus, settings), settings)
    found = []
    for trainer.step in range(1, 33):
        trainer.seconds = 0.1 * trainer.step
        if trainer._is_early_validation_due():
            found.append(trainer.step)
            trainer._validation_seconds += cost
            trainer._validation_cost = cost
    return found


def test_evaluations_at_powers_of_two_cost_at_most_a_hundredth_of_the_run() -> None:
    assert early(100.0, 0.01) == [1, 2, 4, 8, 16, 32]
    assert early(30.0, 0.1) == [1, 2]
    assert early(30.0, 1.0) == [1]
