"""A text as token IDs on disk: memory-mapped, split into a training part and a held-out part."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.text.reading import TextFile, read_texts
from engine.text.tokenizer import Tokenizer

FILE, ABOUT = "tokens.bin", "tokens.json"
VALIDATION = 0.1  # the last tenth is held out, as in nanoGPT
GATHER = 1 << 22  # characters encoded at a time


class Corpus:
    """A tokenized text: `train` and `validation` are one-dimensional arrays of IDs, uint16 or uint32."""

    def __init__(self, ids: NDArray[np.unsignedinteger]) -> None:
        cut = round(len(ids) * (1 - VALIDATION))
        self.train, self.validation = ids[:cut], ids[cut:]

    @classmethod
    def open(cls, folder: Path) -> "Corpus":
        """Map the corpus of a folder. Raises EngineError error.model_damaged."""
        try:
            about = json.loads((folder / ABOUT).read_text("utf-8"))
            dtype, tokens = np.dtype(about["dtype"]), about["tokens"]
            ids = np.memmap(folder / FILE, dtype, "r") if tokens else np.zeros(0, dtype)  # empty: cannot be mapped
            if len(ids) != tokens:
                raise ValueError("the length is not what was written")
            return cls(ids)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineError("error.model_damaged", file=str(folder / FILE)) from error

    def check(self, context: int) -> None:
        """Raise EngineError error.text_too_short unless both parts contain a window and the token after it."""
        need, have = context + 2, min(len(self.train), len(self.validation))
        if have < need:
            whole = round(need / VALIDATION)
            have_whole = len(self.train) + len(self.validation)
            raise EngineError("error.text_too_short", need=whole, have=have_whole, context=context)

    def batch(self, step: int, batch: int, context: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return random windows of the training part, x_BT, and the same shifted by one token, y_BT.

        A pure function of its arguments, so that a resumed run sees the same data in the same order.
        """
        rng = np.random.default_rng((seed, step))
        starts = rng.integers(0, len(self.train) - context, size=batch)
        windows = self.train[starts[:, None] + np.arange(context + 1)].astype(np.int64)
        return windows[:, :-1], windows[:, 1:]

    def validation_windows(self, context: int, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return at most `most` windows, evenly spaced in the validation part: x_BT, y_BT."""
        return windows_of(self.validation, context, most)


def windows_of(
    ids: NDArray[np.integer], context: int, most: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return consecutive windows, x_BT and y_BT, in which each token is predicted once.

    Tokens after the last whole window are left out.
    """
    count = (len(ids) - 1) // context
    kept = np.arange(count) if most is None or count <= most else np.linspace(0, count - 1, most).astype(int)
    windows = ids[kept[:, None] * context + np.arange(context + 1)].astype(np.int64)
    return windows[:, :-1], windows[:, 1:]


def build_corpus(texts: Sequence[TextFile], tokenizer: Tokenizer, folder: Path) -> Iterator[float]:
    """Write the IDs of all texts into `folder`; yield the share that is done, 0..1.

    Raises EngineError: error.text_unreadable, and error.not_written when the disk is full or read-only.
    """
    dtype = np.uint16 if tokenizer.vocabulary <= 1 << 16 else np.uint32
    try:
        total = max(1, sum(text.path.stat().st_size for text in texts))
        done = tokens = 0
        with replacing(folder / FILE) as temporary, temporary.open("wb") as file:
            for text in _gather(read_texts(texts)):
                ids = tokenizer.encode_array(text)
                file.write(ids.astype(dtype).tobytes())
                tokens += len(ids)
                done += len(text.encode("utf-8", "replace"))
                yield min(1.0, done / total)
        with replacing(folder / ABOUT) as temporary:
            temporary.write_text(json.dumps({"dtype": np.dtype(dtype).name, "tokens": tokens}))
    except OSError as error:
        raise not_written(folder, error) from error


def _gather(chunks: Iterable[str]) -> Iterator[str]:
    """Join chunks into larger ones that end after a line end, so that no token is cut between two of them."""
    rest = ""
    for chunk in chunks:
        rest += chunk
        if len(rest) >= GATHER:
            end = rest.rstrip("\n").rfind("\n") + 1
            end = end or len(rest)
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest
