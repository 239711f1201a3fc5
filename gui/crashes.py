"""What is kept of a bug or a crash: a log, and a message in the window."""

import faulthandler
import logging
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, Signal

from engine.messages.envelope import Ended


class BugReporter(QObject):
    """Logs each bug of the window once and emits it, from whichever thread it comes."""

    found = Signal(object)  # Ended, as of a request that failed by a bug

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._known: set[str] = set()

    def install(self) -> None:
        """Take every exception that nothing catches."""
        sys.excepthook = self.report
        threading.excepthook = lambda args: self.report(args.exc_type, args.exc_value, args.exc_traceback)

    def report(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        """Report a bug, unless it is one that was reported before: a broken paintEvent fails at every frame."""
        detail = "".join(traceback.format_exception(kind, error, trace))
        if detail in self._known:
            return
        self._known.add(detail)
        logging.error(detail)
        print(detail, file=sys.stderr)
        try:
            self.found.emit(Ended(0, "failed", "error.unexpected", {"error": f"{kind.__name__}: {error}"}, detail))
        except RuntimeError:
            pass  # the window is already being taken down


def open_logs(folder: Path) -> Path | None:
    """Begin nakami.log and crash.log in `folder`. Return the trace of the last start's crash, None if it had none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=folder / "nakami.log", level=logging.WARNING, format="%(asctime)s %(message)s")
        last = _keep_last(folder / "crash.log", folder / "crash.last.log")
        faulthandler.enable((folder / "crash.log").open("a"))  # open as long as the process lives
    except OSError:
        return None  # a read-only home: the window matters more than its log
    return last


def _keep_last(trace: Path, kept: Path) -> Path | None:
    if not trace.is_file() or not trace.stat().st_size:
        return None
    trace.replace(kept)
    return kept
