"""The way of a model in the window: the stations, their answers, what they cost, and the first click."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from engine.messages.choices import ListPrompts, Prompts
from engine.messages.models import OpenModel
from engine.messages.tuning import ListPairSets, Pair, PairSet, TuneOnPairs
from engine.messages.way import MeasureWay, ReadWay, Station, StationMeasured, Way
from gui.panes.tuning.way_picture import WayPicture
from gui.panes.tuning.way_sentence import WayShown, sentence
from gui.window.main_window import MainWindow
from tests.gui import fakes
from tests.gui.fakes import FakeEngine
from tests.gui.hands import LEFT, click, show

BASE = "/models/base"
EXAMPLES = Station("/models/examples-1", BASE, "examples", 120, prompts=("What does the fox eat?", "The fox"))
DPO = Station("/models/dpo-1", EXAMPLES.folder, "dpo", 60)
OTHER = Station("/models/reinforce-1", EXAMPLES.folder, "reinforce", 60)
WAY = Way((Station(BASE), EXAMPLES, OTHER, DPO))
ALONE = Way((Station(BASE),))


def measured(folder: str, kl: float = 0.0, distinct: float = 0.98, old_loss: float | None = 0.6) -> StationMeasured:
    return StationMeasured(folder, (f"{folder} answers", "runs."), kl, distinct, 20.0, old_loss)


def shown(*found: StationMeasured, way: Way = WAY, opened: str = DPO.folder) -> WayShown:
    return WayShown(way, opened, EXAMPLES.prompts, {one.folder: one for one in found})


# --- The path and the sentence ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opened", "path"),
    [
        (BASE, [BASE, EXAMPLES.folder, DPO.folder]),
        (EXAMPLES.folder, [BASE, EXAMPLES.folder, DPO.folder]),
        (OTHER.folder, [BASE, EXAMPLES.folder, OTHER.folder]),
    ],
)
def test_the_path_leads_over_the_open_model_to_the_newest_one(opened: str, path: list[str]) -> None:
    found = WayShown(WAY, opened)
    assert [station.folder for station in found.path] == path
    assert found.path[found.place].folder == opened


def test_branches_are_the_models_tuned_from_the_same_one() -> None:
    found = WayShown(WAY, DPO.folder)
    assert [found.branches(place) for place in range(3)] == [(), (), (OTHER,)]


def test_with_nothing_yet_the_sentence_says_how_to_begin() -> None:
    assert "begin with the examples" in sentence(WayShown(ALONE, BASE))
    assert sentence(WayShown(Way(()), BASE)) == ""


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (measured(DPO.folder, 1.5, old_loss=0.63), "KL 1.5 nats a text and 5.0"),
        (measured(DPO.folder, 1.5, old_loss=0.57), "5.0"),
        (measured(DPO.folder, 1.5, old_loss=None), "KL divergence of 1.5"),
        (measured(DPO.folder, 0.001), "almost as before"),
        (measured(DPO.folder, 40.0, old_loss=1.2), "little of the first model is left"),
        (measured(DPO.folder, 4.0, distinct=0.3), "repeat themselves"),
    ],
)
def test_the_sentence_speaks_of_what_was_measured(now: StationMeasured, expected: str) -> None:
    found = sentence(shown(measured(BASE), now))
    assert expected in found
    assert found.startswith("Improved (DPO)")


def test_changed_answers_are_counted() -> None:
    now = measured(DPO.folder, 1.5, old_loss=None)  # its first answer differs from that of the first model
    assert "1 of 2 answers" in sentence(shown(measured(BASE, old_loss=None), now))


# --- The picture --------------------------------------------------------------------------------------


@pytest.fixture
def picture(qtbot: QtBot) -> WayPicture:
    made = WayPicture()
    made.set_data(shown(measured(BASE), measured(EXAMPLES.folder, 2.0), measured(DPO.folder, 1.0)))
    found: WayPicture = show(qtbot, made, 1000, 600)
    return found


def test_stations_and_branches_are_opened_by_clicks(qtbot: QtBot, picture: WayPicture) -> None:
    opened: list[str] = []
    picture.chosen.connect(opened.append)
    click(picture, picture.head(1).center())
    click(picture, picture.chips(2)[0][0].center())
    click(picture, QPoint(500, 599))  # below: nothing
    assert opened == [EXAMPLES.folder, OTHER.folder]


def test_stations_are_opened_by_keys(qtbot: QtBot, picture: WayPicture) -> None:
    with qtbot.waitSignal(picture.chosen) as found:
        for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Return):
            qtbot.keyClick(picture, key)
    assert found.args == [EXAMPLES.folder]


def test_columns_do_not_overlap_and_a_narrow_strip_shows_the_ends(picture: WayPicture) -> None:
    columns = [picture.column(place) for place in picture.places]
    assert all(left.right() < right.left() for left, right in pairwise(columns))
    picture.resize(320, 400)
    assert picture.places == [0, 2]


def test_the_ruler_has_one_axis_for_all_stations(picture: WayPicture) -> None:
    assert picture.most("kl") == 2.0
    assert picture.most("distinct") == 1.0
    assert "+0.0" in picture.words(1)  # the loss on old text with its change


def test_the_tip_has_every_answer(picture: WayPicture) -> None:
    words = picture.words(0)
    assert f"What does the fox eat? → {BASE} answers" in words
    assert "The fox → runs." in words


# --- In the window ------------------------------------------------------------------------------------


@pytest.fixture
def pane(window: MainWindow, engine: FakeEngine, tmp_path: Path) -> Any:
    engine.answers[ListPrompts] = lambda _: [Prompts(("The dog",), ("The owl",), 24)]
    found: Any = window.workspace.pane("tuning")
    found.tuner.models = tmp_path / "models"
    window.workspace.set_layout(1, ["tuning"])
    return found


def measuring(request: MeasureWay) -> list[StationMeasured]:
    return [measured(folder, kl=float(place)) for place, folder in enumerate(request.folders)]


def test_the_way_is_read_and_its_models_answer_the_questions_of_their_runs(
    window: MainWindow, pane: Any, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.answers |= {ReadWay: lambda _: [WAY], MeasureWay: measuring}
    window.state.set_model(fakes.model(DPO.folder))
    pane.mode.choose("way")
    qtbot.waitUntil(lambda: len(pane.part.shown.measured) == 3)
    assert engine.asked(ReadWay)[-1].folder == DPO.folder
    assert engine.asked(MeasureWay)[-1].prompts == EXAMPLES.prompts
    assert pane.sentence().startswith("Improved (DPO)")
    assert len(pane.table().rows) == 6
    count = len(engine.asked(MeasureWay))
    pane.part.refresh()
    qtbot.waitUntil(lambda: not pane.asking("ReadWay"))
    assert len(engine.asked(MeasureWay)) == count  # what is known is not asked for again


def test_a_click_opens_the_model_of_a_station(window: MainWindow, pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers |= {ReadWay: lambda _: [WAY], MeasureWay: measuring}
    window.state.set_model(fakes.model(DPO.folder))
    pane.mode.choose("way")
    qtbot.waitUntil(lambda: len(pane.part.shown.way.stations) == 4)
    picture = pane.part.page.picture
    click(picture, picture.head(0).center())
    assert engine.asked(OpenModel)[-1].folder == BASE


def test_with_nothing_yet_one_click_begins_the_first_stage(
    window: MainWindow, pane: Any, engine: FakeEngine, qtbot: QtBot
) -> None:
    pairs = tuple(Pair(f"Who is {n}?", "I am.") for n in range(5))
    sets = [PairSet("world", "en", pairs), PairSet("world", "ja", ())]
    engine.answers |= {ReadWay: lambda _: [ALONE], ListPairSets: lambda _: sets}
    window.state.set_model(fakes.model(BASE))
    pane.mode.choose("way")
    qtbot.waitUntil(lambda: bool(pane.part.shown.way.stations))
    assert "begin with the examples" in pane.sentence()
    qtbot.mouseClick(pane.part.page.begin, LEFT)
    qtbot.waitUntil(lambda: bool(engine.asked(TuneOnPairs)))
    [asked] = engine.asked(TuneOnPairs)
    assert (asked.pairs, asked.questions) == (pairs, tuple(pair.prompt for pair in pairs[:3]))
    assert pane.mode.current == "examples"


@pytest.mark.parametrize("stage", ["examples", "choices", "improve"])
def test_the_card_of_a_stage_leads_to_it(
    window: MainWindow, pane: Any, engine: FakeEngine, qtbot: QtBot, stage: str
) -> None:
    engine.answers[ReadWay] = lambda _: [ALONE]
    window.state.set_model(fakes.model(BASE))
    pane.mode.choose("way")
    part = pane.part
    qtbot.waitUntil(lambda: bool(part.shown.way.stations))
    qtbot.mouseClick(part.page.cards[stage], LEFT)
    assert pane.mode.current == stage


def test_measuring_goes_on_when_the_pane_is_shown_again(
    window: MainWindow, pane: Any, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.answers |= {ReadWay: lambda _: [WAY]}
    window.state.set_model(fakes.model(DPO.folder))
    pane.mode.choose("way")
    qtbot.waitUntil(lambda: len(engine.asked(MeasureWay)) == 1)
    window.workspace.set_layout(1, ["tokens"])
    qtbot.waitUntil(lambda: not pane.asking("MeasureWay"))
    window.workspace.set_layout(1, ["tuning"])
    qtbot.waitUntil(lambda: len(engine.asked(MeasureWay)) == 2)
