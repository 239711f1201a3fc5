"""Cards are painted at any size, and show their text as large as it fits."""

import numpy as np
import pytest
from PySide6.QtCore import QSize
from pytestqt.qtbot import QtBot

from gui.theme import GAP_M
from gui.widgets.card import Card
from tests.gui.hands import painted, show


@pytest.mark.parametrize("size", [(200, 5), (30, 40), (200, 60), (400, 300)])
def test_a_card_without_room_for_its_words_shows_those_that_fit(qtbot: QtBot, size: tuple[int, int]) -> None:
    card = Card()
    qtbot.addWidget(card)
    card.show_words("30 seconds", ("about 300 steps",), "An earlier run wrote", "The rabbit sleeps.")
    card.setFixedSize(QSize(*size))
    with qtbot.captureExceptions() as raised:
        card.grab()
    assert raised == []
    assert all(card.rect().contains(place.topLeft()) for place, *_ in card.lines())
    assert len(card.lines()) == {5: 0}.get(size[1], len(card.lines()))


@pytest.mark.parametrize("text", ["Open SmolLM2", "Why is the sky blue?", "森に住む動物を二つ挙げてください。"])
def test_a_text_alone_is_painted_whole_and_larger_in_a_larger_card(qtbot: QtBot, text: str) -> None:
    amounts = []
    for width, height in ((130, 110), (400, 200)):
        card = show(qtbot, Card(), width, height)
        card.show_words("", (), "", text)
        ink = painted(card, card.theme.color("text"))
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        assert 4 < rows[0] <= rows[-1] < height - 5
        assert 4 < columns[0] <= columns[-1] < width - 5
        amounts.append(int(ink.sum()))
    assert card.text() == text
    assert amounts[0] < amounts[1]


@pytest.mark.parametrize("title", ["Open text files…", "A title in smaller type than the others"])
def test_a_low_card_without_facts_shows_its_text_below_the_title(qtbot: QtBot, title: str) -> None:
    card = show(qtbot, Card(), 220, 100)
    card.show_words(title, (), "Any plain text will do:", "A book, or your notes.")
    with_text = painted(card, card.theme.color("text"))
    card.show_words(title, (), "Any plain text will do:")
    without = painted(card, card.theme.color("text"))
    below = max(place.bottom() for place, *_ in card.lines())
    assert with_text[below:].sum() > without[below:].sum()
    assert (with_text[:below] == without[:below]).all()


def test_a_text_alone_is_smaller_where_a_line_would_be_missing(qtbot: QtBot) -> None:
    card = show(qtbot, Card(), 84, 106)  # as in four tiles in large type
    heights = []
    for text in ("Name two animals that live in the forest.", "Name two animals that live"):
        card.show_words("", (), "", text)
        rows = np.flatnonzero(painted(card, card.theme.color("text")).any(axis=1))
        heights.append(int(rows[-1] - rows[0]))
    pad = card.theme.px(GAP_M)
    assert 106 / 2 < heights[0] <= 106 - 2 * pad  # all of it: five lines in small type
    assert heights[1] > 106 / 2  # four lines in larger type
