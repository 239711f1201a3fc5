"""Inside: what happens in the model while it reads the text, and what changes when a part of it is changed."""

from collections.abc import Mapping
from typing import ClassVar

from gui.i18n import t
from gui.panes.inside.attribution import Attributing
from gui.panes.inside.card import Card
from gui.panes.inside.desk import Desk
from gui.panes.inside.lens import Lens
from gui.panes.inside.neurons import NeuronsView
from gui.panes.inside.origin import OriginView
from gui.panes.inside.patch import Patching
from gui.panes.inside.precision import Precision
from gui.panes.inside.steer import Steering
from gui.part import Part, PartsPane


class InsidePane(PartsPane):
    id = "inside"
    computes = (
        "ReadLens",
        "ReadLensA",
        "Mix",
        "PatchTexts",
        "AttributeText",
        "Steer",
        "FindOrigin",
        "ScanLayer",
        "TryPrecisions",
        "CardLens",
    )
    PARTS: ClassVar[Mapping[str, type[Part]]] = {
        "lens": Lens,
        "desk": Desk,
        "patch": Patching,
        "attribution": Attributing,
        "steer": Steering,
        "neurons": NeuronsView,
        "origin": OriginView,
        "precision": Precision,
        "card": Card,
    }

    def promise(self) -> str:
        """Return what the chosen view will show."""
        return super().promise() if self.mode.current == "lens" else t(f"pane.inside.shows.{self.mode.current}")
