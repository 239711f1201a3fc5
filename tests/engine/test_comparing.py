"""A model pinned as A, and the divergence of its predictions from those of the open one."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.generation.sampling import softmax
from engine.messages.attention import Attend, AttentionLayer
from engine.messages.comparing import Compare, Comparison, Pin, Pinned, Unpin
from engine.messages.generation import Candidates, PinnedNext, PredictNext, PredictPinned
from engine.messages.inside import LensGrid, ReadLens
from engine.messages.models import ChangeModel, Scaled
from engine.messages.scoring import Expect, Expected
from engine.service.session import Session
from engine.text.tokenizer import train_characters
from tests.engine.sessions import ask

TEXT = "the cat sat on the log. 猫は家で暮らしている。 the dog"
OFF = Scaled(0, None)


def pinned(session: Session, folder: str = "") -> Pinned:
    [answer] = [one for one in ask(session, Pin(folder)) if isinstance(one, Pinned)]
    return answer


def compared(session: Session, text: str = TEXT) -> Comparison:
    [answer] = [one for one in ask(session, Compare(text)) if isinstance(one, Comparison)]
    return answer


def test_a_model_does_not_diverge_from_itself(session: Session) -> None:
    assert pinned(session).memory == 0  # the weights are shared
    found = compared(session)
    assert found.divergences is not None
    assert found.divergences[1:] == pytest.approx(0, abs=1e-6)
    assert found.now.surprisals[1:] == pytest.approx(found.pinned.surprisals[1:])


def test_the_divergences_are_those_of_the_two_distributions_at_each_place(session: Session) -> None:
    pinned(session)
    ask(session, ChangeModel((OFF,)))
    found = compared(session, TEXT[:12])
    assert found.divergences is not None
    assert found.symmetric is not None
    ids, a = session.opened.ids_of(TEXT[:12]), session.pinned
    assert a is not None
    for place in range(1, len(ids)):
        p, q = (softmax(m.reader.logits(ids[:place]).astype(float)) for m in (session.opened, a))
        m = (p + q) / 2
        assert found.divergences[place] == pytest.approx((p * np.log(p / q)).sum(), abs=1e-4)
        symmetric = ((p * np.log(p / m)).sum() + (q * np.log(q / m)).sum()) / 2
        assert found.symmetric[place] == pytest.approx(symmetric, abs=1e-4)
    assert math.log(2) >= found.symmetric[1:].max() > 0


def test_a_keeps_its_interventions_when_those_of_the_open_model_change(session: Session) -> None:
    ask(session, ChangeModel((OFF,)))
    assert pinned(session).interventions == (OFF,)
    ask(session, ChangeModel(()))
    found = compared(session)
    assert found.divergences is not None
    assert found.divergences[1:].max() > 1e-3


def attended(session: Session, pinned: bool) -> list[AttentionLayer]:
    return [one for one in ask(session, Attend(TEXT, pinned=pinned)) if isinstance(one, AttentionLayer)]


def test_the_attention_of_a_is_that_from_before_a_change(session: Session) -> None:
    before = attended(session, pinned=False)
    pinned(session)
    ask(session, ChangeModel((OFF,)))
    now, then = attended(session, pinned=False), attended(session, pinned=True)
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(before, then, strict=True))
    assert np.abs(now[-1].weights.astype(float) - then[-1].weights).max() > 0.01


def read(session: Session, last: int | None = None, pinned: bool = False) -> LensGrid:
    [grid] = [one for one in ask(session, ReadLens(TEXT, last=last, pinned=pinned)) if isinstance(one, LensGrid)]
    return grid


def test_the_lens_of_a_follows_the_same_tokens_through_the_model_from_before_a_change(session: Session) -> None:
    before = read(session)
    pinned(session)
    ask(session, ChangeModel((OFF,)))
    now = read(session)
    then = read(session, last=int(now.targets[-1]), pinned=True)
    assert np.array_equal(then.targets, now.targets)
    assert np.array_equal(then.target_probabilities[:, :-1], before.target_probabilities[:, :-1])
    assert np.array_equal(then.ids, before.ids)
    log_ratio = np.log(now.target_probabilities.astype(float) / then.target_probabilities)
    assert not log_ratio[: OFF.layer + 1].any()
    assert np.abs(log_ratio[OFF.layer + 1 :]).max() > 0.01


def test_a_token_that_a_does_not_have_is_not_followed(session: Session) -> None:
    pinned(session)
    assert np.array_equal(read(session, last=10**6, pinned=True).targets, read(session).targets)


def test_a_weighs_the_candidates_of_the_open_model(session: Session) -> None:
    [before] = [one for one in ask(session, PredictNext(TEXT)) if isinstance(one, Candidates)]
    pinned(session)
    ask(session, ChangeModel((OFF,)))
    ids = tuple(before.ids.tolist())
    [found] = [one for one in ask(session, PredictPinned(TEXT, (), ids)) if isinstance(one, PinnedNext)]
    assert found.probabilities is not None
    assert np.allclose(found.probabilities, before.probabilities[0], atol=1e-6)
    assert found.piece == before.pieces[0]
    assert found.probability == pytest.approx(found.probabilities[0])


def test_candidates_are_other_tokens_to_a_model_with_another_vocabulary(session: Session) -> None:
    pinned(session)
    assert session.pinned is not None
    session.pinned.tokenizer = train_characters([TEXT])
    assert ask(session, PredictPinned(TEXT, (), (1, 2))) == [PinnedNext(None)]


def test_a_stays_when_another_model_is_opened_and_says_its_memory(session: Session, model_folder: Path) -> None:
    info = pinned(session, str(model_folder)).info
    assert info is not None
    session.open(model_folder)
    assert session.pinned is not None
    assert session.pinned.model is not session.opened.model
    assert pinned(session).memory == 0
    assert ask(session, Unpin()) == [Pinned(None)]
    with pytest.raises(EngineError, match="no_pinned"):
        ask(session, Compare(TEXT))


def test_models_with_other_tokens_are_compared_by_their_surprisal_alone(session: Session) -> None:
    pinned(session)
    a = session.pinned
    assert a is not None
    a.tokenizer = train_characters([TEXT])
    found = compared(session)
    assert found.divergences is None
    assert "".join(found.now.texts) == "".join(found.pinned.texts) == TEXT
    assert len(found.pinned.ids) == len(TEXT)


def test_weights_in_training_are_copied(session: Session) -> None:
    class TrainingRun:
        model = session.opened.model

    session.run = TrainingRun()  # type: ignore[assignment]
    pinned(session)
    assert session.pinned is not None
    assert session.pinned.model is not session.opened.model
    session.run = None
    with torch.no_grad():
        for parameter in session.opened.model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    found = compared(session)
    assert found.divergences is not None
    assert found.divergences[1:].max() > 1e-3


def test_a_predicts_one_place(session: Session) -> None:
    pinned(session)
    ask(session, ChangeModel((OFF,)))
    now, a = (ask(session, Expect(TEXT, 5, pinned=pinned)) for pinned in (False, True))
    assert isinstance(now[0], Expected)
    assert now[0].candidates.entropy != a[0].candidates.entropy
