"""Every EngineError has a sentence in both languages, with exactly the arguments of the call."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, strategies as st

from engine.errors import EngineError, not_written
from engine.sentences import explain, sentences

ENGINE = Path(__file__).parent.parent.parent / "engine"


class Raised(NamedTuple):
    key: str
    arguments: set[str]
    place: str


def raised_errors() -> Iterator[Raised]:
    """Yield every EngineError("key", name=…) of the engine."""
    for path in sorted(ENGINE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "EngineError":
                names = [keyword.arg for keyword in node.keywords]
                if isinstance(node.args[0], ast.Constant) and None not in names:
                    yield Raised(str(node.args[0].value), {str(name) for name in names}, f"{path.name}:{node.lineno}")


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_errors_have_exactly_the_arguments_of_their_sentences(language: str) -> None:
    sentence_of = sentences(language)
    found = list(raised_errors())
    assert len(found) > 60

    def sentence(key: str) -> str:
        return sentence_of.get(key) or sentence_of[f"{key}.other"]

    assert [error for error in found if placeholders(sentence(error.key)) != error.arguments] == []


@given(file=st.text(max_size=20))
def test_an_argument_is_shown_unchanged(file: str) -> None:
    assert file in explain(EngineError("error.text_empty", file=file))


def test_a_failed_write_names_the_file_and_the_reason() -> None:
    error = not_written(Path("a.txt"), OSError(28, "No space left on device"))
    assert error.args_by_name == {"file": "a.txt", "reason": "No space left on device"}
