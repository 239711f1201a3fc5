"""The main window: typing, opening and dropping files, languages, tiles, and the settings of the next start."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.models import OpenModel
from engine.messages.moments import ListMoments
from engine.messages.status import Hello, Progress
from engine.messages.texts import InspectText
from engine.messages.tuning import ListPairSets, ScaleAdaptation
from gui import i18n
from gui.i18n import t
from gui.panes import PANE_IDS
from gui.panes.attention.pane import AttentionPane
from gui.samples import BUILTIN, path_of
from gui.settings import Settings
from gui.window.main_window import MainWindow
from gui.window.model_chooser import ModelChooser
from tests.gui.fakes import FakeEngine, model


def type_text(qtbot: QtBot, window: MainWindow, text: str) -> None:
    window.prompt.setFocus()
    window.prompt.selectAll()
    qtbot.keyClicks(window.prompt, text)
    qtbot.waitUntil(lambda: window.state.text == text)


def open_model(qtbot: QtBot, window: MainWindow) -> None:
    window.state.set_model(model())
    qtbot.waitUntil(lambda: window.state.tokens is not None)


def test_where_nothing_is_open_three_ways_to_begin_are_shown(window: MainWindow) -> None:
    assert window.invitation.isVisible()
    assert window.invitation.headline.text() == t("invitation.headline")
    assert window.invitation.examples.menu() is window.top.examples.menu()
    window.invitation.dismiss.click()
    assert not window.invitation.isVisible()


def test_a_click_opens_the_sample_text(qtbot: QtBot, window: MainWindow, engine: FakeEngine) -> None:
    window.actions_table.by_name["sample"].trigger()
    qtbot.waitUntil(lambda: window.state.corpus is not None)
    [asked] = engine.asked(InspectText)
    assert Path(asked.paths[0]).name == "en.txt"
    assert Path(asked.paths[0]).is_file()
    assert not window.invitation.isVisible()
    qtbot.waitUntil(lambda: window.state.text == "The cat sat.")


def test_typed_text_is_tokenized(qtbot: QtBot, window: MainWindow) -> None:
    open_model(qtbot, window)
    type_text(qtbot, window, "happy cat")
    qtbot.waitUntil(lambda: window.state.tokens is not None and window.state.tokens.text == "happy cat")
    assert window.strip.isVisible()
    assert window.strip.tokens is window.state.tokens


def test_a_token_selected_in_the_strip_is_selected_in_the_panes(qtbot: QtBot, window: MainWindow) -> None:
    open_model(qtbot, window)
    type_text(qtbot, window, "abc")
    qtbot.waitUntil(lambda: window.state.tokens is not None and len(window.state.tokens.pieces) == 3)
    window.show_pane("attention")
    qtbot.waitUntil(lambda: window.workspace.pane(AttentionPane).patterns is not None)
    window.strip.setFocus()
    qtbot.keyClick(window.strip, Qt.Key.Key_Right)
    qtbot.keyClick(window.strip, Qt.Key.Key_Right)
    assert window.state.token == 1
    assert window.strip.current == 1
    assert window.workspace.pane("attention").heatmap.row == 1  # type: ignore[attr-defined]
    qtbot.keyClick(window.strip, Qt.Key.Key_Escape)
    assert window.state.token is None


def drop(window: MainWindow, path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    window.dropEvent(QDropEvent(QPointF(5, 5), action, mime, button, Qt.KeyboardModifier.NoModifier))


def test_a_dropped_file_is_opened(qtbot: QtBot, window: MainWindow, engine: FakeEngine, tmp_path: Path) -> None:
    path = tmp_path / "neko.txt"
    path.write_text("吾輩は猫である。", "utf-8")
    drop(window, path)
    qtbot.waitUntil(lambda: window.state.corpus is not None)
    assert engine.asked(InspectText)[-1].paths == (str(path),)
    assert window.settings.recent[0] == str(path)


@pytest.fixture(params=["command line", "dialog", "drop"])
def open_today(
    request: pytest.FixtureRequest, engine: FakeEngine, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], MainWindow]]:
    """Return a function that starts with saved settings and opens a text of that name, in one of three ways."""
    for name in ("yesterday.txt", "today.txt"):
        (tmp_path / name).touch()
    yesterday = Settings(language="en", welcomed=True, text="a dog", corpus=[str(tmp_path / "yesterday.txt")])
    window = MainWindow(engine, yesterday, tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(window)
    window.show()

    def open_text(name: str) -> MainWindow:
        path = tmp_path / name
        monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(path)], ""))
        window.begin([str(path)] if request.param == "command line" else [])
        if request.param == "dialog":
            window.actions_table.by_name["open_text"].trigger()
        elif request.param == "drop":
            drop(window, path)
        return window

    yield open_text
    window.close()


def test_opening_another_text_replaces_the_prompt_and_undo_restores_it(
    open_today: Callable[[str], MainWindow], qtbot: QtBot
) -> None:
    window = open_today("today.txt")
    qtbot.waitUntil(lambda: window.state.text == "The cat sat.")
    assert window.prompt.toPlainText() == "The cat sat."
    window.prompt.undo()
    assert window.prompt.toPlainText() == "a dog"


def test_the_same_text_opened_again_keeps_its_prompt(open_today: Callable[[str], MainWindow], qtbot: QtBot) -> None:
    window = open_today("yesterday.txt")
    qtbot.waitUntil(lambda: window.state.corpus is not None)
    assert window.prompt.toPlainText() == "a dog"


def test_a_prompt_typed_while_a_text_opens_is_kept(open_today: Callable[[str], MainWindow], qtbot: QtBot) -> None:
    window = open_today("today.txt")
    window.prompt.selectAll()
    QTest.keyClicks(window.prompt, "mine")  # while the engine still reads the file
    qtbot.waitUntil(lambda: window.state.corpus is not None)
    assert window.prompt.toPlainText() == "mine"


def test_a_folder_with_a_model_is_opened_as_a_model(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("{}")
    window.opening.open_paths([str(tmp_path / "m")])
    qtbot.waitUntil(lambda: window.state.model is not None)
    assert window.state.model is not None
    assert window.state.model.folder == str(tmp_path / "m")
    assert "123,456" in window.status.model.text()


def test_a_failure_is_shown_in_the_current_language(qtbot: QtBot, window: MainWindow, engine: FakeEngine) -> None:
    failed = Ended(0, "failed", "error.text_empty", {"file": "a.txt"})
    engine.answers[InspectText] = lambda _: [failed]
    window.opening.open_paths(["a.txt"])
    qtbot.waitUntil(window.banner.isVisible)
    assert window.banner.label.text() == "a.txt is empty. Choose a file with text in it."
    window.appearance.toggle_language()
    assert window.banner.label.text().startswith("a.txt は空のファイルで")


def test_a_missing_font_does_not_hide_a_failure(
    qtbot: QtBot, window: MainWindow, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gui.window.main_window.has_japanese_font", lambda: False)
    engine.answers[InspectText] = lambda _: [Ended(0, "failed", "error.text_empty", {"file": "a.txt"})]
    window.begin(["a.txt"])
    assert window.banner.label.text() == t("notice.no_japanese_font")
    qtbot.waitUntil(lambda: window.banner.label.text() == t("error.text_empty", file="a.txt"))
    qtbot.mouseClick(window.banner.dismiss, Qt.MouseButton.LeftButton)
    assert window.banner.label.text() == t("notice.no_japanese_font")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("pane_id", PANE_IDS)
def test_every_pane_opens_in_every_language_and_theme(
    qtbot: QtBot, window: MainWindow, engine: FakeEngine, pane_id: str, language: str, theme: str
) -> None:
    engine.answers |= dict.fromkeys((ListPairSets, ListMoments, ScaleAdaptation), lambda _: [])
    window.appearance.set_language(language)
    if window.theme.name != theme:
        window.appearance.toggle_theme()
    window.show_pane(pane_id)
    open_model(qtbot, window)
    type_text(qtbot, window, "abcabc")
    pane = window.workspace.pane(pane_id)
    qtbot.waitUntil(lambda: not pane.asking() and pane.height() > 50)  # answered, and laid out
    assert pane.isVisible()
    assert pane.theme.name == theme
    picture = pane.grab().toImage()
    assert len({picture.pixel(x, y) for x in range(0, picture.width(), 7) for y in range(0, picture.height(), 7)}) > 3
    pane.restore(pane.save())
    pane.restore({"sampling": 3, "length": "x", "axis": 99, "color": None, "preset": 5})
    title = next(tile.title for tile in window.workspace.tiles if tile.pane is pane)
    assert title.text() == t(f"pane.{pane_id}.title")


def test_a_key_switches_the_language(qtbot: QtBot, window: MainWindow) -> None:
    window.show_pane("training")
    with qtbot.waitActive(window):
        window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert i18n.language() == "ja"
    assert window.rail.buttons["training"].text() == "学習"
    qtbot.keyClick(window, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert window.rail.buttons["training"].text() == "Training"


def test_qts_own_menus_and_dialogs_follow_the_language(qtbot: QtBot, window: MainWindow) -> None:
    def labels() -> list[str]:
        menu = window.prompt.createStandardContextMenu()
        qtbot.addWidget(menu)
        files = QFileDialog()
        qtbot.addWidget(files)
        copy = next(action.text() for action in menu.actions() if "Ctrl+C" in action.text())
        return [copy, *(button.text() for button in files.findChildren(QPushButton))]

    english = ["&Copy\tCtrl+C", "&Open", "Cancel"]
    assert labels() == english
    window.appearance.set_language("ja")
    assert labels() == ["コピー(&C)\tCtrl+C", "開く(&O)", "キャンセル"]
    window.appearance.set_language("en")
    assert labels() == english


def test_what_panes_show_and_the_controls_are_enlarged_apart(qtbot: QtBot, window: MainWindow) -> None:
    controls, content = window.rail.buttons["training"], window.strip
    before, chips = controls.fontMetrics().height(), content.sizeHint().height()
    for _ in range(3):
        window.actions_table.by_name["zoom_in"].trigger()
    assert (window.settings.content_zoom, window.settings.zoom) == (1.5, 1.0)
    assert controls.fontMetrics().height() == before
    assert content.sizeHint().height() > chips
    window.actions_table.by_name["zoom_reset"].trigger()
    window.actions_table.by_name["controls_in"].trigger()
    assert (window.settings.content_zoom, window.settings.zoom) == (1.0, 1.15)
    assert controls.fontMetrics().height() > before
    assert content.sizeHint().height() == chips
    window.actions_table.by_name["zoom_reset"].trigger()
    assert (window.settings.content_zoom, window.settings.zoom) == (1.0, 1.0)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_workspace_shows_the_chosen_number_of_tiles(qtbot: QtBot, window: MainWindow, count: int) -> None:
    window.show_pane("training")
    window.actions_table.by_name[f"tiles_{count}"].trigger()
    assert len([tile for tile in window.workspace.tiles if tile.isVisible()]) == count
    assert len(set(window.workspace.layout_now())) == count
    assert "training" in window.workspace.layout_now()


def test_a_pane_put_into_the_tile_of_another_swaps_with_it(window: MainWindow) -> None:
    window.show_pane("training")
    first, second = window.workspace.layout_now()[:2]
    window.workspace.put(0, second)
    assert window.workspace.layout_now()[:2] == [second, first]


def test_enlarging_a_tile_twice_restores_the_layout(qtbot: QtBot, window: MainWindow) -> None:
    window.show_pane("generation")
    before = window.workspace.layout_now()
    window.actions_table.by_name["enlarge"].trigger()
    assert window.workspace.layout_now() == ["generation"]
    window.actions_table.by_name["enlarge"].trigger()
    assert window.workspace.layout_now() == before


def test_a_detached_pane_returns_when_its_window_closes(qtbot: QtBot, window: MainWindow) -> None:
    window.show_pane("training")
    index = window.workspace.layout_now().index("training")
    window.workspace.detach(index)
    pane = window.workspace.pane("training")
    assert pane.window() is not window
    assert "training" not in window.workspace.layout_now()
    pane.window().close()
    assert pane.window() is window
    assert "training" in window.workspace.layout_now()


def test_settings_are_restored_at_the_next_start(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    window.show_pane("training")
    window.appearance.set_language("ja")
    window.appearance.toggle_theme()
    window.workspace.choose_count(2)
    type_text(qtbot, window, "a cat")
    layout = window.workspace.layout_now()
    window.close()
    loaded, broken = Settings.load(tmp_path / "settings.json")
    assert not broken
    loaded.window = ""  # the screen of a test is smaller than the window was
    again = MainWindow(FakeEngine(), loaded, tmp_path / "settings.json")  # type: ignore[arg-type]
    again.resize(1400, 900)
    qtbot.addWidget(again)
    again.show()
    again.begin([])
    assert again.theme.name == "dark"
    assert i18n.language() == "ja"
    assert again.workspace.layout_now() == layout
    assert again.prompt.toPlainText() == "a cat"
    again.close()


@pytest.fixture
def opening(qtbot: QtBot, engine: FakeEngine, tmp_path: Path) -> Iterator[MainWindow]:
    """Start with saved settings, whose model is still being opened."""
    engine.answers.pop(OpenModel)
    yesterday = Settings(language="en", welcomed=True, text="a cat", model=str(tmp_path))
    window = MainWindow(engine, yesterday, tmp_path / "settings.json")  # type: ignore[arg-type]
    window.resize(1400, 900)
    qtbot.addWidget(window)
    window.show()
    window.begin([])
    yield window
    window.close()


def test_a_gguf_file_is_opened_as_a_model(qtbot: QtBot, window: MainWindow, engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "m.gguf").touch()
    window.opening.open_paths([str(tmp_path / "m.gguf")])
    qtbot.waitUntil(lambda: window.state.model is not None)
    assert window.state.model is not None
    assert window.state.model.folder == str(tmp_path / "m.gguf")


def test_smollm2_is_understood_like_a_path(window: MainWindow, engine: FakeEngine, tmp_path: Path) -> None:
    window.opening.open_paths([path_of("smollm2")])
    assert engine.asked(OpenModel)[-1].folder == "smollm2"
    assert path_of("text.txt") == str(Path("text.txt").absolute())


def test_the_menu_opens_smollm2(window: MainWindow, engine: FakeEngine) -> None:
    window.actions_table.by_name["smollm2"].trigger()
    assert engine.asked(OpenModel)[-1].folder == "smollm2"


def test_the_progress_of_opening_is_shown(opening: MainWindow, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.send(OpenModel, Progress("progress.opening", 0.4))
    qtbot.waitUntil(lambda: opening.status.engine.text() == "Opening the model: 40\u00a0%")


@pytest.mark.parametrize("pane_id", ["tokens", "embeddings", "attention", "generation", "map"])
@pytest.mark.parametrize("opens", [True, False])
def test_a_model_being_opened_is_not_reported_as_missing(
    opening: MainWindow, engine: FakeEngine, qtbot: QtBot, pane_id: str, opens: bool
) -> None:
    opening.show_pane(pane_id)
    page = opening.workspace.pane(pane_id).empty  # type: ignore[attr-defined]
    assert page.isVisible()
    assert page.headline.text() == opening.status.model.text() == "The model is being opened"
    assert not page.button.isVisible()
    if opens:
        engine.send(OpenModel, model())
        engine.end(OpenModel, Ended(0, "done"))
        assert page.headline.text() == ""  # while the answers are computed
        qtbot.waitUntil(lambda: not page.isVisible())
        assert "story-1" in opening.status.model.text()
    else:
        engine.end(OpenModel, Ended(0, "failed", "error.model_missing", {"folder": "x"}))
        assert page.headline.text() == "No model is open yet"
        assert page.button.isVisible()
        assert opening.status.model.text() == "No model open"


def test_a_dead_engine_is_reported_and_can_be_restarted(qtbot: QtBot, window: MainWindow, engine: FakeEngine) -> None:
    open_model(qtbot, window)
    engine.alive = False
    engine.died.emit()
    assert window.banner.isVisible()
    assert window.status.restart.isVisible()
    qtbot.mouseClick(window.status.restart, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.status.engine.text() == t("status.ready"))
    assert not window.banner.isVisible()
    assert len(engine.asked(Hello)) == 2


# --- Models ---------------------------------------------------------------------------------------


def test_models_are_chosen_in_a_dialog_beside_the_window(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> None:
    window.actions_table.by_name["models"].trigger()
    [chooser] = window.findChildren(ModelChooser)
    assert not chooser.isModal()
    window.actions_table.by_name["hub"].trigger()
    assert window.findChildren(ModelChooser) == [chooser]  # the same one
    assert chooser.focusWidget() is chooser.hub.name
    chooser.model_wanted.emit("/models/me--tiny")
    assert engine.requests[-1] == OpenModel("/models/me--tiny")
    chooser.close()
    qtbot.waitUntil(lambda: window.findChildren(QDialog) == [])  # closed dialogs are deleted


def test_the_list_of_keys_is_deleted_when_it_closes(window: MainWindow, qtbot: QtBot) -> None:
    window.show_keys()
    [box] = window.findChildren(QDialog)
    box.close()
    qtbot.waitUntil(lambda: window.findChildren(QDialog) == [])


def test_file_dialogs_open_in_the_users_last_folder_or_in_documents(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gui.dialogs.user_documents_path", lambda: tmp_path / "documents")
    for name in ("mine", ".hidden", "documents"):
        (tmp_path / name).mkdir()
    passed_over = [str(BUILTIN), str(tmp_path / ".hidden" / "model"), str(tmp_path / "gone" / "a.txt")]
    window.settings.recent = [*passed_over, str(tmp_path / "mine" / "a.txt")]
    assert window.opening._last_folder() == str(tmp_path / "mine")
    window.settings.recent = passed_over
    assert window.opening._last_folder() == str(tmp_path / "documents")
    (tmp_path / "documents").rmdir()
    assert window.opening._last_folder() == str(Path.home())


def test_the_invitation_is_as_high_as_its_words_need_in_a_narrow_window(qtbot: QtBot, window: MainWindow) -> None:
    words = window.invitation.words
    window.invitation.show()
    window.resize(900, 900)
    qtbot.waitUntil(lambda: words.width() < 400 and words.height() >= words.heightForWidth(words.width()))
