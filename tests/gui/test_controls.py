"""Small controls: slider, segmented control, prompt, the form of a run, messages."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

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
from gui.panes.training.run_form import LAYOUTS, NUMBERS, RunForm
from gui.theme import DARK, LIGHT
from gui.widgets.labelled_slider import REST_MS, LabelledSlider
from gui.widgets.message_bar import MessageBar
from gui.widgets.segmented_control import SegmentedControl
from gui.window.prompt import Prompt
from tests.gui.hands import LEFT, NO_KEY, in_a_window, look, press, recorded, show

# --- Slider and segmented control -----------------------------------------------------------------------


@pytest.fixture
def slider(qtbot: QtBot) -> LabelledSlider:
    made: LabelledSlider = show(qtbot, LabelledSlider([0.0, 0.5, 1.0, 2.0, 4.0], lambda v: f"{v:.1f}"), 400, 40)
    made.set_label("Temperature", "how bold")
    return made


def test_a_slider_emits_changing_at_every_move_and_changed_once_at_rest(qtbot: QtBot, slider: LabelledSlider) -> None:
    changing, changed = recorded(slider.changing), recorded(slider.changed)
    press(slider.slider, Qt.Key.Key_Right, Qt.Key.Key_Right)
    assert changing == [0.5, 1.0]
    assert changed == []
    assert slider.figure.text() == "1.0"
    qtbot.waitUntil(lambda: bool(changed), timeout=10 * REST_MS)
    assert changed == [1.0]
    press(slider.slider, Qt.Key.Key_End, Qt.Key.Key_End)
    assert (slider.value, changing[-1]) == (4.0, 4.0)


def handle(slider: LabelledSlider) -> QPoint:
    """Return the middle of the handle."""
    bar = slider.slider
    share = bar.value() / bar.maximum()
    return QPoint(round(6 + share * (bar.width() - 12)), bar.height() // 2)


def test_a_dragged_slider_emits_changed_when_it_is_released(slider: LabelledSlider) -> None:
    changing, changed = recorded(slider.changing), recorded(slider.changed)
    slider.set_value(1.0)
    QTest.mousePress(slider.slider, LEFT, NO_KEY, handle(slider))
    assert slider.slider.isSliderDown()
    slider.slider.setSliderPosition(4)
    slider._rest.timeout.emit()  # the mouse button is still down
    assert (changing, changed) == ([4.0], [])
    QTest.mouseRelease(slider.slider, LEFT, NO_KEY, handle(slider))
    assert changed == [4.0]


def test_a_click_on_the_handle_changes_nothing(slider: LabelledSlider) -> None:
    changed = recorded(slider.changed)
    slider.set_value(1.0)
    QTest.mouseClick(slider.slider, LEFT, NO_KEY, handle(slider))
    assert (slider.value, changed) == (1.0, [])


@given(st.floats(-1e6, 1e6))
def test_setting_a_value_chooses_the_nearest_without_a_signal(qtbot: QtBot, value: float) -> None:
    values = [0.0, 0.5, 1.0, 2.0, 4.0]
    made = LabelledSlider(values, str)
    qtbot.addWidget(made)
    changing, changed = recorded(made.changing), recorded(made.changed)
    made.set_value(value)
    assert abs(made.value - min(max(value, 0.0), 4.0)) <= 1.0
    assert made.value in values
    assert made.figure.text() == str(made.value)
    assert (changing, changed) == ([], [])


def test_a_slider_has_an_accessible_name_and_value(slider: LabelledSlider) -> None:
    slider.set_value(2.0)
    assert slider.slider.accessibleName() == slider.name.text() == "Temperature"
    assert slider.slider.accessibleDescription() == "2.0"
    assert slider.toolTip() == "how bold"
    assert slider.name.buddy() is slider.slider


def test_a_segmented_control_emits_only_changes(qtbot: QtBot) -> None:
    control: SegmentedControl = show(qtbot, SegmentedControl(["matrix", "lines", "steps"]))
    control.set_labels({"matrix": "Matrix", "lines": "Lines", "steps": "Steps"}, "View")
    emitted = recorded(control.changed)
    for name in ("matrix", "lines", "lines", "steps"):
        QTest.mouseClick(control.button(name), LEFT)
    control.choose("steps")
    control.choose("matrix")
    assert emitted == ["lines", "steps", "matrix"]
    assert control.current == "matrix"
    assert control.button("lines").text() == "Lines"
    assert [control.button(name).isChecked() for name in ("matrix", "lines", "steps")] == [True, False, False]
    with pytest.raises(ValueError, match="tuple"):
        control.choose("nothing")


def test_a_segmented_control_is_operated_by_keys(qtbot: QtBot) -> None:
    control = SegmentedControl(["a", "b"])
    in_a_window(qtbot, control)
    control.button("a").setFocus()
    press(control.button("a"), Qt.Key.Key_Right)
    if control.current == "a":  # some styles only move the focus; Space chooses
        press(control.button("b"), Qt.Key.Key_Space)
    assert control.current == "b"


def test_a_narrow_segmented_control_is_a_drop_down_list(qtbot: QtBot) -> None:
    names = ("pca", "tsne", "layers")
    holder = show(qtbot, QWidget(), 600, 40)
    control = SegmentedControl(names, holder)
    control.show()
    control.resize(600, 40)
    control.set_labels({"pca": "PCA", "tsne": "t-SNE", "layers": "Layers"}, "Method")
    emitted = recorded(control.changed)
    control.choose("tsne")
    control.resize(control.sizeHint().width() - 1, 40)
    assert [control.button(name).isVisible() for name in names] == [False] * 3
    assert (control.list.isVisible(), control.list.currentText()) == (True, "t-SNE")
    press(control.list, Qt.Key.Key_Down)
    assert (control.current, emitted) == ("layers", ["tsne", "layers"])
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


def test_long_words_wrap_and_a_long_prompt_scrolls(qtbot: QtBot, prompt: Prompt) -> None:
    prompt.set_text("x" * 100)
    assert prompt.sizeHint().height() > prompt.fontMetrics().lineSpacing() * 2
    prompt.set_text("word " * 400)
    qtbot.waitUntil(lambda: prompt.verticalScrollBar().maximum() > 0)
    assert prompt.horizontalScrollBar().maximum() == 0


def test_settled_is_emitted_once_after_typing_and_undo_restores_the_text(qtbot: QtBot, prompt: Prompt) -> None:
    settled = recorded(prompt.settled)
    QTest.keyClicks(prompt, "a cat")
    assert settled == []
    qtbot.waitUntil(lambda: settled == ["a cat"])
    prompt.set_text("from an example 😀")
    qtbot.waitUntil(lambda: settled[-1] == "from an example 😀")
    prompt.undo()
    assert prompt.toPlainText() == "a cat"
    qtbot.waitUntil(lambda: len(settled) == 3)
    prompt.set_text("a cat")  # the same text
    qtbot.wait(1)
    assert not prompt._timer.isActive()


def test_an_unfinished_input_method_composition_is_not_in_the_text(qtbot: QtBot, prompt: Prompt) -> None:
    settled = recorded(prompt.settled)
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


def test_a_click_chooses_a_preset(form: RunForm) -> None:
    emitted = recorded(form.changed)
    assert (form.chosen, form.settings()) == ("30s", PRESETS["30s"])
    QTest.mouseClick(form.buttons["5m"], LEFT)
    assert (form.chosen, form.settings()) == ("5m", PRESETS["5m"])
    assert len(emitted) == 1
    assert "6" in form.buttons["5m"].text()
    assert not form.own.isVisible()


def test_changed_numbers_deselect_the_preset_and_restored_ones_select_it(form: RunForm) -> None:
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


def test_fields_that_do_not_apply_are_disabled(form: RunForm) -> None:
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
    numbers: dict[str, Any] = {name: draw(st.integers(*limits)) for name, limits in NUMBERS.items()}
    length = draw(st.integers(1, 10_000_000))
    by_steps = draw(st.booleans())
    rate = draw(st.none() | st.integers(1, 10_000).map(lambda n: n / 10_000))
    chosen = TrainingSettings(**numbers)
    return replace(
        chosen,
        tokenizer=draw(st.sampled_from(["bpe", "char"])),
        layout=draw(st.sampled_from(LAYOUTS)),
        steps=length if by_steps else None,
        seconds=None if by_steps else float(length),
        learning_rate=rate,
    )


@given(wanted=trainings())
@settings(max_examples=40)
def test_any_settings_are_read_back_unchanged(form: RunForm, wanted: TrainingSettings) -> None:
    form.set_own(wanted)
    assert form.settings() == wanted
    assert form.own.isVisible()
    assert form.chosen == next((name for name, preset in PRESETS.items() if preset == wanted), "")


def test_the_form_is_labelled_in_both_languages(form: RunForm) -> None:
    shown = []
    for language in ("en", "ja"):
        i18n.set_language(language)
        form.retranslate()
        words = [label.text() for label in form.labels.values()]
        words += [label.buddy().toolTip() for label in form.labels.values()]
        words += [box.itemText(i) for box in (form.tokenizer, form.unit) for i in range(2)]
        words += [button.text() for button in form.buttons.values()]
        assert all(words)
        assert not any(text.startswith("pane.") or "{" in text for text in words)
        shown.append(words)
    assert sum(a == b for a, b in zip(*shown, strict=True)) <= 1
    form.rate.setValue(0.0)
    assert form.rate.text() == i18n.t("pane.training.choice.automatic")


def test_the_first_preset_replaces_an_unknown_one(qtbot: QtBot) -> None:
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


def test_a_failure_follows_the_language_until_it_is_dismissed(bar: MessageBar) -> None:
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
    assert not bar.details.isVisible()  # the details of the message before
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
    qtbot.waitUntil(lambda: bar.findChildren(QMessageBox) == [])  # each is deleted when it is closed


def test_a_failure_names_a_file_without_its_folder(bar: MessageBar, tmp_path: Path) -> None:
    path = str(tmp_path / "cat.png")
    bar.show_failure(Ended(0, "failed", "error.text_picture", {"file": path, "format": "PNG"}))
    assert bar.label.text() == t("error.text_picture", file="cat.png", format="PNG")
    assert path in bar.label.toolTip()
    bar.clear()
    bar.show_key("notice.saved", file=path)
    assert bar.label.text() == t("notice.saved", file=path)  # where it is, is what matters here


def test_an_offer_is_taken_once(bar: MessageBar) -> None:
    taken: list[bool] = []
    bar.show_offer("notice.example_model", "notice.back_to", lambda: taken.append(True), model="Mine", name="smollm2")
    assert "smollm2" in bar.offer.text()
    QTest.mouseClick(bar.offer, LEFT)
    assert (taken, bar.isVisible()) == ([True], False)
    bar.show_key("notice.no_japanese_font")
    assert not bar.offer.isVisible()


def test_braces_and_markup_in_a_message_are_shown_as_text(bar: MessageBar) -> None:
    bar.show_key("error.text_empty", file="{name} <b>x</b>")
    assert "{name} <b>x</b>" in bar.label.text()


@pytest.mark.parametrize(("seconds", "left"), [(None, "–"), (0.2, "0:00"), (59.7, "1:00"), (125.0, "2:05")])
def test_the_work_bar_shows_progress_and_time_left(qtbot: QtBot, seconds: float | None, left: str) -> None:
    work: WorkBar = show(qtbot, WorkBar(), 600, 40)
    work.set_progress(IndexProgress("reading", 1200, 3000, seconds, "/notes/note-😀.txt"))
    assert left in work.words.text()
    assert "1,200" in work.words.text()
    assert work.words.toolTip().endswith("note-😀.txt")
    assert (work.bar.value(), work.bar.maximum()) == (1200, 3000)
    work.set_progress(IndexProgress("embedding", 0, 0, seconds))
    assert work.bar.maximum() == 1  # a bar without a range would be animated


def test_the_work_bar_appears_after_a_while_and_can_be_cancelled(qtbot: QtBot) -> None:
    window, work = QWidget(), WorkBar()
    QVBoxLayout(window).addWidget(work)
    show(qtbot, window, 600, 100)
    assert not work.isVisible()
    work.retranslate()
    work.set_progress(IndexProgress("reading", 1, 2, 3.0, "x" * 500))
    assert work.isVisible()
    assert window.width() == 600  # a long name does not widen it
    cancelled = recorded(work.cancelled)
    QTest.mouseClick(work.cancel, LEFT)
    assert len(cancelled) == 1


@pytest.mark.parametrize("tall", [False, True])
@pytest.mark.parametrize("width", [1, 90, 2000])
def test_figures_do_not_overlap_and_stay_in_their_row(qtbot: QtBot, tall: bool, width: int) -> None:
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


def test_figures_are_taller_in_larger_type_and_take_no_room_when_empty(qtbot: QtBot) -> None:
    row: FigureRow = show(qtbot, FigureRow(), 800, 60)
    row.set_figures([("Loss", "2.345")])
    before = row.fitting()[0][0].width(), row.sizeHint().height()
    look(replace(LIGHT, content_zoom=2.0))
    after = row.fitting()[0][0].width(), row.sizeHint().height()
    assert all(b > 1.5 * a for a, b in zip(before, after, strict=True))
    row.set_figures([])
    assert (row.fitting(), row.toolTip()) == ([], "")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("width", [360, 450, 900])
def test_the_button_of_a_preset_shows_its_shape_uncut(qtbot: QtBot, language: str, width: int) -> None:
    i18n.set_language(language)
    look(LIGHT)
    form = RunForm()
    qtbot.addWidget(form)
    form.set_presets({name: TrainingSettings(layers=8, width=384) for name in ("30s", "5m", "overnight")}, "30s")
    form.resize(width, 300)
    form.show()
    for button in form.buttons.values():
        shown = [words for _, words, *_ in button.lines()]
        assert {"8", "384"} <= set(re.findall(r"\d+", "".join(shown)))
        assert [words for words in shown if "…" in words] == []
    assert form.width() == width
