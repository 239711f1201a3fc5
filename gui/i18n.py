"""The text on screen: `t("pane.training.title")` returns the sentence in the current language.

The sentences are in assets/i18n, one folder a language and one file a subject. Both languages have the same keys,
sorted inside each table; placeholders are those of str.format. A sentence with plural forms is a table of them:
`terms = { one = "{count} term", other = "{count} terms" }`. Numbers are written by `number`, `percent` and `duration`.
"""

from PySide6.QtCore import QCoreApplication, QEvent, QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from engine.sentences import duration, fill, number, percent

__all__ = ["LANGUAGES", "duration", "language", "number", "percent", "set_language", "system_language", "t"]

LANGUAGES = {"en": "English", "ja": "日本語"}

_language = "en"


def set_language(language: str) -> None:
    """Set the program's language; every widget gets a LanguageChange event."""
    global _language
    if language != _language:
        _language = language
        _translate_qt()


def _translate_qt() -> None:
    """Translate Qt's own text: the file dialog, buttons of message boxes, context menus of text fields."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return
    translator = app.findChild(QTranslator)
    if translator is None:
        translator = QTranslator(app)
        app.installTranslator(translator)
    # Qt's own text is English: the file for it exists and is empty.
    translator.load(f"qtbase_{_language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    # Qt would send LanguageChange later, from the event loop. Here all text changes at once.
    QCoreApplication.removePostedEvents(app, QEvent.Type.LanguageChange)
    for widget in app.topLevelWidgets():
        QCoreApplication.sendEvent(widget, QEvent(QEvent.Type.LanguageChange))


def language() -> str:
    return _language


def system_language() -> str:
    return "ja" if QLocale.system().language() == QLocale.Language.Japanese else "en"


def t(key: str, in_language: str = "", /, **arguments: object) -> str:
    """Return the sentence of `key` in the current language, or in `in_language` if given.

    An unknown key is returned unchanged, so that the gap is visible and nothing fails.
    An int named `count` chooses the plural form.
    """
    return fill(in_language or _language, key, arguments)
