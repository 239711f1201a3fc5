"""From the command line to a window, or to pictures of it."""

import argparse
import faulthandler
import logging
import os
import sys
import traceback
from pathlib import Path
from types import TracebackType

VERSION = "0.1.0"
NO_DISPLAY = (
    "Nakami needs a display to open its window; without one, "
    "`uv run main.py --export DIR` renders every pane to a picture."
)


def main(arguments: list[str] | None = None) -> int:
    """Runs Nakami; returns the process's exit code."""
    options = parser().parse_args(arguments)
    if options.export is not None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        from gui.export import export

        return export(options)
    if not has_display():
        print(NO_DISPLAY, file=sys.stderr)
        return 2
    return run(options.paths)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="main.py", description="Nakami: see a language model from the inside.")
    parser.add_argument("paths", nargs="*", metavar="TEXT_OR_MODEL", help="texts to learn, or a model's folder")
    parser.add_argument("--version", action="version", version=f"Nakami {VERSION}")
    export = parser.add_argument_group("pictures without a window")
    export.add_argument(
        "--export",
        metavar="DIR",
        type=Path,
        help="render every pane to DIR/PANE.png and the grid to DIR/grid.png",
    )
    export.add_argument("--text", metavar="FILE", help="the text to learn for the pictures (default: the sample)")
    export.add_argument(
        "--model", metavar="DIR", help="the model to show instead of one that is trained for the pictures"
    )
    export.add_argument("--language", choices=("en", "ja"), default="en")
    export.add_argument("--theme", choices=("light", "dark"), default="light")
    export.add_argument(
        "--size", type=_size, default=(1600, 1000), metavar="WxH", help="in pixels (default: 1600x1000)"
    )
    return parser


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 320 <= int(width) <= 8192 and 240 <= int(height) <= 8192):
        raise argparse.ArgumentTypeError("give it as 1600x1000, from 320x240 to 8192x8192")
    return int(width), int(height)


def has_display() -> bool:
    """Windows and macOS always have one; elsewhere a display server must be named, or a platform chosen."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def run(paths: list[str]) -> int:
    from gui.application import make_application
    from gui.engine_link import EngineLink
    from gui.settings import Settings, default_path
    from gui.window.main_window import MainWindow

    app = make_application()
    install_excepthook(default_path().parent)
    settings, was_broken = Settings.load(default_path())
    window = MainWindow(EngineLink(), settings, default_path())
    there = app.primaryScreen().availableSize()
    window.resize(min(1600, there.width() * 9 // 10), min(1000, there.height() * 9 // 10))
    window.show()
    if was_broken:
        window.banner.show_key("notice.settings_broken")
    # Panes import slowly: the window comes first.
    window.painted.connect(lambda: window.begin([str(Path(path).absolute()) for path in paths]))
    return int(app.exec())


def install_excepthook(folder: Path) -> None:
    """A bug in the window is logged and said once; the window stays."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=folder / "nakami.log", level=logging.WARNING, format="%(asctime)s %(message)s")
        faulthandler.enable(open(folder / "crash.log", "w"))  # noqa: SIM115 (open as long as the process lives)
    except OSError:
        pass  # a read-only home: the window matters more than its log

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        words = "".join(traceback.format_exception(kind, error, trace))
        logging.error(words)
        print(words, file=sys.stderr)

    sys.excepthook = hook
