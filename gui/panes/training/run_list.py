"""A popup with the earlier runs: tick them to compare their curves, or open one."""

from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.messages.training import RunSummary
from gui.curve import Curve
from gui.i18n import duration, number, t
from gui.layout import label, row
from gui.text import shown_name, tip
from gui.theme import GAP_M
from gui.themed import Themed

COLUMNS = ("run", "loss", "parameters", "time", "steps")
FOLDER = Qt.ItemDataRole.UserRole


class RunList(Themed, QFrame):
    """The list of runs. As a popup it closes when the user clicks elsewhere or presses Escape."""

    toggled = Signal(str, bool)  # folder, and whether its curve is compared
    model_wanted = Signal(str)
    removed = Signal(str)  # removed from the list; its folder is kept

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("card")
        self.runs: dict[str, RunSummary] = {}
        self.empty = label("muted")
        self.tree = QTreeWidget()
        self.tree.setColumnCount(len(COLUMNS))
        self.tree.setRootIsDecorated(False)
        self.tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.itemChanged.connect(self._changed)
        self.tree.currentItemChanged.connect(lambda: self._enable())
        self.open_button, self.remove_button = QPushButton(), QPushButton()
        self.open_button.clicked.connect(self._open)
        self.remove_button.clicked.connect(self._remove)
        buttons = row(self.open_button, self.remove_button, 1, spacing=GAP_M)
        layout = QVBoxLayout(self)
        layout.setSpacing(GAP_M)
        layout.addWidget(self.empty)
        layout.addWidget(self.tree, 1)
        layout.addLayout(buttons)
        self.restyle()
        self.retranslate()

    def clear(self) -> None:
        self.runs.clear()
        self.tree.clear()
        self._enable()

    def add(self, run: RunSummary, curve: Curve | None) -> None:
        """Add a run. `curve` is its curve if it is drawn; the run in front has no checkbox."""
        self.runs[run.folder] = run
        item = QTreeWidgetItem()
        item.setText(0, shown_name(Path(run.folder).name))
        item.setToolTip(0, tip(run.folder))
        item.setData(0, FOLDER, run.folder)
        loss = "–" if run.validation_loss != run.validation_loss else number(run.validation_loss, 3)
        figures = (loss, number(run.parameters), duration(run.seconds), number(run.steps))
        for column, figure in enumerate(figures, start=1):
            item.setText(column, figure)
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._mark(item, curve)
        self.tree.addTopLevelItem(item)
        self._enable()

    def mark(self, folder: str, curve: Curve | None) -> None:
        """Show the curve with which a run is drawn; None if it is not drawn."""
        item = self._item(folder)
        if item is not None:
            self._mark(item, curve)
            self._enable()

    def _mark(self, item: QTreeWidgetItem, curve: Curve | None) -> None:
        blocked = self.tree.blockSignals(True)
        if curve is not None and curve.look == 0:
            item.setData(0, Qt.ItemDataRole.CheckStateRole, None)
        else:
            item.setCheckState(0, Qt.CheckState.Unchecked if curve is None else Qt.CheckState.Checked)
        item.setIcon(0, self._swatch(curve))
        self.tree.blockSignals(blocked)

    def _swatch(self, curve: Curve | None) -> QIcon:
        """Return a sample of the curve's line as an icon."""
        size = QSize(self.theme.px(24), self.theme.px(12))
        pixmap = QPixmap(size * 2)
        pixmap.setDevicePixelRatio(2)
        pixmap.fill(Qt.GlobalColor.transparent)
        if curve is not None:
            painter = QPainter(pixmap)
            painter.setPen(QPen(curve.colors(self.theme)[0], 2, curve.line))
            painter.drawLine(QPoint(0, size.height() // 2), QPoint(size.width(), size.height() // 2))
            painter.end()
        return QIcon(pixmap)

    def open_below(self, button: QWidget, within: QWidget) -> None:
        """Open below a button, or above it at the end of the screen, within the width of `within`."""
        metrics, area = self.fontMetrics(), QRect(within.mapToGlobal(QPoint(0, 0)), within.size())
        screen = button.screen().availableGeometry()
        self.resize(min(metrics.averageCharWidth() * 80, area.width()), metrics.height() * 16)
        corner = button.mapToGlobal(QPoint(button.width() - self.width(), button.height()))
        if corner.y() + self.height() > screen.bottom():
            corner.setY(button.mapToGlobal(QPoint(0, -self.height())).y())
        self.move(max(area.left(), screen.left(), corner.x()), max(screen.top(), corner.y()))
        self.show()
        self.tree.setFocus()

    def _item(self, folder: str) -> QTreeWidgetItem | None:
        items = (self.tree.topLevelItem(row) for row in range(self.tree.topLevelItemCount()))
        return next((item for item in items if item and item.data(0, FOLDER) == folder), None)

    def _chosen(self) -> str:
        item = self.tree.currentItem()
        return str(item.data(0, FOLDER)) if item is not None else ""

    def _enable(self) -> None:
        there = bool(self.runs)
        self.empty.setVisible(not there)
        self.tree.setVisible(there)
        item = self.tree.currentItem()
        self.open_button.setEnabled(item is not None)
        # The run in front has no box and cannot be removed.
        has_box = item is not None and item.data(0, Qt.ItemDataRole.CheckStateRole) is not None
        self.remove_button.setEnabled(has_box)

    def _changed(self, item: QTreeWidgetItem) -> None:
        self.toggled.emit(str(item.data(0, FOLDER)), item.checkState(0) == Qt.CheckState.Checked)

    def _open(self) -> None:
        folder = self._chosen()
        self.hide()
        self.model_wanted.emit(folder)

    def _remove(self) -> None:
        folder = self._chosen()
        item = self._item(folder)
        if item is None:
            return
        self.tree.takeTopLevelItem(self.tree.indexOfTopLevelItem(item))
        self.runs.pop(folder, None)
        self._enable()
        self.removed.emit(folder)

    def retranslate(self) -> None:
        self.tree.setHeaderLabels([t(f"pane.training.runs.{name}") for name in COLUMNS])
        self.tree.setAccessibleName(t("pane.training.compare"))
        self.empty.setText(t("pane.training.no_runs"))
        self.open_button.setText(t("pane.training.open_run"))
        self.remove_button.setText(t("pane.training.remove_run"))
        self.remove_button.setToolTip(t("pane.training.remove_tip"))

    def restyle(self) -> None:
        self.tree.setIconSize(QSize(self.theme.px(24), self.theme.px(12)))
