"""The examples "Looking inside" show what their sentences claim, with the models that come with Nakami."""

import functools
import tomllib

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.messages.attribution import AttributeText, Contributions, Explained
from engine.messages.inside import LensGrid, ReadLens
from engine.messages.models import ChangeModel, WeightsForm
from engine.messages.patching import PatchPair, PatchTexts
from engine.messages.scoring import Expect
from engine.messages.steering import Steer, SteeredTexts, default_layer
from engine.model.bundled import find
from engine.model.opening import BUILTIN
from engine.service.session import Session
from gui.scenes import INSIDE, in_language, read_scenes
from gui.theme import ASSETS
from tests.engine.claims import write
from tests.engine.sessions import ask, start

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


def effects(scene: str, language: str) -> NDArray[np.float64]:
    """Return the effect of each patch of the scene, [layer, token]."""
    saved = in_language(SCENES[scene].saved, language)["inside"]["patch"]
    request = PatchTexts(saved["source"], saved["text"], (saved["source_answer"], saved["text_answer"]))
    pair, *rows = ask(opened(SCENES[scene].model), request)
    assert isinstance(pair, PatchPair)
    assert pair.obstacle == ""
    assert min(pair.probabilities[0, 0], pair.probabilities[1, 1]) > 0.3
    found = np.zeros((pair.layers, len(pair.pieces[0])))
    for row in rows:
        found[row.layer, row.first : row.first + len(row.effects)] = row.effects
    return found


@pytest.mark.parametrize(("language", "country"), [("en", 3), ("ja", 0)])
def test_the_country_moves_to_the_last_token_in_the_last_layer(language: str, country: int) -> None:
    effects_LT = effects("patch", language)
    assert effects_LT[:3, country].min() > 0.8
    assert effects_LT[:3, -1].max() < 0.2
    assert effects_LT[3, -1] == pytest.approx(1)
    assert abs(effects_LT[3, country]) < 0.01


def test_the_handover_is_at_layer_24() -> None:
    effects_LT = effects("patch_smollm2", "en")
    assert effects_LT[:23, 3].min() > 0.9  # Germany
    assert effects_LT[:23, -1].max() < 0.1
    assert effects_LT[23:, -1].min() > 0.9
    assert np.abs(effects_LT[23:, 3]).max() < 0.1


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_one_step_towards_sad_makes_the_food_terrible(weights: WeightsForm) -> None:
    scene, pair = SCENES["steer"], tomllib.loads((ASSETS / "steering.toml").read_text("utf-8"))
    texts = pair[scene.saved["inside"]["steer"]["pair"]]
    layer = default_layer(opened(scene.model, weights).opened.model.config.n_layers)
    assert layer + 1 == 13
    strengths = (float(scene.act["strength"]), 0.0)
    request = Steer(text_of("steer", "en"), tuple(texts["plus"]), tuple(texts["minus"]), layer, strengths, 4)
    *_, found = (one for one in ask(opened(scene.model, weights), request) if isinstance(one, SteeredTexts))
    assert found.texts[0].strip().startswith("terrible")
    assert found.texts[1].strip().startswith("amazing")


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_mary_and_then_the_giver_speak_for_mary(weights: WeightsForm) -> None:
    words = SCENES["giver"].saved["inside"]["attribution"]
    request = AttributeText(text_of("giver", "en"), word=words["word"], against=words["against"])
    answers = start(opened("smollm2", weights), request)
    explained = next(one for one in answers if isinstance(one, Explained))
    occlusion = next(one for one in answers if isinstance(one, Contributions))
    answers.close()  # before the gradients
    assert (explained.target, explained.against, occlusion.method) == (" Mary", " John", "occlusion")
    first, second = np.argsort(-occlusion.values)[:2]
    assert explained.pieces[first] == " Mary"
    assert explained.pieces[second] == " John"
    assert " John" in explained.pieces[:second]  # it is the second one


def test_there_are_ten_cases() -> None:
    assert len(SCENES) == 10
