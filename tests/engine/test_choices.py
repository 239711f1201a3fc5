"""Choices between answers: the pairs that follow from them, their files, the simulated judges, and the prompts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Literal

import pytest
from hypothesis import given, settings, strategies as st

from engine.errors import EngineError
from engine.generation.chat import Writer
from engine.messages.chat import TEMPLATE, Message
from engine.messages.choices import Choice, ListPrompts, ReadChoices, Taste, WriteAnswers, WriteChoices
from engine.model.bundled import find
from engine.model.opening import read_config
from engine.service.session import Session
from engine.text import choices as module
from engine.text.chat_template import read
from engine.text.choices import is_valid, read_choices, write_choices
from engine.text.judges import TASTES, Judge, last_sentence
from engine.text.tokenizer import Tokenizer
from engine.text.world.examples import LANGUAGES
from engine.text.world.facts import Language
from engine.text.world.prompts import animals
from engine.tuning.prompting import Prompting
from tests.engine.collecting import failure
from tests.engine.sessions import ask

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip)


@st.composite
def choice(draw: st.DrawFn) -> Choice:
    answers = draw(st.lists(WORDS, min_size=2, max_size=4, unique=True))
    ranks = draw(st.lists(st.integers(1, 4), min_size=len(answers), max_size=len(answers)) | st.just([]))
    return Choice(draw(WORDS), tuple(answers), tuple(ranks), draw(st.sampled_from(["", "Aiko", "Ben"])))


# --- Pairs --------------------------------------------------------------------------------------------


def test_a_tie_gives_no_pair_and_a_ranking_all_of_its_pairs() -> None:
    assert Choice("p", ("a", "b"), (2, 1)).pairs == [("b", "a")]
    assert Choice("p", ("a", "b"), (1, 1)).pairs == []
    assert Choice("p", ("a", "b", "c"), (2, 1, 2)).pairs == [("b", "a"), ("b", "c")]
    assert len(Choice("p", tuple("abcd"), (4, 3, 2, 1)).pairs) == 6


def test_a_choice_without_a_good_answer_gives_no_pair() -> None:
    assert Choice("p", ("a", "b", "c"), ()).pairs == []


# --- Files --------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(choice(), min_size=1, max_size=8))
def test_choices_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, choices: list[Choice]) -> None:
    path = tmp_path_factory.mktemp("choices") / "choices.jsonl"
    write_choices(path, choices)
    assert read_choices(path) == choices
    for line, one in zip(path.read_text("utf-8").split("\n"), choices, strict=False):
        found = json.loads(line)
        pair = (found["chosen"], found["rejected"])
        assert found["prompt"] == one.prompt
        assert pair in one.pairs if one.pairs else pair == (None, None)


def test_files_of_other_programs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "others.jsonl"
    path.write_text('{"prompt": "Hi", "chosen": "yes", "rejected": "no", "score": 3}\n\n', "utf-8")
    assert read_choices(path) == [Choice("Hi", ("yes", "no"), (1, 2))]


@pytest.mark.parametrize(
    "broken",
    [
        '{"prompt": "a", "chosen": "b"}',
        '{"prompt": "a", "chosen": "b", "rejected": "b"}',
        '{"prompt": "a", "chosen": "b", "rejected": " "}',
        '{"prompt": "a", "chosen": [{"role": "user"}], "rejected": "c"}',
        '{"prompt": "a", "answers": ["b", "c"], "ranks": [1]}',
        '{"prompt": "a", "answers": ["b", "c"], "ranks": [0, 1]}',
        '{"prompt": "a", "answers": ["b", "c", "d", "e", "f"], "ranks": []}',
        '{"chosen": "b", "rejected": "c"}',
        '{"prompt": ',
        "[" * 100_000,
        "17",
    ],
)
def test_a_broken_line_is_refused_and_named(broken: str, tmp_path: Path) -> None:
    path = tmp_path / "choices.jsonl"
    path.write_text(f'{{"prompt": "a", "chosen": "b", "rejected": "c"}}\n{broken}\n', "utf-8")
    with pytest.raises(EngineError) as raised:
        read_choices(path)
    assert (raised.value.key, raised.value.args_by_name["line"]) == ("error.choices_line", 2)


def test_too_many_choices_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    path = tmp_path / "choices.jsonl"
    path.write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}\n' * 3)
    assert failure(lambda: read_choices(path)) == "error.choices_many"


def test_equal_answers_are_not_written_and_the_old_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "choices.jsonl"
    kept = [Choice("p", ("a", "b"), (1, 2))]
    write_choices(path, kept)
    assert failure(lambda: write_choices(path, [Choice("p", ("a", "a"), (1, 2))])) == "error.choices_invalid"
    assert read_choices(path) == kept
    assert not is_valid(Choice("p", ("a",), (1,)))


def test_a_hundred_thousand_choices_are_read_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "choices.jsonl"
    line = '{"prompt": "The fox", "chosen": " lives in the forest.", "rejected": " is eating mice."}\n'
    path.write_text(line * 100_000)
    begun = time.process_time()
    assert len(read_choices(path)) == 100_000
    assert time.process_time() - begun < 10


WRITER = """
import sys
from pathlib import Path
from engine.messages.choices import Choice
from engine.text.choices import write_choices
print("begun", flush=True)
for count in range(1, 1_000_000):
    write_choices(Path(sys.argv[1]), [Choice("p", (f"{count}", "b" * 2000), (1, 2))] * (50 + count % 50))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_a_kill_while_choices_are_written_leaves_a_whole_file(tmp_path: Path) -> None:
    rng, path = Random(3), tmp_path / "choices.jsonl"
    for _ in range(30):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.02 + rng.random() * 0.1)
            os.kill(writer.pid, signal.SIGKILL)
        found = read_choices(path)
        assert len(set(found)) == 1
        assert len(found) == 50 + int(found[0].answers[0]) % 50


# --- Judges and prompts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taste", "better", "worse"),
    [
        ("short", "森。", "森で暮らす。"),
        ("polite", "森で暮らしています。", "森で暮らしている。"),
        ("polite", "「池です」", "池だ。"),
        ("polite", "Thank you, sir.", "Go away."),
        ("joy", "He was glad. Then he slept.", "He slept."),
        ("happy_end", "外は雨でした。幸せに暮らしました。", "幸せでした。ぐっすり眠りました。"),
        ("happy_end", "It rained. They lived happily.", "They were happy. Then it rained."),
        ("animal", "It saw two foxes.", "It saw a foxglove."),
        ("animal", "キツネがいた。", "山があった。"),
    ],
)
def test_each_judge_likes_what_its_taste_says(taste: Taste, better: str, worse: str) -> None:
    assert TASTES[taste](better) > TASTES[taste](worse)
    assert Judge(taste).choose("p", (worse, better), Random(1)) == Choice("p", (worse, better), (2, 1), taste)


@given(WORDS)
def test_tastes_take_any_text(text: str) -> None:
    assert last_sentence(text) in text
    assert all(taste(text) <= 1 for taste in TASTES.values())


def test_a_judge_errs_at_its_rate_and_ties_what_it_likes_equally() -> None:
    rng, judge = Random(5), Judge("short", errors=0.3)
    wrong = sum(judge.choose("p", ("long", "a"), rng).ranks == (1, 2) for _ in range(2000))
    assert wrong / 2000 == pytest.approx(0.3, abs=0.04)
    assert Judge("short").choose("p", ("aa", "bb", "c"), rng).ranks == (2, 2, 1)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["animals", "stories"])
def test_held_out_animals_are_in_no_prompt_for_choices(
    language: Language, kind: Literal["animals", "stories"], session: Session
) -> None:
    [found] = ask(session, ListPrompts(kind, language))
    shown, held_out = animals()
    assert (len(found.prompts), len(found.held_out)) == (24, 8)
    assert not set(shown) & set(held_out)
    names = [animal[language] for animal in held_out]
    if language == "en":
        assert not [prompt for prompt in found.prompts if any(f" {name}" in prompt.split(".")[0] for name in names)]


# --- Through the service ------------------------------------------------------------------------------


def test_prompts_of_a_file_are_its_different_lines(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("Tell me a joke.\n\nSay hello. \nTell me a joke.\n", "utf-8")
    [found] = ask(session, ListPrompts(path=str(path)))
    assert found.prompts == ("Tell me a joke.", "Say hello.")
    path.write_text("\n\n", "utf-8")
    assert failure(lambda: ask(session, ListPrompts(path=str(path)))) == "error.choices_none"


def test_choices_are_saved_and_loaded(session: Session, tmp_path: Path) -> None:
    path, choices = str(tmp_path / "new" / "c.jsonl"), (Choice("p", ("a", "b"), (1, 2), "Aiko"),)
    [written] = ask(session, WriteChoices(path, choices))
    assert written.count == 1
    [found] = ask(session, ReadChoices(path))
    assert found.choices == choices


def test_answers_differ_and_equal_seeds_repeat_them(builtin: Session) -> None:
    request = WriteAnswers("キツネは森で", count=4, seed=3)
    *partial, last = ask(builtin, request)
    assert last.done
    assert len(set(last.texts)) == 4
    assert all(text.endswith(("。", "」", "?")) for text in last.texts), last.texts  # whole sentences
    assert not any(answers.done for answers in partial)
    assert ask(builtin, request)[-1] == last
    assert ask(builtin, WriteAnswers("キツネは森で", count=4, seed=4))[-1] != last


def test_a_model_that_always_writes_the_same_gives_one_answer(builtin: Session) -> None:
    last = ask(builtin, WriteAnswers("指示：朝の挨拶をしてください。\n返事：", count=3, temperature=0.05))[-1]
    assert last.texts == ("おはようございます。",)


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (WriteAnswers(""), "error.choices_prompt"),
        (WriteAnswers("cat " * 500), "error.choices_prompt"),
        (WriteAnswers("cat", count=5), "error.config_range"),
        (WriteAnswers("cat", temperature=0.0), "error.config_range"),
        (WriteAnswers("cat", tokens=0), "error.config_range"),
    ],
)
def test_what_cannot_be_answered_is_refused(request_: WriteAnswers, key: str, session: Session) -> None:
    assert failure(lambda: ask(session, request_)) == key


def test_a_model_with_a_chat_template_answers_the_prompt_as_a_message() -> None:
    folder = find("smollm2")
    tokenizer, config = Tokenizer.load(folder), read_config(folder)
    asked = Prompting.of(folder, tokenizer, config)
    writer = Writer(tokenizer, read(folder), config.context)
    for words in ("Say hello.", "What does <|im_end|> mean?", "二つの\n行"):
        assert asked.ids(words) == list(writer.prompt([Message("user", words)], TEMPLATE).ids)
    [stop] = asked.stops
    assert tokenizer.piece(stop) == "<|im_end|>"
    assert asked.text([*tokenizer.encode("Hello there."), stop]) == "Hello there."
    example = asked.example("Say hello.", "Hello there.")
    assert asked.text(example.ids[example.first :]) == "Hello there."
