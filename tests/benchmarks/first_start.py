"""Measure the very first start, and generation with the built-in model.

    python -m tests.benchmarks.first_start

Seconds from launch to the map of the first example on screen (target 5); the model opened alone
(target 2); its tokens a second in the window with four tiles live, beside those of the engine alone, both as soon
as the text is open and once everything else that this text lets the engine do is done.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ROUNDS, TOKENS = 3, 300
SOON, REST = 0.3, 3.0  # seconds after the text is open


def child(folder: str, wait: float) -> None:
    """Run, in a process of its own, the program as `main.py` starts it the first time; write after `wait` seconds."""
    from PySide6.QtCore import QTimer

    from gui.application import make_application
    from gui.engine_link import EngineLink
    from gui.settings import Settings
    from gui.window import opening
    from gui.window.main_window import MainWindow
    from gui.window.workspace import FAVOURITES

    setattr(opening, "world_path", lambda: Path(folder) / "world.txt")  # noqa: B010 (not the user's own)
    begun = float(os.environ["NAKAMI_BEGUN"])
    found: dict[str, float] = {}
    app = make_application()
    window = MainWindow(EngineLink(), Settings(language="ja"), Path(folder) / "settings.json")
    window.resize(1600, 1000)
    window.painted.connect(lambda: window.begin([]))
    window.show()
    look = QTimer(interval=20)

    def looked() -> None:
        if getattr(window.workspace.panes.get("map"), "trace", None) is None:
            return
        found.setdefault("alive", time.time() - begun)
        if window.state.corpus is not None and "text" not in found:
            found["text"] = time.time()
            window.workspace.set_layout(4, list(FAVOURITES))
        # After REST, the engine has also estimated runs on the world's text.
        waited = time.time() - found.get("text", math.inf) > wait
        if waited and "begun" not in found and not (wait >= REST and window.engine_status.jobs.are_running):
            found["begun"] = time.time()
            pane = window.workspace.pane("generation")
            pane.writing.page.length.setValue(TOKENS)  # type: ignore[attr-defined]
            pane.writing.play_or_pause()  # type: ignore[attr-defined]
        elif "begun" in found and not window.workspace.pane("generation").asking("generate"):
            found["speed"] = TOKENS / (time.time() - found["begun"])
            print(json.dumps(found), flush=True)
            look.stop()
            window.close()

    look.timeout.connect(looked)
    look.start()
    app.exec()


def run_window(wait: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, NAKAMI_BEGUN=str(time.time()))
        if "DISPLAY" not in environment:
            environment["QT_QPA_PLATFORM"] = "offscreen"
        command = [sys.executable, "-m", "tests.benchmarks.first_start", folder, str(wait)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return found


def main() -> None:
    from engine.generation.decoding import Reader, decode
    from engine.messages.generation import SamplingSettings
    from engine.model.opening import BUILTIN, load_model

    begun = time.perf_counter()
    model, tokenizer = load_model(BUILTIN)
    print(f"opened in {time.perf_counter() - begun:.2f} s (target 2)", flush=True)
    begun = time.perf_counter()
    written = sum(
        1 for _ in decode(Reader(model), tokenizer, tokenizer.encode("ある日"), TOKENS, SamplingSettings(), 1)
    )
    alone = written / (time.perf_counter() - begun)
    for wait, when in ((SOON, "at once"), (REST, "at rest")):
        rounds = [run_window(wait) for _ in range(ROUNDS)]
        alive, speed = (statistics.median(found[name] for found in rounds) for name in ("alive", "speed"))
        print(f"first start alive after {alive:.2f} s (target 5)")
        share = f"{speed / alone:.2f} of the engine's alone ({alone:.0f})"
        print(f"writing {when} with four tiles live {speed:.0f} tokens/s, {share}", flush=True)


if __name__ == "__main__":
    child(sys.argv[1], float(sys.argv[2])) if len(sys.argv) > 1 else main()
