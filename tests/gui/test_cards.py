"""The cards of the Training pane are painted at any size."""

import pytest
from PySide6.QtCore import QSize
from pytestqt.qtbot import QtBot

from gui.panes.training.card import Card


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
