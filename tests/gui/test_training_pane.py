"""The Training pane: settings, estimate, a run and its figures."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.messages.comparing import Pinned
from engine.messages.envelope import Ended
from engine.messages.models import OpenModel
from engine.messages.status import Notice, Progress
from engine.messages.texts import InspectText
from engine.messages.training import (
    BestMoment,
    EstimateTraining,
    ListPresets,
    ListRuns,
    Presets,
    ReadRun,
    SteerTraining,
    Train,
    TrainingEstimate,
    TrainingResult,
    TrainingSample,
    TrainingSettings,
)
from gui.panes.generation.pane import GenerationPane
from gui.panes.training.pane import TrainingPane
from gui.runs import RunRecord, new_folder, settings_from
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model, points, started
from tests.gui.hands import recorded
from tests.gui.training import begin, click, figures, pane, summary

__all__ = ["pane"]  # a fixture


def test_a_preset_is_estimated_before_the_start(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> None:
    click(qtbot, pane.start_page.form.buttons["5m"])
    qtbot.waitUntil(lambda: any(r.settings.seconds == 300 for r in engine.asked(EstimateTraining)))
    qtbot.waitUntil(lambda: "123,456" in pane.start_page.estimate.text())
    assert "0:30" in pane.start_page.estimate.text()


def test_a_changed_setting_deselects_the_preset(qtbot: QtBot, pane: TrainingPane) -> None:
    click(qtbot, pane.start_page.form.more)
    assert pane.start_page.form.own.isVisible()
    pane.start_page.form.numbers["layers"].setValue(9)
    assert pane.start_page.form.settings().layers == 9
    assert not any(button.isChecked() for button in pane.start_page.form.buttons.values())
    assert pane.start_page.form.chosen == ""


def test_impossible_settings_disable_the_start_button(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> None:
    engine.answers[EstimateTraining] = lambda _: [Ended(0, "failed", "error.heads_divide", {"heads": 4, "width": 30})]
    pane.start_page.form.numbers["width"].setValue(30)
    qtbot.waitUntil(lambda: not pane.start_page.start_button.isEnabled())
    assert "30" in pane.messages.label.text()
    engine.answers[EstimateTraining] = lambda r: [TrainingEstimate(r.settings, 1, 1, 1.0, 1, 1.0)]
    pane.start_page.form.numbers["width"].setValue(32)
    qtbot.waitUntil(pane.start_page.start_button.isEnabled)
    assert not pane.messages.isVisible()


def test_a_run_shows_its_figures_curves_and_samples(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    begin(qtbot, pane, engine)
    engine.send(Train, TrainingSample(10, "The cat", " sat <on> it"))
    qtbot.waitUntil(lambda: figures(pane).get("Step", "").startswith("10"))
    assert window.state.training
    assert window.state.model is not None
    assert window.state.model.training
    assert "1,234" in figures(pane).values()
    assert "0:42" in figures(pane).values()
    assert "sat <on> it" in pane.run_page.browser.toPlainText()
    assert pane.run_page.progress.value() == 250
    assert pane.runs.record is not None
    assert pane.runs.record.curve.losses[0] == pytest.approx(6.0)
    assert "0.02" in pane.run_page.plot.describe(3)
    assert "Step 10" in window.status.activity.text()


def test_pause_resume_and_stop(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> None:
    begin(qtbot, pane, engine)
    qtbot.waitUntil(pane.run_page.pause_button.isVisible)
    click(qtbot, pane.run_page.pause_button)
    assert engine.asked(SteerTraining)[-1].action == "pause"
    engine.send(Train, points(11, 1, paused=True))
    qtbot.waitUntil(lambda: pane.run_page.pause_button.text() == "Continue")
    click(qtbot, pane.run_page.pause_button)
    assert engine.asked(SteerTraining)[-1].action == "resume"
    click(qtbot, pane.run_page.stop_button)
    assert engine.asked(SteerTraining)[-1].action == "stop"


def test_a_run_that_ended_early_can_be_continued(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    begin(qtbot, pane, engine)
    engine.send(Train, TrainingResult("/models/story-1", 10, 640, 10.0, 2.0, 2.1))
    engine.end(Train, Ended(0, "done"))
    assert not window.state.training
    assert not pane.run_page.pause_button.isVisible()
    click(qtbot, pane.run_page.again_button)
    request = engine.asked(Train)[-1]
    assert request.resume
    assert request.folder == "/models/story-1"
    engine.send(Train, started())
    engine.send(Train, points(1, 10))  # the steps before, reported again
    engine.send(Train, points(11, 5))
    assert pane.runs.record is not None
    assert pane.runs.record.curve.steps.tolist() == list(range(1, 16))


def test_after_the_engine_died_the_run_can_be_continued(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    begin(qtbot, pane, engine)
    engine.end(Train, Ended(0, "failed", "error.engine_gone"))
    engine.died.emit()
    assert not window.state.training
    click(qtbot, window.status.restart)
    qtbot.waitUntil(pane.messages.isVisible)
    assert "can be continued" in pane.messages.label.text()
    assert pane.run_page.again_button.isVisible()


def test_without_a_text_the_pane_offers_to_open_one(qtbot: QtBot, window: MainWindow, engine: FakeEngine) -> None:
    window.show_pane("training")
    page = window.workspace.pane("training").start_page  # type: ignore[attr-defined]
    assert not page.start_button.isVisible()
    assert page.open_card.isVisible()
    click(qtbot, page.sample_card)
    qtbot.waitUntil(page.start_button.isVisible)
    assert engine.asked(InspectText)[-1].paths[0].endswith("world.txt")


def test_each_card_forecasts_its_run_and_shows_what_an_earlier_one_of_its_length_wrote(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine
) -> None:
    wrote = replace(summary("/models/story-7"), seconds=31.0, sample=TrainingSample(400, "The", " cat sat"))
    engine.answers[ListRuns] = lambda _: [summary("/models/story-8"), wrote]  # the first lasted 75 seconds
    pane.refresh()
    cards = pane.start_page.form.buttons
    qtbot.waitUntil(lambda: cards["30s"].written == "The cat sat")
    assert cards["30s"].caption == "story-7 wrote after 400 steps (0:31):"
    assert cards["5m"].written == ""
    assert cards["5m"].caption.startswith("No run")
    qtbot.waitUntil(lambda: all(len(card.facts) == 3 for card in cards.values()))
    assert {request.settings.seconds for request in engine.asked(EstimateTraining)} >= {30.0, 300.0}


def test_a_run_of_too_few_steps_is_warned_of_and_changed_with_one_click(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine
) -> None:
    def estimate(request: EstimateTraining) -> list[object]:
        s = request.settings
        return [TrainingEstimate(s, 1, 1, 30.0, round(20 * (s.seconds or 0) / 30 * 128 / s.width), 1.0)]

    engine.answers[EstimateTraining] = estimate
    pane._estimates.clear()
    form, warning = pane.start_page.form, pane.start_page.few_steps
    form.choose("30s")
    qtbot.waitUntil(warning.isVisible)
    assert "20" in warning.words.text()
    assert "too few" in pane.sentence()
    click(qtbot, warning.smaller)
    assert (form.settings().width, form.settings().seconds) == (64, 30.0)
    qtbot.waitUntil(lambda: "40" in warning.words.text())
    assert not warning.smaller.isVisible()
    click(qtbot, warning.longer)
    assert form.settings().seconds == 120.0
    qtbot.waitUntil(lambda: not warning.isVisible())  # 160 steps


def test_without_a_text_the_earlier_runs_are_shown_and_can_be_opened(
    qtbot: QtBot, window: MainWindow, engine: FakeEngine
) -> None:
    window.workspace.set_layout(1, ["training"])
    page = window.workspace.pane("training").start_page  # type: ignore[attr-defined]
    window.show_pane("training")
    qtbot.waitUntil(lambda: bool(page.summaries))
    card = page.cards[0]
    assert card.title == "other-1"
    click(qtbot, card)
    assert engine.asked(OpenModel)[-1].folder == "/models/other-1"


def test_a_run_that_is_being_prepared_can_be_cancelled(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    click(qtbot, pane.start_page.start_button)
    engine.send(Train, Progress("progress.corpus", 0.4))
    assert pane.start_page.bar.isVisible()
    assert pane.start_page.bar.value() == 400
    assert not pane.start_page.start_button.isVisible()
    click(qtbot, pane.start_page.cancel_button)
    [job] = [j for j, r in zip(engine.jobs, engine.requests, strict=True) if isinstance(r, Train)]
    assert job.cancelled
    assert engine.asked(SteerTraining) == []  # there is no run yet that could be stopped
    engine.end(Train, Ended(0, "cancelled"))
    assert not window.state.training
    assert pane.start_page.start_button.isVisible()
    assert not pane.start_page.bar.isVisible()


def test_a_text_that_is_too_short_leads_back_to_the_form(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    click(qtbot, pane.start_page.start_button)
    engine.end(Train, Ended(0, "failed", "error.text_too_short", {"have": 3, "context": 64, "need": 130}))
    assert pane.start_page.form.isVisible()
    assert "130" in pane.messages.label.text()
    assert not window.state.training


def test_when_a_run_fails_its_last_save_is_opened(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> None:
    begin(qtbot, pane, engine)
    engine.end(Train, Ended(0, "failed", "error.diverged", {"step": 10}))
    assert "step 10" in pane.messages.label.text()
    assert engine.asked(OpenModel)[-1].folder == "/models/story-1"


def test_new_weights_are_announced_only_after_further_steps(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    begin(qtbot, pane, engine)
    announced = recorded(window.state.weights_changed)
    pane.runs.announce_weights()
    pane.runs.announce_weights()  # a pause: nothing new
    assert len(announced) == 1
    engine.send(Train, points(11, 1))
    pane.runs.announce_weights()
    assert len(announced) == 2


def test_own_settings_are_kept_after_a_run_and_a_restart(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    form = pane.start_page.form
    form.numbers["layers"].setValue(7)
    begin(qtbot, pane, engine)
    engine.end(Train, Ended(0, "done"))  # the model has changed, and the presets are asked for again
    asked = len(engine.asked(ListPresets))
    window.state.set_model(model())
    qtbot.waitUntil(lambda: len(engine.asked(ListPresets)) > asked and not pane.asking("ListPresets"))
    assert form.settings().layers == 7
    saved = json.loads(json.dumps(pane.save()))
    form.choose("5m")
    pane.restore(saved)
    longer = {"30s": TrainingSettings(vocabulary=900), "5m": TrainingSettings(seconds=300.0)}
    engine.answers[ListPresets] = lambda _: [Presets(longer)]  # of another text
    pane.refresh()
    qtbot.waitUntil(lambda: form.presets == longer)
    assert form.settings().layers == 7
    assert form.more.isChecked()


def test_the_form_says_before_the_run_who_opens_a_layout(pane: TrainingPane) -> None:
    form = pane.start_page.form
    assert "not as GGUF" in form.layout_words.text()
    form.layout_choice.setCurrentIndex(1)
    assert form.settings().layout == "llama"
    assert "llama.cpp" in form.layout_words.text()
    form.set_settings(replace(form.settings(), layout="qwen3"))
    assert form.settings().layout == "qwen3"
    assert form.layout_words.text().startswith("Qwen3")


ODD: list[dict[str, object]] = [{"layers": "x"}, {"odd": 1}, {"layout": "odd"}, {"layout": 3}]


@pytest.mark.parametrize("saved", [None, 3, {}, *({"tokenizer": "bpe", **odd} for odd in ODD)])
def test_invalid_settings_are_not_restored(saved: object) -> None:
    assert settings_from(saved) is None


def test_opening_a_model_shows_the_run_that_trained_it(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow, tmp_path: Path
) -> None:
    (tmp_path / "run.json").write_text("{}")
    engine.answers[ReadRun] = lambda r: [started(r.folder), points(fraction=0.5)]
    window.opening.open_model(str(tmp_path))
    qtbot.waitUntil(lambda: figures(pane).get("Step") == "10 / 40")
    assert figures(pane)["Time"] == "0:10"
    click(qtbot, pane.run_page.again_button)  # half of it is done
    assert engine.asked(Train)[-1].folder == str(tmp_path)


def test_a_finished_run_offers_a_new_one_instead(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    begin(qtbot, pane, engine)
    engine.send(Train, points(11, 30, fraction=1.0))
    engine.end(Train, Ended(0, "done"))
    assert not pane.run_page.again_button.isVisible()
    click(qtbot, pane.run_page.new_button)
    assert pane.start_page.start_button.isVisible()
    click(qtbot, pane.start_page.start_button)
    folders = [request.folder for request in engine.asked(Train)]
    assert len(folders) == 2


def test_a_finished_run_goes_on_for_half_a_minute_with_one_click(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine
) -> None:
    begin(qtbot, pane, engine)
    engine.send(Train, points(11, 30, fraction=1.0))
    assert not pane.run_page.more_button.isVisible()
    engine.end(Train, Ended(0, "done"))
    assert pane.run_page.more_button.text() == "30 seconds more"
    click(qtbot, pane.run_page.more_button)
    request = engine.asked(Train)[-1]
    assert (request.resume, request.more, request.folder) == (True, 30.0, "/models/story-1")


def test_the_best_moment_can_be_opened_and_the_last_again(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    begin(qtbot, pane, engine)
    best = BestMoment("/models/story-1/best", 4, 1.95)
    engine.send(Train, best)
    engine.end(Train, Ended(0, "done"))
    button = pane.run_page.moment_button
    assert "step 4" in button.text()
    assert "by heart" in pane.sentence()
    click(qtbot, button)
    assert engine.asked(OpenModel)[-1].folder == best.folder
    window.state.set_model(model(best.folder))
    qtbot.waitUntil(lambda: "last" in button.text())
    assert pane.run_page.isVisible()
    click(qtbot, button)
    assert engine.asked(OpenModel)[-1].folder == "/models/story-1"


def test_pointing_at_a_step_shows_what_was_written_there(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> None:
    begin(qtbot, pane, engine)
    for step, text in ((2, " early"), (6, " middle"), (10, " late")):
        engine.send(Train, TrainingSample(step, "The", text))
    page = pane.run_page
    assert page.browser.toPlainText().startswith("Step 10")
    page.plot._point_at(6)  # step 7
    assert page.browser.toPlainText().startswith("Step 6")
    page.plot._point_at(None)
    assert page.browser.toPlainText().startswith("Step 10")


def test_losses_on_unseen_text_name_the_step_they_were_measured_at(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine
) -> None:
    begin(qtbot, pane, engine)
    qtbot.waitUntil(lambda: "Unseen text" in figures(pane))
    engine.send(
        Train, replace(points(11, 5), validation_steps=np.zeros(0, int), validation_losses=np.zeros(0, np.float32))
    )
    qtbot.waitUntil(lambda: "Unseen text, step 10" in figures(pane))
    assert "Perplexity, step 10" in figures(pane)


def test_a_small_tile_shows_the_curve_alone_until_the_keyboard_is_in_it(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    begin(qtbot, pane, engine)
    engine.send(Train, TrainingSample(10, "The cat", " sat"))
    window.workspace.set_layout(1, ["training"])
    run = pane.run_page
    qtbot.waitUntil(lambda: run.small_row.isVisible() and run.side.isVisible())
    window.resize(900, 560)
    window.workspace.set_layout(4, ["training"])
    qtbot.waitUntil(lambda: not run.side.isVisible())
    assert not run.small_row.isVisible()
    assert run.plot.isVisible()
    qtbot.waitUntil(lambda: pane.compact)
    focused = QApplication.focusWidget()
    if focused is not None:
        focused.clearFocus()
    pane.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
    pane.show_controls()
    assert not run.controls.isVisible()
    assert not run.options.isVisible()


def test_the_training_pane_follows_language_and_theme(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    begin(qtbot, pane, engine)
    window.appearance.set_language("ja")
    assert "ステップ" in figures(pane)
    assert "未知のテキスト" in pane.run_page.plot.legend.text()
    assert pane.run_page.stop_button.text() == "停止"
    window.appearance.toggle_theme()
    assert pane.run_page.plot.legend.entries[2].line == pane.theme.series[0]


def test_a_recovery_is_shown_as_a_message(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> None:
    begin(qtbot, pane, engine)
    engine.send(Train, Notice("notice.recovered", {"step": 7}))
    assert "step 7" in pane.messages.label.text()


def test_the_table_has_a_row_per_step(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> None:
    assert pane.table() is None
    begin(qtbot, pane, engine)
    table = pane.table()
    assert table is not None
    assert table.header[:4] == ("step", "tokens", "seconds", "loss")
    assert len(table.rows) == 10
    assert table.rows[-1][5] == pytest.approx(6.0 / 10**0.5 + 0.1, abs=1e-5)


def test_a_new_folder_is_one_that_does_not_exist(tmp_path: Path) -> None:
    for expected in ("neko-1", "neko-2", "neko-3"):
        folder = new_folder(tmp_path, "neko.txt")
        assert folder.name == expected
        folder.mkdir()
    assert new_folder(tmp_path, "../../etc/pass wd.txt").parent == tmp_path


def test_a_record_skips_points_that_it_has() -> None:
    record = RunRecord.of(started())
    record.add(points(1, 10))
    record.add(points(6, 10))
    assert record.step == 15
    assert len(record.curve.steps) == 15
    assert record.curve.validation_steps.tolist() == [10, 15]


def test_after_a_run_its_model_is_compared_with_a_by_one_click(
    qtbot: QtBot, pane: TrainingPane, engine: FakeEngine, window: MainWindow
) -> None:
    begin(qtbot, pane, engine)
    window.state.set_pinned(Pinned(model()))
    assert not pane.run_page.pinned_button.isVisibleTo(pane)  # its model is not trained yet
    engine.send(Train, points(11, 30, fraction=1.0))
    engine.end(Train, Ended(0, "done"))
    qtbot.waitUntil(lambda: not pane.runs.running)
    click(qtbot, pane.run_page.pinned_button)
    generation = window.workspace.pane(GenerationPane)
    assert generation.isVisible()
    assert generation.part is generation.comparing
    window.show_pane("training")
    window.state.set_pinned(None)
    assert not pane.run_page.pinned_button.isVisibleTo(pane)
