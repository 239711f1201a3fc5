"""The map: one forward pass as a picture, from text through tokens, vectors and layers to the next token."""

from dataclasses import replace

from PySide6.QtCore import QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from engine.messages.map import ForwardTrace
from gui.i18n import number, percent, t
from gui.panes.map.canvas import View
from gui.panes.map.outcome import has_settings, shown_candidates
from gui.panes.map.picture import Picture
from gui.panes.map.plan import PER_TOKEN, Part, Plan, plan_for
from gui.text import visible
from gui.widgets.painted import Painted, Policy


class ModelMap(Painted):
    token_chosen = Signal(object)  # a row of the trace, or None
    part_opened = Signal(str, int)  # a station, or "attention" or "mlp", and the layer

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.view: View | None = None
        self.part = Part("tokens")  # the part with the keyboard focus
        self._plan: Plan | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def set_trace(self, trace: ForwardTrace | None, prompt: str, written: str, written_tokens: int) -> None:
        """Show a forward pass; `written` is the text that the model generated after the prompt."""
        if trace is None:
            self.view = None
        elif self.view is None:
            self.view = View(trace, prompt, written, written_tokens, None, 0, "", None)
        else:
            self.view = replace(self.view, trace=trace, prompt=prompt, written=written, written_tokens=written_tokens)
        self._changed()

    def set_changed(self, changed: frozenset[tuple[int, str]]) -> None:
        """Mark the parts that are changed in the model: each a layer and "attention" or "mlp"."""
        if self.view is not None and self.view.changed != changed:
            self.view = replace(self.view, changed=changed)
            self._changed()

    def set_selection(self, token: int | None, layer: int) -> None:
        """Select a token, by its row in the trace, and a layer."""
        if self.view is not None:
            tokens, layers = len(self.view.trace.pieces), len(self.view.trace.mlp)
            inside = token if token is not None and 0 <= token < tokens else None
            self.view = replace(self.view, token=inside, layer=min(layer, layers - 1))
            self._changed()

    def set_lit(self, station: str) -> None:
        """Highlight a station; "back" is the arrow back to the text, "" is none."""
        if self.view is not None:
            self.view = replace(self.view, lit=station)
            self.update()

    def stations(self) -> tuple[str, ...]:
        """Return the stations that there is room for."""
        shown = self.plan()
        return shown.stations if shown else ()

    def restyle(self) -> None:
        self._changed()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(900), self.theme.px(420))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(240), self.theme.px(90))

    def plan(self) -> Plan | None:
        """Return the geometry for the current size; None while nothing is shown."""
        if self._plan is None and self.view is not None:
            tokens, layers = len(self.view.trace.pieces), len(self.view.trace.mlp)
            self._plan = plan_for(self.width(), self.height(), self.theme.zoom, tokens, layers)
            if self.part not in self._plan.parts:
                self.part = Part("tokens")
        return self._plan

    def _changed(self) -> None:
        self._plan = None
        if self.view is not None and self.plan() is not None:
            self.setAccessibleDescription(self.describe(self.part))
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._changed()

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self.plan()
        if self.view is not None and shown is not None:
            focus = self.part if self.hasFocus() else None
            painter = QPainter(self)
            Picture(painter, self.theme, shown, replace(self.view, focus=focus)).paint()
            painter.end()

    # --- Selection --------------------------------------------------------------------------------

    def _token_at(self, part: Part, point: QPointF) -> int | None:
        shown = self.plan()
        if shown is None or part.name not in PER_TOKEN:
            return None
        return shown.token_at(part.name, point)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        shown = self.plan()
        part = shown.part_at(event.position()) if shown else None
        if part is None or event.button() != Qt.MouseButton.LeftButton:
            return
        self.part = part
        token = self._token_at(part, event.position())
        if token is not None and self.view is not None:
            again = part.name == "tokens" and token == self.view.token
            self.token_chosen.emit(None if again else token)
        if token is None or part.name != "tokens":  # a chip only selects: its caption opens
            self.part_opened.emit(*part)
        self._changed()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        shown = self.plan()
        over = shown is not None and shown.part_at(event.position()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        shown, key = self.plan(), event.key()
        if shown is None or self.view is None:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._move_along(shown, 1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._move_across(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.part_opened.emit(*self.part)
        elif key == Qt.Key.Key_Escape and self.view.token is not None:
            self.token_chosen.emit(None)
        else:
            super().keyPressEvent(event)

    def _move_along(self, shown: Plan, step: int) -> None:
        """Move the focus to the previous or next station or layer, from attention to attention or MLP to MLP."""
        line = [p for p in shown.parts if p.name not in ("attention", "mlp") or p.name == self._inner_line()]
        self.part = line[min(max(line.index(self.part) + step, 0), len(line) - 1)]
        self._changed()

    def _inner_line(self) -> str:
        return "mlp" if self.part.name == "mlp" else "attention"

    def _move_across(self, step: int) -> None:
        """Move between a layer's attention and its MLP, elsewhere to the token above or below."""
        assert self.view is not None
        if self.part.name in ("attention", "mlp"):
            self.part = Part("mlp" if step > 0 else "attention", self.part.layer)
            self._changed()
        else:
            last = len(self.view.trace.pieces) - 1
            self.token_chosen.emit(last if self.view.token is None else min(max(self.view.token + step, 0), last))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    # --- Description --------------------------------------------------------------------------------

    def describe_at(self, point: QPoint) -> str:
        shown = self._plan
        part = shown.part_at(QPointF(point)) if shown is not None else None
        return self._describe_part(part, QPointF(point)) if part is not None else ""

    def _describe_part(self, part: Part, point: QPointF) -> str:
        shown = self.plan()
        if part.name == "probabilities" and shown is not None and self.view is not None:
            listed = shown_candidates(shown, self.view.trace.candidates)
            for place, index in enumerate(listed):
                if shown.candidate_row(place, len(listed)).contains(point):
                    return self.describe_candidate(index)
        return self.describe(part, self._token_at(part, point))

    def describe(self, part: Part, token: int | None = None) -> str:
        """Return what happens in a part, in words with its values; `token` is a row, by default the selected one."""
        if self.view is None:
            return ""
        row = self.view.row if token is None else token
        if part.name in ("attention", "mlp"):
            return self._describe_layer(part, row)
        greedy = part.name == "draw" and self.view.trace.candidates.sampling.temperature == 0
        name = "greedy" if greedy else part.name
        return t(f"pane.map.picture.describe.{name}", **self._values(part.name, row))

    def describe_candidate(self, index: int) -> str:
        assert self.view is not None
        found = self.view.trace.candidates
        model, after = (percent(float(found.probabilities[stage, index]), 2) for stage in (0, -1))
        words = {"piece": visible(found.pieces[index]), "id": int(found.ids[index]), "percent": model}
        if not has_settings(found):
            return t("pane.map.picture.describe.candidate", **words)
        return t("pane.map.picture.describe.both", after=after, **words)

    def describe_station(self, station: str) -> str:
        """Return what happens at a station, in words; all layers together are one station."""
        if self.view is None:
            return ""
        if station == "layers":
            return t("pane.map.picture.describe.layers", count=len(self.view.trace.mlp))
        return t("pane.map.picture.back") if station == "back" else self.describe(Part(station))

    def _describe_layer(self, part: Part, row: int) -> str:
        assert self.view is not None
        trace, layer = self.view.trace, part.layer
        if part.name == "mlp":
            value = number(trace.strongest_values[layer], 2)
            feature, count = int(trace.strongest[layer]), number(trace.features)
            return t("pane.map.picture.describe.mlp", layer=layer + 1, count=count, feature=feature, value=value)
        key = int(trace.attention[layer, row].argmax())
        query, seen = visible(trace.pieces[row]), visible(trace.pieces[key])
        share = percent(float(trace.attention[layer, row, key]), 1)
        return t("pane.map.picture.describe.attention", layer=layer + 1, query=query, key=seen, percent=share)

    def _values(self, station: str, row: int) -> dict[str, object]:
        """Return the values for the placeholders of a station's sentence."""
        assert self.view is not None
        trace, found = self.view.trace, self.view.trace.candidates
        piece, token_id = visible(trace.pieces[row]), int(trace.ids[row])
        drawn, best = visible(found.pieces[found.drawn]), visible(found.pieces[0])
        share = percent(float(found.probabilities[0, 0]), 1)
        values: dict[str, dict[str, object]] = {
            "text": {"characters": number(len(self.view.prompt + self.view.written))},
            "tokens": {"piece": piece, "id": token_id},
            "ids": {"piece": piece, "id": token_id},
            "vectors": {"piece": piece, "width": number(trace.width), "length": number(trace.norms[0, row], 2)},
            "norm": {"piece": visible(trace.pieces[-1]), "width": number(trace.width)},
            "logits": {
                "count": number(int(trace.histogram.sum())),
                "low": number(trace.lowest, 2),
                "high": number(trace.highest, 2),
            },
            "probabilities": {"piece": best, "percent": share},
            "draw": {"draw": number(found.draw, 2), "piece": drawn},
        }
        return values[station]
