"""The dialog with the models on this computer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.models import ListModels, StoredModel, StoredModels
from gui import i18n
from gui.settings import Settings
from gui.text import size_words
from gui.window.model_chooser import ModelChooser, is_model
from gui.window.model_table import COLUMNS, short_count
from tests.gui.fakes import FakeEngine
from tests.gui.hands import column_of, open_row, press, recorded, show, sort_by

GPT2 = StoredModel(
    "openai-community/gpt2",
    "/hub/gpt2",
    "folder",
    "huggingface",
    "gpt2",
    124_439_808,
    548_000_000,
    248_879_616,
    "error.model_pickled",
    {"file": "/hub/gpt2/pytorch_model.bin"},
)
MODELS = (
    StoredModel("nakami", "/nakami/model", "folder", "nakami", "nakami", 1_810_432, 3_700_000, 7_241_728),
    GPT2,
    StoredModel("smollm2:135m", "/store/sha256-1", "gguf", "ollama", "llama", 134_515_008, 98_000_000, 538_060_032),
    StoredModel("Qwen3-0.6B", "/lm/qwen.gguf", "gguf", "lmstudio", "qwen3", 596_049_920, 640_000_000, 2_384_199_680),
)


def chooser(
    qtbot: QtBot, settings: Settings | None = None, models: Sequence[StoredModel] = MODELS
) -> tuple[Any, FakeEngine]:
    """Return the dialog on screen, with these models found, and its engine."""
    engine = FakeEngine({ListModels: lambda _: [StoredModels(tuple(models[:1])), StoredModels(tuple(models[1:]))]})
    dialog = ModelChooser(engine, settings or Settings(), None)  # type: ignore[arg-type]
    show(qtbot, dialog, 1000, 640)
    dialog.refresh()
    qtbot.waitUntil(lambda: not dialog._requests.asking())
    return dialog, engine


def names(dialog: Any) -> list[str]:
    return column_of(dialog.table, 0)


def test_models_that_open_come_first_and_the_first_is_selected(qtbot: QtBot) -> None:
    dialog, _ = chooser(qtbot)
    assert names(dialog) == ["nakami", "Qwen3-0.6B", "smollm2:135m", "openai-community/gpt2"]
    assert dialog.table.current == MODELS[0]
    assert dialog.count.text() == "4 models"
    rows = [column_of(dialog.table, column) for column in range(len(COLUMNS))]
    assert [column[1].replace("\xa0", " ") for column in rows] == [
        *("Qwen3-0.6B", "qwen3", "596M", "640 MB", "2.4 GB", "LM Studio", "Opens")
    ]


def test_rows_that_do_not_open_are_dim_and_say_why(qtbot: QtBot) -> None:
    dialog, _ = chooser(qtbot)
    wanted = recorded(dialog.model_wanted)
    model = dialog.table.model()
    role = Qt.ItemDataRole.ForegroundRole
    assert model.index(3, 0).data(role) == dialog.theme.color("faint")
    assert model.index(0, 0).data(role) is None
    assert "pytorch_model.bin is a pickle" in model.index(3, 6).data()
    assert "/hub/gpt2" in model.index(3, 0).data(Qt.ItemDataRole.ToolTipRole)
    open_row(dialog.table, 3)
    assert not dialog.open_button.isEnabled()
    assert "is a pickle" in dialog.about.text()
    assert dialog.messages.current.key == "error.model_pickled"
    assert wanted == []
    assert dialog.isVisible()


def test_a_double_click_or_return_opens_a_model_and_closes_the_dialog(qtbot: QtBot) -> None:
    dialog, _ = chooser(qtbot)
    wanted = recorded(dialog.model_wanted)
    open_row(dialog.table, 1)
    assert wanted == ["/lm/qwen.gguf"]
    assert not dialog.isVisible()
    dialog, _ = chooser(qtbot)
    wanted = recorded(dialog.model_wanted)
    dialog.search.setFocus()
    press(dialog.search, Qt.Key.Key_Down)
    assert dialog.table.hasFocus()
    press(dialog.table, Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert wanted == ["/store/sha256-1"]


def test_the_search_field_looks_at_name_family_and_origin(qtbot: QtBot) -> None:
    dialog, _ = chooser(qtbot)
    for words, found in (("lm STUDIO", ["Qwen3-0.6B"]), ("llama", ["smollm2:135m"]), ("nothing", [])):
        dialog.search.setText("")
        QTest.keyClicks(dialog.search, words)
        assert names(dialog) == found
    assert dialog.count.text() == "0 of 4 models"
    assert not dialog.open_button.isEnabled()
    press(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_order_and_size_are_kept(qtbot: QtBot) -> None:
    settings = Settings()
    dialog, _ = chooser(qtbot, settings)
    sort_by(dialog.table, COLUMNS.index("size"))
    sort_by(dialog.table, COLUMNS.index("size"))
    assert names(dialog) == ["Qwen3-0.6B", "openai-community/gpt2", "smollm2:135m", "nakami"]
    dialog.resize(700, 500)
    dialog.close()
    assert settings.model_chooser == {"size": [700, 500], "sort": "size", "descending": True}
    again = ModelChooser(FakeEngine(), settings, None)  # type: ignore[arg-type]
    qtbot.addWidget(again)
    assert (again.width(), again.height()) == (700, 500)
    assert again.table.rows.sorted_by == ("size", True)


@pytest.mark.parametrize("kept", [{"size": "large"}, {"size": [0, -1]}, {"sort": 3, "descending": "yes"}])
def test_settings_of_any_content_are_read(qtbot: QtBot, kept: dict[str, Any]) -> None:
    dialog = ModelChooser(FakeEngine(), Settings(model_chooser=kept), None)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    assert dialog.width() > 300
    assert dialog.table.rows.sorted_by == ("state", False)


def test_folders_are_added_and_removed_and_searched_at_once(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    dialog, engine = chooser(qtbot, settings)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/my/models")
    menu = dialog.folders_button.menu()
    menu.aboutToShow.emit()
    menu.actions()[0].trigger()
    assert settings.model_folders == ["/my/models"]
    assert engine.asked(ListModels)[-1].folders == ("/my/models",)
    menu.aboutToShow.emit()
    assert "/my/models" in menu.actions()[1].text()
    menu.actions()[1].trigger()
    assert settings.model_folders == []
    assert engine.asked(ListModels)[-1].folders == ()


def drop(dialog: Any, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    none = Qt.KeyboardModifier.NoModifier
    dialog.dropEvent(QDropEvent(QPointF(QPoint(5, 5)), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, none))


def test_a_dropped_model_is_opened_and_a_dropped_folder_is_searched(qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings()
    dialog, _ = chooser(qtbot, settings)
    wanted = recorded(dialog.model_wanted)
    drop(dialog, tmp_path)
    assert settings.model_folders == [str(tmp_path)]
    (tmp_path / "sha256-0").write_bytes(b"GGUF....")
    drop(dialog, tmp_path / "sha256-0")
    assert wanted == [str(tmp_path / "sha256-0")]


def test_a_second_search_keeps_the_selection_and_removes_what_is_gone(qtbot: QtBot) -> None:
    dialog, engine = chooser(qtbot)
    dialog.table.select("/store/sha256-1")
    engine.answers.pop(ListModels)
    QTest.keyClick(dialog, Qt.Key.Key_F5)
    new = StoredModel("new", "/new", "folder", "folder", "gpt2", 1, 1, 1)
    for model in (new, *MODELS[1:]):
        engine.send(ListModels, StoredModels((model,)))
    assert dialog.table.current.path == "/store/sha256-1"
    assert dialog.count.text() == "Looking… 5 models so far"
    engine.end(ListModels, Ended(1, "done"))
    assert names(dialog) == ["new", "Qwen3-0.6B", "smollm2:135m", "openai-community/gpt2"]
    assert dialog.table.current.path == "/store/sha256-1"


def test_the_folder_of_a_model_is_shown_in_the_file_manager(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    (tmp_path / "x.gguf").write_bytes(b"")
    file = StoredModel("x", str(tmp_path / "x.gguf"), "gguf", "folder", "llama", 1, 1, 1)
    dialog, _ = chooser(qtbot, models=(file,))
    dialog.show_button.click()
    assert opened == [str(tmp_path)]


def test_the_dialog_is_in_the_programs_language(qtbot: QtBot) -> None:
    dialog, _ = chooser(qtbot)
    i18n.set_language("ja")
    try:
        assert dialog.windowTitle() == "このパソコンにあるモデル"
        assert dialog.table.accessibleName() == "このパソコンにあるモデル"
        assert column_of(dialog.table, 6)[0] == "開けます"
    finally:
        i18n.set_language("en")


def test_sizes_are_short() -> None:
    assert [size_words(n).replace("\xa0", " ") for n in (0, 512, 98_362_432, 1_240_000_000)] == [
        *("–", "0.5 kB", "98 MB", "1.2 GB")
    ]
    assert [short_count(n) for n in (0, 1_810_432, 134_515_008, 1_500_000_000)] == ["–", "1.8M", "135M", "1.5B"]


@pytest.mark.parametrize(("content", "expected"), [(b"GGUF\x03", True), (b"text", False), (b"", False)])
def test_a_file_without_suffix_is_a_model_by_its_first_bytes(tmp_path: Path, content: bytes, expected: bool) -> None:
    (tmp_path / "sha256-0").write_bytes(content)
    assert is_model(tmp_path / "sha256-0") == expected
    assert not is_model(tmp_path / "nowhere")
