"""Models saved for other programs give the same logits and tokens there, and when Nakami opens them again."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings, strategies as st

from engine.errors import EngineError
from engine.messages.saving import SavedModel
from engine.model.checkpoint import save_model
from engine.model.config import ModelConfig
from engine.model.opening import finish, load_model, load_transformer
from engine.model.saving import saving
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer, train_bpe, train_characters
from tests.engine.hf_models import model_of, saved, some_ids
from tests.engine.test_families import FAMILIES
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
