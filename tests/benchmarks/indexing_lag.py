"""Measure the lag of the window while documents are indexed.

    python -m tests.benchmarks.indexing_lag TEXT [COPIES]

So many copies of the text (10) are added in the Search pane, with four tiles live: the lag of the window's
event loop is measured (target: 99 % within 33 ms).
"""

import os
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    if "DISPLAY" not in os.environ:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    text, copies = Path(sys.argv[1]).read_bytes(), int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "documents"
        documents.mkdir()
        for number in range(copies):
            (documents / f"{number}.txt").write_bytes(text)
        _measure(documents, Path(folder))


def _measure(documents: Path, home: Path) -> None:
    from PySide6.QtCore import QTimer

    from gui.application import make_application
    from gui.engine_link import EngineLink
    from gui.settings import Settings
    from gui.window.main_window import MainWindow
    from tests.benchmarks.lag import Lag

    app, lag, begun = make_application(), Lag(), 0.0
    window = MainWindow(EngineLink(), Settings(language="ja", tiles=4), home / "settings.json")
    window.resize(1600, 1000)
    window.show()
    window.begin([])
    window.workspace.show_pane("search")
    pane = window.workspace.pane("search")
    pane.home = home / "collections"  # type: ignore[attr-defined]
    look = QTimer(interval=20)

    def start() -> None:
        nonlocal begun
        begun = time.perf_counter()
        pane.add([str(documents)])  # type: ignore[attr-defined]
        lag.start()
        look.start()

    def looked() -> None:
        info = pane.info  # type: ignore[attr-defined]
        if info is None or pane.asking("change"):
            return
        late, seconds = lag.stop(), time.perf_counter() - begun
        print(f"{info.documents} documents, {info.passages:,} passages in {seconds:.1f} s")
        print(f"lag p99 {late['p99']:.0f} ms (target 33), max {late['max']:.0f} ms")
        window.close()

    look.timeout.connect(looked)
    QTimer.singleShot(8000, start)  # the engine is idle by then
    app.exec()


if __name__ == "__main__":
    main()
