"""A run that is killed at any moment leaves a readable model and can be resumed."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.training.recording import SAVE_SECONDS

ROOT = Path(__file__).parent.parent.parent
KILLS = 50

# One process imports torch and forks the runs that are killed, because fifty imports would take minutes.
PROGRAM = f"""
import os, random, signal, sys, time
import torch
from pathlib import Path
from engine.training import recording, run as runs
from engine.model.opening import load_model
from engine.messages.training import TrainingSettings

torch.set_num_threads(1)
recording.SAVE_SECONDS, recording.SAVE_SHARE = 0.0, float("inf")  # saves at every step: kills happen during saving, too
settings = TrainingSettings(vocabulary=320, layers=1, heads=2, width=32, context=16, batch=2, steps=10**6, seconds=None)
folder, text = Path(sys.argv[1]), sys.argv[2]
random.seed(1)
reached = 0
for kill in range({KILLS}):
    child = os.fork()
    if child == 0:
        run = runs.Run.resume(folder) if kill else runs.Run.start([text], folder, settings)
        list(run.prepare())
        list(run.steps())
        os._exit(0)
    while not kill and not (folder / runs.STATE).exists():
        time.sleep(0.01)
    time.sleep(random.uniform(0.02, 0.4))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    load_model(folder)
    run = runs.Run.resume(folder)
    list(run.prepare())
    assert run.trainer.step >= reached, (run.trainer.step, reached)
    steps = [line["step"] for line in recording.read_log(folder) if "loss" in line]
    assert steps == list(range(1, run.trainer.step + 1)), (len(steps), run.trainer.step)
    reached = run.trainer.step
print(reached)
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="forks")
def test_fifty_kills_leave_fifty_readable_models(text_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "m"), str(text_file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > KILLS


def test_a_run_is_saved_at_least_every_ten_seconds() -> None:
    assert SAVE_SECONDS <= 10
