"""A text longer than the model's context: every pane that shows a part of it reports so."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.messages.attention import Attend, AttentionLayer
from engine.messages.embeddings import EmbeddingPaths, TracePaths
from engine.messages.generation import ContextUsed, PredictNext
from engine.messages.map import TraceForward
from gui.i18n import t
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, candidates, forward_trace, model

LONG = "The cat sat on the mat. " * 30


def shown(window: MainWindow, pane_id: str, restore: dict[str, Any] | None = None) -> Any:
    """Open a pane with a model whose context is 16 tokens and a long text."""
    window.state.set_model(model())
    window.workspace.set_layout(1, [pane_id])
    pane = window.workspace.pane(pane_id)
    pane.restore(restore or {})
    window.state.set_text(LONG)
    return pane


def layer(first: int) -> AttentionLayer:
    pieces = tuple("abcdefghijklmnop")
    return AttentionLayer(pieces, first, 0, 1, np.full((2, 16, 16), 1 / 16, np.float16))


def paths(first: int) -> EmbeddingPaths:
    return EmbeddingPaths(
        tuple("abcdefghijklmnop"), first, ("latin",) * 16, np.zeros((3, 16, 2), np.float32), (0.5, 0.4)
    )


ANSWERS: dict[str, tuple[type, Any]] = {
    "generation": (PredictNext, lambda first: [ContextUsed(16 + first, 16), candidates()]),
    "attention": (Attend, lambda first: [layer(first)]),
    "embeddings": (TracePaths, lambda first: [paths(first)]),
}


@pytest.mark.parametrize("pane_id", ANSWERS)
def test_a_pane_says_that_the_model_sees_only_the_end_of_the_text(
    window: MainWindow, engine: FakeEngine, qtbot: QtBot, pane_id: str
) -> None:
    request, answers = ANSWERS[pane_id]
    engine.answers[request] = lambda _: answers(704)
    pane = shown(window, pane_id, {"method": "layers"})
    sentence = t("notice.text_cut", seen=16, tokens=720, context=16)
    qtbot.waitUntil(lambda: pane.messages.isVisible() and pane.messages.label.text() == sentence)
    engine.answers[request] = lambda _: answers(0)
    window.state.set_text("short")
    qtbot.waitUntil(lambda: not pane.messages.isVisible())


def test_the_map_reports_it_and_a_closed_notice_returns_only_for_another_text(
    window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.answers[TraceForward] = lambda request: [replace(forward_trace(request)[0], first=700, seen=16)]
    pane = shown(window, "map")
    qtbot.waitUntil(lambda: pane.messages.isVisible() and "16" in pane.messages.label.text())
    pane.report_context(16, 720)
    assert "720" in pane.messages.label.text()
    pane.messages.dismiss.click()
    pane.report_context(16, 720)
    assert not pane.messages.isVisible()
    pane.report_context(16, 721)
    assert pane.messages.isVisible()


@pytest.mark.parametrize("pane_id", ANSWERS)
def test_the_notice_goes_with_the_text(window: MainWindow, engine: FakeEngine, qtbot: QtBot, pane_id: str) -> None:
    request, answers = ANSWERS[pane_id]
    engine.answers[request] = lambda _: answers(704)
    pane = shown(window, pane_id, {"method": "layers"})
    qtbot.waitUntil(lambda: pane.messages.isVisible())
    window.state.set_text("")
    assert not pane.messages.isVisible()


def test_a_view_that_does_not_cut_the_text_shows_no_notice_of_another_view(
    window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.answers[PredictNext] = lambda _: [ContextUsed(720, 16), candidates()]
    pane = shown(window, "generation")
    qtbot.waitUntil(lambda: pane.messages.isVisible())
    pane.mode.choose("compare")
    assert not pane.messages.isVisible()
    pane.mode.choose("write")
    qtbot.waitUntil(lambda: pane.messages.isVisible())
