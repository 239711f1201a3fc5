"""Reporting bugs and crashes: in a log, and in a message in the window."""

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
    """Logs each bug of the window once and emits it, from any thread."""

    found = Signal(object)  # Ended, as of a request that failed by a bug

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._known: set[str] = set()

    def install(self) -> None:
        """Report every exception that is not caught, in all threads."""
        sys.excepthook = self.report
        threading.excepthook = lambda args: self.report(args.exc_type, args.exc_value, args.exc_traceback)

    def report(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        """Report a bug, unless the same was reported before: a broken paintEvent fails at every frame."""
        detail = "".join(traceback.format_exception(kind, error, trace))
        if detail in self._known:
            return
        self._known.add(detail)
        logging.error(detail)
        print(detail, file=sys.stderr)
        try:
            self.found.emit(Ended(0, "failed", "error.unexpected", {"error": f"{kind.__name__}: {error}"}, detail))
        except RuntimeError:
            pass  # the window is already being destroyed


def open_logs(folder: Path) -> Path | None:
    """Log to nakami.log and crash.log in `folder`. Return the file with the last session's crash, or None."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=folder / "nakami.log", level=logging.WARNING, format="%(asctime)s %(message)s")
        last = _keep_last(folder / "crash.log", folder / "crash.last.log")
        faulthandler.enable((folder / "crash.log").open("a"))  # open until the process ends
    except OSError:
        return None  # a read-only home directory: the window opens without logs
    return last


def _keep_last(trace: Path, kept: Path) -> Path | None:
    if not trace.is_file() or not trace.stat().st_size:
        return None
    trace.replace(kept)
    return kept
