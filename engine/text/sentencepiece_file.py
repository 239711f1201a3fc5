"""Read a sentencepiece file (tokenizer.model) as a tokenizer.json for the `tokenizers` library.

The file is a protobuf message, ModelProto of sentencepiece_model.proto (Kudo and Richardson 2018, arXiv:1808.06226).
The files tokenizer_config.json and added_tokens.json of `transformers` may be in the same folder.
"""

import base64
import json
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import normalizers

from engine.text.sentencepiece import BYTE, CONTROL, NORMAL, SPACE, UNKNOWN, UNUSED, USER_DEFINED, Pieces, describe

FILES = ("tokenizer.model", "spiece.model")
LARGEST = 16 << 20  # bytes of a file; that of Gemma, with 262,144 pieces, has 4.7 MB
MOST = 1_000_000  # pieces
LONGEST = 256  # characters of a piece; sentencepiece trains 16 at most
UNIGRAM, BPE, WORD, CHARACTERS = range(1, 5)  # kinds of models
Values = dict[str, Any]


def find(folder: Path) -> Path | None:
    """Return the sentencepiece file in a folder."""
    return next((folder / name for name in FILES if (folder / name).is_file()), None)


def to_json(path: Path) -> str:
    """Return the tokenizer.json of a sentencepiece file.

    Raises OSError, and ValueError if it is damaged or of a kind that is not supported.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError("too large for a tokenizer")
    model = _read(path.read_bytes())
    settings = _json(path.parent / "tokenizer_config.json")
    added = _added_later(settings, _json(path.parent / "added_tokens.json"))
    pieces = model.pieces
    for number in range(len(pieces.texts), max(added, default=0) + 1):
        pieces.texts.append(added[number]["content"] if number in added else f"[{number}]")
        pieces.types.append(CONTROL if number in added else UNUSED)
        pieces.scores.append(0.0)
    _set_scores(model)
    described = describe(pieces, model.add_dummy_prefix, _ends(model, settings), model.kind == BPE)
    control = {token["id"]: token for token in pieces.added() if token["special"]}
    described["added_tokens"] = [token for _, token in sorted((control | added).items())]
    described["normalizer"]["normalizers"][:0] = [*_charsmap(model), *_whitespace(model)]
    described["pre_tokenizer"] = _pre_tokenizer(model)
    if model.kind == BPE and pieces.of_type(USER_DEFINED):
        described["model"]["ignore_merges"] = True  # user-defined symbols are tokens without merges
    return json.dumps(described, ensure_ascii=False)


# --- The protobuf message ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Model:
    pieces: Pieces
    kind: int
    bos: int  # ID of the token at the start of a text; -1 if there is none
    eos: int
    charsmap: bytes  # the rules of normalisation, compiled; b"": none
    add_dummy_prefix: bool  # a text begins with a space
    remove_extra_whitespaces: bool


def _read(data: bytes) -> Model:
    """Return the model. The field numbers are those of sentencepiece_model.proto."""
    messages: dict[int, Any] = {2: b"", 3: b""}
    pieces = Pieces([], [], [])
    for number, value in _fields(data):
        if number == 1:
            fields = dict(_fields(_bytes(value)))
            pieces.texts.append(_bytes(fields.get(1, b"")).decode())
            pieces.scores.append(_float(fields.get(2, bytes(4))))
            pieces.types.append(int(fields.get(3, NORMAL)))
        messages[number] = value
    training, normalizer = dict(_fields(_bytes(messages[2]))), dict(_fields(_bytes(messages[3])))
    model = Model(
        pieces=pieces,
        kind=int(training.get(3, UNIGRAM)),
        bos=_signed(training.get(41, 1)),
        eos=_signed(training.get(42, 2)),
        charsmap=_bytes(normalizer.get(2, b"")),
        add_dummy_prefix=bool(normalizer.get(3, True)),
        remove_extra_whitespaces=bool(normalizer.get(4, True)),
    )
    spaces_end_words, spaces_are_replaced = training.get(24, False), normalizer.get(5, True)
    if model.kind not in (UNIGRAM, BPE, CHARACTERS) or spaces_end_words or not spaces_are_replaced:
        raise ValueError("an unsupported kind of sentencepiece model")
    if len(pieces.texts) > MOST or len(pieces.ids()) < len(pieces.texts) or len(pieces.of_type(UNKNOWN)) != 1:
        raise ValueError("too many pieces, the same twice, or not exactly one for unknown characters")
    if not all(map(math.isfinite, pieces.scores)) or max(map(len, pieces.texts)) > LONGEST:
        raise ValueError("a score that is not a number, or too long a piece")
    return model


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and the value of each field of a protobuf message: an integer, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        size = {1: 8, 5: 4}.get(wire, 0)
        if wire == 2:
            size, at = _varint(data, at)
        elif not size:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("truncated")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an integer of at most ten bytes of seven bits, lowest first, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("truncated")
        byte = data[at]
        value, at = value | (byte & 127) << shift, at + 1
        if byte < 128:
            return value, at
    raise ValueError("an integer of more than ten bytes")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number in place of bytes")
    return value


def _float(value: int | bytes) -> float:
    if len(_bytes(value)) != 4:
        raise ValueError("not a number of 32 bits")
    number: float = struct.unpack("<f", _bytes(value))[0]
    return number


def _signed(value: int | bytes) -> int:
    """Return a number that may be negative: stored as 64 bits."""
    if not isinstance(value, int):
        raise ValueError("bytes in place of a number")
    return value - (1 << 64) if value >> 63 else value


# --- tokenizer.json ---------------------------------------------------------------------------------


def _set_scores(model: Model) -> None:
    """Set the scores of all but normal pieces.

    In a unigram model user-defined symbols have -0.1, as in sentencepiece's unigram_model.cc. Other tokens, which no
    text contains, get the lowest score of a normal piece, on which the score of unknown characters depends.
    """
    pieces = model.pieces
    least = min((pieces.scores[number] for number in pieces.of_type(NORMAL)), default=0.0)
    for number, kind in enumerate(pieces.types):
        if kind != NORMAL:
            pieces.scores[number] = -0.1 if kind == USER_DEFINED and model.kind == UNIGRAM else least


def _charsmap(model: Model) -> list[Values]:
    """Return the steps that apply the compiled rules of normalisation, except to user-defined symbols.

    `Precompiled` applies the rules for one character, and for some groups of them the rule of the first alone. The
    groups in the rules of sentencepiece are letters with marks that NFC composes, and the end of a line.
    """
    if not model.charsmap:
        return []
    _check_charsmap(model.charsmap)
    apply = normalizers.Precompiled(model.charsmap).normalize_str
    changed = [symbol for symbol in _symbols(model) if apply(symbol) != symbol][:1000]
    stand_ins = [(symbol, chr(0xF0000 + i)) for i, symbol in enumerate(changed)]  # of the private use area
    compose = [{"type": "NFC"}] if apply("e\u0301") == apply("\u00e9") else []
    return [
        *(_replace({"String": symbol}, stand_in) for symbol, stand_in in stand_ins),
        _replace({"String": "\r\n"}, apply("\r") + apply("\n")),
        *compose,
        {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(model.charsmap).decode()},
        *compose,
        *(_replace({"String": stand_in}, symbol) for symbol, stand_in in stand_ins),
    ]


def _check_charsmap(charsmap: bytes) -> None:
    """Raise ValueError if the compiled rules point outside of themselves, where `Precompiled` would end the program.

    They are the number of bytes of a trie, the trie as a double array of 32-bit units (Darts-clone), and the texts
    that its leaves, the units with the highest bit, point to.
    """
    size = int.from_bytes(charsmap[:4], "little")
    if size % 4 or not 0 < size <= len(charsmap) - 4:
        raise ValueError("damaged rules of normalisation")
    units = np.frombuffer(charsmap, "<u4", size // 4, 4)
    texts = np.frombuffer(charsmap, np.uint8, offset=4 + size)
    leaves = units[units >> 31 == 1] & 0x7FFFFFFF
    inner = np.flatnonzero(units >> 31 == 0)
    nexts = inner ^ ((units[inner] >> 10) << ((units[inner] >> 9 & 1) * 8))
    if (leaves >= len(texts)).any() or (texts[leaves] >> 6 == 2).any() or (nexts | 255 >= len(units)).any():
        raise ValueError("damaged rules of normalisation")


def _whitespace(model: Model) -> list[Values]:
    if not model.remove_extra_whitespaces:
        return []
    return [_replace({"Regex": rf"\A +|[ {SPACE}]+\z"}, ""), _replace({"Regex": " {2,}"}, " ")]


def _replace(pattern: dict[str, str], content: str) -> Values:
    return {"type": "Replace", "pattern": pattern, "content": content}


def _symbols(model: Model) -> list[str]:
    """Return the user-defined symbols, which are tokens wherever they occur, the longest first."""
    texts = (model.pieces.texts[number] for number in model.pieces.of_type(USER_DEFINED))
    return sorted(filter(None, texts), key=len, reverse=True)


def _pre_tokenizer(model: Model) -> Values | None:
    """Return the step that separates the user-defined symbols of BPE, and the "<" of a text such as "<0x41>"."""
    patterns = [re.escape(symbol) for symbol in _symbols(model) if model.kind == BPE]
    if model.pieces.of_type(BYTE):
        patterns.append("<(?=0x[0-9A-F]{2}>)")
    if not patterns:
        return None
    return {"type": "Split", "pattern": {"Regex": "|".join(patterns)}, "behavior": "Isolated", "invert": False}


def _added_later(settings: Values, older: Values) -> dict[int, Values]:
    """Return the tokens that were added to the model later, by ID; they are found before all others."""
    found = {number: (text, True) for text, number in older.items() if type(number) is int}
    decoder = settings.get("added_tokens_decoder")
    for number, token in decoder.items() if isinstance(decoder, dict) else ():
        if re.fullmatch("[0-9]{1,7}", number) and isinstance(token, dict) and isinstance(token.get("content"), str):
            found[int(number)] = (token["content"], token.get("special") is True)
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {
        number: {"id": number, "content": text, "special": special} | flags
        for number, (text, special) in found.items()
        if text and 0 <= number < MOST
    }


def _ends(model: Model, settings: Values) -> Values | None:
    """Return the rule that adds the tokens for the start and the end of a text, as `transformers` does."""
    is_t5 = str(settings.get("tokenizer_class")).startswith("T5")
    begins, ends = settings.get("add_bos_token", not is_t5), settings.get("add_eos_token", is_t5)
    return model.pieces.ends(model.bos if begins else None, model.eos if ends else None)


def _json(path: Path) -> Values:
    """Return the object in a JSON file; an empty one if there is none."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
