"""What a pane shows at one time belongs to one text, one model and one state of its weights, or is dimmed.

The engine of these tests stamps every token that it reports: with its model (① or ②) and with the state of the weights
(❶, ❷, …). The two texts have no letter in common. So the words in a pane tell what they belong to.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.messages.chat import PromptPiece
from engine.messages.comparing import Pinned
from engine.messages.envelope import Ended
from engine.messages.inside import ReadLens
from engine.messages.search import AnswerToken
from gui.settings import Settings
from gui.widgets.veil import Veil
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, FakeJob, lens_grid, model
from tests.gui.reading import drawn, words_of, words_on

__all__ = ["drawn"]  # a fixture

TEXTS = ("абв", "где")
MODELS = ("①", "②")
MOMENTS = "❶❷❸❹❺❻❼❽"
PANES = (
    "tokens",
    "embeddings",
    "tokens/vocabulary",
    "attention",
    "attention/steps",
    "generation",
    "generation/score",
    "generation/compare",
    "inside",
    "map",
)


class StampingEngine(FakeEngine):
    """Answers requests in their order and one event at a time, when the test wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.moment = MODELS[0], 0
        self.waiting: deque[tuple[FakeJob, Iterator[object]]] = deque()

    def _answer(self, job: FakeJob, request: object) -> None:
        answer = self.answers.get(type(request))
        self.waiting.append((job, self._events(answer(request) if answer is not None else [])))

    def _events(self, answers: Any) -> Iterator[object]:
        """Yield each answer, stamped with what the engine computes with when it is begun."""
        stamp = self.model + MOMENTS[self.moment]
        for answer in answers:
            tokenized = type(answer).__module__ == "engine.messages.tokens"  # does not depend on the weights
            yield stamped(answer, self.model if tokenized else stamp)

    def step(self) -> bool:
        """Send the next event; return False if none is left."""
        while self.waiting and self.waiting[0][0].cancelled:
            self.waiting.popleft()
        if not self.waiting:
            return False
        job, events = self.waiting[0]
        event = next(events, None)
        if event is None:
            self.waiting.popleft()
            job.ended.emit(Ended(job.number, "done"))
        else:
            job.answered.emit(event)
        return True


def stamped(value: Any, stamp: str) -> Any:
    """Return an answer with the stamp on every token in it."""
    if isinstance(value, list | tuple):
        return type(value)(stamped(item, stamp) for item in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes: dict[str, Any] = {}
    for field in fields(value):
        old = getattr(value, field.name)
        if field.name == "pieces" and all(isinstance(piece, str) for piece in old):
            changes[field.name] = tuple(piece + stamp for piece in old)
        elif field.name == "piece" or (field.name == "text" and type(value) in (AnswerToken, PromptPiece)):
            changes[field.name] = old + stamp
        elif field.name == "names" and isinstance(old, dict):
            changes[field.name] = {token: piece + stamp for token, piece in old.items()}
        elif is_dataclass(old) or isinstance(old, list | tuple):
            changes[field.name] = stamped(old, stamp)
    return replace(value, **changes)


class Stage:
    """A window with one pane, whose text, model and weights are changed."""

    def __init__(self, window: MainWindow, engine: StampingEngine, pane: str, drawn: list[str]) -> None:
        self.window, self.engine, self.drawn = window, engine, drawn
        self.pane = window.workspace.pane(pane)
        self.changes = {"text": self.change_text, "model": self.change_model, "weights": self.change_weights}
        self.seen: set[str] = set()  # the stamps of undimmed panes

    def change_text(self) -> None:
        self.window.state.set_text(TEXTS[self.window.state.text == TEXTS[0]])

    def change_model(self) -> None:
        self.engine.model = MODELS[self.engine.model == MODELS[0]]
        self.window.state.set_model(replace(model(), name=self.engine.model, folder=f"/models/{self.engine.model}"))

    def change_weights(self) -> None:
        self.engine.moment += 1
        self.window.state.note_training_steps()

    def turn(self) -> bool:
        """Let the engine send one event and check what is shown; return whether there was one."""
        QApplication.processEvents()
        sent = self.engine.step()
        QApplication.processEvents()
        self.check()
        return sent

    def finish(self) -> None:
        """Let the engine answer everything."""
        for _ in range(400):
            if not self.turn():
                break
        assert not self.pane.veil.waiting

    def check(self) -> None:
        now = (self.window.state.text, self.engine.model, MOMENTS[self.engine.moment])
        foreign = set("".join((*TEXTS, *MODELS, MOMENTS))) - set("".join(now))
        strip = self.window.strip
        [over_strip] = strip.findChildren(Veil)
        for veil, words in ((self.pane.veil, partial(words_on, self.pane)), (over_strip, partial(words_of, strip))):
            shown = [] if veil.waiting else words(self.drawn)
            wrong = [line for line in shown if foreign & set(line)]
            if wrong:
                pytest.fail(f"beside {now}, {self.pane.id} or the strip shows {wrong[:6]}")
            self.seen |= set("".join(shown))


@pytest.fixture
def engine() -> StampingEngine:
    engine = StampingEngine()
    engine.answers[ReadLens] = lambda request: [lens_grid(tuple(request.text))]
    return engine


@pytest.fixture
def stage(engine: StampingEngine, tmp_path: Path, qtbot: QtBot, drawn: list[str], request: Any) -> Iterator[Stage]:
    pane, _, view = request.param.partition("/")
    settings = Settings(language="en", welcomed=True, tiles=1, layout=[pane])
    window = MainWindow(engine, settings, tmp_path / "settings.json")  # type: ignore[arg-type]
    window.resize(1400, 900)
    qtbot.addWidget(window)
    window.show()
    window.begin([])
    stage = Stage(window, engine, pane, drawn)
    if view:
        shown: Any = stage.pane
        (shown.mode if pane == "generation" else shown.view).choose(view)
    stage.window.state.set_model(replace(model(), name=MODELS[0], folder=f"/models/{MODELS[0]}"))
    stage.change_text()
    if view == "compare":
        stage.window.state.set_pinned(Pinned(model()))
    stage.finish()
    yield stage
    window.close()


@pytest.mark.parametrize("stage", PANES, indirect=True)
def test_each_pane_shows_one_text_one_model_and_one_moment(stage: Stage) -> None:
    for number, order in enumerate(permutations(stage.changes)):
        for name in order:
            stage.changes[name]()
            stage.check()
            for _ in range(number):  # the answers come late, or between two changes
                stage.turn()
        stage.finish()
    assert stage.seen & set(MODELS), "the pane shows no token: the test sees nothing"


@pytest.mark.parametrize("stage", ["search"], indirect=True)
def test_an_answer_from_documents_belongs_to_the_open_model(stage: Stage) -> None:
    page: Any = stage.pane.page  # type: ignore[attr-defined]
    page.question.setText("When?")
    page.question.returnPressed.emit()
    for change in ("model", "text", "model", "model"):
        for _ in range(3):
            stage.turn()
        stage.changes[change]()
        stage.check()
    stage.finish()
    assert stage.seen & set(MODELS)
