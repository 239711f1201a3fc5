"""Errors that the user sees: a key into assets/i18n and its arguments, never a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class EngineError(Exception):
    """An error that the user can understand and act on.

    `key` names a sentence under "error." in assets/i18n; `args` fill its
    placeholders. Any other exception that leaves the engine is a bug and is shown with its traceback.
    """

    def __init__(self, key: str, **args: str | int | float) -> None:
        super().__init__(key, args)
        self.key = key
        self.args_by_name = args

    def __str__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.args_by_name.items())
        return f"{self.key}({arguments})"


def check_index(name: str, value: int, count: int) -> None:
    """Raise EngineError error.config_range unless 0 <= value < count."""
    if not 0 <= value < count:
        raise EngineError("error.config_range", setting=name, value=value, least=0, most=count - 1)


def not_written(path: Path | str, error: Exception) -> EngineError:
    """Return the EngineError for a file or folder that could not be written."""
    reason = getattr(error, "strerror", None) or str(error)
    return EngineError("error.not_written", file=str(path), reason=reason)
