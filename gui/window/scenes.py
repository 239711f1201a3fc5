"""Showing a scene: its model, text, selection and panes, one step after another; and the menu to choose one from."""

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QWidget

from engine.messages.models import ModelInfo
from gui import i18n
from gui.i18n import t
from gui.samples import BUILTIN
from gui.scenes import Scene, in_language
from gui.state import AppState, Look
from gui.text import in_menu, tip
from gui.themed import Themed
from gui.window.opening import Opening
from gui.window.workspace import Workspace

FIRST = "breakfast"  # the example whose text is open at the very first start


class SceneMenu(Themed, QMenu):
    """A menu of scenes by title; the tooltip of each says what to look at."""

    chosen = Signal(object)  # Scene

    def __init__(self, scenes: Iterable[Scene], parent: QWidget, title: str = "") -> None:
        """`title` is the key of the menu's title, if it is part of another menu."""
        super().__init__(parent)
        self.setToolTipsVisible(True)
        self._actions = [(scene, self.addAction("")) for scene in scenes]
        for scene, action in self._actions:
            action.triggered.connect(lambda _=False, scene=scene: self.chosen.emit(scene))
        self._title = title
        self.retranslate()

    def add(self, *others: "SceneMenu") -> None:
        """Add other menus below the scenes of this one."""
        self.addSeparator()
        for other in others:
            self.addMenu(other)
            other.chosen.connect(self.chosen)

    def retranslate(self) -> None:
        if self._title:
            self.setTitle(t(self._title))
        for scene, action in self._actions:
            action.setText(in_menu(str(in_language(scene.title, i18n.language()))))
            action.setToolTip(tip(str(in_language(scene.look, i18n.language()))))


class ScenePlayer(QObject):
    """Shows one scene at a time. A new one replaces one that still waits for its model or tokens."""

    playing = Signal(object)  # Scene that has begun
    played = Signal()  # the scene is on screen
    model_replaced = Signal(object)  # ModelInfo of the model that was open before the scene's own

    def __init__(self, state: AppState, opening: Opening, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._state, self._opening, self._workspace = state, opening, workspace
        self._scene: Scene | None = None  # in preparation; None once it is on screen
        self._wishing = False  # whether it waits for its changes in the model
        self._closed: ModelInfo | None = None  # that the scene's model has replaced
        self._run: str | None = None  # the folder of the run that the scene has begun; "" before the run has one
        state.text_changed.connect(self._withdraw_look)
        state.model_changed.connect(self._model_replaced)  # before the scene that waited for this model is shown
        for signal in (state.model_changed, state.opening_changed):
            signal.connect(self._model_may_be_open)
        state.tokens_changed.connect(self._select)
        state.interventions_changed.connect(self._changes_made)
        workspace.current_changed.connect(self._pane_changed)

    def play(self, scene: Scene) -> None:
        """Show a scene, in its own panes and with its own changes in the model."""
        self._scene, self._closed, self._wishing, self._run = scene, None, False, None
        self.playing.emit(scene)
        self._workspace.show_panes(scene.panes)
        if self._model_is_open():
            self._set_text()
            return
        if self._state.model is not None and not self._is_model(self._state.model):
            self._closed = self._state.model
        self._opening.open_model(self._folder())
        self._state.set_look(Look(scene.panes[0], lambda: t("notice.example_opening")))

    def _folder(self) -> str:
        assert self._scene is not None
        return str(BUILTIN) if self._scene.model == "builtin" else self._scene.model

    def _is_model(self, model: ModelInfo) -> bool:
        folder = self._folder()
        return model.folder in (folder, self._opening.folders.get(folder))

    def _model_is_open(self) -> bool:
        """Return whether the scene's model is open, and no other is about to take its place."""
        model = self._state.model
        return model is not None and self._is_model(model) and not self._opening.is_opening_model()

    def _model_may_be_open(self) -> None:
        """Go on with a scene that waited for its model, or withdraw it if the model could not be opened."""
        if self._scene is None:
            return
        if self._model_is_open():
            self._set_text()
        elif not self._opening.is_opening_model():
            self._scene = None
            self._withdraw_look()

    def _set_text(self) -> None:
        assert self._scene is not None
        text, state = in_language(self._scene.text, i18n.language()), self._state
        if not text:
            self._finish(self._scene)
        elif state.tokens is not None and state.tokens.text == text == state.text:
            self._select()
        else:
            state.set_text(text)

    def _select(self) -> None:
        scene, tokens = self._scene, self._state.tokens
        if scene is None or tokens is None or not self._model_is_open():
            return
        if tokens.text == in_language(scene.text, i18n.language()):
            self._state.select_token(self._state.token_of(in_language(scene.select, i18n.language())))
            self._finish(scene)

    def _changes_made(self) -> None:
        """Go on with a scene that waited for its changes in the model."""
        if self._wishing and self._scene is not None and self._state.interventions == self._scene.changes:
            self._set_text()

    def _finish(self, scene: Scene) -> None:
        if self._state.interventions != scene.changes:
            self._wishing = True
            self._state.wish_interventions(scene.changes)
            return  # until they are made
        self._scene, self._wishing = None, False
        for pane_id, saved in scene.saved.items():
            self._workspace.pane(pane_id).restore(in_language(saved, i18n.language()))
        self._workspace.pane(scene.panes[0]).act(in_language(scene.act, i18n.language()))
        self._state.set_look(Look(scene.panes[0], lambda: str(in_language(scene.look, i18n.language()))))
        self._run = "" if scene.runs else None
        self.played.emit()
        if self._closed is not None:
            self.model_replaced.emit(self._closed)
            self._closed = None

    def _model_replaced(self) -> None:
        """Withdraw the scene's sentence, unless the model is that of the run which the scene has begun."""
        model = self._state.model
        if self._run == "" and model is not None and model.training:
            self._run = model.folder
        if model is None or model.folder != self._run:
            self._withdraw_look()

    def _withdraw_look(self) -> None:
        """Withdraw the scene's sentence, because its text, model or pane has been left."""
        self._state.set_look(None)

    def _pane_changed(self) -> None:
        look = self._state.look
        if look is not None and look.pane not in self._workspace.layout_now():
            self._withdraw_look()
