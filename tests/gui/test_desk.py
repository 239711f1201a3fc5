"""The mixing desk: faders as one grid, what they do to the candidates and the text, and the ranking of the parts."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from engine.messages.attention import HeadScores
from engine.messages.desk import BY_LOSS, METERS, Level, Measure, Mix, Mixed, RankParts, Rewrite
from engine.messages.models import ChangeModel, Intervention, MeanAblated, Patched, Scaled, Steered
from engine.messages.texts import TextInfo
from gui.changes import factors_of
from gui.colormaps import share_color
from gui.i18n import set_language
from gui.panes.attention.pane import AttentionPane
from gui.panes.inside.desk import CANDIDATES, Desk
from gui.panes.inside.desk_ranking import Ranking
from gui.panes.inside.desk_sentence import Strongest, of_ranking, sentence
from gui.panes.inside.fader_grid import FaderGrid
from gui.panes.inside.faders import all_parts, stepped, with_factors
from gui.panes.inside.pair_bars import Pair, PairBars
from gui.panes.inside.pane import InsidePane
from gui.panes.map.pane import MapPane
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, mixed, model, parts_tried
from tests.gui.hands import drag, painted, plain, press, show, turn_wheel

STEERED = Steered(1, ("a",), ("b",), 1.0)
PLACES = st.sampled_from(all_parts(3, 2))
FACTORS = st.integers(0, 40).map(lambda n: stepped(n / 20))


@pytest.fixture
def desk(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> Desk:
    window.state.set_model(model())
    window.state.set_text("The capital of France")
    window.workspace.set_layout(1, ["inside"])
    window.workspace.show()
    window.show_pane("inside")
    pane = window.workspace.pane(InsidePane)
    pane.mode.choose("desk")
    found = pane.part_of(Desk)
    qtbot.waitUntil(lambda: found.shown is not None and bool(found.shown.levels))
    return found


def set_by(qtbot: QtBot, desk: Desk, *expected: Intervention) -> None:
    qtbot.waitUntil(lambda: desk.state.interventions == expected)


# --- Faders as interventions ----------------------------------------------------------------------------


@given(st.dictionaries(PLACES, FACTORS), st.dictionaries(PLACES, FACTORS))
def test_the_faders_are_what_was_set_and_other_changes_stay(
    first: dict[tuple[int, int | None], float], second: dict[tuple[int, int | None], float]
) -> None:
    made = with_factors(with_factors((STEERED,), first), second)
    assert factors_of(made) == {place: factor for place, factor in (first | second).items() if factor != 1}
    assert made[0] == STEERED
    assert with_factors(made, dict.fromkeys(first | second, 1.0)) == (STEERED,)


def test_off_may_be_the_mean_over_the_text() -> None:
    made = with_factors((), {(0, 1): 0.0, (1, None): 0.5}, "some text")
    assert made == (MeanAblated(0, 1, "some text"), Scaled(1, None, 0.5))
    assert factors_of(made) == {(0, 1): 0.0, (1, None): 0.5}


# --- The grid -------------------------------------------------------------------------------------------


def test_every_fader_can_be_reached_in_a_small_window(desk: Desk) -> None:
    grid = desk.page.grid
    grid.resize(520, 420)
    grid.set_data(30, 9, {}, np.zeros((30, 10)), "")
    for place in all_parts(30, 9):
        box = grid.cell(place)
        assert grid.place_at(box.center().toPoint()) == place
        assert min(box.width(), box.height()) >= 8
    assert grid.place_at(QPoint(0, 0)) is None


def test_dragging_down_turns_a_head_down_and_the_model_follows(desk: Desk, engine: FakeEngine, qtbot: QtBot) -> None:
    grid = desk.page.grid
    start = grid.cell((1, 1)).center().toPoint()
    drag(grid, start, start + QPoint(0, grid.theme.px(45)))
    set_by(qtbot, desk, Scaled(1, 1, 0.5))
    assert (desk.state.layer, desk.state.head) == (1, 1)
    asked = len(engine.asked(Mix))
    drag(grid, start, start + QPoint(0, 500))
    set_by(qtbot, desk, Scaled(1, 1, 0.0))
    assert len(engine.asked(Mix)) > asked
    assert grid.describe((1, 1)) == "Layer 2, head 2: off"


def test_a_double_click_and_keys_reset_change_and_turn_off(desk: Desk, qtbot: QtBot) -> None:
    grid = desk.page.grid
    place = grid.cell((0, None)).center().toPoint()
    turn_wheel(grid, place, -2)
    set_by(qtbot, desk, Scaled(0, None, 0.8))
    qtbot.mouseDClick(grid, Qt.MouseButton.LeftButton, pos=place)
    set_by(qtbot, desk)
    press(grid, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Plus)
    set_by(qtbot, desk, Scaled(1, 1, 1.1))
    press(grid, Qt.Key.Key_Space)
    set_by(qtbot, desk)
    press(grid, Qt.Key.Key_Delete)
    set_by(qtbot, desk, Scaled(1, 1, 0.0))


def test_quick_changes_of_several_faders_are_all_kept(desk: Desk, engine: FakeEngine, qtbot: QtBot) -> None:
    desk.set_factors({(0, 0): 0.5})
    desk.set_factors({(1, 0): 0.0})
    assert engine.asked(ChangeModel)[-1] == ChangeModel((Scaled(0, 0, 0.5), Scaled(1, 0, 0.0)))
    set_by(qtbot, desk, Scaled(0, 0, 0.5), Scaled(1, 0, 0.0))


def test_undo_takes_a_fader_back(desk: Desk, window: MainWindow, qtbot: QtBot) -> None:
    desk.set_factors({(0, 0): 0.5})
    set_by(qtbot, desk, Scaled(0, 0, 0.5))
    window.actions_table.by_name["undo_change"].trigger()
    set_by(qtbot, desk)
    assert desk.page.grid.factors == {}


# --- Groups ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "count"),
    [("selected", 1), ("layer_heads", 2), ("layer", 3), ("heads", 4), ("mlps", 2), ("others", 5)],
)
def test_groups_are_turned_off_together(desk: Desk, qtbot: QtBot, group: str, count: int) -> None:
    page = desk.page
    page.group.setCurrentIndex(page.group.findData(group))
    qtbot.mouseClick(page.off, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(desk.state.interventions) == count)
    qtbot.mouseClick(page.all_on, Qt.MouseButton.LeftButton)
    set_by(qtbot, desk)


def test_the_menu_of_a_fader_turns_only_it_off(desk: Desk, qtbot: QtBot) -> None:
    desk.set_factors({(0, 0): 0.5})
    desk.page.grid.set_current((1, 1))
    actions = dict(desk.menu())
    actions["Only Layer 2, head 2 off"]()
    set_by(qtbot, desk, Scaled(1, 1, 0.0))
    actions["All but Layer 2, head 2 off"]()
    qtbot.waitUntil(lambda: len(desk.state.interventions) == 6)


def test_heads_of_a_kind_are_found_by_their_scores(desk: Desk, qtbot: QtBot) -> None:
    scores = np.zeros((4, 2, 2), np.float32)
    scores[3, 1, 0], scores[0] = 0.5, 0.9
    found = HeadScores(scores, np.zeros(4, np.float32))
    desk._with_kind("induction", found, 0.0)
    set_by(qtbot, desk, Scaled(1, 0, 0.0))
    desk._with_kind("same", found, 0.0)  # there is none
    assert any("Same-token heads" in words for words in messages(desk))
    assert desk.state.interventions == (Scaled(1, 0, 0.0),)


def messages(desk: Desk) -> list[str]:
    return [label.text() for label in desk.pane.messages.findChildren(QLabel)]


def test_zero_and_mean_are_exchanged(desk: Desk, qtbot: QtBot) -> None:
    desk.set_factors({(0, 0): 0.0})
    set_by(qtbot, desk, Scaled(0, 0, 0.0))
    desk.page.instead.choose("mean")
    set_by(qtbot, desk, MeanAblated(0, 0, desk.state.text))
    desk.page.instead.choose("zero")
    set_by(qtbot, desk, Scaled(0, 0, 0.0))


# --- What follows ---------------------------------------------------------------------------------------


def test_candidates_meters_and_texts_are_those_of_the_engine(desk: Desk, engine: FakeEngine, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: desk.page.after.text() == " w0 w2")
    assert engine.asked(Rewrite)[-1].text == desk.state.text
    assert engine.asked(Measure)[-1].meters == ("text", "copying")
    assert desk.page.before.text() == " w0 w1"
    assert [span.color is None for span in desk.page.after.page.spans] == [True, False]
    first, second, third = desk.page.candidates.pairs
    assert (first.name, plain(first.figure)) == ("␣w1", "30.0 % → 70.0 %")
    assert (second.before, second.after) == pytest.approx((0.6, 0.1))
    assert third.name == "␣w2"
    loss, copying = desk.page.meters.pairs
    assert loss.figure == "2.00 → 3.00"
    assert loss.before == pytest.approx(np.exp(-2.0))
    assert copying.figure == "2.00 → 3.00"


def test_after_a_change_nothing_of_the_state_before_it_is_shown_as_new(
    desk: Desk, engine: FakeEngine, qtbot: QtBot
) -> None:
    del engine.answers[Rewrite], engine.answers[Measure]
    desk.refresh()
    qtbot.waitUntil(lambda: not desk.pane.asking("Mix"))
    assert desk.shown is not None
    assert desk.shown.after == ()
    assert all(after is None for _, after in desk.shown.levels.values())
    assert desk.page.meters.pairs[0].figure == "2.00 → …"


# --- The ranking ----------------------------------------------------------------------------------------


def test_the_parts_are_ranked_and_coloured(desk: Desk, engine: FakeEngine, qtbot: QtBot) -> None:
    desk.page.side_choice.choose("rank")
    qtbot.mouseClick(desk.page.rank, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: desk.ranking is not None and desk.ranking.done == 1)
    assert engine.asked(RankParts)[-1] == RankParts(desk.state.text)
    names = [bar.name for bar in desk.page.ranking.bars]
    assert names[0] == "Layer 2, head 2"
    assert len(names) == 6
    effects = desk.page.grid.effects
    assert effects is not None
    assert effects[1, 1] == pytest.approx(1 - np.exp(0.5 - 2.5))
    assert effects[0, 2] == 0  # it even helps to turn this one off
    assert "Layer 2, head 2" in desk.sentence() or desk.state.interventions
    desk.page.ranking.choose(1)
    assert desk.page.grid.current == (1, None)


@pytest.mark.parametrize(("language", "named"), [("en", "2 changes left out"), ("ja", "2 か所の変更を除いた")])
def test_a_ranking_says_that_it_leaves_the_changes_out(desk: Desk, qtbot: QtBot, language: str, named: str) -> None:
    set_language(language)
    page, patch = desk.page, Patched(1, "resid_post", 0, "The cat", "The dog")
    page.side_choice.choose("rank")
    assert page.unchanged.isHidden()
    desk.rank_by("")
    qtbot.waitUntil(lambda: desk.ranking is not None and desk.ranking.done == 1)
    desk.state.wish_interventions((patch, Scaled(0, 0)))
    set_by(qtbot, desk, patch, Scaled(0, 0))
    assert not page.unchanged.isHidden()
    said = plain(desk.sentence())
    assert all(words in said for words in (named, "60.0 %", "8.2 %"))
    assert len(said) <= (120 if language == "en" else 70)
    page.side_choice.choose("effect")
    assert named not in plain(desk.sentence())
    weak = Strongest((1, 1), level(0.5), level(0.5), " w0", None)
    assert "8.2" not in of_ranking(2, weak)
    assert named in plain(of_ranking(2, weak))


def test_a_ranking_is_forgotten_with_its_text(desk: Desk, qtbot: QtBot) -> None:
    desk.rank_by("copying")
    qtbot.waitUntil(lambda: desk.ranking is not None)
    desk.state.set_text("Another text")
    assert desk.ranking is None
    assert desk.page.grid.effects is None


def test_a_scene_sets_faders_and_ranks(desk: Desk, engine: FakeEngine, qtbot: QtBot) -> None:
    desk.act({"factors": {"1.1": 0, "0.mlp": 0.5}, "rank": "copying"})
    assert desk.page.grid.current == (1, 1)
    set_by(qtbot, desk, Scaled(1, 1, 0.0), Scaled(0, None, 0.5))
    assert engine.asked(RankParts)[-1].meter == "copying"


def test_what_was_chosen_is_kept(desk: Desk) -> None:
    desk.restore({"instead": "mean", "side": "rank", "group": "mlps"})
    assert desk.save() == {"instead": "mean", "side": "rank", "group": "mlps"}
    desk.restore({"instead": "effect", "side": 3, "group": "none"})
    assert desk.save()["instead"] == "mean"


def test_the_table_has_a_row_for_each_part(desk: Desk, qtbot: QtBot) -> None:
    desk.set_factors({(0, None): 0.5})
    set_by(qtbot, desk, Scaled(0, None, 0.5))
    table = desk.table()
    assert table is not None
    assert len(table.rows) == 6
    assert table.rows[2][:3] == (1, "mlp", 0.5)


# --- The sentence ---------------------------------------------------------------------------------------


def level(loss: float) -> Level:
    return Level(loss, float(np.exp(-loss)))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_sentence_says_what_the_numbers_show(language: str) -> None:
    set_language(language)
    found = mixed()
    said = plain(sentence(found, 2, None))
    assert all(words in said for words in ("w0", "60.0 %", "10.0 %", "w1", "70.0 %"))
    same = Mixed(found.ids, found.pieces, found.before, found.before)
    assert plain(sentence(same, 1, None)).count("60.0 %") == 2
    assert "60.0 %" in plain(sentence(same, 0, None))
    strong = Strongest((1, 1), level(0.5), level(2.5), " w0", None)
    said = plain(sentence(same, 0, strong))
    assert all(words in said for words in ("60.7 %", "8.2 %", "w0"))
    for meter in METERS:
        said = plain(sentence(same, 0, Strongest((1, 1), level(0.5), level(2.5), "", meter)))
        assert ("0.50" in said) if meter in BY_LOSS else ("8.2 %" in said)
    limit = 120 if language == "en" else 70
    assert max(len(sentence(same, n, x)) for n in (0, 2) for x in (None, strong)) <= limit


def test_in_a_model_in_which_no_head_matters_the_sentence_says_so() -> None:
    """Shuffled weights: without any head the loss stays as it is."""
    found = mixed()
    weak = Strongest((0, 1), level(9.0), level(9.01), " w0", None)
    assert sentence(found, 0, weak).startswith("No head matters here")


def test_a_ranking_knows_its_strongest_head_only_at_its_end() -> None:
    first, last = parts_tried(RankParts("a"))
    half = Ranking.begun(RankParts("a"), 2, 2).with_layer(first)  # type: ignore[arg-type]
    assert half.strongest() is None
    strongest = half.with_layer(last).strongest()  # type: ignore[arg-type]
    assert strongest is not None
    assert strongest.place == (1, 1)


# --- Marks in other panes -------------------------------------------------------------------------------


def test_the_mosaic_of_attention_marks_changed_heads(window: MainWindow, qtbot: QtBot) -> None:
    window.state.set_model(model())
    window.state.set_text("The capital of France")
    window.workspace.set_layout(1, ["attention"])
    window.workspace.show()
    window.show_pane("attention")
    mosaic = window.workspace.pane(AttentionPane).mosaic
    qtbot.waitUntil(lambda: bool(mosaic.weights))
    bad = mosaic.theme.color("bad")
    assert not painted(mosaic, bad).any()
    window.state.wish_interventions((Scaled(1, 1, 0.0), Scaled(0, 0, 0.5), Scaled(0, None, 0.5)))
    qtbot.waitUntil(lambda: len(window.state.interventions) == 3)
    assert mosaic._changed == {(1, 1): 0.0, (0, 0): 0.5}
    assert painted(mosaic, bad).any()
    assert "× 0.50" in mosaic._describe((0, 0))
    window.state.wish_interventions(())
    qtbot.waitUntil(lambda: not window.state.interventions)
    assert not painted(mosaic, bad).any()


def test_another_view_is_not_kept_waiting_for_the_one_before(desk: Desk, engine: FakeEngine) -> None:
    pane = desk.pane
    pane.ask(Mix("held"), lambda _: None)
    assert pane.asking("Mix")
    desk.pane.mode.choose("lens")  # type: ignore[attr-defined]
    assert not pane.asking("Mix")


# --- Geometry -------------------------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(1, 16), st.integers(400, 2000), st.integers(300, 1400))
def test_no_two_faders_overlap_and_all_are_inside(layers: int, heads: int, width: int, height: int) -> None:
    grid = FaderGrid()
    grid.resize(width, height)
    grid.set_data(layers, heads, {}, None, "")
    boxes = [grid.cell(place) for place in all_parts(layers, heads)]
    assert all(grid.rect().toRectF().contains(box) for box in boxes)
    lefts = sorted({box.left() for box in boxes})
    assert len(lefts) == heads + 1
    assert all(after - before >= boxes[0].width() for before, after in pairwise(lefts))


def test_bars_before_and_after_share_one_axis(qtbot: QtBot) -> None:
    bars = show(qtbot, PairBars(), 600, 200)
    bars.set_pairs([Pair("a", 1.0, 0.5, "100 % → 50 %"), Pair("b", 0.25, 0.0, "25 % → 0 %")])
    whole = bars.bar(0, 1.0, lower=False)
    assert bars.bar(0, 0.5, lower=True).width() == pytest.approx(whole.width() / 2)
    assert bars.bar(1, 0.25, lower=False).width() == pytest.approx(whole.width() / 4)
    assert bars.bar(0, 0.5, lower=True).top() == pytest.approx(whole.bottom())
    assert bars.describe_at(QPoint(5, round(bars.row_height() * 1.5))) == "b  25 % → 0 %"
    assert bars.describe_at(QPoint(5, 190)) == ""


def test_the_grid_paints_factors_effects_and_the_cross_of_a_part_that_is_off(qtbot: QtBot) -> None:
    grid = show(qtbot, FaderGrid(), 500, 400)
    effects = np.full((2, 3), np.nan)
    grid.set_data(2, 2, {}, None, "")
    sunken = grid.theme.color("sunken")
    plain_pixels = painted(grid, sunken).sum()
    effects[1] = 1.0
    grid.set_data(2, 2, {(0, 0): 0.0}, effects, "lost")
    assert 0 < painted(grid, sunken).sum() < plain_pixels / 1.5
    bright = painted(grid, share_color(1.0))
    assert bright[:, grid.cell((1, 0)).center().toPoint().x()].any()
    assert grid.describe((0, 0)) == "Layer 1, head 1: off"
    assert grid.describe((1, None)) == "Layer 2, MLP: 1.00"


def test_only_the_leading_candidates_are_listed(desk: Desk, engine: FakeEngine, qtbot: QtBot) -> None:
    shares = np.linspace(0.2, 0.01, 12, dtype=np.float32)
    pieces = tuple("abcdefghijkl")
    answer = Mixed(np.arange(12, dtype=np.int32), pieces, shares, shares[::-1].copy())
    engine.answers[Mix] = lambda _: [answer]
    desk.refresh()
    qtbot.waitUntil(lambda: not desk.pane.asking("Mix"))
    pairs = desk.page.candidates.pairs
    assert len(pairs) == CANDIDATES
    assert min(max(pair.before, pair.after) for pair in pairs) >= float(np.sort(np.maximum(shares, shares[::-1]))[-6])


@pytest.mark.parametrize(("width", "height"), [(560, 360), (800, 460), (1400, 900)])
def test_a_small_pane_keeps_the_faders(desk: Desk, width: int, height: int) -> None:
    page = desk.page
    desk.adapt_layout(QSize(width, height))
    assert not page.grid.isHidden()
    assert page.side.isHidden() == (width < 760)
    assert page.texts.isHidden() == (height < 530)
    assert page.meters.isHidden() == (height < 430)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_label_of_the_desk_is_in_the_language(desk: Desk, language: str) -> None:
    set_language(language)
    page = desk.page
    words = [button.text() for button in (page.off, page.on, page.all_on, page.rank)]
    words += [title.text() for title in page.titles.values()]
    words += [page.group.itemText(index) for index in range(page.group.count())]
    words += [page.meter.itemText(index) for index in range(page.meter.count())]
    assert all(word and not word.startswith("pane.") for word in words)
    assert any(not word.isascii() for word in words) or language == "en"


def test_the_ranking_can_be_cancelled(desk: Desk, engine: FakeEngine, qtbot: QtBot) -> None:
    del engine.answers[RankParts]  # it never ends
    desk.page.side_choice.choose("rank")
    qtbot.mouseClick(desk.page.rank, Qt.MouseButton.LeftButton)
    assert desk.page.rank.text() == "Cancel"
    assert not desk.page.progress.isHidden()
    qtbot.mouseClick(desk.page.rank, Qt.MouseButton.LeftButton)
    assert not desk.pane.asking("RankParts")
    assert desk.page.rank.text() == "Which matter most?"
    assert desk.page.progress.isHidden()


def test_texts_and_meters_of_the_faders_before_are_not_awaited(desk: Desk, engine: FakeEngine, qtbot: QtBot) -> None:
    del engine.answers[Rewrite], engine.answers[Measure]
    desk._ask_for_more()
    desk.set_factors({(0, 0): 0.5})
    set_by(qtbot, desk, Scaled(0, 0, 0.5))
    assert not any(map(desk.pane.asking, ("Rewrite", "Measure")))


def test_the_map_outlines_what_is_changed(window: MainWindow, qtbot: QtBot) -> None:
    window.state.set_model(model())
    window.state.set_text("The capital of France")
    window.workspace.set_layout(1, ["map"])
    window.workspace.show()
    window.show_pane("map")
    pane = window.workspace.pane(MapPane)
    qtbot.waitUntil(lambda: pane.map.view is not None)
    bad = pane.map.theme.color("bad")
    assert not painted(pane.map, bad).any()
    window.state.wish_interventions((Scaled(1, 1, 0.0), Scaled(0, None, 0.5)))
    qtbot.waitUntil(lambda: getattr(pane.map.view, "changed", None) == {(1, "attention"), (0, "mlp")})
    assert painted(pane.map, bad).any()


def test_nothing_is_computed_for_the_desk_while_another_view_is_shown(
    desk: Desk, engine: FakeEngine, qtbot: QtBot
) -> None:
    pane, answers = desk.pane, dict(engine.answers)
    assert isinstance(pane, InsidePane)
    del engine.answers[Rewrite], engine.answers[Measure], engine.answers[RankParts]  # they never end
    desk._ask_for_more()
    desk.rank_by("copying")
    pane.mode.choose("lens")
    assert not any(map(desk.pane.asking, desk.long_work))
    engine.answers.update(answers)
    pane.mode.choose("desk")
    qtbot.waitUntil(lambda: desk.ranking is not None and desk.ranking.done == 1)
    assert engine.asked(RankParts)[-1].meter == "copying"


def test_a_ranking_is_kept_while_another_view_is_shown(desk: Desk, engine: FakeEngine, qtbot: QtBot) -> None:
    pane = desk.pane
    assert isinstance(pane, InsidePane)
    desk.rank_by("")
    qtbot.waitUntil(lambda: desk.ranking is not None and desk.ranking.done == 1)
    found = desk.ranking
    pane.mode.choose("lens")
    pane.mode.choose("desk")
    assert desk.ranking is found
    assert len(engine.asked(RankParts)) == 1
    desk.state.note_training_steps()
    desk.refresh()
    assert desk.ranking is None


def test_the_text_of_training_has_a_meter_of_its_own(desk: Desk, engine: FakeEngine, qtbot: QtBot) -> None:
    assert "corpus" not in desk.meters()
    desk.state.set_corpus(TextInfo(("/own.txt",), "own.txt", 1, 100, 90, "utf-8", "Once", "utf-8"))
    assert desk.page.meter.findData("corpus") >= 0
    qtbot.waitUntil(lambda: engine.asked(Measure)[-1].paths == ("/own.txt",))
    qtbot.waitUntil(lambda: desk.shown is not None and "corpus" in desk.shown.levels)
    desk.rank_by("corpus")
    assert engine.asked(RankParts)[-1] == RankParts(desk.state.text, "corpus", paths=("/own.txt",), encoding="utf-8")
    desk.state.set_corpus(None)
    assert desk.shown is not None
    assert "corpus" not in desk.shown.levels
    assert desk.page.meter.findData("corpus") < 0
