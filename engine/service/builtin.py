"""What Nakami brings along: its examples, its text, and a word on texts that its model does not know."""

import math
import os
import re
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from engine import messages as m
from engine.errors import EngineError
from engine.service.process import Answer
from engine.service.session import OpenedModel, Session
from engine.text.world import examples
from engine.text.world.facts import Word
from engine.text.world.stream import MEGABYTE, stream
from engine.training.evaluation import losses

SEED = 1
TURN_SECONDS = 0.05  # of writing before others get a turn


def list_examples(session: Session, request: m.ListExamples) -> Answer:
    yield m.Examples(tuple(map(_example, examples.EXAMPLES)))


def _example(example: examples.Example) -> m.Example:
    on_map = example.pane == "embeddings"
    texts = _by_language(example.text)
    return m.Example(
        key=example.key,
        pane=example.pane,
        texts={} if on_map else texts,
        select=_by_language(example.select),
        target=_by_language(example.target),
        words={language: tuple(re.split(" [−+] ", text)) for language, text in texts.items()} if on_map else {},
        tokens=example.tokens,
        stop=example.stop,
        temperature=example.temperature,
        compare=example.compare,
    )


def _by_language(word: Word | None) -> dict[str, str]:
    return {language: word[language] for language in examples.LANGUAGES} if word is not None else {}


def write_world(session: Session, request: m.WriteWorld) -> Answer:
    """Raises EngineError: error.not_written."""
    path = Path(request.path)
    temporary = path.with_name(path.name + ".part")
    written, turn = 0, time.perf_counter()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            for text in stream(request.megabytes, SEED):
                written += file.write(text)  # characters: Japanese ones are three bytes, which a guess of two evens out
                if time.perf_counter() - turn > TURN_SECONDS:
                    yield m.Progress("progress.world", min(1.0, 2 * written / (request.megabytes * MEGABYTE)))
                    turn = time.perf_counter()
        os.replace(temporary, path)
    except OSError as error:
        raise EngineError("error.not_written", file=str(path), reason=error.strerror or str(error)) from error
    finally:
        with suppress(OSError):  # where it could not be made it cannot be taken away
            temporary.unlink(missing_ok=True)


def judge(session: Session, request: m.Judge) -> Answer:
    opened = session.opened
    ids = np.array(opened.tokenizer.encode(request.text)[-opened.model.config.context - 1 :], np.int64)
    if len(ids) < 2:
        return
    ((total, count),) = losses(opened.model, ids[None, :-1], ids[None, 1:])
    yield m.Judgement(
        request.text, _unknown(opened, request.text), total / count, math.log(opened.model.config.vocabulary)
    )


def _unknown(opened: OpenedModel, text: str) -> str:
    """Characters that Nakami's own tokenizers spell in bytes. Those of others are made of bytes anyway."""
    if opened.tokenizer.kind == "foreign":
        return ""
    tokens = opened.tokenizer.tokens(text)
    parts = zip(tokens.kinds, tokens.starts.tolist(), tokens.ends.tolist(), strict=True)
    return "".join(dict.fromkeys(tokens.text[start:end] for kind, start, end in parts if kind == "byte"))
