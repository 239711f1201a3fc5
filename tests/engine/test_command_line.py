"""The command line: results on stdout, errors on stderr, exit codes, and Ctrl+C during a run."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from engine.cli.main import main
from tests.engine.conftest import SENTENCES

ROOT = Path(__file__).parent.parent.parent


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, object], str]:
    code = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


SHAPE = ("--layers", 1, "--heads", 2, "--width", 32, "--context", 16, "--batch", 4, "--vocab", 320)


def test_train_evaluate_generate_tokenize(capsys: pytest.CaptureFixture[str], text_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    code, result, progress = run(capsys, "train", text_file, "--out", folder, "--steps", 25, *SHAPE)
    assert code == 0
    assert set(result) == {"model", "steps", "tokens", "seconds", "train_loss", "val_loss"}
    assert (result["steps"], result["tokens"]) == (25, 25 * 4 * 16)
    assert "100%" in progress
    code, result, _ = run(capsys, "evaluate", folder, text_file)
    assert code == 0
    assert set(result) == {"loss", "perplexity", "bits_per_byte", "tokens"}
    code, result, _ = run(capsys, "generate", folder, "--prompt", "the cat", "--tokens", 12, "--seed", 3)
    assert code == 0
    assert len(result["tokens"]) == 12  # type: ignore[arg-type]
    assert set(result["tokens"][0]) == {"id", "piece", "probability", "entropy"}  # type: ignore[index]
    assert not str(result["text"]).startswith("the cat")
    assert (
        run(capsys, "generate", folder, "--prompt", "the cat", "--tokens", 12, "--seed", 3)[1]["text"] == result["text"]
    )
    code, result, _ = run(capsys, "tokenize", folder, "猫は森")
    tokens = result["tokens"]
    assert next(token["start"] for token in tokens) == 0  # type: ignore[attr-defined]
    assert tokens[-1]["end"] == 3  # type: ignore[index]


def test_a_run_is_continued(capsys: pytest.CaptureFixture[str], text_file: Path, tmp_path: Path) -> None:
    run(capsys, "train", text_file, "--out", tmp_path / "m", "--steps", 5, *SHAPE)
    code, result, err = run(capsys, "train", "--out", tmp_path / "m", "--resume", "--steps", 5)
    assert (code, result["steps"]) == (0, 5)
    assert "not used" not in err
    code, result, err = run(capsys, "train", "--out", tmp_path / "m", "--resume", "--steps", 9, "--layers", 3)
    assert (code, result["steps"]) == (0, 5)
    assert "not used: layers, steps" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "nothing.txt", "--out", "m"], "nothing.txt"),
        (["train", "--out", "m"], "at least one text"),
        (["train", "--out", "m", "--resume"], "no run"),
        (["generate", "nowhere"], "contains no model"),
        (["tokenize", "nowhere", "a"], "no tokenizer.json"),
        (["evaluate", "nowhere", "a"], "contains no model"),
    ],
)
def test_failures_are_one_sentence(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


def test_the_sentence_is_japanese_on_a_japanese_system(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    assert main(["generate", str(tmp_path)]) == 1
    assert "モデルがありません" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["train"], ["train", "a", "--out", "b", "--steps", "1", "--preset", "30s"]]
)
def test_wrong_use_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2


def test_help_does_not_import_torch() -> None:
    program = (
        "import sys; sys.argv = ['x', '--help']\n"
        "from engine.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "train" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_control_c_saves_the_run_and_prints_how_to_resume(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(SENTENCES * 60, "utf-8")
    shape = [str(part) for part in SHAPE]
    command = [
        sys.executable,
        "-m",
        "engine",
        "train",
        str(text),
        "--out",
        str(tmp_path / "m"),
        "--seconds",
        "600",
        *shape,
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, LC_ALL="en"),
        # A suite that was started in the background may have inherited that the signal is ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    log, deadline = tmp_path / "m" / "log.jsonl", time.monotonic() + 100
    try:
        while time.monotonic() < deadline and not (log.exists() and log.stat().st_size):  # until a step is on disk
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "--resume" in err
    assert "steps: " in out
