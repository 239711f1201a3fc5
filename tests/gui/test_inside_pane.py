"""The Inside pane: the lens as a table, the way of an answer through the layers, and the parts of its logit."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QFontMetricsF
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.inside import ReadLens, SplitLogit
from engine.messages.models import OpenModel
from gui.i18n import set_language
from gui.panes.inside.lens import Lens
from gui.panes.inside.lens_picture import SMALLEST, TYPE
from gui.panes.inside.lens_sentence import guessing_sentence, led_since, sentence
from gui.panes.inside.logit_bars import LogitBars, bars_of
from gui.panes.inside.pane import InsidePane
from gui.panes.inside.rank_plot import LARGEST_POINT
from gui.theme import NORMAL, SMALL
from gui.window.main_window import MainWindow
from tests.gui.fakes import (
    LENS_LAYERS as LAYERS,
    LENS_TOKENS as TOKENS,
    FakeEngine,
    lens_grid as grid,
    logit_parts as parts,
    model,
)
from tests.gui.hands import plain


@pytest.fixture
def pane(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> InsidePane:
    window.state.set_model(model())
    window.state.set_text("The capital of France")
    window.workspace.set_layout(1, ["inside"])
    window.workspace.show()
    window.show_pane("inside")
    made = window.workspace.pane(InsidePane)
    qtbot.waitUntil(lambda: made.part_of(Lens).parts is not None)
    return made


@pytest.fixture
def lens(pane: InsidePane) -> Lens:
    return pane.part_of(Lens)


def test_the_cells_show_what_the_engine_answered(lens: Lens, engine: FakeEngine) -> None:
    assert engine.asked(ReadLens)[-1].text == "The capital of France"
    picture = lens.page.layers
    assert picture.column == TOKENS - 1
    assert picture.row == LAYERS
    for row in range(LAYERS + 1):
        assert picture.cell_at(picture.cell(row, 2).center().toPoint()) == (row, 2)
    words = plain(picture.describe(1, 2))
    assert f"“␣w{grid().ids[1, 2, 0]}” ({100 * grid().probabilities[1, 2, 0]:.1f} %)" in words


def test_of_many_layers_so_many_are_shown_that_their_words_can_be_read(lens: Lens) -> None:
    picture, few = lens.page.layers, grid()
    assert picture.rows() == list(range(LAYERS + 1))
    many = replace(few, ids=np.repeat(few.ids, 20, axis=0), probabilities=np.repeat(few.probabilities, 20, axis=0))
    last = len(many.ids) - 1
    for row in (last, 17, 0):
        picture.set_data(many, row, 1)
        rows = picture.rows()
        assert {0, row, last} <= set(rows)
        assert len(rows) < len(many.ids)
        assert picture.cell(rows[1], 1).height() >= picture.theme.px(NORMAL)
        assert [picture.cell_at(picture.cell(one, 2).center().toPoint()) for one in rows] == [(r, 2) for r in rows]


def test_all_layers_of_a_small_model_are_shown_in_a_low_tile_and_long_words_in_smaller_type(lens: Lens) -> None:
    picture = lens.page.layers
    picture.resize(400, picture.theme.px(150))
    assert picture.rows() == list(range(LAYERS + 1))
    box = picture.cell(1, 1)
    assert box.height() * TYPE >= picture.theme.px(SMALLEST) - 1
    short, long = (picture._font_for(words, QRectF(0, 0, 60, 30)).pixelSize() for words in ("a", "wonderfully"))
    assert short > long >= picture.theme.px(SMALL)


def test_the_tuned_lens_is_asked_for_and_says_how_much_nearer_it_is(
    lens: Lens, engine: FakeEngine, qtbot: QtBot
) -> None:
    assert not engine.asked(ReadLens)[-1].tuned
    assert lens.pane.subtitle() == "Logit lens"
    engine.answers[ReadLens] = lambda request: [
        replace(grid(), tuned=((8.0, 3.0), (4.0, 1.0)) if request.tuned else ())
    ]
    qtbot.mouseClick(lens.page.tuned, Qt.MouseButton.LeftButton)
    assert engine.asked(ReadLens)[-1].tuned
    qtbot.waitUntil(lambda: lens.pane.subtitle() == "Tuned lens: on average 2.0 bits from the output, plain 6.0")
    qtbot.mouseClick(lens.page.tuned, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: lens.pane.subtitle() == "Logit lens")


def test_a_model_whose_text_is_unknown_is_read_through_the_plain_lens(
    lens: Lens, engine: FakeEngine, qtbot: QtBot
) -> None:
    unknown = Ended(0, "failed", "error.origin_unknown", {"model": "toy"})
    engine.answers[ReadLens] = lambda request: [unknown] if request.tuned else [grid()]
    qtbot.mouseClick(lens.page.tuned, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not lens.page.tuned.isChecked())
    qtbot.waitUntil(lambda: not lens.pane.asking("ReadLens"))
    assert not engine.asked(ReadLens)[-1].tuned


def test_a_click_selects_a_cell_and_its_token_everywhere(lens: Lens, engine: FakeEngine, qtbot: QtBot) -> None:
    place = lens.page.layers.cell(1, 0).center().toPoint()
    qtbot.mouseClick(lens.page.layers, Qt.MouseButton.LeftButton, pos=place)
    assert lens.state.token == 0
    assert lens.page.candidates.bars[0].name == f"␣w{grid().ids[1, 0, 0]}"
    assert engine.asked(SplitLogit)[-1] == SplitLogit("The capital of France", 0, 1)
    qtbot.keyClick(lens.page.layers, Qt.Key.Key_Right)
    assert lens.state.token == 1


def test_a_typed_word_is_followed(lens: Lens, engine: FakeEngine, qtbot: QtBot) -> None:
    qtbot.keyClicks(lens.page.word, "Paris")
    qtbot.waitUntil(lambda: engine.asked(ReadLens)[-1].word == "Paris")
    assert lens.save() == {"word": "Paris"}


def test_the_rank_is_drawn_on_a_logarithmic_axis(lens: Lens) -> None:
    plot = lens.page.ranks
    assert plot.ticks() == [1, 10, 100, 1000]
    third = plot.area().height() / 3
    plot.ranks = np.array([1000, 100, 10, 1], np.int32)
    heights = [plot.point(layer).y() for layer in range(4)]
    assert np.diff(heights) == pytest.approx([-third] * 3)
    assert "rank 10" in plain(plot.describe_at(plot.point(2).toPoint()))
    assert plot.describe_at(QPoint(0, 0)) == ""


@pytest.mark.parametrize("content_zoom", [1.0, 2.7])
def test_the_last_layer_of_the_rank_plot_is_inside_it(
    pane: InsidePane, window: MainWindow, content_zoom: float
) -> None:
    pane.settings.content_zoom = content_zoom
    window.appearance.apply_theme()
    plot = pane.part_of(Lens).page.ranks
    plot.set_data(np.arange(31, 0, -1, dtype=np.int32), np.ones(31, np.float32), "", 30)
    half = QFontMetricsF(plot.theme.font(NORMAL)).horizontalAdvance("30") / 2
    assert plot.point(30).x() + max(half, plot.theme.px(LARGEST_POINT)) <= plot.width()


def test_the_bars_add_up_to_the_logit() -> None:
    bars = bars_of(parts())
    assert sum(bar.value for bar in bars[:-1]) == pytest.approx(3.0, abs=1e-5)
    assert bars[-1].value == 3.0
    sizes = [abs(bar.value) for bar in bars[:-2]]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("height", [400, 160, 90])
def test_the_others_and_the_whole_logit_are_seen_at_every_height(qtbot: QtBot, height: int) -> None:
    bars = LogitBars()
    qtbot.addWidget(bars)
    bars.set_parts(parts())
    bars.resize(300, height)
    bars.show()
    assert bars.row_count() == len(bars.bars)
    assert sum(bar.value for bar in bars.bars[:-1]) == pytest.approx(bars.bars[-1].value, abs=1e-5)


def test_without_a_text_the_pane_explains_itself(pane: InsidePane, engine: FakeEngine) -> None:
    pane.state.set_text("")
    assert pane.empty.isVisible()
    assert pane.sentence() == ""
    assert pane.table() is None
    assert engine.asked(OpenModel) == []


def test_the_table_has_a_row_for_each_cell(pane: InsidePane) -> None:
    table = pane.table()
    assert table is not None
    assert len(table.rows) == (LAYERS + 1) * TOKENS
    assert table.rows[-1][-1] == 1


# --- The sentence -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        (
            [400, 30, 1, 1],
            "“Paris” leads from layer 2 of 3 on; one layer before it has rank 30. At the end it has 90.0 %.",
        ),
        ([400, 1, 2, 1], "“Paris” takes the lead in the last layer only: rank 2 before it, 90.0 % after it."),
        ([1, 1, 1, 1], "“Paris” is the likeliest from the input on, and 90.0 % after layer 3."),
        ([9, 4, 3, 5], "“Paris” does not win: rank 5 with 90.0 % at the end, and rank 3 at best."),
    ],
)
def test_the_sentence_says_where_the_answer_appears(ranks: list[int], said: str) -> None:
    assert plain(sentence(np.array(ranks, np.int32), np.array([0, 0, 0, 0.9], np.float32), " Paris")) == said


def test_an_answer_below_five_percent_is_called_unsure() -> None:
    ranks, probabilities = np.array([9, 1, 1], np.int32), np.array([0, 0.01, 0.049], np.float32)
    assert plain(sentence(ranks, probabilities, "a")).startswith("The model is unsure: even its likeliest token, “a”,")


@given(st.lists(st.floats(0, 1, width=32), max_size=9))
def test_a_text_predicted_worse_than_by_guessing_is_said_to_mean_little(shares: list[float]) -> None:
    said = guessing_sentence(np.array(shares, np.float32), 1000)
    surprises = [-math.log(max(share, 1e-30)) for share in shares]
    if len(shares) < 3 or sum(surprises) / len(shares) < math.log(1000) - 1e-6:
        assert said == ""
    elif sum(surprises) / len(shares) > math.log(1000) + 1e-6:
        assert f"{sum(surprises) / len(shares):.1f} nats a token, not 6.9" in plain(said)


def test_a_random_model_is_said_to_mean_little(engine: FakeEngine, lens: Lens, qtbot: QtBot) -> None:
    assert "means little" not in lens.sentence()
    engine.answers[ReadLens] = lambda _: [replace(grid(), target_probabilities=grid().target_probabilities * 1e-4)]
    lens.refresh()
    qtbot.waitUntil(lambda: "means little" in lens.sentence())


@pytest.mark.parametrize("language", ["en", "ja"])
@given(ranks=st.lists(st.integers(1, 60_000), min_size=2, max_size=33))
def test_every_way_through_the_layers_has_a_short_sentence(language: str, ranks: list[int]) -> None:
    set_language(language)
    way = np.array(ranks, np.int32)
    words = sentence(way, np.full(len(ranks), 0.25, np.float32), " Paris")
    assert "Paris" in words
    assert len(words) <= 120
    since = led_since(way)
    assert all(rank == 1 for rank in ranks[since:])
    assert since == 0 or ranks[since - 1] != 1


def test_without_a_text_each_view_says_what_it_will_show(lens: Lens) -> None:
    pane = lens.pane
    assert isinstance(pane, InsidePane)
    lens.state.set_text("")
    promised = set()
    for name, part in pane.parts.items():
        pane.mode.choose(name)
        assert pane.empty.isVisible() == part.needs_text
        pane.explain_empty(pane.empty)
        promised.add(pane.empty.words.text())
    assert len(promised) == len(pane.parts)
