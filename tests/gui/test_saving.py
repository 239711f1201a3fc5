"""Saving pictures and tables as files."""

import csv
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from gui import saving
from gui.pane import Table


@pytest.fixture
def label(qtbot: QtBot) -> QLabel:
    widget = QLabel("猫 cat")
    qtbot.addWidget(widget)
    widget.resize(120, 40)
    return widget


def test_a_picture_has_twice_the_pixels(label: QLabel, tmp_path: Path) -> None:
    saving.save_png(label, tmp_path / "a.png")
    image = QImage(str(tmp_path / "a.png"))
    assert (image.width(), image.height()) == (240, 80)


def test_a_picture_is_saved_as_svg(label: QLabel, tmp_path: Path) -> None:
    saving.save_svg(label, tmp_path / "a.svg")
    assert "<svg" in (tmp_path / "a.svg").read_text("utf-8")


def test_a_table_opens_in_a_spreadsheet(tmp_path: Path) -> None:
    table = Table(("piece", "p"), [("猫,", 0.5), ('"\n', 1)])
    saving.save_csv(table, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["piece", "p"], ["猫,", "0.5"], ['"\n', "1"]]


def test_a_failed_save_leaves_no_file(label: QLabel, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        saving.save_png(label, tmp_path / "nowhere" / "a.png")
    assert list(tmp_path.iterdir()) == []
