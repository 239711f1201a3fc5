"""Fetching models from the hub: the size first, then the download with its progress."""

import time
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.models import AskHub, Downloaded, DownloadModel, HubOffer, ListModels, StoredModel, StoredModels
from engine.messages.status import Progress
from engine.model.families import FAMILIES
from engine.model.hub import folder_for
from gui.settings import Settings, models_folder
from gui.window.hub_panel import read_entries
from gui.window.model_chooser import ModelChooser
from tests.gui.fakes import FakeEngine
from tests.gui.hands import click_row, column_of, open_row, plain, press, show

OFFER = HubOffer("openai-community/gpt2", "", 550_000_000, 550_000_000, 20_000_000_000)
PATH = "/models/openai-community--gpt2"


def chooser(qtbot: QtBot) -> tuple[Any, FakeEngine]:
    engine = FakeEngine({ListModels: lambda _: [StoredModels(())]})
    dialog = ModelChooser(engine, Settings(), None)  # type: ignore[arg-type]
    show(qtbot, dialog, 1000, 700)
    return dialog, engine


def row_of(dialog: Any, name: str) -> int:
    return column_of(dialog.hub.table, 0).index(name)


def test_a_model_is_downloaded_once_its_size_was_seen(qtbot: QtBot) -> None:
    dialog, engine = chooser(qtbot)
    hub = dialog.hub
    click_row(hub.table, row_of(dialog, "openai-community/gpt2"))
    assert hub.name.text() == "openai-community/gpt2"
    assert not hub.checkpoint.isVisible()
    hub.button.click()
    assert engine.requests[-1] == AskHub("openai-community/gpt2", str(models_folder()))
    assert engine.asked(DownloadModel) == []
    engine.send(AskHub, OFFER)
    engine.end(AskHub, Ended(1, "done"))
    assert plain(hub.note.text()).startswith("550 MB will be downloaded into")
    assert "20 GB are free" in plain(hub.note.text())
    assert hub.button.text() == "Download"
    hub.button.click()
    assert engine.requests[-1] == DownloadModel("openai-community/gpt2", str(models_folder()))
    assert hub.progress.isVisible()
    assert not hub.name.isEnabled()


def test_the_progress_tells_how_much_has_arrived_and_the_time_left(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog, engine = chooser(qtbot)
    download(dialog, engine)
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    engine.send(DownloadModel, Progress("progress.hub", 0.2))
    assert plain(dialog.hub.note.text()) == "110 MB of 550 MB"
    now = 130.0
    engine.send(DownloadModel, Progress("progress.hub", 0.4))
    assert plain(dialog.hub.note.text()) == "220 MB of 550 MB · 1:30 left"
    assert dialog.hub.progress.value() == 40


def download(dialog: Any, engine: FakeEngine) -> None:
    """Begin to download GPT-2."""
    dialog.hub.name.setText("openai-community/gpt2")
    dialog.hub.go_on()
    engine.send(AskHub, OFFER)
    engine.end(AskHub, Ended(1, "done"))
    dialog.hub.go_on()


def test_a_downloaded_model_is_selected_and_opened_by_return(qtbot: QtBot) -> None:
    dialog, engine = chooser(qtbot)
    engine.answers.pop(ListModels)
    download(dialog, engine)
    engine.send(DownloadModel, Downloaded(PATH))
    engine.end(DownloadModel, Ended(2, "done"))
    assert not dialog.hub.progress.isVisible()
    assert "has been downloaded" in dialog.hub.note.text()
    new = StoredModel("openai-community/gpt2", PATH, "folder", "huggingface", "gpt2", 124_439_808, 1, 1)
    builtin = StoredModel("nakami", "/nakami", "folder", "nakami", "nakami", 1, 1, 1)
    engine.send(ListModels, StoredModels((builtin, new)))
    assert dialog.table.current == new
    with qtbot.waitSignal(dialog.model_wanted) as wanted:
        press(dialog, Qt.Key.Key_Return)
    assert wanted.args == [PATH]


def test_a_download_is_cancelled_by_its_button_and_by_closing(qtbot: QtBot) -> None:
    for end in ("cancel", "close"):
        dialog, engine = chooser(qtbot)
        download(dialog, engine)
        dialog.hub.cancel.click() if end == "cancel" else dialog.close()
        assert engine.jobs[engine.requests.index(engine.asked(DownloadModel)[0])].cancelled
        assert not dialog.hub.progress.isVisible()


def test_return_in_the_field_for_a_name_asks_for_its_size(qtbot: QtBot) -> None:
    dialog, engine = chooser(qtbot)
    dialog.hub.name.setFocus()
    QTest.keyClicks(dialog.hub.name, "me/tiny")
    press(dialog.hub.name, Qt.Key.Key_Return)
    assert [request.name for request in engine.asked(AskHub)] == ["me/tiny"]
    assert dialog.isVisible()


def test_a_failure_is_reported_in_words_and_can_be_tried_again(qtbot: QtBot) -> None:
    dialog, engine = chooser(qtbot)
    dialog.hub.name.setText("me/tiny")
    dialog.hub.go_on()
    engine.end(AskHub, Ended(1, "failed", "error.hub_unreachable", {"name": "me/tiny", "reason": "ConnectError"}))
    assert "could not be reached" in dialog.messages.label.text()
    assert dialog.hub.button.isEnabled()
    dialog.hub.go_on()
    assert len(engine.asked(AskHub)) == 2


def test_a_checkpoint_of_pythia_is_asked_for_by_its_revision(qtbot: QtBot) -> None:
    dialog, engine = chooser(qtbot)
    hub = dialog.hub
    click_row(hub.table, row_of(dialog, "EleutherAI/pythia-70m"))
    assert hub.checkpoint.isVisible()
    assert hub.checkpoint.itemText(0) == "Fully trained"
    hub.checkpoint.setCurrentIndex(hub.checkpoint.findData("step512"))
    hub.go_on()
    assert engine.requests[-1] == AskHub("EleutherAI/pythia-70m", str(models_folder()), "step512")
    engine.send(AskHub, OFFER)
    engine.end(AskHub, Ended(1, "done"))
    hub.checkpoint.setCurrentIndex(0)
    assert hub.button.text() == "Ask for its size…"  # the size of another revision is not known


@pytest.mark.parametrize(
    ("typed", "name", "revision"),
    [
        (" me/tiny ", "me/tiny", ""),
        ("https://huggingface.co/me/tiny/", "me/tiny", ""),
        ("me/tiny@step10", "me/tiny", "step10"),
    ],
)
def test_a_name_a_link_and_a_revision_can_be_typed(qtbot: QtBot, typed: str, name: str, revision: str) -> None:
    dialog, engine = chooser(qtbot)
    dialog.hub.name.setText(typed)
    dialog.hub.go_on()
    assert engine.requests[-1] == AskHub(name, str(models_folder()), revision)


def test_a_double_click_asks_for_the_size_and_no_name_asks_for_nothing(qtbot: QtBot) -> None:
    dialog, engine = chooser(qtbot)
    dialog.hub.go_on()
    assert engine.asked(AskHub) == []
    assert not dialog.hub.button.isEnabled()
    open_row(dialog.hub.table, 0)
    assert [request.name for request in engine.asked(AskHub)] == [dialog.hub.rows.shown[0].name]


def test_the_list_has_small_japanese_models_with_open_licences() -> None:
    entries = read_entries()
    japanese = [e for e in entries if e.languages == ("ja",) and e.bytes < 1e9 and e.licence in ("MIT", "Apache-2.0")]
    assert len(japanese) >= 2
    assert {entry.licence for entry in entries} <= {"MIT", "Apache-2.0"}
    assert len({entry.name for entry in entries}) == len(entries)
    assert {"gpt2", "gpt_neox", "llama", "qwen3"} <= set(FAMILIES)  # the families of the entries
    for entry in entries:
        for revision in ("", *entry.checkpoints):
            assert folder_for(entry.name, models_folder(), revision)
