"""The sentence of the Attention pane agrees with the weights that it speaks of."""

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engine.errors import EngineError
from engine.messages.attention import Attend, ExplainAttention
from engine.model.bundled import find
from engine.model.opening import BUILTIN
from engine.service.session import Session
from gui.i18n import set_language
from gui.panes.attention.sentence import sentence
from gui.text import word
from tests.engine.sessions import ask
from tests.gui.hands import plain
from tests.gui.models import random_folder, trained_folder

PIECES = ("The", " animal", " lives", " in", " the", " forest", ".", " It")


def rows(**shares: float) -> np.ndarray:
    """Return a pattern whose last row has these shares, k1=0.5 for token 1; the other rows attend to themselves."""
    weights = np.eye(len(PIECES), dtype=np.float32)
    weights[-1] = 0
    for key, value in shares.items():
        weights[-1, int(key[1:])] = value
    return weights


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (rows(k1=0.75, k0=0.25), "“It” gives 75.0 % of its attention to “animal”; next comes “The” with 25.0 %."),
        (rows(k1=1.0), "“It” gives 100.0 % of its attention to “animal”, and next to nothing to the others."),
        (rows(k7=0.75, k1=0.25), "“It” gives 75.0 % of its attention to itself; next comes “animal” with 25.0 %."),
        (
            rows(k1=0.4, k5=0.3, k2=0.2, k0=0.1),
            "“It” looks at “animal” (40.0 %), “forest” (30.0 %) and “lives” (20.0 %).",
        ),
        (
            np.tri(8) / np.arange(1, 9)[:, None],
            "“It” spreads its attention: 12.5 % at most, to “The”, where even shares would be 12.5 %.",
        ),
        (np.eye(8, k=-1), "This head looks one token back in 6 of 6 rows: “It” gives 100.0 % to “.”."),
        (np.eye(8)[[0] * 8], "In 6 of 6 rows this head looks most at the first token: “It” gives it 100.0 %."),
    ],
)
def test_each_kind_of_row_has_its_sentence(weights: np.ndarray, said: str) -> None:
    assert plain(sentence(weights, PIECES, 7)) == said


def test_the_first_and_the_only_token_have_sentences_of_their_own() -> None:
    assert sentence(np.eye(8), PIECES, 0).startswith("“The” is the first token")
    assert "only at itself" in sentence(np.eye(1), PIECES[:1], 0)
    assert sentence(np.zeros((0, 0)), (), 0) == ""


@pytest.mark.parametrize("language", ["en", "ja"])
@given(data=st.data(), count=st.integers(2, 30))
def test_every_number_in_a_sentence_is_in_the_pattern(language: str, data: st.DataObject, count: int) -> None:
    raw = np.array(data.draw(st.lists(st.floats(0, 9), min_size=count, max_size=count)))
    weights = np.tril(np.exp(raw[None, :] * np.linspace(0, 1, count)[:, None]))
    weights /= weights.sum(axis=1, keepdims=True)
    row = data.draw(st.integers(1, count - 1))
    set_language(language)
    words = plain(sentence(weights, tuple(f" t{n}" for n in range(count)), row))
    allowed = {f"{max(0.1, 100 * value):.1f}" for value in (*weights[row, : row + 1], 1 / (row + 1))}
    assert set(re.findall(r"([\d.]+) %", words)) <= allowed
    largest = f"{100 * weights[row].max():.1f} %"
    assert largest in words
    assert len(words) <= 120


def test_a_word_is_short_and_visible() -> None:
    assert word(" animal") == "animal"
    assert word(" ") == "␣"
    assert len(word("x1" * 60)) <= 24


# --- Real models ---------------------------------------------------------------------------------------

TEXT = "The animal lives in the forest. It has big ears."


@pytest.fixture(scope="module", params=["builtin", "smollm2", "trained", "random"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    session = Session()
    if request.param == "smollm2":
        try:
            session.open(find("smollm2"))
        except EngineError:
            pytest.skip("smollm2 is not installed")
    elif request.param == "builtin":
        session.open(BUILTIN)
    else:
        make = trained_folder if request.param == "trained" else random_folder
        session.open(make(tmp_path_factory.mktemp("models") / "model"))
    return session


def test_the_sentence_of_a_real_model_agrees_with_its_scores(opened: Session) -> None:
    layers = ask(opened, Attend(TEXT))
    pieces, row = layers[0].pieces, len(layers[0].pieces) - 3
    for layer in (layers[0], layers[-1]):
        [steps] = ask(opened, ExplainAttention(TEXT, layer.layer, row))
        scores = np.exp(steps.scaled - steps.scaled.max(axis=1, keepdims=True))
        shares = scores / scores.sum(axis=1, keepdims=True)  # a second way to the same row
        for head, pattern in enumerate(layer.weights):
            words = plain(sentence(pattern, pieces, row))
            said = [float(value) for value in re.findall(r"([\d.]+) %", words)]
            largest = 100 * shares[head].max()
            assert any(abs(value - largest) < 0.5 for value in said), words
            if "spreads" not in words:
                others = 100 * shares[head]
                assert all(np.abs(others - value).min() < 0.5 for value in said), words
            assert f"“{word(pieces[row])}”" in words
