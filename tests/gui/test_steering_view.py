"""The view of Inside that steers: its texts and curve, its sentence, and the change in the model that it makes."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from engine.messages.models import ChangeModel, ModelChanged, Scaled, Steered
from engine.messages.steering import Steer, SteeredTexts
from gui.panes.inside.pane import InsidePane
from gui.panes.inside.steer import STRENGTHS, Steering, SteerPage, prepared
from gui.panes.inside.steer_sentence import ODD, common, differing, is_noted, is_odd, repeats, sentence
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model
from tests.gui.hands import plain

PLAIN = " amazing. I was impressed"


def texts(done: bool = True, gain: float | None = 1.0) -> SteeredTexts:
    """Return texts that turn at -1, the one at -3 with a high perplexity."""
    written = tuple(" terrible. I was sad" if strength <= -1 else PLAIN for strength in STRENGTHS)
    perplexities = tuple(3.0 * ODD + 1 if strength == -3 else 3.0 for strength in STRENGTHS)
    return SteeredTexts(STRENGTHS, written, (0.0,) * len(STRENGTHS), perplexities if done else (), gain, 0.2, done)


@pytest.fixture
def view(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> Steering:
    engine.answers[Steer] = lambda _: [texts(done=False), texts()]
    engine.answers[ChangeModel] = lambda request: [ModelChanged(request.interventions)]
    window.state.set_model(model())
    window.state.set_text("The food was")
    window.workspace.set_layout(1, ["inside"])
    window.workspace.show()
    window.show_pane("inside")
    pane = window.workspace.pane(InsidePane)
    pane.mode.choose("steer")
    made = pane.part_of(Steering)
    qtbot.waitUntil(lambda: made.shown is not None and made.shown.found.done)
    return made


def test_the_texts_at_the_strength_and_without_it_are_shown(view: Steering, engine: FakeEngine) -> None:
    request = engine.asked(Steer)[-1]
    assert request.prompt == "The food was"
    assert (request.plus, request.minus) == prepared()["happy"]
    assert request.layer == 2 * model().layers // 5
    view.page.strength.slider.setValue(STRENGTHS.index(-1.5))
    first, second, third = view.page.texts.rows
    assert (first.text, second.text, third.text) == (" terrible. I was sad", PLAIN, PLAIN)
    assert (first.current, second.current) == (True, False)
    assert first.heading.startswith("-1.5")
    assert first.text[first.same :] == " terrible. I was sad"
    assert second.text[second.same :] == ""
    assert "terrible" in view.page.texts.accessibleDescription()


def test_the_slider_changes_the_model_and_keeps_other_changes(view: Steering, window: MainWindow, qtbot: QtBot) -> None:
    off = Scaled(0, 1)
    window.state.set_interventions((off,))
    view.page.strength.slider.setValue(STRENGTHS.index(-2.0))
    qtbot.waitUntil(lambda: len(window.state.interventions) == 2)
    steered = window.state.interventions[1]
    assert isinstance(steered, Steered)
    assert (window.state.interventions[0], steered.strength, steered.layer) == (off, -2.0, view.request().layer)
    view.page.strength.slider.setValue(STRENGTHS.index(0.0))
    qtbot.waitUntil(lambda: window.state.interventions == (off,))


def test_texts_are_not_written_again_for_another_strength_but_for_another_head(
    view: Steering, window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    asked = len(engine.asked(Steer))
    view.page.strength.slider.setValue(STRENGTHS.index(1.0))
    qtbot.waitUntil(lambda: len(window.state.interventions) == 1)
    qtbot.wait(50)
    assert len(engine.asked(Steer)) == asked
    window.state.wish_interventions((*window.state.interventions, Scaled(0, 0)))
    qtbot.waitUntil(lambda: len(engine.asked(Steer)) == asked + 1)


def test_undone_steering_moves_the_slider_back(view: Steering, window: MainWindow, qtbot: QtBot) -> None:
    view.page.strength.slider.setValue(STRENGTHS.index(1.0))
    qtbot.waitUntil(lambda: len(window.state.interventions) == 1)
    window.state.wish_interventions(())
    qtbot.waitUntil(lambda: window.state.interventions == ())
    assert view.page.strength.value == 0.0


def test_a_click_on_the_curve_chooses_a_strength(view: Steering, qtbot: QtBot) -> None:
    curve = view.page.curve
    qtbot.waitUntil(lambda: curve.width() > 100)
    place = QPoint(round(curve.x_of(STRENGTHS.index(-2.5))), round(curve.area().center().y()))
    qtbot.mouseClick(curve, Qt.MouseButton.LeftButton, pos=place)
    assert view.page.strength.value == -2.5
    qtbot.keyClick(curve, Qt.Key.Key_Right)
    assert view.page.strength.value == -2.0
    assert "perplexity 3.0" in plain(curve.describe_at(place))


def test_own_texts_are_asked_for_and_kept(view: Steering, engine: FakeEngine, qtbot: QtBot) -> None:
    view.page.plus.setPlainText("cats purr\n\n cats play ")
    assert view.page.pairs.currentData() == "own"
    qtbot.waitUntil(lambda: engine.asked(Steer)[-1].plus == ("cats purr", "cats play"))
    saved = view.save()
    view.restore({"pair": "polite"})
    assert view.request().plus == prepared()["polite"][0]
    view.restore(saved)
    assert view.request().plus == ("cats purr", "cats play")
    view.restore({"pair": 7, "layer": "x", "plus": 3})


def test_a_set_without_texts_asks_for_nothing(view: Steering, engine: FakeEngine, qtbot: QtBot) -> None:
    asked = len(engine.asked(Steer))
    view.page.minus.setPlainText("")
    qtbot.wait(800)
    assert len(engine.asked(Steer)) == asked


def test_the_table_has_a_row_for_each_strength(view: Steering) -> None:
    table = view.table()
    assert table is not None
    assert table.rows[STRENGTHS.index(-3.0)] == (-3.0, " terrible. I was sad", 3.0 * ODD + 1, 0.0)


def test_every_prepared_pair_has_two_texts_on_each_side() -> None:
    assert all(len(set(side)) >= 4 for pair in prepared().values() for side in pair)


# --- The sentence ---------------------------------------------------------------------------------


def test_the_sentence_says_what_changes_and_where_the_perplexity_is_high() -> None:
    assert plain(sentence(texts(), -1.0)) == (
        "At -1.0: “terrible. I was” instead of “amazing. I was”. At -3.0 the perplexity is 10.0, not 3.0."
    )
    assert sentence(texts(), 0.0) == sentence(texts(), -1.0)
    assert "-1.0" in sentence(texts(), 2.0)
    assert "stays" in sentence(texts(), 2.0)
    assert sentence(texts(done=False), -1.0) == ""
    calm = replace(texts(), perplexities=tuple(3.0 for _ in STRENGTHS))
    assert "is at most 3.0" in sentence(calm, -1.0)


def test_the_sentence_speaks_of_the_strength_in_sight_rather_than_of_a_weaker_one() -> None:
    assert "At -3.0 the perplexity" in sentence(texts(), -3.0)
    steep = replace(texts(), perplexities=tuple(20.0 if abs(strength) > 1 else 3.0 for strength in STRENGTHS))
    assert "At -2.5 the perplexity" in sentence(steep, -2.5)


def test_the_slider_begins_without_steering(view: Steering) -> None:
    assert SteerPage().strength.value == 0.0
    assert view.page.strength.value == 0.0


def test_a_heading_says_how_many_times_the_perplexity_is(view: Steering) -> None:
    view.page.strength.slider.setValue(STRENGTHS.index(-3.0))
    assert plain(view.page.texts.rows[0].heading) == "-3.0 · perplexity 10.0: 3.3 times that of 0"
    assert plain(view.page.texts.rows[1].heading) == "0 · perplexity 3.0"


def test_a_direction_that_other_texts_do_not_follow_is_named() -> None:
    assert "+0.30 ± 0.20" in sentence(texts(gain=0.3), -1.0)
    assert "do not clearly follow" in sentence(texts(gain=0.3), -1.0)
    assert "“terrible. I was” instead of “amazing. I was”" in sentence(texts(gain=0.3), -1.0)
    same = replace(texts(), texts=(PLAIN,) * len(STRENGTHS))
    assert "No strength up to ±3.0" in sentence(same, 1.0)


def test_a_text_that_repeats_itself_is_noted_unless_the_unsteered_does_so() -> None:
    loops = replace(texts(), repeated=tuple(0.9 if strength == 2 else 0.1 for strength in STRENGTHS))
    assert [s for place, s in enumerate(STRENGTHS) if repeats(loops, place)] == [2.0]
    assert [s for place, s in enumerate(STRENGTHS) if is_noted(loops, place)] == [-3.0, 2.0]
    assert "At +2.0, 90 % of the token pairs repeat." in plain(sentence(loops, -1.0))
    all_loop = replace(texts(), repeated=(0.9,) * len(STRENGTHS))
    assert [s for place, s in enumerate(STRENGTHS) if is_noted(all_loop, place)] == [-3.0]


def test_a_text_is_odd_from_three_times_the_perplexity_on() -> None:
    found = replace(texts(), perplexities=tuple(3.0 * (ODD if s == 3 else 2.9 if s == 2 else 1) for s in STRENGTHS))
    assert [s for place, s in enumerate(STRENGTHS) if is_odd(found, place)] == [3.0]


@given(st.text("ab \n", max_size=12), st.text("ab \n", max_size=12))
def test_the_common_beginning_ends_before_the_first_word_that_differs(text: str, other: str) -> None:
    same = common(text, other)
    assert text[:same] == other[:same]
    assert same == 0 or text[same].isspace()
    if text.split() != other.split() and all(differing(text, other)):
        assert differing(text, other)[0]
