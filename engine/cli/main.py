"""The command line: python -m engine train | generate | … | world | builtin | index | search | ask.

Progress goes to stderr, the result to stdout; --json prints one object. Exit code 0: done, 1: failed,
with one sentence on stderr, 2: wrong use, 130: Ctrl+C.
"""

import argparse
import io
import sys

from engine.cli import (
    ablating,
    chatting,
    documents,
    inspecting,
    models,
    neurons,
    origins,
    preferring,
    scoring,
    steering,
    text,
    training,
    tuning,
)
from engine.errors import EngineError
from engine.sentences import explain
from engine.threads import make_threads_yield

SHOWN = 200  # characters of an invalid path in a message


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    make_threads_yield()
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # On Windows, output to a file is in an encoding that lacks most characters.
        encoding = sys.stdout.encoding if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")  # a file name may be invalid Unicode
    try:
        options.run(options)
    except EngineError as error:
        return _failed(error)
    except BrokenPipeError:
        return 1  # the reader of the result has closed it, as head does
    except OSError as error:  # for example a text passed instead of a path, longer than a file name may be
        name, reason = str(error.filename or "–"), error.strerror or str(error)
        return _failed(EngineError("error.text_unreadable", file=name[:SHOWN], reason=reason))
    except KeyboardInterrupt:
        return 130  # the shells' convention: 128 plus the signal's number
    return 0


def _failed(error: EngineError) -> int:
    print(explain(error), file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; a command's function is its option `run`."""
    whole = argparse.ArgumentParser(prog="python -m engine", description="The engine of Nakami without its window.")
    commands = whole.add_subparsers(dest="command", required=True)
    for group in (
        training,
        tuning,
        preferring,
        models,
        chatting,
        scoring,
        ablating,
        inspecting,
        neurons,
        origins,
        steering,
        text,
        documents,
    ):
        group.add_commands(commands)
    return whole
