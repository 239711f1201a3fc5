"""The command line: python -m engine train | generate | … | world | builtin | index | search | ask.

Progress goes to stderr, the result to stdout; --json prints one object. Exit code 0: done, 1: failed,
with one sentence on stderr, 2: wrong use, 130: Ctrl+C.
"""

import argparse
import io
import sys
from collections.abc import Callable

from engine.errors import EngineError

SHOWN = 200  # characters of a name that is none


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # To files Windows writes in an encoding that lacks most characters.
        encoding = sys.stdout.encoding if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")  # names of files may be no text
    try:
        _command(options.command)(options)
    except EngineError as error:
        return _failed(error)
    except BrokenPipeError:
        return 1  # whoever read the result has gone
    except OSError as error:  # a text in the place of a file, longer than any name: wherever a path is looked at
        name, reason = str(error.filename or "–"), error.strerror or str(error)
        return _failed(EngineError("error.text_unreadable", file=name[:SHOWN], reason=reason))
    except KeyboardInterrupt:
        return 130  # as shells have it: 128 and the signal's number
    return 0


def _failed(error: EngineError) -> int:
    from engine.sentences import explain

    print(explain(error), file=sys.stderr)
    return 1


def _command(name: str) -> Callable[[argparse.Namespace], None]:
    """Imported when it is asked for: torch takes seconds, and --help, index and search do without."""
    from engine import document_commands

    if name in document_commands.COMMANDS:
        return document_commands.COMMANDS[name]
    from engine import commands

    return commands.COMMANDS[name]


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m engine", description="The engine of Nakami without its window.")
    commands = whole.add_subparsers(dest="command", required=True)
    _train(commands.add_parser("train", help="train a model on texts"))
    _generate(commands.add_parser("generate", help="let a model continue a text"))
    tokenize = commands.add_parser("tokenize", help="show how a model's tokenizer cuts a text")
    tokenize.add_argument("model", metavar="DIR")
    tokenize.add_argument("text", metavar="TEXT")
    evaluate = commands.add_parser("evaluate", help="measure how well a model predicts a text")
    evaluate.add_argument("model", metavar="DIR")
    evaluate.add_argument("file", type=_path, metavar="FILE")
    _inspect(commands)
    _documents(commands)
    world = commands.add_parser("world", help="print the built-in little world's text")
    world.add_argument("--megabytes", type=float, default=1.0)
    world.add_argument("--seed", type=int, default=1)
    builtin = commands.add_parser("builtin", help="make the model and word vectors that Nakami brings, anew")
    builtin.add_argument("--out", type=_path, required=True, metavar="DIR", help="what was begun in DIR is continued")
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return whole


def _path(text: str) -> str:
    """Not empty, as a script's unset variable is: that would be the folder one is in."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return text


def _inspect(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    opened = commands.add_parser("open", help="say what a model folder holds")
    opened.add_argument("model", metavar="DIR")
    logits = commands.add_parser("logits", help="write the logits at every position")
    logits.add_argument("model", metavar="DIR")
    logits.add_argument("--ids", required=True, metavar="1,2,3")
    attend = commands.add_parser("attend", help="write the attention weights of every layer and head")
    attend.add_argument("model", metavar="DIR")
    attend.add_argument("text", metavar="TEXT")
    for command in (logits, attend):
        command.add_argument("--out", type=_path, required=True, metavar="FILE.npz")


def _documents(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    index = commands.add_parser("index", help="make a folder of documents searchable, or bring it up to date")
    index.add_argument("paths", type=_path, nargs="*", metavar="PATH", help="files or folders (none: those of before)")
    index.add_argument("--out", type=_path, required=True, metavar="DIR", help="where the collection goes")
    index.add_argument("--qdrant", metavar="URL", help='search the vectors on this server ("": here again)')
    search = commands.add_parser("search", help="find passages in a collection")
    search.add_argument("collection", metavar="DIR")
    search.add_argument("query", metavar="QUERY")
    ask = commands.add_parser("ask", help="let a model answer from a collection")
    ask.add_argument("collection", metavar="DIR")
    ask.add_argument("model", metavar="MODEL", help="a model's folder")
    ask.add_argument("question", metavar="QUESTION")
    ask.add_argument("--tokens", type=int, default=200, help="of the answer at most")
    for command, most in ((search, 10), (ask, 5)):
        command.add_argument("-k", type=int, default=most, help="passages at most")
        command.add_argument("--mode", choices=("vector", "keyword", "hybrid"), default="hybrid")


def _train(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", type=_path, nargs="*", metavar="FILE", help="texts or folders of texts")
    command.add_argument("--out", type=_path, required=True, metavar="DIR", help="where the model goes")
    command.add_argument("--resume", action="store_true", help="continue the run in DIR")
    length = command.add_mutually_exclusive_group()
    length.add_argument("--preset", choices=("30s", "5m", "overnight"), help="model and length (default: 30s)")
    length.add_argument("--steps", type=int)
    length.add_argument("--seconds", type=float, help="of training; the schedule fits itself to it")
    command.add_argument("--tokenizer", choices=("bpe", "char"))
    command.add_argument("--vocab", type=int, dest="vocabulary", help="tokens of a BPE tokenizer")
    for name in ("layers", "heads", "width", "context", "batch", "seed"):
        command.add_argument(f"--{name}", type=int)
    command.add_argument("--learning-rate", type=float)


def _generate(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="DIR")
    command.add_argument("--prompt", default="")
    command.add_argument("--tokens", type=int, default=100)
    command.add_argument("--temperature", type=float, default=0.8, help="0 is greedy")
    command.add_argument("--top-k", type=int, default=0, help="0 is off")
    command.add_argument("--top-p", type=float, default=1.0)
    command.add_argument("--min-p", type=float, default=0.0)
    command.add_argument("--repetition-penalty", type=float, default=1.0)
    command.add_argument("--seed", type=int, default=1)


if __name__ == "__main__":
    raise SystemExit(main())
