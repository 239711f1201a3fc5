"""The way of the open model as it is shown, and what it has cost, in one sentence."""

from dataclasses import dataclass, field
from pathlib import Path

from engine.messages.way import Station, StationMeasured, Way
from gui.i18n import number, percent, t

SAME_KL = 0.02  # nats a text: hardly a difference
FORGOTTEN = 0.5  # by which share the loss on old text has grown
POOR = 0.85  # share of the first model's variety


@dataclass(frozen=True)
class WayShown:
    """The stations from the first model over the open one to its newest descendant, and what has been measured."""

    way: Way
    opened: str  # folder of the open model
    prompts: tuple[str, ...] = ()
    measured: dict[str, StationMeasured] = field(default_factory=dict)  # by folder

    @property
    def path(self) -> tuple[Station, ...]:
        known = {station.folder: station for station in self.way.stations}
        found = [known[self.opened]] if self.opened in known else list(self.way.stations[:1])
        while found and found[0].base in known:
            found.insert(0, known[found[0].base])
        while found and (later := [s for s in self.way.stations if s.base == found[-1].folder]):
            found.append(later[-1])
        return tuple(found)

    @property
    def place(self) -> int:
        """The open model's place in the path; 0 if it is not in it."""
        return next((place for place, station in enumerate(self.path) if station.folder == self.opened), 0)

    def branches(self, place: int) -> tuple[Station, ...]:
        """Return the models that were tuned from the same one as that at a place in the path."""
        station = self.path[place]
        return tuple(s for s in self.way.stations if s.base == station.base and s.folder != station.folder and s.base)

    def of(self, place: int) -> StationMeasured | None:
        """Return what was measured of the model at a place in the path."""
        return self.measured.get(self.path[place].folder)


def growth(first: StationMeasured, now: StationMeasured) -> float | None:
    """Return by which share the loss on old text has grown; None if it is not known."""
    return now.old_loss / first.old_loss - 1 if first.old_loss and now.old_loss is not None else None


def name_of(station: Station) -> str:
    """Return what was done at a station."""
    return t(f"pane.tuning.way.{station.method or 'first'}")


def short(folder: str) -> str:
    return Path(folder).name


def sentence(shown: WayShown) -> str:
    """Return what the way shows, and where to look."""
    path = shown.path
    if not path:
        return ""
    if len(path) == 1:
        return t("pane.tuning.way.says.begin")
    place = shown.place or len(path) - 1
    first, now = shown.of(0), shown.of(place)
    if first is None or now is None:
        return ""
    changed = sum(a.strip() != b.strip() for a, b in zip(first.texts, now.texts, strict=True))
    words: dict[str, object] = {
        "name": name_of(path[place]),
        "changed": changed,
        "all": len(now.texts),
        "kl": number(now.kl, 2 if now.kl < 1 else 1),
    }
    if now.kl < SAME_KL:
        return t("pane.tuning.way.says.same", **words)
    if now.distinct < POOR * first.distinct:
        return t("pane.tuning.way.says.poor", **words, before=percent(first.distinct), share=percent(now.distinct))
    grown = growth(first, now)
    if grown is not None and grown > FORGOTTEN:
        return t("pane.tuning.way.says.far", **words, share=percent(grown))
    if grown is not None:
        return t(f"pane.tuning.way.says.{'cost' if grown > 0 else 'gain'}", **words, share=percent(abs(grown), 1))
    return t("pane.tuning.way.says.changed", **words)
