"""The same probability and the same share read the same in every pane, computed by the engine itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.generation.sampling import stages
from engine.inspection.attention import attention_patterns
from engine.messages.generation import SamplingSettings
from engine.service.session import Session
from gui.i18n import percent
from gui.samples import BUILTIN
from gui.settings import Settings
from gui.window.main_window import MainWindow
from tests.engine.sessions import ask
from tests.gui.fakes import FakeEngine
from tests.gui.reading import drawn, words_on

__all__ = ["drawn"]  # a fixture

TEXT = "The fox lives in the forest. The fox"
WARM = SamplingSettings(temperature=1.5, top_k=20)


class RealAnswers(FakeEngine):
    """Answers every request as the engine does, in the window's thread."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.answers: Any = RealTable(self.session)


class RealTable(dict[type, Any]):
    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def get(self, kind: type, default: Any = None) -> Any:
        return lambda request: ask(self._session, request)


@pytest.fixture
def engine() -> RealAnswers:
    if not BUILTIN.is_dir():
        pytest.skip("the built-in model is not here")
    return RealAnswers()


@pytest.fixture
def window(engine: RealAnswers, tmp_path: Path, qtbot: QtBot) -> Iterator[MainWindow]:
    settings = Settings(language="en", welcomed=True, tiles=1, layout=["map"], text=TEXT)
    shown = MainWindow(engine, settings, tmp_path / "settings.json")  # type: ignore[arg-type]
    shown.resize(1900, 1000)
    qtbot.addWidget(shown)
    shown.show()
    shown.begin([str(BUILTIN)])
    qtbot.waitUntil(lambda: shown.state.tokens is not None and shown.state.tokens.text == TEXT)
    shown.state.set_sampling(WARM, 1)
    yield shown
    shown.close()


def read(window: MainWindow, qtbot: QtBot, pane_id: str, drawn: list[str], **ways: str) -> list[str]:
    """Show a pane alone, choose its mode or view, and return its words once everything is computed."""
    window.workspace.set_layout(1, [pane_id])
    pane: Any = window.workspace.pane(pane_id)
    for name, way in ways.items():
        getattr(pane, name).choose(way)
    for _ in range(5):
        QApplication.processEvents()
    qtbot.waitUntil(lambda: not pane.asking() and not pane.veil.waiting)
    qtbot.wait(300)  # a motion may end
    return words_on(pane, drawn)


def test_a_probability_reads_the_same_in_map_generation_and_score(
    window: MainWindow, engine: RealAnswers, qtbot: QtBot, drawn: list[str]
) -> None:
    opened = engine.session.opened
    ids = opened.ids_of(TEXT)
    with torch.no_grad():
        logits = opened.model(torch.tensor([ids]))[0, -1]
    p, after = logits.double().softmax(-1), stages(logits.numpy(), list(ids), WARM)
    best = int(p.argmax())
    model_words = percent(float(p[best]), 1)
    after_words = percent(float(after.probabilities(after.ranks(np.array([best])))[-1, 0]), 1)
    assert model_words != after_words
    generation: Any = window.workspace.pane("generation")
    generation.writing.page.controls.set_settings(WARM)
    generation.writing._share_sampling()
    for pane, way in (("map", {}), ("generation", {"mode": "write"}), ("generation", {"mode": "score"})):
        words = "\n".join(read(window, qtbot, pane, drawn, **way))
        assert model_words in words, (pane, way)
        assert way == {"mode": "score"} or after_words in words, (pane, way)


@pytest.mark.parametrize("head", [(0, 1), (1, 3), (3, 2)])
def test_a_share_of_a_head_reads_the_same_in_every_view_of_attention(
    window: MainWindow, engine: RealAnswers, qtbot: QtBot, drawn: list[str], head: tuple[int, int]
) -> None:
    opened = engine.session.opened
    ids = opened.ids_of(TEXT)
    weights = attention_patterns(opened.model, ids)[head][len(ids) - 2]
    window.state.select_head(*head)
    window.state.select_token(len(ids) - 2)
    share = percent(float(weights.max()), 1)
    for view in ("sentence", "matrix", "steps"):
        words = read(window, qtbot, "attention", drawn, view=view)
        assert any(share in line for line in words), view
