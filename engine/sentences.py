"""The sentences of assets/i18n for the command line; the window has its own reader with live switching."""

import locale
import os
import tomllib
from pathlib import Path
from typing import Any

from engine.errors import EngineError

FOLDER = Path(__file__).parent.parent / "assets" / "i18n"


def system_language() -> str:
    """ "ja" on a Japanese system, else "en"."""
    named = next((os.environ[n] for n in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(n)), None)
    return "ja" if (named or locale.getlocale()[0] or "").lower().startswith("ja") else "en"


def sentence(key: str, /, **arguments: str | int | float) -> str:
    """The sentence behind a dotted key in the system's language."""
    with open(FOLDER / f"{system_language()}.toml", "rb") as file:
        found: Any = tomllib.load(file)
    for part in key.split("."):
        found = found.get(part, {}) if isinstance(found, dict) else {}
    return found.format(**arguments) if isinstance(found, str) else key


def explain(error: EngineError) -> str:
    return sentence(error.key, **error.args_by_name)
