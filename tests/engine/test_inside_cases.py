"""The examples "Looking inside" show what their sentences claim, with the models that come with Nakami."""

import functools

import numpy as np
import pytest

from engine.messages.inside import LensGrid, ReadLens
from engine.messages.models import ChangeModel, WeightsForm
from engine.messages.scoring import Expect
from engine.model.bundled import find
from engine.model.opening import BUILTIN
from engine.service.session import Session
from gui.scenes import INSIDE, in_language, read_scenes
from tests.engine.claims import write
from tests.engine.sessions import ask

SCENES = read_scenes(INSIDE)
pytestmark = pytest.mark.usefixtures("one_thread")


@functools.cache
def opened(model: str, weights: WeightsForm = "float32") -> Session:
    session = Session()
    session.open(BUILTIN if model == "builtin" else find(model), weights)
    return session


def text_of(scene: str, language: str) -> str:
    return str(in_language(SCENES[scene].text, language))


def lens(scene: str, language: str = "en") -> tuple[str, list[int], float]:
    """Return the answer, its rank before the first layer and after each, and its probability at the end."""
    answers = ask(opened(SCENES[scene].model), ReadLens(text_of(scene, language)))
    [grid] = [answer for answer in answers if isinstance(answer, LensGrid)]
    name = grid.names[int(grid.targets[-1])]
    return name, grid.target_ranks[:, -1].tolist(), float(grid.target_probabilities[-1, -1])


def probability(scene: str, language: str, word: str, off: bool, weights: WeightsForm = "float32") -> float:
    """Return the probability of a word after the scene's text, with and without the scene's changes."""
    session, text = opened(SCENES[scene].model, weights), text_of(scene, language)
    ask(session, ChangeModel(SCENES[scene].changes if off else ()))
    [answer] = ask(session, Expect(text, len(session.opened.ids_of(text)), word, 40))
    ask(session, ChangeModel(()))
    found = dict(zip(answer.candidates.pieces, answer.candidates.probabilities[0], strict=True))
    return float(found.get(word, 0.0))


@pytest.mark.parametrize(("language", "word", "percent"), [("en", " forest", 0.99), ("ja", "ネズミ", 0.98)])
def test_the_answer_emerges_in_the_built_in_model(language: str, word: str, percent: float) -> None:
    name, ranks, probability = lens("lens", language)
    assert name == word
    assert ranks[2] > 200
    assert ranks[4] == 1
    assert probability > percent


def test_paris_climbs_within_the_last_seven_layers() -> None:
    name, ranks, _ = lens("lens_smollm2")
    assert name == " Paris"
    assert min(ranks[:24]) > 1000
    assert max(ranks[24:]) < 500
    assert ranks[30] == 1


def test_cold_leads_after_layer_29_only() -> None:
    name, ranks, _ = lens("opposite")
    assert name == " cold"
    assert min(ranks[:23]) > 800
    assert ranks[28] > 1
    assert ranks[29] == ranks[30] == 1


@pytest.mark.parametrize(("language", "dates"), [("en", "August 13 to 15"), ("ja", "8月13日から15日")])
def test_without_its_reading_head_the_model_reads_no_document(language: str, dates: str) -> None:
    session, text = opened("builtin"), text_of("reading_head", language)
    model, tokenizer = session.opened.model, session.opened.tokenizer
    assert dates in write((model, tokenizer), text, 40, "\n")
    ask(session, ChangeModel(SCENES["reading_head"].changes))
    answer = write((model, tokenizer), text, 40, "\n", changes=session.opened.changes)
    ask(session, ChangeModel(()))
    assert dates not in answer
    assert ("summer holiday is from" if language == "en" else "今年の夏季休暇は") in answer


@pytest.mark.parametrize(
    ("language", "word", "before", "after"), [("en", " hops", 0.48, 0.01), ("ja", "ニンジン", 0.50, 0.03)]
)
def test_without_that_head_the_pronoun_has_no_meaning(language: str, word: str, before: float, after: float) -> None:
    found = [probability("pronoun_head", language, word, off) for off in (False, True)]
    assert np.round(found, 2).tolist() == [before, after]


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_one_head_of_270_hands_the_country_over(weights: WeightsForm) -> None:
    assert probability("country_head", "en", " Paris", off=False, weights=weights) > 0.70
    assert probability("country_head", "en", " Paris", off=True, weights=weights) < 0.20
    model = opened("smollm2").opened.model
    assert model.config.n_layers * model.config.n_heads == 270
