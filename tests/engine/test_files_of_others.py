"""Files of pairs and choices that other programs have written: whatever is in them, nothing is invented or lost."""

import csv
import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from engine.choice_file import is_valid, write_choices
from engine.errors import EngineError
from engine.messages.choices import MOST_ANSWERS, Choice
from engine.messages.tuning import Pair
from engine.text.choices import read_choices
from engine.text.pairs import columns_of, read_pairs

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(
    lambda s: s.strip() == s and not s.startswith("\ufeff")
)
FIELDS = st.sampled_from(
    ["prompt", "chosen", "rejected", "answers", "ranks", "judge", "answer", "input", "messages", "role", "content"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=12,
)
ANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def chat(*turns: dict[str, Any]) -> str:
    return json.dumps({"messages": list(turns)}) + "\n"


def put(folder: Path, text: str, name: str = "file.txt") -> Path:
    path = folder / name
    path.write_text(text, "utf-8", newline="")
    return path


# --- Pairs --------------------------------------------------------------------------------------------


@ANY
@given(
    rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_table_of_a_spreadsheet_keeps_every_cell(
    tmp_path: Path, rows: list[tuple[str, str]], separator: str, end: str
) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator=end).writerows([("answer", "prompt"), *rows])
    assert read_pairs(put(tmp_path, written.getvalue())) == [Pair(prompt, answer) for answer, prompt in rows]


@ANY
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | JSON.map(json.dumps))
def test_any_text_is_read_as_pairs_or_refused_in_words(tmp_path: Path, text: str) -> None:
    path = put(tmp_path, text)
    with suppress(EngineError):
        pairs = read_pairs(path)
        assert all(pair.prompt.strip() and pair.answer.strip() for pair in pairs)
        assert len(columns_of(path).names) >= 2


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "without a closing quote"])
def test_a_cell_of_many_characters_is_read(tmp_path: Path, closed: bool) -> None:
    words = "word " * 40_000 + "end"
    path = put(tmp_path, f'prompt,answer\nTell me.,"{words}{chr(34) if closed else ""}')
    [pair] = read_pairs(path)
    assert (pair.prompt, pair.answer.strip()) == ("Tell me.", words)


@pytest.mark.parametrize("content", [None, [], [{"type": "image_url", "image_url": {}}], 3, ""])
def test_a_turn_without_words_is_no_answer(tmp_path: Path, content: object) -> None:
    silent = chat({"role": "user", "content": "Look it up."}, {"role": "assistant", "content": content})
    spoken = chat({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."})
    assert read_pairs(put(tmp_path, silent + spoken)) == [Pair("Hi", "Hello.")]
    with pytest.raises(EngineError) as refused:
        read_pairs(put(tmp_path, silent))
    assert refused.value.key == "error.pairs_none"


def test_the_parts_of_a_turn_are_put_together(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "What is "}, {"type": "image_url"}, {"type": "text", "text": "this?"}]
    asked = chat({"role": "user", "content": parts}, {"role": "assistant", "content": "A cat."})
    assert read_pairs(put(tmp_path, asked)) == [Pair("What is this?", "A cat.")]


def test_each_question_of_a_long_chat_is_paired_with_its_own_answer(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Be short."}]
    for number in range(3):
        turns += [
            {"role": "user", "content": f"What is {number}?"},
            {"role": "assistant", "content": f"It is {number}."},
        ]
    turns.append({"role": "user", "content": "And then?"})  # nobody has answered it
    found = read_pairs(put(tmp_path, chat(*turns)))
    assert found == [Pair(f"What is {number}?", f"It is {number}.") for number in range(3)]


def test_half_a_character_becomes_a_question_mark(tmp_path: Path) -> None:
    """A lone surrogate cannot be written to any file, so that the pairs could not be kept."""
    [pair] = read_pairs(put(tmp_path, '{"prompt": "Who \\ud83d?", "answer": "Me \\ud83d\\ude00"}'))
    assert pair == Pair("Who ??", "Me 😀")


def test_a_cell_that_is_missing_is_named_by_its_line(tmp_path: Path) -> None:
    path = put(tmp_path, 'prompt,answer\n"two\nlines",yes\nWhere?\n')
    with pytest.raises(EngineError) as refused:
        read_pairs(path)
    assert (refused.value.key, refused.value.args_by_name["line"]) == ("error.pairs_line", 4)


# --- Choices ------------------------------------------------------------------------------------------


@ANY
@given(lines=st.lists(JSON, min_size=1, max_size=3))
def test_any_objects_are_read_as_valid_choices_or_refused_in_words(tmp_path: Path, lines: list[object]) -> None:
    path = put(tmp_path, "\n".join(map(json.dumps, lines)))
    with suppress(EngineError):
        choices = read_choices(path)
        assert len(choices) == len(lines)
        assert all(is_valid(choice) for choice in choices)


def test_a_choice_with_half_a_character_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "choices.jsonl"
    write_choices(path, [Choice("Who?", ("me \ud83d", "you"), (1, 2)), Choice("Where?", ("here", "there"), ())])
    kept = read_choices(path)
    assert [choice.prompt for choice in kept] == ["Who?", "Where?"]
    assert kept[0].answers == ("me ?", "you")


def test_a_small_table_leaves_larger_ones_to_the_other_readers_of_the_process(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    read_pairs(put(tmp_path, "prompt,answer\nWho?,me\n"))
    assert csv.field_size_limit() >= before


@ANY
@given(ranks=st.lists(st.integers(1, 4), min_size=2, max_size=MOST_ANSWERS), data=st.data())
def test_the_preferences_of_a_choice_have_no_circle_and_do_not_depend_on_the_order(
    ranks: list[int], data: st.DataObject
) -> None:
    answers = [f"answer {number}" for number in range(len(ranks))]
    pairs = set(Choice("p", tuple(answers), tuple(ranks)).pairs)
    assert not pairs & {(rejected, chosen) for chosen, rejected in pairs}
    assert all((a, d) in pairs for a, b in pairs for c, d in pairs if b == c)
    order = data.draw(st.permutations(range(len(ranks))))
    turned = Choice("p", tuple(answers[i] for i in order), tuple(ranks[i] for i in order))
    assert set(turned.pairs) == pairs


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [("yes", "yes"), ("yes", ""), (None, None), ("yes", None), (["yes"], ["no"])],
    ids=["equal", "blank", "none", "one", "lists"],
)
def test_a_line_of_another_program_that_prefers_nothing_is_refused(
    tmp_path: Path, chosen: object, rejected: object
) -> None:
    good = {"prompt": "p", "chosen": "yes", "rejected": "no"}
    path = put(tmp_path, "\n".join(map(json.dumps, [good, {**good, "chosen": chosen, "rejected": rejected}])))
    with pytest.raises(EngineError) as refused:
        read_choices(path)
    assert (refused.value.key, refused.value.args_by_name["line"]) == ("error.choices_line", 2)
