"""The colour scale of shares: the same colour for the same share in every picture."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from pytestqt.qtbot import QtBot

from gui.colormaps import SHARE_TICKS, color_of, root_colors, share_color, share_colors
from gui.panes.attention.mosaic import Mosaic
from gui.theme import LIGHT, Theme
from gui.widgets.heatmap import Heatmap
from gui.widgets.legend import paint_share_scale, share_scale_size
from gui.widgets.painted import Painted
from tests.gui.hands import LARGE_TYPE, area_of, look, painted, show


@pytest.mark.parametrize("share", [*SHARE_TICKS, 0.01, 0.933])
def test_a_share_has_one_colour_whichever_way_it_is_looked_up(share: float) -> None:
    half = np.float16(share)
    color = share_color(float(half))
    assert share_colors(np.array([half]))[0].tolist() == [color.red(), color.green(), color.blue()]
    assert root_colors()[half.view(np.uint16)] == color.rgba()
    assert color == color_of(float(half) ** 0.5)


def test_the_matrix_and_the_mosaic_paint_a_share_in_the_same_colour(qtbot: QtBot) -> None:
    weights = np.array([[1.0, 0, 0], [0.5, 0.5, 0], [0.75, 0.125, 0.125]], np.float16)
    heatmap, mosaic = show(qtbot, Heatmap()), show(qtbot, Mosaic())
    heatmap.set_data(weights, ("a", "b", "c"), None)
    mosaic.set_weights([weights[None]])
    for share in (0.125, 0.5, 0.75, 1.0):
        assert painted(heatmap, share_color(share)).any()
        assert painted(mosaic, share_color(share)).any()


class Scale(Painted):
    def paintEvent(self, event: QPaintEvent) -> None:
        paint_share_scale(QPainter(self), QRectF(self.rect()), self.theme)


@pytest.mark.parametrize("theme", [LIGHT, LARGE_TYPE], ids=["normal", "large type"])
def test_each_tick_of_the_scale_is_at_the_colour_of_its_share(qtbot: QtBot, theme: Theme) -> None:
    look(theme)
    scale, size = Scale(), share_scale_size(theme).toSize()
    show(qtbot, scale, size.width(), size.height())
    picture = scale.grab().toImage()
    bar = area_of(painted(scale, color_of(0.0)) | painted(scale, color_of(1.0)))
    for share in SHARE_TICKS:
        x = bar.left() + share**0.5 * (bar.width() - 1)
        shown, wanted = picture.pixelColor(QPointF(x, bar.center().y()).toPoint()), share_color(share)
        assert abs(shown.red() - wanted.red()) <= 12, share
        assert abs(shown.green() - wanted.green()) <= 12, share
        assert picture.rect().contains(QPoint(round(x), bar.center().y()))
