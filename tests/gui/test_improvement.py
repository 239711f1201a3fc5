"""Improvement in the window: a run by DPO or by a policy gradient, its curves, its sentence, reward hacking."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from engine.messages.choices import Choice, ChoiceList, ListPrompts, Prompts, SimulateChoices
from engine.messages.comparing import Pin
from engine.messages.envelope import Ended
from engine.messages.improving import Improve
from engine.messages.moments import ReturnTo
from engine.messages.training import SteerTraining
from engine.messages.tuning import Measured, StationAnswers, TuningResult, TuningStarted
from gui import i18n
from gui.panes.tuning.improve_page import leash_words
from gui.panes.tuning.improve_plot import Axis
from gui.panes.tuning.improve_sentence import formula, sentence
from gui.panes.tuning.improve_shown import ImproveShown
from gui.window.main_window import MainWindow
from tests.gui import fakes
from tests.gui.fakes import FakeEngine
from tests.gui.hands import LEFT, click

HELD_OUT = ("The owl", "The fox", "The cow", "The pig")
CHOICES = tuple(Choice("The dog", (f"good {n}", f"bad {n}"), (1, 2), "Ada") for n in range(12))


def measured(step: int, preferred: float, reward: float, kl: float, distinct: float = 0.97) -> Measured:
    values = {"preferred": preferred, "reward": reward, "kl": kl, "length": 20.0, "distinct": distinct}
    return Measured(step, step / 10, values)


def shown(*moments: Measured, **others: Any) -> ImproveShown:
    return ImproveShown(moments=moments, choices=12, **others)


# --- The sentence -------------------------------------------------------------------------------------


def test_without_choices_the_sentence_says_what_to_do_first() -> None:
    assert "No choice" in sentence(ImproveShown())
    assert sentence(ImproveShown(choices=5)).startswith("5 choices")
    assert "12 choices are ready" in sentence(ImproveShown(choices=12))


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([measured(0, 0.5, 0, 0)], "Before the first step, 50\u202f%"),
        ([measured(0, 0.5, 0, 0), measured(9, 0.9, 1, 1.26)], "rose from 50\u202f% to 90\u202f%"),
        ([measured(0, 0.5, 0, 0), measured(9, 0.3, -1, 1)], "fell from 50\u202f% to 30\u202f%"),
        ([measured(0, 0.5, 0, 0), measured(9, 0.52, 0, 0.01)], "Little has changed"),
        ([measured(0, 0.5, 0, 0), measured(9, 0.55, 0, 0.7)], "Little has changed"),
        ([measured(0, 0.5, 0, 0), measured(9, 0.9, 2, 4, distinct=0.4)], "97\u202f% → 40\u202f%"),
        ([measured(0, 0.1, 0, 0), measured(5, 0.7, 2.6, 12), measured(9, 0.0, 4.1, 95, 0.3)], "Reward hacking"),
    ],
)
def test_the_sentence_speaks_of_what_was_measured(moments: list[Measured], expected: str) -> None:
    assert expected in sentence(shown(*moments)).replace("\u00a0", "\u202f").replace(" %", "\u202f%")


def test_a_model_that_hardly_moves_is_held_only_by_a_tight_leash() -> None:
    moments = measured(0, 0.5, 0, 0), measured(9, 0.52, 0, 0.01)
    assert sentence(shown(*moments, beta=5.0)).startswith("The leash holds")
    assert sentence(shown(*moments, beta=0.1)).startswith("Little has changed")


def test_reward_hacking_needs_a_reward_that_climbs_while_what_is_liked_falls() -> None:
    fallen = shown(measured(0, 0.5, 0, 0), measured(5, 0.8, 2, 3), measured(9, 0.3, 1.5, 5))
    assert "hacking" not in sentence(fallen)
    climbed = shown(measured(0, 0.5, 0, 0), measured(5, 0.8, 2, 3), measured(9, 0.3, 2.5, 5))
    assert "from 2.0 to 2.5" in sentence(climbed)
    assert "hacking" not in sentence(shown(*climbed.moments, chosen=1))


def test_the_formula_has_the_numbers_of_the_moment_looked_at() -> None:
    run = shown(measured(0, 0.5, 0, 0), measured(9, 0.9, 1.5, 2), method="reinforce", beta=0.1)
    assert "1.50 − 0.10 · 2.00 = 1.30" in formula(run)
    assert "β = 0.10" in formula(run)
    assert "0.69" in formula(shown(method="dpo", losses=(0.69, 0.21)))
    assert "0.21" in formula(shown(method="dpo", losses=(0.69, 0.21)))
    assert "∞" in formula(ImproveShown("reinforce", beta=1e6))


def test_the_leash_is_said_in_words() -> None:
    assert leash_words(0.0) == "none (β = 0)"
    assert leash_words(1e6) == "nothing may change (β = ∞)"
    assert [leash_words(beta).split()[0] for beta in (0.02, 0.1, 2.0)] == ["long", "usual", "short"]


@pytest.mark.parametrize("values", [[0.0], [1.4, -0.7], [95.0], [0.003, 0.001], [-2.0, -1.0]])
def test_an_axis_has_round_ticks_around_its_values_and_zero(values: list[float]) -> None:
    axis = Axis.of(values)
    assert axis.low <= min([0.0, *values])
    assert axis.high >= max([0.0, *values])
    assert 0.0 in axis.ticks
    assert 2 <= len(axis.ticks) <= 7


# --- In the window ------------------------------------------------------------------------------------


def prompts(request: ListPrompts) -> list[Prompts]:
    own = request.kind == "animals" and request.language == "en"
    return [Prompts(("The dog", "The cat"), HELD_OUT, 24) if own else Prompts(("x",), ("y",), 24)]


def simulated(request: SimulateChoices) -> list[ChoiceList]:
    return [ChoiceList(tuple(Choice("The dog", (f"a{n}", f"b{n}"), (1, 2), request.taste) for n in range(30)))]


@pytest.fixture
def part(window: MainWindow, engine: FakeEngine, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open the part with no choices and no run."""
    engine.answers |= {ListPrompts: prompts, SimulateChoices: simulated}
    pane: Any = window.workspace.pane("tuning")
    pane.tuner.models = tmp_path / "models"
    window.state.set_model(fakes.model())
    window.workspace.set_layout(1, ["tuning"])
    pane.mode.choose("improve")
    found = pane.part
    found.shared.path = tmp_path / "choices.jsonl"
    qtbot.waitUntil(lambda: len(found.known) == 4)
    return found


def run(part: Any, engine: FakeEngine, *moments: Measured) -> None:
    """Start a run with the button, and let the engine report."""
    part.shared.add(*CHOICES)
    part.page.start.click()
    folder = engine.asked(Improve)[-1].folder
    engine.send(Improve, TuningStarted(folder, "/models/base", engine.asked(Improve)[-1].settings.method, 12, 4, 0))
    engine.send(Improve, fakes.model(folder, training=True))
    for moment in moments:
        engine.send(Improve, StationAnswers(moment.step, HELD_OUT[:1], (f"answer of step {moment.step}",)))
        engine.send(Improve, moment)


def test_without_choices_nothing_starts(part: Any, engine: FakeEngine) -> None:
    assert not part.page.start.isEnabled()
    part.page.start.click()
    assert engine.asked(Improve) == []


def test_a_run_has_what_was_set_and_is_measured_on_held_out_prompts(part: Any, engine: FakeEngine) -> None:
    part.page.method.choose("reinforce")
    part.page.leash.set_value(0.5)
    part.page.limit.setCurrentIndex(part.page.limit.findData(5.0))
    part.page.time.setCurrentIndex(part.page.time.findData(20))
    run(part, engine)
    [asked] = engine.asked(Improve)
    settings = asked.settings
    assert (settings.method, settings.beta, settings.most_kl, settings.seconds) == ("reinforce", 0.5, 5.0, 20.0)
    assert (asked.choices, asked.held_out, asked.questions) == (CHOICES, HELD_OUT, HELD_OUT[:3])
    assert asked.judge == ""  # people chose


def test_no_limit_and_the_recipe_of_the_method_are_none(part: Any, engine: FakeEngine) -> None:
    part.page.limit.setCurrentIndex(part.page.limit.findData(0.0))
    run(part, engine)
    settings = engine.asked(Improve)[0].settings
    assert (settings.method, settings.most_kl, settings.seconds, settings.steps) == ("dpo", None, None, None)


def test_own_prompts_are_measured_on_themselves(part: Any, engine: FakeEngine) -> None:
    part.shared.add(Choice("My prompt", ("a", "b"), (1, 2)))
    part.page.start.click()
    asked = engine.asked(Improve)[0]
    assert (asked.held_out, asked.questions, asked.settings.tokens) == ((), ("My prompt",), 48)


def test_curves_answers_and_sentence_follow_the_run(part: Any, engine: FakeEngine) -> None:
    run(part, engine, measured(0, 0.5, 0.0, 0.0), measured(9, 0.9, 1.0, 1.2))
    assert part.page.plot.shown.points("kl") == ((0.0, 0.0), (0.9, 1.2))
    assert part.page.answers.answers[0].now == "answer of step 9"
    assert "rose from" in part.pane.sentence()
    assert part.page.stop.isVisible()
    assert not part.page.start.isVisible()
    part.page.stop.click()
    part.page.pause.click()
    assert engine.asked(SteerTraining) == [SteerTraining("stop"), SteerTraining("pause")]


def test_a_moment_is_looked_at_by_keys_and_by_clicks(part: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    run(part, engine, measured(0, 0.5, 0.0, 0.0), measured(5, 0.7, 0.5, 0.6), measured(10, 0.9, 1.0, 1.2))
    plot = part.page.plot
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert part.page.answers.answers[0].now == "answer of step 5"
    assert "70" in plot.title("preferred")
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert "Before the first step" in part.pane.sentence()
    click(plot, QPoint(round(plot.large.right()) - 1, round(plot.large.center().y())))
    assert part.chosen is None  # the end, which moves on with the run
    assert "rose from" in part.pane.sentence()


def test_after_a_run_the_model_returns_to_a_moment_and_is_compared(part: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    run(part, engine, measured(0, 0.5, 0.0, 0.0), measured(5, 0.7, 0.5, 0.6))
    assert not part.page.back.isEnabled()  # while it runs
    folder = engine.asked(Improve)[0].folder
    engine.send(Improve, TuningResult(folder, 5, 0.5, "notice.enough_kl"))
    engine.end(Improve, Ended(0, "done"))
    assert part.pane.subtitle().startswith("Stopped at the limit")
    qtbot.keyClick(part.page.plot, Qt.Key.Key_Home)
    qtbot.mouseClick(part.page.back, LEFT)
    assert engine.asked(ReturnTo) == [ReturnTo(0)]
    qtbot.mouseClick(part.page.compare, LEFT)
    assert engine.asked(Pin) == [Pin("/models/base")]


def test_a_run_keeps_its_own_numbers_while_another_one_is_prepared_or_fails(part: Any, engine: FakeEngine) -> None:
    part.page.leash.set_value(0.5)
    run(part, engine, measured(0, 0.5, 0.0, 0.0), measured(5, 0.7, 0.5, 0.6))
    engine.end(Improve, Ended(0, "done"))
    assert part.shown().beta == 0.5
    part.page.leash.set_value(0.1)
    part.page.start.click()
    assert part.shown().beta == 0.5  # of the run that is shown
    engine.end(Improve, Ended(0, "failed", "error.choices_undecided"))
    assert len(part.shown().moments) == 2
    assert part.shown().beta == 0.5


@pytest.mark.parametrize(("taste", "language"), [("joy", "en"), ("joy", "ja"), ("polite", "ja")])
def test_reward_hacking_lets_a_judge_choose_and_then_runs_without_a_leash(
    part: Any, engine: FakeEngine, qtbot: QtBot, taste: str, language: str
) -> None:
    i18n.set_language(language)
    part.retranslate()
    actions = {action.data(): action for action in part.page.menu.actions()}
    actions[taste].trigger()
    qtbot.waitUntil(lambda: bool(engine.asked(Improve)))
    [asked] = engine.asked(Improve)
    settings = asked.settings
    assert (settings.method, settings.beta, settings.most_kl, settings.steps) == ("reinforce", 0.0, None, 60)
    assert (asked.judge, len(asked.choices)) == (taste, 30)
    assert engine.asked(SimulateChoices)[0].language == language
    assert part.shared.choices == ()  # the list of the people is left as it is


def test_shortness_is_no_property_of_a_single_text(part: Any, engine: FakeEngine) -> None:
    part.shared.add(*(Choice("The dog", (f"a{n}", f"long {n}"), (1, 2), "short") for n in range(12)))
    part.page.start.click()
    assert engine.asked(Improve)[0].judge == ""  # the reward model says what is preferred


def test_a_judge_who_finds_no_difference_starts_no_run(part: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[SimulateChoices] = lambda _: [ChoiceList(())]
    part.pane.act({"mode": "improve", "hack": "joy"})
    qtbot.waitUntil(lambda: bool(part.pane.messages.isVisible()))
    assert engine.asked(Improve) == []


def test_settings_are_kept_and_wrong_ones_ignored(part: Any) -> None:
    part.restore({"method": "reinforce", "beta": 0.0, "seconds": 30, "limit": 10.0})
    kept = part.save()
    assert kept == {"method": "reinforce", "beta": 0.0, "seconds": 30, "limit": 10.0}
    part.restore({"method": "x", "beta": "y", "seconds": None, "limit": -1})
    assert part.save() == kept


def test_the_table_has_a_row_for_each_moment(part: Any, engine: FakeEngine) -> None:
    assert part.table() is None
    run(part, engine, measured(0, 0.5, 0.0, 0.0), measured(9, 0.9, 1.0, 1.2))
    table = part.table()
    assert [row[0] for row in table.rows] == [0, 9]
    assert all(len(row) == len(table.header) for row in table.rows)
