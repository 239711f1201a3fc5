"""Small controls: slider, control, prompt, the form of a run, messages."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from engine.messages.documents import IndexProgress
from engine.messages.envelope import Ended
from engine.messages.status import Notice
from engine.messages.training import TrainingSettings
from gui import i18n
from gui.i18n import t
from gui.panes.search.work_bar import WorkBar
from gui.panes.training.figures import FigureRow
from gui.panes.training.run_form import NUMBERS, RunForm
from gui.theme import DARK, LIGHT
from gui.widgets.labelled_slider import REST_MS, LabelledSlider
from gui.widgets.message_bar import MessageBar
from gui.widgets.segmented_control import SegmentedControl
from gui.window.prompt import Prompt
from tests.gui.hands import LEFT, NO_KEY, heard, in_a_window, look, press, show

# --- Slider and control ---------------------------------------------------------------------------------


@pytest.fixture
def slider(qtbot: QtBot) -> LabelledSlider:
    made: LabelledSlider = show(qtbot, LabelledSlider([0.0, 0.5, 1.0, 2.0, 4.0], lambda v: f"{v:.1f}"), 400, 40)
    made.set_label("Temperature", "how bold")
    return made


def test_a_slider_says_its_value_at_once_and_that_it_rests_once(qtbot: QtBot, slider: LabelledSlider) -> None:
    changing, changed = heard(slider.changing), heard(slider.changed)
    press(slider.slider, Qt.Key.Key_Right, Qt.Key.Key_Right)
    assert changing == [0.5, 1.0]
    assert changed == []
    assert slider.figure.text() == "1.0"
    qtbot.waitUntil(lambda: bool(changed), timeout=10 * REST_MS)
    assert changed == [1.0]
    press(slider.slider, Qt.Key.Key_End, Qt.Key.Key_End)
    assert (slider.value, changing[-1]) == (4.0, 4.0)


def handle(slider: LabelledSlider) -> QPoint:
    """Where the hand takes it."""
    bar = slider.slider
    share = bar.value() / bar.maximum()
    return QPoint(round(6 + share * (bar.width() - 12)), bar.height() // 2)


def test_a_slider_that_is_dragged_rests_when_it_is_let_go(slider: LabelledSlider) -> None:
    changing, changed = heard(slider.changing), heard(slider.changed)
    slider.set_value(1.0)
    QTest.mousePress(slider.slider, LEFT, NO_KEY, handle(slider))
    assert slider.slider.isSliderDown()
    slider.slider.setSliderPosition(4)
    slider._rest.timeout.emit()  # a long rest under the hand is none
    assert (changing, changed) == ([4.0], [])
    QTest.mouseRelease(slider.slider, LEFT, NO_KEY, handle(slider))
    assert changed == [4.0]


def test_a_click_on_the_handle_changes_nothing(slider: LabelledSlider) -> None:
    changed = heard(slider.changed)
    slider.set_value(1.0)
    QTest.mouseClick(slider.slider, LEFT, NO_KEY, handle(slider))
    assert (slider.value, changed) == (1.0, [])


@given(st.floats(-1e6, 1e6))
def test_a_value_from_elsewhere_finds_the_nearest_and_is_not_told(qtbot: QtBot, value: float) -> None:
    values = [0.0, 0.5, 1.0, 2.0, 4.0]
    made = LabelledSlider(values, str)
    qtbot.addWidget(made)
    changing, changed = heard(made.changing), heard(made.changed)
    made.set_value(value)
    assert abs(made.value - min(max(value, 0.0), 4.0)) <= 1.0
    assert made.value in values
    assert made.figure.text() == str(made.value)
    assert (changing, changed) == ([], [])


def test_a_slider_has_a_name_and_a_value_for_those_who_do_not_see_it(slider: LabelledSlider) -> None:
    slider.set_value(2.0)
    assert slider.slider.accessibleName() == slider.name.text() == "Temperature"
    assert slider.slider.accessibleDescription() == "2.0"
    assert slider.toolTip() == "how bold"
    assert slider.name.buddy() is slider.slider


def test_a_switch_tells_only_what_becomes_another(qtbot: QtBot) -> None:
    control: SegmentedControl = show(qtbot, SegmentedControl(["matrix", "lines", "steps"]))
    control.set_labels({"matrix": "Matrix", "lines": "Lines", "steps": "Steps"}, "View")
    told = heard(control.changed)
    for name in ("matrix", "lines", "lines", "steps"):
        QTest.mouseClick(control.button(name), LEFT)
    control.choose("steps")
    control.choose("matrix")
    assert told == ["lines", "steps", "matrix"]
    assert control.current == "matrix"
    assert control.button("lines").text() == "Lines"
    assert [control.button(name).isChecked() for name in ("matrix", "lines", "steps")] == [True, False, False]
    with pytest.raises(ValueError, match="tuple"):
        control.choose("nothing")


def test_a_switch_is_turned_by_keys(qtbot: QtBot) -> None:
    control = SegmentedControl(["a", "b"])
    in_a_window(qtbot, control)
    control.button("a").setFocus()
    press(control.button("a"), Qt.Key.Key_Right)
    if control.current == "a":  # the arrow only moves on, Space chooses
        press(control.button("b"), Qt.Key.Key_Space)
    assert control.current == "b"


def test_a_switch_without_room_for_its_buttons_is_a_list(qtbot: QtBot) -> None:
    names = ("pca", "tsne", "layers")
    holder = show(qtbot, QWidget(), 600, 40)
    control = SegmentedControl(names, holder)
    control.show()
    control.resize(600, 40)
    control.set_labels({"pca": "PCA", "tsne": "t-SNE", "layers": "Layers"}, "Method")
    told = heard(control.changed)
    control.choose("tsne")
    control.resize(control.sizeHint().width() - 1, 40)
    assert [control.button(name).isVisible() for name in names] == [False] * 3
    assert (control.list.isVisible(), control.list.currentText()) == (True, "t-SNE")
    press(control.list, Qt.Key.Key_Down)
    assert (control.current, told) == ("layers", ["tsne", "layers"])
    control.leave_out("tsne", True)
    assert [control.list.itemText(index) for index in range(control.list.count())] == ["PCA", "Layers"]
    control.resize(600, 40)
    assert [control.button(name).isVisible() for name in names] == [True, False, True]
    assert control.list.isHidden()
    assert control.button("layers").isChecked()


# --- Prompt --------------------------------------------------------------------------------------------


@pytest.fixture
def prompt(qtbot: QtBot) -> Prompt:
    made = Prompt()
    in_a_window(qtbot, made)
    return made


def test_the_prompt_grows_to_three_lines_and_shrinks_again(qtbot: QtBot, prompt: Prompt) -> None:
    heights = []
    for text in ("one", "one\ntwo", "one\ntwo\nthree", "one\ntwo\nthree\nfour\nfive", "one"):
        prompt.set_text(text)
        heights.append(prompt.sizeHint().height())
    one, two, three, five, again = heights
    assert one < two < three == five
    assert again == one
    line = prompt.fontMetrics().lineSpacing()
    assert (two - one, three - one) == (line, 2 * line)


def test_long_words_wrap_and_what_does_not_fit_can_be_scrolled(qtbot: QtBot, prompt: Prompt) -> None:
    prompt.set_text("x" * 100)
    assert prompt.sizeHint().height() > prompt.fontMetrics().lineSpacing() * 2
    prompt.set_text("word " * 400)
    qtbot.waitUntil(lambda: prompt.verticalScrollBar().maximum() > 0)
    assert prompt.horizontalScrollBar().maximum() == 0


def test_typing_settles_once_and_undo_brings_the_last_text_back(qtbot: QtBot, prompt: Prompt) -> None:
    settled = heard(prompt.settled)
    QTest.keyClicks(prompt, "a cat")
    assert settled == []
    qtbot.waitUntil(lambda: settled == ["a cat"])
    prompt.set_text("from an example 😀")
    qtbot.waitUntil(lambda: settled[-1] == "from an example 😀")
    prompt.undo()
    assert prompt.toPlainText() == "a cat"
    qtbot.waitUntil(lambda: len(settled) == 3)
    prompt.set_text("a cat")  # nothing new
    qtbot.wait(1)
    assert not prompt._timer.isActive()


def test_what_is_still_being_composed_is_not_in_the_text(qtbot: QtBot, prompt: Prompt) -> None:
    settled = heard(prompt.settled)
    QApplication.sendEvent(prompt, QInputMethodEvent("ねこ", []))
    assert prompt.toPlainText() == ""
    event = QInputMethodEvent("", [])
    event.setCommitString("猫")
    QApplication.sendEvent(prompt, event)
    qtbot.waitUntil(lambda: bool(settled) and settled[-1] == "猫")
    assert "ねこ" not in settled


def test_tab_leaves_the_prompt_and_files_are_not_pasted_as_paths(qtbot: QtBot) -> None:
    made = Prompt()
    after = in_a_window(qtbot, made)
    made.setFocus()
    QTest.keyClick(made, Qt.Key.Key_Tab)
    qtbot.waitUntil(after.hasFocus)
    assert made.toPlainText() == ""
    assert not made.acceptDrops()


# --- The form of a run ---------------------------------------------------------------------------------


PRESETS = {"30s": TrainingSettings(), "5m": TrainingSettings(layers=6, width=192, seconds=300.0)}


@pytest.fixture
def form(qtbot: QtBot) -> RunForm:
    made: RunForm = show(qtbot, RunForm(), 700, 500)
    look(LIGHT)
    made.set_presets(PRESETS, "30s")
    return made


def test_a_preset_is_one_click(form: RunForm) -> None:
    told = heard(form.changed)
    assert (form.chosen, form.settings()) == ("30s", PRESETS["30s"])
    QTest.mouseClick(form.buttons["5m"], LEFT)
    assert (form.chosen, form.settings()) == ("5m", PRESETS["5m"])
    assert len(told) == 1
    assert "6" in form.buttons["5m"].text()
    assert not form.own.isVisible()


def test_own_numbers_leave_the_preset_and_lead_back_to_it(form: RunForm) -> None:
    QTest.mouseClick(form.more, LEFT)
    assert form.own.isVisible()
    layers = form.numbers["layers"]
    press(layers, Qt.Key.Key_Up)
    assert form.chosen == ""
    assert not any(button.isChecked() for button in form.buttons.values())
    press(layers, Qt.Key.Key_Down)
    assert form.chosen == "30s"
    assert form.buttons["30s"].isChecked()
    QTest.mouseClick(form.buttons["5m"], LEFT)
    assert [name for name, button in form.buttons.items() if button.isChecked()] == ["5m"]


def test_a_run_by_steps_has_no_seconds_and_characters_need_no_vocabulary(form: RunForm) -> None:
    QTest.mouseClick(form.more, LEFT)
    form.unit.setFocus()
    press(form.unit, Qt.Key.Key_Down)
    form.length.setValue(500)
    press(form.tokenizer, Qt.Key.Key_Down)
    found = form.settings()
    assert (found.steps, found.seconds, found.tokenizer) == (500, None, "char")
    assert not form.numbers["vocabulary"].isEnabled()
    QTest.mouseClick(form.buttons["30s"], LEFT)
    assert form.numbers["vocabulary"].isEnabled()


@st.composite
def trainings(draw: st.DrawFn) -> TrainingSettings:
    numbers = {name: draw(st.integers(*limits)) for name, limits in NUMBERS.items()}
    length = draw(st.integers(1, 10_000_000))
    by_steps = draw(st.booleans())
    rate = draw(st.none() | st.integers(1, 10_000).map(lambda n: n / 10_000))
    return TrainingSettings(
        tokenizer=draw(st.sampled_from(["bpe", "char"])),
        **numbers,
        steps=length if by_steps else None,
        seconds=None if by_steps else float(length),
        learning_rate=rate,
    )


@given(wanted=trainings())
@settings(max_examples=40)
def test_any_settings_are_shown_and_read_back_as_they_were(form: RunForm, wanted: TrainingSettings) -> None:
    form.set_own(wanted)
    assert form.settings() == wanted
    assert form.own.isVisible()
    assert form.chosen == next((name for name, preset in PRESETS.items() if preset == wanted), "")


def test_the_form_says_everything_in_both_languages(form: RunForm) -> None:
    said = []
    for language in ("en", "ja"):
        i18n.set_language(language)
        form.retranslate()
        words = [label.text() for label in form.labels.values()]
        words += [label.buddy().toolTip() for label in form.labels.values()]
        words += [box.itemText(i) for box in (form.tokenizer, form.unit) for i in range(2)]
        words += [button.text() for button in form.buttons.values()]
        assert all(words)
        assert not any(text.startswith("pane.") or "{" in text for text in words)
        said.append(words)
    assert sum(a == b for a, b in zip(*said, strict=True)) <= 1
    form.rate.setValue(0.0)
    assert form.rate.text() == i18n.t("pane.training.choice.automatic")


def test_an_unknown_preset_gives_way_to_the_first(qtbot: QtBot) -> None:
    made: RunForm = show(qtbot, RunForm())
    made.set_presets(PRESETS, "overnight")
    made.set_presets(PRESETS, "5m")
    assert (made.chosen, len(made.buttons)) == ("5m", 2)


# --- Messages, work and figures ------------------------------------------------------------------------


@pytest.fixture
def bar(qtbot: QtBot) -> MessageBar:
    made = MessageBar()
    in_a_window(qtbot, made)
    return made


def test_a_failure_is_said_in_the_language_of_the_moment_until_it_is_dismissed(bar: MessageBar) -> None:
    assert not bar.isVisible()
    bar.show_failure(Ended(0, "failed", "error.text_empty", {"file": "/notes/😀.txt"}))
    assert bar.isVisible()
    english = bar.label.text()
    assert "😀.txt" in english
    assert bar.property("level") == "bad"
    assert not bar.details.isVisible()
    i18n.set_language("ja")
    bar.retranslate()
    assert "😀.txt" in bar.label.text() != english
    QTest.mouseClick(bar.dismiss, LEFT)
    assert not bar.isVisible()
    bar.retranslate()
    assert not bar.isVisible()


def test_a_message_replaces_the_older_one_with_its_key(bar: MessageBar) -> None:
    bar.show_failure(Ended(0, "failed", "error.text_empty", {"file": "a"}, "Traceback: no"))
    assert bar.details.isVisible()
    bar.show_key("error.text_empty", "warning", file="b")
    assert "b" in bar.label.text()
    assert not bar.details.isVisible()  # they belonged to the other one
    assert bar.property("level") == "warning"
    bar.show_notice(Notice("error.text_empty", {"file": "c"}))
    assert bar.property("level") == "info"
    QTest.mouseClick(bar.dismiss, LEFT)
    assert not bar.isVisible()


def test_a_notice_waits_until_the_failure_before_it_is_dismissed(bar: MessageBar) -> None:
    bar.show_failure(Ended(0, "failed", "error.text_empty", {"file": "a"}, "Traceback: no"))
    bar.show_key("notice.no_japanese_font")
    assert bar.label.text() == t("error.text_empty", file="a")
    assert (bar.property("level"), bar.details.isVisible()) == ("bad", True)
    QTest.mouseClick(bar.dismiss, LEFT)
    assert bar.label.text() == t("notice.no_japanese_font")
    assert (bar.property("level"), bar.details.isVisible()) == ("info", False)


def test_a_failure_covers_a_notice_until_the_next_attempt_works(bar: MessageBar) -> None:
    bar.show_key("notice.no_japanese_font")
    bar.show_key("notice.settings_broken")
    bar.show_failure(Ended(0, "failed", "error.text_empty", {"file": "a"}))
    assert bar.label.text() == t("error.text_empty", file="a")
    bar.clear_failures()
    assert bar.label.text() == t("notice.settings_broken")
    bar.withdraw("notice.settings_")
    assert bar.label.text() == t("notice.no_japanese_font")
    bar.clear()
    assert not bar.isVisible()


def test_details_of_a_bug_can_be_read(qtbot: QtBot, bar: MessageBar) -> None:
    bar.show_failure(Ended(0, "failed", "error.text_empty", {"file": "a"}, "Traceback: line 7"))
    QTest.mouseClick(bar.details, LEFT)
    [box] = bar.findChildren(QMessageBox)
    assert box.isVisible()
    assert box.detailedText() == "Traceback: line 7"
    assert box.text() == bar.label.text()
    box.close()
    qtbot.waitUntil(lambda: bar.findChildren(QMessageBox) == [])  # or there is one more with every look


def test_a_message_may_say_braces_and_markup(bar: MessageBar) -> None:
    bar.show_key("error.text_empty", file="{name} <b>x</b>")
    assert "{name} <b>x</b>" in bar.label.text()


@pytest.mark.parametrize(("seconds", "left"), [(None, "–"), (0.2, "0:00"), (59.7, "1:00"), (125.0, "2:05")])
def test_work_says_how_far_it_is_and_how_long_it_takes(qtbot: QtBot, seconds: float | None, left: str) -> None:
    work: WorkBar = show(qtbot, WorkBar(), 600, 40)
    work.set_progress(IndexProgress("reading", 1200, 3000, seconds, "/notes/note-😀.txt"))
    assert left in work.words.text()
    assert "1,200" in work.words.text()
    assert work.words.toolTip().endswith("note-😀.txt")
    assert (work.bar.value(), work.bar.maximum()) == (1200, 3000)
    work.set_progress(IndexProgress("embedding", 0, 0, seconds))
    assert work.bar.maximum() == 1  # a bar without a range would run to and fro


def test_long_work_appears_and_can_be_cancelled(qtbot: QtBot) -> None:
    window, work = QWidget(), WorkBar()
    QVBoxLayout(window).addWidget(work)
    show(qtbot, window, 600, 100)
    assert not work.isVisible()
    work.retranslate()
    work.set_progress(IndexProgress("reading", 1, 2, 3.0, "x" * 500))
    assert work.isVisible()
    assert window.width() == 600  # a long name does not push
    cancelled = heard(work.cancelled)
    QTest.mouseClick(work.cancel, LEFT)
    assert len(cancelled) == 1


@pytest.mark.parametrize("tall", [False, True])
@pytest.mark.parametrize("width", [1, 90, 2000])
def test_figures_never_overlap_or_leave_their_row(qtbot: QtBot, tall: bool, width: int) -> None:
    row: FigureRow = show(qtbot, FigureRow(), width, 60)
    row.set_tall(tall)
    row.set_figures([("Step", "1,234"), ("損失", "2.345"), ("Speed", "9,876 tok/s")])
    for theme in (LIGHT, replace(DARK, zoom=2.0)):
        look(theme)
        places = [place for place, _, _ in row.fitting()]
        assert all(b.left() > a.right() for a, b in pairwise(places))
        assert all(place.right() < row.width() for place in places)
        assert not row.grab().isNull()
    assert row.accessibleDescription() == "Step: 1,234\n損失: 2.345\nSpeed: 9,876 tok/s"


def test_figures_take_more_room_in_larger_type_and_none_without_any(qtbot: QtBot) -> None:
    row: FigureRow = show(qtbot, FigureRow(), 800, 60)
    row.set_figures([("Loss", "2.345")])
    before = row.fitting()[0][0].width(), row.sizeHint().height()
    look(replace(LIGHT, zoom=2.0))
    after = row.fitting()[0][0].width(), row.sizeHint().height()
    assert all(b > 1.5 * a for a, b in zip(before, after, strict=True))
    row.set_figures([])
    assert (row.fitting(), row.toolTip()) == ([], "")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("width", [360, 450, 900])
def test_the_button_of_a_preset_shows_its_shape_uncut(qtbot: QtBot, language: str, width: int) -> None:
    i18n.set_language(language)
    form = RunForm()
    qtbot.addWidget(form)
    form.set_presets({name: TrainingSettings(layers=8, width=384) for name in ("30s", "5m", "overnight")}, "30s")
    form.resize(width, 300)
    form.show()
    for button in form.buttons.values():
        assert {"8", "384"} <= set(re.findall(r"\d+", button.text()))
        widest = max(button.fontMetrics().horizontalAdvance(line) for line in button.text().splitlines())
        assert widest < button.width()
    assert form.width() == width
