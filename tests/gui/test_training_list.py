"""Comparing runs in the Training pane: the list of earlier runs and their curves."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTreeWidgetItem
from pytestqt.qtbot import QtBot

from engine.messages.models import OpenModel
from engine.messages.training import (
    ListRuns,
)
from gui.panes.training.pane import TrainingPane
from tests.gui.fakes import FakeEngine
from tests.gui.training import begin, click, pane, summary

__all__ = ["pane"]  # a fixture


def row(pane: TrainingPane, name: str) -> QTreeWidgetItem:
    tree = pane.run_list.tree
    return next(
        item for n in range(tree.topLevelItemCount()) if (item := tree.topLevelItem(n)) and item.text(0) == name
    )


@pytest.fixture
def listed(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> TrainingPane:
    """Return the pane with a run in front and the list of runs open, with two others."""
    folders = ("/models/story-1", "/models/other-1", "/models/other-2")
    engine.answers[ListRuns] = lambda _: [summary(folder) for folder in folders]
    begin(qtbot, pane, engine)
    click(qtbot, pane.run_page.compare_button)
    qtbot.waitUntil(lambda: len(pane.run_list.runs) == 3)
    return pane


def test_ticked_runs_are_compared_each_with_its_own_line(qtbot: QtBot, listed: TrainingPane) -> None:
    other = row(listed, "other-1")
    assert [other.text(column) for column in range(1, 5)] == ["2.500", "98,765", "1:15", "40"]
    assert row(listed, "story-1").data(0, Qt.ItemDataRole.CheckStateRole) is None  # it is always shown
    other.setCheckState(0, Qt.CheckState.Checked)
    qtbot.waitUntil(lambda: "other-1" in listed.run_page.plot.legend.text())
    row(listed, "other-2").setCheckState(0, Qt.CheckState.Checked)
    qtbot.waitUntil(lambda: "other-2" in listed.run_page.plot.legend.text())
    looks = [(e.line, e.style) for e in listed.run_page.plot.legend.entries if e.text.startswith("other")]
    assert len(set(looks)) == 2
    other.setCheckState(0, Qt.CheckState.Unchecked)
    assert "other-1" not in listed.run_page.plot.legend.text()
    kept = [(e.line, e.style) for e in listed.run_page.plot.legend.entries if e.text == "other-2"]
    assert kept == looks[1:]  # it keeps its colour


def test_a_run_can_be_removed_from_the_list(qtbot: QtBot, listed: TrainingPane) -> None:
    listed.run_list.tree.setCurrentItem(row(listed, "story-1"))
    assert not listed.run_list.remove_button.isEnabled()
    listed.run_list.tree.setCurrentItem(row(listed, "other-1"))
    click(qtbot, listed.run_list.remove_button)
    assert "/models/other-1" not in listed.run_list.runs
    listed.restore(listed.save())
    listed.run_list.hide()
    click(qtbot, listed.run_page.compare_button)
    qtbot.waitUntil(lambda: len(listed.run_list.runs) == 2)


def test_a_run_of_the_list_is_opened_as_the_model(qtbot: QtBot, listed: TrainingPane, engine: FakeEngine) -> None:
    listed.run_list.tree.setCurrentItem(row(listed, "other-2"))
    click(qtbot, listed.run_list.open_button)
    assert engine.asked(OpenModel)[-1].folder == "/models/other-2"
    assert not listed.run_list.isVisible()


def test_without_runs_the_list_shows_a_hint(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> None:
    engine.answers[ListRuns] = lambda _: []
    begin(qtbot, pane, engine)
    click(qtbot, pane.run_page.compare_button)
    assert pane.run_list.empty.isVisible()
    pane.run_list.hide()


def test_axes_and_views_are_remembered(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> None:
    begin(qtbot, pane, engine)
    pane.run_page.axis_choice.setCurrentIndex(1)
    pane.run_page.view_choice.setCurrentIndex(1)
    pane.run_page.log_button.setChecked(True)
    assert (pane.run_page.plot.axis, pane.run_page.plot.what) == ("tokens", "perplexity")
    saved = pane.save()
    pane.run_page.axis_choice.setCurrentIndex(0)
    pane.restore(saved)
    assert pane.run_page.plot.axis == "tokens"
