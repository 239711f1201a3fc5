"""The stage of the writing page: the text and its branches, the candidates, and the draw below both."""

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtWidgets import QPushButton, QStackedLayout, QWidget

from gui.i18n import number, t
from gui.layout import column, label, row
from gui.panes.generation.flying_token import FlyingToken
from gui.panes.generation.moment import Moment
from gui.panes.generation.stage_text import StageText
from gui.panes.generation.tree_view import TreeView
from gui.text import visible
from gui.theme import GAP_L, GAP_M, GAP_S, LARGE
from gui.themed import Themed
from gui.widgets.branches import Branches
from gui.widgets.candidate_bars import CandidateBars
from gui.widgets.coloured_text import Span
from gui.widgets.draw_strip import DrawStrip
from gui.widgets.legend import Entry, Legend
from gui.widgets.painted import Policy

COLUMNS = (0.0, 1.0, 2.0)  # temperatures of the side-by-side view
VIEWS = ("text", "side", "tree")
# Pixels at zoom 1: least width for the candidates; least height for the draw, its words, the small tree and the legend.
LEAST_WIDTH, LOW, HIGH, TREE_ROOM, KEY_ROOM = 420, 170, 300, 380, 330
TREE_SHARE = 0.36  # of the height, at most
BRANCHES_AHEAD = 4


class Stage(Themed, QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text, self.small_tree, self.tree = StageText(), TreeView(), TreeView()
        self.bars, self.text_key = CandidateBars(), Legend()
        self.strip = DrawStrip(self.bars)
        self.bars_title, self.live_words, self.ahead_words = label("content"), label("content"), label("content")
        for words in (self.bars_title, self.live_words, self.ahead_words):
            words.setMinimumWidth(1)
        self.views, self._several = QStackedLayout(), False
        self.looks_ahead = False  # whether the small tree is, or soon will be, what the model would write next
        self.pages = (self._build_single(), self._build_columns(), self.tree)
        for page in self.pages:
            page.setMinimumHeight(1)  # in a low tile the text scrolls
            self.views.addWidget(page)
        self.views.currentChanged.connect(self._give_room)
        self._give_room()
        self.right = QWidget()
        self.right.setLayout(column(self.bars_title, self.bars, spacing=GAP_S))
        upper = row(self.views, self.right, spacing=GAP_L)
        upper.setStretch(0, 3)
        upper.setStretch(1, 2)
        whole = column(self.live_words, upper, self.strip, spacing=GAP_M)
        whole.setStretchFactor(upper, 1)
        self.setLayout(whole)
        self.flying = FlyingToken(self)
        self.live_words.hide()
        self.retranslate()

    def _build_single(self) -> QWidget:
        page = QWidget()
        self.text.setMinimumHeight(1)
        inside = column(self.text, self.text_key, self.ahead_words, self.small_tree, spacing=GAP_M)
        inside.setStretchFactor(self.text, 1)
        page.setLayout(inside)
        self.small_tree.hide()
        self.ahead_words.hide()
        return page

    def _build_columns(self) -> QWidget:
        """Build the texts of several temperatures, each with a button to show its candidates and one to take it."""
        page = QWidget()
        self.columns = [StageText((LARGE, 17, 15)) for _ in COLUMNS]
        self.column_titles, self.take_buttons = ([QPushButton() for _ in COLUMNS] for _ in range(2))
        for title in self.column_titles:
            title.setCheckable(True)
        parts = [
            column(row(title, take, 1, spacing=GAP_S), text, spacing=GAP_S)
            for title, take, text in zip(self.column_titles, self.take_buttons, self.columns, strict=True)
        ]
        page.setLayout(row(*parts, spacing=GAP_M))
        return page

    def _give_room(self) -> None:
        """Let only the page that is shown need a width."""
        for page in self.pages:
            needed = Policy.Preferred if page is self.views.currentWidget() else Policy.Ignored
            page.setSizePolicy(needed, Policy.Preferred)

    # --- Showing it ------------------------------------------------------------------------------

    @property
    def view(self) -> str:
        return VIEWS[self.views.currentIndex()]

    def show_moment(self, moment: Moment, spans: list[Span], before: Moment | None) -> None:
        """Show a text and its candidates; `spans` are the prompt, what is written, and what is ahead.

        If the moment shown before was one token shorter, the token moves from its candidate to the text.
        """
        end = len(moment.written)
        start = self._start_of_flight(moment, before)
        self.text.set_spans(spans, end or None)
        self._show_candidates(moment, spin=not moment.is_past and moment.steps == (0, 0))
        place = self.text.place_of(end)
        if start is not None and place is not None and moment.last is not None:
            corner = QPointF(self.text.mapTo(self, place.topLeft().toPoint()))
            size = self.text.size_of_type
            self.flying.fly(visible(moment.last.piece), start, QRectF(corner, place.size()), size)
        first, last = moment.steps
        steps = number(first) if first == last else f"{number(first)}–{number(last)}"
        self.live_words.setText(t("pane.generation.live_at", step=steps) if last else "")
        self.live_words.setVisible(bool(last))

    def _start_of_flight(self, moment: Moment, before: Moment | None) -> QRectF | None:
        """Return where the last token was among the candidates, if it is the only new one."""
        is_next = before is not None and not before.is_past and before.ids == moment.ids[:-1]
        if not is_next or moment.last is None or moment.is_past or not self.bars.isVisible() or moment.steps[1]:
            return None
        if before is None or before.prompt != moment.prompt:
            return None
        place = self.bars.place_of(moment.last.id)
        return QRectF(QPointF(self.bars.mapTo(self, place.topLeft().toPoint())), place.size()) if place else None

    def _show_candidates(self, moment: Moment, spin: bool) -> None:
        pinned = moment.pinned.probabilities if moment.pinned is not None else None
        self.bars.set_candidates(moment.candidates, pinned)
        self.strip.show_draw(spin)
        self.bars_title.setText(t("pane.generation.last" if moment.is_past else "pane.generation.next"))

    def show_columns(self, texts: list[list[Span]], chosen: int, moment: Moment) -> None:
        """Show several texts side by side, and the candidates of the chosen one."""
        for index, (text, title) in enumerate(zip(self.columns, self.column_titles, strict=True)):
            text.set_spans(texts[index], len(moment.written) if index == chosen and moment.written else None)
            title.setChecked(index == chosen)
        self._show_candidates(moment, spin=False)
        self.bars_title.setText(t("pane.generation.column_candidates", temperature=number(COLUMNS[chosen], 1)))

    def show_branches(self, tree: Branches, ahead: Branches | None, looks_ahead: bool) -> None:
        """Show the branches below the text if there are several, or else what the model would write next.

        `looks_ahead`: whether the tree ahead may be shown; its room is kept free until it is there.
        """
        self._several = len(tree.leaves()) > 1
        self.looks_ahead = looks_ahead and not self._several
        if self.looks_ahead:
            self.small_tree.set_tree(ahead or Branches(tree.prompt), ahead=True)
        else:
            self.small_tree.set_tree(tree)
        self.adapt_layout()

    def show_key(self, value: str) -> None:
        under = Entry(t(f"pane.generation.key.{value}"), scale=True)
        self.text_key.set_entries([under, Entry(t("pane.generation.key.prompt"))])

    def resizeEvent(self, event: object) -> None:
        self.adapt_layout()

    def adapt_layout(self) -> None:
        """Show the parts for which there is room."""
        px, room = self.content.px, QSize(self.width(), self.height())
        self.right.setVisible(room.width() >= px(LEAST_WIDTH))
        self.strip.setVisible(room.height() >= px(LOW))
        self.strip.set_low(room.height() < px(HIGH))
        self.bars_title.setVisible(room.height() >= px(HIGH))
        self.text_key.setVisible(room.height() >= px(KEY_ROOM))
        self._place_tree(room.height())

    def _place_tree(self, room: int) -> None:
        """Show the small tree, if there is room for it; a tree ahead needs as much as leaves the text large."""
        page, fits = self.small_tree.page, room >= self.content.px(TREE_ROOM)
        height = min(round(TREE_SHARE * room), page.minimumHeight() + 2)
        if self.looks_ahead:
            height = round(page.row_height * BRANCHES_AHEAD) + 2
            lines = self.content.px(KEY_ROOM - HIGH) + self.strip.sizeHint().height() + 3 * GAP_M
            fits = self.text.is_large_in(room - height - lines)
        self.small_tree.setFixedHeight(height)
        self.small_tree.setVisible(fits and (self._several or self.looks_ahead))
        self.ahead_words.setVisible(fits and self.looks_ahead)

    def retranslate(self) -> None:
        for title, take, temperature in zip(self.column_titles, self.take_buttons, COLUMNS, strict=True):
            title.setText(t("pane.generation.column", temperature=number(temperature, 1)))
            take.setText(t("pane.generation.take"))
        self.ahead_words.setText(t("pane.generation.ahead"))
        for view in (self.small_tree, self.tree):
            view.page.setAccessibleName(t("pane.generation.tree.name"))
        self.bars.setAccessibleName(t("pane.generation.next"))
        self.strip.setAccessibleName(t("pane.generation.draw"))
