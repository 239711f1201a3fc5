"""Models saved for other programs give the same logits and tokens there, and when Nakami opens them again."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings, strategies as st
from tokenizers.normalizers import NFC

from engine import gguf_header
from engine.errors import EngineError
from engine.messages.saving import SavedModel
from engine.model.checkpoint import save_model
from engine.model.config import ModelConfig
from engine.model.opening import finish, load_model, load_transformer
from engine.model.saving import saving
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer, train_bpe, train_characters
from engine.training.run import Run
from tests.engine.conftest import SMALL
from tests.engine.ggufs import write_gguf
from tests.engine.hf_models import model_of, saved, some_ids
from tests.engine.odd_models import byte_tokenizer
from tests.engine.test_families import FAMILIES
from tests.engine.test_gguf import MODELS, VOCABULARY, _saved
from tests.engine.test_gguf_tokenizers import ORIGINALS, SCRIPTS, _original


def save(source: Path, target: Path, form: str = "huggingface", weights: str = "float32") -> SavedModel:
    return finish(saving(source, target, form, weights))


def in_transformers(folder: Path) -> Any:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.eval().set_attn_implementation("eager")
    return model


def nakami(folder: Path, tokenizer: Tokenizer, **settings: Any) -> Path:
    """Save a random model of Nakami's own."""
    model = Transformer(ModelConfig(tokenizer.vocabulary, n_layers=2, width=64, head_width=16, **settings))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    save_model(folder, model, tokenizer, 1)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@torch.no_grad()
def test_any_variant_has_the_same_logits_in_transformers(
    family: str, tmp_path_factory: Any, data: st.DataObject
) -> None:
    folder, ids = tmp_path_factory.mktemp("variant"), some_ids(40)
    saved(model_of(family, **data.draw(st.fixed_dictionaries(FAMILIES[family]))), folder / "a")
    _original("gpt-2").save(str(folder / "a" / "tokenizer.json"))
    save(folder / "a", folder / "b")
    expected = load_transformer(folder / "a")(ids)
    assert torch.equal(load_transformer(folder / "b")(ids), expected)
    assert torch.allclose(in_transformers(folder / "b")(ids).logits, expected, atol=1e-4)


@pytest.mark.parametrize("train", [lambda text: train_bpe([text], 400), lambda text: train_characters([text])])
@torch.no_grad()
def test_a_model_of_nakami_is_a_nanochat_in_transformers(tmp_path: Path, train: Any) -> None:
    source = nakami(tmp_path / "a", train(SCRIPTS * 2))
    assert save(source, tmp_path / "b").family == "nanochat"
    model, tokenizer = load_model(source)
    ids = tokenizer.encode(SCRIPTS)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "b")
    assert theirs(SCRIPTS)["input_ids"] == ids
    assert theirs.decode(ids) == SCRIPTS
    x = torch.tensor([ids[:60]])
    assert torch.allclose(in_transformers(tmp_path / "b")(x).logits, model(x), atol=1e-4)
    again, same = load_model(tmp_path / "b")
    assert torch.allclose(again(x), model(x), atol=1e-5)
    assert same.encode(SCRIPTS) == ids


def test_a_setting_that_no_family_has_is_named(tmp_path: Path) -> None:
    source = nakami(tmp_path / "a", train_characters(["abc"]), activation="gelu")
    with pytest.raises(EngineError) as caught:
        save(source, tmp_path / "b")
    assert (caught.value.key, caught.value.args_by_name["setting"]) == ("error.not_expressible", "activation")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ORIGINALS)
def test_a_tokenizer_gives_the_same_ids_in_transformers(tmp_path: Path, name: str) -> None:
    saved(model_of("Llama", vocab_size=800), tmp_path / "a")
    _original(name).save(str(tmp_path / "a" / "tokenizer.json"))
    template = "{% for m in messages %}<|im_start|>{{ m['content'] }}{% endfor %}"
    (tmp_path / "a" / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template})
    )
    save(tmp_path / "a", tmp_path / "b")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "b")
    assert theirs(SCRIPTS)["input_ids"] == Tokenizer.load(tmp_path / "a").encode(SCRIPTS)
    assert theirs.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False) == "<|im_start|>Hi"


# --- Whole or not at all -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_exists_is_not_overwritten(tmp_path: Path, model_folder: Path, kind: str) -> None:
    target = tmp_path / "there"
    target.mkdir() if kind == "folder" else target.write_text("mine")
    with pytest.raises(EngineError, match=r"error\.target_exists"):
        save(model_folder, target)
    assert list(tmp_path.rglob("*")) == [target]


def test_saving_that_is_cancelled_leaves_nothing(tmp_path: Path, model_folder: Path) -> None:
    steps = saving(model_folder, tmp_path / "new", "huggingface", "float32")
    assert 0 < next(steps) < 1
    steps.close()
    assert list(tmp_path.iterdir()) == []


@torch.no_grad()
def test_float16_takes_half_the_space_and_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    source = nakami(tmp_path / "a", train_characters([SCRIPTS]), mlp_width=2000)
    whole, half = (save(source, tmp_path / kind, weights=kind).bytes for kind in ("float32", "float16"))
    assert half < 0.6 * whole
    model, tokenizer = load_model(source)
    model.embedding.weight[3, 4] = 1e5
    save_model(source, model, tokenizer, 2)
    with pytest.raises(EngineError, match=r"error\.weights_too_large"):
        save(source, tmp_path / "c", weights="float16")
    assert not list(tmp_path.glob("c*"))


# --- GGUF --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["float32", "q8_0"])
@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_a_gguf_file_has_the_logits_of_the_folder(tmp_path: Path, name: str, weights: str) -> None:
    folder, ids = _saved(MODELS[name](), tmp_path / "a", "Q8_0"), some_ids(100, VOCABULARY)
    tokenizer = byte_tokenizer()
    tokenizer.normalizer = NFC() if name.startswith("gpt-neox") else None
    tokenizer.save(str(folder / "tokenizer.json"))
    save(folder, tmp_path / "b.gguf", "gguf", weights)
    assert torch.allclose(load_transformer(tmp_path / "b.gguf")(ids), load_transformer(folder)(ids), atol=1e-3)
    named = {tensor.name for tensor in gguf.GGUFReader(tmp_path / "b.gguf").tensors}
    write_gguf(folder, tmp_path / "c.gguf")  # as the scripts of llama.cpp name and order them
    theirs = {tensor.name: tensor.data for tensor in gguf.GGUFReader(tmp_path / "c.gguf").tensors}
    assert named == theirs.keys()
    if weights == "float32":
        for tensor in gguf.GGUFReader(tmp_path / "b.gguf").tensors:
            assert np.allclose(tensor.data, theirs[tensor.name], atol=1e-6), tensor.name


@pytest.mark.parametrize("name", ORIGINALS)
def test_a_byte_level_tokenizer_gives_the_same_ids_from_a_gguf_file(tmp_path: Path, name: str) -> None:
    saved(model_of("Llama", vocab_size=800, eos_token_id=2), tmp_path / "a")
    _original(name).save(str(tmp_path / "a" / "tokenizer.json"))
    (tmp_path / "a" / "chat_template.jinja").write_text("{{ messages }}")
    save(tmp_path / "a", tmp_path / "b.gguf", "gguf")
    assert Tokenizer.load(tmp_path / "b.gguf").encode(SCRIPTS) == Tokenizer.load(tmp_path / "a").encode(SCRIPTS)
    values = gguf_header.read(tmp_path / "b.gguf").values
    assert values["tokenizer.chat_template"] == "{{ messages }}"
    assert values["tokenizer.ggml.eos_token_id"] == 2
    assert values["tokenizer.ggml.add_bos_token"] == (name == "llama-bpe")
    save(tmp_path / "b.gguf", tmp_path / "c")  # and back
    assert Tokenizer.load(tmp_path / "c").encode(SCRIPTS) == Tokenizer.load(tmp_path / "a").encode(SCRIPTS)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "c").chat_template == "{{ messages }}"


def test_a_tokenizer_with_another_rule_is_refused_for_gguf(tmp_path: Path) -> None:
    saved(model_of("Llama", vocab_size=800), tmp_path / "a")
    train_bpe([SCRIPTS], 400).save(tmp_path / "a")
    with pytest.raises(EngineError, match=r"error\.tokenizer_not_expressible"):
        save(tmp_path / "a", tmp_path / "b.gguf", "gguf")
    assert not (tmp_path / "b.gguf").exists()


def test_windows_that_llama_cpp_does_not_know_are_refused(tmp_path: Path) -> None:
    saved(model_of("Mistral", sliding_window=7, vocab_size=800), tmp_path / "a")
    _original("gpt-2").save(str(tmp_path / "a" / "tokenizer.json"))
    with pytest.raises(EngineError) as caught:
        save(tmp_path / "a", tmp_path / "b.gguf", "gguf")
    assert caught.value.args_by_name["setting"] == "windows"


def test_a_file_is_replaced_only_where_that_is_wanted(tmp_path: Path, model_folder: Path) -> None:
    saved(model_of("Llama", vocab_size=800), tmp_path / "a")
    _original("gpt-2").save(str(tmp_path / "a" / "tokenizer.json"))
    (tmp_path / "b.gguf").write_text("mine")
    with pytest.raises(EngineError, match=r"error\.target_exists"):
        save(tmp_path / "a", tmp_path / "b.gguf", "gguf")
    finish(saving(tmp_path / "a", tmp_path / "b.gguf", "gguf", "float16", replace=True))
    assert Tokenizer.load(tmp_path / "b.gguf").encode("cat")
    with pytest.raises(EngineError, match=r"error\.target_exists"):  # nor by itself
        finish(saving(tmp_path / "b.gguf", tmp_path / "b.gguf", "gguf", "q8_0", replace=True))


# --- Runs in a layout that others open ---------------------------------------------------------------


@pytest.fixture(params=["bpe", "char"])
def run_of(request: pytest.FixtureRequest, tmp_path: Path, text_file: Path) -> Any:
    """Return a function that trains a small model in a layout."""

    def train(layout: Any) -> Path:
        chosen = replace(SMALL, tokenizer=request.param, layout=layout, steps=12, context=64, width=96, vocabulary=400)
        run = Run.start([str(text_file)], tmp_path / layout, chosen)
        list(run.prepare())
        list(run.steps())
        return run.folder

    return train


@pytest.mark.parametrize("layout", ["llama", "qwen3"])
@torch.no_grad()
def test_a_run_in_a_layout_of_others_is_opened_by_them(tmp_path: Path, run_of: Any, layout: str) -> None:
    with torch.enable_grad():
        folder = run_of(layout)
    model, tokenizer = load_model(folder)
    ids = tokenizer.encode(SCRIPTS)
    x = torch.tensor([ids[:64]])
    expected = model(x)
    assert save(folder, tmp_path / "hf").family == save(folder, tmp_path / "b.gguf", "gguf").family == layout
    assert torch.allclose(in_transformers(tmp_path / "hf")(x).logits, expected, atol=1e-4)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")(SCRIPTS)["input_ids"] == ids
    for path in (tmp_path / "hf", tmp_path / "b.gguf"):
        again, same = load_model(path)
        assert torch.allclose(again(x), expected, atol=1e-4)
        assert same.encode(SCRIPTS) == ids
        assert again.config.stop_ids == model.config.stop_ids


def test_a_run_in_a_layout_of_others_is_resumed(text_file: Path, tmp_path: Path) -> None:
    settings = replace(SMALL, layout="qwen3", steps=20)
    run = Run.start([str(text_file)], tmp_path / "run", settings)
    list(run.prepare())
    steps = run.steps()
    next(steps)
    steps.close()
    resumed = Run.resume(tmp_path / "run")
    list(resumed.prepare())
    list(resumed.steps())
    assert (resumed.trainer.step, resumed.settings.layout) == (20, "qwen3")
    assert resumed.model.config.activation == "swiglu"


def test_a_run_of_nakami_is_refused_for_gguf_by_name(tmp_path: Path, model_folder: Path) -> None:
    with pytest.raises(EngineError) as caught:
        save(model_folder, tmp_path / "b.gguf", "gguf")
    assert (caught.value.key, caught.value.args_by_name["family"]) == ("error.no_gguf_family", "nanochat")
