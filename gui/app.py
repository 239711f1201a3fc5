"""The command line of `main.py`: open the window, or export pictures of it."""

import argparse
import os
import sys
from pathlib import Path

from gui.display import NO_DISPLAY, has_display, problem

VERSION = "0.1.0"


def main(arguments: list[str] | None = None) -> int:
    """Run Nakami and return the exit code: 130 after Ctrl+C, 143 after SIGTERM, 2 where no window can open."""
    options = parser().parse_args(arguments)
    if options.export is not None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    reason = problem() if has_display() else NO_DISPLAY
    if reason:
        print(reason, file=sys.stderr)
        return 2
    try:
        if options.export is not None:
            from gui.export import export

            return export(options)
        return run(options.paths)
    except KeyboardInterrupt:
        return 130  # before the window handles signals


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="main.py", description="Nakami: see a language model from the inside.")
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="TEXT_OR_MODEL",
        help="texts to train on, or a model: a folder, a .gguf file, or smollm2, which comes with Nakami",
    )
    parser.add_argument("--version", action="version", version=f"Nakami {VERSION}")
    export = parser.add_argument_group("pictures without a window")
    export.add_argument(
        "--export",
        metavar="DIR",
        type=Path,
        help="render every pane to DIR/PANE.png and the grid to DIR/grid.png",
    )
    export.add_argument("--text", metavar="FILE", help="the text to train on for the pictures (default: the sample)")
    export.add_argument(
        "--model", metavar="MODEL", help="the model to show instead of one that is trained for the pictures"
    )
    export.add_argument("--language", choices=("en", "ja"), default="en")
    export.add_argument("--theme", choices=("light", "dark"), default="light")
    export.add_argument(
        "--size", type=_size, default=(1600, 1000), metavar="WxH", help="in pixels (default: 1600x1000)"
    )
    export.add_argument(
        "--zoom",
        type=int,
        choices=(80, 90, 100, 115, 130, 150, 175, 200),
        default=100,
        metavar="PERCENT",
        help="the size of what the panes show: 80 to 200, in the steps of the window (default: 100)",
    )
    return parser


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 320 <= int(width) <= 8192 and 240 <= int(height) <= 8192):
        raise argparse.ArgumentTypeError("give it as 1600x1000, from 320x240 to 8192x8192")
    return int(width), int(height)


def run(paths: list[str]) -> int:
    """Open the window and return the exit code when it has closed."""
    from gui.application import make_application
    from gui.crashes import BugReporter, open_logs
    from gui.engine_link import EngineLink
    from gui.interrupts import Interrupts
    from gui.samples import path_of
    from gui.settings import Settings, default_path
    from gui.window.main_window import MainWindow

    app = make_application()
    interrupts, bugs = Interrupts(app), BugReporter(app)
    interrupts.received.connect(app.closeAllWindows)
    last_crash = open_logs(default_path().parent)
    bugs.install()
    settings, was_broken = Settings.load(default_path())
    window = MainWindow(EngineLink(), settings, default_path())
    bugs.found.connect(window.banner.show_failure)
    screen = app.primaryScreen().availableSize()
    window.resize(min(1600, screen.width() * 9 // 10), min(1000, screen.height() * 9 // 10))
    window.show()
    if was_broken:
        window.banner.show_key("notice.settings_broken")
    if last_crash is not None:
        window.banner.show_key("notice.crashed", file=str(last_crash))
    # Show the window first, because importing the panes takes long.
    window.painted.connect(lambda: window.begin([path_of(path) for path in paths]))
    return int(app.exec()) or interrupts.exit_code
