"""The Search pane, used by mouse and keyboard: the steps of a question; one test with the real engine."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.messages.documents import AddDocuments, OpenCollection, SplitDocuments
from engine.messages.search import Answered, Ask, Citation, Search, SearchResult
from gui import i18n, saving
from gui.engine_link import EngineLink
from gui.panes.search.cosine_formula import product_bars
from gui.panes.search.sources import utf16
from gui.settings import Settings
from gui.window.main_window import MainWindow
from tests.gui import fakes
from tests.gui.fakes import TEXTS, FakeEngine
from tests.gui.hands import LEFT
from tests.gui.searching import ask, checked, choose_vectors

SLOW = 120_000  # milliseconds


# --- Without a collection ----------------------------------------------------------------------------


def test_an_empty_pane_adds_the_companys_documents_and_asks_a_question(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine, tmp_path: Path
) -> None:
    pane: Any = window.workspace.pane("search")
    pane.collection.home = tmp_path / "documents"
    window.show_pane("search")
    qtbot.waitUntil(pane.page.empty.isVisible)
    assert not engine.asked(OpenCollection)  # showing the pane creates no collection
    pane.page.empty.button.click()
    qtbot.waitUntil(lambda: pane.asked.sourced.answered is not None)
    folder = Path(engine.asked(AddDocuments)[0].paths[0])
    assert len(list(folder.glob("*.txt"))) >= 6
    assert engine.asked(OpenCollection)[0] == OpenCollection(str(tmp_path / "documents" / "collection"), True)
    assert pane.asked.question == i18n.t("pane.search.company_question")
    assert pane.page.work.isVisible()


def test_edited_copies_of_the_companys_documents_are_kept(search_pane: Any, engine: FakeEngine) -> None:
    search_pane.try_company()
    folder = Path(engine.asked(AddDocuments)[0].paths[0])
    note = sorted(folder.glob("*.txt"))[0]
    note.write_text("mine")
    search_pane.try_company()
    assert note.read_text() == "mine"


# --- The steps ------------------------------------------------------------------------------------


def test_each_step_is_done_when_its_report_arrives(search_pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    engine.answers.pop(Ask)  # from now on it does not answer by itself
    search_pane.page.question.setText("When is the holiday?")
    search_pane.page.ask_button.click()

    def states() -> list[str]:
        return [button.property("step") for button in search_pane.page.strip.buttons.values()]

    assert states() == ["done", "running", "waiting", "waiting", "waiting", "waiting"]
    events = fakes.answer_of(engine.asked(Ask)[-1])
    engine.send(Ask, events[0])
    assert states() == ["done", "done", "done", "running", "waiting", "waiting"]
    engine.send(Ask, events[1])
    assert states() == ["done"] * 4 + ["running", "waiting"]
    engine.send(Ask, events[2])
    assert search_pane.page.answer.texts["sourced"].text() == "August 13 to 15"  # before the answer is complete
    engine.send(Ask, events[3])
    assert states() == ["done"] * 6


def test_each_step_shows_what_it_computed(asked: Any) -> None:
    page = asked.page
    opened = {
        "question": page.terms,
        "vector": page.bars,
        "passages": page.table,
        "prompt": page.prompt,
        "answer": page.answer,
        "citations": page.citations,
    }
    for step, widget in opened.items():
        page.strip.buttons[step].click()
        assert widget.isVisible()
        table = asked.table()
        assert table is not None
        assert table.rows
        assert all(len(row) == len(table.header) for row in table.rows)
        assert saving.as_text(table, ",")
    assert np.array_equal(page.bars.vector, asked.asked.result.vector)


def test_arrow_keys_move_along_the_steps(asked: Any) -> None:
    strip = asked.page.strip
    strip.choose("question")
    QTest.keyClick(strip, Qt.Key.Key_Right)
    assert strip.current == "vector"
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert strip.current == "question"


def test_every_passage_has_its_cosine_and_can_be_sorted(asked: Any, qtbot: QtBot) -> None:
    asked.page.strip.choose("passages")
    table = asked.page.table
    assert table.rows.rowCount() == len(TEXTS)
    qtbot.waitUntil(lambda: all(table.rows.passage(i) == text for i, text in enumerate(TEXTS)))
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    shown = [row[1] for row in table.table_rows()]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] == pytest.approx(float(asked.asked.result.cosines_N.max()), abs=1e-5)


def test_ranks_follow_the_scores_of_the_newest_result(asked: Any, engine: FakeEngine) -> None:
    engine.answers.pop(Ask)
    asked.ask_question()
    result: Any = fakes.search_result(engine.asked(Ask)[-1])[0]
    engine.send(Ask, replace(result, scores_N=np.array([0.1, 0.9, 0.3, 0.2], np.float32)))
    assert [asked.page.table.rows.value(index, "rank") for index in range(4)] == [4, 1, 2, 3]


def test_a_click_on_a_passage_shows_how_its_cosine_is_computed(asked: Any, qtbot: QtBot) -> None:
    asked.page.strip.choose("passages")
    table = asked.page.table
    place = table.visualRect(table.rows.index(2, 0)).center()
    QTest.mouseClick(table.viewport(), LEFT, pos=place)
    formula = asked.page.formula
    qtbot.waitUntil(lambda: formula.pair is not None and formula.pair.index == 2)
    assert f"{asked.asked.result.cosines_N[2]:.4f}" in formula.fraction.accessibleDescription()
    assert "note-2.txt" in formula.title.text()
    assert sum(bar.value for bar in product_bars(formula.pair)) == pytest.approx(formula.pair.dot, abs=1e-5)


def test_the_map_shows_the_question_among_the_passages(asked: Any, qtbot: QtBot) -> None:
    page = asked.page
    page.strip.choose("passages")
    page.passages_view.button("map").click()
    qtbot.waitUntil(lambda: page.plot.map is not None)
    assert len(page.plot.plot.points) == len(TEXTS) + 1
    page.plot.plot.grab()
    far = page.plot._indices.index(3)
    QTest.mouseClick(page.plot.plot, LEFT, pos=page.plot.plot.at(far).toPoint())
    qtbot.waitUntil(lambda: page.formula.pair is not None and page.formula.pair.index == asked.asked.passage)
    assert asked.asked.passage == 3


def test_the_prompt_is_shown_whole_with_what_it_leaves_out(asked: Any) -> None:
    asked.page.strip.choose("prompt")
    view = asked.page.prompt
    assert view.text.text() == asked.asked.sourced.prompt.text
    (span,) = (span for span in view.text.page.spans if span.mark)
    assert (span.text, span.mark) == (TEXTS[0], "1")
    assert "note-1.txt" in view.left_out.text()
    assert "40" in view.figures.text()


def test_both_answers_are_shown_with_the_attention_of_each_token(asked: Any) -> None:
    view = asked.page.answer
    assert view.texts["sourced"].text() == "August 13 to 15"
    assert view.texts["unsourced"].text() == "May"
    view.choose_token(2)
    assert view.sources.bars[-1].figure == "90.0\u00a0%"  # to the answer itself
    QTest.keyClick(view.texts["sourced"].page, Qt.Key.Key_Left)
    assert view.token == 1
    assert view.sources.bars[0].figure == "90.0\u00a0%"
    assert "note-0.txt" in view.sources.bars[0].name


def test_an_answer_without_citations_is_marked_as_not_supported(asked: Any, engine: FakeEngine) -> None:
    note = asked.page.answer.notes["sourced"]
    assert note.isHidden()
    asked._take_report(Answered(True, "written", "May", ()))
    assert note.isVisible()
    assert "None of the passages says this" in note.text()


def test_the_legend_explains_the_colours_of_an_answer(asked: Any, engine: FakeEngine) -> None:
    key = asked.page.answer.key
    assert key.isVisible()
    assert key.text().endswith("stated in that passage")
    asked._take_report(Answered(True, "written", "May", ()))
    assert key.text() == "the token's probability, 0 to 100\u00a0%"  # nothing is tinted
    asked._take_report(Answered(True, "extracted", TEXTS[0], (Citation(0, 5, 0, 0, 5),)))
    assert key.text().endswith("closest to the question")
    asked.page.answer.resize(600, 200)
    assert key.isHidden()


def test_without_a_model_the_best_sentence_is_the_answer(search_pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    extracted = Answered(True, "extracted", TEXTS[0], (Citation(0, 5, 0, 0, 5),), "notice.answer_no_model")
    engine.answers[Ask] = lambda request: [*fakes.search_result(request), extracted]
    ask(search_pane, qtbot)
    view = search_pane.page.answer
    assert view.texts["sourced"].text().startswith(TEXTS[0])
    assert TEXTS[1] in view.texts["sourced"].text()  # the passages themselves follow
    assert view.notes["sourced"].text() == i18n.t("notice.answer_no_model")
    assert search_pane.asked.states()["prompt"] == "left_out"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_pane_reports_that_nothing_was_found_instead_of_far_passages(
    search_pane: Any, qtbot: QtBot, engine: FakeEngine, window: MainWindow, language: str
) -> None:
    def nothing(request: Any) -> list[object]:
        (result,) = fakes.search_result(request)
        assert isinstance(result, SearchResult)
        far = replace(result, hits=(), scores_N=np.zeros_like(result.scores_N))
        return [far, Answered(True, "extracted", "", (), "notice.answer_nothing")]

    window.appearance.set_language(language)
    engine.answers[Ask] = nothing
    ask(search_pane, qtbot, "How tall are giraffes?")
    page = search_pane.page
    assert page.answer.notes["sourced"].isVisible()
    assert page.answer.notes["sourced"].text() == i18n.t("notice.answer_nothing")
    assert page.answer.texts["sourced"].text() == ""
    assert i18n.t("pane.search.strip.nothing", ms="2.0") in page.strip.buttons["passages"].toolTip()
    assert page.answer.sources.isHidden()


# --- Sliders and modes ----------------------------------------------------------------------------


def test_hits_follow_the_slider_and_the_answer_waits_until_it_is_released(
    asked: Any, qtbot: QtBot, engine: FakeEngine
) -> None:
    slider = asked.page.count.slider
    slider.setSliderDown(True)
    slider.setValue(1)
    assert [request.k for request in engine.asked(Search)] == [2]
    before = len(engine.asked(Ask))
    qtbot.waitUntil(lambda: asked.asked.result is not None and len(asked.asked.result.hits) == 2)
    assert len(engine.asked(Ask)) == before
    slider.setSliderDown(False)
    qtbot.waitUntil(lambda: len(engine.asked(Ask)) > before)
    assert engine.asked(Ask)[-1].k == 2


def test_documents_are_split_again_when_the_slider_is_released(asked: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    slider = asked.page.passage_size.slider
    slider.setSliderDown(True)
    slider.setValue(3)
    assert not engine.asked(SplitDocuments)
    slider.setSliderDown(False)
    assert engine.asked(SplitDocuments) == [SplitDocuments(300, 45)]


@pytest.mark.parametrize("mode", ["vector", "keyword"])
def test_a_click_on_a_mode_asks_again(asked: Any, engine: FakeEngine, mode: str) -> None:
    asked.page.mode.button(mode).click()
    assert engine.asked(Ask)[-1].mode == mode


# --- Reading and editing --------------------------------------------------------------------------


def test_lengths_count_utf16_units() -> None:
    assert utf16("😀𠮟a") == 5


# --- What every pane has --------------------------------------------------------------------------


def test_a_small_tile_shows_the_steps_and_one_view(asked: Any, window: MainWindow, qtbot: QtBot) -> None:
    window.resize(900, 600)
    window.workspace.set_layout(4, ["search"])
    page = asked.page
    qtbot.waitUntil(page.documents_button.isVisible)
    assert page.views.isVisible()
    assert not page.side.isVisible()
    page.documents_button.click()
    assert page.side.isVisible()
    assert not page.views.isVisible()


def test_the_panes_settings_are_saved_and_restored(asked: Any) -> None:
    asked.page.strip.choose("prompt")
    asked.page.mode.choose("keyword")
    asked.page.count.set_value(7)
    saved = asked.save()
    asked.page.mode.choose("vector")
    asked.page.question.clear()
    asked.restore(saved)
    assert asked.save() == saved
    asked.restore({"k": "x", "mode": 3, "step": None})  # invalid settings
    assert asked.save() == saved | {"collection": "", "question": ""}


def test_the_pane_follows_language_and_theme(asked: Any, window: MainWindow) -> None:
    window.appearance.set_language("ja")
    window.appearance.toggle_theme()
    assert asked.page.ask_button.text() == i18n.t("pane.search.ask", "ja")
    assert asked.page.strip.buttons["answer"].accessibleName() == i18n.t("pane.search.strip.step.answer", "ja")
    assert not asked.grab().isNull()


def test_a_new_engine_opens_the_collection_again(asked: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    before = len(engine.asked(OpenCollection))
    asked.engine_returned()
    qtbot.waitUntil(lambda: len(engine.asked(OpenCollection)) > before and asked.collection.info is not None)


def test_the_real_engine_indexes_two_files_and_answers(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("Summer holiday 2025: August 13 to 15\n")
    (tmp_path / "canteen.txt").write_text("The canteen is open from 11 to 14.\n")
    (tmp_path / "empty.txt").write_text("")
    window = MainWindow(EngineLink(), Settings(language="en", welcomed=True), tmp_path / "settings.json")
    qtbot.addWidget(window)
    pane: Any = window.workspace.pane("search")
    pane.collection.home = tmp_path / "home"
    window.show()
    window.begin([])
    window.show_pane("search")
    pane.collection.add([str(tmp_path / name) for name in ("holiday.txt", "canteen.txt", "empty.txt")])
    qtbot.waitUntil(lambda: pane.collection.info is not None and pane.collection.info.passages == 2, timeout=SLOW)
    pane.page.question.setText("When is the summer holiday?")
    pane.page.ask_button.click()
    qtbot.waitUntil(lambda: pane.asked.sourced.answered is not None and not pane.asking(), timeout=SLOW)
    assert "August 13 to 15" in pane.page.answer.texts["sourced"].text()
    assert "holiday.txt" in pane.page.answer.sources.bars[0].name
    assert pane.page.formula.pair.cosine == pytest.approx(
        float(pane.asked.result.cosines_N[pane.asked.passage]), abs=1e-4
    )
    pane.page.question.setText("How tall are giraffes?")
    pane.page.ask_button.click()
    nothing = i18n.t("notice.answer_nothing")
    qtbot.waitUntil(lambda: pane.page.answer.notes["sourced"].text() == nothing and not pane.asking(), timeout=SLOW)
    assert pane.asked.hits == ()
    pane.page.question.setText("When is the summer holiday?")
    pane.page.ask_button.click()
    qtbot.waitUntil(lambda: bool(pane.asked.hits) and not pane.asking(), timeout=SLOW)
    skipped = [row for row in pane.page.documents.rows() if row[0] == "empty.txt"]
    assert len(skipped) == 1
    fitted = len(pane.page.bars.vector)
    choose_vectors(pane, "word2vec")
    qtbot.waitUntil(lambda: checked(pane) == ["word2vec"] and not pane.asking(), timeout=SLOW)
    assert len(pane.page.bars.vector) == pane.collection.info.width != fitted
    assert f"{pane.collection.info.width:,}" in pane.page.vector_caption.text()
    pane.open_source(0)
    reader = pane.page.reader
    qtbot.waitUntil(lambda: reader.document is not None, timeout=SLOW)
    reader.editor.selectAll()
    reader.editor.insertPlainText("Summer holiday 2025: August 20 to 22\n")
    reader.buttons["save"].click()
    wanted = "August 20 to 22"
    qtbot.waitUntil(lambda: wanted in pane.page.answer.texts["sourced"].text(), timeout=SLOW)
    assert (tmp_path / "holiday.txt").read_text() == "Summer holiday 2025: August 20 to 22\n"
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=SLOW)
