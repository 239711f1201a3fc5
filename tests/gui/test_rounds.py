"""The rounds of choosing: which answers are written when, and which are kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PySide6.QtCore import QObject

from engine.messages.choices import Answers, WriteAnswers
from engine.messages.envelope import Ended
from gui.panes.tuning.choices_rounds import AHEAD, KEPT, Rounds
from gui.state import AppState

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class Asked:
    request: WriteAnswers
    add: Callable[[Answers], None]
    ended: Callable[[Ended], None]


@dataclass
class Writer:
    """What a pane offers to its rounds: one request at a time, which the test answers."""

    asked: list[Asked] = field(default_factory=list)
    running: bool = False

    def finish(self, texts: tuple[str, ...] = ("one", "two")) -> None:
        asked, self.running = self.asked[-1], False
        asked.add(Answers(texts, 1, done=True))
        asked.ended(Ended(0, "done"))

    def fail(self) -> None:
        self.running = False
        self.asked[-1].ended(Ended(0, "failed", "error.choices_prompt"))


class FakePane(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.state, self.writer = AppState(), Writer()

    def ask(self, request: WriteAnswers, add: Any, slot: str, ended: Any) -> None:
        self.writer.asked.append(Asked(request, add, ended))
        self.writer.running = True

    def asking(self, slot: str) -> bool:
        return self.writer.running

    def drop(self, slot: str) -> None:
        self.writer.running = False


@pytest.fixture
def pane(qapp: object) -> FakePane:
    return FakePane()


@pytest.fixture
def rounds(pane: FakePane) -> Rounds:
    made = Rounds(pane)  # type: ignore[arg-type]
    made.begin(lambda number: WriteAnswers(f"prompt {number}", seed=number))
    return made


def prompts(pane: FakePane) -> list[str]:
    return [asked.request.prompt for asked in pane.writer.asked]


def test_answers_are_written_one_prompt_after_the_other_and_not_too_far_ahead(rounds: Rounds, pane: FakePane) -> None:
    for count in range(1, 6):
        assert len(pane.writer.asked) == min(count, 1 + AHEAD)
        if pane.writer.running:
            pane.writer.finish()
    assert prompts(pane) == ["prompt 0", "prompt 1", "prompt 2"]
    rounds.forward()
    assert prompts(pane)[-1] == "prompt 3"


def test_one_can_choose_once_there_are_two_complete_answers(rounds: Rounds, pane: FakePane) -> None:
    def can_choose() -> bool:
        return rounds.current is not None and rounds.current.can_choose

    first = pane.writer.asked[0]
    seen = [can_choose()]
    first.add(Answers(("one", "tw"), 1))
    seen.append(can_choose())
    pane.writer.finish()
    seen.append(can_choose())
    rounds.forward()
    pane.writer.finish(("only",))  # the model hardly writes anything else
    seen.append(can_choose())
    assert seen == [False, False, True, False]


def test_the_prompt_that_is_shown_is_written_before_those_after_it(rounds: Rounds, pane: FakePane) -> None:
    rounds.forward()
    rounds.forward()
    assert prompts(pane)[-1] == "prompt 2"
    pane.writer.finish()
    assert rounds.current is not None
    assert rounds.current.request.prompt == "prompt 2"
    assert rounds.current.can_choose


def test_a_round_before_is_shown_again_with_its_answers(rounds: Rounds, pane: FakePane) -> None:
    pane.writer.finish(("first", "second"))
    rounds.forward()
    rounds.back_to(0)
    assert rounds.current is not None
    assert rounds.current.texts == ("first", "second")
    rounds.back_to(77)  # it was never written
    assert rounds.number == 0


def test_other_answers_to_a_prompt_have_another_seed(rounds: Rounds, pane: FakePane) -> None:
    pane.writer.finish()
    before = pane.writer.asked[0].request
    rounds.rewrite()
    again = pane.writer.asked[-1].request
    assert again.prompt == before.prompt
    assert again.seed != before.seed
    assert rounds.current is not None
    assert not rounds.current.texts


@pytest.mark.parametrize("all_of_them", [True, False])
def test_other_weights_write_anew_what_nobody_has_judged_yet(rounds: Rounds, pane: FakePane, all_of_them: bool) -> None:
    for _ in range(3):
        pane.writer.finish()
    rounds.forward()  # round 0 has been judged
    pane.state.weights_version += 1
    rounds.renew(all_of_them)
    assert prompts(pane)[-1] == ("prompt 1" if all_of_them else "prompt 2")
    rounds.back_to(0)
    assert rounds.current is not None
    assert rounds.current.texts == ("one", "two")


def test_answers_that_fail_are_not_written_again_by_themselves(rounds: Rounds, pane: FakePane) -> None:
    changes: list[int] = []
    rounds.changed.connect(lambda: changes.append(rounds.number))
    pane.writer.fail()
    assert rounds.current is not None
    assert rounds.current.failed
    assert not rounds.current.can_choose
    assert changes == [0]
    rounds.write()
    assert prompts(pane) == ["prompt 0", "prompt 1"]


@QUICK
@given(actions=st.lists(st.sampled_from(["forward", "finish", "rewrite", "back", "weights", "fail"]), max_size=40))
def test_whatever_is_done_the_answers_shown_are_those_to_the_prompt_shown(actions: list[str]) -> None:
    pane = FakePane()
    rounds = Rounds(pane)  # type: ignore[arg-type]
    rounds.begin(lambda number: WriteAnswers(f"prompt {number}", seed=number))
    for action in actions:
        if action == "forward":
            rounds.forward()
        elif action == "back":
            rounds.back_to(rounds.number - 1)
        elif action == "rewrite":
            rounds.rewrite()
        elif action == "weights":
            pane.state.weights_version += 1
            rounds.renew()
        elif pane.writer.running:
            prompt = pane.writer.asked[-1].request.prompt
            pane.writer.finish((f"{prompt} a", f"{prompt} b")) if action == "finish" else pane.writer.fail()
        shown = rounds.current
        assert shown is not None
        assert shown.request.prompt == f"prompt {rounds.number}"
        assert all(text.startswith(shown.request.prompt + " ") for text in shown.texts)
        assert shown.done or shown.failed or pane.writer.running  # nobody waits for nothing


def test_no_more_rounds_are_kept_than_one_goes_back_to(rounds: Rounds, pane: FakePane) -> None:
    for _ in range(KEPT + 10):
        pane.writer.finish()
        rounds.forward()
    rounds.back_to(0)
    assert rounds.number == KEPT + 10
    rounds.back_to(KEPT)
    assert rounds.number == KEPT
