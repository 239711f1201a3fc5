"""Documents in the Search pane: adding, removing, embedding, reading and editing them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from engine.messages.documents import (
    AddDocuments,
    ChooseEmbedder,
    DocumentText,
    EditDocument,
    IndexProgress,
    OpenCollection,
    ReadDocument,
    RemoveDocuments,
    SplitDocuments,
)
from engine.messages.envelope import Ended
from engine.messages.models import ModelInfo
from engine.messages.search import Ask
from gui import i18n
from gui.settings import Settings
from gui.window.main_window import MainWindow
from tests.gui import fake_documents, fakes
from tests.gui.fake_documents import TEXTS
from tests.gui.fakes import FakeEngine
from tests.gui.hands import LEFT
from tests.gui.searching import checked, choose_vectors, opened

# --- Documents ------------------------------------------------------------------------------------


def test_files_that_could_not_be_read_are_listed_first_with_the_reason(search_pane: Any) -> None:
    rows = search_pane.page.documents.rows()
    assert rows[0][0] == "broken.txt"
    assert rows[0][2] == i18n.t("error.text_empty", file="/notes/broken.txt")
    assert [row[0] for row in rows[1:]] == [f"note-{n}.txt" for n in range(len(TEXTS))]


def test_a_collection_of_an_earlier_version_is_counted_again_when_it_is_opened(
    search_pane: Any, qtbot: QtBot, engine: FakeEngine
) -> None:
    old = replace(fake_documents.collection("/old"), uncounted=3)
    engine.answers[OpenCollection] = lambda _: [old]
    search_pane.open_collection("/old")
    qtbot.waitUntil(lambda: bool(engine.asked(SplitDocuments)))
    assert engine.asked(SplitDocuments) == [SplitDocuments(old.size, old.overlap)]


def test_undo_adds_a_removed_document_again(search_pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    documents = search_pane.page.documents
    documents.view.selectRow(2)
    QTest.keyClick(documents.view, Qt.Key.Key_Delete)
    assert engine.asked(RemoveDocuments) == [RemoveDocuments((1,))]
    documents.buttons["undo"].click()
    assert engine.asked(AddDocuments) == [AddDocuments(("/notes/note-1.txt",))]
    assert not documents.buttons["undo"].isVisible()


def test_dropped_files_are_added(search_pane: Any, engine: FakeEngine, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.txt"))])
    drop = QDropEvent(
        QPointF(9, 9), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier
    )  # fmt: skip
    search_pane.dropEvent(drop)
    assert engine.asked(AddDocuments) == [AddDocuments((str(tmp_path / "a.txt"),))]


def test_files_and_folders_are_added_by_their_buttons(
    search_pane: Any, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (["/a.txt", "/b.md"], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/folder")
    search_pane.page.documents.buttons["files"].click()
    search_pane.page.documents.buttons["folder"].click()
    assert [request.paths for request in engine.asked(AddDocuments)] == [("/a.txt", "/b.md"), ("/folder",)]


def test_indexing_shows_the_time_left_and_can_be_cancelled(search_pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    engine.answers.pop(AddDocuments)
    search_pane.collection.add(["/folder"])
    engine.send(AddDocuments, IndexProgress("reading", 40, 10_000, 125.0, "/folder/a.txt"))
    bar = search_pane.page.work_bar
    assert bar.isVisible()
    assert "2:05" in bar.words.text()
    assert "a.txt" in bar.words.text()
    opened = len(engine.asked(OpenCollection))
    bar.cancel.click()
    assert not bar.isVisible()
    job = next(j for j, r in zip(engine.jobs, engine.requests, strict=True) if isinstance(r, AddDocuments))
    assert job.cancelled
    assert len(engine.asked(OpenCollection)) == opened + 1  # to show what has been indexed


# --- Embedders -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["word2vec", "model"])
def test_choosing_an_embedder_recomputes_the_vectors_and_asks_again(
    asked: Any, qtbot: QtBot, engine: FakeEngine, kind: str
) -> None:
    assert checked(asked) == ["lsa"]
    before = len(engine.asked(Ask))
    choose_vectors(asked, kind)
    assert checked(asked) == ["lsa"]  # until the vectors are computed
    qtbot.waitUntil(lambda: checked(asked) == [kind])
    assert engine.asked(ChooseEmbedder) == [ChooseEmbedder(kind)]  # type: ignore[arg-type]
    assert len(engine.asked(Ask)) == before + 1


def test_choosing_an_encoder_asks_for_its_folder(
    search_pane: Any, qtbot: QtBot, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = ["/encoders/small", ""]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: folders.pop())
    choose_vectors(search_pane, "encoder")  # cancelled in the dialog
    choose_vectors(search_pane, "encoder")
    assert engine.asked(ChooseEmbedder) == [ChooseEmbedder("encoder", "/encoders/small")]
    qtbot.waitUntil(lambda: checked(search_pane) == ["encoder"])
    assert "small" in search_pane.page.words.text()


def test_without_a_model_its_vectors_cannot_be_chosen(search_pane: Any, window: MainWindow) -> None:
    assert search_pane.page.embedder.choices["model"].isEnabled()
    window.state.set_model(None)
    action = search_pane.page.embedder.choices["model"]
    assert not action.isEnabled()
    assert action.text() == i18n.t("pane.search.embedder_button.no_model")


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (fakes.model("/models/other-1"), "made by story-1; another model is open now"),
        (replace(fakes.model(), step=90), "made by story-1 at step 40; it has been trained further since"),
    ],
    ids=["another model", "more steps"],
)
def test_outdated_vectors_are_reported_and_recomputed_by_a_click(
    asked: Any, window: MainWindow, qtbot: QtBot, engine: FakeEngine, now: ModelInfo, words: str
) -> None:
    page = asked.page
    choose_vectors(asked, "model")
    qtbot.waitUntil(lambda: checked(asked) == ["model"])
    assert not page.remake.isVisible()
    window.state.set_model(now)
    assert words in page.words.text()
    recomputed = replace(
        fake_documents.collection(version=8), embedder="model", embedder_folder=now.folder, embedder_step=now.step
    )
    engine.answers[ChooseEmbedder] = lambda _: [recomputed]
    QTest.mouseClick(page.remake, LEFT)
    assert not page.remake.isEnabled()  # one change of the collection at a time
    qtbot.waitUntil(lambda: not page.remake.isVisible())
    assert engine.asked(ChooseEmbedder) == [ChooseEmbedder("model")] * 2
    assert words not in page.words.text()


def test_the_vectors_of_a_model_in_training_are_reported_as_outdated(
    asked: Any, window: MainWindow, qtbot: QtBot
) -> None:
    choose_vectors(asked, "model")
    qtbot.waitUntil(lambda: checked(asked) == ["model"])
    window.state.set_model(fakes.model(training=True))
    assert "it has been trained further since" in asked.page.words.text()
    window.state.set_model(None)
    assert not asked.page.remake.isVisible()  # no model could recompute them


def test_a_failed_change_of_embedder_is_reported_and_changes_nothing(
    search_pane: Any, qtbot: QtBot, engine: FakeEngine
) -> None:
    failed = Ended(0, "failed", "error.extra_missing", {"extra": "encoder"})
    engine.answers[ChooseEmbedder] = lambda _: [failed]
    choose_vectors(search_pane, "word2vec")
    qtbot.waitUntil(search_pane.messages.isVisible)
    assert search_pane.messages.label.text() == i18n.t("error.extra_missing", extra="encoder")
    assert checked(search_pane) == ["lsa"]


def test_minilm_is_chosen_by_its_name(search_pane: Any, engine: FakeEngine) -> None:
    choose_vectors(search_pane, "minilm")
    assert engine.asked(ChooseEmbedder) == [ChooseEmbedder("minilm")]


def test_embedding_shows_its_progress_and_can_be_cancelled(search_pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    engine.answers.pop(ChooseEmbedder)
    choose_vectors(search_pane, "word2vec")
    engine.send(ChooseEmbedder, IndexProgress("embedding", 1, 4, 9.0, ""))
    assert search_pane.page.work_bar.isVisible()
    assert not search_pane.page.embedder.isEnabled()
    half = replace(fake_documents.collection(version=7), embedder="word2vec", with_vectors=1)
    engine.answers[OpenCollection] = lambda _: [half]
    search_pane.page.work_bar.cancel.click()
    qtbot.waitUntil(lambda: checked(search_pane) == ["word2vec"])
    assert search_pane.page.embedder.isEnabled()
    assert "3" in search_pane.page.words.text().splitlines()[1]  # passages without a vector


# --- Reading and editing --------------------------------------------------------------------------


def test_a_click_on_a_source_opens_the_document_at_the_passage(asked: Any, qtbot: QtBot) -> None:
    cards = asked.page.journey.cards
    QTest.mouseClick(cards, LEFT, pos=cards.box_of(1).center().toPoint())
    reader = asked.page.reader
    qtbot.waitUntil(lambda: reader.document is not None)
    assert reader.isVisible()
    (marked, _) = reader.editor.extraSelections()
    assert marked.cursor.selectedText() == TEXTS[1]


def test_a_click_on_a_citation_opens_its_sentence(asked: Any, qtbot: QtBot) -> None:
    QTest.mouseClick(asked.page.journey.citations_button, LEFT)
    table = asked.page.citations.table
    QTest.mouseClick(table.viewport(), LEFT, pos=table.visualItemRect(table.item(0, 0)).center())
    reader = asked.page.reader
    qtbot.waitUntil(lambda: reader.document is not None)
    (_, best) = reader.editor.extraSelections()
    assert best.cursor.selectedText() == "August 13 to 15"


def test_saving_an_edited_document_asks_again(asked: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    reader = opened(asked, qtbot)
    before = len(engine.asked(Ask))
    assert not reader.buttons["save"].isEnabled()
    QTest.keyClicks(reader.editor, "New ")
    reader.buttons["save"].click()
    qtbot.waitUntil(lambda: len(engine.asked(Ask)) > before)
    assert engine.asked(EditDocument) == [EditDocument(0, "New " + TEXTS[0])]
    qtbot.waitUntil(lambda: not reader.modified)
    reader.buttons["undo"].click()
    assert reader.text() == TEXTS[0]
    assert reader.modified  # the text before the edit can be saved again


def test_leaving_an_unsaved_edit_asks_first(
    asked: Any, qtbot: QtBot, engine: FakeEngine, boxes: list[QMessageBox]
) -> None:
    reader = opened(asked, qtbot)
    QTest.keyClicks(reader.editor, "New ")
    reader.buttons["back"].click()
    assert reader.isVisible()
    assert reader.text() == "New " + TEXTS[0]
    boxes[0].button(QMessageBox.StandardButton.Discard).click()
    assert not reader.isVisible()


def test_a_failed_save_keeps_the_edit(asked: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    failed = Ended(0, "failed", "error.document_changed", {"file": "/notes/note-0.txt"})
    engine.answers[EditDocument] = lambda _: [failed]
    reader = opened(asked, qtbot)
    QTest.keyClicks(reader.editor, "New ")
    reader.buttons["save"].click()
    qtbot.waitUntil(asked.messages.isVisible)
    assert reader.modified
    assert reader.text() == "New " + TEXTS[0]


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> list[QMessageBox]:
    """Collect the message boxes instead of opening them."""
    opened: list[QMessageBox] = []
    monkeypatch.setattr(QMessageBox, "open", lambda box: opened.append(box))
    return opened


def leave_for_another_collection(pane: Any, qtbot: QtBot) -> Any:
    """Make an edit and open another collection by the menu."""
    reader = opened(pane, qtbot)
    QTest.keyClicks(reader.editor, "New ")
    pane.page.collection_menu.aboutToShow.emit()
    pane.page.collection_menu.actions()[0].trigger()
    return reader


def test_saving_before_leaving_opens_the_other_collection(
    asked: Any, qtbot: QtBot, engine: FakeEngine, boxes: list[QMessageBox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/other")
    reader = leave_for_another_collection(asked, qtbot)
    assert OpenCollection("/other") not in engine.requests  # not before the answer
    boxes[0].button(QMessageBox.StandardButton.Save).click()
    qtbot.waitUntil(lambda: asked.collection.folder == "/other")
    kinds = [type(request) for request in engine.requests]
    assert kinds.index(EditDocument) < engine.requests.index(OpenCollection("/other"))
    assert reader.document is None  # its ID would be another document's there
    assert asked.page.journey.isVisible()
    assert not asked.page.drawer.isVisible()


def test_cancelling_the_question_stays_in_the_collection(
    asked: Any, qtbot: QtBot, engine: FakeEngine, boxes: list[QMessageBox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/other")
    reader = leave_for_another_collection(asked, qtbot)
    boxes[0].button(QMessageBox.StandardButton.Cancel).click()
    assert OpenCollection("/other") not in engine.requests
    assert reader.isVisible()
    assert reader.text() == "New " + TEXTS[0]


def test_a_failed_save_stays_in_the_document(
    asked: Any, qtbot: QtBot, engine: FakeEngine, boxes: list[QMessageBox]
) -> None:
    failed = Ended(0, "failed", "error.document_changed", {"file": "/notes/note-0.txt"})
    engine.answers[EditDocument] = lambda _: [failed]
    reader = opened(asked, qtbot)
    QTest.keyClicks(reader.editor, "New ")
    choose_vectors(asked, "word2vec")
    boxes[0].button(QMessageBox.StandardButton.Save).click()
    qtbot.waitUntil(asked.messages.isVisible)
    assert not engine.asked(ChooseEmbedder)
    assert reader.text() == "New " + TEXTS[0]


def test_saving_before_another_embedder_recomputes_the_vectors(
    asked: Any, qtbot: QtBot, engine: FakeEngine, boxes: list[QMessageBox]
) -> None:
    reader = opened(asked, qtbot)
    QTest.keyClicks(reader.editor, "New ")
    choose_vectors(asked, "word2vec")
    boxes[0].button(QMessageBox.StandardButton.Save).click()
    qtbot.waitUntil(lambda: checked(asked) == ["word2vec"])
    assert engine.asked(EditDocument)
    assert reader.text() == "New " + TEXTS[0]


def test_opening_the_same_document_again_reads_what_was_just_saved(
    asked: Any, qtbot: QtBot, engine: FakeEngine, boxes: list[QMessageBox]
) -> None:
    reader = opened(asked, qtbot)
    QTest.keyClicks(reader.editor, "New ")
    reads = len(engine.asked(ReadDocument))
    asked.open_source(0)
    boxes[0].button(QMessageBox.StandardButton.Save).click()
    qtbot.waitUntil(lambda: len(engine.asked(ReadDocument)) > reads)
    kinds = [type(request) for request in engine.requests]
    assert kinds[::-1].index(ReadDocument) < kinds[::-1].index(EditDocument)  # read after it was saved
    qtbot.waitUntil(lambda: not reader.modified)


def test_an_unsaved_edit_is_restored_at_the_next_start(
    asked: Any, window: MainWindow, qtbot: QtBot, engine: FakeEngine, tmp_path: Path
) -> None:
    reader = opened(asked, qtbot)
    QTest.keyClicks(reader.editor, "New")
    QTest.keyClick(reader.editor, Qt.Key.Key_Return)
    home = asked.collection.home
    window.close()
    settings, _ = Settings.load(tmp_path / "settings.json")
    again = MainWindow(engine, settings, tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(again)
    pane: Any = again.workspace.pane("search")
    pane.collection.home = home
    again.resize(1400, 900)
    again.show()
    again.begin([])
    again.show_pane("search")
    reader = pane.page.reader
    qtbot.waitUntil(reader.isVisible)
    assert reader.text() == "New\n" + TEXTS[0]
    assert reader.title.text() == "note-0.txt"
    reader.buttons["undo"].click()
    assert reader.text() == TEXTS[0]
    QTest.keyClicks(reader.editor, "x")
    reader.buttons["save"].click()
    qtbot.waitUntil(lambda: not reader.modified)
    assert engine.asked(EditDocument)[-1].document == 0
    again.close()


def test_invalid_settings_open_no_document(asked: Any) -> None:
    for broken in ("x", {"document": "0"}, {"document": 0, "path": "/a.txt", "before": 1, "text": "x"}):
        asked.restore({"unsaved": broken})
        assert asked.page.reader.document is None


def test_an_unsaved_edit_survives_a_restart_of_the_engine(
    asked: Any, window: MainWindow, qtbot: QtBot, engine: FakeEngine
) -> None:
    reader = opened(asked, qtbot)
    QTest.keyClicks(reader.editor, "New ")
    engine.alive = False
    engine.died.emit()
    window.status.restart.click()
    qtbot.waitUntil(lambda: asked.collection.info is not None and reader.isVisible())
    assert reader.text() == "New " + TEXTS[0]
    reader.buttons["save"].click()
    qtbot.waitUntil(lambda: not reader.modified)
    assert engine.asked(EditDocument) == [EditDocument(0, "New " + TEXTS[0])]


def test_no_break_spaces_are_kept(search_pane: Any) -> None:
    text = "10\u00a0km\nand more"
    search_pane.page.reader.show_document(
        DocumentText(0, "/a.txt", text, 0, len(text), np.zeros((0, 3), np.int32), True), (0, 0)
    )
    assert search_pane.page.reader.text() == text
