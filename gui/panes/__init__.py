"""The panes, in the order of the rail. A new pane is a package and one line here."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.pane import Pane


@dataclass(frozen=True)
class PaneInfo:
    """One pane. The first nine in PANES have the keys Ctrl+1 to Ctrl+9."""

    id: str  # names its package, its icon and its sentences
    class_name: str

    def load(self) -> "type[Pane]":
        """Import the pane's package, which happens when the pane is first shown."""
        pane: type[Pane] = getattr(import_module(f"gui.panes.{self.id}.pane"), self.class_name)
        return pane


PANES = (
    PaneInfo("tokens", "TokensPane"),
    PaneInfo("embeddings", "EmbeddingsPane"),
    PaneInfo("attention", "AttentionPane"),
    PaneInfo("training", "TrainingPane"),
    PaneInfo("generation", "GenerationPane"),
    PaneInfo("chat", "ChatPane"),
    PaneInfo("search", "SearchPane"),
    PaneInfo("map", "MapPane"),
)
PANE_IDS = tuple(info.id for info in PANES)
KEYS = {info.id: f"Ctrl+{number}" for number, info in enumerate(PANES[:9], start=1)}
