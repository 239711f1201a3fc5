"""Command that looks for where a text comes from: origin."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.opening import add_model, add_weights
from engine.cli.terminal import Commands, ProgressLine, add_command, nonempty_path, print_result
from engine.sentences import percent, sentence

if TYPE_CHECKING:
    from engine.messages.origin import Origin
    from engine.service.answer import Answer


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "origin", origin, "find the passages of the training text a span comes from")
    add_model(command)
    add_weights(command)
    command.add_argument("span", metavar="SPAN")
    command.add_argument(
        "--text",
        type=nonempty_path,
        action="append",
        default=[],
        metavar="FILE",
        dest="paths",
        help="search this text, in place of the one that the model was trained on; may be repeated",
    )
    command.add_argument("--encoding", default="", help="of the text; by default the one detected")
    command.add_argument("--near", action="store_true", help="also find the passages with the nearest hidden states")
    command.add_argument(
        "--without", type=nonempty_path, metavar="FILE", help="write the text without the sentences that were found"
    )
    command.epilog = (
        "verdict: heart (one run of words beyond chance is most of the span), together (several such runs are), "
        "nowhere, short (the words in any order would be found). chance: words of the longest run of a text of the "
        "same words in a random order. In Japanese and Chinese, a word is one character."
    )


def origin(options: argparse.Namespace) -> None:
    from engine.messages.origin import FindNear, FindOrigin, NearPassages, Origin, WriteWithout, WrittenWithout
    from engine.model.bundled import find
    from engine.service.origin import find_near, find_origin, write_without
    from engine.service.session import Session

    session, paths = Session(), tuple(options.paths)
    session.open(find(options.model), options.weights)
    found = last_answer(find_origin(session, FindOrigin(options.span, paths, options.encoding)))
    assert isinstance(found, Origin)
    result, lines = asdict(found), _lines(found)
    if options.near:
        near = last_answer(find_near(session, FindNear(options.span, paths, options.encoding)))
        assert isinstance(near, NearPassages)
        result["near"] = asdict(near)
        lines += [f"{passage.cosine:+.3f}  {_shown(passage.text)}" for passage in near.passages]
    if options.without:
        request = WriteWithout(options.span, str(Path(options.without)), paths, options.encoding)
        written = last_answer(write_without(session, request))
        assert isinstance(written, WrittenWithout)
        result["without"] = asdict(written)
        lines.append(f"{written.path}: -{written.removed}")
    print_result(options, result, "\n".join(lines))


def last_answer(answers: "Answer[object]") -> object:
    """Run a request and show its progress; return its last answer."""
    from engine.messages.status import Progress

    last: object = None
    with ProgressLine() as line:
        for answer in answers:
            if isinstance(answer, Progress):
                share = percent(answer.fraction or 0.0)
                line.show(sentence("progress.percent", what=sentence(answer.key), percent=share))
            elif answer is not None:
                last = answer
    return last


def _lines(found: "Origin") -> list[str]:
    head = f"{found.verdict}: {found.longest}/{found.words} (chance {found.chance}, covered {found.covered})"
    runs = sorted(found.runs, key=lambda run: -run.words)
    return [
        head,
        *(f"{run.words:4}  x{run.count}  {found.span[run.start : run.end]!r}  @{run.places[0].offset}" for run in runs),
    ]


def _shown(text: str) -> str:
    return " ".join(text.split())
