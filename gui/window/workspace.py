"""One, two or four tiles, each with any pane; a tile can be enlarged or moved to a second screen."""

from collections.abc import Callable
from typing import TypeVar, overload

from PySide6.QtCore import QPoint, QRect, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QGridLayout, QVBoxLayout, QWidget

from gui.i18n import t
from gui.pane import Pane, PaneContext
from gui.panes import PANE_IDS, PANES
from gui.theme import GAP_L, GAP_M
from gui.themed import Themed
from gui.widgets.growth import Growth
from gui.window.tile import Tile

PLACES = {1: [(0, 0)], 2: [(0, 0), (0, 1)], 4: [(0, 0), (0, 1), (1, 0), (1, 1)]}
FAVOURITES = ("training", "generation", "attention", "embeddings")  # the panes of the first grid

P = TypeVar("P", bound=Pane)


class Workspace(Themed, QWidget):
    current_changed = Signal(str)  # id of the pane in the current tile
    pane_made = Signal(object)

    def __init__(self, context: PaneContext) -> None:
        super().__init__()
        self._context = context
        self.panes: dict[str, Pane] = {}
        self.tiles: list[Tile] = []
        self.count = 0
        self.current = 0
        self._before_enlarging: tuple[int, list[str]] | None = None
        self._detached: dict[str, _Detached] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(GAP_L)
        QApplication.instance().focusChanged.connect(self._focus_moved)  # type: ignore[union-attr]

    @overload
    def pane(self, wanted: type[P]) -> P: ...
    @overload
    def pane(self, wanted: str) -> Pane: ...
    def pane(self, wanted: type[P] | str) -> P | Pane:
        """Return the pane of this class or id; the first call imports its package and makes it."""
        pane_id = wanted if isinstance(wanted, str) else wanted.id
        if pane_id not in self.panes:
            pane = PANES[PANE_IDS.index(pane_id)].load()(self._context)
            saved = self._context.settings.panes.get(pane_id)
            if saved is not None:
                pane.restore(saved)
            pane.hidden_parent = self
            self.panes[pane_id] = pane
            self.pane_made.emit(pane)
        return self.panes[pane_id]

    # --- Tiles -----------------------------------------------------------------------------------

    def set_layout(self, count: int, wanted: list[str]) -> None:
        """Show these panes in `count` tiles; remaining tiles get FAVOURITES, then the other panes."""
        known = PANE_IDS
        order = [*wanted, *FAVOURITES, *known]
        order = [p for i, p in enumerate(order) if p in known and p not in order[:i] and p not in self._detached]
        for tile in self.tiles:
            tile.take_pane()
        while len(self.tiles) < count:
            self.tiles.append(self._make_tile())
        while len(self.tiles) > count:
            self._drop_tile(self.tiles.pop())
        self.count = count
        for tile, place, pane_id in zip(self.tiles, PLACES[count], order, strict=False):
            self._grid.addWidget(tile, *place)
            tile.set_pane(self.pane(pane_id))
            tile.show()
        for line in (0, 1):
            self._grid.setRowStretch(line, 1 if line == 0 or count == 4 else 0)
            self._grid.setColumnStretch(line, 1 if line == 0 or count > 1 else 0)
        self._select(min(self.current, count - 1))

    def layout_now(self) -> list[str]:
        return [tile.pane.id for tile in self.tiles if tile.pane is not None]

    def show_pane(self, pane_id: str) -> None:
        """Select the pane's tile, or put the pane into the current one."""
        if pane_id in self._detached:
            self._detached[pane_id].activateWindow()
            return
        shown = self.layout_now()
        if pane_id in shown:
            self._select(shown.index(pane_id))
        else:
            self.put(self.current, pane_id)

    def grow_pane(self, source: Pane, pane_id: str, part: QRect) -> None:
        """Show a pane that grows from a part of another one; the part is in coordinates of that pane."""
        inside = self.isAncestorOf(source)  # and not in a window of its own
        before, start = self.grab(), QRect(source.mapTo(self, part.topLeft()) if inside else QPoint(), part.size())
        self.show_pane(pane_id)
        shown = self.panes.get(pane_id)
        if inside and shown is not None and self.isAncestorOf(shown) and shown.isVisible():
            Growth(self, before, start, QRect(shown.mapTo(self, QPoint()), shown.size()))

    def show_panes(self, panes: list[str]) -> None:
        """Show 1, 2 or 4 panes. A single one is enlarged; `enlarge` restores the grid."""
        if len(panes) > 1:
            self._before_enlarging = None
            self.set_layout(len(panes), panes)
            return
        self.show_pane(panes[0])
        if self.count > 1 and panes[0] not in self._detached:
            self.enlarge()

    def put(self, index: int, pane_id: str) -> None:
        """Put a pane into a tile; if another tile shows it, the two panes change places."""
        if pane_id in self._detached:
            return
        shown = self.layout_now()
        here, there = self.tiles[index], None
        if pane_id in shown and shown.index(pane_id) != index:
            there = self.tiles[shown.index(pane_id)]
            there.take_pane()
        before = here.take_pane()
        here.set_pane(self.pane(pane_id))
        if there is not None and before is not None:
            there.set_pane(before)
        self._select(index)

    def enlarge(self, index: int | None = None) -> None:
        """Let one tile fill the workspace, or restore the grid if one does."""
        if self._before_enlarging is not None:
            count, panes = self._before_enlarging
            self._before_enlarging = None
            self.set_layout(count, panes)
        elif self.count > 1:
            panes = self.layout_now()
            chosen = panes[self.current if index is None else index]
            self._before_enlarging = (self.count, panes)
            self.set_layout(1, [chosen])

    def choose_count(self, count: int) -> None:
        """Change the number of tiles; as many of the panes as fit stay, the current one first."""
        shown = self.layout_now()
        if self._before_enlarging is not None:
            shown = [*shown, *(p for p in self._before_enlarging[1] if p not in shown)]
            self._before_enlarging = None
        elif count < len(shown):
            shown.insert(0, shown.pop(self.current))
        self.set_layout(count, shown)

    def detach(self, index: int) -> None:
        """Move a tile's pane to a window of its own, on the second screen if there is one."""
        pane = self.tiles[index].pane
        if pane is None:
            return
        remaining = [p for p in self.layout_now() if p != pane.id]
        self._detached[pane.id] = _Detached(self._make_tile(), self._attach)
        self.set_layout(self.count, remaining)
        self._detached[pane.id].take(pane)

    def _attach(self, pane: Pane) -> None:
        window = self._detached.pop(pane.id)
        window.deleteLater()
        self.put(self.current, pane.id)

    def close_windows(self) -> None:
        for window in list(self._detached.values()):
            window.close()

    # --- Private ---------------------------------------------------------------------------------

    def _make_tile(self) -> Tile:
        tile = Tile(lambda: [(p, t(f"pane.{p}.title")) for p in PANE_IDS])
        tile.touched.connect(lambda: self._with(tile, self._select))
        tile.enlarge_wanted.connect(lambda: self._with(tile, self.enlarge))
        tile.detach_wanted.connect(lambda: self._with(tile, self.detach))
        tile.pane_chosen.connect(lambda pane_id: self._with(tile, lambda index: self.put(index, pane_id)))
        return tile

    def _with(self, tile: Tile, act: Callable[[int], None]) -> None:
        if tile in self.tiles:
            act(self.tiles.index(tile))

    def _drop_tile(self, tile: Tile) -> None:
        self._grid.removeWidget(tile)
        tile.hide()
        tile.deleteLater()

    def _select(self, index: int) -> None:
        self.current = index
        for i, tile in enumerate(self.tiles):
            tile.set_current(i == index and self.count > 1)
        pane = self.tiles[index].pane
        if pane is not None:
            self.current_changed.emit(pane.id)

    def _focus_moved(self, _: QWidget | None, now: QWidget | None) -> None:
        for index, tile in enumerate(self.tiles):
            if now is not None and index != self.current and tile.isAncestorOf(now):
                self._select(index)


class _Detached(QWidget):
    """A window with one tile; closing it returns the pane to the workspace."""

    def __init__(self, tile: Tile, give_back: Callable[[Pane], None]) -> None:
        super().__init__()
        self.setObjectName("page")
        self.tile = tile
        self._give_back = give_back
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP_M, GAP_M, GAP_M, GAP_M)
        layout.addWidget(tile)
        tile.enlarge_wanted.connect(self.close)

    def take(self, pane: Pane) -> None:
        self.tile.set_pane(pane)
        self.setWindowTitle(f"Nakami – {t(f'pane.{pane.id}.title')}")
        screens = QGuiApplication.screens()
        if len(screens) > 1:
            self.setGeometry(screens[1].availableGeometry())
            self.showMaximized()
        else:
            self.resize(900, 640)
            self.show()

    def closeEvent(self, event: QCloseEvent) -> None:
        pane = self.tile.take_pane()
        if pane is not None:
            self._give_back(pane)
        super().closeEvent(event)
