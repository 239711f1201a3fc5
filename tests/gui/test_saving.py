"""Saving pictures and tables as files."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from gui import saving
from gui.pane import Table
from gui.saving import Caption
from gui.theme import LIGHT


@pytest.fixture
def label(qtbot: QtBot) -> QLabel:
    widget = QLabel("猫 cat")
    qtbot.addWidget(widget)
    widget.resize(120, 40)
    return widget


def ink(image: QImage, area: QRect) -> int:
    """Return how many pixels of an area are not the ground's."""
    ground = QColor(LIGHT.surface).rgb()
    xs, ys = range(area.left(), area.right() + 1), range(area.top(), area.bottom() + 1)
    return sum(image.pixel(x, y) != ground for y in ys for x in xs)


def test_a_picture_has_twice_the_pixels_and_a_margin(label: QLabel, tmp_path: Path) -> None:
    saving.save_png(label, tmp_path / "a.png")
    image = QImage(str(tmp_path / "a.png"))
    assert (image.width(), image.height()) == (2 * (24 + 120 + 24), 2 * (24 + 40 + 24))
    assert ink(image, QRect(48, 48, 240, 80))
    assert ink(image, image.rect()) == ink(image, QRect(48, 48, 240, 80))


def test_a_picture_has_its_title_above_and_its_caption_below(label: QLabel) -> None:
    bare = saving.picture(label).toImage()
    image = saving.picture(label, Caption("Attention", "It looks at the animal. " * 8, "Nakami · smollm2")).toImage()
    assert image.width() == bare.width()
    assert image.height() > bare.height() + 2 * 8 * LIGHT.px(15)  # the sentence is wrapped, not cut
    assert not ink(image, QRect(0, 0, 44, image.height()))  # a letter may reach out of its place by a pixel
    assert not ink(image, QRect(image.width() - 44, 0, 44, image.height()))
    assert ink(image, QRect(48, 48, 240, 40))
    assert ink(image, QRect(48, image.height() - 48 - 26, 240, 26))


def test_a_picture_is_saved_as_svg_with_its_words(label: QLabel, tmp_path: Path) -> None:
    saving.save_svg(label, tmp_path / "a.svg", Caption("Attention", "", "Nakami"))
    svg = (tmp_path / "a.svg").read_text("utf-8")
    assert "<svg" in svg
    assert all(words in svg for words in ("cat", "Attention", "Nakami"))


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


# --- Tables in spreadsheets ---------------------------------------------------------------------------

CELLS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())


@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1), separator=st.sampled_from(",\t"))
def test_every_row_is_one_record_and_no_cell_is_a_formula(rows: list[tuple[object, ...]], separator: str) -> None:
    text = saving.as_text(Table(("a", "b"), rows), separator)
    records = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    assert len(records) == 1 + len(rows)
    for record, row in zip(records[1:], rows, strict=True):
        for read, cell in zip(record, row, strict=True):
            assert read.removeprefix("'") == str(cell).removeprefix("'")
            assert not read.startswith(("=", "@", "\t", "\r", "＝", "＋", "－", "＠"))
            if not isinstance(cell, str):
                assert read == str(cell)


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "-", "+"])
def test_a_cell_that_a_spreadsheet_would_run_is_saved_as_text(cell: str) -> None:
    [_, [read]] = csv.reader(io.StringIO(saving.as_text(Table(("piece",), [(cell,)]), ","), newline=""))
    assert read == f"'{cell}"


@pytest.mark.parametrize("cell", ["-5", "+0.25", "-1e-3", -5, -0.25, "a-b", "'=1"])
def test_numbers_and_ordinary_words_are_saved_as_they_are(cell: object) -> None:
    [_, [read]] = csv.reader(io.StringIO(saving.as_text(Table(("piece",), [(cell,)]), ","), newline=""))
    assert read == str(cell)
