"""Scoring in the Generation pane: the text, the curve, units, the selected place, and a word."""

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from engine.messages.scoring import Expect, ScoreText
from engine.messages.status import Progress
from gui.panes.generation.score_curve import ScoreCurve
from gui.panes.generation.units import UNITS, share
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, expected, model, scored
from tests.gui.hands import click, plain, press, show


@pytest.fixture
def pane(qtbot: QtBot, window: MainWindow, engine: FakeEngine) -> Any:
    engine.answers |= {ScoreText: lambda r: scored(r.text), Expect: expected}
    window.prompt.set_text("cats")
    window.state.set_text("cats")
    window.show_pane("generation")
    window.workspace.choose_count(1)
    window.state.set_model(model())
    found: Any = window.workspace.pane("generation")
    found.mode.choose("score")
    qtbot.waitUntil(lambda: found.scoring.scores.is_complete and found.scoring.page.bars.candidates is not None)
    return found


def test_the_summary_has_the_perplexity_of_the_text(pane: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "Perplexity 2.0" in pane.scoring.page.summary.text())
    assert pane.scoring.page.text.text() == "cats"


def test_a_token_selected_anywhere_is_described_and_its_place_predicted(
    pane: Any, window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    assert engine.asked(Expect)[-1].place == 4  # after the text
    window.strip.selected.emit(2)
    qtbot.waitUntil(lambda: engine.asked(Expect)[-1].place == 2)
    qtbot.waitUntil(lambda: bool(pane.scoring.page.token_words.text()))  # together with the candidates
    words = plain(pane.scoring.page.token_words.text())
    assert "50.0 %" in words
    assert "rank 2" in words
    assert "4.0 equally likely" in words
    click(pane.scoring.page.curve, QPoint(round(pane.scoring.page.curve.area().right()) - 3, 60))
    assert window.state.token == 3
    qtbot.mouseClick(pane.scoring.page.end_button, Qt.MouseButton.LeftButton)
    assert engine.asked(Expect)[-1].place == 4


def test_the_first_token_is_not_predicted(pane: Any, window: MainWindow, engine: FakeEngine) -> None:
    asked = len(engine.asked(Expect))
    window.state.select_token(0)
    assert pane.scoring.page.bars.candidates is None
    assert len(engine.asked(Expect)) == asked
    assert "first token" in pane.scoring.page.token_words.text()


def test_a_typed_word_is_scored_at_the_selected_place(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    pane.scoring.page.word.setText("zebra")
    qtbot.waitUntil(lambda: "rank 7" in pane.scoring.page.word_words.text())
    assert engine.asked(Expect)[-1].word == "zebra"
    assert "␣ze · bra: together 25.0 %" in plain(pane.scoring.page.word_words.text())
    pane.scoring.page.word.clear()
    qtbot.waitUntil(lambda: pane.scoring.page.word_words.text() == "")


def test_units_change_the_axis_and_the_legend_and_are_kept(pane: Any) -> None:
    page = pane.scoring.page
    page.unit.choose("choices")
    assert page.curve.unit == "choices"
    assert "2^entropy" in page.key.text()
    saved = pane.save()
    page.unit.choose("bits")
    assert "bits" in page.key.text()
    pane.restore(saved)
    assert (page.unit.current, pane.mode.current) == ("choices", "score")


def test_another_text_is_scored_and_scoring_can_be_stopped(
    pane: Any, window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    del engine.answers[ScoreText]  # it never ends
    window.state.set_text("a longer text")
    assert engine.asked(ScoreText)[-1].text == "a longer text"
    engine.send(ScoreText, Progress("progress.scoring", 0.42))
    for part in scored("a longer text")[:1]:
        engine.send(ScoreText, part)
    qtbot.waitUntil(lambda: "42" in pane.scoring.page.summary.text())
    qtbot.mouseClick(pane.scoring.page.stop_button, Qt.MouseButton.LeftButton)
    assert not pane.asking("ScoreText")
    assert not pane.scoring.page.stop_button.isVisible()


def test_the_table_has_a_row_for_each_token(pane: Any) -> None:
    table = pane.table()
    assert table.header == ("position", "id", "piece", "probability", "rank", "surprisal_bits", "entropy_bits")
    assert table.rows[0] == (0, ord("c"), "c", "", "", "", "")
    assert table.rows[1][3:] == pytest.approx((0.5, 2, 1.0, 2.0))


def test_the_curve_is_walked_by_keys_and_thins_out_long_texts(qtbot: QtBot) -> None:
    curve = show(qtbot, ScoreCurve(), 300, 150)
    count = 5000
    bits = np.linspace(0, 20, count)
    curve.set_scores(bits, bits / 2, ["a"] * count, [f"token {i}" for i in range(count)])
    chosen: list[int] = []
    curve.chosen.connect(chosen.append)
    press(curve, Qt.Key.Key_Left)
    curve.set_current(7)
    press(curve, Qt.Key.Key_Left, Qt.Key.Key_Right)
    assert chosen == [count - 1, 6, 8]
    assert curve.accessibleDescription() == "token 7"
    highest, entropies, width = curve._columns(curve.area())
    assert width >= 1
    assert highest.max() == 20
    assert np.nanmax(entropies) <= 10
    curve.grab()


def test_a_surprisal_in_each_unit() -> None:
    assert [plain(UNITS[unit](3.0)) for unit in ("bits", "percent", "choices")] == ["3.0 bits", "12.5 %", "8"]
    assert plain(share(0.000123)) == "0.012 %"
    assert plain(share(0.0)) == "0.0 %"
    assert plain(share(1e-20)).startswith("<")
