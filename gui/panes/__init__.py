"""The panes, in the order of a lecture, which is that of the rail. A new pane is a package and one line here."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.pane import Pane


@dataclass(frozen=True)
class PaneInfo:
    """One pane. The first nine in PANES have the keys 1 to 9."""

    id: str  # names its package, its icon and its sentences
    class_name: str
    group: str = ""  # "rail.GROUP" is the name above it on the rail

    def load(self) -> "type[Pane]":
        """Import the pane's package, which happens when the pane is first shown."""
        pane: type[Pane] = getattr(import_module(f"gui.panes.{self.id}.pane"), self.class_name)
        return pane


PANES = (
    PaneInfo("map", "MapPane"),
    PaneInfo("tokens", "TokensPane", "read"),
    PaneInfo("embeddings", "EmbeddingsPane", "read"),
    PaneInfo("attention", "AttentionPane", "inside"),
    PaneInfo("inside", "InsidePane", "inside"),
    PaneInfo("training", "TrainingPane", "learn"),
    PaneInfo("tuning", "TuningPane", "learn"),
    PaneInfo("generation", "GenerationPane", "write"),
    PaneInfo("chat", "ChatPane", "write"),
    PaneInfo("search", "SearchPane", "know"),
)
PANE_IDS = tuple(info.id for info in PANES)
KEYS = {info.id: str(number) for number, info in enumerate(PANES[:9], start=1)}
