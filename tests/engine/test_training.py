"""A run learns, repeats, is saved, and goes on where it was."""

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
from engine.training.run import Run, read_log
from engine.training.tasks.language_modelling import LanguageModelling
from engine.training.trainer import Trainer, TrainStep
from tests.engine.conftest import SMALL


def finished(run: Run) -> list[TrainStep]:
    list(run.prepare())
    return [step for step in run.steps() if step is not None]


def start(text_file: Path, folder: Path, **changes: object) -> Run:
    return Run.start([str(text_file)], folder, dataclasses.replace(SMALL, **changes))  # type: ignore[arg-type]


def test_it_learns(text_file: Path, tmp_path: Path) -> None:
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


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(text_file: Path, tmp_path: Path) -> None:
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


def test_a_log_that_knows_more_than_the_state_is_cut_back(text_file: Path, tmp_path: Path) -> None:
    run = start(text_file, tmp_path / "m")
    list(run.prepare())
    with open(tmp_path / "m" / "log.jsonl", "a") as file:
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
def test_a_run_whose_settings_were_spoilt_is_refused_in_words(
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
def test_a_run_that_is_continued_makes_its_model_whole_again(model_folder: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "m")
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:9])
    list(Run.resume(folder).prepare())
    assert (folder / name).read_bytes() == whole


def test_lines_of_a_log_that_are_none_are_passed_over(model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "m")
    known = read_log(folder)
    with open(folder / "log.jsonl", "a") as file:
        file.write('{"step": "9", "loss": 1.0}\n{"loss": 1.0}\n[3]\n"step"\nNaN\n' + "[" * 100_000 + "\n")
    list(Run.resume(folder).prepare())
    assert read_log(folder) == known


def test_nothing_but_whole_files_is_left(model_folder: Path) -> None:
    assert {path.name for path in model_folder.iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokens.bin", "tokens.json", "training.safetensors",
        "run.json", "log.jsonl",
    }  # fmt: skip


def test_the_schedule_fits_itself_to_seconds(text_file: Path, tmp_path: Path) -> None:
    run = start(text_file, tmp_path / "m", steps=None, seconds=1.0)
    steps = finished(run)
    before = steps[-2]
    assert before.seconds < 1.0 <= steps[-1].seconds  # however long a step takes on this machine
    assert steps[-1].learning_rate == pytest.approx(MATRIX_RATE * rate_factor(before.step, before.fraction))
    assert rate_factor(before.step, before.fraction) <= (1 - before.fraction) / DECAY


def test_rates_warm_up_stay_and_fall_to_nothing() -> None:
    factors = [rate_factor(step, step / 1000) for step in range(1000)]
    assert factors[0] < 0.2
    assert max(factors) == 1.0
    assert factors[150] == 1.0
    assert factors[-1] < 0.01


def test_nan_is_noticed_and_an_earlier_state_comes_back(text_file: Path, tmp_path: Path) -> None:
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


def test_a_run_that_cannot_be_saved_from_itself_ends_in_words(text_file: Path, tmp_path: Path) -> None:
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


def test_a_wide_model_is_cut_into_micro_batches() -> None:
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
def test_absurd_settings_are_refused_in_words(
    text_file: Path, tmp_path: Path, changes: dict[str, object], key: str
) -> None:
    with pytest.raises(EngineError) as raised:
        finished(start(text_file, tmp_path / "m", **changes))
    assert raised.value.key in (key, "error.model_too_large")


def test_a_vocabulary_above_the_texts_ends_smaller(text_file: Path, tmp_path: Path) -> None:
    run = start(text_file, tmp_path / "m", vocabulary=50_000, steps=2)
    finished(run)
    assert run.tokenizer.vocabulary == run.model.config.vocabulary < 1000


@pytest.mark.parametrize("data", [b"abc", codecs.BOM_UTF8])
def test_three_characters_are_too_few_and_so_is_the_mark_of_an_encoding(tmp_path: Path, data: bytes) -> None:
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


def test_a_model_of_others_is_not_overwritten(text_file: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(EngineError, match="folder_taken"):
        start(text_file, tmp_path)


def test_a_run_that_was_killed_before_it_began_is_begun_again(text_file: Path, tmp_path: Path) -> None:
    preparing = start(text_file, tmp_path / "m", steps=2)._read_texts()
    list(preparing)  # its text is there, its model is not
    assert (tmp_path / "m" / "run.json").is_file()
    assert len(finished(start(text_file, tmp_path / "m", steps=2))) == 2


def test_a_full_disk_is_said_and_what_was_saved_stays(
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


def test_a_folder_that_cannot_be_written(text_file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineError) as raised:
        finished(start(text_file, tmp_path / "file" / "m"))
    assert raised.value.key == "error.not_written"


def test_presets_take_a_vocabulary_that_the_text_can_fill() -> None:
    assert presets_for(10_000_000) == PRESETS
    small = presets_for(2000)
    assert list(small) == ["30s", "5m", "overnight"]
    assert all(settings.vocabulary == 400 for settings in small.values())
