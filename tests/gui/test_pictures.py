"""Every painted widget can be painted with no data, one value or NaN, in any size."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from engine.messages.attention import ExplainAttention
from engine.messages.map import TraceForward
from gui.panes.attention.arcs import AttentionArcs
from gui.panes.attention.film import AttentionFilm
from gui.panes.attention.mosaic import Mosaic
from gui.panes.embeddings.near_list import NearList
from gui.panes.map.view import ModelMap
from gui.theme import DARK, LIGHT
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.candidate_bars import CandidateBars
from gui.widgets.coloured_text import ColouredText, Span
from gui.widgets.heatmap import Heatmap
from gui.widgets.scatter_plot import ScatterPlot
from gui.widgets.token_strip import TokenStrip
from gui.widgets.vector_bars import VectorBars
from tests.gui.fakes import attention_steps, forward_trace, many_candidates, near_tokens, tokens_of
from tests.gui.hands import Hover, click, drag, look, press, show, turn_wheel

NAN = np.full((4, 4), np.nan, np.float32)


def _fill(name: str, data: str) -> QWidget:
    """Return a widget that shows nothing, one thing, or NaN."""
    count = {"nothing": 0, "one": 1, "nan": 4}[data]
    square = NAN if data == "nan" else np.ones((count, count), np.float32)
    names = tuple("私は猫😀"[:count])
    made: Any
    if name == "heatmap":
        made = Heatmap()
        made.set_data(square, names, count - 1 if count else None)
    elif name == "mosaic":
        made = Mosaic()
        made.set_weights([square[None]] if count else [])
    elif name == "scatter plot":
        made = ScatterPlot()
        made.set_names(names, ("latin",) * count)
        made.set_points(square[:, :2] if count else np.zeros((0, 2), np.float32), True)
        made.set_marked(list(range(count)))
    elif name == "arcs":
        made = AttentionArcs()
        made.set_data(square, names, max(0, count - 1))
    elif name == "vector":
        made = VectorBars()
        made.set_vector(square.ravel(), 0, 3)
    elif name == "bars":
        made = BarList()
        made.set_bars([Bar(piece, float(square[0, 0]), "nan") for piece in names])
    elif name == "near":
        made = NearList()
        found = near_tokens(count)
        made.set_near(replace(found, cosines=square[:, 0]) if count else None)
    elif name == "candidates":
        made = CandidateBars()
        found_ones = many_candidates(max(1, count))
        if data == "nan":
            found_ones.probabilities[:] = np.nan
        made.set_candidates(found_ones if count else None)
    elif name == "strip":
        made = TokenStrip()
        made.set_tokens(tokens_of("".join(names)) if data != "nan" else tokens_of("\u200b\u202e\u0000\u00ad"))
    elif name == "text":
        made = ColouredText()
        made.set_spans([Span(piece, math.nan if data == "nan" else 0.5) for piece in names])
    elif name == "steps":
        made = AttentionFilm()
        if count:
            [steps] = attention_steps(ExplainAttention("x" * count, 0, count - 1))
            if data == "nan":
                for part in (steps.q, steps.k, steps.v, steps.scaled, steps.weights, steps.heads, steps.input):
                    part[:] = np.nan
            made.set_data(steps, 0, names)
    else:
        made = ModelMap()
        if count:
            [trace] = forward_trace(TraceForward("x" * count))
            if data == "nan":
                for values in (trace.embedding, trace.attention, trace.norms, trace.mlp, trace.final):
                    values[...] = np.nan
            made.set_trace(trace, "x" * count, "", 0)
    return made


PAINTED = ("heatmap", "mosaic", "scatter plot", "arcs", "vector", "bars", "near", "candidates", "strip", "text",
           "steps", "map")  # fmt: skip


@pytest.mark.parametrize("data", ["nothing", "one", "nan"])
@pytest.mark.parametrize("name", PAINTED)
def test_every_picture_can_be_painted_with_any_data(qtbot: QtBot, hover: Hover, name: str, data: str) -> None:
    widget: Any = show(qtbot, _fill(name, data), 300, 200)
    for theme in (LIGHT, replace(DARK, zoom=2.0)):
        look(theme)
        for size in ((1, 1), (42, 26), (26, 52), (3000, 30), (900, 700)):
            widget.setMinimumSize(0, 0)
            widget.resize(*size)
            assert not widget.grab().isNull()
            target = widget.page if name == "text" else widget
            middle = target.rect().center()
            for place in (QPoint(0, 0), middle, QPoint(*size)):
                click(target, place)
                if name not in ("mosaic", "scatter plot", "arcs"):
                    hover(target, place)
            turn_wheel(target, middle, 1)
            drag(target, middle, middle + QPoint(3, 3), QPoint(0, 0))
            for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Return):
                press(target, key)
            QTest.keyClicks(target, "+-0")
    assert widget.sizeHint().isValid()
