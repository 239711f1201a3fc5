"""Small random models give the same numbers from a GGUF file as from a folder of `transformers`."""

import itertools
import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
import transformers

from engine import gguf_header
from engine.errors import EngineError
from engine.gguf_header import Stored
from engine.model.gguf import dequantised
from engine.model.opening import describe, load_transformer, loading, read_config
from tests.engine.ggufs import TYPES, add_tensor, finish, rounded, write_gguf
from tests.engine.hf_models import LLAMA3, model_of, some_ids
from tests.engine.odd_models import byte_tokenizer

VOCABULARY, CONTEXT = 96, 128
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
LONGROPE = {
    "rope_type": "longrope",
    "short_factor": [1.0 + i / 8 for i in range(8)],
    "long_factor": [2.0 + i for i in range(8)],
}


def _gpt2() -> transformers.PreTrainedModel:
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=64, n_layer=3, n_head=4)
    )


# Rows must be whole blocks of 32 numbers.
_model = partial(model_of, vocab_size=VOCABULARY, hidden_size=64, intermediate_size=128)
_ids = partial(some_ids, vocabulary=VOCABULARY)

MODELS: dict[str, Callable[[], transformers.PreTrainedModel]] = {
    "llama": lambda: _model("Llama"),
    "llama-biases": lambda: _model("Llama", attention_bias=True, mlp_bias=True, head_dim=24),
    "llama3-rope": lambda: _model("Llama", rope_scaling=LLAMA3, tie_word_embeddings=True),
    "llama-linear-rope": lambda: _model("Llama", rope_scaling={"rope_type": "linear", "factor": 2.0}),
    "qwen2": lambda: _model("Qwen2", tie_word_embeddings=True),
    "qwen2-yarn": lambda: _model("Qwen2", rope_scaling=YARN),
    "qwen3": lambda: _model("Qwen3", head_dim=24),
    "gpt2": _gpt2,
    "gpt-neox": lambda: _model("GPTNeoX"),
    "gpt-neox-in-series": lambda: _model("GPTNeoX", use_parallel_residual=False),
    "phi3": lambda: _model("Phi3", sliding_window=11),
    "phi3-longrope": lambda: _model(
        "Phi3", rope_scaling=LONGROPE, original_max_position_embeddings=64, sliding_window=None
    ),
    "olmo2": lambda: _model("Olmo2"),
    "smollm3": lambda: _model("SmolLM3", num_hidden_layers=5),
    "gemma2": lambda: _model("Gemma2", head_dim=24, sliding_window=6, query_pre_attn_scalar=24),
    "gemma3": lambda: _model("Gemma3", head_dim=24, sliding_window=6, query_pre_attn_scalar=24, num_hidden_layers=7),
}


def _saved(model: transformers.PreTrainedModel, folder: Path, kind: str = "F32") -> Path:
    """Save a model with random weights, each matrix with the numbers that `kind` leaves of them."""
    generator = torch.Generator().manual_seed(1)
    transposed = ("c_attn.weight", "c_proj.weight", "c_fc.weight") if model.config.model_type == "gpt2" else ()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
            if parameter.ndim > 1:
                rows = parameter.T if name.endswith(transposed) else parameter
                rows.copy_(torch.from_numpy(rounded(rows.numpy().copy(), kind)))
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["F32", "Q8_0"])
@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_logits_equal_those_of_the_folder(tmp_path: Path, name: str, kind: str) -> None:
    folder = _saved(MODELS[name](), tmp_path / "model", kind)
    write_gguf(folder, tmp_path / "model.gguf", kind)
    ours = load_transformer(tmp_path / "model.gguf")
    assert torch.allclose(ours(_ids(100)), load_transformer(folder)(_ids(100)), atol=1e-3)
    theirs, found = describe(folder), describe(tmp_path / "model.gguf")
    assert found.unused == ()
    assert (found.parameters, found.family) == (theirs.parameters, theirs.family)


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
@torch.no_grad()
def test_logits_of_every_type_equal_those_of_its_numbers(tmp_path: Path, kind: str) -> None:
    folder = _saved(MODELS["llama"](), tmp_path / "model", kind)
    write_gguf(folder, tmp_path / "model.gguf", kind)
    difference = load_transformer(tmp_path / "model.gguf")(_ids()) - load_transformer(folder)(_ids())
    assert difference.abs().max() < 1e-2  # writing rounds the scales of the rounded numbers once more


def test_the_types_are_those_of_the_library() -> None:
    for number, about in gguf_header.TYPES.items():
        kind = TYPES(number)
        assert about == (kind.name, *gguf.GGML_QUANT_SIZES[kind])
    assert all(TYPES(number).name == name for number, name in gguf_header.UNREADABLE.items() if number in set(TYPES))


# What llama.cpp's own C code (dequantize_row_… of release v0.5.0) makes of two blocks of random bytes: the last number,
# and the sum of each number times its index.
OF_LLAMA_CPP = {
    "F32": (-8.883642e-22, -8.883642e-22),
    "F16": (-0.2020264, -0.2020264),
    "Q4_0": (0.003046036, 7.297126),
    "Q4_1": (-7.707031, -11116.9),
    "Q5_0": (-107.8984, -24976.12),
    "Q5_1": (1.965235, 4144.512),
    "Q8_0": (-411.4688, -4161.426),
    "Q2_K": (251.6719, 3.255492e08),
    "Q3_K": (6.177979, 10608.61),
    "Q4_K": (20592.91, 1.481464e09),
    "Q5_K": (-2.107273, -121234.6),
    "Q6_K": (0.09152496, 995.4017),
    "IQ2_XXS": (-4187.5, 1.136339e08),
    "IQ2_XS": (0.007715225, -4542.732),
    "IQ3_XXS": (0.3839493, -62320.37),
    "IQ1_S": (-30.34424, -503542.2),
    "IQ4_NL": (0.03731394, 243.4491),
    "IQ3_S": (-0.2650795, 4997.879),
    "IQ2_S": (-92853.12, -2.426579e08),
    "IQ4_XS": (-20.3125, 8081940),
    "IQ1_M": (-0.01057142, -368412.2),
    "BF16": (-1.437729e-08, -1.437729e-08),
    "TQ1_0": (-0.002471924, 631.9295),
    "TQ2_0": (0.01971436, -1849.808),
    "MXFP4": (16, -5864),
}


@pytest.mark.parametrize("number", gguf_header.TYPES)
def test_blocks_of_every_type_are_the_numbers_of_llama_cpp(tmp_path: Path, number: int) -> None:
    kind, block, size = gguf_header.TYPES[number]
    path = tmp_path / "blocks"
    path.write_bytes(bytes(64) + 3 * random.Random(1677).randbytes(2 * size))
    about = path.stat()
    stored = Stored(path, (about.st_size, about.st_mtime_ns), kind, (3, 2 * block), 2 * size, 64)
    expected_last, expected_sum = OF_LLAMA_CPP[kind]
    for row in dequantised("x", stored, torch.float32).double():
        assert float(row[-1]) == pytest.approx(expected_last, rel=1e-6, abs=0)
        assert float(row @ torch.arange(2 * block).double()) == pytest.approx(expected_sum, rel=1e-5, abs=0)


def test_loading_reports_its_progress(tmp_path: Path) -> None:
    folder = _saved(MODELS["llama"](), tmp_path / "model")
    _with_tokenizer(folder)
    write_gguf(folder, tmp_path / "model.gguf")
    shares = list(loading(tmp_path / "model.gguf"))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 20


def _with_tokenizer(folder: Path) -> None:
    byte_tokenizer().save(str(folder / "tokenizer.json"))


@torch.no_grad()
def test_a_model_in_several_files_is_opened_by_any_of_them(tmp_path: Path) -> None:
    folder = _saved(MODELS["llama"](), tmp_path / "model")
    write_gguf(folder, tmp_path / "whole.gguf")
    parts = _split(tmp_path / "whole.gguf", 3)
    expected = load_transformer(folder)(_ids())
    for part in parts:
        assert torch.allclose(load_transformer(part)(_ids()), expected, atol=1e-4)
    parts[1].unlink()
    with pytest.raises(EngineError) as raised:
        load_transformer(parts[2])
    assert raised.value.key == "error.model_shard"
    assert raised.value.args_by_name["file"] == str(parts[1])


def test_a_renamed_part_is_refused(tmp_path: Path) -> None:
    folder = _saved(MODELS["llama"](), tmp_path / "model")
    write_gguf(folder, tmp_path / "whole.gguf")
    (part, *_) = _split(tmp_path / "whole.gguf", 2)
    assert _refusal(part.rename(tmp_path / "renamed.gguf")) == "error.gguf_part_name"


def _split(path: Path, count: int) -> list[Path]:
    """Split a file as llama.cpp's gguf-split does: the metadata are in the first part."""
    reader = gguf.GGUFReader(path)
    paths = [path.with_name(f"part-{i:05d}-of-{count:05d}.gguf") for i in range(1, count + 1)]
    size = -(-len(reader.tensors) // count)
    for number, part in enumerate(paths):
        writer = gguf.GGUFWriter(part, "llama")
        for name, field in reader.fields.items() if number == 0 else ():
            if not name.startswith("GGUF.") and name != "general.architecture":
                writer.add_key_value(name, field.contents(), field.types[0])
        writer.add_uint16("split.no", number)
        writer.add_uint16("split.count", count)
        writer.add_int32("split.tensors.count", len(reader.tensors))
        for tensor in itertools.islice(reader.tensors, number * size, (number + 1) * size):
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        finish(writer)
    return paths


# --- What is refused ------------------------------------------------------------------------------


def _refusal(path: Path) -> str:
    with pytest.raises(EngineError) as raised:
        load_transformer(path)
    return raised.value.key


def _written(path: Path, architecture: str, settings: dict[str, int | str]) -> Path:
    writer = gguf.GGUFWriter(path, architecture)
    for name, value in settings.items():
        add = writer.add_uint32 if isinstance(value, int) else writer.add_string
        add(f"{architecture}.{name}", value)
    add_tensor(writer, "token_embd.weight", np.zeros((VOCABULARY, 64), np.float32), "F32")
    finish(writer)
    return path


@pytest.mark.parametrize(
    ("architecture", "settings", "key"),
    [
        ("mamba", {}, "error.model_unknown"),
        ("llama", {"expert_count": 8}, "error.model_setting"),
        ("llama", {}, "error.model_setting"),
        ("llama", {"embedding_length": "64"}, "error.model_setting"),
        ("olmo2", {"attention.sliding_window": 4096}, "error.model_setting"),
    ],
)
def test_unsupported_metadata_are_refused(tmp_path: Path, architecture: str, settings: Any, key: str) -> None:
    assert _refusal(_written(tmp_path / "model.gguf", architecture, settings)) == key


def test_a_type_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_tensor("token_embd.weight", np.zeros((4, 4), np.int32))
    finish(writer)
    with pytest.raises(EngineError) as raised:
        load_transformer(tmp_path / "model.gguf")
    assert (raised.value.key, raised.value.args_by_name["type"]) == ("error.gguf_type", "I32")


def test_scales_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    folder = _saved(MODELS["llama"](), tmp_path / "model", "Q8_0")
    write_gguf(folder, tmp_path / "model.gguf", "Q8_0")
    stored = gguf_header.read(tmp_path / "model.gguf").tensors["blk.1.ffn_up.weight"]
    with (tmp_path / "model.gguf").open("r+b") as file:
        file.seek(stored.start)
        file.write(np.array([np.nan], np.float16).tobytes())
    with pytest.raises(EngineError) as raised:
        load_transformer(tmp_path / "model.gguf")
    assert (raised.value.key, raised.value.args_by_name["tensor"]) == ("error.gguf_not_finite", "blk.1.ffn_up.weight")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    folder = _saved(MODELS["llama"](), tmp_path / "model")
    _with_tokenizer(folder)
    path = tmp_path / "model.gguf"
    write_gguf(folder, path)
    steps = loading(path)
    next(steps)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(EngineError) as raised:
        list(steps)
    assert raised.value.key == "error.gguf_changed"


def test_a_model_too_large_for_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _saved(MODELS["llama"](), tmp_path / "model")
    write_gguf(folder, tmp_path / "model.gguf", "F16")
    parameters = describe(tmp_path / "model.gguf").parameters
    monkeypatch.setattr("engine.model.opening.free_memory", lambda: 3 * parameters)
    assert load_transformer(tmp_path / "model.gguf").embedding.weight.dtype == torch.float16
    monkeypatch.setattr("engine.model.opening.free_memory", lambda: parameters)
    assert _refusal(tmp_path / "model.gguf") == "error.model_memory"


def test_stop_tokens_are_those_of_the_file(tmp_path: Path) -> None:
    folder = _saved(MODELS["llama"](), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"eos_token_id": [2, 7]}))
    write_gguf(folder, tmp_path / "model.gguf")
    assert read_config(tmp_path / "model.gguf").stop_ids == (2, 7)


def test_the_bits_of_a_weight_are_those_of_a_quantised_file(tmp_path: Path) -> None:
    model_of("Llama", hidden_size=64, intermediate_size=128).save_pretrained(tmp_path / "folder")
    for kind, least, most in (("F32", 0, 0), ("F16", 0, 0), ("Q8_0", 8.4, 9.5)):
        write_gguf(tmp_path / "folder", tmp_path / f"{kind}.gguf", kind)
        assert least <= describe(tmp_path / f"{kind}.gguf").file_bits <= most
