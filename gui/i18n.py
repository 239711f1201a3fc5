"""Words on screen: `t("pane.training.title")` looks the sentence up in the language of the moment."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

FOLDER = Path(__file__).parent.parent / "assets" / "i18n"
LANGUAGES = {"en": "English", "ja": "日本語"}

_language = "en"


@cache
def sentences(language: str) -> dict[str, str]:
    """All sentences of a language by their dotted keys."""
    with open(FOLDER / f"{language}.toml", "rb") as file:
        return dict(_flatten("", tomllib.load(file)))


def _flatten(prefix: str, table: dict[str, Any]) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for name, value in table.items():
        flat += _flatten(f"{prefix}{name}.", value) if isinstance(value, dict) else [(prefix + name, value)]
    return flat


def set_language(language: str) -> None:
    global _language
    _language = language
    _translate_qt()


def _translate_qt() -> None:
    """What Qt itself says: its file dialog, the buttons of its message boxes, the menus of its text fields."""
    app = QCoreApplication.instance()
    if app is None:
        return
    for translator in app.findChildren(QTranslator):
        app.removeTranslator(translator)
        translator.deleteLater()
    translator = QTranslator(app)
    # English is what Qt says by itself: its file is there, and empty.
    if translator.load(f"qtbase_{_language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(translator)


def language() -> str:
    return _language


def system_language() -> str:
    return "ja" if QLocale.system().language() == QLocale.Language.Japanese else "en"


def t(key: str, in_language: str = "", /, **arguments: object) -> str:
    """The sentence behind `key`, in the language of the moment unless another one is named.

    An unknown key shows itself, so that a gap is seen and nothing breaks.
    """
    sentence = sentences(in_language or _language).get(key)
    if sentence is None:
        return key
    return sentence.format(**arguments)
