"""SIGINT (Ctrl+C in the terminal) and SIGTERM as a Qt signal."""

import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier, Signal


class Interrupts(QObject):
    """Emits `received` for SIGINT and SIGTERM.

    Python handles a signal when it next runs, and Qt's event loop runs no Python while nothing happens. So the
    interpreter writes the signal's number to a socket, which wakes the loop.
    """

    received = Signal(int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.number = 0  # the last signal received
        self._ours, self._theirs = socket.socketpair()
        for end in (self._ours, self._theirs):
            end.setblocking(False)
        signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _do_nothing)
        self._notifier = QSocketNotifier(self._ours.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._read)

    @property
    def exit_code(self) -> int:
        """130 after SIGINT and 143 after SIGTERM, as a shell counts; 0 without a signal."""
        return 128 + self.number if self.number else 0

    def close(self) -> None:
        """Restore Python's own signal handlers."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._notifier.setEnabled(False)
        self._ours.close()
        self._theirs.close()

    def _read(self) -> None:
        try:
            numbers = self._ours.recv(64)
        except BlockingIOError:
            return
        if numbers:
            self.number = numbers[-1]
            self.received.emit(self.number)


def _do_nothing(*_: object) -> None:
    """Handle a signal, which without a handler would end the process."""
