"""The status line: the name of the model, and the state of the engine."""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from engine import messages
from engine.messages.attention import Attend
from engine.messages.envelope import Ended, Request
from engine.messages.models import OpenModel
from engine.messages.status import LayersDone
from engine.messages.texts import AssessText
from gui import i18n
from gui.doing import doing
from gui.i18n import t
from gui.settings import Settings
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model


def test_the_name_of_the_model_is_whole_beside_a_warning(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 720)
    window.state.set_model(model())
    window.status.set_warning(t("status.surprised", loss="7.9", guessing="8.3"))
    qtbot.waitUntil(lambda: window.status.model.text().endswith("123,456, 32 bits each · CPU"))


def test_the_device_is_named_until_its_memory_is_full(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[Attend] = lambda request: [Ended(0, "failed", "error.device_full")]
    window.show_pane("attention")
    window.state.set_model(replace(model(), device="cuda"))
    assert window.status.model.toolTip().endswith("· GPU")
    window.state.set_text("The fox sees the dog.")
    qtbot.waitUntil(lambda: window.status.model.toolTip().endswith("· CPU"))


def test_the_cost_of_rounded_weights_is_explained(window: MainWindow) -> None:
    assert "\n" not in window.status.model.toolTip()
    window.state.set_model(replace(model(), weights="int8", file_bits=5.74))
    explained = window.status.model.toolTip()
    assert t("status.cost.file", bits="5.7") in explained
    assert t("status.cost.int8") in explained


def test_a_large_model_is_opened_again_with_the_other_number_of_bits(window: MainWindow, engine: FakeEngine) -> None:
    window.state.set_model(replace(model(), folder="big", weights="int8"))
    window.actions_table.by_name["weights"].trigger()
    assert engine.requests[-1] == OpenModel("big", "float16")
    window.state.set_model(replace(model(), folder="small", weights="float32"))
    asked = len(engine.requests)
    window.actions_table.by_name["weights"].trigger()
    assert window.settings.weights == "int8"
    assert not any(isinstance(request, OpenModel) for request in engine.requests[asked:])


def test_the_name_of_the_model_is_cut_at_its_end_where_it_has_no_room(window: MainWindow, qtbot: QtBot) -> None:
    window.settings.zoom = 2.0
    window.appearance.apply_theme()
    window.resize(1280, 720)
    window.state.set_model(model())
    window.status.set_warning(t("status.surprised", loss="7.9", guessing="8.3"))
    whole = window.status.model.toolTip()
    qtbot.waitUntil(lambda: window.status.model.text().endswith("…"))
    assert whole.startswith(window.status.model.text()[:-1])
    window.status.set_warning("")
    qtbot.waitUntil(lambda: window.status.model.text() == whole)


def test_an_engine_that_is_still_starting_is_not_shown_as_stopped(qtbot: QtBot, tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.alive = False
    shown = MainWindow(engine, Settings(language="en", welcomed=True), tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(shown)
    shown.show()
    assert shown.status.engine.text() == t("status.starting")
    assert not shown.status.restart.isVisible()
    shown.begin([])
    qtbot.waitUntil(lambda: shown.status.engine.text() == t("status.ready"))
    shown.close()


# --- What the engine does -------------------------------------------------------------------------


@pytest.fixture
def slow(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> MainWindow:
    """Return a window whose engine has begun to compute attention, and has not answered yet."""
    window.workspace.set_layout(1, ["attention"])
    window.state.set_model(model())
    qtbot.waitUntil(lambda: window.status.engine.text() == t("status.ready"))
    del engine.answers[Attend]
    window.state.set_text("The fox")
    return window


def test_the_status_line_says_what_the_engine_computes_and_how_far_it_is(
    slow: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    assert slow.status.engine.text() == t("status.ready")  # a short job is not shown
    qtbot.waitUntil(lambda: slow.status.engine.text() == "Computing attention")
    engine.send(Attend, LayersDone(12, 30))
    qtbot.waitUntil(lambda: slow.status.engine.text() == "Computing attention, layer 12 of 30")
    pane: Any = slow.workspace.pane("attention")
    assert pane.veil._notice.words == slow.status.engine.text()  # one word for one thing
    i18n.set_language("ja")
    assert slow.status.engine.text() == pane.veil._notice.words == "アテンションを計算中（30 層のうち 12 層）"
    engine.end(Attend, Ended(0, "done"))
    assert slow.status.engine.text() == t("status.ready")


def test_a_job_that_is_cancelled_is_not_shown_any_longer(slow: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: slow.status.engine.text() == "Computing attention")
    slow.state.set_text("")
    qtbot.waitUntil(lambda: slow.status.engine.text() == t("status.ready"))


def test_a_run_and_the_saving_are_shown_before_other_jobs(slow: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: slow.status.engine.text() == "Computing attention")
    slow.state.set_training(True)
    assert slow.status.engine.text() == t("status.training")
    slow.engine_status.show_saving()
    assert slow.status.engine.text() == t("status.saving")
    slow.state.set_training(False)


def test_a_text_is_assessed_only_when_the_panes_have_their_answers(
    slow: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    slow.warning._pause.setInterval(10)
    slow.warning._pause.start()
    qtbot.wait(60)
    assert not any(request.text == "The fox" for request in engine.asked(AssessText))
    engine.end(Attend, Ended(0, "done"))
    qtbot.waitUntil(lambda: any(request.text == "The fox" for request in engine.asked(AssessText)))


def _kinds(base: type[Any] = Request) -> Iterator[type[Request[Any]]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_job_has_words(language: str) -> None:
    for subject in Path(messages.__path__[0]).glob("*.py"):
        import_module(f"engine.messages.{subject.stem}")
    i18n.set_language(language)
    kinds = [kind for kind in _kinds() if kind.__module__.startswith("engine.messages")]
    assert len(kinds) > 40
    words = {kind: doing(kind.__new__(kind)) for kind in kinds}
    assert [kind for kind, found in words.items() if found.startswith("doing.")] == []
