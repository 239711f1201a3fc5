"""The list of choices and the reward model in the window."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.messages.choices import (
    Agreement,
    Choice,
    ChoiceList,
    ChoicesWritten,
    ColourByReward,
    FitReward,
    JudgeChoices,
    Judged,
    MeasureAgreement,
    ReadChoices,
    RewardedText,
    RewardFitted,
    SimulateChoices,
    WordEffect,
    WriteChoices,
)
from engine.messages.envelope import Ended
from gui.colormaps import difference_color
from gui.panes.tuning.choices import Choices
from gui.panes.tuning.choices_listing import JUDGES, PRINCIPLE
from gui.panes.tuning.pane import TuningPane
from gui.panes.tuning.reward_sentence import accuracy_words, learned_words
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model
from tests.gui.hands import Hover, click_row, column_of, open_row, plain, press

Key = Qt.Key
OLD = tuple(Choice(f"The {name}", ("is red.", "lives in a house."), (1, 2), "Anna") for name in ("fox", "cow", "owl"))


def fitted(accuracy: float | None = 0.9, length: float = 0.1, words: tuple[WordEffect, ...] = ()) -> RewardFitted:
    return RewardFitted(3, accuracy, length, 0.5, words, 0.3, ((1.0, -1.0),) * 3, 1)


def rewarded(request: ColourByReward) -> RewardedText:
    parts = np.linspace(-2, 2, len(request.text)).astype(np.float32)
    rewards = np.cumsum(parts) / np.arange(1, len(parts) + 1)
    return RewardedText(tuple(request.text), tuple(request.text), rewards.astype(np.float32), parts, changed=False)


@pytest.fixture
def engine() -> FakeEngine:
    agreed = Agreement(("Anna", "polite"), 3, 0.75, 0.5, "moderate")
    return FakeEngine(
        {
            MeasureAgreement: lambda _: [agreed],
            WriteChoices: lambda request: [ChoicesWritten(request.path, len(request.choices))],
            FitReward: lambda _: [fitted()],
            ColourByReward: lambda request: [rewarded(request)],
        }
    )


@pytest.fixture
def part(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Choices:
    """Open the list with three choices of Anna's."""
    monkeypatch.setattr("gui.panes.tuning.choice_list.choices_path", lambda: tmp_path / "choices.jsonl")
    window.state.set_model(model())
    window.workspace.set_layout(1, ["tuning"])
    window.workspace.show()
    window.show_pane("tuning")
    pane = window.workspace.pane(TuningPane)
    pane.mode.choose("choices")
    made = pane.part_of(Choices)
    made.shared.add(*OLD)
    made.page.view.choose("list")
    return made


def test_the_table_marks_the_preferred_answers(part: Choices) -> None:
    table = part.page.list.table
    assert column_of(table, 1) == ["The fox", "The cow", "The owl"]
    assert column_of(table, 2) == ["✓ is red."] * 3
    assert column_of(table, 3) == ["lives in a house."] * 3
    assert table.isColumnHidden(4)
    assert column_of(table, 6) == ["Anna"] * 3


def test_keys_change_the_selected_choices(part: Choices) -> None:
    table = part.page.list.table
    click_row(table, 1)
    press(table, Key.Key_2)
    assert column_of(table, 3)[1] == "✓ lives in a house."
    press(table, Key.Key_0)
    assert [choice.ranks for choice in part.shared.choices] == [(1, 2), (1, 1), (1, 2)]
    press(table, Key.Key_Minus)
    assert [choice.ranks for choice in part.shared.choices] == [(1, 2), (), (1, 2)]


def test_a_double_click_prefers_an_answer(part: Choices) -> None:
    open_row(part.page.list.table, 2, 3)
    assert part.shared.choices[2].ranks == (2, 1)


def test_choices_are_removed_and_the_removal_is_undone(part: Choices) -> None:
    table = part.page.list.table
    click_row(table, 0)
    press(table, Key.Key_Delete)
    assert list(part.shared.choices) == list(OLD[1:])
    press(table, Key.Key_Z)
    assert list(part.shared.choices) == list(OLD)


def test_a_file_is_added_to_the_list(part: Choices, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/there/bob.jsonl", ""))
    part.page.list.load.click()
    assert engine.asked(ReadChoices)[-1].path == "/there/bob.jsonl"
    engine.send(ReadChoices, ChoiceList((Choice("The fox", ("is red.", "lives in a house."), (2, 1), "Bob"),)))
    assert part.shared.judges == ("Anna", "Bob")


def test_the_list_is_saved_to_a_file(
    part: Choices, engine: FakeEngine, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/there/anna.jsonl", ""))
    part.page.list.keep.click()
    assert engine.asked(WriteChoices)[-1] == WriteChoices("/there/anna.jsonl", OLD)
    qtbot.waitUntil(lambda: part.pane.messages.current is not None)
    assert part.pane.messages.label.text() == "Saved 3 choices to /there/anna.jsonl."


def test_a_simulated_judge_adds_its_choices_and_can_be_stopped(part: Choices, engine: FakeEngine) -> None:
    page = part.page.list
    page.taste.setCurrentIndex(JUDGES.index("polite"))
    page.errors.setCurrentIndex(1)
    page.count.setCurrentIndex(1)
    page.simulate.click()
    request = engine.asked(SimulateChoices)[-1]
    assert (request.taste, request.errors, request.count) == ("polite", 0.1, 30)
    found = Choice("The cat", ("purrs.", "sleeps."), (2, 1), "polite")
    engine.send(SimulateChoices, ChoiceList((found,)))
    assert page.simulate.text() == "Stop (1)"
    assert found not in part.shared.choices
    page.simulate.click()
    assert engine.cancelled(SimulateChoices)
    assert part.shared.choices[-1] == found
    assert column_of(page.table, 6)[-1] == "simulated: polite"


def test_judges_are_compared_in_words(part: Choices, engine: FakeEngine, qtbot: QtBot) -> None:
    page = part.page.list
    page.taste.setCurrentIndex(JUDGES.index("polite"))
    page.judge_these.click()
    request = engine.asked(JudgeChoices)[-1]
    assert request.choices == OLD
    assert (request.taste, request.principle) == ("polite", "")
    answers = tuple(Choice(c.prompt, c.answers, (2, 1), "polite") for c in OLD)
    engine.send(JudgeChoices, Judged(answers, 0.25, done=True))
    engine.end(JudgeChoices, Ended(0, "done"))
    qtbot.waitUntil(lambda: part.listing.agreement is not None)
    words = plain(page.agreement.text())
    assert "agree in 75 %" in words
    assert "kappa is 0.50: moderate agreement" in words
    assert "“simulated: polite” agrees with 25 % of the preferences" in words


def test_the_model_judges_by_a_written_principle(part: Choices, engine: FakeEngine) -> None:
    page = part.page.list
    page.taste.setCurrentIndex(JUDGES.index(PRINCIPLE))
    assert (page.principle.text(), page.opposite.text()) == ("Be polite.", "Be rude.")
    page.opposite.clear()
    assert not page.judge_these.isEnabled()
    page.opposite.setText("Be cruel.")
    page.principle.setText(" Be kind. ")
    page.judge_these.click()
    assert engine.asked(JudgeChoices)[-1] == JudgeChoices(OLD, None, "Be kind.", "Be cruel.")
    engine.send(JudgeChoices, Judged((Choice("The fox", OLD[0].answers, (2, 1), "Be kind."),), 0.5, done=True))
    engine.end(JudgeChoices, Ended(0, "done"))
    assert column_of(page.table, 6)[-1] == "the model, by: Be kind."
    assert part.listing.of_others("polite") == OLD  # a person's, not the model's


def test_only_the_choices_of_one_judge_are_learned_from(part: Choices) -> None:
    other = Choice("The cat", ("purrs.", "sleeps."), (2, 1), "polite")
    part.shared.add(other)
    only = part.page.list.only
    assert only.isVisible()
    only.setCurrentIndex(only.findData("polite"))
    only.activated.emit(only.currentIndex())
    assert list(part.shared.decided) == [other]
    assert part.page.choose.meter.count == 1


# --- The reward model -----------------------------------------------------------------------------


@pytest.fixture
def reward(part: Choices, qtbot: QtBot) -> Choices:
    part.page.view.choose("reward")
    qtbot.waitUntil(lambda: len(part.reward.coloured) == 2)
    return part


def test_the_answers_of_the_last_choice_are_coloured_by_reward(reward: Choices, engine: FakeEngine) -> None:
    assert engine.asked(FitReward)[-1].choices == OLD
    assert [(r.text, r.prompt) for r in engine.asked(ColourByReward)] == [
        ("is red.", "The owl"),
        ("lives in a house.", "The owl"),
    ]
    picture = reward.page.reward.picture
    assert [coloured.heading for coloured in picture.texts] == ["✓ Answer 1, preferred", "Answer 2"]
    assert "".join(token.words for token in picture._tokens) == "is red.lives in a house."
    last = picture._tokens[6]
    assert picture.color_of(last) == difference_color(1.0)
    assert plain(reward.page.reward.accuracy.text()).startswith("The reward model predicts 90 %")


def test_a_token_is_described_under_the_mouse(reward: Choices, hover: Hover) -> None:
    picture = reward.page.reward.picture
    assert hover(picture, picture._tokens[0].box.center().toPoint()) == "“i” adds -2.00; reward up to here -2.00"


def test_the_shared_text_is_coloured(reward: Choices, window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> None:
    window.state.set_text("A cat")
    reward.page.reward.of.setCurrentIndex(0)
    reward.page.reward.of.activated.emit(0)
    qtbot.waitUntil(lambda: [c.heading for c in reward.page.reward.picture.texts] == ["The text"])
    assert engine.asked(ColourByReward)[-1] == ColourByReward("A cat")


def test_other_choices_are_fitted_anew(reward: Choices, engine: FakeEngine) -> None:
    reward.shared.remove([0])
    assert engine.asked(FitReward)[-1].choices == OLD[1:]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (fitted(words=(WordEffect(" kind", 0.8, 2.0, 5),)), "likes “kind”: answers with it get 2.0 more"),
        (fitted(words=(WordEffect("bad", -0.8, -2.0, 5),)), "dislikes “bad”: answers with it get 2.0 less"),
        (
            fitted(length=-0.9, words=(WordEffect("bad", -0.8, -2.0, 5),)),
            "short answers: reward and length correlate by",
        ),
        (fitted(length=0.7), "long answers: reward and length correlate by +0.70"),
        (fitted(length=0.2), "Neither a single word nor the length"),
    ],
)
def test_what_was_learned_is_named(found: RewardFitted, words: str) -> None:
    assert words in plain(learned_words(found))


@pytest.mark.parametrize(
    ("accuracy", "words"), [(0.9, "predicts 90 %"), (0.5, "hardly better than guessing"), (None, "Too few choices")]
)
def test_a_reward_model_that_guesses_is_called_so(accuracy: float | None, words: str) -> None:
    assert words in plain(accuracy_words(fitted(accuracy)))
