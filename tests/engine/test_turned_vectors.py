"""How far the embeddings of the open model have turned since the pinned A."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from engine.errors import EngineError
from engine.inspection.aligning import angles, rotation, turn
from engine.inspection.vectors import Floats
from engine.messages.comparing import Pin
from engine.messages.embeddings import CompareVectors, TurnedVectors
from engine.service.session import Session
from engine.text.tokenizer import train_characters
from tests.engine.sessions import ask

BUILTIN = Path(__file__).parents[2] / "assets" / "model"


def rows(seed: int, count: int = 200, width: int = 8) -> Floats:
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def mirrored_rotation(seed: int, width: int = 8) -> Floats:
    found: Floats = np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0].astype(np.float32)
    return found


def compared(session: Session) -> TurnedVectors:
    [answer] = ask(session, CompareVectors())
    return answer


@given(st.integers(0, 10_000))
def test_vectors_that_were_only_rotated_or_mirrored_have_not_turned(seed: int) -> None:
    now = rows(seed)
    found = turn(now, now @ mirrored_rotation(seed + 1))
    assert found.degrees_N.max() < 0.01
    assert found.then_ND == pytest.approx(now, abs=1e-4)
    assert found.chance > 40  # in a random order they fit badly


def test_only_the_vector_that_was_turned_has_turned() -> None:
    now = rows(1)
    then = now.copy()
    then[7] = np.roll(now[7], 3)
    true = np.degrees(np.arccos(now[7] @ then[7] / (now[7] @ now[7])))
    found = turn(now, then @ mirrored_rotation(2))
    assert int(found.degrees_N.argmax()) == 7
    assert found.degrees_N[7] == pytest.approx(true, abs=2)
    assert np.median(found.degrees_N) < 1


def test_the_rotation_keeps_all_angles_and_no_other_one_fits_better() -> None:
    now, then = rows(1), rows(2) + np.float32(0.5) * rows(1)
    best = rotation(then, now)
    assert best @ best.T == pytest.approx(np.eye(8), abs=1e-5)
    unit_now, unit_then = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (now, then))
    least = ((unit_then @ best - unit_now) ** 2).sum()
    assert all(((unit_then @ best @ near - unit_now) ** 2).sum() > least for near in map(mirrored_rotation, range(20)))


def test_models_of_another_width_are_compared_and_unrelated_ones_fit_as_badly_as_in_a_random_order() -> None:
    found = turn(rows(1, 2000, 16), rows(2, 2000, 12))
    assert found.then_ND.shape == (2000, 16)
    assert np.median(found.degrees_N) == pytest.approx(found.chance, rel=0.03)


def test_small_angles_are_precise() -> None:
    now = rows(3, 4)
    then = now * np.float32(3.0)  # the length does not count
    assert angles(now, then).max() < 1e-3
    assert angles(now, -now) == pytest.approx(180, abs=0.1)


def test_a_model_has_not_turned_from_itself_and_a_changed_vector_has() -> None:
    session, other = Session(), Session()
    for one in (session, other):
        one.open(BUILTIN)
    session.pinned = other.opened
    assert compared(session).degrees.max() < 0.01
    row = int(compared(session).names.ids[5])
    with torch.no_grad():
        session.opened.model.embedding.weight[row] *= -1
    session.opened.weights_changed()
    found = compared(session)
    assert int(found.names.ids[found.degrees.argmax()]) == row
    assert found.degrees[5] == pytest.approx(180, abs=2)
    assert np.median(found.degrees) < 0.5


def test_the_ways_are_in_one_plane_and_have_the_length_of_the_differences(session: Session) -> None:
    ask(session, Pin())
    found = compared(session)
    assert found.now.shape == found.then.shape == (len(found.names.ids), 2)
    assert found.now == pytest.approx(found.then, abs=1e-3)


def test_a_with_other_tokens_cannot_be_compared(session: Session) -> None:
    with pytest.raises(EngineError, match="no_pinned"):
        compared(session)
    ask(session, Pin())
    assert session.pinned is not None
    session.pinned.tokenizer = train_characters(["other letters: xyz"])
    with pytest.raises(EngineError, match="other_tokens"):
        compared(session)
