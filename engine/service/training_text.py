"""The text that the open model was trained on, or another one in its place: for origin and neurons."""

from collections.abc import Generator, Hashable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from engine.errors import EngineError
from engine.messages.origin import Source
from engine.messages.status import Progress
from engine.model.opening import BUILTIN
from engine.pace import Pace
from engine.service.session import OpenedModel, Session
from engine.text.corpus import ABOUT as CORPUS, Corpus
from engine.text.reading import inspect, read_all
from engine.text.world.stream import MEGABYTE, stream
from engine.training.best import FOLDER as BEST
from engine.training.run import read_about

MOST_CHARACTERS = 4_000_000  # of a text that are read
WORLD_MEGABYTES, WORLD_SEED, WORLD_WHOLE = 3.0, 1, 80.0  # those of the built-in model's text: engine/builtin.py
WORLD_BYTES = 1.5  # of a character
TOKENS_AT_ONCE = 100_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrainingText:
    key: Hashable  # what it was read from: what is computed from the text is kept under this key
    source: Source
    text: str


def training_text(session: Session, paths: tuple[str, ...], encoding: str) -> Generator[Progress, None, TrainingText]:
    """Return the open model's training text, or that of `paths`; it is kept until another text is wanted.

    Raises EngineError error.origin_unknown if the model's text is not on this computer, and as read_all.
    """
    key = (session.opened.info.folder if not paths else "", paths, encoding, tuple(map(_changed_at, paths)))
    kept: TrainingText | None = session.cached("training_text", key, lambda: None)
    if kept is None:
        parts, source = text_parts(session.opened, paths, encoding)
        text, pace = "", Pace(0.1)
        for part in parts:
            text += part
            if pace.due():
                yield Progress("progress.origin_reading", min(1.0, len(text) / MOST_CHARACTERS))
            if len(text) >= MOST_CHARACTERS:
                break
        text = text[:MOST_CHARACTERS]
        kept = TrainingText(key, replace(source, characters=len(text), whole=max(source.whole, len(text))), text)
        session.replace("training_text", key, kept)
    return kept


def reported(key: str, steps: Generator[float, None, T]) -> Generator[Progress, None, T]:
    """Report the share that is done, and return what `steps` returns."""
    while True:
        try:
            yield Progress(key, next(steps))
        except StopIteration as end:
            value: T = end.value
            return value


def _changed_at(path: str) -> int:
    """Return when a file was changed, in nanoseconds; 0 if it is not there."""
    return Path(path).stat().st_mtime_ns if Path(path).exists() else 0


def text_parts(opened: OpenedModel, paths: tuple[str, ...], encoding: str) -> tuple[Iterator[str], Source]:
    """Return the text in parts, and what it is, with an estimate of its length."""
    if paths:
        info = inspect(paths, encoding)
        return read_all(paths, encoding), Source(info.name, False, 0, info.characters)
    folder = Path(opened.info.folder)
    if folder.resolve() == BUILTIN.resolve():
        whole = round(WORLD_WHOLE * MEGABYTE / WORLD_BYTES)
        return stream(WORLD_MEGABYTES, WORLD_SEED), Source("", True, 0, whole)
    run = folder.parent if folder.name == BEST else folder
    if not (run / CORPUS).is_file():
        raise EngineError("error.origin_unknown", model=opened.info.name)
    ids = Corpus.open(run).train
    cuts = range(0, len(ids), TOKENS_AT_ONCE)
    parts = (opened.tokenizer.decode(ids[cut : cut + TOKENS_AT_ONCE].tolist()) for cut in cuts)
    return parts, Source(read_about(run)[0], True, 0, 0)
