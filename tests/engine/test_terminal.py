"""The command line: results, failures, the language of messages, and progress on a terminal."""

import io
import json
import math
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from engine.cli import terminal
from engine.cli.main import main, parser
from engine.cli.terminal import ProgressLine
from engine.inspection.attention import attention_patterns
from engine.model.opening import describe, load_model
from engine.sentences import sentence, system_language
from engine.text.reading import read_all
from engine.training.evaluation import evaluate
from tests.engine.conftest import SENTENCES

ROOT = Path(__file__).parent.parent.parent
LANGUAGES = ("en_US.UTF-8", "ja_JP.UTF-8")
JAPANESE = re.compile("[ぁ-んァ-ヶ一-鿿]")
SHAPE = ("--layers", "1", "--heads", "2", "--width", "32", "--context", "16", "--batch", "4", "--vocab", "320")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return code, out, err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Run a command with --json; return the one object on stdout, which may not contain NaN."""
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    found = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert isinstance(found, dict)
    assert out.count("\n") == 1
    return found


# --- Results ------------------------------------------------------------------------------------------


def test_open_describes_a_model_folder(capsys: pytest.CaptureFixture[str], model_folder: Path) -> None:
    info, found = describe(model_folder), as_json(capsys, "open", model_folder)
    assert set(found) == {"family", "parameters", "layers", "heads", "context", "vocabulary", "bytes", "unused"}
    assert found.pop("unused") == []
    assert all(getattr(info, name) == value for name, value in found.items())
    _, words, _ = run(capsys, "open", model_folder)
    assert dict(line.split(": ") for line in words.splitlines()) == {name: str(value) for name, value in found.items()}


def test_tokenize_prints_tokens_with_their_spans(capsys: pytest.CaptureFixture[str], model_folder: Path) -> None:
    text = "the cat😀 猫\n"
    found = as_json(capsys, "tokenize", model_folder, text)["tokens"]
    _, tokenizer = load_model(model_folder)
    assert [token["id"] for token in found] == tokenizer.encode(text)
    assert [token["piece"] for token in found] == [tokenizer.piece(token["id"]) for token in found]
    assert (found[0]["start"], found[-1]["end"]) == (0, len(text))
    _, words, _ = run(capsys, "tokenize", model_folder, text)
    assert len(words.splitlines()) == len(found)
    assert as_json(capsys, "tokenize", model_folder, "") == {"tokens": []}


def test_evaluate_prints_the_loss_of_a_file(
    capsys: pytest.CaptureFixture[str], model_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "text.txt"
    path.write_text(SENTENCES * 4, "utf-8")
    model, tokenizer = load_model(model_folder)
    *_, expected = evaluate(model, tokenizer, "".join(read_all([path])))
    assert as_json(capsys, "evaluate", model_folder, path) == pytest.approx(expected)
    _, words, err = run(capsys, "evaluate", model_folder, path)
    assert float(dict(line.split(": ") for line in words.splitlines())["loss"]) == pytest.approx(
        expected["loss"], rel=1e-4
    )
    assert words not in err


def test_logits_and_attend_write_arrays(capsys: pytest.CaptureFixture[str], model_folder: Path, tmp_path: Path) -> None:
    model, tokenizer = load_model(model_folder)
    text = "the cat sat"
    ids = tokenizer.encode(text)
    assert run(capsys, "logits", model_folder, "--ids", ",".join(map(str, ids)), "--out", tmp_path / "l.npz")[0] == 0
    assert run(capsys, "attend", model_folder, text, "--out", tmp_path / "a.npz")[0] == 0
    with np.load(tmp_path / "l.npz", allow_pickle=False) as arrays, torch.no_grad():
        assert arrays["logits"].dtype == np.float32
        assert np.allclose(arrays["logits"], model(torch.tensor([ids]))[0].numpy(), atol=1e-5)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert np.allclose(arrays["weights"], attention_patterns(model, ids))
        assert arrays["tokens"].tolist() == [tokenizer.piece(i) for i in ids]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "l.npz"]


def test_generate_prints_the_same_text_plain_and_as_json(
    capsys: pytest.CaptureFixture[str], model_folder: Path
) -> None:
    arguments = ("generate", model_folder, "--prompt", "猫は", "--tokens", 15, "--seed", 4)
    found = as_json(capsys, *arguments)
    _, words, err = run(capsys, *arguments)
    assert words == found["text"] + "\n"
    assert err == ""
    assert all(0 <= token["probability"] <= 1 and token["entropy"] >= 0 for token in found["tokens"])
    greedy = as_json(capsys, *arguments, "--temperature", 0)
    assert greedy == as_json(capsys, *arguments, "--temperature", 0, "--top-k", 1) | {"seconds": greedy["seconds"]}
    assert as_json(capsys, "generate", model_folder, "--tokens", 0)["text"] == ""


def test_train_reports_progress_on_stderr_only(
    capsys: pytest.CaptureFixture[str], text_file: Path, tmp_path: Path
) -> None:
    code, out, err = run(capsys, "train", text_file, "--out", tmp_path / "m", "--steps", 6, *SHAPE, "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["steps"], found["model"]) == (6, str(tmp_path / "m"))
    assert "100%" in err
    assert "{" not in err
    code, out, err = run(capsys, "train", "--out", tmp_path / "m", "--resume")
    assert dict(line.split(": ", 1) for line in out.splitlines())["steps"] == "6"
    code, out, err = run(capsys, "train", text_file, "--out", tmp_path / "m", "--steps", 6, *SHAPE)
    assert (code, out) == (1, "")
    assert str(tmp_path / "m") in err


def test_documents_are_indexed_and_searched_and_skipped_files_are_listed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "cats.txt").write_text("Cats purr at the window. " * 20)
    (docs / "dogs.txt").write_text("Dogs bark at the gate. " * 20)
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    found = as_json(capsys, "index", docs, "--out", tmp_path / "c")
    assert (found["files"], [Path(skipped["file"]).name for skipped in found["skipped"]]) == (2, ["broken.pdf"])
    assert found["chunks"] >= 2
    hits = as_json(capsys, "search", tmp_path / "c", "purring cats", "-k", 1)["hits"]
    assert [Path(hit["file"]).name for hit in hits] == ["cats.txt"]
    assert set(hits[0]) == {"file", "chunk", "start", "end", "score", "text"}
    assert (docs / "cats.txt").read_text()[hits[0]["start"] : hits[0]["end"]] == hits[0]["text"]
    code, words, _ = run(capsys, "search", tmp_path / "c", "bark", "--mode", "keyword")
    assert code == 0
    assert "dogs.txt" in words
    assert as_json(capsys, "index", "--out", tmp_path / "c")["files"] == 2


# --- Failures -----------------------------------------------------------------------------------------

TRAIN = ["train", "{text}", "--out", "{tmp}/m", *SHAPE]
FAILURES = {
    "no model": ["generate", "{tmp}"],
    "no model to open": ["open", "{tmp}/nowhere"],
    "a file in place of a folder": ["open", "{text}"],
    "no text": ["evaluate", "{model}", "{tmp}/nothing.txt"],
    "an empty text": ["evaluate", "{model}", "{tmp}/empty.txt"],
    "a picture": ["evaluate", "{model}", "{tmp}/picture.png"],
    "ids that are words": ["logits", "{model}", "--ids", "1,two", "--out", "{tmp}/x.npz"],
    "an empty id": ["logits", "{model}", "--ids", "1,,2", "--out", "{tmp}/x.npz"],
    "a negative id": ["logits", "{model}", "--ids=-1", "--out", "{tmp}/x.npz"],
    "an id beyond the vocabulary": ["logits", "{model}", "--ids", "99999999999999999999", "--out", "{tmp}/x.npz"],
    "no ids": ["logits", "{model}", "--ids", "", "--out", "{tmp}/x.npz"],
    "more ids than the context": ["logits", "{model}", "--ids", ",".join("1" * 17), "--out", "{tmp}/x.npz"],
    "more text than the context": ["attend", "{model}", "the cat " * 40, "--out", "{tmp}/x.npz"],
    "no text to attend": ["attend", "{model}", "", "--out", "{tmp}/x.npz"],
    "no folder for arrays": ["attend", "{model}", "cat", "--out", "{tmp}/no/x.npz"],
    "a file as the folder of arrays": ["attend", "{model}", "cat", "--out", "{text}/x.npz"],
    "a folder as the file of arrays": ["attend", "{model}", "cat", "--out", "{tmp}"],
    "negative tokens": ["generate", "{model}", "--tokens", "-1"],
    "a temperature that is no number": ["generate", "{model}", "--temperature", "nan"],
    "a negative temperature": ["generate", "{model}", "--temperature", "-1"],
    "a top-p above one": ["generate", "{model}", "--top-p", "2"],
    "a negative top-k": ["generate", "{model}", "--top-k", "-3"],
    "a repetition penalty of zero": ["generate", "{model}", "--repetition-penalty", "0"],
    "a world of size nan": ["world", "--megabytes", "nan"],
    "a world of infinite size": ["world", "--megabytes", "inf"],
    "no steps": [*TRAIN, "--steps", "0"],
    "infinite seconds": [*TRAIN, "--seconds", "inf"],
    "seconds that are no number": [*TRAIN, "--seconds", "nan"],
    "a learning rate that is no number": [*TRAIN, "--steps", "2", "--learning-rate", "nan"],
    "a text in place of a file": ["evaluate", "{model}", "the cat sat " * 400],
    "a text in place of a model": ["tokenize", "the cat sat " * 400, "{model}"],
    "a text in place of a collection": ["search", "the cat sat " * 400, "{model}"],
    "a text for a training file": ["train", "the cat sat " * 400, "--out", "{tmp}/m"],
    "a text in place of a new folder": ["index", "--out", "the cat sat " * 400],
    "a negative seed": [*TRAIN, "--steps", "2", "--seed", "-1"],
    "a run into a file": ["train", "{text}", "--out", "{tmp}/empty.txt", "--steps", "2", *SHAPE],
    "no collection": ["search", "{tmp}/nowhere", "question"],
    "a model in place of a collection": ["search", "{model}", "question"],
    "no collection to update": ["index", "--out", "{tmp}/nowhere"],
    "a folder without a collection to update": ["index", "--out", "{tmp}"],
    "no documents": ["index", "{tmp}/nothing", "--out", "{tmp}/c"],
    "zero passages": ["search", "{tmp}/c", "question", "-k", "0"],
    "negative passages": ["ask", "{tmp}/c", "{model}", "question", "-k", "-2"],
    "an answer of negative length": ["ask", "{tmp}/c", "{model}", "question", "--tokens", "-1"],
    "no collection to ask": ["ask", "{tmp}/nowhere", "{model}", "question"],
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", FAILURES)
def test_every_failure_is_one_sentence_in_the_language_of_the_system(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    text_file: Path,
    model_folder: Path,
    what: str,
    language: str,
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    before = sorted(tmp_path.rglob("*"))
    places = {"tmp": tmp_path, "text": text_file, "model": model_folder}
    code, out, err = run(capsys, *(argument.format_map(places) for argument in FAILURES[what]))
    assert (code, out) == (1, "")
    sentence, rest = err.rstrip("\n").rpartition("\n")[::-2]
    assert rest == "" or what.startswith("a run") or "arrays" in what  # progress, or the size of the arrays
    assert "error." not in sentence
    assert "{" not in sentence
    assert bool(JAPANESE.search(sentence.replace(str(tmp_path), ""))) is (language == "ja_JP.UTF-8")
    assert sentence.endswith((".", "。")) or "python -m engine" in sentence
    assert not list(tmp_path.rglob("*.part"))
    assert all(path.exists() for path in before)


WRONG_USE = [
    [], ["fly"], ["generate"], ["logits", "m", "--ids", "1"], ["search", "c"], ["search", "c", "q", "-k", "many"],
    ["search", "c", "q", "--mode", "magic"], ["train", "a", "--out", "b", "--steps", "few"],
    ["train", "a", "--out", "b", "--steps", "1", "--seconds", "1"], ["train", "a", "--out", "b", "--tokenizer", "x"],
    ["world", "--megabytes"], ["ask", "c", "m"], ["builtin"], ["open", "m", "n"], ["tokenize", "m", "t", "--fast"],
    ["train", "a", "--out", ""], ["train", "", "--out", "m"], ["index", "", "--out", "c"], ["evaluate", "m", ""],
]  # fmt: skip


@pytest.mark.parametrize("arguments", WRONG_USE, ids=" ".join)
def test_wrong_use_prints_the_usage(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    out, err = capsys.readouterr()
    assert (raised.value.code, out) == (2, "")
    assert "usage: python -m engine" in err


def test_every_command_has_help_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    [commands] = [action.choices for action in parser()._actions if action.dest == "command"]
    assert commands is not None
    for name in commands:
        with pytest.raises(SystemExit) as raised:
            main([name, "--help"])
        assert raised.value.code == 0
        assert "--json" in capsys.readouterr().out


def test_a_closed_pipe_ends_the_command_without_a_traceback() -> None:
    """`python -m engine world | head -1` closes the pipe."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "engine", "world", "--megabytes", "0.3"]
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(command, cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


def test_redirected_results_are_utf_8(monkeypatch: pytest.MonkeyPatch, model_folder: Path) -> None:
    """By default Python writes to a file in the encoding of the system, which on a German Windows lacks 猫."""
    for arguments in (["tokenize", str(model_folder), "猫😀"], ["tokenize", str(model_folder), "猫😀", "--json"]):
        file = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(file, encoding="cp1252"))
        assert main(arguments) == 0
        sys.stdout.flush()
        assert "猫" in file.getvalue().decode("utf-8")


def test_an_invalid_file_name_is_printed(monkeypatch: pytest.MonkeyPatch, model_folder: Path, tmp_path: Path) -> None:
    """The name is in Shift_JIS, as from an old archive; JSON is UTF-8 and has "?" for its first byte."""
    path, file = str(tmp_path / os.fsdecode("猫.npz".encode("cp932"))), io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(file, encoding="utf-8"))
    assert main(["attend", str(model_folder), "cat", "--out", path, "--json"]) == 0
    sys.stdout.flush()
    assert json.loads(file.getvalue().decode("utf-8"))["file"] == path.encode(errors="replace").decode()


# --- Sentences ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LC_ALL": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja"}, "ja"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "ja_JP.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LC_MESSAGES": "ja_JP", "LANG": "de_DE"}, "ja"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
    ],
)
def test_the_language_is_that_of_the_system(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str
) -> None:
    monkeypatch.delenv("LC_ALL")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert system_language() == language


def test_without_variables_the_locale_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LC_ALL")
    for found, language in (
        (("Japanese_Japan", "932"), "ja"),
        (("English_United States", "1252"), "en"),
        ((None, None), "en"),
    ):
        monkeypatch.setattr("locale.getlocale", lambda found=found: found)
        assert system_language() == language


def test_a_missing_key_is_shown_as_it_is() -> None:
    assert sentence("error.nonsense") == "error.nonsense"
    assert sentence("error") == "error"
    assert sentence("error.text_empty.more") == "error.text_empty.more"


# --- Progress -----------------------------------------------------------------------------------------


class Screen(io.StringIO):
    """A terminal, on which text after a carriage return overwrites the line from its beginning."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        return [self._shown(line) for line in self.getvalue().split("\n")]

    def _shown(self, line: str) -> str:
        cells: list[str] = []
        for part in line.split("\r"):
            column = 0
            for character in part:
                wide = unicodedata.east_asian_width(character) in "WF"
                cells[column : column + 1 + wide] = [character] + [""] * wide
                column += 1 + wide
        return "".join(cells).rstrip()


@contextmanager
def at_a_terminal() -> Iterator[Screen]:
    """Replace stderr by a terminal; not a fixture, because pytest replaces stderr after the fixtures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terminal, "REPORT_SECONDS", 0.0)
        patch.setattr(sys, "stderr", screen := Screen())
        yield screen


@settings(max_examples=100)
@given(words=st.lists(st.text(st.sampled_from("ab 文章を読む…1%"), min_size=1, max_size=12), min_size=1, max_size=6))
def test_a_shorter_line_overwrites_all_of_a_longer_one(words: list[str]) -> None:
    with at_a_terminal() as screen:
        line = ProgressLine()
        for shown in words:
            line.show(shown)
            assert screen.lines()[-1] == shown.rstrip()


def test_progress_on_a_terminal_is_one_line() -> None:
    with at_a_terminal() as screen, ProgressLine() as line:
        for shown in ("one", "two", "three"):
            line.show(shown)
        line.show("done", final=True)
        line.end()
    assert screen.lines() == ["done", ""]


def test_an_unfinished_line_is_ended_once() -> None:
    with at_a_terminal() as screen, ProgressLine() as line:
        line.end()  # nothing was shown
        assert screen.getvalue() == ""
        line.show("half")
        line.end()
    assert screen.lines() == ["half", ""]


def test_an_error_begins_on_its_own_line(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("abc")
    with at_a_terminal() as screen:
        assert main(["train", str(tmp_path / "short.txt"), "--out", str(tmp_path / "m"), "--steps", "3", *SHAPE]) == 1
    *progress, last, end = screen.lines()
    assert progress
    assert last.startswith("The text is too short")
    assert end == ""


def test_without_a_terminal_few_reports_are_printed_and_always_the_final_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(np.arange(100.0, 200.0, 0.1).tolist())
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    line = ProgressLine()
    for step in range(200):
        line.show(f"step {step}")
    line.show("the end", final=True)
    line.end()
    reports = capsys.readouterr().err.splitlines()
    assert reports[0] == "step 0"
    assert reports[-1] == "the end"
    assert 3 < len(reports) < 12
    assert not any("\r" in words for words in reports)


def test_a_report_is_formatted_only_when_it_is_shown() -> None:
    """Formatting a sentence for every step would slow down a training run."""
    described = 0

    def describe_report() -> str:
        nonlocal described
        described += 1
        return f"step {described}"

    line = ProgressLine()
    for _ in range(1000):
        line.show(describe_report)
    assert described == 1


def test_control_c_ends_any_command_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Iterator[str]:
        yield "once"
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.text.world.stream.stream", interrupted)
    assert main(["world"]) == 130  # the shells' convention: 128 + SIGINT
    out, err = capsys.readouterr()
    assert out == "once"
    assert err.strip() == ""


def test_the_last_step_is_reported_with_no_time_left(text_file: Path, tmp_path: Path) -> None:
    with at_a_terminal() as screen:
        assert main(["train", str(text_file), "--out", str(tmp_path / "m"), "--steps", "4", *SHAPE]) == 0
    last = screen.lines()[0]
    assert re.search(r"Step 4 \(100%\) +loss \d\.\d{3} +[\d,]+ tokens/s +0:00 left", last), last
    assert math.isfinite(float(re.findall(r"loss (\d\.\d+)", last)[0]))
