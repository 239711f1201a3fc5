"""How the command line speaks: progress on stderr, the result on stdout."""

import argparse
import json
import sys
import time
import unicodedata
from typing import Any

from engine.errors import EngineError

MOST = 10_000_000  # tokens or passages; whoever asks for more means something else
REPORT_SECONDS = 0.5


def print_result(options: argparse.Namespace, result: dict[str, Any], words: str | None = None) -> None:
    """As JSON, or in words: without any, a line for each name and its value."""
    words = "\n".join(f"{name}: {value}" for name, value in result.items()) if words is None else words
    print(json.dumps(result, ensure_ascii=False) if options.json else words)


def check_range(options: argparse.Namespace, name: str, least: int, most: int) -> None:
    """Raises EngineError error.config_range for an option that makes no sense."""
    value = getattr(options, name)
    if not least <= value <= most:
        raise EngineError("error.config_range", setting=name, value=value, least=least, most=most)


def clock(seconds: float) -> str:
    """As minutes and seconds."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


class ProgressLine:
    """One line on stderr that is written over on a terminal, and now and then a new one elsewhere.

    with ProgressLine() as line: ...   whatever comes behind it, a result or an error, begins a line of its own
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown_at, self._width = 0.0, 0  # columns of the line that is not ended yet

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def show(self, words: str, final: bool = False) -> None:
        pause = REPORT_SECONDS if self._terminal else 10 * REPORT_SECONDS
        if not final and time.monotonic() - self._shown_at < pause:
            return
        self._shown_at = time.monotonic()
        if self._terminal:
            width = _columns(words)
            print("\r" + words + " " * (self._width - width), end="\n" if final else "", file=sys.stderr, flush=True)
            self._width = 0 if final else width
        else:
            print(words, file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._width:
            print(file=sys.stderr)
        self._width = 0


def _columns(words: str) -> int:
    """On a terminal a Japanese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in words)
