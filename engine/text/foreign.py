"""Tokenizers of models that Nakami did not train, described by a tokenizer.json, run by the `tokenizers` library.

Two kinds of pieces are supported: byte-level ones, with one visible character for each byte
(GPT-2, Llama 3, Qwen), and those of sentencepiece, with \u2581 for the space and <0xE3> for bytes (Llama 2, Mistral).
"""

import json
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from engine.text.spans import fill_gaps

UNKNOWN = "\ufdd0"  # a code point that is no character
UNKNOWN_CHARACTER = "\ufffd"
NEVER = "\ufdd1"  # another one: between the characters of a special token's name, it makes the name a plain text
MARK = "\ufdd2"  # a third one, in front of the names of special tokens
BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def _byte_of_character() -> dict[str, int]:
    """Return GPT-2's table (Radford et al. 2019): printable Latin-1 as itself, other bytes from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


class Foreign:
    kind = "foreign"

    def __init__(self, text: str) -> None:
        """Read a tokenizer.json. Raises ValueError, KeyError or what `tokenizers` raises if it is invalid."""
        description = json.loads(text)
        self._json = text
        _keep_spaces_in_spans(description.get("post_processor"))
        self._tokenizer = tokenizers.Tokenizer.from_str(json.dumps(description))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._naming_unknown = _naming_unknown(description)
        added = {t["id"]: t for t in description.get("added_tokens") or ()}
        self.special = frozenset(number for number, token in added.items() if token["special"])
        by_piece = self._tokenizer.get_vocab(with_added_tokens=True)
        read = _reader(description)
        names = {number: piece for piece, number in by_piece.items()}
        self.data: list[bytes] = []
        self.pieces: list[str] = []
        for number in range(max(names, default=-1) + 1):
            name = names.get(number, "")
            data = name.encode() if number in added else read(name)
            self.data.append(b"" if number in self.special else data)
            self.pieces.append(name if number in self.special else printable(data))

    def encode(self, text: str) -> NDArray[np.uint32]:
        """Encode a text, with the special tokens around it that the model expects, as `transformers` does."""
        return np.array(self._tokenizer.encode(text).ids, np.uint32)

    def as_text(self, text: str) -> str:
        """Return a text in which `encode_prompt` finds no special tokens, only the text of their names."""
        plain = text.replace(NEVER, UNKNOWN_CHARACTER).replace(MARK, UNKNOWN_CHARACTER)
        return self._names.sub(lambda name: NEVER.join(name[0]), plain) if self._names else plain

    def encode_prompt(self, text: str) -> NDArray[np.uint32]:
        """Encode a text without adding special tokens; names changed by `as_text` are encoded as text."""
        if NEVER not in text or self._names is None:
            return np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, np.uint32)
        marked = self._names.sub(lambda name: MARK + name[0], text).replace(NEVER, "")
        return np.array([self._original.get(i, i) for i in self._marked.encode(marked).ids], np.uint32)

    @cached_property
    def _names(self) -> re.Pattern[str] | None:
        """The names of special tokens, the longest first."""
        names = sorted((self.pieces[number] for number in self.special), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, names))) if names else None

    @cached_property
    def _marked(self) -> tokenizers.Tokenizer:
        """The tokenizer with MARK in front of the names of special tokens, which are then not in a typed text."""
        description = json.loads(self._json)
        for token in description["added_tokens"]:
            token["content"] = MARK + token["content"] if token["special"] else token["content"]
        return tokenizers.Tokenizer.from_str(json.dumps(description | {"post_processor": None}))

    @cached_property
    def _original(self) -> dict[int, int]:
        """The IDs of special tokens by those that `_marked` gives them."""
        by_name = {MARK + self.pieces[number]: number for number in self.special}
        marked = self._marked.get_added_tokens_decoder()
        return {number: by_name[token.content] for number, token in marked.items() if token.content in by_name}

    def encode_with_spans(self, text: str) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
        """Encode a text, and return the spans of the tokens; see `fill_gaps` for characters that have no token."""
        encoding = self._tokenizer.encode(text)
        ids, spans = np.array(encoding.ids, np.uint32), np.array(encoding.offsets, np.int32).reshape(-1, 2)
        if self._naming_unknown is not None:
            named = self._naming_unknown.encode(text)
            known = np.array([token != UNKNOWN for token in named.tokens], bool)
            if np.array_equal(np.array(named.ids, np.uint32)[known], ids):  # no merge is across an unknown character
                spans = np.array(named.offsets, np.int32).reshape(-1, 2)[known]
        fill_gaps(spans, text, self._spelling)
        return ids, spans

    def _spelling(self, text: str) -> NDArray[np.int32]:
        """Return the spans of the bytes of the normalised text."""
        bytewise = tokenizers.Tokenizer(BPE(_BYTES, []))
        bytewise.normalizer = self._tokenizer.normalizer
        bytewise.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
        return np.array(bytewise.encode(text).offsets, np.int32).reshape(-1, 2)

    def to_json(self) -> str:
        return self._json


def _keep_spaces_in_spans(part: Any) -> None:
    """Set `trim_offsets` to false in a post-processor and those in it: spans then contain their token's spaces."""
    if isinstance(part, dict):
        if "trim_offsets" in part:
            part["trim_offsets"] = False
        for inner in part.get("processors") or ():
            _keep_spaces_in_spans(inner)


def _naming_unknown(description: dict[str, Any]) -> tokenizers.Tokenizer | None:
    """Return a tokenizer with a token for unknown characters if the one described drops them, else None.

    `tokenizers` counts the dropped characters in no span, so that all later spans in the word are too far left.
    """
    model = description["model"]
    drops = model.get("type") == "BPE" and not model.get("unk_token") and not model.get("byte_fallback")
    if not drops or set(_BYTES) <= model["vocab"].keys():
        return None
    vocabulary = model["vocab"] | {UNKNOWN: len(model["vocab"]) + 1_000_000}
    naming = description | {"model": model | {"vocab": vocabulary, "unk_token": UNKNOWN, "fuse_unk": False}}
    return tokenizers.Tokenizer.from_str(json.dumps(naming))


def _types(description: dict[str, Any]) -> set[str]:
    """Return the type names of the pre-tokenizer and the decoder, nested ones included."""
    found: set[str] = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            found.add(str(part.get("type")))
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk([description.get("pre_tokenizer"), description.get("decoder")])
    return found


_BYTES = _byte_of_character()


def _reader(description: dict[str, Any]) -> Callable[[str], bytes]:
    return _byte_level if "ByteLevel" in _types(description) else _sentencepiece


def read_piece(description: dict[str, Any], piece: str) -> bytes:
    """Return the bytes of a piece of a tokenizer.json."""
    return _reader(description)(piece)


def _byte_level(piece: str) -> bytes:
    return bytes(_BYTES[c] for c in piece) if all(c in _BYTES for c in piece) else piece.encode()


def _sentencepiece(piece: str) -> bytes:
    byte = BYTE.fullmatch(piece)
    return bytes([int(byte[1], 16)]) if byte else piece.replace("\u2581", " ").encode()


def printable(data: bytes) -> str:
    """Return bytes as text for the screen, or in hex if they are not whole characters."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in data)
