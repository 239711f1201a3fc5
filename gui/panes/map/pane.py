"""The Map pane: one forward pass with the values of the shared text, and the loop that generates tokens."""

from dataclasses import replace

from PySide6.QtCore import QRect
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QStackedLayout, QWidget

from engine.messages.envelope import Ended
from engine.messages.generation import (
    Candidates,
    ContextUsed,
    Generate,
    GeneratedToken,
    GeneratedTokens,
    PredictNext,
)
from engine.messages.map import ForwardTrace, TraceForward
from gui.changes import factors_of
from gui.i18n import number, t
from gui.layout import label, row, set_property, stack, timer
from gui.pane import Pane, Table
from gui.panes.map.plan import STATIONS, Part
from gui.panes.map.sentence import sentence
from gui.panes.map.view import ModelMap
from gui.text import tip
from gui.theme import GAP_M, icon

CANDIDATES = 8  # as many as a pass reports
STATION_MS = 400  # at each station while the loop runs
WIDE = 1000  # pixels at zoom 1 from which the sentence below the picture is in large type
OPENS = {
    "text": "tokens",
    "tokens": "tokens",
    "ids": "tokens",
    "vectors": "embeddings",
    "attention": "attention",
    "logits": "generation",
    "probabilities": "generation",
    "draw": "generation",
}


class MapPane(Pane):
    id = "map"
    computes = ("TraceForward", "PredictNext")

    def build(self) -> None:
        self.trace: ForwardTrace | None = None
        self.written: list[GeneratedToken] = []  # after the shared text, in this pane only
        self._own: int | None = None  # index of the selected token, if the model wrote it
        self._lit = ""  # the highlighted station; "" before the first
        self._playing = False
        self.map = ModelMap()
        self.map.token_chosen.connect(self._token_chosen)
        self.map.part_opened.connect(self._part_opened)
        self.pages = QStackedLayout(self.body)
        self.empty = self.empty_page()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self._build_main())
        self._stepping = timer(self, STATION_MS, self._next_station)
        self.follow(self.state.text_changed, self.state.model_changed)
        self.follow_live(self._trace, lambda: not self.asking("generate"))
        self.state.selection_changed.connect(self._selected)
        self.state.sampling_changed.connect(self._sample_again)

    def _build_main(self) -> QWidget:
        page = QWidget()
        self.play_button, self.step_button, self.home_button = QPushButton(), QPushButton(), QPushButton()
        self.play_button.setProperty("primary", True)
        self.play_button.clicked.connect(self.play_or_pause)
        self.step_button.clicked.connect(self.step)
        self.home_button.clicked.connect(self.home)
        self.caption = label()
        self.caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.controls = QWidget()
        buttons = row(self.play_button, self.step_button, self.home_button, self.caption, spacing=GAP_M)
        buttons.setStretchFactor(self.caption, 1)
        self.controls.setLayout(buttons)
        stack(page, self.map, self.controls, spacing=GAP_M).setStretchFactor(self.map, 1)
        self.add_controls(self.controls)
        return page

    # --- What is shown ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Restart the loop with another text or model."""
        self.home()

    def home(self) -> None:
        """Return to the shared text, without the generated tokens."""
        self.drop("generate")
        self._stop()
        self.written, self._own, self._lit = [], None, ""
        self._trace()

    def _trace(self) -> None:
        if self.state.model is None or not self.state.text:
            self.drop("TraceForward")
            self.trace = None
            self._show()
        else:
            self.ask(
                TraceForward(self.state.text, self._chosen(), sampling=self.state.sampling, seed=self.state.seed),
                self._traced,
                ended=self._ended,
            )

    def _sample_again(self) -> None:
        """Compute the candidates with the settings of the sliders; the pass itself does not depend on them."""
        if not self.isVisible() or self.trace is None or self.asking("TraceForward") or self.asking("generate"):
            return  # they are asked for with the next pass, or when the pane is shown
        request = PredictNext(self.state.text, self._chosen(), self.state.sampling, self.state.seed, CANDIDATES)
        self.ask(request, self._sampled)

    def _sampled(self, answer: ContextUsed | Candidates) -> None:
        if isinstance(answer, Candidates) and self.trace is not None:
            self.trace = replace(self.trace, candidates=answer)
            self._show()

    def on_shown(self) -> None:
        if self.trace is not None and self.trace.candidates.sampling != self.state.sampling:
            self._sample_again()

    def _chosen(self) -> tuple[int, ...]:
        return tuple(token.id for token in self.written)

    def _traced(self, trace: ForwardTrace) -> None:
        self.trace = trace
        self.drop("PredictNext")
        self.report_context(trace.seen, trace.first + len(trace.pieces))
        if self._lit == "back":
            self._arrived()
        self._show()

    def _show(self) -> None:
        self.pages.setCurrentIndex(int(self.trace is not None))
        self.explain_empty(self.empty)
        self.map.set_trace(
            self.trace, self.state.text, "".join(token.text for token in self.written), len(self.written)
        )
        self._draw()

    def _draw(self) -> None:
        """Update the selection, the highlighted station, the buttons and the sentence."""
        chosen = self._own if self.state.token is None else self.state.token
        first = self.trace.first if self.trace is not None else 0
        self.map.set_selection(None if chosen is None else chosen - first, self.state.layer)
        changed = factors_of(self.state.interventions)
        self.map.set_changed(frozenset((layer, "mlp" if head is None else "attention") for layer, head in changed))
        self.map.set_lit(self._lit)
        busy = self._stepping.isActive() or self._lit == "back"
        self.play_button.setText(t("pane.map.pause" if self._playing else "pane.map.play"))
        self.step_button.setEnabled(not busy)
        self.home_button.setEnabled(bool(self.written or self._lit))
        words = self.map.describe_station(self._lit) if self._lit else t("pane.map.hint")
        if self._full() and not self._lit and self.state.model is not None:
            words = t("pane.map.full", context=self.state.model.context)
        self.caption.setText(words)
        self.caption.setToolTip(tip(words))
        self.subtitle_changed.emit()

    # --- Selection --------------------------------------------------------------------------------

    def _selected(self) -> None:
        if self.state.token is not None:
            self._own = None
        self._draw()

    def _token_chosen(self, chosen: int | None) -> None:
        """Select a token: one of the shared text in all panes, a generated one in this pane only."""
        assert self.trace is not None
        index = None if chosen is None else chosen + self.trace.first
        shared = self.trace.first + len(self.trace.pieces) - len(self.written)
        self._own = index if index is not None and index >= shared else None
        self.state.select_token(index if self._own is None else None)
        self._draw()

    def _part_opened(self, part: str, layer: int) -> None:
        if part in ("attention", "mlp"):
            self.state.select_head(layer, self.state.head)
        shown = self.map.plan()
        if part in OPENS and shown is not None:
            box = shown.box(Part(part, layer)).toRect()
            self.pane_opened.emit(OPENS[part], QRect(self.map.mapTo(self, box.topLeft()), box.size()))

    # --- The loop --------------------------------------------------------------------------------

    def play_or_pause(self) -> None:
        """Pause at the current station, or continue from there."""
        if self._playing:
            self._stop()
        elif self.trace is not None:
            self._playing = True
            self._go_on()
        self._draw()

    def step(self) -> None:
        """Play one round: highlight each station, draw a token and append it to the text."""
        if self.trace is not None and not self._stepping.isActive():
            self._go_on()
            self._draw()

    def _go_on(self) -> None:
        if self._lit != "back":  # at "back" the answer to a request continues the loop
            self._next_station()
            self._stepping.start()

    def _stop(self) -> None:
        self._playing = False
        self._stepping.stop()

    def _next_station(self) -> None:
        """Highlight the next station that is shown; after the last, generate a token."""
        shown = self.map.stations()
        ahead = STATIONS[STATIONS.index(self._lit) + 1 :] if self._lit else STATIONS
        self._lit = next((station for station in ahead if station in shown), "back")
        if self._lit == "back":
            self._stepping.stop()
            request = Generate(self.state.text, self._chosen(), None, 1, self.state.sampling, self.state.seed)
            self.ask(request, self._generated, slot="generate", ended=self._ended)
        self._draw()

    def _generated(self, event: GeneratedTokens) -> None:
        self.written += event.tokens
        self._trace()

    def _ended(self, end: Ended) -> None:
        if end.outcome != "done":  # the message bar shows why
            self._stop()
            self._lit = ""
            self._draw()

    def _arrived(self) -> None:
        """Begin the next round: the trace contains the new token."""
        self._lit = ""
        if self._playing and self._full():
            self._stop()
        elif self._playing:
            self._stepping.start()

    def _full(self) -> bool:
        trace, model = self.trace, self.state.model
        return trace is not None and model is not None and trace.first + len(trace.pieces) >= model.context

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._stop()
        self._draw()

    def adapt_layout(self) -> None:
        set_property(self.caption, "role", "figure" if self.width() > self.theme.px(WIDE) else "")

    # --- What every pane has ---------------------------------------------------------------------

    def subtitle(self) -> str:
        if self.trace is None or self.state.model is None:
            return ""
        return t("pane.map.subtitle", seen=number(self.trace.seen), context=number(self.state.model.context))

    def table(self) -> Table | None:
        if self.trace is None:
            return None
        found = self.trace.candidates
        model, settings = found.probabilities[0].tolist(), found.probabilities[-1].tolist()
        rows: list[tuple[object, ...]] = list(zip(found.pieces, found.ids.tolist(), model, settings, strict=True))
        return Table(("piece", "id", "probability", "after_settings"), rows)

    def sentence(self) -> str:
        return sentence(self.trace) if self.trace is not None else ""

    def picture(self) -> QWidget:
        return self.map

    def retranslate(self) -> None:
        self.step_button.setText(t("pane.map.step"))
        self.home_button.setText(t("pane.map.home"))
        self.map.setAccessibleName(t("pane.map.picture.title"))
        self._show()

    def restyle(self) -> None:
        self.play_button.setIcon(icon("play", self.theme, "on_accent", 16))
