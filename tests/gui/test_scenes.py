"""Scene files, the examples, the very first start, and the warning about an unknown text."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.errors import EngineError
from engine.messages.embeddings import EmbeddingNames, FindAnalogy, LookUp, Project
from engine.messages.envelope import Ended
from engine.messages.examples import CheckedPairs, CheckPairs, ShowExample
from engine.messages.generation import Generate
from engine.messages.models import ChangeModel, OpenModel, Scaled
from engine.messages.texts import AssessText, InspectText, TextAssessment, WriteWorld
from engine.messages.tuning import ListPairSets, Pair, PairSet, TuneOnPairs
from gui import i18n
from gui.panes.attention.pane import AttentionPane
from gui.panes.embeddings.pane import EmbeddingsPane
from gui.panes.generation.pane import GenerationPane
from gui.panes.inside.pane import InsidePane
from gui.panes.tuning.pane import TuningPane
from gui.samples import BUILTIN, SMOLLM2
from gui.scenes import EXAMPLES, INSIDE, LANGUAGES, TUNING, Scene, in_language, read_scenes
from gui.settings import Settings
from gui.window.main_window import MainWindow
from gui.window.scenes import SceneMenu
from tests.gui.fakes import FakeEngine, embedding_map, model, tokens_of

SCENES, INSIDE_SCENES, TUNING_SCENES = map(read_scenes, (EXAMPLES, INSIDE, TUNING))
ALL = {**SCENES, **INSIDE_SCENES, **TUNING_SCENES}


def choose(window: MainWindow, scene: str) -> None:
    """Choose an example from the menu."""
    window.top.examples.menu().actions()[list(SCENES).index(scene)].trigger()


# --- Scene files --------------------------------------------------------------------------------------

SCENE = """[[scene]]
id = "first"
title = "One"
look = { en = "Look", ja = "見る" }
panes = ["tokens"]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lecture.toml"
    path.write_text(text, "utf-8")
    return path


def test_missing_fields_of_a_scene_have_defaults(tmp_path: Path) -> None:
    scene = read_scenes(written(tmp_path, SCENE))["first"]
    assert scene == Scene("first", "One", {"en": "Look", "ja": "見る"}, ["tokens"])
    assert (scene.model, scene.text, scene.off, scene.saved, scene.act) == ("builtin", "", [], {}, {})


def test_heads_and_mlps_that_a_scene_turns_off_are_named_as_on_the_command_line(tmp_path: Path) -> None:
    scene = read_scenes(written(tmp_path, SCENE + 'off = ["3.1", "0.mlp"]\n'))["first"]
    assert scene.changes == (Scaled(3, 1, 0.0), Scaled(0, None, 0.0))


@pytest.mark.parametrize(
    ("wrong", "line", "field"),
    [
        ('panes = ["tokens", "nothing"]', 11, "panes"),
        ('panes = ["tokens", "map", "search"]', 11, "panes"),
        ("panes = [[]]", 11, "panes"),
        ('panes = ["tokens"]\ntext = { xx = "a" }', 12, "text"),
        ('panes = ["tokens"]\ntext = {}', 12, "text"),
        ('panes = ["tokens"]\nselect.en = 3', 12, "select"),
        ('panes = ["tokens"]\ntune = 3', 12, "tune"),
        ('panes = ["tokens"]\n[scene.saved]\nnothing = {}', 12, "saved"),
        ('panes = ["tokens"]\nact = "now"', 12, "act"),
        ('panes = ["tokens"]\noff = ["3.1", "3.x"]', 12, "off"),
        ("", 6, "panes"),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_field(tmp_path: Path, wrong: str, line: int, field: str) -> None:
    second = f'[[scene]]\nid = "second"\ntitle = "Two"\nlook = "Look"\n\n{wrong}\n'
    with pytest.raises(EngineError) as caught:
        read_scenes(written(tmp_path, SCENE + second))
    assert caught.value.key == "error.scene_field"
    assert caught.value.args_by_name == {"file": str(tmp_path / "lecture.toml"), "line": line, "field": field}


def test_two_scenes_cannot_have_the_same_id(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="scene_field") as caught:
        read_scenes(written(tmp_path, SCENE + SCENE))
    assert (caught.value.args_by_name["line"], caught.value.args_by_name["field"]) == (7, "id")


@pytest.mark.parametrize("text", ["[[scene]]\nid = ", "", "scene = 3", "scene = [1]"])
def test_a_file_without_scenes_is_reported(tmp_path: Path, text: str) -> None:
    with pytest.raises(EngineError, match="scene_file"):
        read_scenes(written(tmp_path, text))
    with pytest.raises(EngineError, match="scene_file"):
        read_scenes(tmp_path / "missing.toml")


def test_a_missing_language_falls_back_to_english_or_to_the_first() -> None:
    assert in_language("same", "ja") == "same"
    assert in_language({"en": "a", "ja": "b"}, "ja") == "b"
    assert in_language({"en": "a"}, "ja") == "a"
    assert in_language({"ja": "b"}, "en") == "b"
    assert in_language({"view": "x", "words": {"en": ["a"], "ja": ["b"]}}, "ja") == {"view": "x", "words": ["b"]}


@pytest.mark.parametrize("scene", ALL.values(), ids=ALL.keys())
def test_every_example_is_written_in_every_language(scene: Scene) -> None:
    tables = [scene.title, scene.look, scene.text, scene.select, *scene.act.values()]
    assert all(set(words) == LANGUAGES for words in tables if isinstance(words, dict))
    assert isinstance(scene.title, dict)
    assert isinstance(scene.look, dict)
    for language in LANGUAGES:
        text = in_language(scene.text, language)
        assert in_language(scene.select, language) in text
        assert in_language(scene.act, language).get("look_at", "") in text


# --- Playing scenes -----------------------------------------------------------------------------------


def sentence_of(window: MainWindow) -> str:
    return window.workspace.tiles[0].sentence.accessibleName()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_example_shows_its_own_panes_only(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine, language: str
) -> None:
    window.appearance.set_language(language)
    for name, scene in SCENES.items():
        with qtbot.waitSignal(window.player.played):
            choose(window, name)
        assert window.workspace.layout_now() == scene.panes
        assert window.workspace.tiles[0].sentence.accessibleName() == in_language(scene.look, language)
        if scene.text:
            assert window.state.text == in_language(scene.text, language)
    assert engine.asked(OpenModel)[-1].folder == str(BUILTIN)


def test_the_menu_has_a_title_and_a_hint_for_each_example(window: MainWindow) -> None:
    actions = window.top.examples.menu().actions()
    assert [action.text() for action in actions][2:4] == ["What “it” means: attention", "King − man + woman"]
    assert all(action.toolTip() for action in actions[: len(SCENES)])
    window.appearance.set_language("ja")
    assert actions[3].text() == "王 − 男 + 女"


def submenu(window: MainWindow, place: int) -> SceneMenu:
    """Return one of the menus at the end of the menu."""
    found = window.top.examples.menu().actions()[place].menu()
    assert isinstance(found, SceneMenu)
    return found


def look_inside(window: MainWindow, scene: str) -> None:
    submenu(window, -2).actions()[list(INSIDE_SCENES).index(scene)].trigger()


def test_the_examples_of_looking_inside_have_a_menu_of_their_own(window: MainWindow, qtbot: QtBot) -> None:
    assert submenu(window, -2).title() == "Looking inside"
    window.appearance.set_language("ja")
    assert submenu(window, -2).title() == "中をのぞく"
    window.appearance.set_language("en")
    for name, scene in INSIDE_SCENES.items():
        mode = scene.act.get("mode", "lens")
        with qtbot.waitSignal(window.player.played):
            look_inside(window, name)
        assert window.workspace.layout_now() == scene.panes
        assert window.state.interventions == scene.changes or "strength" in scene.act
        assert sentence_of(window) == in_language(scene.look, "en")
        if scene.panes[0] == "inside":
            assert window.workspace.pane(InsidePane).mode.current == mode


@pytest.fixture
def with_sets(window: MainWindow, engine: FakeEngine, tmp_path: Path) -> FakeEngine:
    """Return an engine that lists sets of pairs, in a window that saves its models to a folder of the test."""
    window.tuner.models = tmp_path
    engine.answers[ListPairSets] = lambda r: [
        PairSet("world", language, (Pair(f"{language} {n}?", "Yes."),), "world")
        for n, language in enumerate(sorted(LANGUAGES, key=lambda one: one != r.language))
    ]
    engine.answers[CheckPairs] = lambda r: [CheckedPairs(len(r.pairs), 0, 0, 0, 100, (), ())]
    engine.answers[ShowExample] = lambda _: []
    return engine


def tune(window: MainWindow, scene: str) -> None:
    submenu(window, -1).actions()[list(TUNING_SCENES).index(scene)].trigger()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("name", [name for name, scene in TUNING_SCENES.items() if "set" in scene.act])
def test_an_example_of_tuning_begins_its_run(
    window: MainWindow, qtbot: QtBot, with_sets: FakeEngine, language: str, name: str
) -> None:
    window.appearance.set_language(language)
    scene = TUNING_SCENES[name]
    with qtbot.waitSignal(window.player.played):
        tune(window, name)
    qtbot.waitUntil(lambda: bool(with_sets.asked(TuneOnPairs)))
    [asked] = with_sets.asked(TuneOnPairs)
    act, saved = in_language(scene.act, language), scene.saved["tuning"]["examples"]
    assert [pair.prompt[:2] for pair in asked.pairs] == [language]
    assert asked.questions == tuple(act["questions"])
    assert (asked.settings.steps, asked.settings.seconds, asked.settings.replay) == (
        act["steps"],
        None,
        saved["replay"],
    )
    assert asked.settings.lora == (saved["rank"] if saved["weights"] == "lora" else 0)
    assert asked.settings.random == (saved["weights"] == "random")
    assert sentence_of(window) == in_language(scene.look, language)


def test_the_sentence_of_an_example_stays_while_its_own_run_changes_the_model(
    window: MainWindow, qtbot: QtBot, with_sets: FakeEngine
) -> None:
    with qtbot.waitSignal(window.player.played):
        tune(window, "examples")
    qtbot.waitUntil(lambda: bool(with_sets.asked(TuneOnPairs)))
    folder = with_sets.asked(TuneOnPairs)[0].folder
    look = in_language(TUNING_SCENES["examples"].look, "en")
    for training in (True, False):  # in the run, and after it
        window.state.set_model(model(folder, training=training))
        assert sentence_of(window) == look
    window.state.set_model(model("/another/run", training=True))
    assert window.state.look is None


def test_no_example_begins_a_run_while_another_one_is_in_progress(
    window: MainWindow, qtbot: QtBot, with_sets: FakeEngine
) -> None:
    for _ in range(2):
        with qtbot.waitSignal(window.player.played):
            tune(window, "examples")
        qtbot.waitUntil(lambda: not window.workspace.pane(TuningPane).asking("set"))
    assert len(with_sets.asked(TuneOnPairs)) == 1
    message = window.workspace.pane(TuningPane).messages.current
    assert (message.key if message else "") == "error.run_in_progress"


def test_the_examples_of_tuning_have_a_menu_of_their_own(
    window: MainWindow, qtbot: QtBot, with_sets: FakeEngine
) -> None:
    assert submenu(window, -1).title() == "From next word to assistant"
    for name, scene in TUNING_SCENES.items():
        with qtbot.waitSignal(window.player.played):
            tune(window, name)
        assert window.workspace.layout_now() == scene.panes
        if scene.panes == ["tuning"]:
            assert window.workspace.pane(TuningPane).mode.current == scene.act["mode"]
        window.tuner.stop()
    window.appearance.set_language("ja")
    assert submenu(window, -1).title() == "次の語からアシスタントへ"


def test_an_example_writes_only_once_its_heads_are_off(window: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    with qtbot.waitSignal(window.player.played):
        look_inside(window, "reading_head")
    requests = [type(request) for request in engine.requests if isinstance(request, ChangeModel | Generate)]
    assert requests == [ChangeModel, Generate]


def test_any_other_example_shows_the_model_without_changes(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.player.played):
        look_inside(window, "pronoun_head")
    assert window.state.interventions == (Scaled(3, 1, 0.0),)
    with qtbot.waitSignal(window.player.played):
        choose(window, "breakfast")
    assert not window.state.interventions


def test_the_hint_follows_the_language_and_disappears_with_the_next_text(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "happy")
    qtbot.waitUntil(lambda: sentence_of(window).startswith("The text becomes tokens"))
    window.appearance.set_language("ja")
    assert sentence_of(window).startswith("文がトークンに分かれ")
    window.prompt.setPlainText("A rabbit sleeps.")
    qtbot.waitUntil(lambda: not sentence_of(window).startswith("文がトークンに分かれ"))


def test_the_hint_disappears_with_its_pane_and_its_model(window: MainWindow, qtbot: QtBot) -> None:
    for leave in (partial(window.show_pane, "map"), partial(window.state.set_model, None)):
        with qtbot.waitSignal(window.player.played):
            choose(window, "happy")
        assert window.state.look is not None
        leave()
        assert window.state.look is None


def test_the_key_h_hides_every_sentence_and_is_remembered(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.player.played):
        choose(window, "happy")
    sentence = window.workspace.tiles[0].sentence
    assert sentence.isVisible()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.workspace.tiles[0].enlarge.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert not sentence.isVisible()
    assert not window.settings.sentences
    window.prompt.setFocus()
    qtbot.keyClick(window.prompt, Qt.Key.Key_H)  # typed, not hidden
    assert not window.settings.sentences
    assert "h" in window.prompt.toPlainText()


def test_the_head_that_attends_most_to_the_antecedent_is_selected(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pronoun")
    pane = window.workspace.pane(AttentionPane)
    with qtbot.waitSignal(window.player.played):
        pass
    qtbot.waitUntil(lambda: pane.patterns is not None and not pane._look_at)
    text = window.state.text
    query, target = text.index("It") + 1, text.index("animal") + len("animal") - 1  # the fake's tokens are characters
    assert window.state.token == query
    assert window.workspace.layout_now() == ["attention"]
    assert pane.patterns is not None
    shares = [[heads[head, query, target] for head in range(3)] for heads in pane.patterns.layers]
    assert shares[window.state.layer][window.state.head] == max(map(max, shares))
    assert "this head attends to the animal" in sentence_of(window)


def test_leaving_the_enlarged_example_restores_the_number_of_tiles(window: MainWindow) -> None:
    before = window.workspace.layout_now()
    choose(window, "happy")
    assert window.workspace.layout_now() == ["tokens"]
    window.workspace.enlarge()
    assert len(window.workspace.layout_now()) == len(before)


def test_a_scene_of_two_panes_has_two_tiles(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.player.played):
        window.player.play(Scene("two", "Two", "Look", ["tokens", "map"], text="abc"))
    assert window.workspace.layout_now() == ["tokens", "map"]
    assert window.state.text == "abc"


def test_a_new_scene_replaces_one_still_waiting_for_its_model(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine
) -> None:
    choose(window, "ai")
    choose(window, "happy")
    qtbot.waitUntil(lambda: window.state.text == "I am happy")
    assert engine.asked(Generate) == []


def test_an_example_opens_its_model_again_after_a_run_has_replaced_it(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine
) -> None:
    engine.answers[OpenModel] = lambda r: [model("/bundled" if r.folder == SMOLLM2 else r.folder)]
    with qtbot.waitSignal(window.player.played):
        choose(window, "chat")
    window.state.set_model(model("/runs/mine-1"))  # as a run does, which opens no model
    choose(window, "chat")
    qtbot.waitUntil(lambda: window.state.model is not None and window.state.model.folder == "/bundled")
    assert [request.folder for request in engine.asked(OpenModel)][-2:] == [SMOLLM2, SMOLLM2]


def test_an_example_takes_the_place_of_a_model_that_is_still_being_opened(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine
) -> None:
    with qtbot.waitSignal(window.player.played):
        choose(window, "breakfast")
    opens = engine.answers.pop(OpenModel)  # nothing comes of a request to open a model
    choose(window, "chat")
    assert sentence_of(window).startswith("The model that this example uses is being opened")
    engine.answers[OpenModel] = opens
    with qtbot.waitSignal(window.player.played):
        choose(window, "happy")
    assert window.state.model is not None
    assert window.state.model.folder == str(BUILTIN)
    assert not window.state.opening
    assert sentence_of(window).startswith("The text becomes tokens")


def test_an_example_whose_model_cannot_be_opened_ends_with_its_sentence(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine
) -> None:
    with qtbot.waitSignal(window.player.played):
        choose(window, "breakfast")
    engine.answers[OpenModel] = lambda _: [Ended(0, "failed", "error.model_missing", {"folder": "smollm2"})]
    choose(window, "chat")
    qtbot.waitUntil(lambda: not window.state.opening)
    assert window.state.look is None
    window.state.set_text("another text")
    assert window.state.look is None


def test_the_analogy_example_asks_for_king_minus_man_plus_woman(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine
) -> None:
    choose(window, "analogy")
    qtbot.waitUntil(lambda: bool(engine.asked(FindAnalogy)))
    asked = engine.asked(FindAnalogy)[-1]
    assert (asked.a, asked.b, asked.c, asked.source, asked.language) == ("king", "man", "woman", "word2vec", "en")
    pane = window.workspace.pane(EmbeddingsPane)
    qtbot.waitUntil(lambda: pane.analogy.words == ("king", "man", "woman"))


def test_the_neighbours_example_looks_up_its_word(window: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    def with_a_dog(request: Project) -> list[object]:
        names, *maps = embedding_map(request)
        assert isinstance(names, EmbeddingNames)
        return [replace(names, pieces=(*names.pieces[:3], "dog", *names.pieces[4:])), *maps]

    engine.answers[Project] = with_a_dog
    choose(window, "neighbours")
    pane = window.workspace.pane(EmbeddingsPane)
    qtbot.waitUntil(lambda: pane.details.row is not None)
    assert engine.asked(LookUp)[-1] == LookUp(93, source="word2vec", language="en")  # the fourth of 90…
    window.appearance.set_language("ja")
    qtbot.waitUntil(lambda: engine.asked(Project)[-1].language == "ja")


def test_the_breakfast_example_shows_candidates_and_generates_nothing(window: MainWindow, qtbot: QtBot) -> None:
    pane = window.workspace.pane(GenerationPane)
    pane.writing.page.controls.sliders["top_k"].set_value(5)
    pane.writing.page.live.setChecked(False)
    choose(window, "breakfast")
    with qtbot.waitSignal(window.player.played):
        pass
    qtbot.waitUntil(lambda: pane.writing.page.bars.candidates is not None and not pane.asking())
    settings = pane.writing.page.controls.settings()
    assert (settings.temperature, settings.top_k) == (1.0, 0)  # its own temperature, and the default of top-k
    assert not pane.writing.page.live.isChecked()
    assert pane.writing.tree.text() == ""


def test_the_story_example_generates_up_to_its_stop(window: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    choose(window, "story")
    qtbot.waitUntil(lambda: bool(engine.asked(Generate)))
    asked = engine.asked(Generate)[-1]
    assert (asked.tokens, asked.stop, asked.sampling.temperature) == (160, "\n\n", 0.7)


def test_the_temperature_example_generates_at_three_temperatures(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine
) -> None:
    choose(window, "temperature")
    qtbot.waitUntil(lambda: len(engine.asked(Generate)) == 3)
    assert [r.sampling.temperature for r in engine.asked(Generate)] == [0.0, 1.0, 2.0]
    assert {r.tokens for r in engine.asked(Generate)} == {60}


def test_a_new_text_clears_the_selected_token(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pronoun")
    qtbot.waitUntil(lambda: window.strip.current is not None)
    window.prompt.set_text("ab")
    qtbot.waitUntil(lambda: window.state.tokens is not None and window.state.tokens.text == "ab")
    assert window.strip.current is window.state.token is None


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_very_first_start_shows_the_map_of_an_example_and_an_invitation(
    qtbot: QtBot, engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr("gui.window.opening.world_path", lambda: tmp_path / "world.txt")
    window = MainWindow(engine, Settings(language=language), tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(window)
    window.show()
    window.begin([])
    qtbot.waitUntil(lambda: window.state.tokens is not None)
    assert window.state.text == in_language(SCENES["breakfast"].text, i18n.language())
    assert window.workspace.layout_now() == ["map"]
    assert window.invitation.isVisible()
    qtbot.waitUntil(lambda: bool(engine.asked(WriteWorld) or engine.asked(InspectText)))  # a text to train on
    assert window.settings.welcomed
    choose(window, "happy")
    assert not window.invitation.isVisible()
    window.close()


# --- Texts unknown to the model -----------------------------------------------------------------------


def test_characters_unknown_to_the_model_are_listed(window: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    engine.answers[AssessText] = lambda r: [TextAssessment(r.text, "𠮟😀", 1.0, 6.0)]
    choose(window, "happy")
    qtbot.waitUntil(lambda: "“𠮟” “😀”" in window.status.warning.text())


def test_a_text_unlike_the_training_text_shows_a_warning(window: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    engine.answers[AssessText] = lambda r: [TextAssessment(r.text, "", 5.0, 6.0)]
    choose(window, "happy")
    qtbot.waitUntil(lambda: window.status.warning.isVisible())
    assert "5.0 nats per token, where guessing gives 6.0" in window.status.warning.text()
    engine.answers[AssessText] = lambda r: [TextAssessment(r.text, "", 10.2, 8.3)]
    window.prompt.set_text("foreign")
    qtbot.waitUntil(
        lambda: "surprised more (10.2 nats per token) than by pure guessing (8.3)" in window.status.warning.text()
    )
    engine.answers[AssessText] = lambda r: [TextAssessment(r.text, "", 1.0, 6.0)]
    window.prompt.set_text("known")
    qtbot.waitUntil(lambda: engine.asked(AssessText)[-1].text == "known" and not window.status.warning.isVisible())


def test_the_warning_about_a_text_leaves_with_its_model(window: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    engine.answers[AssessText] = lambda r: [TextAssessment(r.text, "", 5.0, 6.0)]
    choose(window, "happy")
    qtbot.waitUntil(lambda: window.status.warning.isVisible())
    window.state.set_model(model("/another"))
    assert not window.status.warning.isVisible()


def test_token_of_returns_the_last_token_of_the_words(window: MainWindow) -> None:
    window.state.tokens = tokens_of("a cat. it")
    assert window.state.token_of(" cat") == 4
    assert window.state.token_of("it") == 8
    assert window.state.token_of("dog") is None
    assert window.state.token_of("") is None
