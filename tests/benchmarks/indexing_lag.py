"""The window while documents are taken in: python -m tests.benchmarks.indexing_lag TEXT [COPIES]

So many copies of the text (10) are added in the Search pane, with four tiles live; a question is asked again and
again meanwhile. How late the window's event loop comes (target: 99 % within 33 ms), and how long a question waits.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

QUESTION = "先生はどこにいますか?"


def main() -> None:
    if "DISPLAY" not in os.environ:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    text, copies = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "documents"
        documents.mkdir()
        for number in range(copies):
            (documents / f"{number}.txt").write_bytes(text.read_bytes())
        _measure(documents, Path(folder))


def _measure(documents: Path, home: Path) -> None:
    from PySide6.QtCore import QTimer

    from gui import settings
    from gui.app import make_application
    from gui.engine_link import EngineLink
    from gui.main_window import MainWindow
    from tests.benchmarks.lag import Lag

    os.environ["XDG_DATA_HOME"] = str(home)
    app, lag, begun = make_application(), Lag(), time.perf_counter()
    window = MainWindow(EngineLink(), settings.Settings(language="ja", tiles=4), home / "settings.json")
    window.resize(1600, 1000)
    window.show()
    window.begin([])
    window.workspace.show_pane("search")
    pane = window.workspace.pane("search")
    waits: list[float] = []
    asked = 0.0

    def ask() -> None:
        nonlocal asked
        asked = time.perf_counter()
        pane.ask_question()  # type: ignore[attr-defined]

    def look() -> None:
        nonlocal asked
        if asked and pane.asked.result is not None:  # type: ignore[attr-defined]
            waits.append(1000 * (time.perf_counter() - asked))
            asked = 0.0
        if pane.asking("change"):
            return
        beat = lag.stop()
        looking.stop()
        asking.stop()
        info = pane.info  # type: ignore[attr-defined]
        print(f"{info.documents} documents, {info.passages:,} passages in {time.perf_counter() - begun:.1f} s")
        print(f"lag p99 {beat['p99']:.0f} ms (target 33), max {beat['max']:.0f} ms")
        if waits:
            print(f"{len(waits)} questions meanwhile, hits after {sorted(waits)[len(waits) // 2]:.0f} ms (median)")
        window.close()
        app.quit()

    looking, asking = QTimer(interval=20), QTimer(interval=1000)
    looking.timeout.connect(look)
    asking.timeout.connect(ask)

    def start() -> None:
        nonlocal begun
        begun = time.perf_counter()
        pane.page.question.setText(QUESTION)  # type: ignore[attr-defined]
        pane.add([str(documents)])  # type: ignore[attr-defined]
        lag.start()
        looking.start()
        asking.start()

    QTimer.singleShot(8000, start)
    app.exec()


if __name__ == "__main__":
    main()
