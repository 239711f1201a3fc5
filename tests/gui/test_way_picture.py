"""The way of a model, whatever it is: its path, what its sentence claims, and where its picture has what."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.messages.way import Station, StationMeasured, Way
from gui.i18n import set_language
from gui.panes.tuning.way_picture import RULER, WayPicture, value_of
from gui.panes.tuning.way_sentence import WayShown, growth, sentence
from gui.theme import DARK, LIGHT
from tests.gui.hands import Hover, look, painted, plain, show

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PROMPTS = ("What does a fox eat?", "The cow")


def station(name: str, base: str = "", method: str = "examples", prompts: tuple[str, ...] = ()) -> Station:
    return Station(f"/models/{name}", f"/models/{base}" if base else "", method if base else "", 40, prompts=prompts)


def found(name: str, texts: tuple[str, ...] = ("mice", "sleeps"), **values: Any) -> StationMeasured:
    known: dict[str, Any] = {"kl": 1.0, "distinct": 0.9, "length": 5.0, "old_loss": 2.0} | values
    return StationMeasured(f"/models/{name}", texts, **known)


def way(*measured: StationMeasured, opened: str = "polite", prompts: tuple[str, ...] = PROMPTS) -> WayShown:
    """Return base → asked → polite, with a model that was tuned from the first one too."""
    stations = (station("base"), station("asked", "base"), station("short", "base"), station("polite", "asked", "dpo"))
    return WayShown(Way(stations), f"/models/{opened}", prompts, {one.folder: one for one in measured})


@st.composite
def ways(draw: st.DrawFn) -> WayShown:
    """Return models that were tuned one from another at random, each after its base."""
    count = draw(st.integers(1, 12))
    bases = [draw(st.integers(0, n - 1)) for n in range(1, count)]
    stations = [station("0"), *(station(str(n), str(base)) for n, base in enumerate(bases, start=1))]
    return WayShown(Way(tuple(stations)), f"/models/{draw(st.integers(0, count - 1))}", PROMPTS)


# --- The path -----------------------------------------------------------------------------------------


@given(ways())
def test_the_path_goes_from_the_first_model_over_the_open_one_to_a_model_that_nothing_was_tuned_from(
    shown: WayShown,
) -> None:
    path = shown.path
    assert path[0].base == ""
    assert all(later.base == before.folder for before, later in pairwise(path))
    assert path[shown.place].folder == shown.opened
    assert not any(one.base == path[-1].folder for one in shown.way.stations)


@given(ways())
def test_beside_each_station_are_the_other_models_of_the_same_base(shown: WayShown) -> None:
    assert shown.branches(0) == ()
    for place in range(1, len(shown.path)):
        siblings = {one.folder for one in shown.way.stations if one.base == shown.path[place].base}
        assert {one.folder for one in shown.branches(place)} == siblings - {shown.path[place].folder}


# --- The sentence -------------------------------------------------------------------------------------


@given(
    kl=st.floats(0, 30),
    distinct=st.tuples(st.floats(0.05, 1), st.floats(0, 1)),
    losses=st.tuples(st.floats(0.1, 9), st.none() | st.floats(0.1, 9)),
    texts=st.lists(st.sampled_from(["mice", " mice", "rats", ""]), min_size=2, max_size=2),
)
def test_every_claim_of_the_sentence_is_true(
    kl: float, distinct: tuple[float, float], losses: tuple[float, float | None], texts: list[str]
) -> None:
    first = found("base", ("mice", "rats"), kl=0.0, distinct=distinct[0], old_loss=losses[0])
    now = found("polite", tuple(texts), kl=kl, distinct=distinct[1], old_loss=losses[1])
    words = plain(sentence(way(first, now)))
    new = sum(one.strip() != other for one, other in zip(texts, first.texts, strict=True))
    if "answers are" in words:
        assert f"{new} of 2 answers are" in words
    if "almost as before" in words:
        assert kl <= 0.02
    if "repeat themselves" in words:
        assert distinct[1] < distinct[0]
    if "has grown" in words or "more loss" in words:
        assert losses[1] is not None
        assert losses[1] > losses[0]
    if "lower" in words:
        assert losses[1] is not None
        assert losses[1] <= losses[0]
    assert words.startswith("Improved (DPO)")
    assert len(words) <= 140


@pytest.mark.parametrize("language", ["en", "ja"])
def test_nothing_is_claimed_before_it_is_measured(qapp: object, language: str) -> None:
    set_language(language)
    assert sentence(WayShown(Way(()), "")) == ""
    assert sentence(way()) == ""
    assert sentence(way(found("base"))) == ""
    assert sentence(way(found("polite"))) == ""  # nothing to compare it with
    assert sentence(WayShown(Way((station("base"),)), "/models/base")) != ""  # where to begin


def test_growth_is_the_share_by_which_the_loss_has_changed() -> None:
    assert growth(found("base", old_loss=2.0), found("now", old_loss=2.5)) == pytest.approx(0.25)
    assert growth(found("base", old_loss=None), found("now")) is None
    assert growth(found("base"), found("now", old_loss=None)) is None


# --- The picture --------------------------------------------------------------------------------------


@pytest.fixture
def picture(qtbot: QtBot) -> WayPicture:
    shown: WayPicture = show(qtbot, WayPicture(), 1000, 600)
    shown.set_data(
        way(found("base", kl=0.0), found("asked", ("mice", "drinks")), found("polite", kl=2.0, old_loss=2.5))
    )
    return shown


@QUICK
@given(shown=ways(), width=st.integers(200, 2600), height=st.integers(120, 1400))
def test_columns_and_boxes_never_overlap_and_stay_in_the_picture(
    picture: WayPicture, shown: WayShown, width: int, height: int
) -> None:
    picture.resize(width, height)
    picture.set_data(shown)
    places = picture.places
    assert places[0] == 0
    assert places[-1] == len(shown.path) - 1
    assert places == sorted(set(places))
    columns = [picture.column(place) for place in places]
    assert all(left.right() < right.left() for left, right in pairwise(columns))
    assert columns[-1].right() < width
    for place in places:
        boxes = [picture.head(place), *(box for box, _ in picture.chips(place))]
        assert all(above.bottom() < below.top() for above, below in pairwise(boxes))
        assert boxes[-1].bottom() <= picture.top
        for box, folder in zip(boxes, [shown.path[place], *shown.branches(place)[-2:]], strict=True):
            assert picture.folder_at(box.center()) == folder.folder
    rows = [box for _, _, box in picture.answers()]
    assert all(above.bottom() < below.top() for above, below in pairwise(rows))
    if picture.ruler_height:
        assert rows[-1].bottom() <= height - picture.ruler_height


def test_the_box_of_the_open_model_has_the_accent(picture: WayPicture) -> None:
    for opened in ("polite", "base"):
        shown = way(opened=opened)
        picture.set_data(shown)
        soft = painted(picture, picture.theme.color("accent_soft"))
        box = picture.head(shown.place)
        assert soft[box.top() : box.bottom(), box.left() : box.right()].any()
        soft[box.top() : box.bottom() + 1, box.left() : box.right() + 1] = False
        assert not soft.any()


def test_the_bars_of_the_ruler_are_in_one_scale(picture: WayPicture) -> None:
    widths = {}
    for place in picture.places:
        column = picture.column(place)
        for index, name in enumerate(RULER):
            mask = painted(picture, picture.theme.series_color(index))[:, column.left() : column.right() + 1]
            widths[place, name] = mask.any(0).sum() / column.width()
    values = {"kl": (0.0, 1.0, 2.0), "old_loss": (2.0, 2.0, 2.5), "distinct": (0.9, 0.9, 0.9)}
    for name, of_places in values.items():
        most = 1.0 if name == "distinct" else max(of_places)
        for place, value in enumerate(of_places):
            assert widths[place, name] == pytest.approx(value / most, abs=0.02), (place, name)


def test_a_measure_that_is_not_known_has_no_bar(picture: WayPicture) -> None:
    shown = way(found("base", old_loss=None), found("polite", old_loss=None))
    picture.set_data(shown)
    assert not painted(picture, picture.theme.series_color(RULER.index("old_loss"))).any()
    assert "Loss on old text" not in picture.words(0)
    assert value_of(found("base", old_loss=None), "old_loss") is None


def test_stations_are_described_with_their_answers_and_costs(picture: WayPicture, hover: Hover) -> None:
    words = plain(picture.accessibleDescription())
    assert "Pre-trained · base" in words
    assert "Improved (DPO) · polite" in words
    assert "The cow → drinks" in words
    assert "Loss on old text 2.50 (+25.0 %)" in words
    assert "KL 2.00 nats a text" in words
    told = hover(picture, picture.column(1).center())
    assert told.startswith("Examples · asked")
    assert "polite" not in told


def test_the_keyboard_reaches_only_stations_that_are_painted(picture: WayPicture) -> None:
    stations = [station("0"), *(station(str(n), str(n - 1)) for n in range(1, 12))]
    picture.resize(500, 500)
    picture.set_data(WayShown(Way(tuple(stations)), "/models/11", PROMPTS))
    assert len(picture.places) < 12
    for key in (Qt.Key.Key_Left,) * 14 + (Qt.Key.Key_Right,) * 14:
        QTest.keyClick(picture, key)
        assert picture.current in picture.places


def test_the_way_is_painted_in_both_themes_and_in_a_tiny_tile(picture: WayPicture) -> None:
    for theme in (DARK, LIGHT):
        look(theme)
        for size in ((1000, 600), (200, 120), (320, 90)):
            picture.resize(*size)
            assert painted(picture, picture.theme.color("accent_soft")).any()
    picture.set_data(WayShown(Way(()), ""))
    picture.grab()
    assert picture.accessibleDescription() == ""
    assert picture.folder_at(QPoint(10, 10)) == ""
