"""Documents (RAG), used by mouse and keyboard: a question's way to its answer; one test with the real engine."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from engine.messages.documents import AddDocuments, OpenCollection, SplitDocuments
from engine.messages.envelope import Ended
from engine.messages.search import Ask, LeftOut, Search
from gui import i18n, saving
from gui.engine_link import EngineLink
from gui.panes.search import found_view
from gui.panes.search.sources import place_of, utf16
from gui.settings import Settings
from gui.window.main_window import MainWindow
from tests.gui import fake_documents
from tests.gui.fake_documents import TEXTS
from tests.gui.fakes import FakeEngine
from tests.gui.hands import LEFT
from tests.gui.searching import checked, choose_vectors

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
    assert engine.asked(OpenCollection)[0] == OpenCollection(
        str(tmp_path / "documents" / "collection-company-en"), True
    )
    assert pane.asked.question == i18n.t("pane.search.company_question")
    assert pane.page.work.isVisible()


def test_while_documents_are_opened_the_page_is_dimmed_and_no_longer_when_that_fails(
    search_pane: Any, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.answers.pop(OpenCollection)  # from now on it does not answer by itself
    search_pane.try_company()
    qtbot.waitUntil(search_pane.veil.isVisible)
    engine.end(OpenCollection, Ended(0, "failed", "error.no_model"))
    qtbot.waitUntil(lambda: not search_pane.veil.isVisible())


def test_edited_copies_of_the_companys_documents_are_kept(search_pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    search_pane.try_company()
    qtbot.waitUntil(lambda: bool(engine.asked(AddDocuments)))
    folder = Path(engine.asked(AddDocuments)[0].paths[0])
    note = sorted(folder.glob("*.txt"))[0]
    note.write_text("mine")
    search_pane.try_company()
    assert note.read_text() == "mine"


def test_the_companys_documents_are_a_collection_of_their_own_with_the_way_back(
    search_pane: Any, qtbot: QtBot, engine: FakeEngine, tmp_path: Path
) -> None:
    own, page = search_pane.collection.home / "collection", search_pane.page
    search_pane.open_collection(str(own))
    qtbot.waitUntil(lambda: search_pane.collection.folder == "")
    assert not page.home_button.isVisible()
    page.question.setText("My own question")
    search_pane.try_company()
    qtbot.waitUntil(lambda: bool(engine.asked(AddDocuments)))
    opened = engine.asked(OpenCollection)[-1].folder
    assert Path(opened).name == "collection-company-en"
    assert search_pane.collection.folder == opened
    qtbot.waitUntil(lambda: search_pane.asked.question == i18n.t("pane.search.company_question"))
    QTest.mouseClick(page.home_button, LEFT)
    qtbot.waitUntil(lambda: search_pane.collection.folder == "")
    assert page.question.text() == "My own question"
    assert len(engine.asked(AddDocuments)) == 1  # nothing is added to the own collection
    qtbot.waitUntil(lambda: search_pane.asked.question == "My own question")


# --- The way to the answer --------------------------------------------------------------------------


def test_each_report_is_shown_when_it_arrives(search_pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    engine.answers.pop(Ask)  # from now on it does not answer by itself
    search_pane.page.question.setText("When is the holiday?")
    search_pane.page.ask_button.click()
    journey, texts = search_pane.page.journey, search_pane.page.journey.answer.texts
    assert search_pane.page.ask_button.text() == i18n.t("pane.search.stop")
    assert texts["sourced"].text()[0] == "●"  # where the first word will be
    assert search_pane.sentence() == ""
    events = fake_documents.answer_of(engine.asked(Ask)[-1])
    engine.send(Ask, events[0])
    assert len(journey.cards.boxes()) == len(TEXTS)
    assert journey.prompt.prompt is None
    assert journey.prompt.text.text() == i18n.t("pane.search.prompt.coming")
    engine.send(Ask, events[1])
    assert journey.prompt.text.text() == search_pane.asked.sourced.prompt.text
    assert journey.ties.is_flying
    engine.send(Ask, events[2])
    assert texts["sourced"].text() == "August 13 to 15"  # before the answer is complete
    assert texts["unsourced"].text() == ""
    engine.send(Ask, events[3])
    assert texts["unsourced"].text()[0] == "●"
    qtbot.waitUntil(lambda: not journey.ties.is_flying)


def test_ask_becomes_stop_and_stopping_keeps_what_was_written(search_pane: Any, engine: FakeEngine) -> None:
    engine.answers.pop(Ask)
    page = search_pane.page
    page.question.setText("When is the holiday?")
    QTest.mouseClick(page.ask_button, LEFT)
    for event in fake_documents.answer_of(engine.asked(Ask)[-1])[:3]:
        engine.send(Ask, event)
    QTest.mouseClick(page.ask_button, LEFT)
    assert job_of(engine).cancelled
    assert page.ask_button.text() == i18n.t("pane.search.ask")
    assert page.journey.answer.texts["sourced"].text() == "August 13 to 15"
    assert page.journey.answer.note.text() == i18n.t("pane.search.answer.stopped")


@pytest.mark.parametrize("act", ["another text", "another model", "another question"])
def test_a_new_act_of_the_user_ends_the_old_answer(
    search_pane: Any, window: MainWindow, engine: FakeEngine, act: str
) -> None:
    engine.answers.pop(Ask)
    search_pane.page.question.setText("When is the holiday?")
    search_pane.ask_question()
    old = job_of(engine)
    if act == "another text":
        window.state.set_text("Another text")
    elif act == "another model":
        window.state.set_opening(True)
    else:
        search_pane.page.question.setText("When is the fire drill?")
        QTest.keyClick(search_pane.page.question, Qt.Key.Key_Return)
    assert old.cancelled
    assert search_pane.asked.running == (act == "another question")


def job_of(engine: FakeEngine) -> Any:
    """Return the job of the last question."""
    return [job for job, request in zip(engine.jobs, engine.requests, strict=True) if isinstance(request, Ask)][-1]


def test_passages_that_are_left_out_are_below_a_line_that_says_why(asked: Any, engine: FakeEngine) -> None:
    cards = asked.page.journey.cards
    built = asked.asked.sourced.prompt
    far = tuple(LeftOut(source, 9, True, "far") for source in (2, 3))
    asked._take_report(replace(built, left_out=(LeftOut(1, 9, False, "room"), *far), nearest=0.1))
    assert [(row.source, row.words) for row in cards.rows] == [
        (0, ""), (1, ""), (-1, "Below 10\u00a0% of the best score: left out"), (2, ""), (3, ""),
    ]  # fmt: skip
    boxes = cards.boxes()
    assert boxes[1].bottom() <= boxes[2].top() <= boxes[3].top()
    assert [asked.asked.fate(source) for source in range(4)] == ["taken", "shortened", "far", "far"]
    grounds = [color_at(cards, boxes[row].topRight() + QPointF(-2, 2)) for row in (0, 3)]
    assert grounds[0] != grounds[1] == asked.theme.color("background")  # one is tinted, one is not


def color_at(widget: QWidget, place: QPointF) -> QColor:
    return widget.grab().toImage().pixelColor(place.toPoint())


def test_each_cited_sentence_is_tied_to_the_sentence_of_its_passage(asked: Any) -> None:
    journey = asked.page.journey
    into_prompt, *cited = journey.bands()
    assert not into_prompt.line
    assert [tie.line for tie in cited] == [True] * 2  # from the answer, and from the nearest sentence
    assert {tie.color.name() for tie in (into_prompt, *cited)} == {asked.theme.series_color(0).name()}
    left, right = (rectangle(widget, journey) for widget in (journey.cards, journey.answer.texts["sourced"]))
    assert into_prompt.start.right() == pytest.approx(left.right(), abs=1)
    assert cited[0].end.left() == pytest.approx(right.left(), abs=1)
    assert right.top() <= cited[0].end.top() < cited[0].end.bottom() <= right.bottom()


def rectangle(widget: QWidget, within: QWidget) -> QRectF:
    return QRectF(widget.rect()).translated(widget.mapTo(within, QPoint()))


def test_a_click_on_a_page_opens_its_document(asked: Any, qtbot: QtBot) -> None:
    pages = asked.page.journey.pages
    QTest.mouseClick(pages, LEFT, pos=pages._box(2).center().toPoint())
    reader = asked.page.reader
    qtbot.waitUntil(lambda: reader.document is not None and reader.isVisible())
    assert reader.text() == TEXTS[2]


def test_the_table_lists_the_passages_or_what_the_drawer_shows(asked: Any) -> None:
    page = asked.page
    views: list[tuple[str, str]] = [("", "")]
    views += [("found", view) for view in found_view.VIEWS] + [("documents", ""), ("citations", "")]
    for name, view in views:
        if view:
            page.found.view.choose(view)
        if name:
            page.drawer.open_page(name)
        table = asked.table()
        assert table is not None
        assert table.rows
        assert all(len(row) == len(table.header) for row in table.rows)
        assert saving.as_text(table, ",")
        page.drawer.close_page()
    assert np.array_equal(page.found.bars.vector, asked.asked.result.vector)


def test_escape_closes_the_drawer(asked: Any) -> None:
    page = asked.page
    QTest.mouseClick(page.journey.found_button, LEFT)
    assert page.found.isVisible()
    page.found.table.setFocus()
    QTest.keyClick(page.found.table, Qt.Key.Key_Escape)
    assert not page.found.isVisible()
    assert page.journey.isVisible()


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


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((1100, 600), ["passages", "prompt", "answers"]),
        ((640, 600), ["passages", "prompt", "answers"]),
        ((640, 300), ["passages", "answers"]),
        ((360, 300), ["answers"]),
        ((1100, 80), ["answers"]),
    ],
)
def test_the_journey_is_stacked_where_it_has_no_room_for_columns(
    asked: Any, size: tuple[int, int], shown: list[str]
) -> None:
    journey = asked.page.journey
    journey.resize(*size)
    parts = {name: getattr(journey, name) for name in ("passages", "prompt", "answers")}
    assert [name for name, widget in parts.items() if not widget.isHidden()] == shown


def test_the_drawer_covers_the_journey_in_a_small_tile(asked: Any, window: MainWindow, qtbot: QtBot) -> None:
    window.resize(900, 600)
    window.workspace.set_layout(4, ["search"])
    page = asked.page
    qtbot.waitUntil(lambda: not page._is_wide)
    page.journey.documents_button.click()
    assert page.documents.isVisible()
    assert not page.journey.isVisible()
    page.drawer.close_button.click()
    assert page.journey.isVisible()


def test_the_panes_settings_are_saved_and_restored(asked: Any) -> None:
    asked.page.found.view.choose("map")
    asked.page.mode.choose("keyword")
    asked.page.count.set_value(7)
    saved = asked.save()
    asked.page.mode.choose("vector")
    asked.page.question.clear()
    asked.restore(saved)
    assert asked.save() == saved
    asked.restore({"k": "x", "mode": 3, "passages": None})  # invalid settings
    assert asked.save() == saved | {"collection": "", "question": ""}


def test_the_pane_follows_language_and_theme(asked: Any, window: MainWindow) -> None:
    window.appearance.set_language("ja")
    window.appearance.toggle_theme()
    assert asked.page.ask_button.text() == i18n.t("pane.search.ask", "ja")
    assert asked.page.journey.prompt.title.text() == i18n.t("pane.search.prompt.title", "ja")
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
    assert "August 13 to 15" in pane.page.journey.answer.texts["sourced"].text()
    assert "holiday.txt" in place_of(pane.asked.hits[0].passage)
    pane.page.drawer.open_page("found")
    qtbot.waitUntil(lambda: pane.page.found.formula.pair is not None and not pane.asking(), timeout=SLOW)
    assert pane.page.found.formula.pair.cosine == pytest.approx(
        float(pane.asked.result.cosines_N[pane._passage]), abs=1e-4
    )
    pane.page.question.setText("How tall are giraffes?")
    pane.page.ask_button.click()
    nothing = i18n.t("notice.answer_nothing")
    qtbot.waitUntil(lambda: pane.page.journey.answer.note.text() == nothing and not pane.asking(), timeout=SLOW)
    assert pane.asked.hits == ()
    pane.page.question.setText("When is the summer holiday?")
    pane.page.ask_button.click()
    qtbot.waitUntil(lambda: bool(pane.asked.hits) and not pane.asking(), timeout=SLOW)
    skipped = [row for row in pane.page.documents.rows() if row[0] == "empty.txt"]
    assert len(skipped) == 1
    fitted = len(pane.page.found.bars.vector)
    choose_vectors(pane, "word2vec")
    qtbot.waitUntil(lambda: checked(pane) == ["word2vec"] and not pane.asking(), timeout=SLOW)
    assert len(pane.page.found.bars.vector) == pane.collection.info.width != fitted
    assert f"{pane.collection.info.width:,}" in pane.page.found.vector_caption.text()
    pane.open_source(0)
    reader = pane.page.reader
    qtbot.waitUntil(lambda: reader.document is not None, timeout=SLOW)
    reader.editor.selectAll()
    reader.editor.insertPlainText("Summer holiday 2025: August 20 to 22\n")
    reader.buttons["save"].click()
    wanted = "August 20 to 22"
    qtbot.waitUntil(lambda: wanted in pane.page.journey.answer.texts["sourced"].text(), timeout=SLOW)
    assert (tmp_path / "holiday.txt").read_text() == "Summer holiday 2025: August 20 to 22\n"
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=SLOW)
