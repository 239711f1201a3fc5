"""The requests of the Inside pane, on the built-in model, on a changed one, and on one whose weights are shuffled."""

import math

import numpy as np
import pytest

from engine.errors import EngineError
from engine.messages.inside import LensGrid, ReadLens, SplitLogit
from engine.messages.models import ChangeModel, Scaled
from engine.messages.scoring import Expect
from engine.service.session import Session
from tests.engine.sessions import ask

TEXT = "The capital of France is"
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def session(builtin: Session) -> Session:
    return builtin


def read(session: Session, text: str = TEXT, word: str = "", most: int = 48) -> LensGrid:
    [grid] = [answer for answer in ask(session, ReadLens(text, word, most)) if isinstance(answer, LensGrid)]
    return grid


def test_the_last_row_is_what_generation_shows(session: Session) -> None:
    grid = read(session)
    [expected] = ask(session, Expect(TEXT, len(session.opened.ids_of(TEXT)), "", 5))
    assert grid.ids[-1, -1, :5].tolist() == expected.candidates.ids.tolist()
    assert np.allclose(grid.probabilities[-1, -1, :5], expected.candidates.probabilities[0], atol=1e-5)
    assert grid.names[int(grid.targets[-1])] == " Paris"


def test_each_token_is_followed_to_the_next_one_of_the_text(session: Session) -> None:
    grid, ids = read(session), session.opened.ids_of(TEXT)
    assert grid.pieces == tuple(map(session.opened.tokenizer.piece, ids))
    assert grid.targets[:-1].tolist() == list(ids[1:])
    logits_V = session.opened.reader.logits(ids[:2]).astype(float)
    log_p = logits_V[ids[2]] - logits_V.max() - math.log(np.exp(logits_V - logits_V.max()).sum())
    assert grid.target_probabilities[-1, 1] == pytest.approx(math.exp(log_p), abs=1e-4)
    assert grid.target_ranks[-1, 1] == 1 + (logits_V > logits_V[ids[2]]).sum()


def test_a_word_of_the_user_is_followed_after_the_text(session: Session) -> None:
    grid = read(session, word="Berlin")
    assert grid.names[int(grid.targets[-1])] == " Berlin"
    assert grid.target_ranks[-1, -1] > 1


def test_only_the_last_tokens_of_a_long_text_are_read(session: Session) -> None:
    text = " ".join(["The rabbit sleeps."] * 120)
    whole, part = session.opened.ids_of(text), read(session, text, most=6)
    assert len(whole) > session.opened.model.config.context
    assert len(part.pieces) == 6
    assert part.first == len(whole) - 6
    seen = whole[-session.opened.model.config.context :]
    assert int(part.ids[-1, -1, 0]) == int(session.opened.reader.logits(seen).argmax())


def test_changes_in_the_model_are_seen_through_the_lens(session: Session) -> None:
    before = read(session)
    ask(session, ChangeModel((Scaled(3, None, 0.0),)))
    after = read(session)
    assert np.array_equal(before.ids[:-1], after.ids[:-1])
    assert np.allclose(after.probabilities[-1], read(session).probabilities[-1])
    assert after.target_ranks[-1, -1] == 1  # the target is the changed model's own
    assert after.names[int(after.targets[-1])] != " Paris"


def test_the_parts_are_those_of_the_chosen_place(session: Session) -> None:
    grid = read(session)
    for place in (1, len(grid.pieces) - 1):
        [parts] = ask(session, SplitLogit(TEXT, place, int(grid.targets[place])))
        logits_V = session.opened.reader.logits(session.opened.ids_of(TEXT)[: place + 1])
        assert parts.total == pytest.approx(float(logits_V[grid.targets[place]]), abs=2e-2)  # the cap is far away
        assert parts.heads.shape == (4, 4)


def test_a_text_without_tokens_and_a_word_of_spaces_are_no_failure(session: Session) -> None:
    assert ask(session, ReadLens("")) == []
    assert ask(session, SplitLogit("", 0, 0)) == []
    assert read(session, word=" ").pieces


def test_without_a_model_there_is_one_sentence() -> None:
    with pytest.raises(EngineError, match="no_model"):
        ask(Session(), ReadLens(TEXT))
