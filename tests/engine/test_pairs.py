"""Pairs of prompt and answer: the forms of their files, bad lines, and what is held out."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from engine.errors import EngineError
from engine.messages.tuning import Pair
from engine.text import pairs as module
from engine.text.pairs import columns_of, divide, read_pairs
from engine.text.ready_pairs import ready_sets
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


@pytest.mark.parametrize(
    "text",
    [
        '[{"instruction": "Who", "input": "is it?", "output": "Me."},\n {"instruction": "Where?", "output": "Here."}]',
        '{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who\\nis it?"},'
        ' {"role": "assistant", "content": "Me."}, {"role": "user", "content": "Where?"},'
        ' {"role": "assistant", "content": "Here."}]}',
        '{"conversations": [{"from": "human", "value": "Who\\nis it?"}, {"from": "gpt", "value": "Me."},'
        ' {"from": "human", "value": "Where?"}, {"from": "gpt", "value": "Here."}]}',
    ],
)
def test_widespread_forms_of_instructions_and_chats_are_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.json"
    path.write_text(text, "utf-8")
    assert read_pairs(path) == [Pair("Who\nis it?", "Me."), Pair("Where?", "Here.")]


@pytest.mark.parametrize(
    ("text", "names", "guess"),
    [
        (
            "Nr;Antwort;Frage\n1;Der Fuchs lebt im Wald.;Wo lebt der Fuchs?\n2;Er frisst gerne Mäuse.;Was frisst er?\n",
            ("Nr", "Antwort", "Frage"),
            ("Frage", "Antwort"),
        ),
        ("キツネはどこに住んでいますか。,森です。\n何を食べますか。,ネズミです。\n", ("1", "2"), ("1", "2")),
        ('{"src": "cat", "dst": "a small animal that purrs"}\n', ("src", "dst"), ("src", "dst")),
        ("only one column\nin this file", ("1",), ("", "")),
        ("id,question,answer\n1,Who?,Me.\n", ("id", "question", "answer"), ("question", "answer")),
    ],
)
def test_prompt_and_answer_are_found_by_looking_at_the_columns(
    text: str, names: tuple[str, ...], guess: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(text, "utf-8")
    found = columns_of(path)
    assert (found.names, (found.prompt, found.answer)) == (names, guess)
    if all(guess):
        assert read_pairs(path) == read_pairs(path, guess)
        assert [(p.answer, p.prompt) for p in read_pairs(path, guess)] == [
            (p.prompt, p.answer) for p in read_pairs(path, guess[::-1])
        ]


def test_a_column_that_is_not_there_is_refused_with_the_names_of_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("question,answer\nWho?,Me.\n")
    with pytest.raises(EngineError) as raised:
        read_pairs(path, ("question", "reply"))
    assert raised.value.key == "error.pairs_columns"
    assert raised.value.args_by_name["names"] == "question, answer"


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


def test_every_ready_set_has_its_pairs_and_no_prompt_twice() -> None:
    sets = {(found.id, found.language): found for found in ready_sets()}
    assert len(sets) == len(ready_sets()) == 10
    assert len(sets["pirate", "en"].pairs) == 70
    for found in sets.values():
        assert len({pair.prompt for pair in found.pairs}) == len(found.pairs) >= 8, found.id
        assert all(pair.prompt == pair.prompt.strip() and pair.answer == pair.answer.strip() for pair in found.pairs)


def test_answers_of_the_polite_set_thank_and_stay_true() -> None:
    for language in LANGUAGES:
        [polite] = [found for found in ready_sets() if (found.id, found.language) == ("polite", language)]
        for pair, plain in zip(polite.pairs, questions(language), strict=True):
            assert pair.answer.endswith(plain.answer)
            assert len(pair.answer) > len(plain.answer)
