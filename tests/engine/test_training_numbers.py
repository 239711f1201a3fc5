"""Evaluation against plain Python, and the limits of settings, presets and rates."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from engine.errors import EngineError
from engine.messages.training import TrainingSettings
from engine.model.opening import load_model
from engine.training import evaluation
from engine.training.evaluation import evaluate
from engine.training.recipe import PRESETS, check, micro_batch, model_config, presets_for, rate_factor, rates
from tests.engine.conftest import SENTENCES


@pytest.mark.parametrize("length", [2, 3, 16, 17, 18, 33, 50])
def test_the_loss_of_a_text_is_the_mean_over_windows_in_plain_python(model_folder: Path, length: int) -> None:
    model, tokenizer = load_model(model_folder)
    ids = tokenizer.encode("the cat sat on the mat. 猫は森で暮らしている。" * 5)[:length]
    text = tokenizer.decode(ids)
    ids = tokenizer.encode(text)
    total = 0.0
    for start in range(0, len(ids) - 1, model.config.context):
        window = ids[start : start + model.config.context + 1]
        with torch.no_grad():
            logits = model(torch.tensor([window[:-1]]))[0].double().numpy()
        for row, wanted in zip(logits, window[1:], strict=True):
            total += math.log(np.exp(row - row.max()).sum()) + row.max() - row[wanted]
    *_, result = evaluate(model, tokenizer, text)
    assert result["tokens"] == len(ids) - 1
    assert result["loss"] == pytest.approx(total / (len(ids) - 1), rel=1e-4)
    size = len(text.encode()) - len(tokenizer.token_bytes(ids[0]))
    assert result["bits_per_byte"] == pytest.approx(total / math.log(2) / size, rel=1e-4)


def test_the_loss_does_not_depend_on_how_much_is_computed_at_once(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load_model(model_folder)
    text = "the dog sat on the log. 犬は家で暮らしている。" * 30
    *_, whole = evaluate(model, tokenizer, text)
    monkeypatch.setattr(evaluation, "TOKENS_AT_ONCE", 1)
    parts = list(evaluate(model, tokenizer, text))
    assert len(parts) > 10
    assert parts[-1] == pytest.approx(whole, rel=1e-4)
    with pytest.raises(EngineError, match="text_too_short"):
        list(evaluate(model, tokenizer, "a"))


def test_evaluation_predicts_each_token_once(model_folder: Path) -> None:
    model, tokenizer = load_model(model_folder)
    *_, result = evaluate(model, tokenizer, SENTENCES * 3)
    assert result["tokens"] == len(tokenizer.encode(SENTENCES * 3)) - 1
    assert result["perplexity"] == pytest.approx(math.exp(result["loss"]))
    size = len((SENTENCES * 3).encode())
    assert result["bits_per_byte"] == pytest.approx(result["loss"] * result["tokens"] / math.log(2) / size, rel=0.02)
    assert result["loss"] < 2.5


@given(characters=st.integers(0, 10**12))
def test_every_preset_is_valid_for_any_length_of_text(characters: int) -> None:
    assert list(presets_for(characters)) == list(PRESETS)
    for preset in presets_for(characters).values():
        check(preset)
        config = model_config(preset, preset.vocabulary)
        assert 300 <= preset.vocabulary <= config.vocabulary
        assert 1 <= micro_batch(config, preset.batch) <= preset.batch


@pytest.mark.parametrize("name", ["seconds", "learning_rate"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_settings_that_are_not_positive_numbers_are_refused(name: str, value: float) -> None:
    changes: dict[str, Any] = {name: value}
    with pytest.raises(EngineError) as raised:
        check(dataclasses.replace(TrainingSettings(), **changes))
    assert raised.value.args_by_name["setting"] == name


@given(step=st.integers(0, 10**6), fraction=st.floats(-1, 2))
def test_a_rate_is_never_negative_nor_above_the_full_one(step: int, fraction: float) -> None:
    assert 0.0 <= rate_factor(step, fraction) <= 1.0
    assert rate_factor(step, fraction) >= rate_factor(step, min(2.0, fraction + 0.1))


def test_the_rate_in_the_settings_scales_both_optimizers() -> None:
    usual, other = rates(TrainingSettings())
    mine, its = rates(TrainingSettings(learning_rate=usual / 4))
    assert (mine, its) == pytest.approx((usual / 4, other / 4))
