"""The examples, the very first start, and what the status line says of a text, by clicking."""

from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from engine.messages.embeddings import FindAnalogy, LookUp, Project
from engine.messages.generation import Generate
from engine.messages.models import OpenModel
from engine.messages.texts import AssessText, InspectText, TextAssessment, WriteWorld
from gui.samples import BUILTIN
from gui.settings import Settings
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, tokens_of


@pytest.fixture
def ready(window: MainWindow, qtbot: QtBot) -> MainWindow:
    qtbot.waitUntil(lambda: bool(window.guide.examples))
    return window


def choose(window: MainWindow, key: str) -> None:
    """As a person does, from the menu."""
    index = list(window.guide.examples).index(key)
    window.top.examples.menu().actions()[index].trigger()


def test_the_menu_has_a_title_and_a_hint_for_each(ready: MainWindow) -> None:
    actions = ready.top.examples.menu().actions()
    assert [action.text() for action in actions][:2] == ["What “it” means: attention", "King − man + woman"]
    assert all(action.toolTip() for action in actions)
    ready.set_language("ja")
    assert ready.top.examples.menu().actions()[1].text() == "王 − 男 + 女"


def test_an_example_opens_the_model_and_finds_the_head(ready: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    choose(ready, "pronoun")
    pane: Any = ready.workspace.pane("attention")
    qtbot.waitUntil(lambda: ready.state.token is not None and bool(pane.layers) and pane._example is None)
    assert engine.asked(OpenModel)[-1].folder == str(BUILTIN)
    assert ready.state.text == "a cat. it"
    assert ready.state.token == len("a cat. it") - 1
    assert ready.workspace.layout_now() == ["attention"]
    shares = [[heads[head, -1, 4] for head in range(3)] for heads in pane.layers]  # from "t" of it to "t" of cat
    assert shares[ready.state.layer][ready.state.head] == max(map(max, shares))
    assert "this head attends to the animal" in ready.banner.label.text()


def test_all_the_room_is_given_back(ready: MainWindow, qtbot: QtBot) -> None:
    before = ready.workspace.layout_now()
    choose(ready, "happy")
    assert ready.workspace.layout_now() == ["tokens"]
    ready.workspace.enlarge()
    assert len(ready.workspace.layout_now()) == len(before)


def test_an_analogy_is_found_among_the_word_vectors(ready: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    choose(ready, "analogy")
    qtbot.waitUntil(lambda: bool(engine.asked(FindAnalogy)))
    asked = engine.asked(FindAnalogy)[-1]
    assert (asked.a, asked.b, asked.c, asked.source, asked.language) == ("a", "b", "c", "word2vec", "en")
    pane: Any = ready.workspace.pane("embeddings")
    qtbot.waitUntil(lambda: bool(pane.cloud.arrows))


def test_a_word_is_looked_up_with_its_neighbours(ready: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    choose(ready, "neighbours")
    pane: Any = ready.workspace.pane("embeddings")
    qtbot.waitUntil(lambda: pane.row is not None)
    assert engine.asked(LookUp)[-1] == LookUp(93, source="word2vec", language="en")  # "d" is the fourth of 90…
    ready.set_language("ja")
    qtbot.waitUntil(lambda: engine.asked(Project)[-1].language == "ja")


def test_breakfast_shows_what_the_model_thinks_and_writes_nothing(ready: MainWindow, qtbot: QtBot) -> None:
    choose(ready, "breakfast")
    pane: Any = ready.workspace.pane("generation")
    qtbot.waitUntil(lambda: pane.page.bars.candidates is not None and not pane.asking())
    assert pane.page.controls.settings().temperature == 1.0
    assert pane.tree.text() == ""


def test_three_temperatures_side_by_side(ready: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    choose(ready, "temperature")
    qtbot.waitUntil(lambda: len(engine.asked(Generate)) == 3)
    assert [r.sampling.temperature for r in engine.asked(Generate)] == [0.0, 1.0, 2.0]
    assert {r.tokens for r in engine.asked(Generate)} == {5}


def test_no_token_stays_marked_that_is_not_selected(ready: MainWindow, qtbot: QtBot) -> None:
    choose(ready, "pronoun")
    qtbot.waitUntil(lambda: ready.strip.current is not None)
    ready.prompt.set_text("ab")
    qtbot.waitUntil(lambda: ready.state.tokens is not None and ready.state.tokens.text == "ab")
    assert ready.strip.current is ready.state.token is None


def test_the_very_first_start_is_alive(
    qtbot: QtBot, engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gui.window.opening.world_path", lambda: tmp_path / "world.txt")
    window = MainWindow(engine, Settings(language="en"), tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(window)
    window.show()
    window.begin([])
    qtbot.waitUntil(lambda: window.state.token is not None)
    assert window.state.text == "a cat. it"
    assert window.workspace.count == 4
    qtbot.waitUntil(lambda: bool(engine.asked(WriteWorld) or engine.asked(InspectText)))  # to train it oneself
    assert window.settings.welcomed
    window.close()


# --- What the open model does not know ----------------------------------------------------------------


def test_characters_that_the_model_never_saw_are_named(ready: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    engine.answers[AssessText] = lambda r: [TextAssessment(r.text, "𠮟😀", 1.0, 6.0)]
    choose(ready, "happy")
    qtbot.waitUntil(lambda: "𠮟😀" in ready.status.warning.text())


def test_a_foreign_text_is_said_to_be_one(ready: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    engine.answers[AssessText] = lambda r: [TextAssessment(r.text, "", 5.0, 6.0)]
    choose(ready, "happy")
    qtbot.waitUntil(lambda: ready.status.warning.isVisible())
    assert "5.0 nats per token, where guessing gives 6.0" in ready.status.warning.text()
    engine.answers[AssessText] = lambda r: [TextAssessment(r.text, "", 1.0, 6.0)]
    ready.prompt.set_text("known")
    qtbot.waitUntil(lambda: engine.asked(AssessText)[-1].text == "known" and not ready.status.warning.isVisible())


def test_the_token_of_some_words(window: MainWindow) -> None:
    window.state.tokens = tokens_of("a cat. it")
    assert window.state.token_of(" cat") == 4
    assert window.state.token_of("it") == 8
    assert window.state.token_of("dog") is None
    assert window.state.token_of("") is None
