"""The way of the open model: from pre-training over examples and choices to the improved model."""

from PySide6.QtWidgets import QPushButton, QStackedLayout, QWidget

from engine.messages.choices import ListPrompts, Prompts
from engine.messages.status import Progress
from engine.messages.tuning import ListPairSets, PairSet, TuneOnPairs
from engine.messages.way import MeasureWay, ReadWay, StationMeasured, Way
from gui import i18n
from gui.i18n import t
from gui.layout import row, stack
from gui.pane import Pane, Table
from gui.panes.tuning.way_picture import WayPicture
from gui.panes.tuning.way_sentence import WayShown, name_of, sentence
from gui.part import Page, Part
from gui.theme import GAP_L, GAP_M
from gui.widgets.card import Card

STAGES = ("examples", "choices", "improve")  # parts of the pane, in the order of the way
MOST_PROMPTS = 4
QUESTIONS = 3


class WayPage(Page):
    """The strip; or, while there is nothing on it, the three stages."""

    def __init__(self) -> None:
        super().__init__()
        self.picture, self.stages, self.shown, self.tools = WayPicture(), QWidget(), QWidget(), QWidget()
        self.cards = {name: Card() for name in STAGES}
        self.stages.setLayout(row(*self.cards.values(), spacing=GAP_L))
        self.pages = QStackedLayout(self.shown)
        self.pages.addWidget(self.picture)
        self.pages.addWidget(self.stages)
        self.begin, self.examples = QPushButton(), QPushButton()
        self.begin.setProperty("primary", True)
        self.tools.setLayout(row(self.begin, 1, spacing=GAP_M))
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)


class WayView(Part):
    page: WayPage
    long_work = ("MeasureWay",)

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.page, self.shown, self.tuner = WayPage(), WayShown(Way(()), ""), pane.tuner
        self.page.picture.chosen.connect(self._open)
        self.page.begin.clicked.connect(self._begin)
        for name, card in self.page.cards.items():
            card.clicked.connect(lambda _=False, name=name: self._go_to(name))
        self.tuner.ended.connect(self._run_ended)

    # --- Requests --------------------------------------------------------------------------------

    def refresh(self) -> None:
        if self.state.model is not None:
            self.ask(ReadWay(self.state.model.folder, str(self.tuner.models)), self._way_read)

    def _run_ended(self) -> None:
        if self.page.isVisible():
            self.refresh()
        else:
            self.interrupted = True  # it is read when it is next shown

    def follows_live(self) -> bool:
        return False  # a station is measured when its run has ended

    def _way_read(self, way: Way) -> None:
        opened = self.state.model.folder if self.state.model is not None else ""
        asked = [prompt for station in way.stations for prompt in station.prompts]
        prompts = tuple(dict.fromkeys(asked))[:MOST_PROMPTS]
        kept = self.shown.measured if prompts == self.shown.prompts else {}
        known = {station.folder: station for station in way.stations}
        same = {station.folder for station in self.shown.way.stations if known.get(station.folder) == station}
        measured = {folder: found for folder, found in kept.items() if folder in same}
        self.shown = WayShown(way, opened, prompts, measured)
        self._draw()
        if len(way.stations) > 1 and not prompts:
            self.ask(ListPrompts("animals", "ja" if i18n.language() == "ja" else "en"), self._prompts_found)
        else:
            self._measure()

    def _prompts_found(self, found: Prompts) -> None:
        self.shown = WayShown(self.shown.way, self.shown.opened, found.held_out[:MOST_PROMPTS])
        self._measure()

    def _measure(self) -> None:
        """Ask for what is not known of the models on the path; the first one is needed to compare with."""
        path = self.shown.path
        missing = [station.folder for station in path if station.folder not in self.shown.measured]
        if len(path) > 1 and missing and not self.state.training:
            folders = tuple(dict.fromkeys([path[0].folder, *missing]))
            self.ask(MeasureWay(folders, self.shown.prompts), self._measured)

    def _measured(self, found: StationMeasured | Progress) -> None:
        if isinstance(found, StationMeasured):
            shown = self.shown
            self.shown = WayShown(shown.way, shown.opened, shown.prompts, {**shown.measured, found.folder: found})
            self._draw()

    # --- Actions ---------------------------------------------------------------------------------

    def _open(self, folder: str) -> None:
        if self.state.model is None or folder != self.state.model.folder:
            self.pane.model_wanted.emit(folder)

    def _go_to(self, part: str) -> None:
        self.pane.act({"mode": part})

    def _begin(self) -> None:
        """Start the first stage with the first set of examples in the program's language."""
        self.ask(ListPairSets(i18n.language()), self._start_with)

    def _start_with(self, found: PairSet) -> None:
        if not self.tuner.running and found.language == i18n.language():
            questions = tuple(pair.prompt for pair in found.pairs[:QUESTIONS])
            self.tuner.start(TuneOnPairs(found.pairs, self.tuner.folder_for("examples"), questions=questions))
            self._go_to("examples")

    # --- Showing ---------------------------------------------------------------------------------

    def on_shown(self) -> None:
        self._draw()

    def _draw(self) -> None:
        has_way = len(self.shown.way.stations) > 1
        self.page.pages.setCurrentWidget(self.page.picture if has_way else self.page.stages)
        self.page.begin.setVisible(not has_way)
        self.page.picture.set_data(self.shown)
        self.pane.subtitle_changed.emit()

    def subtitle(self) -> str:
        return t("pane.tuning.way.subtitle", count=len(self.shown.way.stations)) if self.shown.way.stations else ""

    def sentence(self) -> str:
        return sentence(self.shown)

    def table(self) -> Table | None:
        rows: list[tuple[object, ...]] = []
        for place, station in enumerate(self.shown.path):
            found = self.shown.of(place)
            for prompt, text in zip(self.shown.prompts, found.texts if found is not None else (), strict=False):
                values = (found.kl, found.distinct, found.old_loss) if found is not None else ()
                rows.append((name_of(station), station.folder, prompt, text, *values))
        names = ("station", "folder", "prompt", "answer", "kl", "variety", "old_loss")
        return Table(tuple(t(f"pane.tuning.way.column.{name}") for name in names), rows) if rows else None

    def retranslate(self) -> None:
        page = self.page
        page.picture.setAccessibleName(t("pane.tuning.mode.way"))
        page.begin.setText(t("pane.tuning.way.begin"))
        for index, (name, card) in enumerate(page.cards.items(), start=1):
            title = t("pane.tuning.way.stage", number=index, name=t(f"pane.tuning.way.stages.{name}"))
            card.show_words(title, (), "", t(f"pane.tuning.way.about.{name}"))
        self._draw()
