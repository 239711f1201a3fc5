"""The Generation pane: generating, going back, branches, and undoing."""

import math
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.messages.generation import Generate, LookAhead, PredictNext, SamplingSettings
from engine.messages.status import Progress
from gui.i18n import t
from gui.panes.generation.pane import GenerationPane
from gui.panes.generation.stage_text import StageText
from gui.panes.generation.tree_layout import arrange, log_probability
from gui.widgets.branches import Branches
from gui.widgets.coloured_text import Span
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, candidates, generated, model, points
from tests.gui.hands import click as click_at, press, show


@pytest.fixture
def pane(qtbot: QtBot, window: MainWindow) -> GenerationPane:
    window.prompt.set_text("The cat")
    window.show_pane("generation")
    window.workspace.choose_count(1)
    window.state.set_model(model())
    found = window.workspace.pane("generation")
    assert isinstance(found, GenerationPane)
    found.writing.ahead._rest.setInterval(0)
    qtbot.waitUntil(lambda: found.writing.tree.prompt == "The cat" and found.writing.page.bars.candidates is not None)
    return found


def click(qtbot: QtBot, button: object) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def written(qtbot: QtBot, pane: GenerationPane, count: int) -> None:
    qtbot.waitUntil(lambda: len(pane.writing.tree.current.path) == count and not pane.asking())


def test_the_empty_page_without_a_model_offers_training(qtbot: QtBot, window: MainWindow) -> None:
    window.show_pane("generation")
    pane = window.workspace.pane("generation")
    assert isinstance(pane, GenerationPane)
    assert pane.empty.button.isVisible()
    click(qtbot, pane.empty.button)
    assert window.workspace.pane("training").isVisible()


def test_the_chosen_number_of_tokens_is_generated(qtbot: QtBot, pane: GenerationPane, engine: FakeEngine) -> None:
    pane.writing.page.length.setValue(6)
    click(qtbot, pane.writing.page.play_button)
    written(qtbot, pane, 6)
    assert pane.writing.tree.text() == "abcabc"
    assert engine.asked(Generate)[-1].prompt == "The cat"
    assert pane.writing.page.text.text() == "The catabcabc"


def test_step_and_back(qtbot: QtBot, pane: GenerationPane, engine: FakeEngine) -> None:
    for count in (1, 2, 3):
        click(qtbot, pane.writing.page.step_button)
        written(qtbot, pane, count)
    click(qtbot, pane.writing.page.back_button)
    assert pane.writing.tree.text() == "ab"
    asked = len(engine.asked(Generate))
    click(qtbot, pane.writing.page.step_button)
    assert pane.writing.tree.text() == "abc"
    assert len(engine.asked(Generate)) == asked  # along the branch that was there


def test_sliders_recompute_the_probabilities_without_generating(
    qtbot: QtBot, pane: GenerationPane, engine: FakeEngine
) -> None:
    before = len(engine.asked(PredictNext))
    pane.writing.page.controls.sliders["temperature"].slider.setValue(40)
    assert engine.asked(PredictNext)[-1].sampling.temperature == 2.0
    assert len(engine.asked(PredictNext)) == before + 1
    pane.writing.page.controls.seed.setValue(77)
    assert engine.asked(PredictNext)[-1].seed == 77
    assert engine.asked(Generate) == []


def test_another_candidate_begins_a_branch(qtbot: QtBot, pane: GenerationPane, engine: FakeEngine) -> None:
    click(qtbot, pane.writing.page.step_button)
    written(qtbot, pane, 1)
    click(qtbot, pane.writing.page.back_button)
    qtbot.waitUntil(lambda: not pane.asking())
    place = pane.writing.page.bars.place_of(98)
    assert place is not None
    click_at(pane.writing.page.bars, place.center().toPoint())
    written(qtbot, pane, 1)
    assert engine.asked(Generate)[-1].first == 98
    assert pane.writing.tree.text() == "b"
    assert len(pane.writing.tree.leaves()) == 2
    small = pane.writing.page.stage.small_tree
    qtbot.waitUntil(small.isVisible)  # a tree appears with the second branch
    click_at(small.page, small.page.box_of(small.page.ends()[0]).center().toPoint() - QPoint(30, 0))
    assert pane.writing.tree.text() == "a"


def test_undo_restores_a_removed_branch(qtbot: QtBot, pane: GenerationPane) -> None:
    click(qtbot, pane.writing.page.step_button)
    written(qtbot, pane, 1)
    pane.writing._remove(pane.writing.tree.leaves()[0])
    assert pane.writing.tree.leaves() == []
    pane.writing.undo()
    assert pane.writing.tree.text() == "a"


def test_undo_restores_a_cleared_text(qtbot: QtBot, pane: GenerationPane) -> None:
    click(qtbot, pane.writing.page.step_button)
    written(qtbot, pane, 1)
    click(qtbot, pane.writing.page.clear_button)
    assert pane.writing.tree.text() == ""
    pane.writing.undo()
    assert pane.writing.tree.text() == "a"


def test_copying_takes_prompt_and_text(qtbot: QtBot, pane: GenerationPane) -> None:
    click(qtbot, pane.writing.page.step_button)
    written(qtbot, pane, 1)
    click(qtbot, pane.writing.page.copy_button)
    assert QApplication.clipboard().text() == "The cata"


def test_side_by_side_shows_three_temperatures_and_one_can_be_taken(
    qtbot: QtBot, pane: GenerationPane, engine: FakeEngine
) -> None:
    pane.writing.page.length.setValue(5)
    pane.writing.page.side_button.setChecked(True)
    qtbot.waitUntil(lambda: all(len(tokens) == 5 for tokens in pane.writing.columns.texts) and not pane.asking())
    assert [r.sampling.temperature for r in engine.asked(Generate)] == [0.0, 1.0, 2.0]
    stage = pane.writing.page.stage
    assert [title.isChecked() for title in stage.column_titles] == [True, False, False]
    assert "temperature 0.0" in stage.bars_title.text()
    click(qtbot, stage.column_titles[1])
    assert [title.isChecked() for title in stage.column_titles] == [False, True, False]
    assert "temperature 1.0" in stage.bars_title.text()
    click(qtbot, stage.take_buttons[1])
    assert pane.writing.tree.text() == "abcab"
    assert not pane.writing.page.side_button.isChecked()


def test_during_training_text_is_generated_automatically_until_the_user_acts(
    qtbot: QtBot, pane: GenerationPane, engine: FakeEngine, window: MainWindow
) -> None:
    engine.answers[Generate] = lambda request: [replace(generated(request)[0], step=10, following=candidates())]
    window.state.set_training(True)
    window.state.set_progress(points())
    window.state.weights_changed.emit()
    qtbot.waitUntil(lambda: len(pane.writing.moment.written) == 40)
    assert pane.writing.page.stage.live_words.text() == "Written at step 10"
    assert pane.writing.moment.steps == (10, 10)
    assert engine.requests[-1] == engine.asked(Generate)[-1]  # its candidates come from the same weights
    click(qtbot, pane.writing.page.back_button)
    asked = len(engine.asked(Generate))
    window.state.weights_changed.emit()
    assert len(engine.asked(Generate)) == asked
    assert not pane.writing.page.live.isChecked()


def test_the_table_has_a_row_for_each_token(qtbot: QtBot, pane: GenerationPane) -> None:
    assert pane.table() is None
    click(qtbot, pane.writing.page.step_button)
    written(qtbot, pane, 1)
    table = pane.table()
    assert table is not None
    assert table.header[:3] == ("position", "id", "piece")
    assert table.rows[0][:4] == (0, 97, "a", 0.5)
    assert table.rows[0][-1] == pytest.approx(0.6)


def test_candidates_are_described_in_words(pane: GenerationPane) -> None:
    pane.writing.page.bars.set_candidates(candidates())
    assert "excluded by" in pane.writing.page.bars.describe(2)
    assert "60.00\u00a0%" in pane.writing.page.bars.describe(0)
    assert pane.subtitle() == "2 of 9 tokens remain after the settings"


def test_a_tree_of_branches() -> None:
    tree = Branches("p")
    for event in generated(Generate("p", tokens=3)):
        for token in event.tokens:
            tree.add(token)
    end = tree.current
    assert tree.ids() == (97, 98, 99)
    assert tree.back()
    assert tree.on()
    assert tree.current is end
    assert not tree.on()
    tree.go(tree.root)
    assert not tree.back()
    other = generated(Generate("p", first=99))[0].tokens[0]
    tree.add(other)
    assert [leaf.token.id for leaf in tree.leaves() if leaf.token] == [99, 99]
    tree.remove(end)
    assert len(tree.leaves()) == 1
    assert tree.text() == "c"


def test_a_compact_tile_shows_the_picture_without_controls(
    qtbot: QtBot, window: MainWindow, pane: GenerationPane
) -> None:
    page = pane.writing.page
    assert page.stage.text_key.isVisible()
    assert "probability" in page.stage.text_key.text()
    page.color.setCurrentIndex(1)
    assert "entropy" in page.stage.text_key.text()
    window.prompt.setFocus()
    window.resize(900, 560)
    window.workspace.choose_count(4)
    qtbot.waitUntil(lambda: page.stage.text_key.isHidden() and page.tools.isHidden())
    assert page.text.isVisible()


def test_more_controls_appear_on_demand_and_are_remembered(qtbot: QtBot, pane: GenerationPane) -> None:
    page = pane.writing.page
    assert not page.controls.isVisible()
    click(qtbot, page.more_button)
    assert page.controls.sliders["top_k"].isVisible()
    saved = pane.save()
    click(qtbot, page.more_button)
    pane.restore(saved)
    assert page.controls.isVisible()


def test_the_button_that_pauses_bears_the_sign_of_a_pause(qtbot: QtBot, pane: GenerationPane) -> None:
    button = pane.writing.page.play_button
    writes = button.icon().pixmap(16).toImage()
    pane.writing.page.set_writing(True, False)
    assert button.text() == "Pause"
    assert button.icon().pixmap(16).toImage() != writes


def test_a_text_of_another_model_is_not_restored(qtbot: QtBot, window: MainWindow, pane: GenerationPane) -> None:
    click(qtbot, pane.writing.page.step_button)
    written(qtbot, pane, 1)
    window.state.set_model(replace(model(), folder="/models/other"))
    qtbot.waitUntil(lambda: pane.writing.tree.model == "/models/other" and not pane.asking())
    pane.writing.undo()
    assert pane.writing.tree.ids() == ()
    window.state.set_model(model())
    qtbot.waitUntil(lambda: not pane.asking())
    pane.writing.undo()
    assert pane.writing.tree.text() == "a"  # it is kept for the model that wrote it


def test_the_old_text_and_candidates_stay_until_the_new_ones_are_known(
    qtbot: QtBot, window: MainWindow, engine: FakeEngine, pane: GenerationPane
) -> None:
    del engine.answers[PredictNext]  # not computed yet
    window.prompt.set_text("The dog")
    qtbot.waitUntil(lambda: engine.asked(PredictNext)[-1].prompt == "The dog")
    assert pane.writing.page.text.text() == "The cat"
    assert pane.writing.moment.prompt == "The cat"
    shown = candidates(1)
    engine.send(PredictNext, shown)
    assert pane.writing.page.text.text() == "The dog"
    assert pane.writing.page.bars.candidates is shown


def test_the_candidates_are_described_in_the_language_of_the_window(window: MainWindow, qtbot: QtBot) -> None:
    window.state.set_model(model())
    window.state.set_text("abc")
    window.workspace.set_layout(1, ["generation"])
    bars = window.workspace.pane("generation").writing.page.bars  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: bars.candidates is not None)
    assert "model" in bars.accessibleDescription()
    window.appearance.set_language("ja")
    assert t("pane.generation.candidates.stage.model") in bars.accessibleDescription()


def test_the_candidates_follow_the_sliders_after_a_comparison(
    window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    window.state.set_model(model())
    window.state.set_text("abc")
    window.workspace.set_layout(1, ["generation"])
    pane: Any = window.workspace.pane("generation")
    qtbot.waitUntil(lambda: bool(engine.asked(PredictNext)))
    pane.writing.page.side_button.setChecked(True)
    pane.writing.page.controls.set_settings(SamplingSettings(temperature=1.5))
    qtbot.waitUntil(lambda: engine.asked(PredictNext)[-1].sampling.temperature == 1.5)


# --- The tree of branches -------------------------------------------------------------------------


def grown() -> Branches:
    """Return a tree with three branches of the prompt "p": abc and aca share the first token, b does not."""
    tree = Branches("p")
    for ids in ("abc", "aca", "b"):
        tree.go(tree.root)
        for letter in ids:
            tree.add(generated(Generate("p", first=ord(letter)))[0].tokens[0])
    return tree


def test_stretches_without_a_fork_are_boxes_and_each_branch_has_a_row() -> None:
    first, rows = arrange(grown())
    assert rows == 3
    assert [(s.text, s.depth, s.row) for s in first.all()] == [
        ("", 0, 1.25), ("a", 1, 0.5), ("bc", 2, 0.0), ("ca", 2, 1.0), ("b", 1, 2.0),
    ]  # fmt: skip
    assert log_probability(grown().leaves()[0]) == pytest.approx(3 * math.log(0.5))


def test_the_tree_is_walked_by_keys_and_the_mouse(qtbot: QtBot, pane: GenerationPane) -> None:
    writing = pane.writing
    writing.page.tree_button.setChecked(True)
    writing.tree = grown()
    writing._show()
    page = writing.page.tree.page
    assert writing.tree.text() == "b"
    press(page, Qt.Key.Key_Down)
    assert writing.tree.text() == "abc"
    press(page, Qt.Key.Key_Down)
    assert writing.tree.text() == "aca"
    click_at(page, page.box_of(page.ends()[0]).center().toPoint() - QPoint(30, 0))
    assert writing.tree.text() == "abc"
    assert page.describe(page.ends()[0]).count("ln p") == 1
    press(page, Qt.Key.Key_Delete)
    assert [leaf.token.piece for leaf in writing.tree.leaves() if leaf.token] == ["a", "b"]
    writing.undo()
    assert len(writing.tree.leaves()) == 3


def test_one_branch_is_the_favourite(pane: GenerationPane) -> None:
    writing = pane.writing
    writing.page.tree_button.setChecked(True)
    writing.tree = grown()
    writing._show()
    page = writing.page.tree.page
    click_at(page, page.star_of(page.ends()[0]).center().toPoint())
    assert "favourite" in page.describe(page.ends()[0])
    press(page, Qt.Key.Key_F)  # the current branch, "b", instead
    table = pane.table()
    assert table is not None
    assert [(row[3], row[4]) for row in table.rows] == [(0, "abc"), (0, "aca"), (1, "b")]
    press(page, Qt.Key.Key_F)
    assert writing.tree.favourite is None


def test_the_tree_and_the_side_by_side_view_exclude_each_other(qtbot: QtBot, pane: GenerationPane) -> None:
    page = pane.writing.page
    page.tree_button.setChecked(True)
    assert page.tree.isVisible()
    page.side_button.setChecked(True)
    assert not page.tree_button.isChecked()
    assert page.columns[0].isVisible()
    page.tree_button.setChecked(True)
    assert not page.side_button.isChecked()
    assert page.tree.isVisible()


def test_below_a_short_text_is_what_would_follow_the_likeliest_tokens_and_a_click_writes_it(
    qtbot: QtBot, window: MainWindow, pane: GenerationPane, engine: FakeEngine
) -> None:
    window.resize(1600, 1000)
    writing, small = pane.writing, pane.writing.page.stage.small_tree
    qtbot.waitUntil(lambda: small.isVisible() and len(small.page.ends()) == 2)
    assert [stretch.text for stretch in small.page.ends()] == ["abcabcab", "bbcabcab"]
    assert writing.page.stage.ahead_words.isVisible()
    assert writing.tree.text() == ""  # nothing of it is written
    press(small.page, Qt.Key.Key_F, Qt.Key.Key_Delete)
    assert writing.tree.favourite is None
    click_at(small.page, small.page.box_of(small.page.ends()[1]).center().toPoint())
    assert writing.tree.text() == "bbcabcab"
    assert engine.asked(Generate) == []


def test_the_progress_of_reading_a_long_text_is_no_branch_ahead(
    qtbot: QtBot, window: MainWindow, pane: GenerationPane, engine: FakeEngine
) -> None:
    tokens = engine.answers[LookAhead]
    engine.answers[LookAhead] = lambda request: [Progress("progress.reading_prompt", 0.5), *tokens(request)]
    window.resize(1600, 1000)
    window.prompt.set_text("The dog " * 100)
    qtbot.waitUntil(lambda: pane.writing.moment.prompt.startswith("The dog") and pane.writing.ahead.tree is not None)
    assert pane.writing.ahead.tree is not None
    assert len(pane.writing.ahead.tree.leaves()) == 2


def test_nothing_is_looked_ahead_while_a_text_is_written_or_where_it_has_branches(
    qtbot: QtBot, window: MainWindow, pane: GenerationPane, engine: FakeEngine
) -> None:
    window.resize(1600, 1000)
    stage = pane.writing.page.stage
    qtbot.waitUntil(lambda: pane.writing.ahead.tree is not None)
    for token in (97, 98):
        pane.writing.home()
        pane.writing.take(token)
        written(qtbot, pane, 1)
    qtbot.waitUntil(lambda: len(stage.small_tree.page.ends()) == 2 and not stage.ahead_words.isVisible())
    assert pane.writing.ahead.tree is None
    assert not stage.small_tree.page.ahead


def test_what_was_seen_ahead_goes_with_its_text(qtbot: QtBot, window: MainWindow, pane: GenerationPane) -> None:
    window.resize(1600, 1000)
    qtbot.waitUntil(lambda: pane.writing.ahead.tree is not None)
    window.prompt.set_text("The dog")
    qtbot.waitUntil(lambda: pane.writing.moment.prompt == "The dog")
    assert pane.writing.page.stage.small_tree.page.tree.prompt == "The dog"  # with what follows it, or nothing yet
    qtbot.waitUntil(lambda: pane.writing.ahead.tree is not None)
    assert pane.writing.page.stage.small_tree.page.tree.prompt == "The dog"


def test_a_text_whose_words_break_early_is_not_scrolled(qtbot: QtBot) -> None:
    text: StageText = show(qtbot, StageText(), 330, 250)
    for words in ("For breakfast I have", "a wonderful wonderful day", "猫は森で暮らしている。" * 3, "x" * 60):
        text.set_spans([Span(words, None)])
        assert text.page.minimumHeight() <= text.viewport().height()


def test_the_texts_side_by_side_take_no_room_from_the_candidates_while_they_are_hidden(
    window: MainWindow, pane: GenerationPane
) -> None:
    window.resize(1280, 720)
    stage = pane.writing.page.stage
    assert stage.views.minimumSize().width() < 200
    pane.writing.page.side_button.setChecked(True)
    assert stage.views.minimumSize().width() > 200
