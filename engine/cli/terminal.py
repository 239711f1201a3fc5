"""What all commands share: their parsers, progress on stderr, the result on stdout."""

import argparse
import json
import sys
import time
import unicodedata
from collections.abc import Callable
from typing import Any, TypeAlias

from engine.errors import EngineError
from engine.sentences import sentence

MOST = 10_000_000  # tokens or passages; a larger number is a mistake
REPORT_SECONDS = 0.5

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], None], words: str
) -> argparse.ArgumentParser:
    """Add a command that calls `run`; return its parser."""
    command = commands.add_parser(name, help=words)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(run=run)
    return command


def nonempty_path(text: str) -> str:
    """Reject "", which an unset variable of a script gives and which would mean the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return text


def print_result(
    options: argparse.Namespace, result: dict[str, Any] | list[dict[str, Any]], words: str | None = None
) -> None:
    """Print `result` as JSON with --json, else `words`; by default a line for each name and value of an object."""
    if words is None and isinstance(result, dict):
        words = "\n".join(f"{name}: {value}" for name, value in result.items())
    # JSON is UTF-8, in which an argument or a file name that was none has no place.
    print(json.dumps(result, ensure_ascii=False).encode(errors="replace").decode() if options.json else words)


def warn(key: str, **arguments: str | int | float) -> None:
    """Print the sentence of `key` on stderr, where it does not mix with the result."""
    print(sentence(key, **arguments), file=sys.stderr)


def check_range(options: argparse.Namespace, name: str, least: int, most: int) -> None:
    """Raise EngineError error.config_range unless least <= the option <= most."""
    value = getattr(options, name)
    if not least <= value <= most:
        raise EngineError("error.config_range", setting=name, value=value, least=least, most=most)


class ProgressLine:
    """Progress on stderr: one line, overwritten, on a terminal; elsewhere a new line every few seconds.

    As a context manager it ends the line, so that a result or an error begins on its own line.
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown_at, self._width = 0.0, 0  # columns of the unfinished line

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def show(self, words: str | Callable[[], str], final: bool = False) -> None:
        """Show `words` unless the last report was a moment ago; a callable is only called when it is shown."""
        pause = REPORT_SECONDS if self._terminal else 10 * REPORT_SECONDS
        if not final and time.monotonic() - self._shown_at < pause:
            return
        self._shown_at = time.monotonic()
        words = words() if callable(words) else words
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

    def report_encoding(self, file: str, encoding: str, certain: bool, replaced: int) -> None:
        """Report a text whose encoding is uncertain, or which has invalid bytes, on lines of their own."""
        if not certain:
            self.show(sentence("progress.uncertain", file=file, encoding=encoding), final=True)
        if replaced:
            self.show(sentence("progress.replaced", file=file, encoding=encoding, count=replaced), final=True)


def _columns(words: str) -> int:
    """Return the width in columns of a terminal, where a Japanese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in words)
