"""Text that looks like HTML or contains "&" or line ends is shown as it is, everywhere in the window."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint
from PySide6.QtGui import Qt, QTextDocument
from PySide6.QtWidgets import QLabel, QMessageBox, QProgressDialog, QWidget
from pytestqt.qtbot import QtBot

from engine.messages.documents import DocumentEntry, DocumentText
from engine.messages.envelope import Ended
from engine.messages.tokens import Tokens
from gui.dialogs import prepare
from gui.panes.search.document_list import DocumentList
from gui.panes.search.document_reader import DocumentReader
from gui.panes.tokens.token_flow import TokenFlow
from gui.saving import save_svg
from gui.text import in_menu, shown_name, tip
from gui.widgets.message_bar import MessageBar
from gui.widgets.token_strip import TokenStrip
from gui.window.main_window import MainWindow
from tests.gui.fakes import model, tokens_of
from tests.gui.hands import Hover, show

ODD = (
    "<b>",
    "</s>",
    "<img src=x>",
    "&lt;",
    "<br>",
    "<font size=7>",
    "<i>tags & more.txt",
    "a\n<b>b",
    "<!-- x -->",
    "שלום",
)
NAME = "<i>tags & more.txt"


def read_by_qt(text: str) -> str:
    """Return the characters that Qt shows of a tooltip."""
    if not Qt.mightBeRichText(text):
        return text
    document = QTextDocument()
    document.setHtml(text)
    return document.toPlainText()


def one_token(piece: str) -> Tokens:
    start, end = np.zeros(1, np.int32), np.full(1, len(piece), np.int32)
    return Tokens(piece, np.zeros(1, np.int32), (piece,), start, end, start, end, ("other",))


@pytest.mark.usefixtures("qapp")
@given(text=st.lists(st.sampled_from([*ODD, *"<>&;/ab \n"])).map("".join))
def test_a_tooltip_shows_the_characters_themselves(text: str) -> None:
    assert read_by_qt(tip(text)) == text


@pytest.mark.parametrize("piece", ODD)
def test_tooltips_of_tokens_show_the_token(qtbot: QtBot, hover: Hover, piece: str) -> None:
    strip: TokenStrip = show(qtbot, TokenStrip())
    strip.set_tokens(one_token(piece))
    shown = read_by_qt(hover(strip, QPoint(8, 8)))
    assert piece.replace(" ", "␣").replace("\n", "⏎") in shown


def test_tooltips_of_the_tokens_pane_show_the_token(qtbot: QtBot, hover: Hover) -> None:
    flow: TokenFlow = show(qtbot, TokenFlow())
    flow.set_tokens(one_token("<b>"))
    assert read_by_qt(hover(flow.page, QPoint(8, 8))).startswith("<b>")


def test_the_message_bar_shows_a_name_as_it_is(qtbot: QtBot) -> None:
    bar: MessageBar = show(qtbot, MessageBar())
    bar.show_key("error.text_missing", "bad", file=NAME)
    assert bar.label.textFormat() == Qt.TextFormat.PlainText
    assert NAME in bar.label.text()


def test_a_long_name_does_not_widen_the_window(window: MainWindow) -> None:
    before = window.minimumSizeHint().width()
    window.banner.show_key("error.text_missing", "bad", file="x" * 3000 + "/end.txt")
    assert window.minimumSizeHint().width() <= max(before, window.width())
    assert window.banner.label.text().count("x") < 200
    assert "end.txt" in window.banner.label.text()


def test_the_details_of_a_failure_are_plain_text(qtbot: QtBot) -> None:
    bar: MessageBar = show(qtbot, MessageBar())
    bar.show_failure(Ended(1, "failed", "error.text_missing", {"file": NAME}, "<b>Traceback</b>"))
    bar.details.click()
    [box] = bar.findChildren(QMessageBox)
    assert box.textFormat() == Qt.TextFormat.PlainText
    assert NAME in box.text()
    box.close()


def test_dialogs_show_plain_text(qtbot: QtBot) -> None:
    parent: QWidget = show(qtbot, QWidget())
    waiting = prepare(QProgressDialog(NAME, "x", 0, 10, parent))
    shown = [found.textFormat() for found in waiting.findChildren(QLabel) if found.text() == NAME]
    assert shown == [Qt.TextFormat.PlainText]
    waiting.close()


def test_recent_names_keep_their_ampersands(window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text("text")
    window.settings.recent = [str(path)]
    menu = window.top.recent_menu
    window.opening.fill_recent(menu)
    assert menu.actions()[0].text() == str(path).replace("&", "&&")
    assert "\n" not in in_menu("a\nb\tc")


def test_the_name_of_a_model_is_one_line_of_plain_text(window: MainWindow) -> None:
    window.state.set_model(model("/models/<b>a & b\nc"))
    assert window.status.model.textFormat() == Qt.TextFormat.PlainText
    assert "\n" not in window.status.model.text()


def test_names_of_documents_are_shown_as_they_are(qtbot: QtBot) -> None:
    documents: DocumentList = show(qtbot, DocumentList())
    documents.set_entries([DocumentEntry(1, f"/notes/{NAME}", 1, 1, 1)])
    index = documents.view.model().index(0, 0)
    assert index.data() == NAME
    assert NAME in read_by_qt(index.data(Qt.ItemDataRole.ToolTipRole))
    reader: DocumentReader = show(qtbot, DocumentReader())
    text = DocumentText(1, f"/notes/{NAME}", "text", 0, 4, np.zeros((0, 3), np.int32), True)
    reader.show_document(text, (0, 0))
    assert reader.title.textFormat() == Qt.TextFormat.PlainText
    assert reader.title.text() == NAME
    assert NAME in read_by_qt(reader.title.toolTip())


def test_a_saved_picture_contains_tokens_as_text(qtbot: QtBot, tmp_path: Path) -> None:
    flow: TokenFlow = show(qtbot, TokenFlow())
    flow.set_tokens(tokens_of("a<&b"))
    save_svg(flow.page, tmp_path / "tokens.svg")
    written = (tmp_path / "tokens.svg").read_text("utf-8")
    assert "&lt;" in written
    assert "&amp;" in written


@given(name=st.text(max_size=400))
def test_a_name_is_one_short_line(name: str) -> None:
    shown = shown_name(name)
    assert len(shown) <= 123
    assert shown.splitlines() in ([], [shown])
    if len(name) <= 120 and name.isprintable():
        assert shown == name
