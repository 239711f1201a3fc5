"""An improvement that is killed at any moment leaves its choices, and a model that opens or none."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
KILLS = 30

# One process imports torch and forks the runs that are killed, because thirty imports would take minutes.
PROGRAM = f"""
import os, random, signal, sys, time
import torch
from pathlib import Path
from engine.messages.choices import Choice
from engine.messages.improving import Improve, ImprovingSettings
from engine.model.opening import load_model
from engine.service.improving import CHOICES, improve
from engine.service.session import Session
from engine.text.choices import read_choices
from engine.training import recording

torch.set_num_threads(1)
recording.SAVE_SECONDS, recording.SAVE_SHARE = 0.0, float("inf")  # save at every step
base, out = Path(sys.argv[1]), Path(sys.argv[2])
choices = (Choice("the", (" cat sat on the mat.", " dog sat on the log."), (1, 2)),)
session = Session()
session.open(base)
random.seed(1)
stages = set()
for kill in range({KILLS}):
    folder = out / str(kill)
    method = "dpo" if kill % 2 else "reinforce"
    child = os.fork()
    if child == 0:
        settings = ImprovingSettings(method, steps=10**6, tokens=6, most_kl=None)
        for _ in improve(session, Improve(choices, str(folder), settings)):
            pass
        os._exit(0)
    while kill % 5 and not (folder / CHOICES).exists():
        time.sleep(0.01)
    time.sleep(random.uniform(0.0, 0.6))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if (folder / CHOICES).exists():
        assert tuple(read_choices(folder / CHOICES)) == choices
    has_model = (folder / "model.safetensors").exists() and (folder / "config.json").exists()
    if has_model:
        load_model(folder)
    steps = [line["step"] for line in recording.read_log(folder) if "loss" in line]
    assert steps == list(range(1, len(steps) + 1)), steps
    stages.add("steps" if steps else "model" if has_model else "before")
print(*sorted(stages))
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="forks")
def test_thirty_kills_lose_no_choice_and_break_no_model(model_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(model_folder), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "steps" in done.stdout
