"""The difference of the embeddings from those of the pinned A: its picture, its list and its sentence."""

from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.messages.comparing import Pinned
from engine.messages.embeddings import CompareVectors, EmbeddingNames, TurnedVectors
from engine.messages.envelope import Ended
from gui.panes.embeddings.sentence import of_turned
from gui.text import visible
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model

PIECES = tuple(f" w{n}" for n in range(50))
DEGREES = np.linspace(1.0, 5.0, 50)


def turned(degrees: Any = DEGREES, chance: float = 70.0, width: int = 8) -> TurnedVectors:
    names = EmbeddingNames(np.arange(90, 140, dtype=np.int32), PIECES, ("latin",) * 50, 50)
    now = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    return TurnedVectors(names, now, now + 0.1, (0.3, 0.2), np.asarray(degrees, float), chance, width)


@pytest.fixture
def pane(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> Any:
    engine.answers[CompareVectors] = lambda _: [turned()]
    window.state.set_model(model())
    window.state.set_text("abcde")
    window.workspace.set_layout(1, ["embeddings"])
    pane: Any = window.workspace.pane("embeddings")
    qtbot.waitUntil(lambda: pane.shown is not None and window.state.tokens is not None)
    return pane


def test_the_sentence_names_what_turned_most_and_the_chosen_one() -> None:
    degrees = DEGREES.copy()
    degrees[7] = 40.0
    assert of_turned(turned(degrees), None) == (
        f"“w7” has turned most since A, by 40.0°; half of all vectors by less than {np.median(degrees):.1f}°."
    )
    assert of_turned(turned(degrees), 3).startswith(f"“w3” has turned by {degrees[3]:.1f}° since A; “w7” most")
    assert "no vector has turned" in of_turned(turned(np.zeros(50)), None)


def test_models_that_fit_no_better_than_a_random_order_have_nothing_in_common() -> None:
    assert "Nothing in common" in of_turned(turned(DEGREES + 65), None)
    assert "say nothing" in of_turned(turned(width=50), None)  # 50 vectors of 50 numbers fit any others


def test_the_view_is_offered_while_a_model_is_pinned(pane: Any, qtbot: QtBot) -> None:
    pane.controls.view.resize(2000, 40)
    assert not pane.controls.view.button("minus").isVisible()
    pane.state.set_pinned(Pinned(model()))
    pane.controls.view.choose("minus")
    qtbot.waitUntil(lambda: pane.turned.found is not None)
    assert pane.turned.isVisible()
    assert not pane.plot.isVisible()
    assert [bar.name for bar in pane.turned.list.bars[:2]] == [visible(" w49"), visible(" w48")]
    assert "w49" in pane.sentence()
    assert pane.table().rows[0] == (139, " w49", 5.0)
    pane.state.set_pinned(None)
    assert pane.controls.chosen_view == "map"


def test_a_chosen_vector_has_the_highlighted_way_from_a_to_now(pane: Any, qtbot: QtBot) -> None:
    pane.state.set_pinned(Pinned(model()))
    pane.controls.view.choose("minus")
    qtbot.waitUntil(lambda: pane.turned.found is not None)
    view = pane.turned
    view.list.choose(1)
    begin, end = view.plot.paths[0]
    assert end == 48
    assert np.allclose(view.plot.points[begin, :2], view.found.then[48])
    assert np.allclose(view.plot.points[end, :2], view.found.now[48])
    assert "w48” has turned by 4.9" in pane.sentence()
    pane.controls.search.setText("w3")
    pane._look_up_found()
    assert view.row == 93  # the word itself, before w30
    pane.state.select_token(0)
    assert view.row == int(pane.state.tokens.ids[0])


def test_a_with_other_tokens_is_explained_in_place_of_the_picture(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[CompareVectors] = lambda _: [Ended(0, "failed", "error.other_tokens", {})]
    pane.state.set_pinned(Pinned(model()))
    pane.controls.view.choose("minus")
    qtbot.waitUntil(lambda: pane.turned.other_tokens)
    assert pane.empty.isVisible()
    assert "other tokens" in pane.empty.words.text()
    assert not pane.turned.isVisible()
    assert pane.sentence() == ""
