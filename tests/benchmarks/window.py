"""Measure start, memory and smoothness of the window.

    python -m tests.benchmarks.window TEXT

Starts the real program (offscreen where there is no display), trains with four tiles live, and compares the
speed of training with that of the command line, in turns. The timer that measures lag takes time itself, so
it runs in the first half of a run, and speeds are those of the second half.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def child(text: str, folder: str, seconds: float) -> None:
    """Run, in a process of its own, the program as `main.py` starts it, with a clock beside it."""
    from PySide6.QtCore import QTimer

    from engine.messages.status import Hello
    from engine.messages.training import TrainingSettings
    from gui.application import make_application
    from gui.engine_link import EngineLink
    from gui.settings import Settings
    from gui.window.main_window import MainWindow
    from tests.benchmarks.lag import Lag

    begun = float(os.environ["NAKAMI_BEGUN"])
    found: dict[str, float] = {}
    app = make_application()
    window = MainWindow(EngineLink(), Settings(language="ja", tiles=4), Path(folder) / "settings.json")
    window.resize(1600, 1000)

    window.painted.connect(lambda: found.setdefault("window", time.time() - begun))
    window.show()
    lag = Lag()

    def ready(_: object) -> None:
        found.setdefault("engine", time.time() - begun)

    def begin() -> None:
        window.begin([text])
        window.engine.submit(Hello()).answered.connect(ready)

    window.painted.connect(begin)
    window.state.corpus_changed.connect(lambda: QTimer.singleShot(1500, train))

    def train() -> None:
        window.state.training_changed.connect(ended)
        window.workspace.pane("training")  # draws the run
        window.runs.start(TrainingSettings(seconds=seconds), Path(folder) / "model")
        QTimer.singleShot(2000, lag.start)
        QTimer.singleShot(round(500 * seconds), lambda: found.update(lag.stop()))

    def ended() -> None:
        if window.state.training:
            return
        found["rss"] = _resident()
        print(json.dumps(found), flush=True)
        window.close()

    app.exec()


def _resident() -> float:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def run_window(text: str, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, NAKAMI_BEGUN=str(time.time()))
        if "DISPLAY" not in environment:
            environment["QT_QPA_PLATFORM"] = "offscreen"
        command = [sys.executable, "-m", "tests.benchmarks.window", text, "--child", folder, "--seconds", str(seconds)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return found | {"speed": _speed(Path(folder) / "model", seconds)}


def run_command_line(text: str, seconds: float, **environment: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "engine", "train", text, "--out", f"{folder}/model", "--seconds", str(seconds)]
        subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, check=True)
        return _speed(Path(folder) / "model", seconds)


def _speed(folder: Path, seconds: float) -> float:
    """Tokens a second in the second half of a run."""
    from engine.model.checkpoint import read_json  # torch, which the window's process must not load
    from engine.training.recording import read_log
    from engine.training.run import ABOUT

    settings = read_json(folder / ABOUT)["settings"]
    steps = [line for line in read_log(folder) if line.get("seconds", 0.0) > seconds / 2]
    taken = steps[-1]["step"] - steps[0]["step"]
    return taken * settings["batch"] * settings["context"] / (steps[-1]["seconds"] - steps[0]["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("--child")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of training, in each run")
    options = parser.parse_args()
    text = str(Path(options.text).resolve())
    if options.child:
        child(text, options.child, options.seconds)
        return
    windows, lines = [], []
    for _ in range(options.rounds):
        lines.append(run_command_line(text, options.seconds))
        windows.append(run_window(text, options.seconds))
        print(f"command line {lines[-1]:,.0f} tokens/s; window {windows[-1]}", flush=True)

    def median(name: str) -> float:
        return statistics.median(found[name] for found in windows)

    print(f"first window {median('window'):.2f} s (target 1.0), engine {median('engine'):.2f} s (5.0)")
    print(
        f"window process {median('rss'):.0f} MB (250); "
        f"lag p99 {median('p99'):.0f} ms (33), max {median('max'):.0f} ms (100)"
    )
    print(f"training speed {median('speed') / statistics.median(lines):.3f} of the command line's (0.95)")


if __name__ == "__main__":
    main()
