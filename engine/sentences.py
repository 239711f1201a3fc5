"""Read the sentences of assets/i18n; the command line shows them in the system's language."""

import locale
import os
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from engine.errors import EngineError

FOLDER = Path(__file__).parent.parent / "assets" / "i18n"


def system_language() -> str:
    """Return "ja" on a Japanese system, else "en"."""
    named = next((os.environ[n] for n in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(n)), None)
    return "ja" if (named or locale.getlocale()[0] or "").lower().startswith("ja") else "en"


@cache
def sentences(language: str) -> dict[str, str]:
    """Return every sentence of a language by its dotted key, from all files of the language's folder."""
    found: dict[str, str] = {}
    for file in sorted((FOLDER / language).glob("*.toml")):
        found.update(_flatten("", tomllib.loads(file.read_text("utf-8"))))
    return found


def _flatten(prefix: str, table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(f"{prefix}{name}.", value)
        else:
            yield prefix + name, value


def sentence(key: str, /, **arguments: str | int | float) -> str:
    """Return the sentence of `key` in the system's language, or the key itself if there is none."""
    found = sentences(system_language()).get(key)
    return key if found is None else found.format(**arguments)


def explain(error: EngineError) -> str:
    return sentence(error.key, **error.args_by_name)
