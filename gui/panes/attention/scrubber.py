"""The controls below the film: back, play or pause, next, and a slider through its four pictures."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QSlider, QWidget

from gui.i18n import t
from gui.layout import row
from gui.panes.attention.film import PICTURES, AttentionFilm
from gui.text import tip
from gui.theme import GAP_M
from gui.themed import Themed

FINE = 100  # steps of the slider in a picture


class Scrubber(Themed, QWidget):
    def __init__(self, film: AttentionFilm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.film = film
        self.back, self.play, self.next = QPushButton(), QPushButton(), QPushButton()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, FINE * len(PICTURES))
        self.slider.setPageStep(FINE)
        self.slider.setTickInterval(FINE)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setValue(self.slider.maximum())
        self.setLayout(row(self.back, self.play, self.next, self.slider, spacing=GAP_M))
        self.back.clicked.connect(film.back)
        self.play.clicked.connect(film.play_or_pause)
        self.next.clicked.connect(film.next)
        self.slider.valueChanged.connect(lambda value: film.go_to(value / FINE))
        film.moved.connect(self._show)
        film.playing_changed.connect(lambda _: self.retranslate())
        self.retranslate()

    def _show(self, moment: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(moment * FINE))
        self.slider.blockSignals(False)

    def retranslate(self) -> None:
        self.back.setText(t("pane.attention.film.back"))
        self.play.setText(t("pane.attention.film.pause" if self.film.is_playing else "pane.attention.film.play"))
        self.next.setText(t("pane.attention.film.next"))
        self.next.setToolTip(tip(t("pane.attention.film.next_tip")))
        self.slider.setAccessibleName(t("pane.attention.film.moment"))
