"""Where a span of words comes from: runs of words in the training text, near hidden states, and the text without it."""

import json
import os
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from engine.cli.main import main
from engine.errors import EngineError
from engine.inspection import origin
from engine.inspection.near_states import mean_states
from engine.inspection.origin import Run, TextIndex, build_index, judge, longest_runs, words_of
from engine.messages.origin import FindNear, FindOrigin, NearPassages, Origin, Place, WriteWithout, WrittenWithout
from engine.model.opening import BUILTIN, finish, load_transformer
from engine.service.origin import _place
from engine.service.session import Session
from engine.text.world.stream import stream
from tests.engine.hf_models import model_of, saved, some_ids
from tests.engine.sessions import ask

pytestmark = pytest.mark.usefixtures("one_thread")
WORLD = "".join(stream(0.2, 7))
INVENTED = (
    "The physicist measured the temperature of seventeen glaciers before breakfast on Wednesday.",
    "Nobody expects parliament to abolish inheritance taxes during winter.",
    "人工衛星は先月の台風について正確な資料を送り続けた。",
    "彼女は駅前の喫茶店で三時間も小説を書いていた。",
)


@pytest.fixture(scope="module")
def world() -> TextIndex:
    return finish(build_index(WORLD))


@pytest.fixture(scope="module")
def builtin() -> Session:
    opened = Session()
    opened.open(BUILTIN)
    return opened


def runs_by_search(text: str, words: list[str]) -> list[tuple[int, int]]:
    """Return the length and the number of occurrences of the longest run from each word on, by comparing lists."""
    have, found = words_of(text), []
    for first in range(len(words)):
        length = count = 0
        for size in range(1, len(words) - first + 1):
            part = words[first : first + size]
            now = sum(have[place : place + size] == part for place in range(len(have) - size + 1))
            if not now:
                break
            length, count = size, now
        found.append((length, count))
    return found


@settings(deadline=None, max_examples=60)
@given(st.text("ab c猫い.\n", max_size=60), st.text("ab c猫い.", max_size=20))
def test_the_longest_run_and_its_count_are_those_of_a_plain_search(text: str, span: str) -> None:
    runs = longest_runs(finish(build_index(text)), words_of(span))
    assert [(run.length, run.count) for run in runs] == runs_by_search(text, words_of(span))


def test_planted_sentences_are_found_at_their_places_and_known_by_heart(world: TextIndex) -> None:
    rng, spans = Random(3), list(origin.sentences(WORLD))
    for start, end in rng.sample([span for span in spans if len(words_of(WORLD[slice(*span)])) >= 9], 60):
        span = WORLD[start:end]
        runs = longest_runs(world, words_of(span))
        assert runs[0].length == len(words_of(span))
        places = world.places(runs[0], runs[0].count)
        assert any(start <= place[0] and place[1] <= end for place in places)
        assert judge(runs, origin.chance(world, span)) in ("heart", "short")


def test_sentences_planted_in_another_text_are_all_known_by_heart() -> None:
    sentences = [WORLD[start:end] for start, end in origin.sentences(WORLD)]
    text = "\n".join(sentence for pair in zip(sentences[:40], INVENTED * 10, strict=True) for sentence in pair)
    index = finish(build_index(text))
    for span in INVENTED:
        assert judge(longest_runs(index, words_of(span)), origin.chance(index, span)) == "heart"


@pytest.mark.parametrize("span", INVENTED)
def test_an_invented_sentence_is_found_nowhere(world: TextIndex, span: str) -> None:
    assert judge(longest_runs(world, words_of(span)), origin.chance(world, span)) == "nowhere"


def test_words_in_a_random_order_are_not_known_by_heart(world: TextIndex) -> None:
    rng = Random(5)
    for start, end in rng.sample(list(origin.sentences(WORLD)), 40):
        pieces = origin.PIECES.findall(WORLD[start:end])
        rng.shuffle(pieces)
        span = " ".join(pieces)
        runs = longest_runs(world, words_of(span))
        if max((run.length for run in runs), default=0) < 0.8 * len(runs):
            assert judge(runs, origin.chance(world, span)) in ("nowhere", "together", "short")


def test_two_halves_of_different_sentences_are_put_together(world: TextIndex) -> None:
    sentences = [words_of(WORLD[slice(*span)]) for span in origin.sentences(WORLD)]
    first, second = (next(s for s in sentences if len(s) >= 9 and word in s) for word in ("forest", "sea"))
    span = " ".join([*first[:7], *second[-7:]])
    assert judge(longest_runs(world, words_of(span)), 3) == "together"


@pytest.mark.parametrize(
    ("lengths", "by_chance", "verdict"),
    [((10, 0, 0, 0), 3, "heart"), ((2, 1), 2, "short"), ((1, 0, 0, 0), 1, "nowhere"), ((), 0, "short")],
)
def test_the_verdict_follows_the_longest_run(lengths: tuple[int, ...], by_chance: int, verdict: str) -> None:
    assert judge([Run(i, length, 0, 1) for i, length in enumerate(lengths)], by_chance) == verdict


def test_the_text_without_a_sentence_lacks_exactly_that_sentence() -> None:
    text = (
        "The cat sleeps. The old dog eats a large bone today. The bird sings.\nThe old dog eats a large bone today!\n"
    )
    index = finish(build_index(text))
    runs = longest_runs(index, words_of("the dog eats a large bone"))
    kept = "".join(origin.without(index, [max(runs, key=lambda run: run.length)]))
    assert kept == "The cat sleeps. The bird sings.\n"


def found_for(session: Session, request: FindOrigin) -> Origin:
    [found] = (answer for answer in ask(session, request) if isinstance(answer, Origin))
    return found


def test_the_built_in_models_own_text_is_searched(builtin: Session) -> None:
    found = found_for(builtin, FindOrigin("The capital of France is Paris."))
    assert (found.verdict, found.source.own, found.longest) == ("heart", True, 6)
    assert found.runs[0].places[0].found == "The capital of France is Paris"
    assert found.source.characters < found.source.whole


@pytest.mark.parametrize("folder", ["", "best"])
def test_a_run_is_searched_in_the_text_that_it_was_trained_on(model_folder: Path, folder: str) -> None:
    session = Session()
    session.open(model_folder)
    session.opened.info = replace(session.opened.info, folder=str(model_folder / folder))
    found = found_for(session, FindOrigin("the cat sat on the mat. the dog sat"))
    assert (found.verdict, found.source.own, found.source.name) == ("heart", True, "story.txt")
    assert found.runs[0].count == 54  # nine tenths of the text: the rest is held out


def test_a_model_without_its_text_says_that_it_cannot_know(tmp_path: Path) -> None:
    session = Session()
    session.open(BUILTIN)
    session.opened.info = replace(session.opened.info, folder=str(tmp_path))
    with pytest.raises(EngineError) as raised:
        ask(session, FindOrigin("The fox"))
    assert raised.value.key == "error.origin_unknown"
    (tmp_path / "text.txt").write_text("The fox lives in the forest, and the bear lives in the zoo.", "utf-8")
    found = found_for(session, FindOrigin("The fox lives in the forest", (str(tmp_path / "text.txt"),)))
    assert (found.source.own, found.source.name, found.longest) == (False, "text.txt", 6)


def test_texts_of_the_same_name_and_length_and_changed_files_are_not_confused(builtin: Session, tmp_path: Path) -> None:
    texts = ("one two three four five", "six one two three four.")
    paths = [tmp_path / folder / "text.txt" for folder in "ab"]
    for path, text in zip(paths, texts, strict=True):
        path.parent.mkdir()
        path.write_text(text, "utf-8")

    def longest(path: Path) -> int:
        return found_for(builtin, FindOrigin("four five", (str(path),))).longest

    assert [longest(path) for path in paths] == [2, 1]
    paths[1].write_text("xxx six two three four five", "utf-8")
    os.utime(paths[1], ns=(0, 0))  # the clock of some file systems is slow
    assert longest(paths[1]) == 2


@pytest.mark.parametrize("span", ["", " .!? ", "\ud800", "word " * 2000])
def test_any_span_has_a_verdict(builtin: Session, span: str) -> None:
    found = found_for(builtin, FindOrigin(span))
    assert found.words <= origin.LONGEST
    assert found.verdict in ("short", "nowhere")


def test_the_text_is_written_without_what_was_found(builtin: Session, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("One two three. The capital of France is Paris. Four five six.", "utf-8")
    paths, into = (str(tmp_path / "in.txt"),), tmp_path / "out.txt"
    [written] = (
        answer
        for answer in ask(builtin, WriteWithout("the capital of France is Paris", str(into), paths))
        if isinstance(answer, WrittenWithout)
    )
    assert into.read_text("utf-8") == "One two three. Four five six.\n"
    assert written.removed == len("The capital of France is Paris. ")
    with pytest.raises(EngineError) as raised:
        ask(builtin, WriteWithout("nothing of this", str(into), paths))
    assert raised.value.key == "error.nothing_to_remove"


# --- Hidden states --------------------------------------------------------------------------------


def test_the_mean_states_are_those_of_transformers(tmp_path: Path) -> None:
    theirs = saved(model_of("Llama"), tmp_path)
    texts = [some_ids(30)[0, first:last].tolist() for first, last in ((0, 9), (3, 4), (11, 30))]
    states = finish(mean_states(load_transformer(tmp_path), texts))
    for row, ids in enumerate(texts):
        hidden = theirs(torch.tensor([ids]), output_hidden_states=True).hidden_states
        for index, means_ND in ((0, states.embeddings_ND), (states.layer, states.states_ND)):
            x_TD = hidden[index][0, min(1, len(ids) - 1) :]
            assert np.allclose(means_ND[row], x_TD.mean(dim=0).detach(), atol=1e-4)


def near_for(session: Session, request: FindNear) -> NearPassages:
    [near] = (answer for answer in ask(session, request) if isinstance(answer, NearPassages))
    return near


def test_the_nearest_passage_speaks_of_the_same_subject(builtin: Session) -> None:
    near = near_for(builtin, FindNear("The capital of France is Paris."))
    assert "capital of" in near.passages[0].text
    assert near.passages[0].cosine > near.usual + 0.3
    assert abs(near.agreement) < 0.5


@pytest.mark.parametrize(("text", "compared"), [("Short.", 0), ("One sentence that is long.", 1)])
def test_a_text_of_few_passages_has_few_near_ones(builtin: Session, tmp_path: Path, text: str, compared: int) -> None:
    (tmp_path / "text.txt").write_text(text, "utf-8")
    near = near_for(builtin, FindNear("One sentence", (str(tmp_path / "text.txt"),)))
    assert (near.compared, len(near.passages), near.agreement) == (compared, compared, 1.0)


def test_with_random_weights_near_states_say_no_more_than_the_words(builtin: Session) -> None:
    session = Session()
    session.open(BUILTIN)
    torch.manual_seed(1)
    session.opened.model.initialize()
    near = near_for(session, FindNear("The capital of France is Paris."))
    assert near.agreement > 0.99


def test_the_command_prints_what_the_engine_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.txt").write_text(WORLD[:20_000], "utf-8")
    arguments = ["origin", str(BUILTIN), "The capital of France is Paris.", "--text", str(tmp_path / "in.txt")]
    assert main([*arguments, "--near", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["longest"] == max(run["words"] for run in result["runs"])
    assert result["source"]["name"] == "in.txt"
    assert len(result["near"]["passages"]) == 8


def test_the_text_around_a_place_begins_and_ends_with_whole_words() -> None:
    text = "wonderful " * 30
    place = _place(text, 153, 156)
    assert place.before == " " + "wonderful " * 8 + "won"
    assert (place.found, place.after) == ("der", "ful " + "wonderful " * 8)
    assert _place("The fox", 4, 7) == Place("The ", "fox", "", 4)
    long = "x" * 400
    assert len(_place(long, 200, 210).before) == 90
