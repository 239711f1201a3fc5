"""The request for attributions: what is explained, in which order the methods answer, and a changed model."""

import numpy as np
import pytest
import torch

from engine.inspection.attribution import Score, attribute, attributing, ends
from engine.messages.attribution import MOST_TOKENS, AttributeText, Contributions, Explained
from engine.messages.models import ChangeModel, Scaled
from engine.messages.status import Progress
from engine.model.opening import BUILTIN, finish
from engine.model.tape import Tape
from engine.service.session import Session
from tests.engine.sessions import ask, start

TEXT = "The capital of France is"
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def session(builtin: Session) -> Session:
    return builtin


def explain(session: Session, request: AttributeText) -> tuple[Explained, dict[str, np.ndarray]]:
    explained, *found = [a for a in ask(session, request) if not isinstance(a, Progress)]
    assert isinstance(explained, Explained)
    assert all(isinstance(one, Contributions) for one in found)
    return explained, {one.method: one.values for one in found}


def test_occlusion_answers_first_and_integrated_gradients_are_complete(session: Session) -> None:
    explained, found = explain(session, AttributeText(TEXT, against="Berlin"))
    assert list(found) == ["occlusion", "gradient", "integrated"]
    assert (explained.target, explained.against) == (" Paris", " Berlin")
    assert found["integrated"].sum() == pytest.approx(explained.score - explained.baseline, rel=0.01)
    assert np.abs(found["gradient"]).max() < 1e-4  # Nakami's own models normalise their embeddings
    assert found["occlusion"][3] > 5.0  # France


def test_occlusion_equals_running_the_text_without_each_token(session: Session) -> None:
    opened = session.opened
    _, found = explain(session, AttributeText(TEXT))
    ids = opened.ids_of(TEXT)
    token = int(opened.reader.logits(ids).argmax())
    mean_D = opened.model.embedding.weight.detach().mean(dim=0)

    @torch.no_grad()
    def log_p(place: int | None) -> float:
        x_TD = opened.model.embedding(torch.tensor([ids])).clone()
        if place is not None:
            x_TD[0, place] = mean_D
        logits_BTV = opened.model(torch.tensor([ids]), tape=Tape(changes={"embed": x_TD}))
        return float(logits_BTV[0, -1].log_softmax(dim=0)[token])

    for place, value in enumerate(found["occlusion"]):
        assert value == pytest.approx(log_p(None) - log_p(place), abs=1e-3)


def test_a_token_of_the_text_is_explained_by_those_before_it(session: Session) -> None:
    explained, found = explain(session, AttributeText(TEXT, place=3))
    assert explained.target == " France"
    assert explained.pieces == ("The", " capital", " of")
    assert len(found["occlusion"]) == 3
    assert ask(session, AttributeText(TEXT, place=0)) == []
    assert ask(session, AttributeText("")) == []


def test_a_word_of_the_user_is_explained(session: Session) -> None:
    explained, _ = explain(session, AttributeText(TEXT, word="Berlin"))
    assert explained.target == " Berlin"
    assert explained.probability < 0.01
    explained, _ = explain(session, AttributeText(TEXT, word="Paris", against="Paris"))
    assert explained.against == ""


def test_of_a_long_text_the_last_tokens_are_explained(session: Session) -> None:
    text = "The rabbit sleeps. " * 30 + TEXT
    ids = session.opened.ids_of(text)[-session.opened.model.config.context :]
    explained, found = explain(session, AttributeText(text))
    assert len(explained.pieces) == MOST_TOKENS == len(found["occlusion"]) == len(found["gradient"])
    assert not explained.whole
    assert "integrated" not in found
    score = Score(session.opened.model, ids, int(session.opened.reader.logits(ids).argmax()), None, {})
    assert finish(attributing(score, "occlusion", 5)) == pytest.approx(found["occlusion"][-5:], abs=1e-3)


def test_a_changed_model_is_explained_as_it_is_now(session: Session) -> None:
    _, before = explain(session, AttributeText(TEXT, word="Paris"))
    ask(session, ChangeModel((Scaled(3, 1, 0.0),)))
    opened = session.opened
    explained, after = explain(session, AttributeText(TEXT, word="Paris"))
    logits_V = opened.reader.logits(opened.ids_of(TEXT)).astype(float)
    assert np.exp(explained.score) == pytest.approx(explained.probability, rel=1e-3)
    assert explained.probability == pytest.approx(
        np.exp(logits_V[opened.tokenizer.encode(" Paris")[0]]) / np.exp(logits_V).sum(), rel=1e-3
    )
    assert not np.allclose(before["occlusion"], after["occlusion"], atol=0.1)
    assert not np.allclose(before["integrated"], after["integrated"], atol=0.1)


def test_another_model_ends_the_request(session: Session) -> None:
    running = start(session, AttributeText(TEXT))
    while not isinstance(next(running), Contributions):
        pass
    session.open(BUILTIN)
    assert not any(isinstance(answer, Contributions) for answer in running)


def test_a_shuffled_model_does_not_expect_the_answer() -> None:
    """Its score for Paris against Berlin is that of noise, and the text raises it no more than it lowers it."""
    gains = []
    for seed in range(3):
        session = Session()
        session.open(BUILTIN)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in session.opened.model.parameters():
                order = torch.randperm(parameter.numel(), generator=generator)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
        opened = session.opened
        ids, [paris], [berlin] = opened.ids_of(TEXT), *map(opened.tokenizer.encode, (" Paris", " Berlin"))
        assert explain(session, AttributeText(TEXT, word="Paris"))[0].probability < 0.01
        assert len(attribute(opened.model, ids, paris, "occlusion", berlin)) == len(ids)
        whole, nothing = ends(Score(opened.model, ids, paris, berlin, {}))
        gains.append(whole - nothing)
    assert min(gains) < 0 < max(gains) or np.abs(gains).max() < 3.0
