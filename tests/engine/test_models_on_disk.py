"""Configurations and folders of models are read as they were written, or refused with an EngineError."""

import dataclasses
import math
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

from engine.errors import EngineError
from engine.model.checkpoint import (
    STATE,
    WEIGHTS,
    read_json,
    read_tensors,
    save_model,
    to_int8,
    weights_of,
    write_json,
    write_tensors,
)
from engine.model.config import ModelConfig
from engine.model.opening import BUILTIN, describe, load_model
from engine.text.tokenizer import train_characters
from engine.training.run import Run
from tests.engine.conftest import SMALL
from tests.engine.test_model import FAMILIES, random_model

# --- Configurations ---------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**7) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
FIELDS = [field.name for field in dataclasses.fields(ModelConfig)]


@settings(max_examples=150)
@given(name=st.sampled_from(FIELDS), value=JSON)
def test_a_config_with_any_value_is_read_or_raises_an_engine_error(name: str, value: object) -> None:
    values = FAMILIES["nakami"].to_json() | {name: value}
    refused = ""
    try:
        config = ModelConfig.from_json(values)
    except EngineError as error:
        refused = error.key.removeprefix("error.")
    assert refused in ("", "config_range", "config_choice", "heads_divide", "model_too_large")
    if not refused:
        assert ModelConfig.from_json(config.to_json()) == config or value != value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("windows", 5),
        ("windows", ["a", 0, 0, 0]),
        ("windows", [-1, 0, 0, 0]),
        ("windows", [1, 2]),
        ("stop_ids", 7),
        ("rope_scaling", {"type": "dynamic", "factor": 2.0}),
        ("rope_scaling", {"kind": "proportional", "factor": 2.0}),
        ("rope_scaling", {"kind": "linear", "factor": "two"}),
        ("rope_scaling", {"kind": "linear", "factor": 0}),
        ("rope_scaling", {"kind": "linear"}),
        ("rope_scaling", {"kind": "longrope", "factor": 2.0, "short_factors": 3}),
        ("rope_scaling", {"kind": "longrope", "factor": 2.0, "short_factors": [1.0, -1.0]}),
        ("rope_scaling", "linear"),
        ("rotary_width", 34),
        ("unrotated_layers", [4]),
        ("score_cap", -1.0),
        ("block_norms", "never"),
    ],
)
def test_impossible_settings_are_refused_before_the_model_is_built(name: str, value: object) -> None:
    with pytest.raises(EngineError) as raised:
        ModelConfig.from_json(FAMILIES["nakami"].to_json() | {name: value})
    assert raised.value.args_by_name["setting"] == name


# --- Folders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "nakami"])
def test_a_saved_model_is_loaded_bit_by_bit(tmp_path: Path, family: str) -> None:
    characters = train_characters(["ab"])
    config = dataclasses.replace(FAMILIES[family], vocabulary=characters.vocabulary)
    model = random_model(config)
    with torch.no_grad():
        model.embedding.weight[0, :4] = torch.tensor([math.nan, math.inf, -0.0, 1e-45])
    save_model(tmp_path / "deep" / "m", model, characters, step=7)
    again, tokenizer = load_model(tmp_path / "deep" / "m")
    assert again.config == config
    assert tokenizer.encode("abc") == characters.encode("abc")
    for name, tensor in model.state_dict().items():
        assert again.state_dict()[name].numpy().tobytes() == tensor.numpy().tobytes(), name
    assert read_tensors(tmp_path / "deep" / "m" / "model.safetensors")[1]["step"] == "7"


def test_files_that_call_the_unembedding_head_are_read(tmp_path: Path, text_file: Path) -> None:
    """Earlier versions wrote such models and states of runs."""
    model, tokenizer = load_model(BUILTIN)
    save_model(tmp_path / "model", model, tokenizer, step=7)
    tensors, notes = read_tensors(tmp_path / "model" / WEIGHTS)
    tensors["head.weight"] = 2 * tensors.pop("unembedding.weight")
    write_tensors(tmp_path / "model" / WEIGHTS, tensors, notes)
    assert torch.equal(load_model(tmp_path / "model")[0].unembedding.weight, 2 * model.unembedding.weight)
    run = Run.start([str(text_file)], tmp_path / "run", dataclasses.replace(SMALL, steps=4))
    list(run.prepare())
    list(run.steps())
    state = tmp_path / "run" / STATE
    tensors, notes = read_tensors(state)
    tensors["model.head.weight"] = 2 * tensors.pop("model.unembedding.weight")
    write_tensors(state, tensors, notes)
    resumed = Run.resume(tmp_path / "run")
    list(resumed.prepare())
    assert torch.equal(resumed.model.unembedding.weight, 2 * run.model.unembedding.weight)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "中身"})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"name": object()})
    assert read_json(tmp_path / "a.json") == {"name": "中身"}
    write_tensors(tmp_path / "a.safetensors", {"x": torch.ones(3).expand(2, 3)}, {"note": "one"})
    with pytest.raises(EngineError, match="not_written"):
        write_tensors(tmp_path / "nowhere" / "a.safetensors", {"x": torch.ones(3)}, {})
    tensors, notes = read_tensors(tmp_path / "a.safetensors")
    assert torch.equal(tensors["x"], torch.ones(2, 3))
    assert notes == {"note": "one"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.safetensors"]


# --- Weights in 8 bits ------------------------------------------------------------------------------

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 9))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=SIZES, seed=st.integers(0, 999), magnitude=st.sampled_from([0.0, 1e-6, 1.0, 1e5]), half=st.booleans())
def test_weights_in_8_bits_differ_by_half_a_step_of_their_row(
    tmp_path: Path, shape: tuple[int, int], seed: int, magnitude: float, half: bool
) -> None:
    tensor = magnitude * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    tensor = tensor.clamp(-6e4, 6e4).half() if half else tensor
    tensor[0] = 0.0
    path = tmp_path / "a.safetensors"
    write_tensors(path, to_int8({"x": tensor}) | {"y": tensor}, {"step": "3"})
    tensors, notes = read_tensors(path)
    assert notes == {"step": "3"}
    assert sorted(tensors) == ["x", "y"]
    assert torch.equal(tensors["y"], tensor)
    assert tensors["x"].dtype == torch.float32
    steps = tensor.float().abs().amax(1, keepdim=True) / 127
    assert bool(((tensors["x"] - tensor.float()).abs() <= 0.501 * steps).all())


def test_a_model_in_8_bits_is_opened_like_any_other(tmp_path: Path, model_folder: Path) -> None:
    model, tokenizer = load_model(model_folder)
    save_model(tmp_path / "m", model, tokenizer, step=30)
    whole = (tmp_path / "m" / WEIGHTS).stat().st_size
    write_tensors(tmp_path / "m" / WEIGHTS, to_int8(weights_of(model)), {"step": "30"})
    assert (tmp_path / "m" / WEIGHTS).stat().st_size < 0.4 * whole
    again, _ = load_model(tmp_path / "m")
    for name, tensor in weights_of(model).items():
        assert torch.allclose(weights_of(again)[name], tensor, atol=float(tensor.abs().max()) / 250), name


@pytest.mark.parametrize(
    "scales",
    [torch.ones(3), torch.ones(1, 1), torch.ones(100_000, 1), torch.ones(3, 1, dtype=torch.int8), torch.ones(())],
    ids=["flat", "too few", "too many", "integers", "one"],
)
def test_scales_that_do_not_match_their_rows_are_reported(tmp_path: Path, scales: torch.Tensor) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"x": torch.ones(3, 2, dtype=torch.int8), "x.scale": scales}, {})
    with pytest.raises(EngineError, match="model_damaged"):
        read_tensors(path)


def test_a_model_is_described_without_loading_it(model_folder: Path) -> None:
    info = describe(model_folder)
    assert (info.layers, info.heads, info.width, info.context, info.step) == (2, 2, 32, 16, 30)
    assert info.resumable
    assert info.parameters == sum(p.numel() for p in load_model(model_folder)[0].parameters())


@pytest.mark.parametrize(
    ("file", "content", "key"),
    [
        ("config.json", b"", "error.model_damaged"),
        ("config.json", b"[]", "error.model_damaged"),
        ("config.json", b"[" * 100_000, "error.model_damaged"),
        ("tokenizer.json", b"[" * 100_000, "error.model_damaged"),
        ("config.json", b'{"model_type": "gpt2"}', "error.model_mismatch"),
        ("config.json", b'{"vocabulary": "many"}', "error.config_range"),
        ("config.json", b'{"vocabulary": 99999999999}', "error.config_range"),
        ("model.safetensors", b"", "error.model_damaged"),
        ("model.safetensors", b"\xff" * 400, "error.model_damaged"),
        ("tokenizer.json", b"{}", "error.model_damaged"),
        ("config.json", None, "error.model_missing"),
        ("model.safetensors", None, "error.model_damaged"),
        ("tokenizer.json", None, "error.no_tokenizer"),
    ],
)
def test_a_damaged_model_raises_an_engine_error(
    model_folder: Path, tmp_path: Path, file: str, content: bytes | None, key: str
) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "copy")
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(EngineError) as raised:
        load_model(folder)
    assert raised.value.key == key


def test_truncated_or_mismatched_weights_raise_an_engine_error(model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "copy")
    weights = folder / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[: len(data) // 2])
    with pytest.raises(EngineError) as raised:
        load_model(folder)
    assert raised.value.key == "error.model_damaged"
    weights.write_bytes(data)
    config = (folder / "config.json").read_text().replace('"mlp_width": 128', '"mlp_width": 256')
    (folder / "config.json").write_text(config)
    with pytest.raises(EngineError) as raised:
        load_model(folder)
    assert raised.value.key == "error.model_mismatch"
