"""The main window: rail, prompt, workspace and status line, and what connects them."""

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QWidget

from engine.messages.models import ModelInfo
from engine.messages.status import Notice
from engine.messages.texts import TextInfo
from gui.dialogs import prepare
from gui.engine_link import EngineLink
from gui.i18n import language, t
from gui.layout import column, row, stack, timer
from gui.pane import Pane, PaneContext
from gui.panes import KEYS, PANES
from gui.requests import Requests
from gui.run_controller import RunController
from gui.samples import BUILTIN, SMOLLM2, name_of
from gui.scenes import EXAMPLES, INSIDE, TUNING, in_language, read_scenes
from gui.settings import Settings
from gui.state import AppState
from gui.text import first_line
from gui.theme import GAP_L, GAP_M, has_japanese_font
from gui.themed import Themed
from gui.tuner import Tuner
from gui.widgets.entries import prepare_entries
from gui.widgets.message_bar import MessageBar
from gui.widgets.sampling_controls import read_sampling
from gui.widgets.token_strip import TokenStrip
from gui.widgets.veil import Veil
from gui.window.actions import Actions, Entry
from gui.window.appearance import Appearance
from gui.window.changing import Changing
from gui.window.engine_status import EngineStatus
from gui.window.finder import Finder
from gui.window.focus import FocusRing
from gui.window.invitation import Invitation
from gui.window.keys import KeyList
from gui.window.model_chooser import is_model
from gui.window.opening import Opening
from gui.window.rail import Rail
from gui.window.save_for_others import SaveDialog
from gui.window.scenes import FIRST, SceneMenu, ScenePlayer
from gui.window.status_line import StatusLine
from gui.window.text_warning import TextWarning
from gui.window.tokenizing import Tokenizing
from gui.window.top_row import TopRow
from gui.window.workspace import Workspace
from gui.window.zoom_keys import add_zoom_keys

SAVE_DELAY_MS = 1000
RESIZE_DELAY_MS = 150  # without a change of size, after which the content is scaled to the new one
ROOM_FOR_TILES = (1400, 850)  # pixels: a smaller window begins with one tile, unless another number was chosen in one
ROOM_FOR_STRIP = 480  # pixels at zoom 1: the least height of the window that shows the token strip above four tiles


class MainWindow(Themed, QMainWindow):
    painted = Signal()  # once, when the window is on screen

    def __init__(self, engine: EngineLink, settings: Settings, settings_path: Path) -> None:
        self.appearance = Appearance(settings)  # sets theme and language before any widget is made
        super().__init__()
        self.engine, self.settings, self.settings_path = engine, settings, settings_path
        self.state = AppState()
        self.state.set_sentences(settings.sentences)
        self.state.set_sampling(*read_sampling(settings.panes.get("generation", {}).get("sampling")))
        self._has_painted = False
        self._closing = False
        self.setAcceptDrops(True)
        self.setMinimumSize(800, 560)
        self.banner = MessageBar()
        self._requests = Requests(engine, self.banner.show_failure)
        self.opening = Opening(self, engine, self._requests, settings)
        self.runs, self.tuner = RunController(self.state, engine), Tuner(self.state, engine)
        self.changing = Changing(self.state, self._requests)
        self._build()
        self._saver = timer(self, SAVE_DELAY_MS, self.save_settings, single_shot=True)
        self._resized = timer(
            self, RESIZE_DELAY_MS, lambda: self.appearance.set_room(self.width(), self.height()), single_shot=True
        )
        self.engine_status = EngineStatus(self.status, self.state, engine, self._requests, self.opening)
        jobs = self.engine_status.jobs
        self.warning = TextWarning(self.state, self._requests, self.status, lambda: jobs.are_running)
        self._wire()
        Tokenizing(self.state, self._requests, Veil(self.strip))
        self.retranslate()

    # --- Building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self.rail, self.status = Rail(PANES), StatusLine()
        self.top, self.strip = TopRow(), TokenStrip()
        self.prompt = self.top.prompt
        self.examples = read_scenes(EXAMPLES)
        self.inside_examples, self.tuning_examples = read_scenes(INSIDE), read_scenes(TUNING)
        self.example_menu = SceneMenu(self.examples.values(), self)
        self.example_menu.add(
            SceneMenu(self.inside_examples.values(), self, "window.examples_inside"),
            SceneMenu(self.tuning_examples.values(), self, "window.examples_tuning"),
        )
        self.invitation = Invitation(self.example_menu)
        self.workspace = Workspace(PaneContext(self.state, self.engine, self.settings, self.runs, self.tuner))
        parts = (self.top, self.strip, self.banner, self.invitation, self.workspace)
        content = column(*parts, spacing=GAP_M, margins=(GAP_L,) * 4)
        content.setStretchFactor(self.workspace, 1)
        upper = row(self.rail, content)
        upper.setStretchFactor(content, 1)
        self.page = page = QWidget()
        page.setObjectName("page")
        stack(page, upper, self.status).setStretchFactor(upper, 1)
        self.setCentralWidget(page)
        self.player = ScenePlayer(self.state, self.opening, self.workspace)
        self.finder = Finder(self, self._requests, self.settings, self.opening)
        self.focus_ring = FocusRing(self)
        prepare_entries(self)
        self._make_actions()

    def _make_actions(self) -> None:
        entries = [
            Entry("open_text", ("Ctrl+O",), self.opening.choose_text),
            Entry("open_folder", ("Ctrl+Shift+O",), self.opening.choose_folder),
            Entry("models", ("Ctrl+M",), self.opening.choose_model),
            Entry("open_model", (), self.opening.choose_model_folder),
            Entry("open_gguf", (), self.opening.choose_gguf),
            Entry("hub", ("Ctrl+Shift+M",), self.opening.choose_hub_model),
            Entry("sample", (), self.opening.open_sample),
            Entry("world", (), self.opening.open_world),
            Entry("builtin", (), lambda: self.opening.open_model(str(BUILTIN))),
            Entry("smollm2", (), lambda: self.opening.open_model(SMOLLM2)),
            Entry("weights", (), lambda: self.opening.toggle_weights(self.state.model)),
            Entry("save_model", ("Ctrl+Shift+S",), self._save_model),
            Entry("examples", ("Ctrl+E",), self.top.examples.showMenu),
            Entry("prompt", ("Ctrl+L",), self._focus_prompt),
            Entry("find", ("Ctrl+K",), self.show_palette),
            *(Entry(f"show_{p}", (key, f"Ctrl+{key}"), partial(self.enter_pane, p)) for p, key in KEYS.items()),
            Entry("tiles_1", ("Ctrl+Alt+1",), lambda: self.workspace.choose_count(1)),
            Entry("tiles_2", ("Ctrl+Alt+2",), lambda: self.workspace.choose_count(2)),
            Entry("tiles_4", ("Ctrl+Alt+4",), lambda: self.workspace.choose_count(4)),
            Entry("enlarge", ("F10",), self.workspace.enlarge),
            Entry("undo_change", ("Ctrl+Z",), self.changing.undo),
            Entry("redo_change", ("Ctrl+Shift+Z",), self.changing.redo),
            Entry("take_back", (), self.changing.take_back),
            Entry("zoom_in", (), lambda: self.appearance.change_zoom(1), "Ctrl++"),
            Entry("zoom_out", (), lambda: self.appearance.change_zoom(-1), "Ctrl+-"),
            Entry("controls_in", (), lambda: self.appearance.change_zoom(1, controls=True), "Ctrl+Shift++"),
            Entry("controls_out", (), lambda: self.appearance.change_zoom(-1, controls=True), "Ctrl+Shift+-"),
            Entry("zoom_reset", ("Ctrl+0",), self.appearance.reset_zoom),
            Entry("sentences", ("H",), lambda: self.state.set_sentences(not self.state.sentences)),
            Entry("theme", ("Ctrl+T",), self.appearance.toggle_theme),
            Entry("language", ("Ctrl+J",), self.appearance.toggle_language),
            Entry("full_screen", ("F11",), self.toggle_full_screen),
            Entry("keys", ("F1",), self.show_keys),
            Entry("quit", ("Ctrl+Q",), self.close),
        ]
        self.actions_table = Actions(self, entries)
        self.actions_table.by_name["save_model"].setEnabled(False)  # until there is one
        add_zoom_keys(self, self.appearance.change_zoom)
        self.example_menu.chosen.connect(self.player.play)
        self.top.fill(self.actions_table, self.opening, self.example_menu, self.appearance.set_language)

    def _wire(self) -> None:
        state = self.state
        self.appearance.changed.connect(self._saver.start)
        self.prompt.settled.connect(state.set_text)
        self.strip.selected.connect(state.select_token)
        self.rail.chosen.connect(self.show_pane)
        self.workspace.current_changed.connect(self._current_pane_changed)
        self.workspace.pane_made.connect(self._adopt)
        self.engine_status.restarted.connect(self._engine_restarted)
        self.invitation.open_wanted.connect(self.opening.choose_text)
        self.invitation.model_wanted.connect(self.opening.choose_model)
        self.opening.text_opened.connect(self._text_opened)
        for signal in (self.opening.model_asked, self.opening.ended):
            signal.connect(lambda: state.set_opening(self.opening.is_opening_model()))
        self.opening.model_opened.connect(self._model_opened)
        self.opening.noticed.connect(self.banner.show_notice)
        self.player.playing.connect(self.invitation.withdraw)
        self.player.model_replaced.connect(self._offer_model)
        self.engine.died.connect(lambda: self.banner.show_key("error.engine_gone", "bad"))
        for run in (self.runs, self.tuner):
            run.model_wanted.connect(self.opening.open_model)
        self.engine.closed.connect(self.close)
        self.status.take_back_wanted.connect(self.changing.take_back)
        state.text_changed.connect(self._text_changed)
        state.model_changed.connect(self._model_changed)
        state.opening_changed.connect(self._adapt_layout)
        state.sentences_changed.connect(self._sentences_changed)
        state.tokens_changed.connect(self._show_tokens)
        state.selection_changed.connect(lambda: self.strip.set_current(state.token))

    def _adopt(self, pane: Pane) -> None:
        pane.open_wanted.connect(self.opening.choose_text)
        pane.sample_wanted.connect(self.opening.open_world)
        pane.encoding_chosen.connect(self._read_corpus_in)
        pane.pane_wanted.connect(self.show_pane)
        pane.view_wanted.connect(self._show_view)
        pane.pane_opened.connect(partial(self.workspace.grow_pane, pane))
        pane.model_wanted.connect(self.opening.open_model)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._has_painted:
            self._has_painted = True
            self.focus_ring.watch(self.windowHandle())
            QTimer.singleShot(0, self.painted.emit)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._resized.start()
        self._adapt_layout()

    # --- Starting --------------------------------------------------------------------------------

    def begin(self, paths: list[str]) -> None:
        """Start the engine and open `paths`, or what was open last time. Call it when the window is on screen."""
        self.engine_status.start()
        settings = self.settings
        first = BUILTIN.is_dir() and not settings.welcomed
        settings.welcomed = True
        if settings.window:
            self.restoreGeometry(QByteArray.fromBase64(settings.window.encode()))
        self.appearance.set_room(self.width(), self.height())
        text = in_language(self.examples[FIRST].text, language()) if first else settings.text
        self.prompt.set_text(text)
        self.state.set_text(text)
        self.workspace.set_layout(1 if first else self._tiles(), ["map"] if first else settings.layout)
        if not has_japanese_font():
            self.banner.show_key("notice.no_japanese_font")
        self.invitation.wanted = not paths and (first or not (settings.corpus or settings.model))
        self._adapt_layout()
        if first and not paths:
            single = Qt.ConnectionType.SingleShotConnection
            self.opening.model_opened.connect(lambda _: self.opening.open_world(quiet=True), single)
        self._open(paths, first)

    def _open(self, paths: list[str], first: bool) -> None:
        """Open these texts and models, or what was open last time; the built-in model where a model is missing."""
        settings = self.settings
        models = [path for path in paths if path == SMOLLM2 or is_model(Path(path))]
        kept = settings.model if settings.model and Path(settings.model).exists() and not paths else ""
        if paths:
            self.opening.open_paths(paths)
        elif settings.corpus:
            self.opening.inspect(tuple(settings.corpus), quiet=True, encoding=settings.corpus_encoding)
        if kept:
            self.opening.open_model(kept)
        elif not models and (first or paths or settings.model) and BUILTIN.is_dir():
            self.opening.open_model(str(BUILTIN))

    @property
    def _is_small(self) -> bool:
        return self.width() < ROOM_FOR_TILES[0] or self.height() < ROOM_FOR_TILES[1]

    def _tiles(self) -> int:
        """Return with how many tiles the window begins."""
        chosen = self.settings.tiles_small if self._is_small else self.settings.tiles
        return chosen if chosen in (1, 2, 4) else 1

    def _adapt_layout(self) -> None:
        """Hide the token strip and all but one line of the prompt where four tiles in large type need the space."""
        low = self.workspace.count == 4 and self.height() < self.theme.px(ROOM_FOR_STRIP)
        self.prompt.set_single_line(low)
        expected = self.state.model is not None or self.state.opening  # before they come, so that nothing moves then
        repeated = self.workspace.layout_now() == ["tokens"]  # that pane shows the tokens, and larger
        self.strip.setVisible(expected and not low and not repeated)
        self.invitation.setVisible(self.invitation.wanted and not low)

    # --- What has been opened --------------------------------------------------------------------

    def _text_opened(self, info: TextInfo, asked: bool) -> None:
        """Set the corpus. A new one replaces the prompt, unless the user typed it in this session."""
        another = asked and self.settings.corpus != list(info.paths) and not self.prompt.typed
        self.settings.corpus, self.settings.corpus_encoding = list(info.paths), info.chosen
        self.state.set_corpus(info)
        if another or not self.prompt.toPlainText().strip():
            self.prompt.set_text(first_line(info.excerpt))
        if asked:
            self.invitation.withdraw()
            self.banner.clear_failures()
            if not self.state.training:
                self.show_pane("training")
        self._saver.start()

    def _read_corpus_in(self, encoding: str) -> None:
        if self.state.corpus is not None:
            self.opening.inspect(self.state.corpus.paths, encoding=encoding)

    def _offer_model(self, model: ModelInfo) -> None:
        """Offer to open the model again that was open before an example."""
        now = self.state.model
        if now is not None:
            names = {"model": name_of(now), "name": name_of(model)}
            open_again = partial(self.opening.open_model, model.folder)
            self.banner.show_offer("notice.example_model", "notice.back_to", open_again, **names)

    def _model_opened(self, info: ModelInfo) -> None:
        for prefix in ("notice.tensors_unused", "notice.weights_broken", "notice.example_model"):
            self.banner.withdraw(prefix)
        if info.unused:
            self.banner.show_notice(Notice("notice.tensors_unused", info.unused_words()))
        self.state.set_model(info)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self.opening.accept_drag(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self.opening.take_drop(event)

    # --- The shared text, model and engine -------------------------------------------------------

    def _text_changed(self) -> None:
        self.settings.text = self.state.text
        self.prompt.set_text(self.state.text)
        self._saver.start()

    def _save_model(self) -> None:
        if self.state.model is not None:
            title = t("action.save_model").rstrip("…")
            prepare(SaveDialog(self.engine, self.settings, self.state.model, self), title).open()

    def _model_changed(self) -> None:
        model = self.state.model
        self.actions_table.by_name["save_model"].setEnabled(model is not None)
        self.settings.model = model.folder if model else ""
        if model is not None and Path(model.folder) != BUILTIN:  # one that the user has chosen
            self.invitation.withdraw()
        self._saver.start()

    def _sentences_changed(self) -> None:
        self.settings.sentences = self.state.sentences
        self._saver.start()

    def _show_tokens(self) -> None:
        self.strip.set_tokens(self.state.tokens)
        self.strip.set_current(self.state.token)  # None if there are too few new tokens
        self._adapt_layout()

    def _engine_restarted(self) -> None:
        """Open the model again in the new engine, and let the panes ask again."""
        self.banner.clear_failures()
        model = self.state.model
        if model is not None and is_model(Path(model.folder)):
            self.state.set_model(None)
            self.opening.open_model(model.folder)
        for pane in self.workspace.panes.values():
            pane.engine_returned()

    # --- Layout ----------------------------------------------------------------------------------

    def show_pane(self, pane_id: str) -> None:
        self.workspace.show_pane(pane_id)

    def _show_view(self, pane_id: str, wanted: dict[str, Any]) -> None:
        self.show_pane(pane_id)
        self.workspace.pane(pane_id).act(wanted)

    def enter_pane(self, pane_id: str) -> None:
        """Show a pane, and put the keyboard into it."""
        self.show_pane(pane_id)
        self.workspace.pane(pane_id).take_focus()

    def _current_pane_changed(self, pane_id: str) -> None:
        self.rail.set_current(pane_id)
        self._adapt_layout()
        self._saver.start()

    def _focus_prompt(self) -> None:
        self.prompt.setFocus()
        self.prompt.selectAll()

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def restyle(self) -> None:
        self._adapt_layout()

    def retranslate(self) -> None:
        self.setWindowTitle(t("window.title"))
        self.strip.setAccessibleName(t("window.strip"))

    def show_keys(self) -> None:
        """Show the list of keys, or close it."""
        shown = self.findChildren(KeyList)
        if shown:
            shown[0].close()
        else:
            KeyList(self.actions_table, self).show()

    def show_palette(self) -> None:
        """Show the palette."""
        scenes = [*self.examples.values(), *self.inside_examples.values(), *self.tuning_examples.values()]
        self.finder.open(self.actions_table, scenes, self.enter_pane, self.player.play)

    # --- Ending ----------------------------------------------------------------------------------

    def save_settings(self) -> None:
        settings = self.settings
        settings.layout = self.workspace.layout_now()
        if self.workspace.count and self._is_small:
            settings.tiles_small = self.workspace.count
        elif self.workspace.count:
            settings.tiles = self.workspace.count
        settings.window = bytes(self.saveGeometry().toBase64().data()).decode()
        settings.panes |= {pane_id: pane.save() for pane_id, pane in self.workspace.panes.items()}
        try:
            settings.save(self.settings_path)
        except OSError as error:
            self.banner.show_key("error.not_written", "bad", file=str(self.settings_path), reason=error.strerror or "")

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close once the engine has saved the run and ended; until then the window stays and shows "saving"."""
        if not self._closing:
            self._begin_closing()
        event.setAccepted(not self.engine.alive)

    def _begin_closing(self) -> None:
        self._closing = True
        search = self.workspace.panes.get("search")
        saves = self.state.training or (search is not None and search.asking())
        self._saver.stop()
        self.warning.stop()
        self.workspace.close_windows()
        self.save_settings()
        self._requests.close()
        self.runs.close()
        self.tuner.close()
        for pane in self.workspace.panes.values():
            pane.close_jobs()
        self.page.setEnabled(False)
        self.engine_status.show_saving()
        self.engine.begin_closing(saves)
