"""The part of Fine-tuning that learns from examples: its table of pairs, what would be learned, and a run."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from engine.messages.comparing import Pin
from engine.messages.envelope import Ended
from engine.messages.examples import CheckedPairs, CheckPairs, ExampleTokens, ShowExample
from engine.messages.moments import AnswerQuestions, ListMoments, Moments, ReturnTo, SaveTuned
from engine.messages.training import SteerTraining
from engine.messages.tuning import (
    Adaptation,
    ListPairSets,
    Measured,
    Pair,
    Pairs,
    PairSet,
    ReadPairs,
    ScaleAdaptation,
    StationAnswers,
    TuneOnPairs,
    TuningResult,
    TuningStarted,
)
from gui.engine_link import EngineLink
from gui.panes.tuning.examples import Examples
from gui.panes.tuning.examples_answers import changed_words
from gui.panes.tuning.examples_curves import ticks
from gui.panes.tuning.examples_table import PairModel, as_cells, cells_of
from gui.panes.tuning.pane import TuningPane
from gui.settings import Settings
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model, points
from tests.gui.hands import plain
from tests.gui.models import trained_folder

PAIRS = tuple(Pair(f"What is {n}?", f"It is {n}.") for n in range(8))
CHECKED = CheckedPairs(6, 2, 0, 0, 123_456, ((96, 32), (32, 32)), ("What is 1?", "What is 5?"))
CTRL = Qt.KeyboardModifier.ControlModifier


def example_tokens(request: ShowExample) -> list[ExampleTokens]:
    pieces = ("User:", request.pair.prompt, "Bot:", request.pair.answer, "</s>")
    return [ExampleTokens(pieces, (False, False, False, True, True), 64)]


@pytest.fixture
def view(window: MainWindow, engine: FakeEngine, qtbot: QtBot, tmp_path: Path) -> Examples:
    engine.answers[ListPairSets] = lambda _: [PairSet("world", "en", PAIRS)]
    engine.answers[CheckPairs] = lambda _: [CHECKED]
    engine.answers[ShowExample] = example_tokens
    window.tuner.models = tmp_path
    window.state.set_model(model())
    window.workspace.set_layout(1, ["tuning"])
    window.workspace.show()
    window.show_pane("tuning")
    made = window.workspace.pane(TuningPane).part_of(Examples)
    qtbot.waitUntil(lambda: made.before.checked is not None and made.before.tokens is not None)
    return made


def start(view: Examples, engine: FakeEngine, qtbot: QtBot) -> None:
    """Start a run with real clicks, and report its first measurements."""
    QTest.mouseClick(view.page.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(engine.asked(TuneOnPairs)))
    engine.send(TuneOnPairs, TuningStarted("/models/examples-1", "/models/base", "examples", 6, 2, 0))
    engine.send(TuneOnPairs, model("/models/examples-1", training=True))
    engine.send(TuneOnPairs, StationAnswers(0, ("What is 1?",), (" a long time ago",)))
    engine.send(TuneOnPairs, Measured(0, 0.0, {"right": 0.0, "form": 0.0, "old_loss": 0.6}, final=True))


# --- The table ---


def test_a_set_is_shown_with_the_tokens_that_count_and_how_it_is_divided(view: Examples) -> None:
    assert view.page.table.rows.pairs == PAIRS
    tinted = [span.text for span in view.page.example.page.spans if span.color is not None]
    assert tinted == ["It is 0.", "</s>"]
    assert "6 to learn from, 2 held out" in view.page.checked.text()
    assert "2 tinted of 5 tokens" in view.sentence()


def test_a_model_of_others_begins_with_a_set_for_models_that_chat(
    window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    sets = [PairSet("world", "en", PAIRS), PairSet("pirate", "en", PAIRS[:2], "chat")]
    engine.answers[ListPairSets] = lambda _: sets
    window.state.set_model(replace(model(), family="llama"))
    window.workspace.set_layout(1, ["tuning"])
    window.workspace.show()
    window.show_pane("tuning")
    view = window.workspace.pane(TuningPane).part_of(Examples)
    qtbot.waitUntil(lambda: len(view.sets) == 2)
    assert view.page.table.rows.pairs == PAIRS[:2]
    assert view.page.sets.currentIndex() == 1


def test_the_selected_pair_is_the_one_whose_tokens_are_shown(view: Examples, qtbot: QtBot) -> None:
    view.page.table.setCurrentIndex(view.page.table.rows.index(3, 0))
    qtbot.waitUntil(lambda: "What is 3?" in view.page.example.text())


def test_a_pair_is_typed_into_the_empty_row_and_undone(view: Examples, qtbot: QtBot) -> None:
    table = view.page.table
    QTest.mouseClick(view.page.add, Qt.MouseButton.LeftButton)
    field = next(iter(table.findChildren(QLineEdit)))
    QTest.keyClicks(field, "Who?")
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: table.rows.pairs[-1] == Pair("Who?", ""))
    assert view.pairs() == PAIRS  # it has no answer yet
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Z, CTRL)
    assert table.rows.pairs == PAIRS
    QTest.keyClick(table, Qt.Key.Key_Y, CTRL)
    assert len(table.rows.pairs) == len(PAIRS) + 1


def test_rows_are_pasted_from_a_spreadsheet_and_removed(view: Examples) -> None:
    table = view.page.table
    QGuiApplication.clipboard().setText('Who?\t"I, ""myself"""\nWhere?\tHere.\n')
    table.setCurrentIndex(table.rows.index(len(PAIRS), 0))
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_V, CTRL)
    assert table.rows.pairs == (*PAIRS, Pair("Who?", 'I, "myself"'), Pair("Where?", "Here."))
    table.setCurrentIndex(table.rows.index(0, 0))
    QTest.keyClick(table, Qt.Key.Key_Delete)
    assert table.rows.pairs[0] == PAIRS[1]


def test_a_dropped_file_is_read(view: Examples, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[ReadPairs] = lambda _: [Pairs("mine", PAIRS[:3])]
    view.page.table.file_dropped.emit("/somewhere/mine.csv")
    qtbot.waitUntil(lambda: view.page.table.rows.pairs == PAIRS[:3])
    assert view.page.settings.name.text() == "mine"
    assert view.page.sets.currentIndex() == -1


def test_the_columns_of_a_file_are_shown_and_chosen(view: Examples, engine: FakeEngine, qtbot: QtBot) -> None:
    names = ("id", "q", "a", "note")
    engine.answers[ReadPairs] = lambda request: [Pairs("mine", PAIRS[:3], names, request.columns or ("q", "a"))]
    columns = view.page.columns
    assert not columns.isVisible()
    view.page.table.file_dropped.emit("/somewhere/mine.csv")
    qtbot.waitUntil(columns.isVisible)
    assert [box.currentText() for box in columns.boxes] == ["q", "a"]
    columns.boxes[1].setCurrentIndex(3)
    columns.boxes[1].activated.emit(3)
    qtbot.waitUntil(lambda: len(engine.asked(ReadPairs)) == 2)
    assert engine.asked(ReadPairs)[-1] == ReadPairs("/somewhere/mine.csv", ("q", "note"))
    view.page.table.rows.set_pairs(PAIRS)
    assert not columns.isVisible()


def test_a_hundred_thousand_pairs_do_not_stall_the_table(view: Examples, qtbot: QtBot) -> None:
    many = [Pair(f"question {n}", f"answer {n}") for n in range(100_000)]
    rows = view.page.table.rows
    rows.set_pairs(many)
    with qtbot.waitSignal(rows.changed, timeout=300):
        rows.setData(rows.index(99_999, 1), "another")
    assert rows.pairs[-1].answer == "another"
    rows.undo()
    assert rows.pairs[-1].answer == "answer 99999"


@given(st.lists(st.tuples(*[st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1)] * 2)))
def test_what_is_copied_is_pasted_again(rows: list[tuple[str, str]]) -> None:
    assert [tuple(cells) for cells in cells_of(as_cells(rows))] == rows


def test_a_very_long_cell_is_pasted() -> None:
    words = "word " * 40_000
    assert cells_of(f"Why?\t{words}\n") == [["Why?", words]]
    before = csv.field_size_limit()
    cells_of("Who?\tme\n")
    assert csv.field_size_limit() >= before  # that of all readers of the process


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=8))
def test_undoing_every_change_gives_the_first_state_and_redoing_the_last(changes: list[list[int]]) -> None:
    rows = PairModel()
    for numbers in changes:
        rows.set_pairs(Pair(str(number), "x") for number in numbers)
    last = rows.pairs
    for _ in changes:
        rows.undo()
    assert rows.pairs == ()
    assert rows.rowCount() == 1
    for _ in changes:
        rows.redo()
    assert rows.pairs == last


# --- A run ---


def test_a_run_begins_with_the_chosen_settings(view: Examples, engine: FakeEngine, qtbot: QtBot) -> None:
    view.page.settings.weights.choose("lora")
    view.page.settings.rank.set_value(4)
    view.page.settings.replay.set_value(0)
    view.page.seconds.set_value(30)
    start(view, engine, qtbot)
    request = engine.asked(TuneOnPairs)[-1]
    assert request.pairs == PAIRS
    assert request.questions == CHECKED.questions
    settings = request.settings
    assert (settings.lora, settings.replay, settings.seconds, settings.steps) == (4, 0, 30, None)
    assert Path(request.folder).name == "examples-1"


def test_measurements_and_answers_are_shown_as_they_arrive(view: Examples, engine: FakeEngine, qtbot: QtBot) -> None:
    start(view, engine, qtbot)
    assert view.page.shows_run
    engine.send(TuneOnPairs, points())
    engine.send(TuneOnPairs, StationAnswers(10, ("What is 1?",), ("It is 1.",)))
    engine.send(TuneOnPairs, Measured(10, 6.0, {"right": 0.5, "form": 1.0, "old_loss": 0.61}))
    assert view.curves.points["right"] == ((0.0, 0.0), (6.0, 0.5))
    [(seconds, loss)] = view.curves.points["answer_loss"]
    assert seconds == 10.0
    assert loss == pytest.approx(points().validation_losses[0])
    [answer] = view.page.answers.answers
    assert (answer.before, answer.now, answer.is_right) == (" a long time ago", "It is 1.", True)
    assert "100 % of the held-out answers have the right form, and 50 % are right" in plain(view.sentence())
    assert "50 %" in plain(view.subtitle())
    table = view.table()
    assert table is not None
    assert (6.0, 1.0, 0.5, "", 0.61) in table.rows


def test_a_run_is_paused_stopped_and_compared_with_the_model_before(
    view: Examples, engine: FakeEngine, qtbot: QtBot
) -> None:
    start(view, engine, qtbot)
    QTest.mouseClick(view.page.pause, Qt.MouseButton.LeftButton)
    QTest.mouseClick(view.page.stop, Qt.MouseButton.LeftButton)
    assert [request.action for request in engine.asked(SteerTraining)] == ["pause", "stop"]
    assert not view.page.compare.isVisible()
    engine.send(TuneOnPairs, TuningResult("/models/examples-1", 10, 6.0))
    engine.end(TuneOnPairs, Ended(0, "done"))
    assert "/models/examples-1" in view.page.state.text()
    QTest.mouseClick(view.page.compare, Qt.MouseButton.LeftButton)
    assert engine.asked(Pin)[-1].folder == "/models/base"
    QTest.mouseClick(view.page.again, Qt.MouseButton.LeftButton)
    assert view.page.start.isEnabled()


@pytest.fixture
def finished(view: Examples, engine: FakeEngine, qtbot: QtBot) -> Examples:
    """Return the view after a run with LoRA that was measured at steps 0, 5 and 10."""
    answers = {0: " long ago", 5: "It is 2.", 10: "It is 1."}
    adaptation = [Adaptation(4, 512, 1.0)]

    def scale(request: ScaleAdaptation) -> list[Adaptation]:
        if request.scale is not None:
            adaptation[:] = [Adaptation(4, 512, request.scale)]
        return list(adaptation)

    engine.answers[ListMoments] = lambda _: [Moments((0, 5, 10), 10)]
    engine.answers[ReturnTo] = lambda request: [Moments((0, 5, 10), request.step)]
    engine.answers[ScaleAdaptation] = scale
    engine.answers[AnswerQuestions] = lambda request: [StationAnswers(10, request.prompts, ("half way",))]
    start(view, engine, qtbot)
    for step, right in ((5, 0.25), (10, 0.75)):
        engine.send(TuneOnPairs, StationAnswers(step, ("What is 1?",), (answers[step],)))
        engine.send(TuneOnPairs, Measured(step, step / 2, {"right": right, "form": 1.0}))
    engine.send(TuneOnPairs, TuningResult("/models/examples-1", 10, 5.0))
    engine.send(TuneOnPairs, model("/models/examples-1"))
    engine.end(TuneOnPairs, Ended(0, "done"))
    qtbot.waitUntil(lambda: view.page.scale.isVisible() and view.page.moments.isVisible())
    return view


def test_the_model_is_set_back_to_a_moment_with_its_answers(finished: Examples, qtbot: QtBot) -> None:
    page, weights = finished.page, finished.state.weights_version
    assert page.moments.value == 10
    assert "75 %" in plain(finished.subtitle())
    page.moments.slider.setFocus()
    QTest.keyClick(page.moments.slider, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: finished.after.moments.step == 5)
    assert page.answers.answers[0].now == "It is 2."
    assert page.curves.moment == 2.5
    assert "25 %" in plain(finished.subtitle())
    assert finished.state.weights_version > weights  # the other panes follow
    QTest.keyClick(page.moments.slider, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: page.curves.moment is None)


def test_lora_is_scaled_off_and_saved_merged(finished: Examples, engine: FakeEngine, qtbot: QtBot) -> None:
    page = finished.page
    page.scale.slider.setFocus()
    QTest.keyClick(page.scale.slider, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: bool(engine.asked(AnswerQuestions)))
    qtbot.waitUntil(lambda: page.answers.answers[0].now == "half way")
    assert engine.asked(ScaleAdaptation)[-1].scale == 0
    assert "LoRA is off" in finished.sentence()
    assert finished.subtitle() == "8 pairs"  # what was measured belongs to the whole adaptation
    engine.answers[SaveTuned] = lambda _: [model("/models/examples-1")]
    QTest.mouseClick(page.keep, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: finished.pane.messages.current is not None)


def test_at_another_moment_a_scaled_model_answers_again(finished: Examples, engine: FakeEngine, qtbot: QtBot) -> None:
    finished.page.scale.changed.emit(0.5)
    qtbot.waitUntil(lambda: finished.page.answers.answers[0].now == "half way")
    engine.answers[AnswerQuestions] = lambda request: [StationAnswers(5, request.prompts, ("half of five",))]
    finished.page.moments.changed.emit(5)
    qtbot.waitUntil(lambda: finished.page.answers.answers[0].now == "half of five")


def test_another_model_has_no_moments_of_this_run(finished: Examples) -> None:
    finished.state.set_model(model("/models/other"))
    assert not finished.page.after.isVisible()
    assert finished.after.moments.steps == ()


def test_a_run_whose_engine_died_is_explained_and_can_be_started_again(
    view: Examples, engine: FakeEngine, qtbot: QtBot
) -> None:
    start(view, engine, qtbot)
    engine.end(TuneOnPairs, Ended(0, "failed", "error.engine_gone"))
    assert "The engine ended" in view.page.state.text()
    assert "/models/examples-1" in view.page.state.text()
    QTest.mouseClick(view.page.again, Qt.MouseButton.LeftButton)
    assert view.page.start.isEnabled()
    assert view.page.table.rows.pairs == PAIRS


def test_own_pairs_and_settings_are_kept_until_the_next_start(view: Examples) -> None:
    view.page.table.rows.set_pairs(PAIRS[:2])
    view.page.settings.weights.choose("lora")
    view.page.settings.questions[0].setText("Why?")
    view.page.settings.questions[0].textEdited.emit("Why?")
    saved = view.save()
    view.page.table.rows.set_pairs(PAIRS[3:])
    view.restore({})
    assert view.page.settings.lora() == 0
    view.restore(saved)
    assert [pair.prompt for pair in view.page.table.rows.pairs] == ["What is 0?", "What is 1?"]
    assert view.page.settings.lora() == 8
    assert view.page.settings.asked()[0] == "Why?"


# --- Small functions ---


def test_only_the_words_that_differ_are_marked() -> None:
    assert changed_words("The fox eats mice.", "The fox eats insects.") == [
        ("The fox eats ", False),
        ("insects", True),
        (".", False),
    ]


@given(st.text(), st.text())
def test_the_marked_words_are_the_whole_answer(before: str, now: str) -> None:
    assert "".join(words for words, _ in changed_words(before, now)) == now
    assert all(not changed for _, changed in changed_words(now, now))


@given(st.floats(1e-3, 1e6))
def test_ticks_are_evenly_spaced_and_reach_the_largest_value(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0
    assert found[-2] < most <= found[-1] * (1 + 1e-9)
    assert len(found) <= 6


# --- With the real engine ---

SLOW = 120_000  # milliseconds: importing torch beside other tests takes its time


def test_the_window_tunes_a_real_model_and_sets_it_back(qtbot: QtBot, tmp_path: Path) -> None:
    folder = trained_folder(tmp_path / "small")
    window = MainWindow(EngineLink(), Settings(language="en", welcomed=True), tmp_path / "settings.json")
    qtbot.addWidget(window)
    window.resize(1400, 900)
    window.tuner.models = tmp_path
    window.show()
    window.begin([])
    window.opening.open_model(str(folder))
    window.workspace.set_layout(1, ["tuning"])
    window.workspace.show()
    window.show_pane("tuning")
    view = window.workspace.pane(TuningPane).part_of(Examples)
    qtbot.waitUntil(lambda: window.state.model is not None and bool(view.sets), timeout=SLOW)
    view.page.table.rows.set_pairs(Pair(f"the {name}", "sat.") for name in ("cat", "dog", "mat", "log"))
    view.page.settings.replay.set_value(0)
    view.page.seconds.set_value(3)
    qtbot.waitUntil(lambda: view.before.checked is not None and view.before.checked.held_out == 1, timeout=SLOW)
    QTest.mouseClick(view.page.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.page.moments.isVisible(), timeout=SLOW)
    assert view.record is not None
    assert view.record.result is not None
    assert window.state.model is not None
    assert window.state.model.folder == view.record.folder
    [answer] = view.page.answers.answers
    assert answer.prompt.startswith("the ")
    assert view.sentence()
    qtbot.waitUntil(lambda: not view.pane.asking(), timeout=SLOW)  # the moments are those of this run
    view.page.moments.slider.setFocus()
    QTest.keyClick(view.page.moments.slider, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: view.after.moments.step == 0, timeout=SLOW)
    assert view.page.answers.answers[0].now == answer.before
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=SLOW)
