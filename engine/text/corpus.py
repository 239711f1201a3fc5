"""A text as token IDs on disk: memory-mapped, split into what is learned and what is held out."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.text.reading import find_files, read_all
from engine.text.tokenizer import Tokenizer

FILE, ABOUT = "tokens.bin", "tokens.json"
VALIDATION = 0.1  # the last tenth is held out, as in nanoGPT
GATHER = 1 << 22  # characters encoded at a time


class Corpus:
    """`train` and `validation` are one-dimensional arrays of IDs, uint16 or uint32."""

    def __init__(self, ids: NDArray[np.unsignedinteger]) -> None:
        cut = round(len(ids) * (1 - VALIDATION))
        self.train, self.validation = ids[:cut], ids[cut:]

    @classmethod
    def open(cls, folder: Path) -> "Corpus":
        """Raises EngineError: error.model_damaged."""
        try:
            about = json.loads((folder / ABOUT).read_text("utf-8"))
            dtype, tokens = np.dtype(about["dtype"]), about["tokens"]
            ids = np.memmap(folder / FILE, dtype, "r") if tokens else np.zeros(0, dtype)  # nothing cannot be mapped
            if len(ids) != tokens:
                raise ValueError("the length is not what was written")
            return cls(ids)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineError("error.model_damaged", file=str(folder / FILE)) from error

    def check(self, context: int) -> None:
        """Raises EngineError error.text_too_short unless both parts hold a window and the token after it."""
        need, have = context + 2, min(len(self.train), len(self.validation))
        if have < need:
            whole = round(need / VALIDATION)
            have_whole = len(self.train) + len(self.validation)
            raise EngineError("error.text_too_short", need=whole, have=have_whole, context=context)

    def batch(self, step: int, batch: int, context: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Windows of the training part and the token after each of theirs: x_BT, y_BT.

        A pure function of its arguments, so that a resumed run sees the same data in the same order.
        """
        rng = np.random.default_rng((seed, step))
        starts = rng.integers(0, len(self.train) - context, size=batch)
        windows = self.train[starts[:, None] + np.arange(context + 1)].astype(np.int64)
        return windows[:, :-1], windows[:, 1:]

    def validation_windows(self, context: int, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """At most `most` windows spread evenly over the validation part: x_BT, y_BT."""
        return windows_of(self.validation, context, most)


def windows_of(
    ids: NDArray[np.integer], context: int, most: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Consecutive windows in which each token is predicted once; the last one may be missing: x_BT, y_BT."""
    count = (len(ids) - 1) // context
    kept = np.arange(count) if most is None or count <= most else np.linspace(0, count - 1, most).astype(int)
    windows = ids[kept[:, None] * context + np.arange(context + 1)].astype(np.int64)
    return windows[:, :-1], windows[:, 1:]


def build_corpus(paths: Iterable[str | Path], tokenizer: Tokenizer, folder: Path) -> Iterator[float]:
    """Writes the IDs of all texts into `folder`; yields the share that is done, 0..1.

    Raises EngineError: what reading raises, error.not_written when the disk is full or read-only.
    """
    paths = list(paths)
    total = max(1, sum(path.stat().st_size for path in find_files(paths)))
    dtype = np.uint16 if tokenizer.vocabulary <= 1 << 16 else np.uint32
    try:
        done = tokens = 0
        with replacing(folder / FILE) as temporary, open(temporary, "wb") as file:
            for text in _gather(read_all(paths)):
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
    """Larger portions that end behind a line end, so that no token is cut by how the file was read."""
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
