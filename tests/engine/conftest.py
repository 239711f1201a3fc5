"""Small real models, trained once per worker, and the sessions and collections that tests use."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine.messages.documents import OpenCollection
from engine.messages.models import ChangeModel
from engine.messages.training import TrainingSettings
from engine.model.opening import BUILTIN
from engine.retrieval import indexing, reader_process
from engine.retrieval.store import Store
from engine.service.handlers import answering
from engine.service.process import Answering
from engine.service.session import Session
from engine.training.run import Run
from tests.engine.collecting import FileReader, ask
from tests.engine.sessions import ask as ask_engine

SENTENCES = "the cat sat on the mat. the dog sat on the log. 猫は森で暮らしている。犬は家で暮らしている。\n"
SMALL = TrainingSettings(vocabulary=330, layers=2, heads=2, width=32, context=16, batch=4, steps=30, seconds=None)


@pytest.fixture(autouse=True)
def patient_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the time limit of a file, which a busy machine may exceed."""
    monkeypatch.setattr(reader_process, "SECONDS", 100.0)


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "story.txt"
    path.write_text(SENTENCES * 60, "utf-8")
    return path


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory, text_file: Path) -> Path:
    """Train a model on SENTENCES for thirty steps. Tests may not change its files."""
    folder = tmp_path_factory.mktemp("models") / "story"
    run = Run.start([str(text_file)], folder, SMALL)
    list(run.prepare())
    list(run.steps())
    return folder


@pytest.fixture
def session(model_folder: Path) -> Session:
    """Return a session with the model of `model_folder` open."""
    opened = Session()
    opened.open(model_folder)
    return opened


@pytest.fixture(scope="module")
def opened_builtin() -> Session:
    session = Session()
    session.open(BUILTIN)
    return session


@pytest.fixture
def builtin(opened_builtin: Session) -> Iterator[Session]:
    """Yield a session with the built-in model, and take back what a test has changed in the model."""
    yield opened_builtin
    ask_engine(opened_builtin, ChangeModel(()))


@pytest.fixture
def bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train as on a processor that is faster with bfloat16."""
    _set_bfloat16(monkeypatch, True)


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train as on a processor that is faster with float32."""
    _set_bfloat16(monkeypatch, False)


def _set_bfloat16(monkeypatch: pytest.MonkeyPatch, faster: bool) -> None:
    for module in ("engine.model.linear", "engine.training.optimizers"):
        monkeypatch.setattr(f"{module}.bfloat16_is_faster", lambda: faster)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Use one thread, which is faster for models as small as these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "c", create=True)
    yield opened
    opened.close()


@pytest.fixture
def handlers(tmp_path: Path) -> Iterator[Answering]:
    """Yield the handlers of a session with an empty collection open."""
    made = answering()
    ask(made, OpenCollection(str(tmp_path / "c"), create=True))
    yield made
    ask(made, OpenCollection(str(tmp_path / "other"), create=True))  # closes it


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "deep" / "deeper").mkdir(parents=True)
    for name in ("a.txt", "b.md", "deep/c.txt", "deep/deeper/猫.txt"):
        (folder / name).write_text(f"This is {name}, about tulips.", "utf-8")
    return folder


@pytest.fixture
def reads_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files in this process."""
    monkeypatch.setattr(indexing, "FileReader", FileReader)
