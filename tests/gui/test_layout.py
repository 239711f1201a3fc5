"""Four tiles, small screens and large type: nothing is cut."""

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.messages.texts import TextInfo
from gui.window.keys import KeyList
from gui.window.main_window import MainWindow
from gui.window.workspace import FAVOURITES
from tests.gui.fakes import model
from tests.gui.hands import cut_buttons


@pytest.mark.parametrize("language", ["en", "ja"])
def test_four_tiles_have_the_same_size_and_uncut_buttons(window: MainWindow, qtbot: QtBot, language: str) -> None:
    window.appearance.set_language(language)
    window.resize(1280, 720)
    window.state.set_model(model())
    window.state.set_text("abc")
    window.state.set_corpus(TextInfo(("story.txt",), "story.txt", 1, 200_000, 134_387, "utf-8", "abc"))
    window.workspace.set_layout(4, ["training", "generation", "attention", "embeddings"])
    tiles = window.workspace.tiles
    qtbot.waitUntil(lambda: max(tile.width() for tile in tiles) - min(tile.width() for tile in tiles) <= 1)
    assert max(tile.height() for tile in tiles) - min(tile.height() for tile in tiles) <= 1
    page = window.workspace.pane("generation").writing.page  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: page.bars.geometry().right() <= page.width())
    buttons = (page.play_button, page.step_button, page.back_button, page.more_button)
    qtbot.waitUntil(
        lambda: page.tools.isHidden() or all(b.width() >= b.minimumSizeHint().width() for b in buttons),
    )


def test_the_tile_in_which_a_run_is_started_stays_the_current_one(window: MainWindow, qtbot: QtBot) -> None:
    window.state.set_corpus(TextInfo(("story.txt",), "story.txt", 1, 200_000, 134_387, "utf-8", "abc"))
    window.workspace.set_layout(4, ["training", "generation", "attention", "embeddings"])
    window.show_pane("training")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    pane: Any = window.workspace.pane("training")
    qtbot.waitUntil(pane.start_page.start_button.isVisible)
    QTest.mouseClick(pane.start_page.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not pane.start_page.start_button.isVisible())
    assert pane.isAncestorOf(QApplication.focusWidget())
    assert window.workspace.current == 0


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("zoom", [1.0, 2.0])
@pytest.mark.parametrize("panes", [FAVOURITES, ("tokens", "search", "map", "generation")], ids=["grid", "others"])
def test_no_button_of_four_tiles_on_a_projector_is_cut(
    window: MainWindow, qtbot: QtBot, panes: tuple[str, ...], zoom: float, language: str
) -> None:
    window.appearance.set_language(language)
    window.settings.zoom = zoom
    window.appearance.apply_theme()
    window.resize(1280, 720)
    window.state.set_model(model())
    window.state.set_text("abc")
    window.workspace.set_layout(4, list(panes))
    window.workspace.pane("search").try_company()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: not any(pane.asking() for pane in window.workspace.panes.values()))
    qtbot.waitUntil(lambda: cut_buttons(window) == [])


def test_four_tiles_in_large_type_get_the_room_of_the_tokens(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 720)
    window.state.set_model(model())
    window.state.set_text("abc")
    window.workspace.choose_count(4)
    qtbot.waitUntil(window.strip.isVisible)
    for _ in range(5):
        window.appearance.change_zoom(1, controls=True)
    assert window.strip.isHidden()
    window.workspace.choose_count(1)
    assert window.strip.isVisible()


@pytest.mark.parametrize("zoom", [1.0, 2.0])
def test_the_list_of_keys_fits_a_projector(window: MainWindow, zoom: float) -> None:
    window.settings.zoom = zoom
    window.resize(1280, 720)
    window.appearance.apply_theme()
    window.show_keys()
    [box] = window.findChildren(KeyList)
    assert box.sizeHint().height() <= 720
    assert box.sizeHint().width() <= 1280
    box.close()


@pytest.mark.parametrize("zoom", [1.0, 1.5, 2.0])
def test_the_buttons_of_a_small_tile_are_uncut_in_large_type(window: MainWindow, qtbot: QtBot, zoom: float) -> None:
    window.settings.zoom = zoom
    window.appearance.apply_theme()
    window.resize(1280, 720)
    window.state.set_model(model())
    window.state.set_text("abc")
    window.workspace.set_layout(4, ["training", "generation", "attention", "embeddings"])
    window.show_pane("generation")
    page = window.workspace.pane("generation").writing.page  # type: ignore[attr-defined]
    shown = (page.play_button, page.step_button, page.back_button, page.controls)
    qtbot.waitUntil(
        lambda: (
            page.tools.isHidden()
            or (
                all(w.isHidden() or w.height() >= w.minimumSizeHint().height() for w in shown)
                and all(w.width() >= w.minimumSizeHint().width() for w in shown[:3])
            )
        )
    )


@pytest.mark.parametrize("zoom", [1.0, 2.0])
def test_the_rail_shows_uncut_names_or_icons_alone(window: MainWindow, qtbot: QtBot, zoom: float) -> None:
    window.settings.zoom = zoom
    window.appearance.apply_theme()
    window.resize(1280, 720)
    buttons = window.rail.buttons.values()
    qtbot.waitUntil(lambda: all(button.height() >= button.sizeHint().height() for button in buttons))
    named = [button.toolButtonStyle() != Qt.ToolButtonStyle.ToolButtonIconOnly for button in buttons]
    assert named == [zoom == 1.0] * len(named)
    assert all(button.text().replace("\n", "") in button.toolTip().replace(" ", "") for button in buttons)
