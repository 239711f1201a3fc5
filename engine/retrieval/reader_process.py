"""Read files in a separate process, so that one that hangs, crashes or uses too much memory fails alone.

    python -m engine.retrieval.reader_process

writes "ready", then reads lines of JSON from stdin, each a path and an encoding or "", and writes one line of JSON
for each to stdout.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

from engine.errors import EngineError
from engine.retrieval.passages import Document

SECONDS, SECONDS_A_MEGABYTE = 10.0, 0.5  # time limit of a file
MEMORY = 2 << 30  # bytes
ROOT = Path(__file__).parents[2]

Reading = Generator[None, None, Document]


class FileReader:
    """Reads one file after another. Its process starts when it is first needed, and again after a crash."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._is_ready = False
        self._listener = threading.Thread()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, path: Path, encoding: str = "") -> Reading:
        """Yield while waiting, return the document. Raises EngineError, which names what is wrong with the file."""
        process = self._started()
        while not self._is_ready:  # the start does not count towards the file's time limit
            if (sign := self._answer()) == b"":
                self._end()
                raise EngineError("error.document_broken", file=str(path), reason="crash")
            self._is_ready = sign is not None
            yield None
        begun = time.monotonic()
        limit = SECONDS + SECONDS_A_MEGABYTE * _megabytes(path)
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps([str(path), encoding]).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            pass  # the process has died, so its answer is empty
        while (line := self._answer()) is None:
            yield None
            if time.monotonic() - begun > limit:
                self._end()
                raise EngineError("error.document_slow", file=str(path), seconds=round(limit))
        if not line:
            self._end()
            raise EngineError("error.document_broken", file=str(path), reason="crash")
        return _document(json.loads(line))

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            command = [sys.executable, "-m", "engine.retrieval.reader_process"]
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._answers, self._is_ready = queue.Queue(), False
            self._listener = threading.Thread(target=_listen, args=(self._process, self._answers), daemon=True)
            self._listener.start()
        return self._process

    def _answer(self) -> bytes | None:
        """Return the next line; None if there is none yet, empty if the process has died."""
        try:
            return self._answers.get(timeout=0.02)
        except queue.Empty:
            return None

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._listener.join()
            if self._process.stdin is not None:
                with suppress(OSError):
                    self._process.stdin.close()
            self._process = None


def _listen(process: "subprocess.Popen[bytes]", answers: "queue.Queue[bytes]") -> None:
    assert process.stdout is not None
    with process.stdout:
        while line := process.stdout.readline():
            answers.put(line)
    answers.put(b"")


def _megabytes(path: Path) -> float:
    try:
        return path.stat().st_size / 1e6
    except OSError:
        return 0.0


def _document(answer: dict[str, Any]) -> Document:
    if "error" in answer:
        raise EngineError(answer["error"], **answer["arguments"])
    values = {**answer, "pages": tuple(answer["pages"]), "headings": tuple((o, t) for o, t in answer["headings"])}
    return Document(**values)


# --- In the process -------------------------------------------------------------------------------


def main() -> None:
    _limit_memory()
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library's own output may not mix with the answers
    output.write(b"ready\n")
    output.flush()
    for line in sys.stdin.buffer:
        path, encoding = json.loads(line)
        output.write(json.dumps(_answer_to(Path(path), encoding)).encode() + b"\n")
        output.flush()


def _answer_to(path: Path, encoding: str = "") -> dict[str, Any]:
    from engine.retrieval.readers.formats import read_document

    try:
        document = read_document(path, encoding)
    except EngineError as error:
        return {"error": error.key, "arguments": error.args_by_name}
    except MemoryError:
        return {"error": "error.document_large", "arguments": {"file": str(path)}}
    text = document.text.encode("utf-8", "replace").decode()  # SQLite rejects lone surrogates
    return asdict(replace(document, text=text))


def _limit_memory() -> None:
    """Raise MemoryError beyond MEMORY, on systems that support a limit."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, OSError, ValueError):
        pass


if __name__ == "__main__":
    main()
