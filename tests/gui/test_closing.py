"""Closing the program: by its button, by Ctrl+C, at rest and while training."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from engine.messages.status import Hello
from gui.engine_link import EngineLink
from gui.i18n import t
from gui.settings import Settings
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine

ROOT = Path(__file__).parent.parent.parent
SLOW = 60_000  # milliseconds: importing torch beside other tests takes its time
PROGRAM = """
import sys
from gui.app import main
from gui.window.main_window import MainWindow
from gui.window.status_line import StatusLine

show, begin = StatusLine.set_engine, MainWindow.begin

def say(status, state, doing=""):
    print(state, flush=True)
    show(status, state, doing)

def start(window, paths):
    begin(window, paths)
    page = window.workspace.pane("training").start_page
    window.state.corpus_changed.connect(page.start_button.click)
    window.state.progress_changed.connect(
        lambda: window.state.progress and print("step", window.state.progress.steps[-1:], flush=True)
    )

StatusLine.set_engine, MainWindow.begin = say, start
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Return an environment with empty folders for settings and models."""
    folders = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "CACHE")}
    return dict(os.environ, QT_QPA_PLATFORM="offscreen", **folders)


def run(home: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PROGRAM, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=home, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def wait_for(program: "subprocess.Popen[str]", word: str) -> None:
    assert program.stdout is not None
    for line in program.stdout:
        if line.startswith(word):
            return
    raise AssertionError(program.communicate()[1])


def processes_of(session: int) -> list[str]:
    """Return the processes of a session, without those that have ended and wait to be collected."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, owner = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if owner == str(session) and state not in "ZX":
            found.append(path.parent.name)
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("training", [False, True], ids=["at rest", "training"])
def test_a_signal_closes_the_program_as_its_button_does(
    home: dict[str, str], tmp_path: Path, training: bool, number: int, code: int
) -> None:
    text = tmp_path / "story.txt"
    text.write_text("the cat sat on the mat. the dog sat on the log.\n" * 600)
    program = run(home, *([str(text)] if training else []))
    wait_for(program, "step" if training else "ready")
    if number == signal.SIGINT:
        os.killpg(program.pid, number)  # as a terminal does: to the engine's process as well
    else:
        program.send_signal(number)
    out, err = program.communicate(timeout=30)
    complaints = [line for line in err.splitlines() if not line.startswith("This plugin does not support")]
    assert (program.returncode, complaints) == (code, [])
    assert "saving" in out.splitlines()
    deadline = time.monotonic() + 5
    while processes_of(program.pid) and time.monotonic() < deadline:
        time.sleep(0.05)  # the resource tracker ends a moment later
    assert processes_of(program.pid) == []
    settings, broken = Settings.load(tmp_path / "config" / "nakami" / "settings.json")
    assert (settings.welcomed, broken) == (True, False)
    if training:
        assert len(list((tmp_path / "data").rglob("training.safetensors"))) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_ctrl_c_ends_rendering_pictures(home: dict[str, str], tmp_path: Path) -> None:
    program = run(home, "--export", str(tmp_path / "pictures"), "--model", "assets/model")
    wait_for(program, "ready")
    os.killpg(program.pid, signal.SIGINT)
    _, err = program.communicate(timeout=30)
    assert program.returncode == 130
    assert "Traceback" not in err
    assert not (tmp_path / "pictures" / "grid.png").exists()


# --- The window waits in its event loop ----------------------------------------------------------------


class SlowEngine(FakeEngine):
    """Takes a while to save."""

    def begin_closing(self, saves: bool = True) -> None:
        QTimer.singleShot(300, self, self._end)

    def _end(self) -> None:
        self.alive = False
        self.closed.emit()


@pytest.fixture
def saving(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    window = MainWindow(SlowEngine(), Settings(language="en", welcomed=True), tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(window)
    window.show()
    window.begin([])
    assert not window.close()
    yield window
    qtbot.waitUntil(lambda: not window.isVisible())


def test_a_closing_window_shows_that_it_is_saving_and_stays_responsive(qtbot: QtBot, saving: MainWindow) -> None:
    assert saving.isVisible()
    assert saving.status.engine.text() == t("status.saving") == "Saving…"
    assert not saving.prompt.isEnabled()
    assert (saving.settings_path).is_file()
    beats: list[int] = []
    beat = QTimer(saving)
    beat.timeout.connect(lambda: beats.append(1))
    beat.start(10)
    saving.state.set_training(True)  # what the engine still reports changes nothing
    assert saving.status.engine.text() == "Saving…"
    assert not saving.close()  # a second click waits as well
    qtbot.waitUntil(lambda: not saving.isVisible())
    beat.stop()
    assert len(beats) > 10


@pytest.fixture
def link(qtbot: QtBot) -> Iterator[Any]:
    made = EngineLink()
    made.start()
    ready: list[object] = []
    job = made.submit(Hello())
    job.answered.connect(ready.append)
    qtbot.waitUntil(lambda: bool(ready), timeout=SLOW)
    yield made
    made.close()


def test_the_link_reports_when_the_engine_has_ended(qtbot: QtBot, link: Any) -> None:
    died: list[int] = []
    link.died.connect(lambda: died.append(1))
    with qtbot.waitSignal(link.closed, timeout=SLOW):
        link.begin_closing()
        link.begin_closing()
        assert link.alive
    assert not link.alive
    assert not link._process.is_alive()
    assert not any(thread.is_alive() for thread in link._threads)
    assert died == []


@pytest.mark.parametrize("training", [False, True])
def test_the_engine_gets_time_to_save_only_if_it_has_something_to_save(
    qtbot: QtBot, tmp_path: Path, training: bool
) -> None:
    engine = FakeEngine()
    window = MainWindow(engine, Settings(language="en", welcomed=True), tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(window)
    window.state.set_training(training)
    window.close()
    assert engine.closed_with is training


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="stops a process by a signal")
@pytest.mark.parametrize("waits", [False, True])
def test_an_engine_that_does_not_answer_is_killed(
    qtbot: QtBot, link: Any, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    monkeypatch.setattr("gui.engine_link.CLOSE_SECONDS", 0.3)
    os.kill(link.process_id, signal.SIGSTOP)
    begun = time.monotonic()
    if waits:
        link.close()
    else:
        with qtbot.waitSignal(link.closed, timeout=SLOW):
            link.begin_closing()
    assert 0.3 <= time.monotonic() - begun < 10
    assert link._process.exitcode == -signal.SIGKILL
    assert not link.alive
