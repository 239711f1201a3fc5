"""The program from its command line: arguments, what a display needs, bugs, crashes and pictures."""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from gui import display
from gui.app import VERSION, main, parser
from gui.crashes import BugReporter, open_logs
from gui.panes import PANE_IDS
from gui.window.main_window import MainWindow

ROOT = Path(__file__).parent.parent.parent

# --- Arguments -----------------------------------------------------------------------------------------


def test_arguments_are_parsed_and_have_defaults() -> None:
    options = parser().parse_args(["a.txt", "model"])
    assert options.paths == ["a.txt", "model"]
    assert (options.export, options.language, options.theme, options.size) == (None, "en", "light", (1600, 1000))
    options = parser().parse_args(["--export", "out", "--size", "320x8192", "--language", "ja", "--theme", "dark"])
    assert (options.export, options.size) == (Path("out"), (320, 8192))


@pytest.mark.parametrize("size", ["", "1600", "1600x", "x1000", "319x240", "320x239", "8193x240", "-1x240", "²x240"])
def test_an_invalid_size_is_refused_with_an_example(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--export", "out", f"--size={size}"])
    assert "1600x1000" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"Nakami {VERSION}\n"


# --- The display ---------------------------------------------------------------------------------------

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems bring all that Qt needs")


@linux
def test_without_a_display_the_program_prints_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main([]) == 2
    assert capsys.readouterr().err == display.NO_DISPLAY + "\n"


@linux
def test_missing_libraries_are_named_with_their_packages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[str] = []

    def loads(library: Path) -> bool:
        tried.append(library.name)
        return "xcb" not in library.name

    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.setattr(display, "_loads", loads)
    monkeypatch.setattr(display, "_missing", lambda _: ["libxcb-keysyms.so.1", "libxcb-icccm.so.4"])
    assert main([]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert printed.endswith("sudo apt install libxcb-icccm4 libxcb-keysyms1\n")
    assert tried == ["libQt6Widgets.so.6", "libqxcb.so"]
    monkeypatch.setattr(display, "_loads", lambda _: True)
    assert display.problem() == ""


@linux
def test_missing_libraries_are_read_from_ldd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ldd = tmp_path / "ldd"
    ldd.write_text("#!/bin/sh\nprintf '\\tlibxcb-icccm.so.4 => not found\\n\\tlibm.so.6 => /lib/libm.so.6 (0x1)\\n'\n")
    ldd.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert display._missing(tmp_path / "libqxcb.so") == ["libxcb-icccm.so.4"]
    assert not display._loads(tmp_path / "libqxcb.so")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert display._missing(tmp_path / "libqxcb.so") == []


@linux
@pytest.mark.parametrize(
    ("environment", "tried"),
    [
        ({"DISPLAY": ":0"}, ["xcb"]),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "w"}, ["xcb", "wayland"]),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "w", "XDG_SESSION_TYPE": "wayland"}, ["wayland", "xcb"]),
        ({"WAYLAND_DISPLAY": "w"}, ["wayland"]),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen:x=1;xcb"}, ["offscreen", "xcb"]),
    ],
)
def test_plugins_are_tried_in_the_order_of_qt(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], tried: list[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    widgets, plugins = display._libraries()
    assert [path.name for path in widgets] == ["libQt6Widgets.so.6"]
    assert [path.name for path in plugins] == [f"libq{name}.so" for name in tried]
    monkeypatch.setattr(display, "_missing", lambda _: ["libxcb-icccm.so.4"])
    monkeypatch.setattr(display, "_loads", lambda library: library != plugins[0])
    assert (display.problem() == "") == (len(plugins) > 1)  # the other one opens the window


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libxcb-icccm.so.4", "libxcb-icccm4"),
        ("libxcb-cursor.so.0", "libxcb-cursor0"),
        ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
        ("libX11.so.6", "libx11-6"),
        ("libX11-xcb.so.1", "libx11-xcb1"),
        ("libEGL.so.1", "libegl1"),
        ("libdbus-1.so.3", "libdbus-1-3"),
        ("libglib-2.0.so.0", "libglib2.0-0"),
        ("libwayland-cursor.so.0", "libwayland-cursor0"),
    ],
)
def test_a_library_leads_to_its_debian_package(library: str, package: str) -> None:
    assert display.package(library) == package


# --- Bugs and crashes ----------------------------------------------------------------------------------


@pytest.fixture
def bugs(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> BugReporter:
    """Take what nothing catches, as the program does."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    made = BugReporter(QObject(window))
    made.found.connect(window.banner.show_failure)
    made.install()
    return made


def fail() -> None:
    raise ZeroDivisionError("a bug of the window")


def report() -> None:
    try:
        fail()
    except ZeroDivisionError as error:
        sys.excepthook(type(error), error, error.__traceback__)


def test_a_bug_is_shown_once_with_details_to_copy(
    qtbot: QtBot, window: MainWindow, bugs: BugReporter, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        report()
    assert "a bug of the window" in window.banner.label.text()
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
    qtbot.mouseClick(window.banner.details, Qt.MouseButton.LeftButton)
    [box] = window.banner.findChildren(QMessageBox)
    assert "in fail" in box.detailedText()
    box.close()
    qtbot.mouseClick(window.banner.dismiss, Qt.MouseButton.LeftButton)
    for _ in range(3):
        report()
    assert not window.banner.isVisible()


def test_a_bug_in_a_thread_is_shown_too(qtbot: QtBot, window: MainWindow, bugs: BugReporter) -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(window.banner.isVisible)
    assert window.banner.failed
    assert "a bug of the window" in window.banner.label.text()


def test_the_trace_of_a_crash_is_kept_after_the_next_start(tmp_path: Path) -> None:
    program = (
        "import faulthandler, sys\nfrom pathlib import Path\nfrom gui.crashes import open_logs\n"
        "print(open_logs(Path(sys.argv[1])))\nfaulthandler._sigsegv() if len(sys.argv) > 2 else None"
    )

    def start(*more: str) -> str:
        command = [sys.executable, "-c", program, str(tmp_path / "nakami"), *more]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    kept = tmp_path / "nakami" / "crash.last.log"
    assert start("crash") in ("None", "")  # what is printed before a crash may be lost
    assert start() == str(kept)
    assert "Segmentation fault" in kept.read_text()
    assert start() == "None"
    assert "Segmentation fault" in kept.read_text()


def test_a_log_folder_that_cannot_be_written_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert open_logs(tmp_path / "file" / "folder") is None


# --- Pictures ------------------------------------------------------------------------------------------


def export(tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    folders = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "CACHE")}
    command = [sys.executable, "main.py", "--export", str(tmp_path / "pictures"), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | folders, capture_output=True, text=True, check=False, timeout=300
    )


def test_every_pane_is_rendered_to_a_picture(tmp_path: Path) -> None:
    done = export(tmp_path, "--model", "assets/model", "--size", "1000x700", "--language", "ja")
    pictures = [tmp_path / "pictures" / f"{name}.png" for name in (*PANE_IDS, "grid")]
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(path) for path in pictures]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert len({path.read_bytes() for path in pictures}) == len(pictures)


def test_a_missing_model_is_reported_in_one_sentence(tmp_path: Path) -> None:
    done = export(tmp_path, "--model", str(tmp_path / "nothing"))
    printed = [line for line in done.stderr.splitlines() if not line.startswith("This plugin does not support")]
    assert (done.returncode, len(printed)) == (1, 1)
    assert "nothing" in printed[0]
