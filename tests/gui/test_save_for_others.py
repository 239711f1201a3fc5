"""The dialog that saves the open model for other programs."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialogButtonBox
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.saving import SavedModel, SaveForOthers
from engine.messages.status import Progress
from gui.settings import Settings
from gui.window.main_window import MainWindow
from gui.window.save_for_others import SaveDialog
from tests.gui import fakes
from tests.gui.fakes import FakeEngine
from tests.gui.hands import LEFT

SAVE, CANCEL = QDialogButtonBox.StandardButton.Save, QDialogButtonBox.StandardButton.Cancel


def dialog_of(qtbot: QtBot, engine: FakeEngine, tmp_path: Path, settings: Settings | None = None) -> Any:
    settings = settings or Settings(save_for_others={"folder": str(tmp_path)})
    window = MainWindow(engine, settings, tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(window)
    assert not window.actions_table.by_name["save_model"].isEnabled()
    window.state.set_model(fakes.model())
    window.actions_table.by_name["save_model"].trigger()
    (dialog,) = window.findChildren(SaveDialog)
    return dialog


def press(dialog: SaveDialog, button: QDialogButtonBox.StandardButton) -> None:
    QTest.mouseClick(dialog.buttons.button(button), LEFT)


def test_a_model_is_saved_where_and_as_it_was_chosen(qtbot: QtBot, tmp_path: Path) -> None:
    target = str(tmp_path / "story-1-export.gguf")
    engine = FakeEngine(
        {SaveForOthers: lambda _: [Progress("progress.saving", 0.5), SavedModel(target, "llama", 10**7)]}
    )
    dialog = dialog_of(qtbot, engine, tmp_path)
    assert dialog.weights.findData("q8_0") == -1  # a folder has no 8-bit numbers
    dialog.form.setCurrentIndex(1)
    dialog.weights.setCurrentIndex(dialog.weights.findData("q8_0"))
    assert dialog.place.text() == target
    press(dialog, SAVE)
    qtbot.waitUntil(dialog.outcome.isVisible)
    assert engine.asked(SaveForOthers) == [SaveForOthers("/models/story-1", "gguf", target, "q8_0")]
    assert "story-1-export.gguf" in dialog.outcome.text()
    assert dialog.show_folder.isVisible()
    assert not dialog.bar.isVisible()
    assert dialog._settings.save_for_others == {"form": "gguf", "weights": "q8_0", "folder": str(tmp_path)}
    again = SaveDialog(engine, dialog._settings, fakes.model(), dialog)  # type: ignore[arg-type]
    assert (again.chosen_form, again.chosen_weights) == ("gguf", "q8_0")


def test_a_name_without_a_folder_is_saved_in_the_home_folder(qtbot: QtBot, tmp_path: Path) -> None:
    engine = FakeEngine({SaveForOthers: lambda _: [SavedModel("model", "llama", 10**7)]})
    dialog = dialog_of(qtbot, engine, tmp_path)
    for typed in ("model", "~/model"):
        dialog.place.setText(typed)
        press(dialog, SAVE)
        qtbot.waitUntil(dialog.outcome.isVisible)
        assert engine.asked(SaveForOthers)[-1].path == str(Path.home() / "model")


def test_a_refusal_is_shown_and_another_choice_is_possible(qtbot: QtBot, tmp_path: Path) -> None:
    refused = Ended(0, "failed", "error.no_gguf_family", {"family": "nanochat"})
    dialog = dialog_of(qtbot, FakeEngine({SaveForOthers: lambda _: [refused]}), tmp_path)
    press(dialog, SAVE)
    qtbot.waitUntil(lambda: dialog.messages.failed)
    assert "nanochat" in dialog.messages.label.text()
    assert dialog.form.isEnabled()
    assert dialog.buttons.button(SAVE).isEnabled()


def test_cancel_ends_saving(qtbot: QtBot, tmp_path: Path) -> None:
    engine = FakeEngine({SaveForOthers: None})  # type: ignore[dict-item]
    dialog = dialog_of(qtbot, engine, tmp_path)
    press(dialog, SAVE)
    assert dialog.bar.isVisible()
    assert not dialog.place.isEnabled()
    press(dialog, CANCEL)
    assert engine._job(SaveForOthers).cancelled


@pytest.mark.parametrize("saved", [{"form": 3, "weights": [], "folder": 5}, {"form": "gguf", "folder": "/gone"}])
def test_unusual_settings_are_ignored(qtbot: QtBot, tmp_path: Path, saved: dict[str, Any]) -> None:
    dialog = dialog_of(qtbot, FakeEngine(), tmp_path, Settings(save_for_others=saved))
    assert dialog.place.text().startswith(str(Path.home()))
