"""Choosing between answers in the window: by mouse, keys, order and hands; undo; and the list that is kept."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.messages.choices import (
    Answers,
    Choice,
    ChoiceList,
    ListPrompts,
    Prompts,
    ReadChoices,
    WriteAnswers,
)
from engine.messages.envelope import Ended
from engine.text.choices import read_choices
from gui import i18n
from gui.panes.tuning.choice_list import SharedChoices
from gui.panes.tuning.choices import SOURCES, Choices
from gui.panes.tuning.choices_page import VIEWS
from gui.panes.tuning.pane import TuningPane
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model
from tests.gui.hands import click, cut_buttons, drag, press

PROMPTS = Prompts(("The fox", "The cow", "The owl"), ("The cat",), 24)
Key = Qt.Key


def written(request: WriteAnswers) -> list[object]:
    texts = tuple(f" is {word} {request.seed}." for word in ("red", "a large animal", "old", "quick"))
    return [Answers(texts[:1], 1), Answers(texts[: request.count], 1, done=True)]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(
        {
            ListPrompts: lambda _: [PROMPTS],
            WriteAnswers: written,
        }
    )


@pytest.fixture
def pane(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TuningPane:
    monkeypatch.setattr("gui.panes.tuning.choice_list.choices_path", lambda: tmp_path / "choices.jsonl")
    window.state.set_model(model())
    window.workspace.set_layout(1, ["tuning"])
    window.workspace.show()
    window.show_pane("tuning")
    return window.workspace.pane(TuningPane)


@pytest.fixture
def part(pane: TuningPane, qtbot: QtBot) -> Choices:
    pane.mode.choose("choices")
    made = pane.part_of(Choices)
    qtbot.waitUntil(lambda: made.rounds.current is not None and made.rounds.current.can_choose)
    made.page.choose.cards.setFocus()
    return made


def answers(part: Choices) -> tuple[str, ...]:
    assert part.rounds.current is not None
    return part.rounds.current.texts


def wait_for_answers(part: Choices, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: part.rounds.current is not None and part.rounds.current.can_choose)


def test_a_click_on_a_card_prefers_its_answer_and_shows_the_next_prompt(part: Choices, qtbot: QtBot) -> None:
    texts = answers(part)
    card = part.page.choose.cards.cards[1]
    assert card.words == texts[1].strip()
    click(card, card.rect().center())
    assert list(part.shared.choices) == [Choice("The fox", texts, (2, 1))]
    assert part.page.choose.prompt.text() == "The cow"
    wait_for_answers(part, qtbot)
    assert part.page.choose.meter.count == 1


def test_the_answers_to_the_next_prompts_are_there_before_the_click(part: Choices, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: len(part.rounds._rounds) == 3 and all(r.done for r in part.rounds._rounds.values()))
    press(part.page.choose.cards, Key.Key_1)
    assert part.rounds.current is not None
    assert part.rounds.current.can_choose  # at once, without a turn of the event loop


def test_the_keys_choose_tie_and_refuse(part: Choices, qtbot: QtBot) -> None:
    for key in (Key.Key_2, Key.Key_0, Key.Key_Minus, Key.Key_1):
        press(part.page.choose.cards, key)
        wait_for_answers(part, qtbot)
    assert [choice.ranks for choice in part.shared.choices] == [(2, 1), (1, 1), (), (1, 2)]
    assert part.page.choose.meter.count == 2
    assert len(part.shared.decided) == 2


def test_a_number_key_does_not_show_another_pane(part: Choices, window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    part.page.choose.cards.setFocus()
    press(part.page.choose.cards, Key.Key_1)
    assert part.pane.isVisible()
    assert len(part.shared.choices) == 1


def test_undo_shows_the_same_answers_again(part: Choices, qtbot: QtBot) -> None:
    texts = answers(part)
    press(part.page.choose.cards, Key.Key_1)
    press(part.page.choose.cards, Key.Key_Z)
    assert not part.shared.choices
    assert answers(part) == texts
    press(part.page.choose.cards, Key.Key_2)
    assert [choice.ranks for choice in part.shared.choices] == [(2, 1)]


def test_other_answers_to_the_same_prompt_are_written(part: Choices, qtbot: QtBot) -> None:
    texts = answers(part)
    press(part.page.choose.cards, Key.Key_R)
    wait_for_answers(part, qtbot)
    assert part.page.choose.prompt.text() == "The fox"
    assert set(answers(part)).isdisjoint(texts)


def test_cards_are_ranked_by_dragging(part: Choices, qtbot: QtBot) -> None:
    part.page.choose.count.setCurrentIndex(1)
    qtbot.waitUntil(lambda: len(answers(part)) == 3)
    cards = part.page.choose.cards
    wait_for_answers(part, qtbot)
    first, last = cards.cards[0], cards.cards[2]
    middle = first.rect().center()
    drag(first, middle, middle + QPoint(20, 0), first.mapFrom(cards, last.geometry().center()))
    assert cards.ranks() == (3, 1, 2)
    assert cards.cards[0].rank == 3
    press(part.page.choose.cards, Key.Key_Return)
    assert part.shared.choices[0].ranks == (3, 1, 2)
    assert len(part.shared.choices[0].pairs) == 3


def test_cards_are_ranked_by_the_keyboard(part: Choices) -> None:
    QTest.keyClick(part.page.choose.cards.cards[0], Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert part.page.choose.cards.ranks() == (2, 1)
    assert part.page.choose.take.isVisible()
    press(part.page.choose.cards.cards[0], Key.Key_Return)
    assert part.shared.choices[0].ranks == (2, 1)


def test_most_hands_win_and_equal_numbers_are_a_tie(part: Choices, qtbot: QtBot) -> None:
    part.page.choose.by_hands.click()
    cards = part.page.choose.cards
    for spin, hands in zip(cards.hands, (7, 19), strict=False):
        spin.setValue(hands)
    part.page.choose.take.click()
    assert part.shared.choices[0].ranks == (2, 1)
    wait_for_answers(part, qtbot)
    assert [spin.value() for spin in cards.hands] == [0, 0, 0, 0]
    for spin in cards.hands[:2]:
        spin.setValue(5)
    part.page.choose.take.click()
    assert part.shared.choices[1].ranks == (1, 1)


def saved(shared: SharedChoices) -> list[Choice]:
    return read_choices(shared.path) if shared.path.stat().st_size else []


def test_every_change_is_saved_at_once(part: Choices) -> None:
    press(part.page.choose.cards, Key.Key_1)
    assert saved(part.shared) == list(part.shared.choices)
    assert len(saved(part.shared)) == 1
    press(part.page.choose.cards, Key.Key_Z)
    assert saved(part.shared) == []


def test_choices_that_cannot_be_saved_are_reported_and_saved_later(part: Choices) -> None:
    path = part.shared.path
    path.mkdir()  # a folder is in the way
    press(part.page.choose.cards, Key.Key_1)
    assert part.pane.messages.failed
    path.rmdir()
    part.shared.read()
    assert len(saved(part.shared)) == 1


def test_choices_of_the_last_time_come_before_new_ones(pane: TuningPane, engine: FakeEngine, qtbot: QtBot) -> None:
    old, new = Choice("p", ("a", "b"), (1, 2)), Choice("q", ("c", "d"), (2, 1))
    shared = SharedChoices.of(pane)
    assert SharedChoices.of(pane) is shared
    shared.path.write_text("{}\n", "utf-8")
    shared.read()
    shared.add(new)
    assert shared.path.read_text("utf-8") == "{}\n"  # the file still has what was not read yet
    engine.send(ReadChoices, ChoiceList((old,)))
    assert shared.choices == (old, new)
    engine.end(ReadChoices, Ended(0, "done"))
    assert saved(shared) == [old, new]


def test_a_file_that_cannot_be_read_is_kept(pane: TuningPane, engine: FakeEngine) -> None:
    shared = SharedChoices.of(pane)
    shared.path.write_text("broken\n", "utf-8")
    before = shared.path
    shared.read()
    engine.end(ReadChoices, Ended(0, "failed", "error.choices_line", {"file": str(before), "line": 1}))
    shared.add(Choice("q", ("c", "d"), (2, 1)))
    assert before.read_text("utf-8") == "broken\n"
    assert shared.path == before.with_name("choices-2.jsonl")
    assert len(saved(shared)) == 1


def test_new_weights_write_the_answers_anew(part: Choices, window: MainWindow, engine: FakeEngine) -> None:
    count = len(engine.asked(WriteAnswers))
    window.state.set_model(model("/models/other"))
    assert len(engine.asked(WriteAnswers)) > count
    assert part.rounds.current is not None
    assert part.rounds.current.weights == window.state.weights_version


def test_equal_answers_are_reported_and_skipped(part: Choices, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[WriteAnswers] = lambda _: [Answers((" is red.",), 1, done=True)]
    press(part.page.choose.cards, Key.Key_R)
    qtbot.waitUntil(lambda: len(answers(part)) == 1)
    assert "the same answer again and again" in part.sentence()
    press(part.page.choose.cards, Key.Key_1)
    assert part.page.choose.prompt.text() == "The fox"
    press(part.page.choose.cards, Key.Key_Minus)
    assert not part.shared.choices
    assert part.page.choose.prompt.text() == "The cow"


def test_answers_that_fail_are_not_asked_for_again_by_themselves(
    part: Choices, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.answers[WriteAnswers] = lambda _: [Ended(0, "failed", "error.choices_prompt", {"context": 8})]
    press(part.page.choose.cards, Key.Key_R)
    qtbot.waitUntil(lambda: part.rounds.current is not None and part.rounds.current.failed)
    count = len(engine.asked(WriteAnswers))
    qtbot.wait(50)
    assert len(engine.asked(WriteAnswers)) == count
    assert part.pane.messages.failed


def test_the_lines_of_a_file_are_the_prompts(
    part: Choices, engine: FakeEngine, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/there/prompts.txt", ""))
    prompts = part.page.choose.prompts
    prompts.setCurrentIndex(SOURCES.index("file"))
    prompts.activated.emit(prompts.currentIndex())
    assert engine.asked(ListPrompts)[-1].path == "/there/prompts.txt"


def test_a_cancelled_file_dialog_keeps_the_prompts(part: Choices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    prompts = part.page.choose.prompts
    prompts.setCurrentIndex(SOURCES.index("file"))
    prompts.activated.emit(prompts.currentIndex())
    assert prompts.currentData() == "animals"


def test_a_prompt_that_is_typed_is_answered_again_and_again(part: Choices, engine: FakeEngine, qtbot: QtBot) -> None:
    prompts, own = part.page.choose.prompts, part.page.choose.own
    assert not own.isVisible()
    prompts.setCurrentIndex(SOURCES.index("own"))
    prompts.activated.emit(prompts.currentIndex())
    assert own.isVisible()
    own.setText("Say hello")
    press(own, Key.Key_Return)
    wait_for_answers(part, qtbot)
    assert part.page.choose.prompt.text() == "Say hello"
    press(part.page.choose.cards, Key.Key_1)
    assert {request.prompt for request in engine.asked(WriteAnswers)[-2:]} == {"Say hello"}
    assert len({request.seed for request in engine.asked(WriteAnswers)[-3:]}) == 3


def test_what_was_set_is_restored(part: Choices) -> None:
    page = part.page.choose
    page.count.setCurrentIndex(2)
    page.judge.setText("Anna")
    part.page.view.choose("list")
    part.page.list.principle.setText("Be brief.")
    part.page.list.principle.setModified(True)
    saved = part.save()
    page.count.setCurrentIndex(0)
    page.judge.clear()
    part.page.view.choose("choose")
    part.restore(saved | {"source": "nonsense", "own": 3})
    assert (page.count.currentData(), page.judge.text(), part.view) == (4, "Anna", "list")
    assert part.page.list.principle.text() == "Be brief."
    assert part.source == "animals"


def test_the_table_has_a_row_for_each_answer(part: Choices) -> None:
    assert part.table() is None
    press(part.page.choose.cards, Key.Key_2)
    table = part.table()
    assert table is not None
    assert table.header == ("Prompt", "Answer", "Rank", "Judge")
    assert [row[2] for row in table.rows] == [2, 1]


def test_the_button_goes_to_the_improvement_with_these_choices(part: Choices, pane: TuningPane) -> None:
    improve = part.page.choose.improve
    assert improve.isVisible()
    assert not improve.isEnabled()
    press(part.page.choose.cards, Key.Key_2)
    improve.click()
    assert pane.mode.current == "improve"
    assert len(SharedChoices.of(pane).decided) == 1


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1600, 1000)])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_button_is_cut_in_one_tile_or_in_four(
    part: Choices, window: MainWindow, qtbot: QtBot, language: str, width: int, height: int
) -> None:
    window.resize(width, height)
    i18n.set_language(language)
    for tiles in (1, 4):
        window.workspace.set_layout(tiles, ["tuning", "tokens", "map", "attention"][:tiles])
        for view in VIEWS:
            part.page.view.choose(view)
            qtbot.wait(30)
            assert cut_buttons(part.page) == []
