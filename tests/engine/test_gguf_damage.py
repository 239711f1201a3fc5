"""Damaged GGUF files and false sizes are refused with a sentence, without a crash, a long wait or much memory."""

import random
import struct
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from engine import gguf_header
from engine.errors import EngineError
from engine.model import gguf as gguf_model, huggingface
from engine.model.opening import load_model
from engine.sentences import explain
from engine.text.tokenizer import Tokenizer
from tests.engine.gguf_damage import mutated, small_gguf

TEXT, ARRAY, UINT32 = 8, 9, 4


def _refusal(path: Path) -> EngineError:
    with pytest.raises(EngineError) as raised:
        load_model(path)
    assert explain(raised.value)
    return raised.value


def _refused(act: Callable[[], object]) -> str:
    """Return the sentence with which something is refused, or "" if it is not. Other errors are not caught."""
    try:
        act()
    except EngineError as error:
        return explain(error)
    return ""


def test_an_undamaged_file_is_opened(tmp_path: Path) -> None:
    small_gguf(tmp_path / "model.gguf")
    model, tokenizer = load_model(tmp_path / "model.gguf")
    assert tokenizer.decode(tokenizer.encode("the 2 日本")) == "the 2 日本"
    assert model.config.n_layers == 2


@pytest.mark.parametrize("seed", range(4))
def test_files_changed_at_random_are_opened_or_refused(tmp_path: Path, seed: int) -> None:
    """tests/benchmarks/gguf_fuzz.py does the same with more of them."""
    path, rng = tmp_path / "model.gguf", random.Random(seed)
    whole, refused = small_gguf(path), 0
    for _ in range(15):
        path.write_bytes(mutated(whole, rng))
        refused += bool(_refused(lambda: load_model(path)))
    assert refused


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.3, 0.5, 0.9, 0.9999])
def test_a_file_that_ends_early_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "model.gguf"
    whole = small_gguf(path)
    path.write_bytes(whole[: int(share * len(whole))])
    assert _refusal(path).key == "error.gguf_damaged"


# --- Headers with false sizes ---------------------------------------------------------------------


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _header(
    *entries: bytes, tensors: tuple[bytes, ...] = (), version: int = 3, more_tensors: int = 0, more_keys: int = 0
) -> bytes:
    """Return a header that claims to have so many more tensors and keys."""
    numbers = (len(tensors) + more_tensors, len(entries) + more_keys)
    return b"GGUF" + struct.pack("<IQQ", version, *numbers) + b"".join(entries) + b"".join(tensors)


def _array(name: str, kind: int, count: int, items: bytes = b"") -> bytes:
    return _text(name) + struct.pack("<IIQ", ARRAY, kind, count) + items


def _tensor(name: str, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    return _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


NESTED = struct.pack("<IQ", ARRAY, 1) * 50_000
FALSE_HEADERS = {
    "a billion tokens": _header(_array("tokenizer.ggml.tokens", TEXT, 10**9)),
    "2^64 - 1 numbers": _header(_array("tokenizer.ggml.scores", 6, 2**64 - 1)),
    "five million empty tokens": _header(_array("tokenizer.ggml.tokens", TEXT, 5_000_000, bytes(40_000_000))),
    "a text longer than the file": _header(_text("name") + struct.pack("<IQ", TEXT, 2**63)),
    "a billion metadata": _header(more_keys=10**9),
    "a billion tensors": _header(more_tensors=10**9),
    "arrays in arrays": _header(_array("nested", ARRAY, 1, NESTED)),
    "an unknown type of a value": _header(_text("name") + struct.pack("<I", 77)),
    "the same key twice": _header(*[_text("name") + struct.pack("<II", UINT32, 1)] * 2),
    "an alignment of three": _header(_text("general.alignment") + struct.pack("<II", UINT32, 3)),
    "a tensor without dimensions": _header(tensors=(_tensor("x", ()),)) + bytes(64),
    "a tensor of five dimensions": _header(tensors=(_tensor("x", (1,) * 5),)) + bytes(64),
    "a tensor of 2^128 numbers": _header(tensors=(_tensor("x", (2**62, 2**62)),)) + bytes(64),
    "a tensor of no numbers": _header(tensors=(_tensor("x", (0, 4)),)) + bytes(64),
    "a tensor beyond the end": _header(tensors=(_tensor("x", (4,), offset=4096),)) + bytes(64),
    "an offset between two places": _header(tensors=(_tensor("x", (4,), offset=3),)) + bytes(64),
    "half a block": _header(tensors=(_tensor("x", (48,), kind=8),)) + bytes(256),
    "tensors that overlap": _header(tensors=(_tensor("x", (16,)), _tensor("y", (16,), offset=32))) + bytes(256),
    "two tensors of one name": _header(tensors=(_tensor("x", (4,)), _tensor("x", (4,), offset=32))) + bytes(256),
    "a million parts": _header(_text("split.count") + struct.pack("<II", UINT32, 10**6)),
}


@pytest.mark.parametrize("name", FALSE_HEADERS)
def test_a_header_with_false_sizes_is_refused_without_memory_for_them(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(FALSE_HEADERS[name])
    tracemalloc.start()
    error = _refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.key == "error.gguf_damaged"
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"PK\x03\x04 something else", "error.gguf_unknown"),
        (_header(version=1), "error.gguf_version"),
        (_header(version=3 << 24), "error.gguf_big_endian"),
        (_header(), "error.model_unknown"),
    ],
)
def test_other_files_are_refused_by_what_they_are(tmp_path: Path, data: bytes, key: str) -> None:
    (tmp_path / "model.gguf").write_bytes(data)
    assert _refusal(tmp_path / "model.gguf").key == key


@pytest.mark.parametrize("buffer", [64, 1000, gguf_header.BUFFER])
def test_a_header_without_texts_is_the_same_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buffer: int
) -> None:
    monkeypatch.setattr(gguf_header, "BUFFER", buffer)
    path, rng = tmp_path / "model.gguf", random.Random(buffer)
    whole = small_gguf(path)
    refused = 0
    for data in (whole, *(mutated(whole, rng) for _ in range(20))):
        path.write_bytes(data)
        if _refused(lambda: gguf_header.read(path)):
            refused += 1
            _refused(lambda: gguf_header.read(path, texts=False))
            continue
        full = gguf_header.read(path)
        short = gguf_header.read(path, texts=False)
        lists = {name for name, value in full.values.items() if isinstance(value, list) and str in map(type, value)}
        assert lists
        assert short.tensors == full.tensors
        assert short.values == full.values | {name: [] for name in lists}
    assert 0 < refused < 20


def test_parts_that_name_each_other_are_read_once(tmp_path: Path) -> None:
    """Both say that they are the first of two."""
    parts = [tmp_path / f"m-0000{i}-of-00002.gguf" for i in (1, 2)]
    entries = (_text(f"split.{name}") + struct.pack("<II", UINT32, n) for name, n in (("no", 0), ("count", 2)))
    data = _header(*entries)
    for part in parts:
        part.write_bytes(data)
    assert _refusal(parts[1]).key == "error.gguf_damaged"


# --- Metadata of any content ----------------------------------------------------------------------

NUMBER = st.sampled_from([0, 1, -1, 200, 2**31, 2**64 - 1, 10**9]) | st.floats()
VALUE = NUMBER | st.booleans() | st.sampled_from(["", "x", "gpt2", "llama", "yarn", "longrope"]) | st.none()
ANY_VALUE = VALUE | st.lists(VALUE, max_size=3)
KEYS = ("attention.key_length", "rope.scaling.type", "rope.scaling.factor", "rope.dimension_count", "expert_count")
NAMES = ("scores", "bos_token_id", "add_bos_token", "add_space_prefix")


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> gguf_header.GGUF:
    path = tmp_path_factory.mktemp("damage") / "model.gguf"
    small_gguf(path)
    return gguf_header.read(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_metadata_of_any_content_are_read_or_refused(header: gguf_header.GGUF, data: st.DataObject) -> None:
    architecture = data.draw(st.sampled_from(list(gguf_model.FAMILIES)))
    values = {name.replace("llama.", f"{architecture}."): value for name, value in header.values.items()}
    values["general.architecture"] = architecture
    names = [*values, *(f"{architecture}.{key}" for key in KEYS), *(f"tokenizer.ggml.{name}" for name in NAMES)]
    changed: dict[str, Any] = data.draw(st.dictionaries(st.sampled_from(names), ANY_VALUE, min_size=1, max_size=3))
    found = replace(header, values=values | changed)

    def compare() -> None:
        config = gguf_model.config_from(found)
        huggingface.Weights(gguf_model.Tensors(found, config), config)

    _refused(compare)
    _refused(lambda: Tokenizer.from_gguf(found).encode("the 2 日本"))
