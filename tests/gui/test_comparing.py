"""Comparing in the Generation pane: pinning A, both texts, the divergence, and the candidates of both."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from engine.messages.comparing import Compare, Comparison, Pin, Pinned, Unpin
from engine.messages.generation import Generate
from engine.messages.scoring import Expect, Expected
from gui.panes.generation.alignment import stretches
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, candidates, compared, model, read
from tests.gui.hands import click


def compared_by_text(request: Compare) -> list[object]:
    """Compare letters with pairs of letters."""
    pairs = [request.text[i : i + 2] for i in range(0, len(request.text), 2)]
    return [Comparison(read(list(request.text), 1.0), read(pairs, 7.0), None, None)]


@pytest.fixture
def pane(qtbot: QtBot, window: MainWindow, engine: FakeEngine) -> Any:
    engine.answers |= {
        Pin: lambda _: [Pinned(replace(model(), name="first"), (), 0)],
        Unpin: lambda _: [Pinned(None)],
        Compare: compared,
        Expect: lambda _: [Expected(candidates(), None)],
    }
    window.prompt.set_text("cats")
    window.state.set_text("cats")
    window.show_pane("generation")
    window.workspace.choose_count(1)
    window.state.set_model(model())
    found: Any = window.workspace.pane("generation")
    found.mode.choose("compare")
    return found


def pinned(qtbot: QtBot, pane: Any) -> None:
    qtbot.mouseClick(pane.comparing.page.pin_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.comparing.found is not None and not pane.asking())


def test_another_text_stops_the_writing_of_both_models(qtbot: QtBot, window: MainWindow, pane: Any) -> None:
    qtbot.mouseClick(pane.comparing.page.pin_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.state.pinned is not None)
    qtbot.mouseClick(pane.comparing.page.write_button, Qt.MouseButton.LeftButton)
    assert pane.asking("write now")
    window.state.set_text("dogs")
    assert not pane.asking("write now")
    qtbot.waitUntil(lambda: pane.comparing.found is not None and not pane.asking())
    assert pane.comparing.text == "dogs"


def test_a_model_is_pinned_and_unpinned_and_the_status_line_says_so(
    pane: Any, window: MainWindow, qtbot: QtBot
) -> None:
    page = pane.comparing.page
    assert page.empty.isVisible()
    assert "Pin this model" in page.empty.words.text()
    pinned(qtbot, pane)
    assert page.titles["a"].text() == "A: first"
    assert window.status.model.toolTip().startswith("A: first")
    qtbot.mouseClick(page.unpin_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.state.pinned is None)
    assert "A: first" not in window.status.model.toolTip()
    assert pane.comparing.found is None


def test_both_read_the_text_and_the_summary_names_the_greatest_divergence(pane: Any, qtbot: QtBot) -> None:
    pinned(qtbot, pane)
    page = pane.comparing.page
    assert page.texts["now"].text() == page.texts["a"].text() == "cats"
    assert "at most 2.00 at s" in page.summary.text()
    assert page.curve.surprisals[1:] == pytest.approx(np.linspace(0.1, 2.0, 3))
    assert pane.table().header == ("position", "text", "kl_bits", "js_bits")


def test_a_place_is_predicted_by_both(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    pinned(qtbot, pane)
    page = pane.comparing.page
    click(page.curve, QPoint(round(page.curve.area().right()) - 3, 40))
    asked = engine.asked(Expect)[-2:]
    assert [(one.place, one.pinned) for one in asked] == [(3, False), (3, True)]
    qtbot.waitUntil(lambda: not pane.asking())
    assert "Expected at s" in page.place_words.text()
    assert page.bars["a"].candidates is not None


def test_other_vocabularies_are_compared_by_text(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[Compare] = compared_by_text
    pinned(qtbot, pane)
    page = pane.comparing.page
    assert "not defined" in page.summary.text()
    assert pane.table().header[2:] == ("now_bits", "a_bits")
    assert pane.table().rows[1] == (1, "ts", pytest.approx(2.0), pytest.approx(7.0))
    click(page.curve, QPoint(round(page.curve.area().right()) - 3, 40))
    now, other = engine.asked(Expect)[-2:]
    assert (now.text, now.place, other.text, other.place) == ("cats", 2, "ca", 2)


def test_both_write_from_the_same_text(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    pinned(qtbot, pane)
    qtbot.mouseClick(pane.comparing.page.write_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(engine.asked(Compare)) == 2 and not pane.asking())
    assert [one.pinned for one in engine.asked(Generate)[-2:]] == [False, True]
    assert engine.asked(Compare)[-1].text.startswith("catsabc")
    assert pane.comparing.page.texts["a"].text().startswith("catsabc")


CUTS = st.lists(st.integers(0, 3), max_size=30)


def cut(text: str, lengths: list[int]) -> list[str]:
    parts, place = [], 0
    for length in lengths:
        parts.append(text[place : place + length])
        place += length
    return [*parts, text[place:]]


@given(st.text(min_size=1, max_size=30), CUTS, CUTS)
def test_stretches_hold_the_same_text_in_the_tokens_of_both(text: str, one: list[int], two: list[int]) -> None:
    first, second = cut(text, one), cut(text, two)
    found = stretches(first, second)
    assert all("".join(first[a]) == "".join(second[b]) for a, b in found)
    assert [i for a, _ in found for i in range(len(first))[a]] == list(range(len(first)))
    assert [i for _, b in found for i in range(len(second))[b]] == list(range(len(second)))


def test_stretches_are_the_shortest_ones() -> None:
    assert stretches(["a", "bc", "d"], ["ab", "c", "d"]) == [
        (slice(0, 2), slice(0, 2)), (slice(2, 3), slice(2, 3)),
    ]  # fmt: skip


def test_equal_models_are_said_to_be_equal(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    letters, zero = list("cats"), np.array([np.nan, 0.0, 0.0, 1e-9])
    engine.answers[Compare] = lambda _: [Comparison(read(letters, 1.0), read(letters, 1.0), zero, zero)]
    pinned(qtbot, pane)
    assert "predict the same" in pane.comparing.page.summary.text()
