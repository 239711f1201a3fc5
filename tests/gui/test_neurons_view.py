"""The neurons view of the Inside pane: the list of neurons or heads, their passages in tints, and their sentences."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.neurons import (
    HeadReport,
    LayerNeurons,
    NeuronReport,
    ReadHead,
    ReadNeuron,
    ScanLayer,
    TintedPassage,
)
from engine.messages.origin import Source
from gui.panes.inside.neurons import NeuronsView, spans_of
from gui.panes.inside.neurons_sentence import FAR, of_head, of_neuron, target_of
from gui.panes.inside.pane import InsidePane
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model, tokens_of
from tests.gui.hands import plain

PEAKS = np.array([3, 9, 1, 7, 5], np.float32)
ACTIVE = np.array([0, 1, 8, 2, 3], np.float32)
REACH = np.array([40, 2, 30], np.float32)


def passage(*pieces: str, token: int) -> TintedPassage:
    values = np.zeros(len(pieces), np.float32)
    values[token] = 4.0
    return TintedPassage(pieces, values, token)


def neuron_report(neuron: int = 1, **changes: object) -> NeuronReport:
    passages = (
        passage("The", " capital", " of", " France", token=2),
        passage("A", " flag", " of", " Spain", token=2),
        passage("It", " eats", " rice", ".", token=1),
    )
    up, down = ((" France", 6.0), (" Spain", 5.0)), ((" it", -4.0),)
    return replace(NeuronReport(1, neuron, passages, 9.0, 4.0, 0.1, up, down, 3, 2), **changes)  # type: ignore[arg-type]


def looking(*pieces: str, token: int, at: int) -> TintedPassage:
    weights = np.zeros(len(pieces), np.float32)
    weights[[0, at]] = 0.2, 0.8
    return TintedPassage(pieces, weights, token)


FAR_WORDS = tuple(f" w{i}" for i in range(30))


@pytest.fixture
def view(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> NeuronsView:
    engine.answers[ScanLayer] = lambda request: [
        LayerNeurons(
            request.layer,
            Source("story.txt", True, 10, 10),
            500,
            PEAKS,
            4.0,
            REACH,
            ACTIVE if request.place >= 0 else None,
        )
    ]
    engine.answers[ReadNeuron] = lambda request: [neuron_report(request.neuron, layer=request.layer)]
    engine.answers[ReadHead] = lambda request: [
        HeadReport(request.layer, request.head, (looking(*FAR_WORDS, token=28, at=2),), 40.0)
    ]
    window.state.set_model(model())
    window.state.set_text("The cat")
    window.workspace.set_layout(1, ["inside"])
    window.workspace.show()
    window.show_pane("inside")
    pane = window.workspace.pane(InsidePane)
    pane.mode.choose("neurons")
    made = pane.part_of(NeuronsView)
    qtbot.waitUntil(lambda: made.shown.report is not None)
    return made


def test_the_neuron_with_the_highest_peak_is_shown_first(view: NeuronsView, engine: FakeEngine) -> None:
    assert [bar.name for bar in view.page.neurons.bars] == [f"Neuron {n}" for n in (2, 4, 5, 1, 3)]
    assert engine.asked(ReadNeuron)[-1].neuron == 1
    assert engine.asked(ScanLayer)[-1].layer == model().layers - 1
    assert view.page.up.bars[0].name == "␣France"
    assert view.pane.sentence() == of_neuron(neuron_report(layer=model().layers - 1))


def test_a_chosen_row_and_a_typed_number_show_that_neuron(view: NeuronsView, engine: FakeEngine, qtbot: QtBot) -> None:
    view.page.neurons.setFocus()
    qtbot.keyClick(view.page.neurons, Qt.Key.Key_Down)
    qtbot.keyClick(view.page.neurons, Qt.Key.Key_Return)
    assert engine.asked(ReadNeuron)[-1].neuron == 3
    view.page.neuron.setValue(5)
    assert engine.asked(ReadNeuron)[-1].neuron == 4


def test_another_layer_is_scanned_and_remembered(view: NeuronsView, engine: FakeEngine, qtbot: QtBot) -> None:
    view.page.layer.setValue(1)
    qtbot.waitUntil(lambda: engine.asked(ScanLayer)[-1].layer == 0)
    assert view.save()["layer"] == 0
    view.restore({"layer": "x", "kind": 3})
    assert view.save()["kind"] == "strongest"


def test_the_neurons_at_the_selected_token_are_ranked_by_their_activation_there(
    view: NeuronsView, engine: FakeEngine, qtbot: QtBot
) -> None:
    view.state.set_tokens(tokens_of("The cat"))
    view.page.kind.choose("here")
    qtbot.waitUntil(lambda: view.page.neurons.bars[0].name == "Neuron 3")
    view.state.select_token(0)
    qtbot.waitUntil(lambda: engine.asked(ScanLayer)[-1].place == 0)


def test_heads_are_listed_by_how_far_they_look(view: NeuronsView, engine: FakeEngine, qtbot: QtBot) -> None:
    view.page.kind.choose("heads")
    qtbot.waitUntil(lambda: isinstance(view.shown.report, HeadReport))
    assert [bar.name for bar in view.page.neurons.bars] == ["Head 1", "Head 3", "Head 2"]
    assert engine.asked(ReadHead)[-1].head == 0
    assert not view.page.right.isVisible()


def test_a_row_chosen_before_another_list_arrives_is_one_of_the_list_that_is_shown(
    view: NeuronsView, engine: FakeEngine, qtbot: QtBot
) -> None:
    view.page.kind.choose("heads")  # of which there are fewer than neurons
    view.page.neurons.chosen.emit(len(view.page.neurons.bars) - 1)
    assert engine.asked(ReadNeuron)[-1].neuron == 2  # the fifth row is neuron 3
    qtbot.waitUntil(lambda: view.page.neurons.bars[0].name == "Head 1")


def test_a_model_without_its_text_is_said_not_to_be_known(view: NeuronsView) -> None:
    view._ended(Ended(1, "failed", "error.origin_unknown", {"model": "toy"}))
    assert view.pane.sentence().endswith("is not on this computer. Open another text for it to read.")
    assert view.page.passages_title.text().startswith("Open a text")


def test_the_highest_value_of_each_passage_is_the_brightest() -> None:
    lines = [[]]  # type: list[list[float]]
    for span in spans_of(neuron_report()):
        if span.text == "\u2028":
            lines.append([])
        else:
            lines[-1].append(span.value or 0.0)
    assert [max(line) for line in lines[:-1]] == [1.0, 1.0, 1.0]
    assert len(lines[0]) == 4


def test_the_sentence_names_the_token_of_most_passages_and_what_follows() -> None:
    said = plain(of_neuron(neuron_report()))
    assert said == "Layer 2, neuron 2 reacts to “of” in 2 of 3 passages; in 2 of 3 it pushes up what follows."
    seldom = plain(of_neuron(neuron_report(helped=0)))
    assert "it pushes “France” up, which seldom follows" in seldom


def test_a_neuron_below_chance_is_said_to_show_nothing() -> None:
    assert "nothing to see. Its peak is 3.0, and by chance some have 4.0" in plain(of_neuron(neuron_report(peak=3.0)))


def test_neurons_with_different_tokens_are_said_to_react_to_several() -> None:
    passages = tuple(passage("x", piece, "y", token=1) for piece in "abcd")
    said = plain(of_neuron(neuron_report(passages=passages, helped=3)))
    assert "reacts to several tokens; in 3 of 3" in said
    assert "only 1 of 3" in plain(of_neuron(neuron_report(passages=passages, helped=1)))


def test_the_sentence_of_a_head_gives_the_rule_that_its_passages_have_in_common() -> None:
    pieces = (*FAR_WORDS[:28], " w2", ".")
    same = looking(*pieces, token=28, at=2)
    assert target_of(same.values, same.token) == 2
    after = looking(*pieces, token=28, at=3)
    other = looking(*pieces, token=28, at=9)
    assert "1 of 1 to what followed the same token before" in plain(of_head(HeadReport(0, 0, (after,), 40.0)))
    assert "no simple rule" in plain(of_head(HeadReport(0, 0, (other,), 40.0)))
    assert "in 2 of 2 passages at “␣w9”" in plain(of_head(HeadReport(0, 0, (other, other), 40.0)))
    assert "the same token" in plain(of_head(HeadReport(0, 0, (same,), 40.0)))
    assert "as heads with random weights do" in plain(of_head(HeadReport(0, 0, (same,), FAR - 1)))


def test_reading_is_cancelled_and_begun_again_by_one_button(
    view: NeuronsView, engine: FakeEngine, qtbot: QtBot
) -> None:
    button, pane = view.page.cancel, view.pane
    qtbot.waitUntil(lambda: not pane.asking())
    assert not button.isEnabled()
    answer = engine.answers.pop(ScanLayer)  # it never ends
    view.page.layer.setValue(1)
    assert button.isEnabled()
    assert button.text() == "Cancel"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert engine.cancelled(ScanLayer)
    assert pane.veil.waiting  # what is shown belongs to another layer
    assert button.text() == "Start again"
    engine.answers[ScanLayer] = answer
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not pane.asking())
    assert view.shown.layer is not None
    assert view.shown.layer.layer == 0
    assert not pane.veil.isVisible()
    assert button.text() == "Cancel"


def test_nothing_is_read_for_a_hidden_view(
    view: NeuronsView, window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    answer = engine.answers.pop(ScanLayer)  # it never ends
    view.page.layer.setValue(1)
    window.workspace.set_layout(1, ["map"])
    qtbot.waitUntil(lambda: not view.pane.asking("ScanLayer"))
    engine.answers[ScanLayer] = answer
    window.workspace.set_layout(1, ["inside"])
    qtbot.waitUntil(lambda: view.shown.layer is not None and view.shown.layer.layer == 0)


def test_a_token_that_was_selected_while_the_view_was_hidden_is_looked_at_when_it_is_shown(
    window: MainWindow, view: NeuronsView, engine: FakeEngine, qtbot: QtBot
) -> None:
    view.page.kind.choose("here")
    qtbot.waitUntil(lambda: engine.asked(ScanLayer)[-1].place == 6)
    window.show_pane("tokens")
    window.state.select_token(2)
    asked = len(engine.asked(ScanLayer))
    window.show_pane("inside")
    qtbot.waitUntil(lambda: engine.asked(ScanLayer)[-1].place == 2)
    assert len(engine.asked(ScanLayer)) == asked + 1
    window.show_pane("tokens")
    window.show_pane("inside")
    qtbot.wait(1)
    assert len(engine.asked(ScanLayer)) == asked + 1  # nothing has changed
