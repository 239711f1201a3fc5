"""What all panes share: the keys to reach them, the palette, sizes of tiles and type, and pictures to keep."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

from engine.messages.chat import Chat
from engine.messages.models import ListModels, OpenModel, StoredModel, StoredModels
from gui.panes import KEYS, PANE_IDS
from gui.samples import BUILTIN
from gui.settings import Settings
from gui.window.keys import KeyList
from gui.window.main_window import MainWindow
from gui.window.palette import Choice, Palette, rank
from gui.window.zoom_keys import add_zoom_keys
from tests.gui.fakes import FakeEngine, model
from tests.gui.hands import CONTROL, LEFT, NO_KEY, SHIFT, press, show


def activate(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitActive(window):
        window.activateWindow()


# --- Keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modifier", [NO_KEY, CONTROL])
@pytest.mark.parametrize("pane_id", ["map", "attention", "chat"])
def test_a_digit_shows_a_pane_and_puts_the_keyboard_into_it(
    window: MainWindow, qtbot: QtBot, pane_id: str, modifier: Qt.KeyboardModifier
) -> None:
    window.state.set_model(model())
    activate(qtbot, window)
    window.rail.buttons["tokens"].setFocus()
    qtbot.keyClick(window.rail.buttons["tokens"], KEYS[pane_id], modifier)
    assert pane_id in window.workspace.layout_now()
    pane, focused = window.workspace.pane(pane_id), QApplication.focusWidget()
    assert focused is pane or (focused is not None and pane.isAncestorOf(focused))
    assert not isinstance(focused, QLineEdit)  # where the next digit would be typed
    assert window.workspace.tiles[window.workspace.current].pane is pane


def test_a_digit_in_the_text_field_is_typed(window: MainWindow, qtbot: QtBot) -> None:
    activate(qtbot, window)
    before = window.workspace.layout_now()
    window.prompt.setFocus()
    qtbot.keyClicks(window.prompt, "h1")
    assert window.prompt.toPlainText() == "h1"
    assert window.workspace.layout_now() == before
    assert window.state.sentences


def test_the_rail_follows_the_order_of_a_lecture_in_groups(window: MainWindow) -> None:
    tops = {p: window.rail.buttons[p].mapTo(window.rail, QPoint()).y() for p in PANE_IDS}
    assert sorted(PANE_IDS, key=lambda p: tops[p]) == list(PANE_IDS)
    assert [KEYS[p] for p in PANE_IDS[:9]] == list("123456789")
    group = window.rail.names["inside"].mapTo(window.rail, QPoint()).y()
    assert tops["embeddings"] < group < tops["attention"]


@pytest.mark.parametrize(("size", "zoom"), [((1280, 720), 1.5), ((800, 560), 1.0), ((1600, 1000), 1.5)])
def test_the_rail_shows_all_buttons_with_names_where_there_is_room(
    window: MainWindow, qtbot: QtBot, size: tuple[int, int], zoom: float
) -> None:
    window.settings.zoom = zoom
    window.appearance.apply_theme()
    window.resize(*size)
    qtbot.waitUntil(lambda: window.width() == size[0])
    for button in window.rail.buttons.values():
        assert window.rail.rect().contains(button.geometry())
        assert button.toolButtonStyle() != Qt.ToolButtonStyle.ToolButtonIconOnly


def test_a_list_of_keys_is_shown_beside_the_window_and_closed_by_its_key(window: MainWindow, qtbot: QtBot) -> None:
    window.show_keys()
    [keys] = window.findChildren(KeyList)
    assert not keys.isModal()
    shown = {first.text(): second.text() for first, second in keys.rows}
    assert shown["1"] == "Show Map"
    assert shown["Ctrl+Shift++"] == "Larger buttons and menus"
    lefts = {first.x() for first, _ in keys.rows} | {second.x() for _, second in keys.rows}
    assert len(lefts) == 4  # every entry of a column begins at the same place
    window.show_keys()
    qtbot.waitUntil(lambda: not window.findChildren(KeyList))


@pytest.mark.parametrize(
    ("key", "modifier", "expected"),
    [
        (Qt.Key.Key_Plus, CONTROL, (1, False)),  # a German keyboard, and the number pad
        (Qt.Key.Key_Equal, CONTROL, (1, False)),  # a US keyboard
        (Qt.Key.Key_Semicolon, CONTROL, (1, False)),  # a Japanese keyboard
        (Qt.Key.Key_Plus, CONTROL | SHIFT, (1, True)),  # a US or Japanese keyboard
        (Qt.Key.Key_Asterisk, CONTROL | SHIFT, (1, True)),  # a German keyboard
        (Qt.Key.Key_Minus, CONTROL, (-1, False)),
        (Qt.Key.Key_Underscore, CONTROL | SHIFT, (-1, True)),
        (Qt.Key.Key_Minus, CONTROL | SHIFT, (-1, True)),
    ],
)
def test_plus_and_minus_work_on_keyboards_that_need_shift_for_them(
    qtbot: QtBot, key: Qt.Key, modifier: Qt.KeyboardModifier, expected: tuple[int, bool]
) -> None:
    field = show(qtbot, QLineEdit())
    changes: list[tuple[int, bool]] = []
    add_zoom_keys(field, lambda direction, controls: changes.append((direction, controls)))
    with qtbot.waitActive(field):
        field.activateWindow()
    QTest.keyClick(field.windowHandle(), key, modifier)
    assert changes == [expected]


def test_a_button_has_a_ring_only_while_the_keyboard_is_used(window: MainWindow, qtbot: QtBot) -> None:
    activate(qtbot, window)
    button = window.top.open
    QTest.mouseClick(window.windowHandle(), LEFT, NO_KEY, QPoint(700, 5))
    button.setFocus()
    assert not button.property("ring")
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Tab)
    focused = QApplication.focusWidget()
    assert isinstance(focused, QToolButton)
    assert focused.property("ring")
    QTest.mouseClick(window.windowHandle(), LEFT, NO_KEY, QPoint(700, 5))
    assert not focused.property("ring")


# --- The palette --------------------------------------------------------------------------------------


def test_choices_are_ranked_by_how_a_word_fits() -> None:
    names = ("King − man + woman", "A story", "Models…", "Kingdom", "The king")
    choices = [Choice("example", words, f"{words} 王", lambda: None) for words in names]

    def found(typed: str) -> list[str]:
        return [choice.words for choice in rank(typed, choices)]

    assert found("king") == ["King − man + woman", "Kingdom", "The king"]
    assert found("ｋｉｎｇ the") == ["The king"]  # as an input method may leave it
    assert found("kmw") == ["King − man + woman"]
    assert len(found("王")) == len(found("")) == len(names)
    assert found("xyz") == []


def test_the_palette_finds_panes_examples_models_and_commands(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine
) -> None:
    mine = StoredModel("Zebra-7B", "/models/zebra", "folder", "nakami", "", 0, 0, 0)
    engine.answers[ListModels] = lambda _: [StoredModels((mine,))]
    activate(qtbot, window)
    for typed, kind in (("attent", "pane"), ("breakfast", "example"), ("full sc", "command"), ("zebra", "model")):
        window.show_palette()
        [palette] = window.findChildren(Palette)
        qtbot.waitUntil(lambda p=palette: any(c.words == "Zebra-7B" for c in p.shown))  # type: ignore[misc]
        qtbot.keyClicks(palette.field, typed)
        assert palette.shown[0].kind == kind
        palette.reject()
        qtbot.waitUntil(lambda: not window.findChildren(Palette))


def test_return_does_what_is_chosen_in_the_palette(window: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    window.show_palette()
    [palette] = window.findChildren(Palette)
    qtbot.keyClicks(palette.field, "smollm2")
    press(palette.field, Qt.Key.Key_Return)
    assert engine.asked(OpenModel)[-1].folder == "smollm2"
    window.show_palette()
    palette = window.findChildren(Palette)[-1]
    press(palette.field, Qt.Key.Key_Down, Qt.Key.Key_Return)  # the second pane
    assert "tokens" in window.workspace.layout_now()


# --- Room ---------------------------------------------------------------------------------------------


def begun(qtbot: QtBot, tmp_path: Path, size: tuple[int, int], settings: Settings, *paths: str) -> MainWindow:
    window = MainWindow(FakeEngine(), settings, tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(window)
    window.resize(*size)
    window.show()
    window.begin(list(paths))
    return window


def test_a_small_window_begins_with_one_tile_unless_more_were_chosen_in_one(qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings(language="en", welcomed=True, tiles=4)
    small = begun(qtbot, tmp_path, (1280, 720), settings)
    assert small.workspace.count == 1
    small.workspace.choose_count(2)
    small.close()
    assert (settings.tiles, settings.tiles_small) == (4, 2)
    settings.window = ""  # the screen of a test is smaller than the windows
    large = begun(qtbot, tmp_path, (1400, 850), settings)
    assert large.workspace.count == 4
    large.close()
    settings.window = ""
    again = begun(qtbot, tmp_path, (1280, 720), settings)
    assert again.workspace.count == 2
    again.close()


def test_a_small_tile_shows_its_controls_only_while_it_is_used(window: MainWindow, qtbot: QtBot) -> None:
    activate(qtbot, window)
    window.state.set_model(model())
    pane = window.workspace.pane("map")
    control = QToolButton(pane.body)
    pane.add_controls(control)
    window.workspace.set_layout(1, ["map"])
    assert not pane.compact
    assert control.isVisible()
    window.workspace.set_layout(4, ["map", "training", "tokens", "chat"])
    window.resize(1000, 700)
    qtbot.waitUntil(lambda: pane.compact)
    window.prompt.setFocus()
    assert not control.isVisible()
    assert not window.workspace.tiles[0].sentence.isVisible()
    window.enter_pane("map")
    assert control.isVisible()
    window.prompt.setFocus()
    assert not control.isVisible()


def test_a_tile_becomes_small_when_its_content_is_enlarged(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1600, 1000)
    window.workspace.set_layout(4, ["map", "training", "tokens", "chat"])
    pane = window.workspace.pane("map")
    qtbot.waitUntil(lambda: not pane.compact)
    for _ in range(3):
        window.appearance.change_zoom(1)
    assert pane.compact
    window.appearance.reset_zoom()
    assert not pane.compact


def test_controls_grow_with_a_large_window_more_slowly_than_the_content(window: MainWindow) -> None:
    sizes = []
    for size in ((1280, 720), (1600, 1000), (1920, 1080), (2560, 1440), (3840, 2160)):
        window.appearance.set_room(*size)
        sizes.append((window.theme.px(100), window.content.px(100)))
    controls, contents = zip(*sizes, strict=True)
    assert controls[0] == contents[0] == 100
    assert list(controls[1:]) == sorted(set(controls[1:]))
    assert all(control < content for control, content in sizes[1:])
    window.appearance.change_zoom(1, controls=True)
    assert window.theme.px(100) == pytest.approx(1.15 * controls[-1], abs=1)


def test_nothing_moves_when_the_tokens_arrive(window: MainWindow, qtbot: QtBot) -> None:
    window.invitation.withdraw()
    window.show_pane("attention")
    window.state.set_opening(True)
    QApplication.processEvents()
    before = window.workspace.mapTo(window, QPoint()).y()
    window.state.set_model(model())
    window.prompt.set_text("happy cat")
    qtbot.waitUntil(lambda: window.state.tokens is not None and window.state.tokens.text == "happy cat")
    QApplication.processEvents()
    assert window.strip.isVisible()
    assert window.workspace.mapTo(window, QPoint()).y() == before


def test_a_text_to_train_on_opens_the_built_in_model_meanwhile(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    window = begun(qtbot, tmp_path, (1400, 850), Settings(language="en", welcomed=True), str(tmp_path / "a.txt"))
    assert window.engine.asked(OpenModel)[-1].folder == str(BUILTIN)  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: window.state.model is not None and window.state.corpus is not None)
    window.close()


# --- Pictures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "svg", "csv"])
def test_a_file_is_saved_in_pictures_or_documents_and_then_where_the_last_one_was(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, kind: str
) -> None:
    for name in ("pictures", "documents", "slides"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(f"gui.dialogs.user_{name}_path", lambda name=name: tmp_path / name, raising=False)
    proposed: list[str] = []

    def choose(_: object, title: str, suggestion: str, kinds: str) -> tuple[str, str]:
        proposed.append(suggestion)
        return str(tmp_path / "slides" / f"mine.{kind}"), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    window.state.set_model(model())
    window.workspace.set_layout(1, ["attention"])
    window.prompt.set_text("abc")
    pane = window.workspace.pane("attention")
    qtbot.waitUntil(lambda: pane.table() is not None)
    tile = window.workspace.tiles[0]
    for _ in range(2):
        {"png": tile.save_png, "svg": tile.save_svg, "csv": tile.save_csv}[kind].trigger()
    first = "documents" if kind == "csv" else "pictures"
    assert [Path(path).parent.name for path in proposed] == [first, "slides"]
    saved = tmp_path / "slides" / f"mine.{kind}"
    assert saved.stat().st_size > 0
    if kind == "svg":
        words = saved.read_text("utf-8")
        assert "Nakami · story-1 · “abc”" in words
        assert "Attention" in words


# --- Examples -----------------------------------------------------------------------------------------


def test_after_an_example_the_model_that_was_open_can_be_opened_again(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine
) -> None:
    window.opening.open_model("/models/mine")
    qtbot.waitUntil(lambda: window.state.model is not None)
    with qtbot.waitSignal(window.player.played):
        window.player.play(window.examples["happy"])
    assert "mine" in window.banner.label.text() or "story-1" in window.banner.label.text()
    window.banner.offer.click()
    assert engine.asked(OpenModel)[-1].folder == "/models/mine"
    assert not window.banner.isVisible()


def test_the_example_of_a_chat_opens_smollm2_and_asks_it(window: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    window.player.play(window.examples["chat"])
    qtbot.waitUntil(lambda: bool(engine.asked(Chat)))
    assert engine.asked(OpenModel)[-1].folder == "smollm2"
    assert engine.asked(Chat)[-1].messages[-1].text == "What is the capital of Japan?"
