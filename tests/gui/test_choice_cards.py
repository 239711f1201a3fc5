"""The cards of answers and the meter, the words about choices, and the list's history, for any input."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PySide6.QtCore import QPoint
from pytestqt.qtbot import QtBot

from engine.messages.choices import Choice
from gui import i18n, theme
from gui.panes.tuning.choice_list import ENOUGH, SAFE, SharedChoices
from gui.panes.tuning.choices_cards import AnswerCards
from gui.panes.tuning.choices_meter import ChoiceMeter
from gui.panes.tuning.choices_sentence import longer_share, sentence
from gui.panes.tuning.judge_names import BY_PRINCIPLE, TASTES, is_person, shown_judge
from gui.panes.tuning.pane import TuningPane
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine
from tests.gui.hands import LARGE_TYPE, drag, look, painted, plain, recorded, show

TEXTS = ("is red.", "lives in a large house by the sea.", "sleeps.", "is old and eats fish.")
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CHOICES = st.builds(
    Choice,
    st.just("The fox"),
    st.tuples(st.text("ab", min_size=1, max_size=5), st.text("cd", min_size=1, max_size=5)),
    st.sampled_from([(1, 2), (2, 1), (1, 1), ()]),
    st.sampled_from(["", "Anna", "polite"]),
)


@pytest.fixture
def cards(qtbot: QtBot) -> AnswerCards:
    made: AnswerCards = show(qtbot, AnswerCards(), 900, 500)
    made.show_texts(TEXTS, enabled=True)
    return made


def place(cards: AnswerCards, row: int) -> QPoint:
    """Return the middle of the row-th place, from the upper left."""
    return cards._box(row).center()


def test_cards_never_overlap_and_stay_in_the_widget(cards: AnswerCards) -> None:
    for count in (1, 2, 3, 4):
        for width, height in ((900, 500), (300, 200), (1600, 90)):
            cards.resize(width, height)
            cards.show_texts(TEXTS[:count], enabled=True)
            boxes = [card.geometry() for card in cards.cards if card.isVisible()]
            assert len(boxes) == count
            assert all(cards.rect().contains(box) for box in boxes)
            assert not any(a.intersects(b) for a in boxes for b in boxes if a is not b)


@QUICK
@given(moves=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6))
def test_the_ranks_are_the_places_after_any_drags(cards: AnswerCards, moves: list[tuple[int, int]]) -> None:
    cards.show_texts((), enabled=True)
    cards.show_texts(TEXTS, enabled=True)
    expected = [0, 1, 2, 3]
    for number, row in moves:
        card = cards.cards[number]
        middle, to = card.rect().center(), card.mapFrom(cards, place(cards, row))
        drag(card, middle, middle + QPoint(0, 30), to)
        expected.remove(number)
        expected.insert(row, number)
    assert [expected.index(number) + 1 for number in range(4)] == list(cards.ranks())
    assert [card.geometry().center() for card in cards.cards] == [place(cards, rank - 1) for rank in cards.ranks()]


def test_a_drag_is_no_click(cards: AnswerCards) -> None:
    chosen = recorded(cards.chosen)
    middle = cards.cards[0].rect().center()
    drag(cards.cards[0], middle, middle + QPoint(0, 40), middle)
    assert chosen == []
    drag(cards.cards[0], middle)
    assert chosen == [0]


def test_other_texts_end_a_ranking(cards: AnswerCards) -> None:
    cards._put(0, 2)
    cards.show_texts(TEXTS, enabled=True)
    assert cards.is_ranked  # the same texts keep it
    cards.show_texts(("is blue.", "is green."), enabled=True)
    assert (cards.is_ranked, cards.ranks()) == (False, (1, 2))


@QUICK
@given(hands=st.lists(st.integers(0, 40), min_size=2, max_size=4))
def test_more_hands_are_a_better_rank_and_equal_ones_a_tie(cards: AnswerCards, hands: list[int]) -> None:
    cards.show_texts(TEXTS[: len(hands)], enabled=True)
    for spin, count in zip(cards.hands, hands, strict=False):
        spin.setValue(count)
    ranks = cards.hand_ranks()
    for a, rank in zip(hands, ranks, strict=True):
        for b, other in zip(hands, ranks, strict=True):
            assert (a > b) == (rank < other)
    assert min(ranks) == 1


def test_an_answer_is_painted_larger_in_a_larger_window(cards: AnswerCards) -> None:
    cards.resize(300, 260)
    ink = painted(cards.cards[2], theme.current().color("text")).sum()
    cards.resize(1600, 1000)
    assert painted(cards.cards[2], theme.current().color("text")).sum() > 1.5 * ink


def test_a_card_has_a_name_for_screen_readers(cards: AnswerCards) -> None:
    assert cards.cards[2].accessibleName() == "Answer 3: sleeps."
    cards._put(2, 0)
    assert cards.cards[2].accessibleDescription() == "Rank 1"


# --- The meter ------------------------------------------------------------------------------------


@pytest.mark.parametrize("large", [False, True])
def test_the_bar_grows_with_the_choices_and_is_full_at_the_last_mark(qtbot: QtBot, large: bool) -> None:
    if large:
        look(LARGE_TYPE)
    meter: ChoiceMeter = show(qtbot, ChoiceMeter(), 1200, 60)
    widths = []
    for count, color in ((ENOUGH // 2, "accent"), (ENOUGH, "good"), (SAFE, "good"), (2 * SAFE, "good")):
        meter.show_count(count)
        widths.append(int(painted(meter, theme.current().content.color(color)).any(axis=0).sum()))
    assert widths[0] < widths[1] < widths[2]
    assert abs(widths[2] - meter.bar().width()) < meter.bar().height()
    assert abs(widths[1] / widths[2] - ENOUGH / SAFE) < 0.03
    assert abs(widths[3] - widths[2]) <= meter.bar().height() + widths[2] // 20  # another number is wider


# --- Words ----------------------------------------------------------------------------------------


def choices(longer: int, shorter: int) -> list[Choice]:
    rows = [(1, 2)] * longer + [(2, 1)] * shorter
    return [Choice("The fox", ("is very large.", "runs."), ranks) for ranks in rows]


@pytest.mark.parametrize(
    ("longer", "shorter", "words"),
    [
        (0, 0, "12 choices are enough"),
        (1, 0, "1 choice: which answer do you like better? 11 more"),
        (3, 4, "7 choices: which answer do you like better? 5 more"),
        (9, 3, "12 choices, enough to try: the longer answer won 75 %"),
        (4, 16, "20 choices, enough to try: the shorter answer won 80 %"),
        (10, 10, "length did not decide, the longer answer won 50 %"),
    ],
)
def test_the_sentence_counts_and_names_the_length(longer: int, shorter: int, words: str) -> None:
    assert words in plain(sentence(choices(longer, shorter)))


@given(st.lists(CHOICES.filter(lambda choice: bool(choice.pairs)), min_size=1, max_size=20))
def test_the_share_of_longer_answers_is_that_of_a_plain_count(decided: list[Choice]) -> None:
    best = [choice.answers[choice.ranks.index(1)] for choice in decided]
    other = [choice.answers[choice.ranks.index(2)] for choice in decided]
    points = [1.0 if len(a) > len(b) else 0.5 if len(a) == len(b) else 0.0 for a, b in zip(best, other, strict=True)]
    assert longer_share(decided) == pytest.approx(sum(points) / len(points))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_sentences_are_short(language: str) -> None:
    i18n.set_language(language)
    for longer, shorter in ((0, 0), (5, 6), (9, 3), (50, 250), (60, 60)):
        assert len(sentence(choices(longer, shorter))) <= {"en": 120, "ja": 60}[language]


def test_judges_that_are_no_person_are_marked() -> None:
    assert [shown_judge(judge) for judge in ("Anna", "", "short", f"{BY_PRINCIPLE}Be kind.")] == [
        "Anna",
        "unnamed",
        "simulated: short",
        "the model, by: Be kind.",
    ]
    assert [is_person(judge) for judge in ("Anna", "", *TASTES, f"{BY_PRINCIPLE}x")] == [True, True, *[False] * 6]


# --- The list -------------------------------------------------------------------------------------


@QUICK
@given(added=st.lists(CHOICES, min_size=1, max_size=8), data=st.data())
def test_every_change_of_the_list_can_be_undone_and_redone(
    window: MainWindow, engine: FakeEngine, tmp_path: Path, added: list[Choice], data: st.DataObject
) -> None:
    shared = SharedChoices(window.workspace.pane(TuningPane))
    shared.path = tmp_path / "choices.jsonl"
    states = [shared.choices]
    for choice in added:
        act = data.draw(st.sampled_from(["add", "put", "remove"])) if shared.choices else "add"
        row = data.draw(st.integers(0, max(0, len(shared.choices) - 1)))
        if act == "add":
            shared.add(choice)
        elif act == "put":
            shared.put(row, choice)
        else:
            shared.remove([row])
        if shared.choices != states[-1]:
            states.append(shared.choices)
    for state in reversed(states[:-1]):
        shared.undo()
        assert shared.choices == state
    assert not shared.can_undo
    for state in states[1:]:
        shared.redo()
        assert shared.choices == state
    assert not shared.can_redo
