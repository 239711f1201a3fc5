"""Documents (RAG): how the passages were found, the prompt made of them, and the answers."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from engine.messages.search import Answered, Ask, Citation, SearchResult
from gui import i18n
from gui.panes.search.cosine_formula import product_bars
from gui.window.main_window import MainWindow
from tests.gui import fake_documents
from tests.gui.fake_documents import TEXTS
from tests.gui.fakes import FakeEngine
from tests.gui.hands import LEFT
from tests.gui.searching import ask, checked

# --- How the passages were found ----------------------------------------------------------------------


def test_every_passage_has_its_cosine_and_can_be_sorted(asked: Any, qtbot: QtBot) -> None:
    asked.page.drawer.open_page("found")
    table = asked.page.found.table
    assert table.rows.rowCount() == len(TEXTS)
    qtbot.waitUntil(lambda: all(table.rows.passage(i) == text for i, text in enumerate(TEXTS)))
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    shown = [row[1] for row in table.table_rows()]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] == pytest.approx(float(asked.asked.result.cosines_N.max()), abs=1e-5)


def test_ranks_follow_the_scores_of_the_newest_result(asked: Any, engine: FakeEngine) -> None:
    engine.answers.pop(Ask)
    asked.ask_question()
    result: Any = fake_documents.search_result(engine.asked(Ask)[-1])[0]
    engine.send(Ask, replace(result, scores_N=np.array([0.1, 0.9, 0.3, 0.2], np.float32)))
    assert [asked.page.found.table.rows.value(index, "rank") for index in range(4)] == [4, 1, 2, 3]


def test_a_click_on_a_passage_shows_how_its_cosine_is_computed(asked: Any, qtbot: QtBot) -> None:
    asked.page.drawer.open_page("found")
    table = asked.page.found.table
    place = table.visualRect(table.rows.index(2, 0)).center()
    QTest.mouseClick(table.viewport(), LEFT, pos=place)
    formula = asked.page.found.formula
    qtbot.waitUntil(lambda: formula.pair is not None and formula.pair.index == 2)
    assert f"{asked.asked.result.cosines_N[2]:.4f}" in formula.fraction.accessibleDescription()
    assert "note-2.txt" in formula.title.text()
    assert sum(bar.value for bar in product_bars(formula.pair)) == pytest.approx(formula.pair.dot, abs=1e-5)


def test_the_map_shows_the_question_among_the_passages(asked: Any, qtbot: QtBot) -> None:
    found = asked.page.found
    asked.page.drawer.open_page("found")
    found.view.button("map").click()
    qtbot.waitUntil(lambda: found.plot.map is not None)
    assert len(found.plot.plot.points) == len(TEXTS) + 1
    found.plot.plot.grab()
    far = found.plot._indices.index(3)
    QTest.mouseClick(found.plot.plot, LEFT, pos=found.plot.plot.at(far).toPoint())
    qtbot.waitUntil(lambda: found.formula.pair is not None and found.formula.pair.index == 3)


def test_a_change_of_language_leaves_no_english(asked: Any, window: MainWindow, qtbot: QtBot) -> None:
    found = asked.page.found
    asked.page.drawer.open_page("found")
    found.view.choose("map")
    qtbot.waitUntil(lambda: found.plot.map is not None and found.formula.pair is not None)
    window.appearance.set_language("ja")
    assert found.formula.title.text().startswith("A：質問")
    assert found.formula.caption.text() == i18n.t("pane.search.cosine.products", "ja", width=8)
    assert "質問" in found.plot.plot.names
    words = [label.text() for label in asked.findChildren(QLabel) if label.isVisible()]
    kept = ("note-", "[", *TEXTS)  # names of files and text of documents
    assert [w for w in words if re.search("[A-Za-z]{5}", w) and not any(part in w for part in kept)] == []


def test_few_passages_are_said_to_span_few_dimensions(asked: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    found = asked.page.found
    asked.page.drawer.open_page("found")
    assert "4 passages span at most 4 dimensions" in found.few.text()
    QTest.mouseClick(found.word_vectors, LEFT)
    qtbot.waitUntil(lambda: checked(asked) == ["word2vec"])
    assert not found.remark.isVisible()


# --- Prompt and answers -------------------------------------------------------------------------------


def test_the_prompt_is_shown_whole_with_its_sources(asked: Any) -> None:
    view = asked.page.journey.prompt
    assert view.text.text() == asked.asked.sourced.prompt.text
    (span,) = (span for span in view.text.page.spans if span.mark)
    assert span.mark == "1"
    tinted = [span.text for span in view.text.page.spans if span.color is not None]
    assert tinted == ["Summer holiday: ", "August 13 to 15"]  # the cited sentence is a span of its own
    assert "40" in view.figures.text()


def test_both_answers_are_shown_with_the_attention_of_each_token(asked: Any) -> None:
    view = asked.page.journey.answer
    assert view.texts["sourced"].text() == "August 13 to 15"
    assert view.texts["unsourced"].text() == "May"
    view.choose_token(2)
    assert view.strip.parts[-1].share == pytest.approx(0.9)  # to the answer itself
    QTest.keyClick(view.texts["sourced"].page, Qt.Key.Key_Left)
    assert view.token == 1
    assert view.strip.parts[0].share == pytest.approx(0.9)
    assert "note-0.txt" in view.strip.parts[0].name


def test_a_sentence_that_no_passage_states_is_amber_and_says_so_itself(asked: Any) -> None:
    written = Answered(False, "written", "May", (), unsaid=((0, 3),))
    asked._take_report(written)
    text = asked.page.journey.answer.texts["unsourced"]
    sentence, note = text.page.spans
    amber = asked.theme.color("warning")
    assert (sentence.text, sentence.color, note.color, note.look) == ("May", amber, amber, "note")
    assert i18n.t("pane.search.answer.unsaid.unsourced") in note.text
    assert text.text() == "May"  # the remark is not part of what is copied


def test_the_nearest_sentence_needs_no_model(asked: Any) -> None:
    view = asked.page.journey.answer
    assert view.blocks["nearest"].isVisible()
    assert view.texts["nearest"].text() == TEXTS[0]


def test_an_answer_without_citations_is_marked_as_not_supported(asked: Any, engine: FakeEngine) -> None:
    note = asked.page.journey.answer.note
    assert note.isHidden()
    asked._take_report(Answered(True, "written", "May", ()))
    assert note.isVisible()
    assert "None of the passages says this" in note.text()


def test_without_a_model_the_best_sentence_is_the_answer(search_pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    extracted = Answered(True, "extracted", TEXTS[0], (Citation(0, 5, 0, 0, 5),), "notice.answer_no_model")
    engine.answers[Ask] = lambda request: [*fake_documents.search_result(request), extracted]
    ask(search_pane, qtbot)
    view = search_pane.page.journey.answer
    assert view.texts["sourced"].text().startswith(TEXTS[0])
    assert TEXTS[1] in view.texts["sourced"].text()  # the passages themselves follow
    assert view.note.text() == i18n.t("notice.answer_no_model")
    assert not view.blocks["nearest"].isVisible()  # it is the answer
    assert search_pane.sentence() == i18n.t("pane.search.says.extracted", source=1)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_pane_reports_that_nothing_was_found_instead_of_far_passages(
    search_pane: Any, qtbot: QtBot, engine: FakeEngine, window: MainWindow, language: str
) -> None:
    def nothing(request: Any) -> list[object]:
        (result,) = fake_documents.search_result(request)
        assert isinstance(result, SearchResult)
        far = replace(result, hits=(), scores_N=np.zeros_like(result.scores_N), nearest=-1)
        return [far, Answered(True, "extracted", "", (), "notice.answer_nothing")]

    window.appearance.set_language(language)
    engine.answers[Ask] = nothing
    ask(search_pane, qtbot, "How tall are giraffes?")
    answer = search_pane.page.journey.answer
    assert answer.note.isVisible()
    assert answer.note.text() == i18n.t("notice.answer_nothing")
    assert answer.texts["sourced"].text() == ""
    assert search_pane.sentence() == i18n.t("pane.search.says.nothing", passages=len(TEXTS))
    assert search_pane.page.journey.cards.boxes() == {}
