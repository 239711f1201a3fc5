"""The Tokens pane: the text, its tokenizers side by side, the merges of a word, context, vocabulary, frequencies."""

import itertools
from typing import Any

import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QSlider
from pytestqt.qtbot import QtBot

from engine.messages.models import ModelInfo
from engine.messages.tokens import CompareTokenizers, MergeStep, MergeSteps, ReplayMerges
from gui.panes.tokens.context_page import KNOWN, ContextPage, ContextPicture
from gui.panes.tokens.merge_tree import tree_of
from gui.panes.tokens.pane import VIEWS
from gui.panes.tokens.rulers import Rulers
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, tokenizer_columns
from tests.gui.hands import click, recorded, show


@pytest.fixture
def pane(window: MainWindow, qtbot: QtBot) -> Any:
    window.state.set_model(ModelInfo("story", "f", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    window.state.set_text("abcde")
    window.workspace.set_layout(1, ["tokens"])
    found: Any = window.workspace.pane("tokens")
    qtbot.waitUntil(lambda: window.state.tokens is not None and found.tree.word is not None)
    qtbot.waitUntil(lambda: "unigram" in found.rulers.columns)
    return found


def test_a_click_selects_a_token_and_replays_its_word(pane: Any, engine: FakeEngine) -> None:
    box = pane.flow.page._boxes[2].center().toPoint()
    QTest.mouseClick(pane.flow.page, Qt.MouseButton.LeftButton, pos=box)
    assert pane.state.token == 2
    assert engine.asked(ReplayMerges)[-1].token == 2
    assert pane.rulers.lit == (2, 3)


def test_the_slider_steps_through_the_merges(pane: Any) -> None:
    assert pane.tree.picture.joined == 2
    QTest.keyClick(pane.tree.slider, Qt.Key.Key_Left)
    assert pane.tree.picture.joined == 1
    assert "rule 5" in pane.tree.caption.text()
    assert "7 times" in pane.tree.caption.text()
    pane.tree.slider.setValue(0)
    assert "3 single symbols" in pane.tree.caption.text()
    pane.tree.grab()


def test_a_merge_names_the_text_in_which_its_piece_was_counted(pane: Any) -> None:
    pane.tree.set_word(pane.tree.word)
    assert "times in the text" in pane.tree.caption.text()
    pane.tree.set_word(pane.tree.word, in_opened=True)
    assert "times in the opened text" in pane.tree.caption.text()


def test_play_joins_the_symbols_one_after_another_and_ends_at_the_tokens(pane: Any, qtbot: QtBot) -> None:
    seen = recorded(pane.tree.player.valueChanged)
    pane.tree.play.click()
    qtbot.waitUntil(lambda: pane.tree.player.state() == pane.tree.player.State.Stopped)
    assert seen[0] < 1
    assert seen == sorted(seen)
    assert (pane.tree.picture.joined, pane.tree.slider.value()) == (2, 2)
    pane.tree.play.click()
    pane.tree.play.click()  # stop
    assert pane.tree.picture.joined == 2


@given(data=st.data(), word=st.text("abc", min_size=1, max_size=12))
def test_a_tree_has_every_symbol_once_below_its_tokens(data: st.DataObject, word: str) -> None:
    pieces, steps = tuple(word), [MergeStep(tuple(word), "", -1, -1, 0)]
    for rank in range(data.draw(st.integers(0, len(word) - 1))):
        place = data.draw(st.integers(0, len(pieces) - 2))
        merged = pieces[place] + pieces[place + 1]
        pieces = (*pieces[:place], merged, *pieces[place + 2 :])
        steps.append(MergeStep(pieces, merged, place, rank, 1))
    nodes, final = tree_of(MergeSteps(0, word, 0, tuple(steps)))
    assert tuple(nodes[index].piece for index in final) == pieces
    spans = [nodes[index].leaves for index in final]
    assert [leaf for span in spans for leaf in range(*span)] == list(range(len(word)))
    assert all(word[slice(*node.leaves)] == node.piece for node in nodes)
    for node in nodes[len(word) :]:
        assert "".join(nodes[child].piece for child in node.children) == node.piece
        assert node.level == 1 + max(nodes[child].level for child in node.children)


def test_each_tokenizer_has_a_row_with_the_number_of_its_tokens(pane: Any) -> None:
    assert pane.rulers.names == ["model", "bytes", "scripts", "unigram", "characters", "utf8"]
    assert pane.rulers.words("model").startswith("story: 10 tokens, 3.00 characters per token")
    pane.rulers.grab()


def test_a_chosen_tokenizer_shows_its_tokens_and_its_merges(pane: Any, engine: FakeEngine) -> None:
    click(pane.rulers, QPoint(300, round(2.5 * pane.rulers._row())))
    assert pane.rulers.shown == "bytes"
    assert "Byte-level BPE" in pane.subtitle()
    assert engine.asked(ReplayMerges)[-1].tokenizer == "bytes"
    pane.flow.selected.emit(1)
    assert (pane.token, pane.state.token) == (1, None)
    assert engine.asked(ReplayMerges)[-1].token == 1
    pane.state.set_text("another")
    assert pane.rulers.columns  # until the tokens of the new text have come


def test_another_text_is_compared_again(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    pane.state.set_text("other")
    qtbot.waitUntil(lambda: engine.asked(CompareTokenizers)[-1].text == "other")
    assert pane.rulers.shown == "model"
    qtbot.waitUntil(lambda: len(pane.rulers.columns) == 6)


def test_the_same_character_is_at_the_same_place_in_every_row(qtbot: QtBot) -> None:
    rulers: Rulers = show(qtbot, Rulers(), 800, 300)
    for column in tokenizer_columns(CompareTokenizers("the cat", "", "")):
        rulers.add(column)  # type: ignore[arg-type]
    lefts = list(rulers._lefts)
    assert len(lefts) == len("the cat") + 1
    assert all(left < right for left, right in itertools.pairwise(lefts))
    rulers.resize(200, 300)
    rulers.set_lit((6, 7))
    right = rulers._lefts[7] - rulers._scroll
    assert right <= rulers._track().width() + 1  # the selected character is in view


def test_a_saved_picture_has_no_buttons(pane: Any) -> None:
    for view in VIEWS:
        pane.view.button(view).click()
        controls = [*pane.picture().findChildren(QAbstractButton), *pane.picture().findChildren(QSlider)]
        assert not [control for control in controls if control.isVisible() and control.objectName() == ""]


def test_the_strip_above_hides_while_the_pane_is_alone(pane: Any, window: MainWindow) -> None:
    assert not window.strip.isVisible()
    window.workspace.set_layout(2, ["tokens", "map"])
    assert window.strip.isVisible()
    window.workspace.set_layout(1, ["generation"])
    assert window.strip.isVisible()


def test_the_sentence_counts_what_is_shown(pane: Any) -> None:
    assert pane.sentence() == "Each of the 5 characters is a token of its own: 5 tokens."
    pane.view.button("context").click()
    assert "5 tokens: 31.2" in pane.sentence()


def test_the_vocabulary_is_searched_and_sorted(pane: Any, qtbot: QtBot) -> None:
    pane.view.button("vocabulary").click()
    table = pane.vocabulary
    qtbot.waitUntil(lambda: len(table.model.shown) == 26)
    table.view.sortByColumn(4, Qt.SortOrder.DescendingOrder)
    assert table.model.shown[:2] == [25, 24]
    QTest.keyClicks(table.search, "c")
    assert table.model.shown == [2]
    table.search.setText("7")
    assert table.model.shown == [7]
    assert pane.table().rows == [(7, "h", "68", "letters", 7)]


def test_frequencies_name_the_token_under_the_mouse(pane: Any, qtbot: QtBot) -> None:
    pane.view.button("zipf").click()
    qtbot.waitUntil(lambda: len(pane.zipf.counts) == 25)  # one token does not occur
    assert pane.zipf.counts[0] == 25
    pane.zipf.hovered.emit(0)
    assert "z" in pane.zipf_caption.text()
    pane.zipf.hovered.emit(-1)
    assert "Zipf" in pane.zipf_caption.text()
    assert [words for _, words in pane.zipf.plot.getAxis("bottom")._tickLevels[0]][:4] == ["1", "10", "100", "1,000"]


def test_context_windows_are_drawn_to_one_scale(pane: Any) -> None:
    pane.view.button("context").click()
    picture: ContextPicture = pane.context.picture
    blocks = {block.name: block for block in picture.blocks}
    assert blocks["story"].tokens == 16
    assert {name for name, _, _ in KNOWN} < set(blocks)
    side, columns = picture.places()
    assert side > 0
    assert columns[-1].right() <= picture.width() + 1
    assert all(a.right() <= b.left() + 0.01 for a, b in itertools.pairwise(columns))
    picture.grab()


def test_a_narrow_tile_shows_the_windows_that_have_room(qtbot: QtBot) -> None:
    page: ContextPage = show(qtbot, ContextPage(), 560, 260)
    page.set_text(12, ("SmolLM2", 8192))
    shown = page.picture.shown()
    assert len(shown) < len(page.picture.blocks)
    assert any(block.is_own for block in shown)
    assert shown[-1] == page.picture.blocks[-1]
    assert page.picture.places()[1][-1].right() <= page.picture.width() + 1


def test_a_longer_text_fills_the_windows(pane: Any) -> None:
    pane.view.button("context").click()
    assert pane.context.tokens == 5
    pane.context.length.slider.setValue(6)
    assert pane.context.tokens == 120_000
    assert "7,500 times as long" in pane.sentence()
    assert "the text fills 60\u00a0%" in pane.context.picture._words(pane.context.picture.blocks[-2])


def test_choices_are_saved_and_restored(pane: Any) -> None:
    pane.view.choose("context")
    pane.context.set_length(3)
    saved = pane.save()
    pane.restore({"view": "no", "length": "x"})
    pane.view.choose("text")
    pane.context.set_length(0)
    pane.restore(saved)
    assert (pane.view.current, pane.context.tokens) == ("context", 1500)
