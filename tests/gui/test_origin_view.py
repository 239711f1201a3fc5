"""The origin view of the Inside pane: the verdict on a span, its runs in colours, and the text without them."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.inspection import origin as engine
from engine.messages.comparing import Pin, Pinned
from engine.messages.envelope import Ended
from engine.messages.origin import (
    FindNear,
    FindOrigin,
    FoundRun,
    NearPassage,
    NearPassages,
    Origin,
    Place,
    Source,
    WriteWithout,
    WrittenWithout,
)
from engine.model.opening import finish
from gui.i18n import set_language
from gui.panes.generation.pane import GenerationPane
from gui.panes.inside.origin import OriginView, Shown, longest, segments
from gui.panes.inside.origin_sentence import of_near, of_origin
from gui.panes.inside.pane import InsidePane
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model
from tests.gui.hands import plain

TEXT = "The old dog eats a large bone by the river today. A small bird sings in the green tree every morning. " * 3
SPAN = "The old dog eats a large bone"
NEAR = NearPassages(SPAN, (NearPassage("A bird sings.", 7, 0.75, 0.1),), 90, 2, 0.5, 0.1)


def found_in(text: str, span: str, own: bool = True) -> Origin:
    """Return what the engine finds."""
    index = finish(engine.build_index(text))
    words = [match.span() for match in engine.WORDS.finditer(span)]
    runs, chance = engine.longest_runs(index, engine.words_of(span)), engine.chance(index, span)
    found = tuple(
        FoundRun(
            words[run.first][0],
            words[run.first + run.length - 1][1],
            run.length,
            run.count,
            tuple(Place("", text[a:b], "", a) for a, b in index.places(run, 2)),
        )
        for run in engine.maximal(runs)
    )
    most, covered = max((run.length for run in runs), default=0), engine.covered(runs, chance + 1)
    source = Source("story.txt", own, len(text), len(text))
    return Origin(span, source, len(runs), most, chance, covered, engine.judge(runs, chance), found)


@pytest.fixture
def view(window: MainWindow, engine_: FakeEngine, qtbot: QtBot) -> OriginView:
    window.state.set_model(model())
    window.state.set_text(SPAN)
    window.workspace.set_layout(1, ["inside"])
    window.workspace.show()
    window.show_pane("inside")
    pane = window.workspace.pane(InsidePane)
    pane.mode.choose("origin")
    made = pane.part_of(OriginView)
    qtbot.waitUntil(lambda: made.shown.near is not None)
    return made


@pytest.fixture
def engine_(engine: FakeEngine) -> FakeEngine:
    engine.answers[FindOrigin] = lambda request: [found_in(TEXT, request.span)]
    engine.answers[FindNear] = lambda request: [replace(NEAR, span=request.span)]
    return engine


@pytest.mark.parametrize(
    ("span", "begins", "numbers"),
    [
        (SPAN, "By heart: 7 of 7 words", ["3 times"]),
        ("The old dog eats a small bird in the green tree every morning", "Put together: ", ["of 13 words"]),
        ("A physicist writes seven books about distant galaxies", "Nowhere: ", ["of 8 words"]),
        ("dog", "Too short to say: ", ["1 of 1 word "]),
    ],
)
def test_the_sentence_gives_the_verdict_and_its_numbers(span: str, begins: str, numbers: list[str]) -> None:
    found = found_in(TEXT, span)
    said = plain(of_origin(found))
    assert said.startswith(begins)
    assert all(part in said for part in [*numbers, f"{found.longest}", f"{found.chance}"])
    assert max(n for n in range(len(span.split()) + 1) if has_run(span.split(), n)) == found.longest


def has_run(words: list[str], length: int) -> bool:
    text = f" {TEXT.replace('.', '')} "
    return any(f" {' '.join(words[i : i + length])} " in text for i in range(len(words) - length + 1))


def test_japanese_spans_are_counted_in_characters() -> None:
    said = plain(of_origin(found_in("キツネは森に住んでいる。\n猫は家で眠る。", "キツネは森に住んでいる。")))
    assert "of 11 characters" in said


def test_a_stand_in_is_not_called_the_training_text() -> None:
    assert "the training text" in of_origin(found_in(TEXT, SPAN))
    assert "the training text" not in of_origin(found_in(TEXT, SPAN, own=False))


def test_with_random_weights_the_near_states_are_said_to_repeat_the_words() -> None:
    assert plain(of_near(NEAR)).startswith("Nearest by hidden state after layer 2: cosine 0.75")
    assert plain(of_near(replace(NEAR, usual=0.72))).startswith("No passage is much nearer")
    assert plain(of_near(replace(NEAR, agreement=0.99))).startswith("The hidden states only repeat")
    guessed = plain(of_near(replace(NEAR, loss=9.0, guessing=8.25)))
    assert guessed.startswith("The model predicts these passages worse than guessing (9.0 nats a token, not 8.2)")
    assert of_near(replace(NEAR, loss=8.0, guessing=8.25)) == of_near(NEAR)


@pytest.mark.parametrize("span", [SPAN, "a small bird sings and the old dog eats a large bone", "x", ""])
def test_the_parts_are_the_span_and_coloured_where_a_run_is_beyond_chance(span: str) -> None:
    shown = Shown(span, found_in(TEXT, span))
    parts = segments(shown)
    assert "".join(span[start:end] for start, end, _ in parts) == span
    coloured = {index for _, _, index in parts if index is not None}
    assert all(shown.runs[index].words > shown.origin.chance for index in coloured if shown.origin)
    assert longest(shown.runs) in coloured or not coloured


def test_the_view_shows_the_verdict_the_places_and_the_near_passages(view: OriginView) -> None:
    assert view.pane.sentence().startswith("By heart")
    assert view.page.text.text() == SPAN
    assert view.page.places.text().count(SPAN) == 3  # its name and two places
    assert "A bird sings." in view.page.near.text()
    assert view.table() is not None


def test_typed_words_are_looked_up_in_place_of_the_text(view: OriginView, engine_: FakeEngine, qtbot: QtBot) -> None:
    qtbot.keyClicks(view.page.span, "a small bird")
    qtbot.waitUntil(lambda: engine_.asked(FindOrigin)[-1].span == "a small bird")
    qtbot.waitUntil(lambda: view.shown.span == "a small bird")
    kept = view.save()
    view.restore({"span": 3})
    view.restore(kept)
    assert view.page.span.text() == "a small bird"


def test_a_changed_model_is_asked_for_its_states_again_but_not_one_in_training(
    view: OriginView, engine_: FakeEngine
) -> None:
    asked = len(engine_.asked(FindNear)), len(engine_.asked(FindOrigin))
    view.state.weights_changed.emit()
    assert (len(engine_.asked(FindNear)), len(engine_.asked(FindOrigin))) == (asked[0] + 1, asked[1])
    view.state.set_training(True)
    assert not view.follows_live()


def test_a_model_without_its_text_is_said_not_to_be_known(view: OriginView, engine_: FakeEngine, qtbot: QtBot) -> None:
    view._ended(SPAN, Ended(1, "failed", "error.origin_unknown", {"model": "toy"}))
    assert view.pane.sentence().startswith("Nobody can look that up here")
    assert view.page.unknown.isVisible()
    assert view.pane.veil.isHidden()
    assert not view.page.places.text()


def test_the_text_without_the_passages_becomes_the_text_for_training(
    view: OriginView, engine_: FakeEngine, qtbot: QtBot, tmp_path: Path
) -> None:
    engine_.answers[WriteWithout] = lambda request: [WrittenWithout(request.into, 30)]
    engine_.answers[Pin] = lambda _: [Pinned(model())]
    with qtbot.waitSignal(view.pane.pane_wanted) as wanted:
        view.write_without(str(tmp_path / "without.txt"))
    assert wanted.args == ["training"]
    assert engine_.asked(WriteWithout)[-1].span == SPAN
    qtbot.waitUntil(lambda: view.state.corpus is not None and view.state.corpus.paths[0].endswith("without.txt"))
    qtbot.waitUntil(lambda: view.state.pinned is not None)  # to compare it with the model of the next run


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_sentence_fits_two_lines(language: str) -> None:
    set_language(language)
    spans = (SPAN, "The old dog eats a small bird in the green tree every morning", "unheard of words here", "dog")
    for span in spans:
        assert len(plain(of_origin(found_in(TEXT, span)))) <= (125 if language == "en" else 75)
    set_language("en")


def test_words_that_were_written_are_looked_up_from_their_menu(
    window: MainWindow, engine_: FakeEngine, qtbot: QtBot
) -> None:
    window.state.set_model(model())
    window.state.set_text("The old dog")
    window.workspace.set_layout(1, ["generation"])
    writing = window.workspace.pane(GenerationPane).writing
    qtbot.waitUntil(lambda: writing.moment.candidates is not None)
    assert not writing.menu().actions()[0].isEnabled()  # nothing is written
    for _ in range(3):
        writing.step()
        qtbot.waitUntil(lambda: not writing.pane.asking("generate") and writing.moment.candidates is not None)
    written = [token.text for token in writing.moment.written]
    writing.page.text.page.selected = range(2, 4)  # the prompt is the first
    writing.menu().actions()[0].trigger()
    view = window.workspace.pane(InsidePane).part_of(OriginView)
    assert window.workspace.layout_now() == ["inside"]
    qtbot.waitUntil(lambda: view.shown.origin is not None)
    assert view.shown.span == "".join(written[1:3]).strip()
    assert engine_.asked(FindOrigin)[-1].span == view.shown.span


def test_the_search_for_near_passages_is_cancelled_and_begun_again(
    view: OriginView, engine_: FakeEngine, qtbot: QtBot
) -> None:
    answer = engine_.answers.pop(FindNear)  # it never ends
    view.page.span.setText("A small bird")
    qtbot.waitUntil(lambda: view.pane.asking("FindNear"))
    qtbot.mouseClick(view.page.cancel, Qt.MouseButton.LeftButton)
    assert not view.pane.asking("FindNear")
    assert view.shown.near is None
    engine_.answers[FindNear] = answer
    qtbot.mouseClick(view.page.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.shown.near is not None)


def test_nothing_is_searched_while_another_view_is_shown(view: OriginView, engine_: FakeEngine, qtbot: QtBot) -> None:
    del engine_.answers[FindNear]  # it never ends
    view.refresh()
    qtbot.waitUntil(lambda: view.pane.asking("FindNear"))
    pane = view.pane
    assert isinstance(pane, InsidePane)
    pane.mode.choose("lens")
    assert not pane.asking("FindNear")
