"""How the text is cut: every token as a chip, with what it is."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout

from gui.i18n import t
from gui.pane import Pane, Table
from gui.theme import GAP_M, Theme
from gui.widgets.token_flow import TokenFlow


class TokensPane(Pane):
    id, icon = "tokens", "tokens"

    def build(self) -> None:
        self.flow = TokenFlow()
        self.flow.selected.connect(self.state.select_token)
        self.figures, self.legend, self.empty = QLabel(), QLabel(), QLabel()
        self.figures.setProperty("role", "figure")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        for label in (self.legend, self.empty):
            label.setProperty("role", "muted")
            label.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_M)
        for widget, stretch in ((self.figures, 0), (self.legend, 0), (self.flow, 1), (self.empty, 1)):
            column.addWidget(widget, stretch)
        self.follow(self.state.tokens_changed)
        self.state.selection_changed.connect(lambda: self.flow.set_current(self.state.token))

    def refresh(self) -> None:
        tokens = self.state.tokens
        there = tokens is not None and len(tokens.pieces) > 0
        for widget in (self.figures, self.legend, self.flow):
            widget.setVisible(there)
        self.empty.setVisible(not there)
        self.flow.set_tokens(tokens if there else None)
        self.flow.set_current(self.state.token)
        if tokens is not None and there:
            count, characters = len(tokens.pieces), len(tokens.text)
            ratio = f"{characters / count:.2f}"
            self.figures.setText(
                t("pane.tokens.figures", tokens=f"{count:,}", characters=f"{characters:,}", ratio=ratio)
            )
            self._show_legend(list(dict.fromkeys(tokens.kinds)))
        self.subtitle_changed.emit()

    def _show_legend(self, kinds: list[str]) -> None:
        parts = [
            f"<span style='color: {self.flow.color_of(kind).name()}'>■</span> {t(f'widget.token.kind.{kind}')}"
            for kind in kinds
        ]
        self.legend.setText(" &nbsp; ".join(parts))

    def subtitle(self) -> str:
        model = self.state.model
        return t("pane.tokens.subtitle", vocabulary=f"{model.vocabulary:,}") if model is not None else ""

    def table(self) -> Table | None:
        tokens = self.state.tokens
        if tokens is None:
            return None
        columns = (
            tokens.pieces,
            tokens.ids,
            tokens.starts,
            tokens.ends,
            tokens.byte_starts,
            tokens.byte_ends,
            tokens.kinds,
        )
        header = ("piece", "id", "start", "end", "byte_start", "byte_end", "kind")
        return Table(header, list(zip(*columns, strict=True)))

    def retranslate(self) -> None:
        self.empty.setText(t("pane.tokens.empty"))
        self.flow.setAccessibleName(t("pane.tokens.title"))
        self.refresh()

    def restyle(self, theme: Theme) -> None:
        super().restyle(theme)
        self.flow.restyle(theme)
        self.refresh()
