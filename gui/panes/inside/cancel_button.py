"""A button that cancels the long work of a view, and then begins it again."""

from PySide6.QtWidgets import QPushButton

from gui.i18n import t
from gui.part import Part


class CancelButton(QPushButton):
    """Pressed while the view computes, it cancels; pressed after that, it lets the view begin again."""

    def __init__(self) -> None:
        super().__init__()
        self._part: Part | None = None
        self._has_cancelled = False

    def follow(self, part: Part) -> None:
        """Show whether the part computes; called whenever it has asked for something, or an answer has ended."""
        if self._part is None:
            self._part = part
            self.clicked.connect(self._press)
        computes = any(map(part.pane.asking, part.long_work))
        self._has_cancelled = self._has_cancelled and not computes
        self.setEnabled(computes or self._has_cancelled)
        self.setText(t("pane.inside.again" if self._has_cancelled else "pane.inside.cancel"))

    def _press(self) -> None:
        assert self._part is not None
        if self._has_cancelled:
            self._part.refresh()
        else:
            self._part.cancel()
            self._has_cancelled = True
        self.follow(self._part)
