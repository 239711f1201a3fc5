"""What a stranger stumbled over who used Nakami through its window for the first time."""

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine import messages as m
from gui import i18n
from gui.i18n import t
from gui.main_window import MainWindow
from gui.theme import SMALL
from gui.widgets.cloud import Cloud
from gui.widgets.head_badges import HeadBadges


@pytest.fixture
def pane(window: MainWindow, qtbot: QtBot) -> Any:
    """The Embeddings pane in a grid on a small screen."""
    window.resize(1280, 720)
    window.state.set_model(m.ModelInfo("story", "", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    window.state.set_text("abcde")
    window.workspace.set_layout(4, ["training", "generation", "attention", "embeddings"])
    found: Any = window.workspace.pane("embeddings")
    qtbot.waitUntil(lambda: found.map is not None and found.row is not None)
    return found


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("size", [(40, 30), (120, 120), (400, 130), (900, 600)])
def test_the_name_of_an_axis_is_whole_or_not_there(qtbot: QtBot, language: str, size: tuple[int, int]) -> None:
    i18n.set_language(language)
    cloud = Cloud()
    qtbot.addWidget(cloud)
    cloud.resize(*size)
    cloud.set_points(np.eye(2, dtype=np.float32), fit=True)
    cloud.set_explained((0.61, 0.27))
    for name, share, room in zip(cloud.axes(), ("61", "27"), size, strict=True):
        assert QFontMetricsF(cloud.theme.font(SMALL - 1)).horizontalAdvance(name) < room
        assert share in name if room >= 120 else name == ""
    cloud.set_explained(())
    assert cloud.axes() == ("", "")


def test_the_words_about_a_point_take_no_room_from_the_map(pane: Any, qtbot: QtBot) -> None:
    height = pane.cloud.height()
    pane.cloud.grab()
    QTest.mouseMove(pane.cloud, pane.cloud.at(7).toPoint())
    qtbot.waitUntil(pane.words.isVisible)
    assert "ID" in pane.words.text() and pane.cloud.height() == height
    assert pane.words.geometry().bottom() <= height
    QApplication.sendEvent(pane.cloud, QEvent(QEvent.Type.Leave))
    assert not pane.words.isVisible()


def test_a_small_map_uses_most_of_its_height(qtbot: QtBot) -> None:
    cloud = Cloud()
    qtbot.addWidget(cloud)
    cloud.resize(400, 120)
    points = np.random.default_rng(1).uniform(-1, 1, (200, 2)).astype(np.float32)
    cloud.set_points(points, fit=True)
    cloud.grab()
    heights = [cloud.at(index).y() for index in range(200)]
    assert max(heights) - min(heights) > 0.6 * 120
    assert min(heights) > 0 and max(heights) < 120


def test_badges_are_all_in_whole_or_all_in_short(qtbot: QtBot) -> None:
    badges = HeadBadges()
    qtbot.addWidget(badges)
    badges.set_scores(np.full((len(m.HEAD_KINDS), 2, 2), 0.5, np.float32))
    badges.show()
    seen = set()
    for width in range(100, 500, 20):
        badges.resize(width, 70)
        words = tuple(button.text() for button in badges.buttons)
        short = tuple(t("widget.badges.best", name=t(f"widget.badges.short.{k}"), percent="50") for k in m.HEAD_KINDS)
        whole = tuple(t("widget.badges.best", name=t(f"widget.badges.name.{k}"), percent="50") for k in m.HEAD_KINDS)
        assert words in (short, whole)
        seen.add(words)
    assert len(seen) == 2
