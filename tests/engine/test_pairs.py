"""Pairs of prompt and answer: the forms of their files, bad lines, and what is held out."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from engine.errors import EngineError
from engine.messages.tuning import Pair
from engine.text import pairs as module
from engine.text.pairs import divide, read_pairs
from engine.text.world.examples import LANGUAGES
from engine.text.world.facts import Language
from engine.text.world.questions import questions

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda s: s.strip() == s)
PAIRS = st.lists(st.builds(Pair, WORDS, WORDS), min_size=1, max_size=20)


@pytest.mark.parametrize(
    "text",
    [
        '{"prompt": "Who?", "answer": "Me, I think."}\n\n{"instruction": "Where?", "output": "Here"}\n',
        'id,question,answer\n1,Who?,"Me, I think."\n2,Where?,Here\n',
        "Response\tPrompt\nMe, I think.\tWho?\nHere\tWhere?\n",
        'Who?,"Me, I think."\r\nWhere?,Here\r\n',
    ],
)
def test_every_form_of_a_file_gives_the_same_pairs(text: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(text, "utf-8", newline="")
    assert read_pairs(path) == [Pair("Who?", "Me, I think."), Pair("Where?", "Here")]


@settings(max_examples=40, deadline=None)
@given(PAIRS)
def test_json_lines_keep_any_words(tmp_path_factory: pytest.TempPathFactory, pairs: list[Pair]) -> None:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    lines = (json.dumps({"prompt": pair.prompt, "answer": pair.answer}) for pair in pairs)
    path.write_text("\n".join(lines), "utf-8")
    assert read_pairs(path) == pairs


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ('{"prompt": "a", "answer": "b"}\n{"prompt": "a"}', "error.pairs_line", 2),
        ('{"prompt": "a", "answer": "b"}\n{"prompt": ', "error.pairs_line", 2),
        ("prompt,answer\na,b\n\nc,", "error.pairs_line", 4),
        ("only one column\nin this file", "error.pairs_line", 1),
        ("prompt,answer\n", "error.pairs_none", None),
        ("[1, 2]", "error.pairs_line", 1),
    ],
)
def test_a_file_with_a_broken_line_is_refused_and_the_line_named(
    text: str, key: str, line: int | None, tmp_path: Path
) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(text, "utf-8")
    with pytest.raises(EngineError) as raised:
        read_pairs(path)
    assert (raised.value.key, raised.value.args_by_name.get("line")) == (key, line)


def test_a_file_with_too_many_pairs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    path = tmp_path / "pairs.csv"
    path.write_text("prompt,answer\n" + "a,b\n" * 3)
    with pytest.raises(EngineError, match="pairs_many"):
        read_pairs(path)


@given(PAIRS, st.floats(0, 1), st.integers(0, 9))
def test_nothing_that_is_held_out_is_trained_on(pairs: list[Pair], share: float, seed: int) -> None:
    divided = divide(pairs, share, seed)
    assert {p.prompt.strip() for p in divided.train}.isdisjoint(p.prompt.strip() for p in divided.held_out)
    assert sorted(map(repr, divided.train + divided.held_out)) == sorted(map(repr, set(pairs)))
    assert len(divided.train) + len(divided.held_out) + divided.duplicates == len(pairs)
    assert divided.train
    assert divide(pairs, share, seed) == divided


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_about_the_world_are_held_out_by_what_they_are_about(language: Language) -> None:
    found = questions(language)
    assert len(found) == len(set(found)) == 152
    divided = divide(found, 0.25, 1)
    assert {pair.group for pair in divided.train}.isdisjoint(pair.group for pair in divided.held_out)
    held = Counter(pair.group for pair in divided.held_out)
    assert Counter(held.values()) == {4: 8, 1: 6}  # animals, and countries and jobs
