"""Read the header of a GGUF file, the model format of llama.cpp: its metadata, and where its tensors are.

Tokenizers and models both read it, so it is below engine/text and engine/model.

The format is described in ggml's docs/gguf.md; versions 2 and 3 are read, little-endian. No number in a file is
trusted: before anything is allocated, its size is compared with the bytes that are left. Files are read, not
mapped into memory: a file that becomes shorter meanwhile gives an error, where a mapped one would end the process.
"""

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from engine.errors import EngineError

MAGIC: Final = b"GGUF"
BUFFER = 1 << 20  # bytes of the file that are read at a time
HEADER = 1 << 28  # bytes; that of a vocabulary of 262,144 tokens has 12 MB
ENTRIES = 1 << 16  # metadata keys, or tensors
ITEMS = 4_000_000  # of all arrays together
PARTS = 1000  # files of one model
PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
NUMBERS = {0: "u1", 1: "i1", 2: "u2", 3: "i2", 4: "u4", 5: "i4", 6: "f4", 7: "u1", 10: "u8", 11: "i8", 12: "f8"}
BOOL, TEXT, ARRAY = 7, 8, 9  # types of metadata
LENGTH = struct.Struct("<Q")  # of a string

# Types of tensors: name, numbers in a block, bytes of a block.
TYPES = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
}
UNREADABLE = {4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 15: "Q8_K", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64"}


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in a file."""

    file: Path
    stamp: tuple[int, int]  # the file's size in bytes and its time of change in ns, when the header was read
    kind: str  # a name in TYPES
    shape: tuple[int, ...]  # rows first, as in torch
    row_bytes: int
    start: int  # bytes from the beginning of the file


@dataclass(frozen=True, slots=True)
class GGUF:
    path: Path
    values: dict[str, Any]  # metadata: numbers, booleans, strings, and lists of them
    tensors: dict[str, Stored]


def read(path: Path, texts: bool = True) -> GGUF:
    """Read the header of a file, or those of all parts of a model that is split into several files.

    Without `texts`, lists of strings are left out of the metadata: those of the tokenizer take most of the time.
    Raises EngineError: error.model_missing, error.gguf_unknown, error.gguf_version, error.gguf_big_endian,
    error.gguf_damaged, error.gguf_type, error.gguf_part_name, error.model_shard.
    """
    if not path.is_file():
        raise EngineError("error.model_missing", folder=str(path))
    first = _read_one(path, texts)
    count = first.values.get("split.count", 1)
    if type(count) is not int or not 1 <= count <= PARTS:
        raise _damaged(path, "split.count")
    return first if count == 1 else _joined(path, count, texts)


def _joined(path: Path, count: int, texts: bool) -> GGUF:
    """Return a model whose metadata are in the first of `count` parts; `path` is any of them."""
    name = PART.fullmatch(path.name)
    if name is None or int(name[3]) != count:
        raise EngineError("error.gguf_part_name", file=str(path), count=count)
    paths = [path.with_name(f"{name[1]}-{part:05d}-of-{count:05d}.gguf") for part in range(1, count + 1)]
    missing = [part for part in paths if not part.is_file()]
    if missing:
        raise EngineError("error.model_shard", file=str(missing[0]))
    tensors: dict[str, Stored] = {}
    parts = [_read_one(part, texts) for part in paths]
    for number, part in enumerate(parts):
        twice = next(iter(tensors.keys() & part.tensors.keys()), None)
        if part.values.get("split.no") != number or part.values.get("split.count") != count or twice:
            raise _damaged(part.path, twice or "split.no")
        tensors |= part.tensors
    if parts[0].values.get("split.tensors.count", len(tensors)) != len(tensors):
        raise _damaged(path, "split.tensors.count")
    return GGUF(path, parts[0].values, tensors)


def _read_one(path: Path, texts: bool) -> GGUF:
    try:
        with path.open("rb", buffering=BUFFER) as file:
            return _Header(path, file, texts).read()
    except OSError as error:
        raise EngineError("error.text_unreadable", file=str(path), reason=error.strerror or str(error)) from error


def _damaged(path: Path, place: str) -> EngineError:
    return EngineError("error.gguf_damaged", file=str(path), place=place[:80])


class _Header:
    """The header of one file, read from its beginning to its end."""

    def __init__(self, path: Path, file: BinaryIO, texts: bool) -> None:
        self._path, self._file, self._has_texts = path, file, texts
        self._stamp = stamp_of(file)
        self._left = min(self._stamp[0], HEADER)  # bytes that the header may still have
        self._items = ITEMS  # that the arrays may still have
        self._place = "magic"  # what is being read, for messages

    def read(self) -> GGUF:
        if self._take(4) != MAGIC:
            raise EngineError("error.gguf_unknown", file=str(self._path))
        self._place = "version"
        version = self._number("u4")
        if version not in (2, 3):
            if version in (2 << 24, 3 << 24):
                raise EngineError("error.gguf_big_endian", file=str(self._path))
            raise EngineError("error.gguf_version", file=str(self._path), version=version)
        self._place = "counts"
        tensors, keys = self._number("u8"), self._number("u8")
        if max(tensors, keys) > ENTRIES:
            raise self._damaged()
        values = dict(self._distinct(self._entries(keys)))
        infos = dict(self._distinct(self._infos(tensors)))
        self._place = "general.alignment"
        alignment = values.get("general.alignment", 32)
        if type(alignment) is not int or not 1 <= alignment <= 1 << 16 or alignment & (alignment - 1):
            raise self._damaged()
        start = -(-self._file.tell() // alignment) * alignment
        return GGUF(self._path, values, self._located(infos, start, alignment))

    # --- Metadata --------------------------------------------------------------------------------

    def _entries(self, count: int) -> Iterator[tuple[str, Any]]:
        for _ in range(count):
            name = self._text()
            self._place = name
            yield name, self._value(self._number("u4"))

    def _value(self, kind: int) -> Any:
        if kind == TEXT:
            return self._text()
        if kind == ARRAY:
            return self._array(self._number("u4"), self._number("u8"))
        return self._numbers(kind, 1)[0]

    def _array(self, kind: int, count: int) -> list[Any]:
        """Return an array; arrays of arrays, which no model has, are refused."""
        self._items -= count
        if kind == ARRAY or self._items < 0:
            raise self._damaged()
        if kind != TEXT:
            return self._numbers(kind, count)
        if self._has_texts:
            return list(self._texts(count))
        self._skip_texts(count)
        return []

    def _numbers(self, kind: int, count: int) -> list[Any]:
        if kind not in NUMBERS:
            raise self._damaged()
        dtype = np.dtype(f"<{NUMBERS[kind]}")
        found = np.frombuffer(self._take(count * dtype.itemsize), dtype)
        return (found.astype(bool) if kind == BOOL else found).tolist()

    def _texts(self, count: int) -> Iterator[str]:
        """Yield strings one after another. This loop takes most of the time, so it calls no methods of its own."""
        read, left = self._file.read, self._left
        for _ in range(count):
            length = int.from_bytes(read(8), "little")
            left -= 8 + length
            if left < 0:
                raise self._damaged()
            data = read(length)
            if len(data) < length:
                raise self._damaged()
            yield data.decode("utf-8", "replace")
        self._left = left

    def _skip_texts(self, count: int) -> None:
        """Go on after `count` strings, of which only the lengths are read, from a large part of the file at a time."""
        start = self._file.tell()
        while count:
            data, place = self._file.read(BUFFER), 0
            while count and place <= len(data) - 8:
                place += 8 + LENGTH.unpack_from(data, place)[0]
                count -= 1
            self._left -= place
            if not place or self._left < 0:
                raise self._damaged()
            start += place
            self._file.seek(start)

    def _text(self) -> str:
        return next(self._texts(1))

    # --- Tensors ---------------------------------------------------------------------------------

    def _infos(self, count: int) -> Iterator[tuple[str, tuple[tuple[int, ...], int, int]]]:
        """Yield each tensor's name, with its shape as it is stored, its type and its offset."""
        for _ in range(count):
            name = self._text()
            self._place = name
            dimensions = self._number("u4")
            if not 1 <= dimensions <= 4:
                raise self._damaged()
            shape = tuple(self._number("u8") for _ in range(dimensions))
            yield name, (shape, self._number("u4"), self._number("u8"))

    def _located(
        self, infos: dict[str, tuple[tuple[int, ...], int, int]], start: int, alignment: int
    ) -> dict[str, Stored]:
        """Return the tensors with their places, which are within the file and do not overlap."""
        tensors: dict[str, Stored] = {}
        end = 0
        for name, (stored_shape, kind, offset) in sorted(infos.items(), key=lambda item: item[1][2]):
            self._place = name
            if kind not in TYPES:
                named = UNREADABLE.get(kind, str(kind))
                raise EngineError("error.gguf_type", file=str(self._path), tensor=name[:80], type=named)
            type_name, block, block_bytes = TYPES[kind]
            columns, *others = stored_shape
            row_bytes = columns // block * block_bytes
            size = row_bytes
            for rows in others:
                size *= rows
            if not 0 < size <= self._stamp[0] - start - offset or columns % block or offset % alignment or offset < end:
                raise self._damaged()
            end = offset + size
            tensors[name] = Stored(self._path, self._stamp, type_name, stored_shape[::-1], row_bytes, start + offset)
        return tensors

    # --- Bytes -----------------------------------------------------------------------------------

    def _distinct(self, pairs: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for name, value in pairs:
            if name in seen:
                raise self._damaged()
            seen.add(name)
            yield name, value

    def _number(self, code: str) -> int:
        return int.from_bytes(self._take(int(code[1])), "little")

    def _take(self, count: int) -> bytes:
        self._left -= count
        data = self._file.read(count) if self._left >= 0 else b""
        if len(data) < count:
            raise self._damaged()
        return data

    def _damaged(self) -> EngineError:
        return _damaged(self._path, self._place)


def stamp_of(file: BinaryIO) -> tuple[int, int]:
    """Return a file's size in bytes and its time of change in ns, to find out whether it has changed."""
    about = os.fstat(file.fileno())
    return about.st_size, about.st_mtime_ns
