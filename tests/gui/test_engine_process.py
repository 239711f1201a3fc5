"""The real engine in its own process, driven through the window's link and through the window itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.messages.status import EngineReady, Hello
from engine.messages.texts import InspectText
from engine.messages.tokens import Tokenize
from engine.messages.training import TrainingSettings
from gui.engine_link import EngineLink
from gui.panes.training.pane import TrainingPane
from gui.settings import Settings
from gui.window.main_window import MainWindow

if TYPE_CHECKING:
    from engine.messages.envelope import Ended

SLOW = 60_000  # milliseconds: importing torch beside other tests takes its time
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def link() -> Iterator[EngineLink]:
    link = EngineLink()
    link.start()
    yield link
    link.close()
    assert not link._process.is_alive()


def test_requests_are_answered_and_failures_reported(qtbot: QtBot, link: EngineLink, tmp_path: Path) -> None:
    answers: list[EngineReady] = []
    ended: dict[int, Ended] = {}
    jobs = [link.submit(r) for r in (Hello(), InspectText((str(tmp_path / "nothing.txt"),)), Tokenize("a"))]
    for job in jobs:
        job.answered.connect(answers.append)
        job.ended.connect(lambda end, number=job.number: ended.__setitem__(number, end))
    qtbot.waitUntil(lambda: len(ended) == 3, timeout=SLOW)
    assert [type(answer) for answer in answers] == [EngineReady]
    done, missing, no_model = (ended[job.number] for job in jobs)
    assert (done.outcome, missing.key, no_model.key) == ("done", "error.text_missing", "error.no_model")


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_a_request_without_an_engine_ends_even_if_another_engine_starts_at_once(qtbot: QtBot, link: EngineLink) -> None:
    assert link.process_id is not None
    with qtbot.waitSignal(link.died, timeout=SLOW):
        os.kill(link.process_id, signal.SIGKILL)
    ended: list[Ended] = []
    link.submit(Tokenize("a")).ended.connect(ended.append)
    link.start()
    qtbot.waitUntil(lambda: bool(ended), timeout=SLOW)
    assert ended[0].key == "error.engine_gone"


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_the_window_trains_restarts_a_killed_engine_resumes_and_generates(qtbot: QtBot, tmp_path: Path) -> None:
    text = tmp_path / "story.txt"
    text.write_text("the cat sat on the mat. the dog sat on the log.\n" * 60)
    window = MainWindow(EngineLink(), Settings(language="en"), tmp_path / "settings.json")
    qtbot.addWidget(window)
    window.resize(1400, 900)
    window.show()
    window.begin([str(text)])
    pane = window.workspace.pane("training")
    assert isinstance(pane, TrainingPane)
    pane.runs.models = tmp_path / "models"
    qtbot.waitUntil(lambda: window.state.corpus is not None, timeout=SLOW)
    shape = TrainingSettings(
        vocabulary=320, layers=1, heads=2, width=32, context=16, batch=4, steps=200_000, seconds=None
    )
    pane.runs.start(shape)
    qtbot.waitUntil(lambda: pane.runs.record is not None and pane.runs.record.step > 20, timeout=SLOW)
    folder = tmp_path / "models" / "story-1"
    assert window.state.model is not None
    assert window.state.model.training

    process_id = window.engine.process_id
    assert process_id is not None
    os.kill(process_id, signal.SIGKILL)
    qtbot.waitUntil(window.status.restart.isVisible, timeout=SLOW)
    assert not window.state.training
    qtbot.mouseClick(window.status.restart, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.status.engine.text() == "Engine: ready", timeout=SLOW)
    qtbot.mouseClick(pane.run_page.again_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: window.state.training and pane.runs.record is not None and pane.runs.record.step > 5, timeout=SLOW
    )
    pane.runs.stop()
    qtbot.waitUntil(lambda: not window.state.training, timeout=SLOW)
    assert (folder / "training.safetensors").is_file()

    window.show_pane("generation")
    writer = window.workspace.pane("generation")
    window.prompt.set_text("the cat")
    qtbot.waitUntil(lambda: writer.writing.tree.prompt == "the cat", timeout=SLOW)  # type: ignore[attr-defined]
    writer.writing.page.length.setValue(12)  # type: ignore[attr-defined]
    qtbot.mouseClick(writer.writing.page.play_button, Qt.MouseButton.LeftButton)  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: len(writer.writing.tree.current.path) == 12, timeout=SLOW)  # type: ignore[attr-defined]
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=SLOW)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_engine_ends_when_the_window_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from PySide6.QtCore import QCoreApplication\n"
        "from gui.engine_link import EngineLink\n"
        "if __name__ == '__main__':\n"
        "    app = QCoreApplication([])\n"
        "    link = EngineLink()\n"
        "    link.start()\n"
        "    print(link.process_id, flush=True)\n"
        "    time.sleep(60)\n"
    )
    window = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert window.stdout is not None
    engine = int(window.stdout.readline())
    window.kill()
    window.wait()
    window.stdout.close()
    deadline = time.monotonic() + 2.0 + 1.0  # two seconds, and one for a busy test machine
    while time.monotonic() < deadline and _is_alive(engine):
        time.sleep(0.05)
    assert not _is_alive(engine)


def _is_alive(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().split()[2] not in "ZX"
    except OSError:
        return False
