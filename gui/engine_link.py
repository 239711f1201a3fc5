"""The window's end of the pipe: the only file of the window that starts processes and threads."""

import multiprocessing
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from PySide6.QtCore import QDeadlineTimer, QObject, Qt, QTimer, Signal

from engine.messages.envelope import Cancel, Ended, Event, Quit, Request, Submit
from engine.messages.wire import pack, unpack
from engine.service.process import main as engine_main

CLOSE_SECONDS = 5.0  # how long a closing engine may take to save
IDLE_CLOSE_SECONDS = 1.0  # the same if it has nothing to save: it may be inside a long step
POLL_MS = 20  # how often a closing window checks whether the engine has ended


class Job(QObject):
    """The window's handle on one running request."""

    answered = Signal(object)
    ended = Signal(object)  # exactly once, also when the engine dies

    def __init__(self, number: int, request: Request[Any], cancel: Callable[[int], None], parent: QObject) -> None:
        super().__init__(parent)
        self.number, self.request = number, request
        self.running = True
        self._cancel = cancel

    def cancel(self) -> None:
        if self.running:
            self._cancel(self.number)


class EngineLink(QObject):
    """Starts the engine, sends requests, and delivers the answers in the window's thread."""

    submitted = Signal(object)  # Job: a request has been sent
    died = Signal()  # the engine ended without being asked to
    closed = Signal()  # after `begin_closing`: the engine has saved and ended
    _arrived = Signal(int, object)  # emitted by the reader thread: (generation, message or None at the end)

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[int, Job] = {}
        self._next_job = 1
        self._generation = 0
        self._closing = False
        self.alive = False
        self._process: Any = None
        self._deadline = QDeadlineTimer()
        self._watch = QTimer(self)
        self._watch.setInterval(POLL_MS)
        self._watch.timeout.connect(self._check_ended)
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Start an engine, the first or one after another has died."""
        self._generation += 1
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=True)
        self._process = context.Process(target=engine_main, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the pipe arrives when the child dies
        self._outbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._read, args=(ours, self._generation), daemon=True),
            threading.Thread(target=_write, args=(ours, self._outbox), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self.alive = True

    @property
    def process_id(self) -> int | None:
        return getattr(self._process, "pid", None)

    def submit(self, request: Request[Any]) -> Job:
        """Send a request; connect to the job's signals before returning to the event loop."""
        job = Job(self._next_job, request, lambda number: self._outbox.put(Cancel(number)), self)
        self._next_job += 1
        self._jobs[job.number] = job
        if self.alive:
            self._outbox.put(Submit(job.number, request))
        else:
            self._arrived.emit(self._generation, Ended(job.number, "failed", "error.engine_gone"))
        self.submitted.emit(job)
        return job

    def begin_closing(self, saves: bool = True) -> None:
        """Ask the engine to save and end, and emit `closed` when it has.

        It is killed after CLOSE_SECONDS, or after IDLE_CLOSE_SECONDS if it has nothing to save.
        """
        if self._closing:
            return
        self._closing = True
        if self.alive:
            self._outbox.put(Quit())
            self._deadline = QDeadlineTimer(round(1000 * (CLOSE_SECONDS if saves else IDLE_CLOSE_SECONDS)))
            self._watch.start()

    def close(self) -> None:
        """Ask the engine to save and end, and wait for it."""
        self.begin_closing()
        if self.alive:
            self._process.join(CLOSE_SECONDS)
            self._finish()

    def _check_ended(self) -> None:
        if self._deadline.hasExpired() or not self._process.is_alive():
            self._finish()
            self.closed.emit()

    def _finish(self) -> None:
        self._watch.stop()
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(CLOSE_SECONDS)
        self.alive = False

    def _read(self, connection: Connection, generation: int) -> None:
        try:
            while True:
                self._arrived.emit(generation, unpack(connection.recv_bytes()))
        except (EOFError, OSError):
            pass
        except RuntimeError:
            return  # the window is already being destroyed
        try:
            self._arrived.emit(generation, None)
        except RuntimeError:
            pass

    def _deliver(self, generation: int, message: object) -> None:
        if message is None:
            if generation == self._generation:  # not the end of an engine that has been replaced
                self._lost()
        elif isinstance(message, Event):
            if message.job in self._jobs:
                self._jobs[message.job].answered.emit(message.body)
        elif isinstance(message, Ended):
            self._end(message)

    def _end(self, message: Ended) -> None:
        job = self._jobs.pop(message.job, None)
        if job is not None:
            job.running = False
            job.ended.emit(message)
            job.deleteLater()

    def _lost(self) -> None:
        """End every job, and those that are submitted meanwhile.

        While closing, `_check_ended` waits for the process itself to end.
        """
        if not self._closing:
            self.alive = False
            self._outbox.put(None)
        for number in list(self._jobs):
            self._end(Ended(number, "failed", "error.engine_gone"))
        if not self._closing:
            self.died.emit()


def _write(connection: Connection, outbox: "queue.SimpleQueue[object]") -> None:
    """Send what is in the outbox, in a thread: a full pipe blocks while the engine is inside a step."""
    try:
        while (message := outbox.get()) is not None:
            connection.send_bytes(pack(message))
    except (OSError, ValueError):
        pass  # the reader notices the end of the pipe and reports it
    finally:
        connection.close()
