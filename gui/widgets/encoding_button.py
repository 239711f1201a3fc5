"""A button that names the encoding of a text, and asks for another one."""

from PySide6.QtWidgets import QToolButton, QWidget

from gui.encodings import describe_encoding
from gui.i18n import t
from gui.layout import set_property
from gui.themed import Themed


class EncodingButton(Themed, QToolButton):
    """Hidden while there is no encoding, as for a PDF."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._encoding, self._certain, self._replaced = "", True, 0
        self.setProperty("flat", True)
        self.retranslate()

    def show_encoding(self, encoding: str, certain: bool, replaced: int) -> None:
        self._encoding, self._certain, self._replaced = encoding, certain, replaced
        self.retranslate()

    def retranslate(self) -> None:
        name = describe_encoding(self._encoding, self._certain, self._replaced)
        self.setText(t("encodings.button", name=name))
        self.setToolTip(t("encodings.tip"))
        self.setVisible(bool(self._encoding))
        set_property(self, "warning", not self._certain or self._replaced > 0)
