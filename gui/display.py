"""Checking whether a window can open. Qt itself would abort the process without naming all missing libraries."""

import ctypes
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

NO_DISPLAY = (
    "Nakami needs a display to open its window; without one, "
    "`uv run main.py --export DIR` renders every pane to a picture."
)
PACKAGES = {"libglib-2.0.so.0": "libglib2.0-0"}  # by library, where `package` would guess wrong


def has_display() -> bool:
    """Return whether the environment names a display or a Qt platform. Windows and macOS always have a display."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def problem() -> str:
    """Return a sentence with the libraries that Qt needs and this Linux lacks; "" if none is missing."""
    if not sys.platform.startswith("linux"):
        return ""
    widgets, plugins = _libraries()
    broken = [library for library in widgets if not _loads(library)]
    if not any(_loads(plugin) for plugin in plugins):  # Qt uses the first that loads
        broken += plugins[:1]
    names = {name for library in broken for name in _missing(library)}
    if not names:
        return ""  # another problem, which Qt reports itself
    packages = " ".join(sorted({package(name) for name in names}))
    return (
        f"Nakami cannot open a window: Qt does not find {', '.join(sorted(names))}. "
        f"On Debian or Ubuntu: sudo apt install {packages}"
    )


def package(library: str) -> str:
    """Return the Debian package of a shared library: libxcb-icccm4 for libxcb-icccm.so.4."""
    name, _, version = library.lower().partition(".so.")
    return PACKAGES.get(library, name + ("-" if name[-1:].isdigit() else "") + version.partition(".")[0])


def _libraries() -> tuple[list[Path], list[Path]]:
    """Return Qt's widget library, and the platform plugins in the order in which Qt tries them."""
    spec = importlib.util.find_spec("PySide6")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        return [], []
    qt = Path(folders[0]) / "Qt"
    widgets = [qt / "lib" / "libQt6Widgets.so.6"]
    plugins = [qt / "plugins" / "platforms" / f"libq{name}.so" for name in _platforms()]
    return [path for path in widgets if path.is_file()], [path for path in plugins if path.is_file()]


def _platforms() -> list[str]:
    named = os.environ.get("QT_QPA_PLATFORM")
    if named:
        return [name.partition(":")[0].removesuffix("-egl") for name in named.split(";")]
    servers = {"xcb": "DISPLAY", "wayland": "WAYLAND_DISPLAY"}
    running = [name for name, server in servers.items() if os.environ.get(server)]
    return running[::-1] if os.environ.get("XDG_SESSION_TYPE") == "wayland" else running


def _loads(library: Path) -> bool:
    try:
        ctypes.CDLL(str(library))
    except OSError:
        return False
    return True


def _missing(library: Path) -> list[str]:
    """Return the libraries that ldd does not find: all of them, unlike the loader's error message."""
    try:
        output = subprocess.run(["ldd", str(library)], capture_output=True, text=True, check=False, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return re.findall(r"^\s*(\S+) => not found", output, re.MULTILINE)
