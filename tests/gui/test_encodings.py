"""The encoding of a text: named beside it, and changed in a dialog that shows how the text reads."""

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialogButtonBox
from pytestqt.qtbot import QtBot

from engine.messages.documents import ChooseEncoding, DocumentEntry, DocumentText, ReadDocument
from engine.messages.envelope import Ended
from engine.messages.texts import EncodingPreview, InspectText, PreviewEncoding, TextInfo
from engine.messages.training import Train
from gui import i18n
from gui.encoding_dialog import EncodingDialog
from gui.encodings import ENCODINGS, describe_encoding, encoding_name
from gui.window.main_window import MainWindow
from tests.gui import fake_documents
from tests.gui.fakes import FakeEngine
from tests.gui.hands import LEFT

TEXT = "価格は①②円です。\n"


def preview(request: PreviewEncoding) -> list[EncodingPreview]:
    """Answer as the engine does of a list in CP932."""
    name = request.encoding or "cp932"
    text = TEXT if name == "cp932" else TEXT.encode("cp932").decode(name, "replace")
    return [EncodingPreview(request.path, text, name, name == "cp932", text.count("\ufffd"), ("gb18030", "cp949"))]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine({PreviewEncoding: preview})


def dialog_of(widget: Any, qtbot: QtBot) -> EncodingDialog:
    dialogs = widget.findChildren(EncodingDialog)
    assert len(dialogs) == 1
    qtbot.waitUntil(lambda: dialogs[0].text.toPlainText() != "")
    return dialogs[0]


def close(dialog: EncodingDialog, qtbot: QtBot, button: QDialogButtonBox.StandardButton) -> None:
    """Click a button, and wait until Qt has deleted the dialog."""
    closed: list[bool] = []
    dialog.destroyed.connect(lambda: closed.append(True))
    QTest.mouseClick(dialog.buttons.button(button), LEFT)
    qtbot.waitUntil(lambda: bool(closed))


OK, CANCEL = QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Cancel


def choose(dialog: EncodingDialog, qtbot: QtBot, encoding: str) -> None:
    dialog.choice.setCurrentIndex(dialog.choice.findData(encoding))
    qtbot.waitUntil(lambda: dialog._preview is not None and dialog._preview.encoding == encoding)


# --- Names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_encoding_has_a_name_of_its_own(language: str) -> None:
    i18n.set_language(language)
    assert len({encoding_name(name) for name in ENCODINGS}) == len(ENCODINGS)
    i18n.set_language("en")


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-8-sig", "UTF-8"),
        ("ascii", "UTF-8"),
        ("shift_jis", "Japanese (Shift_JIS)"),
        ("windows-1252", "Western European (Windows-1252)"),
        ("koi8-r", "Russian (KOI8-R)"),
        ("hz", "HZ"),
        ("no such codec", "NO SUCH CODEC"),
    ],
)
def test_a_codec_is_called_by_its_usual_name(codec: str, name: str) -> None:
    assert encoding_name(codec) == name


def test_doubt_and_unreadable_places_are_shown_beside_the_name() -> None:
    assert describe_encoding("cp932", False, 0) == "probably Japanese (Shift_JIS)"
    assert describe_encoding("utf-8", True, 1) == "UTF-8 · 1 unreadable place"
    assert describe_encoding("utf-8", True, 20) == "UTF-8 · 20 unreadable places"


# --- The dialog -------------------------------------------------------------------------------------


@pytest.fixture
def dialog(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> EncodingDialog:
    shown = EncodingDialog(engine, "/notes/prices.txt", "", window)  # type: ignore[arg-type]
    shown.open()
    return dialog_of(window, qtbot)


def test_the_detected_encoding_comes_first_then_the_plausible_ones(dialog: EncodingDialog) -> None:
    listed = [dialog.choice.itemText(n) for n in range(dialog.choice.count()) if dialog.choice.itemText(n)]
    assert listed[0] == "Detected: Japanese (Shift_JIS)"
    assert listed[1:3] == [encoding_name("gb18030"), encoding_name("cp949")]
    assert len(listed) == len(ENCODINGS) + 1


def test_the_text_is_shown_as_it_reads_in_the_chosen_encoding(dialog: EncodingDialog, qtbot: QtBot) -> None:
    assert dialog.text.toPlainText() == TEXT
    choose(dialog, qtbot, "utf_8")
    assert "\ufffd" in dialog.text.toPlainText()
    assert dialog.text.extraSelections()
    assert "without a meaning" in dialog.note.text()


def test_the_arrow_keys_try_one_encoding_after_another(dialog: EncodingDialog, qtbot: QtBot) -> None:
    QTest.keyClick(dialog.choice, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: dialog._preview is not None and dialog._preview.encoding == "gb18030")


def test_a_file_that_is_gone_is_named_in_the_dialog(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[PreviewEncoding] = lambda r: [Ended(0, "failed", "error.text_missing", {"file": r.path})]
    shown = EncodingDialog(engine, "/notes/gone.txt", "", window)  # type: ignore[arg-type]
    shown.open()
    qtbot.waitUntil(lambda: shown.messages.failed)
    assert "gone.txt" in shown.messages.label.text()
    assert "/notes/gone.txt" in shown.messages.label.toolTip()


# --- The text to train on ---------------------------------------------------------------------------


def corpus(request: InspectText) -> list[TextInfo]:
    encoding = request.encoding or "gb18030"
    return [TextInfo(request.paths, "prices.txt", 1, 50, 40, encoding, TEXT, request.encoding, 0, False)]


def test_the_encoding_of_the_training_text_is_named_and_can_be_changed(
    window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.answers[InspectText] = corpus
    window.show_pane("training")
    window.opening.inspect(("/notes/prices.txt",))
    page = window.workspace.pane("training").start_page  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: page.encoding.isVisible())
    assert page.encoding.text() == "Encoding: probably Chinese, simplified (GB18030)"
    QTest.mouseClick(page.encoding, LEFT)
    dialog = dialog_of(window, qtbot)
    choose(dialog, qtbot, "cp949")
    close(dialog, qtbot, OK)
    qtbot.waitUntil(lambda: window.state.corpus is not None and window.state.corpus.chosen == "cp949")
    assert window.settings.corpus_encoding == "cp949"
    page.start_wanted.emit()
    assert engine.asked(Train)[-1].encoding == "cp949"


def test_cancelling_the_dialog_changes_nothing(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[InspectText] = corpus
    window.opening.inspect(("/notes/prices.txt",))
    page = window.workspace.pane("training").start_page  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: page.encoding.isVisible())
    QTest.mouseClick(page.encoding, LEFT)
    dialog = dialog_of(window, qtbot)
    choose(dialog, qtbot, "cp949")
    close(dialog, qtbot, CANCEL)
    assert [request.encoding for request in engine.asked(InspectText)] == [""]


# --- Documents --------------------------------------------------------------------------------------


def named(count: int) -> list[DocumentEntry]:
    texts = [DocumentEntry(n, f"/notes/{n}.txt", 50, 40, 1, encoding="cp932") for n in range(count)]
    return [
        *texts,
        DocumentEntry(7, "/notes/doubtful.txt", 50, 40, 1, encoding="cp1252", certain=False, replaced=2),
        DocumentEntry(8, "/notes/slides.pdf", 50, 40, 1),
    ]


def test_the_list_names_the_encoding_of_each_plain_text(search_pane: Any) -> None:
    search_pane.page.documents.set_entries(named(1))
    assert [row[2] for row in search_pane.page.documents.rows()] == [
        "40 characters · Japanese (Shift_JIS)",
        "40 characters · probably Western European (Windows-1252) · 2 unreadable places",
        "40 characters",
    ]


def test_one_encoding_is_chosen_for_all_selected_texts(search_pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[ChooseEncoding] = lambda _: [fake_documents.collection()]
    documents = search_pane.page.documents
    documents.set_entries(named(2))
    documents.view.selectAll()
    QTest.mouseClick(documents.buttons["encoding"], LEFT)
    dialog = dialog_of(search_pane, qtbot)
    choose(dialog, qtbot, "gb18030")
    close(dialog, qtbot, OK)
    qtbot.waitUntil(lambda: len(engine.asked(ChooseEncoding)) == 3)
    assert engine.asked(ChooseEncoding) == [ChooseEncoding(number, "gb18030") for number in (0, 1, 7)]


def test_a_pdf_has_no_encoding_to_change(search_pane: Any) -> None:
    documents = search_pane.page.documents
    documents.set_entries(named(0))
    documents.view.selectRow(1)
    assert not documents.buttons["encoding"].isEnabled()
    documents.view.selectRow(0)
    assert documents.buttons["encoding"].isEnabled()


def test_the_reader_names_the_encoding_and_shows_the_text_in_another(
    search_pane: Any, engine: FakeEngine, qtbot: QtBot
) -> None:
    def read(request: ReadDocument) -> list[DocumentText]:
        (text,) = fake_documents.document_text(request)
        assert isinstance(text, DocumentText)
        encoding = engine.asked(ChooseEncoding)[-1].encoding if engine.asked(ChooseEncoding) else "cp932"
        return [replace(text, encoding=encoding)]

    engine.answers[ReadDocument] = read
    engine.answers[ChooseEncoding] = lambda r: [fake_documents.collection()]
    search_pane.editing.open(1)
    reader = search_pane.page.reader
    qtbot.waitUntil(reader.isVisible)
    assert reader.encoding.text() == "Encoding: Japanese (Shift_JIS)"
    QTest.mouseClick(reader.encoding, LEFT)
    dialog = dialog_of(search_pane, qtbot)
    choose(dialog, qtbot, "gb18030")
    close(dialog, qtbot, OK)
    qtbot.waitUntil(lambda: "GB18030" in reader.encoding.text())
    assert engine.asked(ChooseEncoding) == [ChooseEncoding(1, "gb18030")]
