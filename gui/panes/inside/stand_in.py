"""Another text in place of the model's training text: the one opened for training, if the user says so."""

from typing import Any

from PySide6.QtWidgets import QCheckBox

from gui.i18n import t
from gui.state import AppState


class StandIn(QCheckBox):
    """A box to check where the open text shall stand in for the training text. It is hidden while no text is open."""

    def paths(self, state: AppState) -> tuple[tuple[str, ...], str]:
        """Return the files and the encoding of the open text if it stands in, else () and ""."""
        corpus = state.corpus
        return (corpus.paths, corpus.chosen) if corpus is not None and self.isChecked() else ((), "")

    def show_name(self, state: AppState) -> None:
        """Write the name of the open text beside the box."""
        corpus = state.corpus
        self.setVisible(corpus is not None)
        self.setText(t("pane.inside.origin.stand_in", name=corpus.name if corpus is not None else ""))

    def restore(self, saved: dict[str, Any]) -> None:
        self.setChecked(saved.get("stand_in") is True)
