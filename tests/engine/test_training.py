"""A run lowers the loss, is reproducible, is saved, and continues where it stopped."""

import codecs
import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.messages.training import TrainingSettings
from engine.model.transformer import Transformer
from engine.text.corpus import Corpus
from engine.training.recipe import DECAY, MATRIX_RATE, PRESETS, micro_batch, model_config, presets_for, rate_factor
from engine.training.recording import read_log
from engine.training.run import Run
from engine.training.tasks.language_modelling import LanguageModelling
from engine.training.trainer import Trainer, TrainStep
from tests.engine.conftest import SMALL


def finished(run: Run) -> list[TrainStep]:
    list(run.prepare())
    return [step for step in run.steps() if step is not None]


def start(text_file: Path, folder: Path, **changes: object) -> Run:
    return Run.start([str(text_file)], folder, dataclasses.replace(SMALL, **changes))  # type: ignore[arg-type]


def test_training_lowers_the_loss_on_the_text_and_on_held_out_text(text_file: Path, tmp_path: Path) -> None:
    steps = finished(start(text_file, tmp_path / "m", steps=60))
    assert len(steps) == 60
    assert steps[0].loss > 5.0
    assert steps[-1].loss < 1.5
    assert steps[-1].validation_loss is not None
    assert steps[-1].validation_loss < 1.5


def test_equal_seeds_give_equal_runs(text_file: Path, tmp_path: Path) -> None:
    first = [s.loss for s in finished(start(text_file, tmp_path / "a"))]
    again = [s.loss for s in finished(start(text_file, tmp_path / "b"))]
    other = [s.loss for s in finished(start(text_file, tmp_path / "c", seed=2))]
    assert first == again
    assert first != other


def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(text_file: Path, tmp_path: Path) -> None:
    whole = finished(start(text_file, tmp_path / "whole"))
    run = start(text_file, tmp_path / "part")
    list(run.prepare())
    steps = run.steps()
    for step in steps:
        if step is not None and step.step == 12:
            break
    steps.close()
    resumed = finished(Run.resume(tmp_path / "part"))
    assert [s.step for s in resumed] == list(range(13, 31))
    assert [s.loss for s in resumed] == [s.loss for s in whole[12:]]
    assert [line["step"] for line in read_log(tmp_path / "part") if "loss" in line] == list(range(1, 31))


def test_a_log_that_is_ahead_of_the_saved_state_is_cut_back(text_file: Path, tmp_path: Path) -> None:
    run = start(text_file, tmp_path / "m")
    list(run.prepare())
    with (tmp_path / "m" / "log.jsonl").open("a") as file:
        file.write('{"step": 99, "loss": 1.0}\n{"step": 100, "lo')
    resumed = Run.resume(tmp_path / "m")
    list(resumed.prepare())
    assert read_log(tmp_path / "m") == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"layers": "two"}, "config_range"),
        ({"width": 32.0}, "config_range"),
        ({"heads": "two"}, "model_damaged"),
        ({"batch": "4"}, "model_damaged"),
        ({"batch": 4.0}, "config_range"),
        ({"steps": None}, "config_range"),
        ({"context": 5000}, "text_too_short"),
        ({"layers": 3}, "model_damaged"),
        ({"colour": "red"}, "model_damaged"),
    ],
)
def test_resuming_with_damaged_settings_raises_an_engine_error(
    model_folder: Path, tmp_path: Path, changes: dict[str, object], key: str
) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "m")
    about = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(about | {"settings": about["settings"] | changes}))
    state = (folder / "training.safetensors").read_bytes()
    with pytest.raises(EngineError, match=key):
        list(Run.resume(folder).prepare())
    assert (folder / "training.safetensors").read_bytes() == state


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_resuming_rewrites_a_damaged_config_or_weights_file(model_folder: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "m")
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:9])
    list(Run.resume(folder).prepare())
    assert (folder / name).read_bytes() == whole


def test_invalid_lines_of_a_log_are_skipped(model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "m")
    known = read_log(folder)
    with (folder / "log.jsonl").open("a") as file:
        file.write('{"step": "9", "loss": 1.0}\n{"loss": 1.0}\n[3]\n"step"\nNaN\n' + "[" * 100_000 + "\n")
    list(Run.resume(folder).prepare())
    assert read_log(folder) == known


def test_a_finished_run_leaves_no_temporary_files(model_folder: Path) -> None:
    assert {path.name for path in model_folder.iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokens.bin", "tokens.json", "training.safetensors",
        "run.json", "log.jsonl",
    }  # fmt: skip


def test_a_run_limited_by_seconds_decays_its_rate_by_the_time_that_is_left(text_file: Path, tmp_path: Path) -> None:
    run = start(text_file, tmp_path / "m", steps=None, seconds=1.0)
    steps = finished(run)
    before = steps[-2]
    assert before.seconds < 1.0 <= steps[-1].seconds  # however long a step takes on this machine
    assert steps[-1].learning_rate == pytest.approx(MATRIX_RATE * rate_factor(before.step, before.fraction))
    assert rate_factor(before.step, before.fraction) <= (1 - before.fraction) / DECAY


def test_the_learning_rate_warms_up_stays_and_decays_to_zero() -> None:
    factors = [rate_factor(step, step / 1000) for step in range(1000)]
    assert factors[0] < 0.2
    assert max(factors) == 1.0
    assert factors[150] == 1.0
    assert factors[-1] < 0.01


def test_a_nan_loss_restores_an_earlier_state_at_half_the_rate(text_file: Path, tmp_path: Path) -> None:
    run = start(text_file, tmp_path / "m", steps=20)
    list(run.prepare())
    steps, seen = run.steps(), []
    for step in steps:
        if step is None:
            continue
        seen.append(step)
        if step.step == 8:
            with torch.no_grad():
                run.model.embedding.weight.fill_(math.nan)
    assert [s.step for s in seen if s.recovered] == [9]
    assert all(math.isfinite(s.loss) for s in seen if not s.recovered)
    assert run.trainer.rate_scale == 0.5
    assert seen[-1].loss < seen[0].loss


def test_a_run_that_cannot_recover_raises_diverged(text_file: Path, tmp_path: Path) -> None:
    run = start(text_file, tmp_path / "m")
    list(run.prepare())
    with torch.no_grad():
        run.model.embedding.weight.fill_(math.nan)
    with pytest.raises(EngineError) as raised:
        list(run.steps())
    assert raised.value.key == "error.diverged"


def test_micro_batches_add_up_to_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus(np.tile(np.arange(20, dtype=np.uint16), 40))
    losses = []
    for most in (1e15, 1.0):  # all at once, and one sequence at a time
        monkeypatch.setattr("engine.training.recipe.MICRO_FLOPS", most)
        torch.manual_seed(0)
        model = Transformer(model_config(SMALL, 20))
        settings = dataclasses.replace(SMALL, steps=5)
        steps = list(Trainer(model, LanguageModelling(corpus, settings), settings).run())
        losses.append([s.loss for s in steps if s is not None])
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_a_wide_model_gets_micro_batches_of_one_sequence() -> None:
    assert micro_batch(model_config(TrainingSettings(), 65), 12) == 12
    assert micro_batch(model_config(TrainingSettings(width=1024, layers=12, heads=16), 4000), 32) == 1


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"width": 0}, "error.heads_divide"),
        ({"width": 30}, "error.heads_divide"),
        ({"context": 10**9}, "error.config_range"),
        ({"layers": 0}, "error.config_range"),
        ({"batch": 0}, "error.config_range"),
        ({"steps": 0}, "error.config_range"),
        ({"vocabulary": 10}, "error.vocabulary_range"),
        ({"learning_rate": -1.0}, "error.config_range"),
        ({"context": 5000}, "error.text_too_short"),
        ({"width": 8192, "heads": 64, "layers": 20}, "error.memory"),
    ],
)
def test_settings_out_of_range_raise_an_engine_error(
    text_file: Path, tmp_path: Path, changes: dict[str, object], key: str
) -> None:
    with pytest.raises(EngineError) as raised:
        finished(start(text_file, tmp_path / "m", **changes))
    assert raised.value.key in (key, "error.model_too_large")


def test_a_vocabulary_larger_than_the_text_allows_becomes_smaller(text_file: Path, tmp_path: Path) -> None:
    run = start(text_file, tmp_path / "m", vocabulary=50_000, steps=2)
    finished(run)
    assert run.tokenizer.vocabulary == run.model.config.vocabulary < 1000


@pytest.mark.parametrize("data", [b"abc", codecs.BOM_UTF8])
def test_a_text_of_three_characters_or_only_a_byte_order_mark_is_too_short(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "tiny.txt").write_bytes(data)
    with pytest.raises(EngineError) as raised:
        finished(start(tmp_path / "tiny.txt", tmp_path / "m"))
    assert raised.value.key == "error.text_too_short"


def test_a_folder_with_a_run_is_not_overwritten(model_folder: Path, text_file: Path) -> None:
    before = (model_folder / "model.safetensors").read_bytes()
    with pytest.raises(EngineError) as raised:
        start(text_file, model_folder)
    assert raised.value.key == "error.folder_taken"
    assert (model_folder / "model.safetensors").read_bytes() == before


def test_a_folder_with_another_programs_model_is_not_overwritten(text_file: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(EngineError, match="folder_taken"):
        start(text_file, tmp_path)


def test_a_run_killed_while_preparing_can_be_started_again_in_its_folder(text_file: Path, tmp_path: Path) -> None:
    preparing = start(text_file, tmp_path / "m", steps=2)._read_texts()
    list(preparing)  # its text is saved, its model is not
    assert (tmp_path / "m" / "run.json").is_file()
    assert len(finished(start(text_file, tmp_path / "m", steps=2))) == 2


def test_a_full_disk_raises_not_written_and_keeps_the_last_save(
    text_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(text_file, tmp_path / "m")
    list(run.prepare())
    before = (tmp_path / "m" / "training.safetensors").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.model.checkpoint.save_file", full)
    with pytest.raises(EngineError) as raised:
        list(run.steps())
    assert raised.value.key == "error.not_written"
    assert (tmp_path / "m" / "training.safetensors").read_bytes() == before
    assert not list((tmp_path / "m").glob("*.part"))
    monkeypatch.undo()
    list(Run.resume(tmp_path / "m").prepare())


def test_a_folder_that_cannot_be_created_raises_not_written(text_file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineError) as raised:
        finished(start(text_file, tmp_path / "file" / "m"))
    assert raised.value.key == "error.not_written"


def test_presets_limit_the_vocabulary_for_a_short_text() -> None:
    assert presets_for(10_000_000) == PRESETS
    small = presets_for(2000)
    assert list(small) == ["30s", "5m", "overnight"]
    assert all(settings.vocabulary == 400 for settings in small.values())
