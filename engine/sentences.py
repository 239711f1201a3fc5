"""Read the sentences of assets/i18n; the command line shows them in the system's language."""

import locale
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from engine.errors import EngineError

FOLDER = Path(__file__).parent.parent / "assets" / "i18n"
# The plural form of a count in each language, by the names of the Unicode CLDR.
PLURALS: dict[str, Callable[[int], str]] = {"en": lambda n: "one" if n == 1 else "other", "ja": lambda n: "other"}


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


def fill(language: str, key: str, arguments: Mapping[str, object]) -> str:
    """Return the sentence of `key` with its placeholders filled, or the key itself if there is none.

    If `count` is an int, it chooses the plural form (`key.one`, `key.other`) where the sentence has forms.
    """
    found, count = sentences(language), arguments.get("count")
    if isinstance(count, int):
        arguments = {**arguments, "count": number(count)}
        form = f"{key}.{PLURALS[language](count)}"
        key = form if form in found else key
    return found[key].format(**arguments) if key in found else key


def number(value: float, digits: int = 0, *, signed: bool = False) -> str:
    """Return a number with thousands separators and this many decimals, such as 12,345.68."""
    return f"{value:{'+' if signed else ''},.{digits}f}"


def percent(share: float, digits: int = 0) -> str:
    """Return a share of 1 in percent, with a no-break space: 0.914 is "91 %", and a tiny share "< 1 %", not "0 %"."""
    least = 10.0**-digits
    if 0 < 100 * share <= least / 2:  # Python rounds a half to the even digit, here 0
        return f"<\u00a0{number(least, digits)}\u00a0%"
    return f"{number(100 * share, digits)}\u00a0%"


def duration(seconds: float) -> str:
    """Return seconds as 0:52, 12:05 or 8:00:00."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def sentence(key: str, /, **arguments: str | int | float) -> str:
    """Return the sentence of `key` in the system's language, or the key itself if there is none."""
    return fill(system_language(), key, arguments)


def explain(error: EngineError) -> str:
    return sentence(error.key, **error.args_by_name)
