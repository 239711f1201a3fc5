"""Pictures of every pane with its real engine, without a display: `main.py --export DIR`."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QAbstractAnimation, QElapsedTimer, QEventLoop, QTimer, QVariantAnimation
from PySide6.QtWidgets import QWidget

from engine.messages.training import TrainingSettings
from gui.application import make_application
from gui.engine_link import EngineLink
from gui.i18n import t
from gui.interrupts import Interrupts
from gui.panes import PANE_IDS
from gui.panes.generation.pane import GenerationPane
from gui.panes.search.pane import SearchPane
from gui.samples import path_of
from gui.settings import Settings
from gui.window.main_window import MainWindow
from gui.window.workspace import FAVOURITES

TRAINING_SECONDS = 12.0  # for the model in the pictures
PATIENCE_SECONDS = 120.0
SETTLE_MS = 400  # without a running request, after which a picture is complete


def export(options: argparse.Namespace) -> int:
    """Render DIR/PANE.png and DIR/grid.png, print the path of each, and return the exit code.

    It is 0, or 1 with one sentence on stderr, or 130 after Ctrl+C.
    """
    app = make_application()
    interrupts = Interrupts(app)
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(language=options.language, theme=options.theme, tiles=4, welcomed=True)
        settings.content_zoom = options.zoom / 100
        window = MainWindow(EngineLink(), settings, Path(scratch) / "settings.json")
        interrupts.received.connect(window.close)
        window.resize(*options.size)
        window.show()
        try:
            options.export.mkdir(parents=True, exist_ok=True)
            _prepare(window, options, Path(scratch))
            for name, picture in _pictures(window):
                path = options.export / f"{name}.png"
                if not picture.grab().save(str(path), "PNG"):
                    raise ExportError(t("error.not_written", file=str(path), reason=""))
                print(path)
        except (ExportError, OSError) as error:
            if not interrupts.number:
                print(error, file=sys.stderr)
            return interrupts.exit_code or 1
        finally:
            window.close()
            while window.isVisible():  # until the engine has ended
                app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    return interrupts.exit_code


class ExportError(Exception):
    """The export failed; the message is a sentence for the terminal."""


def _prepare(window: MainWindow, options: argparse.Namespace, scratch: Path) -> None:
    """Open the text and model in `options`; without a model, train a small one."""
    window.workspace.pane(SearchPane).collection.home = scratch / "documents"
    paths = [path_of(path) for path in (options.model, options.text) if path]
    window.begin(paths)
    if not options.text and not options.model:
        window.opening.open_sample()
    _wait(window, lambda: window.state.model is not None if options.model else window.state.corpus is not None)
    if options.model and not options.text:
        window.prompt.set_text(t("pane.tokens.sentence"))
    if options.model is None:
        settings = TrainingSettings(seconds=TRAINING_SECONDS, vocabulary=1000)
        window.runs.start(settings, scratch / "model")
        _wait(window, lambda: window.state.training)
        _wait(window, lambda: not window.state.training)
    if window.prompt.toPlainText():
        _wait(window, lambda: bool(window.state.text) and window.state.tokens is not None)


def _pictures(window: MainWindow) -> Iterator[tuple[str, QWidget]]:
    """Yield the name of each picture, and the window when it shows that picture."""
    for pane_id in PANE_IDS:
        window.workspace.set_layout(1, [pane_id])
        _settle(window)
        if pane_id == "generation":
            window.workspace.pane(GenerationPane).writing.play_or_pause()
            _settle(window)
        if pane_id == "search":
            window.workspace.pane(SearchPane).try_company()
            _settle(window)
        yield pane_id, window
    window.workspace.set_layout(4, list(FAVOURITES))
    _settle(window)
    yield "grid", window


def _wait(window: MainWindow, reached: Callable[[], bool]) -> None:
    loop, clock = QEventLoop(), QElapsedTimer()
    clock.start()

    def check() -> None:
        if reached() or window.banner.failed or not window.isVisible() or clock.elapsed() > PATIENCE_SECONDS * 1000:
            loop.quit()

    timer = QTimer(interval=50)
    timer.timeout.connect(check)
    timer.start()
    loop.exec()
    if not (reached() and window.isVisible()):
        raise ExportError(window.banner.label.text() if window.banner.failed else t("error.export_timeout"))


def _settle(window: MainWindow) -> None:
    """Wait until no visible pane has had a request or a motion running for SETTLE_MS."""
    quiet = QElapsedTimer()
    quiet.start()

    def settled() -> bool:
        visible = [pane for pane in window.workspace.panes.values() if pane.isVisible()]
        if any(pane.asking() or _moves(pane) for pane in visible):
            quiet.restart()
        return quiet.elapsed() > SETTLE_MS

    _wait(window, settled)


def _moves(pane: QWidget) -> bool:
    """Return whether an animation of the pane is running, other than one that repeats for ever."""
    motions = pane.findChildren(QVariantAnimation)
    return any(m.state() == QAbstractAnimation.State.Running and m.loopCount() > 0 for m in motions)
