"""The mixing desk: every head and MLP can be turned down or off, while the candidates and the text follow."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, QSize
from PySide6.QtWidgets import QMenu

from engine.messages.attention import HeadScores, ScoreHeads
from engine.messages.desk import (
    BY_LOSS,
    OF_THE_WORLD,
    Level,
    Measure,
    Measured,
    MeterName,
    Mix,
    Mixed,
    PartsTried,
    RankParts,
    Rewrite,
)
from engine.messages.envelope import Ended
from engine.messages.models import Intervention
from gui.changes import Place, factors_of, part_words
from gui.i18n import duration, t
from gui.layout import timer
from gui.pane import Pane, Table
from gui.panes.inside.desk_page import GROUPS, INSTEAD, KINDS, SIDES, DeskPage
from gui.panes.inside.desk_ranking import Ranking, level_words, share_words
from gui.panes.inside.desk_sentence import of_ranking, sentence
from gui.panes.inside.faders import all_parts, with_factors
from gui.panes.inside.pair_bars import Pair
from gui.part import Part
from gui.samples import BUILTIN
from gui.text import on_one_line, visible
from gui.widgets.coloured_text import Span

REST_MS = 300  # after the last change, before the text is written and the meters are measured
CANDIDATES = 6
ENOUGH = 0.4  # least share of a head's attention to belong to a kind, as in the Attention pane
ROOM_FOR_SIDE, ROOM_FOR_TEXTS, ROOM_FOR_METERS = 760, 530, 430  # pixels at zoom 1 of the pane's width and height


@dataclass(frozen=True)
class Shown:
    """What belongs to one text, to these weights and to one state of the faders."""

    text: str
    weights: int  # AppState.weights_version
    mixed: Mixed
    before: tuple[str, ...] = ()  # the texts written so far
    after: tuple[str, ...] = ()
    levels: Mapping[MeterName, tuple[Level, Level | None]] = field(default_factory=dict)  # before and after


class Desk(Part):
    page: DeskPage
    needs_text = True
    long_work = ("Rewrite", "Measure", "RankParts")

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.page = DeskPage()
        self.shown: Shown | None = None
        self.ranking: Ranking | None = None
        self._wished: tuple[Intervention, ...] | None = None  # on its way to the engine
        self._rest = timer(self, REST_MS, self._ask_for_more, single_shot=True)
        self._begun = 0.0  # when the ranking began
        self._ranking_of: object = None  # what the ranking depends on
        self._ranks_again = False  # whether it was interrupted
        page, grid = self.page, self.page.grid
        grid.moved.connect(lambda place, factor: self.set_factors({place: factor}))
        grid.chosen.connect(self._place_chosen)
        grid.menu_wanted.connect(self._open_menu)
        page.off.clicked.connect(lambda: self._with_group(self.group, 0.0))
        page.on.clicked.connect(lambda: self._with_group(self.group, 1.0))
        page.all_on.clicked.connect(self._all_on)
        page.instead.changed.connect(self._instead_chosen)
        page.rank.clicked.connect(self._rank_or_cancel)
        page.ranking.chosen.connect(self._bar_chosen)
        page.side_choice.changed.connect(lambda _: self.pane.subtitle_changed.emit())
        self.state.interventions_changed.connect(self._changed)
        self.state.selection_changed.connect(self._head_selected)
        self.state.corpus_changed.connect(self._corpus_changed)

    # --- Requests --------------------------------------------------------------------------------

    def refresh(self) -> None:
        self._wished = None
        if self._ranking_of != self._ranking_key():
            self._forget_ranking()
        self.page.set_meters(self.meters())
        self._draw()
        self._ask("Mix")
        if self._ranks_again:
            self.rank_by(str(self.page.meter.currentData() or ""))

    def show_live(self) -> None:
        self._ask("live mix")

    def on_shown(self) -> None:
        self._draw()

    def on_left(self) -> None:
        self._ranks_again = self._ranks_again or self.pane.asking("RankParts")
        super().on_left()

    def _ask(self, slot: str) -> None:
        text, weights = self.state.text, self.state.weights_version
        for late in ("Rewrite", "Measure"):  # what they go on to answer belongs to the faders before
            self.drop(late)
        self.ask(Mix(text), lambda mixed: self._mixed(Shown(text, weights, mixed)), slot)
        self._rest.start()

    def _mixed(self, new: Shown) -> None:
        """Show new candidates; what was written and measured after the old changes is known no more."""
        old, self.shown = self.shown, new
        if old is not None and (old.text, old.weights) == (new.text, new.weights):
            levels = {name: (before, None) for name, (before, _) in old.levels.items()}
            self.shown = replace(new, before=old.before, levels=levels)
        self._draw()

    def _ask_for_more(self) -> None:
        text = self.state.text
        if not text or self.state.model is None or not self.page.isVisible():
            return
        self.ask(Rewrite(text), lambda written: self._add(text, before=written.before, after=written.after))
        request = Measure(text, self.meters(), *self._corpus())
        self.ask(request, lambda found: self._measured(text, found))

    def _measured(self, text: str, found: Measured) -> None:
        if self.shown is not None:
            self._add(text, levels={**self.shown.levels, found.meter: (found.before, found.after)})

    def _add(self, text: str, **news: Any) -> None:
        if self.shown is not None and self.shown.text == text:
            self.shown = replace(self.shown, **news)
            self._draw_side()

    def meters(self) -> tuple[MeterName, ...]:
        """Return the meters that suit the open model."""
        model = self.state.model
        of_the_world = model is not None and Path(model.folder) == BUILTIN
        corpus: tuple[MeterName, ...] = ("corpus",) if self.state.corpus is not None else ()
        return ("text", *corpus, *(OF_THE_WORLD if of_the_world else ("copying",)))

    def _corpus(self) -> tuple[tuple[str, ...], str]:
        """Return the files and the encoding of the text opened for training, if there is one."""
        corpus = self.state.corpus
        return ((), "") if corpus is None else (corpus.paths, corpus.chosen)

    def _corpus_changed(self) -> None:
        """Measure another corpus, and forget what was measured on the one before."""
        if self.shown is not None:
            shown = self.shown
            self.shown = replace(shown, levels={name: shown.levels[name] for name in shown.levels if name != "corpus"})
        self.page.set_meters(self.meters())
        if self.page.isVisible():
            self._draw_side()
            self._rest.start()
        else:
            self.interrupted = True

    # --- Changing --------------------------------------------------------------------------------

    def interventions(self) -> tuple[Intervention, ...]:
        """Return what is changed in the model, or will be when the engine has made it."""
        return self.state.interventions if self._wished is None else self._wished

    def set_factors(self, factors: Mapping[Place, float]) -> None:
        """Ask for these factors in the model; other parts and other changes stay as they are."""
        mean_of = self.state.text if self.page.instead.current == "mean" else ""
        self._wished = with_factors(self.interventions(), factors, mean_of)
        self.state.wish_interventions(self._wished)
        self._draw_grid()

    def _changed(self) -> None:
        self._wished = None
        if self.page.isVisible():
            self._draw_grid()

    def _all_on(self) -> None:
        self.set_factors(dict.fromkeys(factors_of(self.interventions()), 1.0))

    def _instead_chosen(self) -> None:
        self.set_factors({place: 0.0 for place, factor in factors_of(self.interventions()).items() if factor == 0})

    @property
    def group(self) -> str:
        """The name of the group in the list."""
        return str(self.page.group.currentData())

    def _with_group(self, group: str, factor: float) -> None:
        if group in KINDS:
            self.ask(ScoreHeads(), lambda scores: self._with_kind(group, scores, factor))
        else:
            self.set_factors(dict.fromkeys(self._members(group), factor))

    def _with_kind(self, kind: str, found: HeadScores, factor: float) -> None:
        places = [(int(layer), int(head)) for layer, head in np.argwhere(found.scores[KINDS.index(kind)] >= ENOUGH)]
        if places:
            self.set_factors(dict.fromkeys(places, factor))
        else:
            self.pane.messages.show_key("notice.no_such_heads", kind=t(f"pane.inside.desk.group.{kind}"))

    def _members(self, group: str) -> list[Place]:
        model, current = self.state.model, self.page.grid.current
        if model is None:
            return []
        wanted: dict[str, Callable[[Place], bool]] = {
            "selected": lambda place: place == current,
            "layer_heads": lambda place: place[0] == current[0] and place[1] is not None,
            "layer": lambda place: place[0] == current[0],
            "heads": lambda place: place[1] is not None,
            "mlps": lambda place: place[1] is None,
            "others": lambda place: place != current,
        }
        return [place for place in all_parts(model.layers, model.heads) if wanted[group](place)]

    def _only_off(self) -> None:
        on = dict.fromkeys(factors_of(self.interventions()), 1.0)
        self.set_factors({**on, self.page.grid.current: 0.0})

    def _open_menu(self, place: Place, where: QPoint) -> None:
        self.page.grid.set_current(place)
        self._place_chosen(place)
        menu = QMenu(self.page)
        for words, act in self.menu():
            menu.addAction(words, act)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)

    def menu(self) -> list[tuple[str, Callable[[], None]]]:
        """Return what can be done with the selected part."""
        layer, head = self.page.grid.current
        part = part_words(layer, head)
        groups = ("others", "layer_heads", "layer")
        return [
            (t("pane.inside.desk.menu.off", part=part), lambda: self._with_group("selected", 0.0)),
            (t("pane.inside.desk.menu.half", part=part), lambda: self._with_group("selected", 0.5)),
            (t("pane.inside.desk.menu.on", part=part), lambda: self._with_group("selected", 1.0)),
            (t("pane.inside.desk.menu.only", part=part), self._only_off),
            *(
                (t(f"pane.inside.desk.menu.{group}", part=part, layer=layer + 1), self._off_action(group))
                for group in groups
            ),
            (t("pane.inside.desk.all_on"), self._all_on),
        ]

    def _off_action(self, group: str) -> Callable[[], None]:
        return lambda: self._with_group(group, 0.0)

    # --- Selection -------------------------------------------------------------------------------

    def _place_chosen(self, place: Place) -> None:
        layer, head = place
        if head is not None:
            self.state.select_head(layer, head)
        self.page.name_groups(layer, part_words(layer, head))

    def _head_selected(self) -> None:
        grid, model = self.page.grid, self.state.model
        layer, head = self.state.layer, self.state.head
        if model is not None and layer < model.layers and head < model.heads and grid.current[1] is not None:
            grid.set_current((layer, head))
            self.page.name_groups(layer, part_words(layer, head))

    # --- The ranking -----------------------------------------------------------------------------

    def _rank_or_cancel(self) -> None:
        if self.pane.asking("RankParts"):
            self.drop("RankParts")
            self.page.show_progress(None, "")
        else:
            self.rank_by(str(self.page.meter.currentData() or ""))

    def rank_by(self, meter: str) -> None:
        """Try all parts one by one, measured by a meter, or "" for the next token."""
        request = RankParts(self.state.text, mean=self.page.instead.current == "mean")
        if meter in self.meters():
            paths, encoding = self._corpus() if meter == "corpus" else ((), "")
            request = replace(request, meter=meter, paths=paths, encoding=encoding)
        self.page.meter.setCurrentIndex(max(0, self.page.meter.findData(request.meter)))
        self.ranking, self._begun = None, monotonic()
        self._ranking_of, self._ranks_again = self._ranking_key(), False
        self.page.show_progress(0.0, "")
        self.ask(request, lambda found: self._tried(request, found), ended=self._ranked)

    def _tried(self, request: RankParts, found: PartsTried) -> None:
        model, old = self.state.model, self.ranking
        if model is None:
            return
        self.ranking = Ranking.begun(request, model.layers, model.heads) if old is None else old
        self.ranking = self.ranking.with_layer(found)
        seconds = (monotonic() - self._begun) * (1 - found.done) / found.done
        self.page.show_progress(found.done, t("pane.inside.desk.left", time=duration(seconds)))
        self._draw_grid()
        self._draw_ranking()

    def _ranked(self, _: Ended) -> None:
        self.page.show_progress(None, "")
        self.pane.subtitle_changed.emit()

    def _forget_ranking(self) -> None:
        """Forget a ranking of another text or model."""
        self.drop("RankParts")
        self.ranking, self._ranks_again = None, False
        self.page.show_progress(None, "")

    def _ranking_key(self) -> object:
        return self.state.text, self.state.weights_version

    def _bar_chosen(self, row: int) -> None:
        if self.ranking is not None:
            self.page.grid.set_current(self.ranking.order()[row])
        self._place_chosen(self.page.grid.current)

    # --- Showing ---------------------------------------------------------------------------------

    def _draw(self) -> None:
        self._draw_grid()
        self._draw_side()
        self._draw_ranking()

    def _draw_grid(self) -> None:
        model = self.state.model
        if model is None:
            return
        effects = None if self.ranking is None else self.ranking.effects()
        factors, name = factors_of(self.interventions()), t("pane.inside.desk.effect")
        self.page.grid.set_data(model.layers, model.heads, factors, effects, name)
        self.page.all_on.setEnabled(bool(factors))
        self.page.unchanged.setVisible(bool(self.state.interventions))
        layer, head = self.page.grid.current
        self.page.name_groups(layer, part_words(layer, head))

    def _draw_side(self) -> None:
        self.pane.subtitle_changed.emit()
        shown = self.shown
        if shown is None:
            return
        self.page.candidates.set_pairs(pairs_of(shown.mixed)[:CANDIDATES])
        self.page.meters.set_pairs([_pair(name, *levels) for name, levels in shown.levels.items()])
        self.page.before.set_spans(_spans(shown.before))
        differs = [i for i, piece in enumerate(shown.after) if shown.before[i : i + 1] != (piece,)]
        self.page.after.set_spans(_spans(shown.after, differs, self.pane.theme.series_color(1)))

    def _draw_ranking(self) -> None:
        self.page.ranking.set_bars([] if self.ranking is None else self.ranking.bars())

    def adapt_layout(self, room: QSize) -> None:
        px, height = self.pane.content.px, room.height()
        self.page.side.setVisible(not self.pane.compact and room.width() >= px(ROOM_FOR_SIDE))
        self.page.texts.setVisible(height >= px(ROOM_FOR_TEXTS))
        for widget in (self.page.titles["meters"], self.page.meters):
            widget.setVisible(height >= px(ROOM_FOR_METERS))

    def subtitle(self) -> str:
        return t("pane.inside.desk.subtitle")

    def sentence(self) -> str:
        if self.shown is None or self.shown.text != self.state.text:
            return ""
        strongest = None if self.ranking is None else self.ranking.strongest()
        changes = len(self.state.interventions)
        if changes and strongest is not None and self.page.side_choice.current == "rank":
            return of_ranking(changes, strongest)
        return sentence(self.shown.mixed, changes, strongest)

    def table(self) -> Table | None:
        """Return a row for each part: its factor, and what is measured without it if the parts were ranked."""
        model = self.state.model
        if model is None:
            return None
        factors = factors_of(self.state.interventions)
        rows: list[tuple[object, ...]] = []
        for layer, head in all_parts(model.layers, model.heads):
            known = self.ranking.without((layer, head)) if self.ranking is not None else Level(np.nan, np.nan)
            name = "mlp" if head is None else head + 1
            rows.append((layer + 1, name, factors.get((layer, head), 1.0), known.loss, known.probability))
        return Table(("layer", "head", "factor", "loss_without", "probability_without"), rows)

    def save(self) -> dict[str, Any]:
        return {"instead": self.page.instead.current, "side": self.page.side_choice.current, "group": self.group}

    def restore(self, saved: dict[str, Any]) -> None:
        for control, names, name in ((self.page.instead, INSTEAD, "instead"), (self.page.side_choice, SIDES, "side")):
            if saved.get(name) in names:
                control.choose(saved[name])
        if saved.get("group") in GROUPS:
            self.page.group.setCurrentIndex(GROUPS.index(saved["group"]))

    def act(self, wanted: dict[str, Any]) -> None:
        """Set the factors in `factors`, such as {"3.1": 0, "2.mlp": 0.5} counted from 0, and rank by `rank`.

        The first part that is changed is selected.
        """
        if isinstance(wanted.get("factors"), dict):
            self.set_factors({_place(name): float(factor) for name, factor in wanted["factors"].items()})
        if isinstance(wanted.get("rank"), str):
            self.page.side_choice.choose("rank")
            self.rank_by(wanted["rank"])
        changed = next(iter(factors_of(self.interventions())), None)
        if changed is not None:
            self.page.grid.set_current(changed)
            self._place_chosen(changed)

    def retranslate(self) -> None:
        self.page.retranslate()
        self.page.show_progress(self.page.progress.value() / 100 if self.pane.asking("RankParts") else None, "")
        self._draw()


def pairs_of(mixed: Mixed) -> list[Pair]:
    """Return a row for each candidate, in the order of the larger of its two probabilities."""
    order = np.argsort(-np.maximum(mixed.before, mixed.after), kind="stable")
    return [
        Pair(visible(mixed.pieces[i]), float(before), float(after), share_words(before, after))
        for i, before, after in zip(order.tolist(), mixed.before[order], mixed.after[order], strict=True)
    ]


def _pair(name: MeterName, before: Level, after: Level | None) -> Pair:
    """Return a meter's row. The bar of a text's loss is the mean probability of a token, 1 / perplexity."""
    by_loss = name in BY_LOSS
    shares = [0.0 if x is None else float(np.exp(-x.loss)) if by_loss else x.probability for x in (before, after)]
    figure = level_words(name, before, after)
    return Pair(t(f"pane.inside.desk.meter.{name}"), shares[0], shares[1], figure, t(f"pane.inside.desk.tip.{name}"))


def _spans(pieces: Iterable[str], tinted: Iterable[int] = (), color: Any = None) -> list[Span]:
    marked, shown = set(tinted), map(on_one_line, pieces)
    return [Span(piece, None, color=color if i in marked else None, look="text") for i, piece in enumerate(shown)]


def _place(name: str) -> Place:
    layer, _, head = name.partition(".")
    return int(layer), None if head == "mlp" else int(head)
