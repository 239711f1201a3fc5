"""Lossless tokenizers: BPE over script-aware pieces, or single characters.

Both encode unknown characters as UTF-8 bytes, so that every text can be encoded and decodes to itself.
IDs 0 to 255 are the bytes in both.
"""

import codecs
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import Regex, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.trainers import BpeTrainer

from engine import gguf_header
from engine.errors import EngineError
from engine.files import replacing
from engine.gguf_header import GGUF
from engine.messages.tokens import Tokens
from engine.text import gguf_tokenizer, sentencepiece_file
from engine.text.foreign import NEVER, Foreign
from engine.text.scripts import PIECE_PATTERN, kind_of

FILE = "tokenizer.json"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SMALLEST = 300  # the bytes alone take 256
LARGEST = 500_000
SEGMENT = 1 << 15  # characters encoded as one unit when a long text is spread over the cores
BPE_SAMPLE = 20_000_000  # characters; more hardly change the merges
SINGLE_CHARACTERS = 0.6  # largest share of the vocabulary: the rarest kanji are encoded as bytes

IDs = NDArray[np.uint32]
Spans = NDArray[np.int32]  # [tokens, 2]: the characters [start, end) of each token


class Encoder(Protocol):
    """The interface of a kind of tokenizer: text to IDs. Texts contain no surrogates."""

    kind: str  # "bpe", "char", "foreign"
    pieces: list[str]  # tokens as shown on screen: text, or "<0xE3>" for a part of a character
    data: list[bytes]  # the bytes of a token
    special: frozenset[int]  # tokens without text

    def encode(self, text: str) -> IDs: ...
    def encode_with_spans(self, text: str) -> tuple[IDs, Spans | None]: ...
    def as_text(self, text: str) -> str: ...
    def encode_prompt(self, text: str) -> IDs: ...
    def to_json(self) -> str: ...


class Tokenizer:
    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    @property
    def vocabulary(self) -> int:
        return len(self._encoder.pieces)

    @property
    def kind(self) -> str:
        """The kind of encoder: "bpe" or "char" if Nakami trained it, else "foreign"."""
        return self._encoder.kind

    def encode(self, text: str) -> list[int]:
        """Return the token IDs of a text. Lone surrogates become question marks."""
        return self.encode_array(text).tolist()

    def encode_array(self, text: str) -> IDs:
        """Encode a long text to uint32; Nakami's own kinds use all cores."""
        return self._encoder.encode(_clean(text))

    def as_text(self, text: str) -> str:
        """Return a text for `encode_prompt` in which the names of special tokens are only text."""
        return self._encoder.as_text(_clean(text))

    @staticmethod
    def shown(text: str) -> str:
        """Return what `as_text` was made of."""
        return text.replace(NEVER, "")

    def encode_prompt(self, text: str) -> list[int]:
        """Return the token IDs of a prompt that contains all its special tokens, and parts made by `as_text`."""
        return self._encoder.encode_prompt(text).tolist()

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token IDs, exact for those of `encode`; invalid bytes become U+FFFD."""
        return b"".join(map(self.token_bytes, ids)).decode("utf-8", "replace")

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of a token ID; none for the IDs that pad the vocabularies of some models."""
        return self._encoder.data[token] if token < len(self._encoder.data) else b""

    def piece(self, token: int) -> str:
        """Return a token as shown on screen: its text, or "<0xE3>" for a single byte."""
        return self._encoder.pieces[token] if token < len(self._encoder.pieces) else f"[{token}]"

    def kind_of(self, token: int) -> str:
        """Return a token's kind, one of `messages.Tokens.kinds`."""
        return "special" if token in self._encoder.special else kind_of(self.piece(token))

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kind of each token, in the order of the IDs."""
        return tuple(map(self.kind_of, range(self.vocabulary)))

    @property
    def special_names(self) -> list[str]:
        """The strings that are encoded as special tokens where they occur in a text."""
        return [name for token in self._encoder.special if (name := self.piece(token))]

    def same_as(self, other: "Tokenizer") -> bool:
        """Return whether both have the same tokens with the same IDs."""
        return self is other or self._encoder.data == other._encoder.data

    def tokens(self, text: str) -> Tokens:
        """Return the tokens of a text with their spans.

        A token that is part of a character has that character's span; byte spans are exact.
        """
        text = _clean(text)
        encoded, spans = self._encoder.encode_with_spans(text)
        ids = encoded.astype(np.int32)
        if spans is None:
            byte_starts, byte_ends, starts, ends = self._spans_from_bytes(text, ids)
        else:
            starts, ends = spans.T
            bytes_before = np.cumsum([0, *(len(c.encode()) for c in text)], dtype=np.int32)
            byte_starts, byte_ends = bytes_before[starts], bytes_before[ends]
        return Tokens(
            text=text,
            ids=ids,
            pieces=tuple(map(self.piece, ids.tolist())),
            starts=starts,
            ends=ends,
            byte_starts=byte_starts,
            byte_ends=byte_ends,
            kinds=tuple(map(self.kind_of, ids.tolist())),
        )

    def _spans_from_bytes(self, text: str, ids: NDArray[np.int32]) -> tuple[NDArray[np.int32], ...]:
        """Return the byte and character spans of tokens whose joined bytes are the text."""
        if not len(ids):
            return (ids,) * 4
        byte_ends = np.cumsum([len(self.token_bytes(i)) for i in ids.tolist()], dtype=np.int32)
        byte_starts = np.concatenate([[0], byte_ends[:-1]]).astype(np.int32)
        character_at = np.repeat(np.arange(len(text), dtype=np.int32), [len(c.encode()) for c in text])
        return byte_starts, byte_ends, character_at[byte_starts], character_at[byte_ends - 1] + 1

    def to_json(self) -> str:
        """Return the content of tokenizer.json."""
        return self._encoder.to_json()

    def save(self, folder: Path) -> None:
        """Write tokenizer.json. Raises OSError."""
        with replacing(folder / FILE) as temporary:
            temporary.write_text(self.to_json(), "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read a folder's tokenizer.json or else its sentencepiece file, or the tokenizer in a GGUF file.

        Raises EngineError: error.no_tokenizer, error.model_damaged, and as gguf_header.read and gguf_tokenizer.to_json.
        """
        if path.is_file():
            return cls.from_gguf(gguf_header.read(path))
        pieces = sentencepiece_file.find(path)
        if pieces and not (path / FILE).is_file():
            return cls._read(lambda: sentencepiece_file.to_json(pieces), pieces)
        if not (path / FILE).is_file():
            raise EngineError("error.no_tokenizer", folder=str(path))
        return cls._read(lambda: (path / FILE).read_text("utf-8"), path / FILE)

    @classmethod
    def from_gguf(cls, gguf: GGUF) -> "Tokenizer":
        """Return the tokenizer in a GGUF file. Raises as `load`."""
        description = gguf_tokenizer.to_json(gguf.values, str(gguf.path))
        return cls._read(lambda: description, gguf.path)

    @classmethod
    def _read(cls, text_of: Callable[[], str], path: Path) -> "Tokenizer":
        try:
            text = text_of()
            description = json.loads(text)
            if description["model"].get("type") == "Characters":
                return cls(_Characters.from_json(text))
            encoder = _Merges(text) if _is_ours(description) else Foreign(text)
            return cls(encoder)
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
            raise EngineError("error.model_damaged", file=str(path)) from error
        except Exception as error:
            if type(error) is Exception:  # the only type that `tokenizers` raises
                raise EngineError("error.model_damaged", file=str(path)) from error
            raise


class StreamDecoder:
    """Decode one token at a time; the bytes of an incomplete character are held back."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        return self._decoder.decode(self._tokenizer.token_bytes(token))


# --- Byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909) ----------------------------------


class _Segmented:
    """An encoder that splits long texts into segments; its first 256 tokens are the bytes."""

    kind: str
    pieces: list[str]
    data: list[bytes]
    special: frozenset[int] = frozenset()

    def encode(self, text: str) -> IDs:
        parts = self.encode_segments(list(_segments(text)))
        return np.concatenate(parts) if parts else np.zeros(0, np.uint32)

    def encode_with_spans(self, text: str) -> tuple[IDs, Spans | None]:
        return self.encode(text), None  # the bytes of the tokens are those of the text

    def as_text(self, text: str) -> str:
        return text  # there are no special tokens

    def encode_prompt(self, text: str) -> IDs:
        return self.encode(text)

    def encode_segments(self, segments: Sequence[str]) -> list[IDs]:
        raise NotImplementedError

    def _set_pieces(self, pieces: list[str]) -> None:
        self.pieces = pieces
        self.data = [bytes([i]) if i < 256 else piece.encode() for i, piece in enumerate(pieces)]


class _Merges(_Segmented):
    """BPE by the `tokenizers` library; merges never cross the pieces of engine/text/scripts.py."""

    kind = "bpe"

    def __init__(self, text: str) -> None:
        self._json = text
        self._tokenizer = tokenizers.Tokenizer.from_str(text)
        by_piece = self._tokenizer.get_vocab()
        self._set_pieces(sorted(by_piece, key=by_piece.__getitem__))

    def encode_segments(self, segments: Sequence[str]) -> list[IDs]:
        encodings = self._tokenizer.encode_batch_fast(segments, add_special_tokens=False)
        return [np.array(encoding.ids, np.uint32) for encoding in encodings]

    def to_json(self) -> str:
        return self._json


def _is_ours(description: dict[str, Any]) -> bool:
    by_piece = description["model"]["vocab"]
    return not description.get("added_tokens") and all(by_piece.get(b) == i for i, b in enumerate(BYTES))


def train_bpe(chunks: Iterable[str], vocabulary: int) -> Tokenizer:
    """Train BPE merges on at most BPE_SAMPLE characters; a short text may give fewer tokens than `vocabulary`.

    Raises EngineError: error.vocabulary_range.
    """
    if not SMALLEST <= vocabulary <= LARGEST:
        raise EngineError("error.vocabulary_range", least=SMALLEST, most=LARGEST, asked=vocabulary)
    model = tokenizers.Tokenizer(BPE(byte_fallback=True))
    model.pre_tokenizer = Split(Regex(PIECE_PATTERN), "isolated")
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=BYTES,
        limit_alphabet=int((vocabulary - 256) * SINGLE_CHARACTERS),
        show_progress=False,
    )
    segments = (segment for chunk in _first(chunks, BPE_SAMPLE) for segment in _segments(_clean(chunk)))
    model.train_from_iterator(segments, trainer)
    description: dict[str, Any] = json.loads(model.to_str())
    # Otherwise a literal "<0x41>" in a text would be encoded as the byte.
    description["added_tokens"] = []
    return Tokenizer(_Merges(json.dumps(description, ensure_ascii=False)))


END_OF_TEXT, END_NAME = 0, "<|endoftext|>"


def train_byte_level(chunks: Iterable[str], vocabulary: int) -> Tokenizer:
    """Train byte-level BPE with GPT-2's rule for cutting words (Radford et al. 2019), which llama.cpp has too.

    Token END_OF_TEXT ends a text; no text contains it. Raises EngineError: error.vocabulary_range.
    """
    if not SMALLEST <= vocabulary <= LARGEST:
        raise EngineError("error.vocabulary_range", least=SMALLEST, most=LARGEST, asked=vocabulary)
    model = tokenizers.Tokenizer(BPE())
    model.pre_tokenizer, model.decoder = ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_NAME],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    segments = (segment for chunk in _first(chunks, BPE_SAMPLE) for segment in _segments(_clean(chunk)))
    model.train_from_iterator(segments, trainer)
    return Tokenizer(Foreign(model.to_str()))


# --- Characters -----------------------------------------------------------------------------------


class _Characters(_Segmented):
    """One token per character: ID = 256 + its index among the known characters, sorted by code point."""

    kind = "char"

    def __init__(self, characters: Sequence[str]) -> None:
        self._codes = np.array(sorted(map(ord, characters)), np.uint32)
        self._set_pieces([*BYTES, *map(chr, self._codes.tolist())])

    def encode_segments(self, segments: Sequence[str]) -> list[IDs]:
        return [self._encode(segment) for segment in segments]

    def _encode(self, text: str) -> IDs:
        codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        if not len(self._codes):
            return np.frombuffer(text.encode(), np.uint8).astype(np.uint32)
        place = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        known = self._codes[place] == codes
        if known.all():
            return (place + 256).astype(np.uint32)
        ids: list[int] = []
        for code, index, is_known in zip(codes.tolist(), place.tolist(), known.tolist(), strict=True):
            ids.extend([index + 256] if is_known else chr(code).encode())
        return np.array(ids, np.uint32)

    def to_json(self) -> str:
        model = {"type": "Characters", "characters": "".join(self.pieces[256:])}
        return json.dumps({"version": "1.0", "model": model}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "_Characters":
        return cls(str(json.loads(text)["model"]["characters"]))


def train_characters(chunks: Iterable[str], most: int = LARGEST) -> Tokenizer:
    """Return a tokenizer of the text's characters, or of the `most` most frequent ones."""
    counts: Counter[str] = Counter()
    for chunk in chunks:
        counts.update(_clean(chunk))
    return Tokenizer(_Characters([character for character, _ in counts.most_common(most)]))


# --- Cutting long texts ---------------------------------------------------------------------------


def _clean(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode() if _has_surrogate(text) else text


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _segments(text: str) -> Iterator[str]:
    """Cut a text after line ends, which no piece crosses, so that the tokens are those of the whole text."""
    start = 0
    while len(text) - start > SEGMENT:
        end = text.rfind("\n", start, start + SEGMENT) + 1
        while start < end < len(text) and text[end] == "\n":
            end += 1  # a run of line ends is one piece
        if end <= start:
            end = start + SEGMENT  # one long line: a piece may be cut here; decoding still gives the text
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _first(chunks: Iterable[str], most: int) -> Iterator[str]:
    seen = 0
    for chunk in chunks:
        yield chunk[: most - seen]
        seen += len(chunk)
        if seen >= most:
            return
