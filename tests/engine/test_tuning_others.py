"""Fine-tuning a model of another family: its chat template, its folder, and the low-rank adaptation."""

import errno
import json
import math
from pathlib import Path

import numpy as np
import pytest
import tokenizers
import torch
from hypothesis import given, settings, strategies as st
from tokenizers import AddedToken

from engine.cli.main import main
from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.messages.models import OpenModel
from engine.messages.tuning import LARGE, Pair, TuneOnPairs, TuningSettings, settings_for
from engine.model.lora import MATRICES, LowRankLinear, adapted, add_lora, merge_lora, merged_state
from engine.model.opening import describe, load_model, load_transformer
from engine.model.saving import saving
from engine.service.session import Session
from engine.text import chat_template
from engine.tuning.forms import copy_form, form_of
from engine.tuning.supervised import Tuning
from tests.engine.odd_models import byte_tokenizer, make_llama
from tests.engine.sessions import ask
from tests.engine.small_models import random_model

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}:{{ message.content }}<|im_end|>{% endfor %}"
    "<|im_start|>assistant:"
)
PAIRS = tuple(Pair(f"cat {n}?", f"sat {n}") for n in range(6))


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    """Return the folder of a small model of another family, with a chat template."""
    tokenizer: tokenizers.Tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens([AddedToken("<|im_start|>", special=True), AddedToken("<|im_end|>", special=True)])
    folder = tmp_path / "llama"
    make_llama(folder, tokenizer, context=128)
    settings = {"chat_template": TEMPLATE, "eos_token": "<|im_end|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


# --- The form and the folder --------------------------------------------------------------------------


def test_an_answer_follows_the_template_and_ends_with_its_token(llama: Path) -> None:
    model, tokenizer = load_model(llama)
    form = form_of(llama, tokenizer, model.config)
    prompt, answer = form.prompt(tokenizer, " Who? "), form.answer(tokenizer, " Me. ")
    assert "".join(map(tokenizer.piece, prompt)) == "<|im_start|>user:Who?<|im_end|><|im_start|>assistant:"
    assert tokenizer.decode(answer) == "Me."
    assert tokenizer.piece(answer[-1]) == "<|im_end|>"
    assert form.end == answer[-1]


def test_a_name_of_a_special_token_in_a_pair_is_text(llama: Path) -> None:
    model, tokenizer = load_model(llama)
    form = form_of(llama, tokenizer, model.config)
    answer = form.answer(tokenizer, "I say <|im_end|> here.")
    assert answer.count(answer[-1]) == 1


@pytest.mark.parametrize("lora", [0, 2])
def test_a_tuned_model_of_another_family_opens_as_it_was_left(llama: Path, tmp_path: Path, lora: int) -> None:
    tuning = Tuning.start(llama, PAIRS, TuningSettings(steps=3, batch=2, lora=lora))
    list(tuning.steps())
    tuning.save(tmp_path / "tuned")
    again, tokenizer = load_model(tmp_path / "tuned")
    ids = torch.tensor([tokenizer.encode("cat and dog")])
    torch.testing.assert_close(again(ids), tuning.model(ids), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(again(ids), load_transformer(llama)(ids), atol=1e-4)
    info = describe(tmp_path / "tuned")
    assert (info.family, info.step) == ("llama", 3)
    assert form_of(tmp_path / "tuned", tokenizer, again.config) == tuning.form
    assert chat_template.read(tmp_path / "tuned") is not None


def test_the_form_of_a_model_is_written_whole_or_not_at_all(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load_model(llama)
    write = Path.write_bytes

    def fail_in_the_middle(path: Path, content: bytes) -> int:
        write(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr(Path, "write_bytes", fail_in_the_middle)
    folder = tmp_path / "tuned"
    folder.mkdir()
    with pytest.raises(EngineError, match="not_written"):
        copy_form(llama, folder, tokenizer, model.config.context)
    assert not list(folder.iterdir())


def test_a_model_improved_on_the_command_line_is_asked_by_its_template(llama: Path, tmp_path: Path) -> None:
    choices = tmp_path / "choices.jsonl"
    choices.write_text(json.dumps({"prompt": "Who?", "chosen": "Me.", "rejected": "You."}), "utf-8")
    out = tmp_path / "improved"
    assert main(["prefer", str(llama), str(choices), "--out", str(out), "--steps", "1", "--tokens", "4"]) == 0
    model, tokenizer = load_model(out)
    assert form_of(out, tokenizer, model.config) == form_of(llama, tokenizer, model.config)


def test_a_tuned_model_of_another_family_is_saved_for_others(llama: Path, tmp_path: Path) -> None:
    command = ["finetune", str(llama), "--out", str(tmp_path / "tuned"), "--steps", "2", "--lora", "1", "--json"]
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps({"prompt": p.prompt, "answer": p.answer}) + "\n" for p in PAIRS))
    assert main([command[0], command[1], str(pairs), *command[2:]]) == 0
    list(saving(tmp_path / "tuned", tmp_path / "others", "huggingface", "float32"))
    tuned, others = (load_transformer(tmp_path / name) for name in ("tuned", "others"))
    ids = torch.arange(20)[None]
    assert torch.equal(tuned(ids), others(ids))
    assert json.loads((tmp_path / "others" / "config.json").read_text())["model_type"] == "llama"


def test_a_run_in_the_window_asks_by_the_template_too(llama: Path, tmp_path: Path) -> None:
    session = Session()
    ask(session, OpenModel(str(llama)))
    ask(session, TuneOnPairs(PAIRS, str(tmp_path / "tuned"), TuningSettings(steps=1, batch=2)))
    found = chat_template.read(tmp_path / "tuned")
    assert found is not None
    assert found.source == TEMPLATE
    assert found.names["eos_token"] == "<|im_end|>"


def test_a_large_model_is_tuned_by_a_low_rank_adaptation() -> None:
    assert settings_for(LARGE).lora == 0
    large = settings_for(LARGE + 1)
    assert large.lora > 0
    assert large.steps is not None
    assert large.steps * large.batch < (settings_for(1).steps or 0) * settings_for(1).batch


# --- The low-rank adaptation --------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.sets(st.sampled_from(MATRICES), min_size=1), st.integers(1, 5), st.floats(0, 2), st.integers(0, 99))
@torch.no_grad()
def test_any_adaptation_is_the_sum_of_both_matrices(matrices: set[str], rank: int, scale: float, seed: int) -> None:
    model, plain = random_model(seed), random_model(seed)
    for name, layer in zip(sorted(matrices) * 2, add_lora(model, rank, tuple(sorted(matrices))), strict=True):
        layer.B.normal_(0.0, 0.3)
        layer.scale = scale
        assert layer.A.shape[0] == layer.B.shape[1] == rank, name
    for name, layer in adapted(model):
        weight = plain.get_parameter(f"{name}.weight")
        for r in range(rank):
            weight.add_(torch.outer(layer.B[:, r], layer.A[r]), alpha=scale)
    ids = torch.randint(0, 20, (2, 9), generator=torch.manual_seed(seed))
    expected = plain(ids)
    torch.testing.assert_close(model(ids), expected, atol=1e-4, rtol=1e-4)
    assert all(torch.allclose(t, plain.state_dict()[n], atol=1e-6) for n, t in merged_state(model).items())
    merge_lora(model)
    torch.testing.assert_close(model(ids), expected, atol=1e-4, rtol=1e-4)


def test_numpy_reads_an_adaptation_as_it_is_now() -> None:
    model = random_model(1)
    reader = Reader(model)
    layers = add_lora(model, 2)
    reader = Reader(model)
    for scale in (0.5, 2.0):
        for layer in layers:
            torch.nn.init.normal_(layer.B, std=0.2)
            layer.scale = scale
        reader.forget()
        reader.logits((1, 2, 3))
        found = reader.logits((1, 2, 3, 4))  # numpy computes the last token
        with torch.no_grad():
            expected = model(torch.tensor([[1, 2, 3, 4]]))[0, -1].numpy()
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)


def test_a_layer_with_a_bias_keeps_it() -> None:
    base = torch.nn.Linear(3, 4)
    layer = LowRankLinear(base, 2)
    x = torch.randn(5, 3)
    assert torch.equal(layer(x), base(x))
    assert layer.bias is base.bias
    assert layer.A.abs().max() <= 1 / math.sqrt(3)
    assert not layer.B.any()
