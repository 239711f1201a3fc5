"""Measure the lag of the window while files of many formats are indexed, and how soon Cancel takes effect.

    python -m tests.benchmarks.indexing_lag TEXT [FILES]

So many files (1,000) are made of parts of the text: plain text in three encodings, Markdown, HTML, CSV, Word and PDF.
They are added in the Search pane, with four tiles live; then again to another collection, and cancelled halfway.
Target: 99 % of the lag within 33 ms.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from html import escape
from itertools import cycle, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from docx import Document as new_docx

from engine.text.reading import read_chunks
from tests.benchmarks.lag import Lag
from tests.engine.documents import pdf

if TYPE_CHECKING:
    from engine.messages.documents import IndexProgress
    from gui.panes.search.collection import CollectionControl

FILES, CHARACTERS = 1000, 3000
PARTS = 200  # different parts of the text
Wait = Callable[[Callable[[], bool]], None]  # handles events until a condition holds


def main() -> None:
    if "DISPLAY" not in os.environ:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    text = "".join(read_chunks(Path(sys.argv[1])))
    files = int(sys.argv[2]) if len(sys.argv) > 2 else FILES
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder) / "documents", text, files)
        _measure(Path(folder), files)


def make_files(folder: Path, text: str, count: int) -> None:
    """Write `count` files, as many of each format."""
    folder.mkdir()
    formats = cycle(FORMATS)
    for number in range(count):
        start = number % PARTS * max(1, (len(text) - CHARACTERS) // PARTS)
        part = f"Part {number}\n\n{text[start : start + CHARACTERS]}"
        write, suffix = next(formats)
        write(folder / f"{number:04}{suffix}", part)


def _write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.write_bytes(text.encode(encoding, "replace"))


def _write_html(path: Path, text: str) -> None:
    paragraphs = "".join(f"<p>{escape(line)}</p>\n" for line in text.split("\n"))
    _write_text(path, f"<html><head><meta charset=utf-8></head><body>{paragraphs}</body></html>")


def _write_csv(path: Path, text: str) -> None:
    rows = (f'{number},"{line.replace(chr(34), chr(34) * 2)}"' for number, line in enumerate(text.split("\n")))
    _write_text(path, "\r\n".join(["number,line", *rows]))


def _write_word(path: Path, text: str) -> None:
    document = new_docx()
    for line in text.split("\n"):
        document.add_paragraph(line)
    document.save(str(path))


def _write_pdf(path: Path, text: str) -> None:
    lines = (line.translate(str.maketrans("", "", "()\\")) for line in text.split("\n"))
    latin = "\n".join(lines).encode("latin-1", "replace").decode("latin-1")
    path.write_bytes(pdf([latin[: CHARACTERS // 2], latin[CHARACTERS // 2 :]]))


FORMATS: tuple[tuple[Callable[[Path, str], None], str], ...] = (
    (_write_text, ".txt"),
    (partial(_write_text, encoding="cp932"), ".txt"),
    (partial(_write_text, encoding="utf-16"), ".txt"),
    (_write_text, ".md"),
    (_write_html, ".html"),
    (_write_csv, ".csv"),
    (_write_word, ".docx"),
    (_write_pdf, ".pdf"),
)


def _measure(home: Path, files: int) -> None:
    from PySide6.QtCore import QEventLoop

    from gui.application import make_application
    from gui.engine_link import EngineLink
    from gui.panes.search.pane import SearchPane
    from gui.settings import Settings
    from gui.window.main_window import MainWindow

    app = make_application()
    window = MainWindow(EngineLink(), Settings(language="ja", tiles=4), home / "settings.json")
    window.resize(1600, 1000)
    window.show()
    window.begin([])
    window.workspace.show_pane("search")
    pane = window.workspace.pane("search")
    assert isinstance(pane, SearchPane)
    collection = pane.collection

    def wait(until: Callable[[], bool]) -> None:
        while not until():
            app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)

    begun = time.perf_counter()
    wait(lambda: time.perf_counter() - begun > 8)  # the engine is idle by then
    for most in (files, files // 2):
        _index(collection, home / f"collection-{most}", home / "documents", most, wait)
    window.close()


def _index(collection: "CollectionControl", folder: Path, documents: Path, most: int, wait: Wait) -> None:
    """Add the documents to a new collection, cancel when more than `most` are read, and print what was measured."""
    reports: list[tuple[float, IndexProgress]] = []
    note = collection.progressed.connect(lambda progress: reports.append((time.perf_counter(), progress)))
    collection.open(str(folder), create=True)
    wait(lambda: collection.info is not None and collection.info.folder == str(folder))
    lag, begun = Lag(), time.perf_counter()
    lag.start()
    collection.add([str(documents)])
    wait(
        lambda: (
            not collection.is_changing
            or (bool(reports) and reports[-1][1].stage == "reading" and reports[-1][1].done > most)
        )
    )
    asked = time.perf_counter()
    if collection.is_changing:
        collection.cancel()
        before = collection.info
        wait(lambda: collection.info is not before)
        print(f"cancelled at {reports[-1][1].done}; its result {time.perf_counter() - asked:.2f} s later")
    late, info = lag.stop(), collection.info
    collection.progressed.disconnect(note)
    assert info is not None
    times = [begun, *(at for at, _ in reports), asked]
    print(f"{info.documents} documents, {info.passages:,} passages in {asked - begun:.1f} s; not read: {info.skipped}")
    print(f"lag p99 {late['p99']:.0f} ms (target 33), max {late['max']:.0f} ms")
    print(f"longest time without progress {max(b - a for a, b in pairwise(times)):.1f} s")


if __name__ == "__main__":
    main()
