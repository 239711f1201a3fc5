"""The views of Inside: what one has asked for and shown, while another is looked at and the text and model change."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.messages.attribution import AttributeText, Contributions, Explained
from engine.messages.desk import Measure, Mix, Rewrite
from engine.messages.envelope import Ended
from engine.messages.patching import PatchEffects, PatchPair, PatchTexts
from engine.messages.precision import RoundedText, TryPrecisions
from engine.messages.steering import Steer, SteeredTexts
from gui.panes.inside.desk import Desk
from gui.panes.inside.pane import InsidePane
from gui.panes.inside.steer import STRENGTHS
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model

if TYPE_CHECKING:
    from collections.abc import Callable

KEEPING = {"attribution": AttributeText, "patch": PatchTexts, "steer": Steer, "precision": TryPrecisions}
BYTES = 1000


def attribution(_: Any) -> list[object]:
    explained = Explained(("The", " cat"), 0, " sat", "", 0.5, 0.0, -0.7, -3.0, whole=True)
    return [explained, *(Contributions(name, np.ones(2, np.float32)) for name in ("occlusion", "gradient"))]


def patches(_: Any) -> list[object]:
    pair = PatchPair((("a", "b"), ("a", "c")), ("x", "y"), np.full((2, 2), 0.5, np.float32), 2, 2, "")
    return [pair, *(PatchEffects(layer, 0, np.ones(2, np.float32)) for layer in (1, 0))]


def texts(_: Any) -> list[object]:
    none, perplexities = (0.0,) * len(STRENGTHS), (3.0,) * len(STRENGTHS)
    return [SteeredTexts(STRENGTHS, (" a cat",) * len(STRENGTHS), none, perplexities, 1.0, 0.1, done=True)]


def widths(request: TryPrecisions) -> list[object]:
    return [RoundedText(bits, " sat", 3.0, BYTES, 1) for bits in request.bits]


@pytest.fixture
def pane(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> InsidePane:
    engine.answers |= {AttributeText: attribution, PatchTexts: patches, Steer: texts, TryPrecisions: widths}
    window.state.set_model(model())
    window.state.set_text("The cat")
    window.workspace.set_layout(1, ["inside"])
    window.workspace.show()
    window.show_pane("inside")
    return window.workspace.pane(InsidePane)


@pytest.fixture(params=KEEPING)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def asked(engine: FakeEngine, name: str) -> int:
    return len(engine.asked(KEEPING[name]))


def settle(qtbot: QtBot, pane: InsidePane, name: str) -> None:
    qtbot.waitUntil(lambda: not pane.asking(KEEPING[name].__name__))


def test_a_view_that_was_left_before_its_answer_asks_again(pane: InsidePane, engine: FakeEngine, name: str) -> None:
    pane.mode.choose(name)
    pane.mode.choose("lens")  # before the engine had a turn
    pane.mode.choose(name)
    assert asked(engine, name) == 2
    assert pane.asking(KEEPING[name].__name__)


def test_a_view_that_is_complete_does_not_ask_again(
    pane: InsidePane, engine: FakeEngine, qtbot: QtBot, name: str
) -> None:
    pane.mode.choose(name)
    settle(qtbot, pane, name)
    pane.mode.choose("lens")
    pane.mode.choose(name)
    assert asked(engine, name) == 1


def test_a_request_that_failed_is_sent_again(pane: InsidePane, engine: FakeEngine, qtbot: QtBot, name: str) -> None:
    answers = engine.answers[KEEPING[name]]
    engine.answers[KEEPING[name]] = lambda _: [Ended(0, "failed", "error.model_memory", {"need": "2", "have": "1"})]
    pane.mode.choose(name)
    settle(qtbot, pane, name)
    engine.answers[KEEPING[name]] = answers
    pane.mode.choose("lens")
    pane.mode.choose(name)
    assert asked(engine, name) == 2


@pytest.mark.parametrize("change", ["model", "training"])
@pytest.mark.parametrize("seen", [True, False])
def test_a_view_of_other_weights_is_computed_anew(
    pane: InsidePane, engine: FakeEngine, qtbot: QtBot, name: str, change: str, seen: bool
) -> None:
    changes: dict[str, Callable[[], None]] = {
        "model": lambda: pane.state.set_model(replace(model(), name="other", folder="/models/other")),
        "training": pane.state.note_training_steps,
    }
    pane.mode.choose(name)
    settle(qtbot, pane, name)
    if not seen:
        pane.mode.choose("lens")
    changes[change]()
    pane.mode.choose(name)
    assert asked(engine, name) == 2


@pytest.mark.parametrize("missing", ["model", "text"])
def test_no_view_asks_for_what_there_is_no_model_or_text_for(
    pane: InsidePane, engine: FakeEngine, qtbot: QtBot, name: str, missing: str
) -> None:
    pane.mode.choose(name)
    settle(qtbot, pane, name)
    if missing == "model":
        pane.state.set_model(None)
    elif name != "patch":  # it has prompts of its own
        pane.state.set_text("")
    before = asked(engine, name)
    pane.hide()
    pane.show()
    pane.state.weights_changed.emit()
    QApplication.processEvents()
    assert asked(engine, name) == before
    assert not pane.asking(KEEPING[name].__name__)


def test_the_desk_shows_nothing_that_another_model_has_written_or_measured(
    pane: InsidePane, engine: FakeEngine, qtbot: QtBot
) -> None:
    pane.mode.choose("desk")
    desk = pane.part_of(Desk)
    qtbot.waitUntil(lambda: desk.shown is not None and bool(desk.shown.levels) and bool(desk.shown.before))
    del engine.answers[Rewrite], engine.answers[Measure]
    count = len(engine.asked(Mix))
    pane.state.set_model(replace(model(), name="other", folder="/models/other"))
    qtbot.waitUntil(lambda: len(engine.asked(Mix)) > count and not pane.asking("Mix"))
    assert desk.shown is not None
    assert (desk.shown.before, desk.shown.levels) == ((), {})
