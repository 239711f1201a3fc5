"""Small random models, made and saved by `transformers`, give the same numbers here."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from engine.cli.main import main
from engine.errors import EngineError
from engine.generation.decoding import Reader, decode
from engine.inspection.attention import attention_patterns
from engine.messages.generation import SamplingSettings
from engine.model.opening import describe, load_model, load_transformer
from engine.text.tokenizer import Tokenizer
from engine.training.evaluation import evaluate
from tests.engine.hf_models import CONTEXT, LLAMA3, VOCABULARY, model_of, saved, some_ids

TEXTS = ("I am happy, and 私は嬉しい。", "  two  spaces\n\nand lines", "😀𠮟 naïve", "")


def _gpt2(**more: Any) -> transformers.PreTrainedModel:
    settings = {"vocab_size": VOCABULARY, "n_positions": CONTEXT, "n_embd": 48, "n_layer": 3, "n_head": 4}
    ends = {"eos_token_id": None, "bos_token_id": None}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**settings, **(ends | more)))


MODELS: dict[str, Callable[[], transformers.PreTrainedModel]] = {
    "gpt2": _gpt2,
    "gpt2-gelu-untied": lambda: _gpt2(activation_function="gelu", tie_word_embeddings=False, n_inner=100),
    "llama": lambda: model_of("Llama"),
    "llama-all-heads-tied": lambda: model_of("Llama", num_key_value_heads=4, tie_word_embeddings=True),
    "llama3-rope": lambda: model_of("Llama", rope_scaling=LLAMA3, rope_theta=500_000.0),
    "llama-linear-rope": lambda: model_of("Llama", rope_scaling={"rope_type": "linear", "factor": 2.0}),
    "llama-biases": lambda: model_of("Llama", attention_bias=True, mlp_bias=True, head_dim=20),
    "mistral": lambda: model_of("Mistral"),
    "mistral-window": lambda: model_of("Mistral", sliding_window=7, head_dim=16),
    "qwen2": lambda: model_of("Qwen2", tie_word_embeddings=True),
    "qwen2-window": lambda: model_of("Qwen2", use_sliding_window=True, sliding_window=5, max_window_layers=1),
    "qwen3": lambda: model_of("Qwen3", head_dim=24),
    "phi3": lambda: model_of("Phi3", sliding_window=11),
    "gpt_neox": lambda: model_of("GPTNeoX"),
    "olmo2": lambda: model_of("Olmo2"),
    "smollm3": lambda: model_of("SmolLM3", no_rope_layer_interval=2),
    "gemma2": lambda: model_of("Gemma2", head_dim=20, sliding_window=6, query_pre_attn_scalar=31),
    "gemma3_text": lambda: model_of("Gemma3", head_dim=20, sliding_window=6),
    "qwen3-biases": lambda: model_of("Qwen3", head_dim=8, attention_bias=True),
}


@pytest.fixture(scope="module", params=MODELS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a model of `transformers` and the folder in which it was saved."""
    folder = tmp_path_factory.mktemp("models") / request.param
    return saved(MODELS[request.param](), folder), folder


@torch.no_grad()
def test_logits_equal_those_of_transformers(pair: Any) -> None:
    theirs, folder = pair
    expected = theirs(some_ids()).logits
    assert torch.allclose(load_transformer(folder)(some_ids()), expected, atol=1e-4)


@torch.no_grad()
def test_attention_patterns_equal_those_of_transformers(pair: Any) -> None:
    theirs, folder = pair
    expected = torch.cat(theirs(some_ids(), output_attentions=True).attentions)
    weights = attention_patterns(load_transformer(folder), some_ids()[0].tolist())
    assert np.allclose(weights, expected.numpy(), atol=1e-5)


def test_greedy_text_equals_that_of_transformers(pair: Any) -> None:
    """Fifty tokens are generated one at a time, with the cache."""
    theirs, folder = pair
    with torch.no_grad():
        expected = theirs.generate(some_ids(10), max_new_tokens=50, do_sample=False, pad_token_id=0)[0, 10:]
    reader = Reader(load_transformer(folder))
    ids = some_ids(10)[0].tolist()
    for _ in range(50):
        ids.append(int(reader.logits(ids).argmax()))
    assert ids[10:] == expected.tolist()


def test_a_folder_is_described(pair: Any) -> None:
    theirs, folder = pair
    info = describe(folder)
    assert info.parameters == theirs.num_parameters()
    assert info.bytes == 4 * info.parameters
    assert (info.family, info.layers, info.heads) == (theirs.config.model_type, 3, 4)
    assert (info.context, info.vocabulary) == (CONTEXT, VOCABULARY)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bit_weights_are_read(tmp_path: Path, dtype: torch.dtype) -> None:
    saved(model_of("Llama").to(dtype), tmp_path)
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    with torch.no_grad():
        assert torch.allclose(load_transformer(tmp_path)(some_ids()), theirs(some_ids()).logits, atol=1e-4)


def test_sharded_weights_are_read(tmp_path: Path) -> None:
    theirs = saved(model_of("Qwen2"), tmp_path, max_shard_size="100KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    with torch.no_grad():
        assert torch.allclose(load_transformer(tmp_path)(some_ids()), theirs(some_ids()).logits, atol=1e-4)
    next(tmp_path.glob("model-00002*.safetensors")).unlink()
    assert _refusal(tmp_path) == "error.model_shard"


def test_older_rope_settings_are_read(tmp_path: Path) -> None:
    theirs = saved(model_of("Llama", rope_scaling=LLAMA3, rope_theta=1000.0), tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    rope = values.pop("rope_parameters")
    values["rope_theta"] = rope.pop("rope_theta")
    values["rope_scaling"] = rope
    (tmp_path / "config.json").write_text(json.dumps(values))
    with torch.no_grad():
        assert torch.allclose(load_transformer(tmp_path)(some_ids()), theirs(some_ids()).logits, atol=1e-4)


# --- Folders that are refused ---------------------------------------------------------------------


def _refusal(folder: Path) -> str:
    with pytest.raises(EngineError) as raised:
        load_transformer(folder)
    return raised.value.key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    saved(model_of("Llama"), tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"auto_map": {"AutoModel": "modeling.Mine"}}, "error.model_code"),
        ({"model_type": "mamba"}, "error.model_unknown"),
        ({"model_type": None}, "error.model_unknown"),
        ({"hidden_act": "gelu"}, "error.model_setting"),
        ({"hidden_act": ["silu"]}, "error.model_setting"),
        ({"hidden_size": "48"}, "error.model_setting"),
        ({"hidden_size": 50, "head_dim": None}, "error.heads_divide"),
        ({"num_hidden_layers": 4}, "error.model_mismatch"),
        ({"num_hidden_layers": 10**9}, "error.config_range"),
        ({"vocab_size": 501}, "error.model_mismatch"),
        ({"num_key_value_heads": 4}, "error.model_mismatch"),
        ({"attention_bias": True}, "error.model_mismatch"),
        ({"rms_norm_eps": 0}, "error.model_setting"),
        ({"quantization_config": {"bits": 4}}, "error.model_setting"),
        ({"rope_parameters": {"rope_type": "proportional", "factor": 2.0}}, "error.model_setting"),
        ({"rope_parameters": {"rope_type": "linear", "factor": -1}}, "error.model_setting"),
    ],
)
def test_unsupported_configs_raise_an_engine_error(folder: Path, change: dict[str, Any], key: str) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert _refusal(folder) == key


def test_code_beside_the_tokenizer_is_not_run(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": "tokenizing.Mine"}}')
    assert _refusal(folder) == "error.model_code"


def test_pickled_weights_are_not_opened(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert _refusal(folder) == "error.model_pickled"
    (folder / "pytorch_model.bin").unlink()
    assert _refusal(folder) == "error.model_no_weights"


def test_a_truncated_file_raises_an_engine_error(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert _refusal(folder) == "error.model_damaged"


def test_integer_weights_raise_an_engine_error(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"] = tensors["model.norm.weight"].to(torch.int32)
    save_file(tensors, folder / "model.safetensors")
    assert _refusal(folder) == "error.model_type"


def test_an_index_cannot_point_outside_of_its_folder(folder: Path) -> None:
    shutil.move(folder / "model.safetensors", folder.parent / "elsewhere.safetensors")
    index = {"weight_map": {"model.norm.weight": "../elsewhere.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert _refusal(folder) == "error.model_damaged"


def test_a_model_too_large_for_the_memory_raises_an_engine_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.model.opening.free_memory", lambda: 1000)
    assert _refusal(folder) == "error.model_memory"


# --- Tokenizers -----------------------------------------------------------------------------------


def _byte_level() -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 5, trainer)
    tokenizer.add_tokens(["happy"])
    return tokenizer


def _sentencepiece() -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(parts)
    special = ["<unk>", "<s>", "</s>"]
    hexadecimal = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special + hexadecimal, show_progress=False)
    tokenizer.train_from_iterator(["I am happy, and 私は嬉しい。 two spaces and lines"] * 5, trainer)
    description = json.loads(tokenizer.to_str())
    description["added_tokens"] = [t for t in description["added_tokens"] if t["content"] in special]
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(description))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


TOKENIZERS = {"byte-level": _byte_level, "sentencepiece": _sentencepiece}


@pytest.fixture(params=TOKENIZERS)
def tokenizer_pair(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_object=TOKENIZERS[request.param]())
    theirs.save_pretrained(tmp_path)
    return theirs, Tokenizer.load(tmp_path)


def test_token_ids_equal_those_of_transformers(tokenizer_pair: Any) -> None:
    theirs, ours = tokenizer_pair
    for text in (*TEXTS, "a <|endoftext|> b</s>", "happy happyhappy"):
        assert ours.encode(text) == theirs(text).input_ids


def test_pieces_join_to_the_text(tokenizer_pair: Any) -> None:
    _, ours = tokenizer_pair
    for text in TEXTS:
        assert ours.decode(ours.encode(text)) in (text, f" {text}")  # sentencepiece begins with a space
        tokens = ours.tokens(text)
        assert "".join(dict.fromkeys(text[s:e] for s, e in zip(tokens.starts, tokens.ends, strict=True))) or not text


def test_special_tokens_are_named(tokenizer_pair: Any) -> None:
    _, ours = tokenizer_pair
    tokens = ours.tokens("a<|endoftext|>" if ours.encode("x")[0] != 1 else "a")
    assert "special" in tokens.kinds


def test_a_text_of_special_tokens_alone_has_a_loss(tmp_path: Path) -> None:
    """Special tokens add no bytes to a text, but bits_per_byte counts the bytes of their names in it."""
    saved(_gpt2(), tmp_path)
    _byte_level().save(str(tmp_path / "tokenizer.json"))
    text = "<|endoftext|>" * 4
    *_, result = evaluate(*load_model(tmp_path), text)
    assert result["tokens"] == 3
    assert result["bits_per_byte"] == pytest.approx(result["loss"] * 3 / math.log(2) / len(text))


def test_generation_ends_after_a_stop_token(tmp_path: Path) -> None:
    theirs = saved(_gpt2(), tmp_path)
    _byte_level().save(str(tmp_path / "tokenizer.json"))
    model, tokenizer = load_model(tmp_path)
    greedy = SamplingSettings(temperature=0.0)
    steps = list(decode(Reader(model), tokenizer, [5, 6], 10, greedy, seed=1))
    stop = steps[3].id
    first = next(i for i, step in enumerate(steps) if step.id == stop)
    theirs.generation_config.eos_token_id = stop
    theirs.generation_config.save_pretrained(tmp_path)
    model, tokenizer = load_model(tmp_path)
    assert [s.id for s in decode(Reader(model), tokenizer, [5, 6], 10, greedy, seed=1)] == [
        s.id for s in steps[: first + 1]
    ]


# --- The command line -----------------------------------------------------------------------------


def test_logits_and_attention_through_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = saved(_gpt2(), tmp_path / "model")
    _byte_level().save(str(tmp_path / "model" / "tokenizer.json"))
    assert main(["logits", str(tmp_path / "model"), "--ids", "1,2,3", "--out", str(tmp_path / "l.npz")]) == 0
    logits = np.load(tmp_path / "l.npz")["logits"]
    assert logits.dtype == np.float32
    with torch.no_grad():
        assert np.allclose(logits, theirs(torch.tensor([[1, 2, 3]])).logits[0].numpy(), atol=1e-4)
    assert main(["attend", str(tmp_path / "model"), "I am happy", "--out", str(tmp_path / "a.npz")]) == 0
    arrays = np.load(tmp_path / "a.npz")
    T = len(arrays["tokens"])
    assert arrays["weights"].shape == (3, 4, T, T)
    assert "".join(arrays["tokens"].tolist()) == "I am happy"
    capsys.readouterr()
    assert main(["open", str(tmp_path / "model"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == theirs.num_parameters()


@pytest.mark.parametrize("ids", ["", "1,x", "500", "-1", ",".join(["1"] * (CONTEXT + 1))])
def test_invalid_ids_raise_an_engine_error(tmp_path: Path, capsys: pytest.CaptureFixture[str], ids: str) -> None:
    saved(_gpt2(), tmp_path)
    capsys.readouterr()
    assert main(["logits", str(tmp_path), f"--ids={ids}", "--out", str(tmp_path / "x.npz")]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "x.npz").exists()
