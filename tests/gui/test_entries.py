"""Text fields while an input method composes, and with odd characters pasted into them."""

from typing import Any

import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from engine.messages.embeddings import FindAnalogy
from engine.messages.generation import Generate
from engine.messages.search import Ask, Search
from gui.panes import PANE_IDS
from gui.widgets.entries import KEPT, PlainEntry, prepare_entries, text_only
from gui.window.main_window import MainWindow
from gui.window.model_chooser import ModelChooser
from tests.gui.fakes import FakeEngine, model
from tests.gui.hands import press, recorded, show


def compose(field: QWidget, preedit: str, commit: str = "") -> None:
    """Send what an input method sends: the text being composed, and the text that it has confirmed."""
    event = QInputMethodEvent(preedit, [])
    event.setCommitString(commit)
    QApplication.sendEvent(field, event)


def paste(field: QLineEdit | QPlainTextEdit, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    field.paste()
    QGuiApplication.clipboard().clear()


def entries(parent: QWidget) -> list[Any]:
    kinds = (QLineEdit, QPlainTextEdit, QAbstractSpinBox)
    return [field for kind in kinds for field in parent.findChildren(kind)]


def content(field: Any) -> str:
    return str(field.toPlainText() if isinstance(field, QPlainTextEdit) else field.text())


@pytest.mark.parametrize("pane_id", PANE_IDS)
def test_no_key_of_an_input_method_acts_in_any_field(window: MainWindow, engine: FakeEngine, pane_id: str) -> None:
    window.state.set_model(model())
    window.workspace.set_layout(1, [pane_id])
    fields = entries(window)
    assert window.prompt in fields
    asked = (Generate, Ask, Search, FindAnalogy)
    for field in fields:
        was, before = content(field), [len(engine.asked(kind)) for kind in asked]
        confirmed = recorded(field.returnPressed) if isinstance(field, QLineEdit) else []
        field.setFocus()
        compose(field, "12")
        press(field, *KEPT)
        assert content(field) == was
        assert confirmed == []
        assert [len(engine.asked(kind)) for kind in asked] == before
        compose(field, "")


def test_text_that_is_being_composed_is_not_shared(window: MainWindow, qtbot: QtBot) -> None:
    window.prompt.set_text("ab")
    qtbot.waitUntil(lambda: window.state.text == "ab")
    changed = recorded(window.state.text_changed)
    cursor = window.prompt.textCursor()
    cursor.setPosition(1)
    window.prompt.setTextCursor(cursor)
    for preedit in ("n", "に", "にほ", "日本"):
        compose(window.prompt, preedit)
        QTest.qWait(40)
    QTest.qWait(200)
    assert (changed, window.state.text) == ([], "ab")
    assert window.prompt.textCursor().position() == 1
    compose(window.prompt, "", "日本")
    qtbot.waitUntil(lambda: window.state.text == "a日本b")
    assert window.prompt.textCursor().position() == 3


def test_return_searches_once_the_composition_has_ended(qtbot: QtBot) -> None:
    window = QWidget()
    field = QLineEdit()
    QVBoxLayout(window).addWidget(field)
    prepare_entries(window)
    show(qtbot, window)
    confirmed = recorded(field.returnPressed)
    compose(field, "にほん")
    press(field, Qt.Key.Key_Return, Qt.Key.Key_Enter)
    assert confirmed == []
    compose(field, "", "日本")
    press(field, Qt.Key.Key_Return)
    assert (len(confirmed), field.text()) == (1, "日本")


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Return])
def test_the_dialog_of_models_stays_open_while_a_name_is_composed(window: MainWindow, key: Qt.Key) -> None:
    window.opening.choose_hub_model()
    [box] = window.findChildren(ModelChooser)
    box.hub.name.setFocus()
    compose(box.hub.name, "にほん")
    press(box.hub.name, key)
    assert box.isVisible()
    compose(box.hub.name, "")
    press(box.hub.name, Qt.Key.Key_Escape)
    assert not box.isVisible()


def test_leaving_a_field_ends_its_composition(qtbot: QtBot) -> None:
    window = QWidget()
    first, second = QLineEdit(), QLineEdit()
    layout = QVBoxLayout(window)
    layout.addWidget(first)
    layout.addWidget(second)
    prepare_entries(window)
    show(qtbot, window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    first.setFocus()
    compose(first, "にほん")
    second.setFocus()
    confirmed = recorded(second.returnPressed)
    press(second, Qt.Key.Key_Return)
    assert len(confirmed) == 1


# --- Odd characters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pasted", "right"),
    [
        ("a\nb\r\nc\u2028d\te", "a b c d e"),
        ("a\x00b\x07c\x1bd", "abcd"),
        ("a\ud83cb", "ab"),
        ("猫😀👩\u200d👧 か\u3099", "猫😀👩\u200d👧 か\u3099"),
    ],
)
def test_one_line_of_text_is_pasted_into_a_field_of_one_line(qtbot: QtBot, pasted: str, right: str) -> None:
    window = QWidget()
    field = QLineEdit(window)
    prepare_entries(window)
    show(qtbot, window)
    changed = recorded(field.textChanged)
    paste(field, pasted)
    assert (field.text(), changed) == (right, [right])


def test_a_very_long_text_pasted_into_a_field_of_one_line_is_cut(qtbot: QtBot) -> None:
    window = QWidget()
    field = QLineEdit(window)
    prepare_entries(window)
    show(qtbot, window)
    paste(field, "ab\n" * 350_000)
    assert field.text().startswith("ab ab ")
    assert len(field.text()) <= field.maxLength()


def test_only_text_is_pasted_into_the_prompt_and_it_is_saved(window: MainWindow, qtbot: QtBot) -> None:
    paste(window.prompt, "one\ud83c\x00\x07\r\ntwo\t猫😀")
    qtbot.waitUntil(lambda: window.state.text == "one\ntwo\t猫😀")
    window.save_settings()
    assert "猫😀" in window.settings_path.read_text("utf-8")


def test_only_text_is_pasted_into_a_field_of_several_lines(qtbot: QtBot) -> None:
    field: PlainEntry = show(qtbot, PlainEntry())
    paste(field, "a\x00\n\x0cb")
    assert field.toPlainText() == "a\nb"


@given(text=st.text())
def test_text_only_keeps_every_character_that_is_text(text: str) -> None:
    kept = text_only(text)
    kept.encode("utf-8")
    assert "\x00" not in kept
    assert [c for c in text if c.isprintable()] == [c for c in kept if c.isprintable()]
