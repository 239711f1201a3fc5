"""The Chat pane: sending, branches, editing, the template, what falls out of the context, and saving."""

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.messages.chat import Chat, ChatForms, FindChatForms, Message
from gui.panes.chat.conversation import Conversation, Turn
from gui.panes.chat.pane import ChatPane
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model


@pytest.fixture
def pane(qtbot: QtBot, window: MainWindow) -> ChatPane:
    window.show_pane("chat")
    window.workspace.choose_count(1)
    window.state.set_model(model())
    found = window.workspace.pane(ChatPane)
    qtbot.waitUntil(lambda: found.form == "template")
    return found


def say(qtbot: QtBot, pane: ChatPane, text: str) -> None:
    qtbot.keyClicks(pane.page.composer, text)
    qtbot.keyClick(pane.page.composer, Qt.Key.Key_Return)
    done(qtbot, pane)


def done(qtbot: QtBot, pane: ChatPane) -> None:
    qtbot.waitUntil(lambda: not pane.asking() and bool(pane.chat.last.ended) and not pane._show_timer.isActive())


def words(pane: ChatPane) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in pane.chat.path]


def test_enter_sends_a_message_and_the_answer_is_shown(qtbot: QtBot, pane: ChatPane, engine: FakeEngine) -> None:
    pane.page.system.setText("Be kind.")
    say(qtbot, pane, "Hi")
    assert engine.asked(Chat)[-1].messages == (Message("system", "Be kind."), Message("user", "Hi"))
    assert words(pane) == [("user", "Hi"), ("assistant", "abcab")]
    assert [view.text.text() for view in pane.page.views] == ["Hi", "abcab"]
    assert pane.page.composer.toPlainText() == ""
    say(qtbot, pane, "And?")
    asked = engine.asked(Chat)[-1].messages
    assert asked[1:] == (Message("user", "Hi"), Message("assistant", "abcab"), Message("user", "And?"))


def test_shift_and_enter_begin_a_new_line(qtbot: QtBot, pane: ChatPane) -> None:
    qtbot.keyClicks(pane.page.composer, "one")
    qtbot.keyClick(pane.page.composer, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(pane.page.composer, "two")
    assert pane.page.composer.toPlainText() == "one\ntwo"
    assert pane.chat.path == []


def test_candidates_are_shown_in_one_of_two_tiles_on_a_small_projector(
    qtbot: QtBot, pane: ChatPane, window: MainWindow
) -> None:
    window.workspace.choose_count(2)
    window.resize(1280, 720)
    qtbot.waitUntil(lambda: pane.width() < 600)
    say(qtbot, pane, "Hi")
    qtbot.waitUntil(lambda: pane.page.bars.isVisible() and pane.page.bars.height() > 100)
    qtbot.waitUntil(lambda: pane.page.area.height() > 100)


def test_another_answer_is_a_branch_with_another_seed(qtbot: QtBot, pane: ChatPane, engine: FakeEngine) -> None:
    say(qtbot, pane, "Hi")
    view = pane.page.views[1]
    qtbot.mouseClick(view.again, Qt.MouseButton.LeftButton)
    done(qtbot, pane)
    first, second = engine.asked(Chat)[-2:]
    assert second.seed == first.seed + 1
    assert view.place.text() == "2 / 2"
    qtbot.mouseClick(view.before, Qt.MouseButton.LeftButton)
    assert view.place.text() == "1 / 2"


def test_another_candidate_is_a_branch_that_goes_on_from_there(
    qtbot: QtBot, pane: ChatPane, engine: FakeEngine
) -> None:
    say(qtbot, pane, "Hi")
    pane.page.views[1].text.clicked.emit(2)
    pane.page.bars.chosen.emit(97)
    done(qtbot, pane)
    request = engine.asked(Chat)[-1]
    assert (request.chosen, request.first) == ((97, 98), 97)
    assert pane.chat.last.text == "abaab"
    assert len(pane.chat.last.variants) == 2


def test_an_edited_turn_is_a_branch(qtbot: QtBot, pane: ChatPane) -> None:
    say(qtbot, pane, "Hi")
    qtbot.mouseClick(pane.page.views[0].edit, Qt.MouseButton.LeftButton)
    pane.page.composer.setPlainText("Hello")
    qtbot.mouseClick(pane.page.send, Qt.MouseButton.LeftButton)
    done(qtbot, pane)
    assert words(pane) == [("user", "Hello"), ("assistant", "abcab")]
    qtbot.mouseClick(pane.page.views[0].before, Qt.MouseButton.LeftButton)
    assert words(pane) == [("user", "Hi"), ("assistant", "abcab")]


def test_escape_stops_an_answer_which_can_go_on(qtbot: QtBot, pane: ChatPane, engine: FakeEngine) -> None:
    pane.page.length.setValue(2)
    say(qtbot, pane, "Hi")
    assert pane.chat.last.ended == "length"
    pane.page.length.setValue(9)
    qtbot.mouseClick(pane.page.views[1].on, Qt.MouseButton.LeftButton)
    done(qtbot, pane)
    assert engine.asked(Chat)[-1].chosen == (97, 98)
    assert pane.chat.last.text == "abcab"
    pane.say("More")
    qtbot.keyClick(pane.page.composer, Qt.Key.Key_Escape)
    assert (pane.chat.last.role, pane.chat.last.text) == ("user", "More")  # no token had been generated
    assert not pane.asking("answer")


def test_an_answer_of_another_model_cannot_be_continued(qtbot: QtBot, pane: ChatPane, engine: FakeEngine) -> None:
    pane.page.length.setValue(2)
    say(qtbot, pane, "Hi")
    assert pane.page.views[1].on.isVisible()
    pane.state.set_model(model("/models/other"))
    qtbot.waitUntil(lambda: not pane.asking())
    assert not pane.page.views[1].on.isVisible()
    pane.page.views[1].text.clicked.emit(0)
    pane.page.bars.chosen.emit(98)
    assert len(engine.asked(Chat)) == 1  # token IDs of the first model mean nothing to the second


def test_the_template_is_shown_around_the_turns(qtbot: QtBot, pane: ChatPane) -> None:
    say(qtbot, pane, "Hi")
    pane.page.template.setChecked(True)
    assert [view.text.text() for view in pane.page.views] == ["<s>user:Hi</s>", "assistant:abcab"]
    assert [span.look for span in pane.page.views[0].text.page.spans] == ["chip", "", "text", "chip"]
    pane.page.views[1].text.clicked.emit(1)  # the first token, after a span of the template
    assert pane._chosen == (pane.chat.last, 0)
    pane.page.system.setText("Be kind.")
    pane.page.system.editingFinished.emit()
    qtbot.waitUntil(lambda: not pane.asking())
    assert pane.page.views[0].text.text() == "<s>system:Be kind.user:Hi</s>"


def test_turns_that_fall_out_of_the_context_are_struck_out(qtbot: QtBot, pane: ChatPane) -> None:
    for text in "abcde":
        say(qtbot, pane, text)
    assert pane.page.views[0].state.text() != ""
    assert pane.page.views[0].text.page.spans[0].look == "gone"
    assert pane.page.views[8].text.page.spans[0].look == "text"
    assert pane.page.context.unseen == 1


def test_special_tokens_in_a_message_are_reported(qtbot: QtBot, pane: ChatPane) -> None:
    say(qtbot, pane, "a <s> b")
    assert pane.messages.current is not None
    assert pane.messages.current.key == "notice.chat_typed"


def test_clear_can_be_undone_and_the_chat_is_kept(qtbot: QtBot, pane: ChatPane, tmp_path: Path) -> None:
    say(qtbot, pane, "Hi")
    qtbot.mouseClick(pane.page.copy_all, Qt.MouseButton.LeftButton)
    assert "abcab" in QApplication.clipboard().text()
    pane.save_to(tmp_path / "chat.json")
    assert json.loads((tmp_path / "chat.json").read_text("utf-8"))[1] == {"role": "assistant", "content": "abcab"}
    saved = pane.save()
    qtbot.mouseClick(pane.page.clear, Qt.MouseButton.LeftButton)
    assert pane.chat.path == []
    qtbot.mouseClick(pane.page.clear, Qt.MouseButton.LeftButton)
    assert words(pane) == [("user", "Hi"), ("assistant", "abcab")]
    pane.chat = Conversation()
    pane.restore(saved)
    assert words(pane) == [("user", "Hi"), ("assistant", "abcab")]
    pane.restore({"turns": [["assistant", "x"], 7]})
    assert pane.chat.path == []


def test_a_model_without_a_template_asks_for_a_form_and_offers_smollm2(
    qtbot: QtBot, pane: ChatPane, engine: FakeEngine
) -> None:
    engine.answers[FindChatForms] = lambda _: [ChatForms(("dialogue", "continue"), False)]
    pane.state.set_model(model("/models/other"))
    qtbot.waitUntil(lambda: pane.page.form.count() == 2)
    pane.page.composer.setPlainText("Hi")
    assert not pane.page.send.isEnabled()
    with qtbot.waitSignal(pane.model_wanted) as wanted:
        qtbot.mouseClick(pane.page.open_model, Qt.MouseButton.LeftButton)
    assert wanted.args == ["smollm2"]
    pane.page.form.setCurrentIndex(0)
    assert pane.page.send.isEnabled()


def test_the_empty_page_offers_smollm2(qtbot: QtBot, window: MainWindow) -> None:
    window.show_pane("chat")
    pane = window.workspace.pane(ChatPane)
    assert pane.open_smollm2.isVisible()


def test_a_long_chat_is_kept_without_its_oldest_turns() -> None:
    chat = Conversation()
    for _ in range(5):
        chat.last.add(Turn("user", "x" * 60_000)).add(Turn("assistant", "y"))
    assert [role for role, _ in chat.save()] == ["user", "assistant"] * 3


@pytest.mark.parametrize("size", [(1280, 720), (1600, 1000)])
def test_the_example_questions_and_the_offer_of_a_model_are_seen_without_scrolling(
    qtbot: QtBot, pane: ChatPane, engine: FakeEngine, window: MainWindow, size: tuple[int, int]
) -> None:
    engine.answers[FindChatForms] = lambda _: [ChatForms(("world", "dialogue", "continue"), False)]
    pane.state.set_model(model("/models/other"))
    window.resize(*size)
    qtbot.waitUntil(lambda: pane.page.form.count() == 3 and window.size().toTuple() == size)
    qtbot.wait(1)
    assert pane.page.area.verticalScrollBar().maximum() == 0
    cards = [*pane.page.examples, pane.page.open_model]
    shown = pane.page.area.viewport()
    assert all(shown.rect().contains(card.rect().translated(card.mapTo(shown, QPoint()))) for card in cards)
    with qtbot.waitSignal(pane.page.example_chosen) as chosen:
        qtbot.mouseClick(cards[0], Qt.MouseButton.LeftButton)
    assert chosen.args == ["Say good morning."]
