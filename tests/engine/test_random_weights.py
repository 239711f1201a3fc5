"""The control of every method: on shuffled weights it finds nothing, because there is nothing to find.

A shuffled model still has activations, and changing them still changes its logits, often by several nats. That a
number is large says nothing. "Nothing" means here: the answer that is to be explained, " Paris" after "The capital of
France is", stays below 1 % at every layer and after every intervention; heads attend to no kind of token by more than
0.1 over an even spread; and the text is predicted no better than by guessing. No more than 4 % of the neurons have a
peak that 1 % have by chance, at most 6 % of the tokens that follow are among the 1 % that a neuron pushes up, and no
head looks 24 tokens back. What the model writes is nowhere in the text, what hidden states are near says nothing of
what belongs together, and no direction separates two languages by more than two standard errors.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.inspection.attribution import METHODS, Method, attribute
from engine.inspection.contributions import contributions
from engine.inspection.heads import even_scores, head_scores, probe
from engine.inspection.interventions import changes_of
from engine.inspection.lens import lens, residuals
from engine.inspection.meters import answer_probe
from engine.inspection.near_states import mean_states
from engine.inspection.neurons import LayerScan, is_pushed, push
from engine.inspection.origin import build_index, chance, judge, longest_runs, words_of
from engine.inspection.patching import PARTS, patch_all
from engine.inspection.ranking import rank_parts
from engine.inspection.scoring import Scores, mean_loss, score
from engine.inspection.steering import Separation, separate, tokens_of, write
from engine.messages.attribution import AttributeText, Explained
from engine.messages.models import Scaled
from engine.messages.origin import FindNear, NearPassages
from engine.model.opening import BUILTIN, finish, load_model
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer
from engine.service.session import Session
from engine.text.tokenizer import Tokenizer
from engine.text.world.facts import ANIMALS
from engine.text.world.stream import stream
from tests.engine.sessions import ask
from tests.engine.shuffling import shuffled

TEXT, OTHER = "The capital of France is", "The capital of Germany is"
NOTHING = 0.01  # probability
SEEDS = range(4)
LAYER = 3  # of the built-in model: the last one
WORLD = "".join(stream(0.05, 7))
ENGLISH = ("The fox lives in the forest.", "It is warm today.", "The capital of France is Paris.", "The bear sleeps.")
JAPANESE = ("キツネは森で暮らしている。", "今日は暖かい。", "フランスの首都はパリだ。", "クマは眠る。")
pytestmark = pytest.mark.usefixtures("one_thread")

Opened = tuple[Transformer, Tokenizer]


@pytest.fixture(scope="module", params=SEEDS)
def random(request: pytest.FixtureRequest) -> Opened:
    return shuffled(request.param)


@pytest.fixture(scope="module")
def trained() -> Opened:
    return load_model(BUILTIN)


def token(tokenizer: Tokenizer, word: str) -> int:
    [one] = tokenizer.encode(word)
    return one


@torch.no_grad()
def probability(opened: Opened, changes: Changes = UNCHANGED, text: str = TEXT) -> float:
    model, tokenizer = opened
    logits_V = model(torch.tensor([tokenizer.encode(text)]), tape=Tape(changes=changes))[0, -1]
    return float(logits_V.softmax(dim=0)[token(tokenizer, " Paris")])


def through_the_lens(opened: Opened) -> list[float]:
    model, tokenizer = opened
    ids = tokenizer.encode(TEXT)
    rows = lens(model, finish(residuals(model, ids)), [token(tokenizer, " Paris")] * len(ids), 1)
    return [float(row.target_p_T[-1]) for row in rows]


def test_the_lens_finds_the_answer_at_no_layer(random: Opened, trained: Opened) -> None:
    assert max(through_the_lens(random)) < NOTHING
    assert max(through_the_lens(trained)) > 0.5


def heads_off(opened: Opened) -> list[float]:
    """Return the answer's probability without each of the heads, one at a time."""
    model, tokenizer = opened
    parts = [Scaled(layer, head, 0.0) for layer, head in np.ndindex(model.config.n_layers, model.config.n_heads)]
    return [probability(opened, changes_of(model, [part], tokenizer.encode)) for part in parts]


def test_no_head_is_needed_for_the_answer(random: Opened, trained: Opened) -> None:
    assert max(heads_off(random)) < NOTHING
    assert probability(trained) - min(heads_off(trained)) > 0.2


@torch.no_grad()
def patched(opened: Opened) -> float:
    """Return the answer's highest probability after patching one layer of TEXT at one token into OTHER."""
    model, tokenizer = opened
    names = [f"blocks.{i}.resid_post" for i in range(model.config.n_layers)]
    given = Tape(names)
    model.record(torch.tensor([tokenizer.encode(TEXT)]), given)
    found = []
    for name in names:
        for place in range(given[name].shape[1]):

            def change(x: torch.Tensor, name: str = name, place: int = place) -> torch.Tensor:
                changed = x.clone()
                changed[:, place] = given[name][:, place]
                return changed

            found.append(probability(opened, {name: change}, OTHER))
    return max(found)


def test_no_patch_brings_the_answer_over(random: Opened, trained: Opened) -> None:
    assert patched(random) < NOTHING
    assert patched(trained) > 0.5


def test_a_patch_still_moves_logits_though_neither_answer_is_one(random: Opened) -> None:
    """The effect of a patch is relative, so that it reaches 1 in any model: it needs an answer to be of use."""
    model, tokenizer = random
    ids, other = tokenizer.encode(TEXT), tokenizer.encode(OTHER)
    answers = token(tokenizer, " Paris"), token(tokenizer, " Berlin")
    for part in PARTS:
        _, effect_T = next(patch_all(model, ids, other, answers, part))
        assert np.abs(effect_T[:-1]).max() < 1e-4
    assert probability(random) < NOTHING


def test_attribution_finds_no_token_that_the_answer_needs(random: Opened) -> None:
    """The effects are nats of a log-probability: without any token the answer stays below 1 %."""
    model, tokenizer = random
    ids, paris = tokenizer.encode(TEXT), token(tokenizer, " Paris")
    without_T = probability(random) * np.exp(-attribute(model, ids, paris, "occlusion"))
    assert without_T.max() < NOTHING
    assert np.abs(attribute(model, ids, paris, "gradient")).max() < 1e-3


def test_on_average_the_country_speaks_for_neither_answer() -> None:
    """Over shuffled models the country's share of the effect on logit(Paris) - logit(Berlin) is 0 within its error."""
    shares: dict[Method, list[float]] = {method: [] for method in METHODS[:2]}
    for seed in range(8):
        model, tokenizer = shuffled(seed)
        ids, paris = tokenizer.encode(TEXT), token(tokenizer, " Paris")
        for method, found in shares.items():
            effect_T = attribute(model, ids, paris, method, token(tokenizer, " Berlin"))
            found.append(float(effect_T[3] / np.abs(effect_T).sum()))
    for found in shares.values():
        assert abs(np.mean(found)) < 2.5 * np.std(found, ddof=1) / math.sqrt(len(found))


def test_the_parts_of_a_logit_favour_no_answer() -> None:
    """The sign of logit(Paris) - logit(Berlin) is a coin's: over shuffled models its mean is 0 within its error."""
    totals = []
    for seed in range(12):
        model, tokenizer = shuffled(seed)
        answers = token(tokenizer, " Paris"), token(tokenizer, " Berlin")
        totals.append(contributions(model, tokenizer.encode(TEXT), *answers).total)
    assert abs(np.mean(totals)) < 2.5 * np.std(totals, ddof=1) / math.sqrt(len(totals))


def test_heads_have_no_function(random: Opened) -> None:
    model, _ = random
    even_K = even_scores(np.array(probe(model)))
    assert (head_scores(model) - even_K[:, None, None]).max() < 0.1


def surprise(opened: Opened, text: str) -> float:
    """Return nats per token above those of guessing."""
    model, tokenizer = opened
    ids = tokenizer.encode(text)
    found = np.concatenate([part.surprisals for part in score(model, ids) if isinstance(part, Scores)])
    return float(found.mean()) - math.log(model.config.vocabulary)


def test_the_text_is_predicted_no_better_than_by_guessing(random: Opened, trained: Opened) -> None:
    assert surprise(random, TEXT) > 0
    assert surprise(trained, TEXT) < -2


def session_of(opened: Opened) -> Session:
    """Return a session in which the built-in model has these weights."""
    session = Session()
    session.open(BUILTIN)
    session.opened.model.load_state_dict(opened[0].state_dict())
    return session


def test_attribution_and_near_states_report_whether_the_model_guesses(
    random: Opened, trained: Opened, tmp_path: Path
) -> None:
    text = tmp_path / "world.txt"
    text.write_text(WORLD, "utf-8")
    for request in (AttributeText(TEXT), FindNear(TEXT, (str(text),))):
        bad, good = (
            next(one for one in ask(session_of(opened), request) if isinstance(one, Explained | NearPassages))
            for opened in (random, trained)
        )
        assert bad.loss > bad.guessing + 0.5
        assert good.loss < good.guessing - 2
        assert bad.guessing == good.guessing == pytest.approx(math.log(trained[1].vocabulary))


def test_the_loss_of_several_texts_is_that_of_all_their_predictions(trained: Opened) -> None:
    model, tokenizer = trained
    texts = [tokenizer.encode(text) for text in ENGLISH]
    with torch.no_grad():
        found = [
            float(-model(torch.tensor([ids]))[0, place - 1].double().log_softmax(dim=0)[ids[place]])
            for ids in texts
            for place in range(1, len(ids))
        ]
    assert mean_loss(model, texts) == pytest.approx(np.mean(found), abs=1e-4)
    assert math.isnan(mean_loss(model, [texts[0][:2], texts[1][:2]]))  # two predictions show nothing


# --- Parts one by one, passages of the text, and directions -----------------------------------------


def ranked(opened: Opened) -> NDArray[np.float64]:
    """Return the answer's probability without each head and each MLP, [layer, part], as the ranking finds it."""
    model, tokenizer = opened
    asked = answer_probe(tokenizer.encode(TEXT), token(tokenizer, " Paris"), model.config.context)
    layers = [layer for layer in rank_parts(model, [asked]) if layer is not None]
    return np.exp(np.array([log_p_PN[:, 0] for _, log_p_PN in layers]))


def test_a_ranking_names_no_part_that_the_answer_needs(random: Opened, trained: Opened) -> None:
    assert ranked(random).max() < NOTHING
    assert probability(trained) - ranked(trained).min() > 0.2


Passages = list[list[int]]
Scanned = tuple[LayerScan, Passages]


def scanned(opened: Opened) -> Scanned:
    model, tokenizer = opened
    ids = tokenizer.encode(WORLD)[: 50 * 64]
    passages = [ids[first : first + 64] for first in range(0, len(ids), 64)]
    scan = LayerScan(model, LAYER, passages)
    finish(scan.run())
    return scan, passages


@pytest.fixture(scope="module")
def random_scan(random: Opened) -> Scanned:
    return scanned(random)


@pytest.fixture(scope="module")
def trained_scan(trained: Opened) -> Scanned:
    return scanned(trained)


def above(scan: LayerScan) -> float:
    """Return the share of neurons with a peak that 1 % of those with a rotated input have."""
    return float((scan.peaks_M > scan.threshold).mean())


def test_no_more_neurons_have_a_peak_than_by_chance(random_scan: Scanned, trained_scan: Scanned) -> None:
    assert above(random_scan[0]) < 0.04
    assert above(trained_scan[0]) > 0.1


def pushed(opened: Opened, scan: LayerScan, passages: Passages) -> float:
    """Return the share of the tokens after the peaks of ten neurons that are among the 1 % pushed up most."""
    found: list[bool] = []
    for neuron in np.argsort(-scan.peaks_M)[:10].tolist():
        for passage, place in scan.best_of(neuron)[:4]:
            ids, end = passages[passage], place + 1
            if end < len(ids):
                found.append(is_pushed(push(opened[0], ids[:end], LAYER, neuron), ids[end]))
    return float(np.mean(found))


def test_neurons_do_not_push_the_tokens_that_follow(
    random: Opened, trained: Opened, random_scan: Scanned, trained_scan: Scanned
) -> None:
    assert pushed(random, *random_scan) < 0.06
    assert pushed(trained, *trained_scan) > 0.5


def test_no_head_looks_far(random_scan: Scanned, trained_scan: Scanned) -> None:
    """Attention of shuffled weights is not even: heads look up to about 20 of 64 tokens back."""
    assert float(random_scan[0].far.values_KM.max()) < 24
    assert float(trained_scan[0].far.values_KM.max()) > 24


def verdict(opened: Opened) -> str:
    """Return whether the text has what the model writes after TEXT."""
    model, tokenizer = opened
    written = tokenizer.decode([ids[0] for ids in write(model, tokenizer.encode(TEXT), 30, {}, 1)])
    index = finish(build_index(WORLD))
    return judge(longest_runs(index, words_of(written)), chance(index, written))


def test_what_shuffled_weights_write_is_not_from_the_text(random: Opened, trained: Opened) -> None:
    assert verdict(random) in ("nowhere", "short")
    assert verdict(trained) in ("together", "heart")


def own_feature(opened: Opened) -> float:
    """Return the mean rank of an animal's own feature by hidden state, among those of all animals, 0..1."""
    model, tokenizer = opened
    asked, features = ([f"The {a.en} sleeps." for a in ANIMALS], [f"It has {a.feature.en}." for a in ANIMALS])
    states = [finish(mean_states(model, [tokenizer.encode(text) for text in texts])) for texts in (asked, features)]
    centred = [each.states_ND - each.states_ND.mean(axis=0) for each in states]
    asked_ND, features_ND = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in centred)
    cosines_NN = asked_ND @ features_ND.T
    return float((cosines_NN > np.diag(cosines_NN)[:, None]).mean())


def test_near_states_say_nothing_of_what_belongs_together(random: Opened, trained: Opened) -> None:
    """An even spread is 0.5. The sentences about an animal and about its feature have no word in common."""
    assert abs(own_feature(random) - 0.5) < 0.15
    assert own_feature(trained) < 0.3


def separated(opened: Opened) -> float:
    """Return how well a direction from Japanese to English separates other texts, in standard errors."""
    model, tokenizer = opened
    plus, minus = (tokens_of(texts, tokenizer.encode) for texts in (ENGLISH, JAPANESE))
    [found] = [one for one in separate(model, plus, minus, LAYER) if isinstance(one, Separation)]
    return found.mean / found.error


def test_no_direction_separates_the_languages(random: Opened, trained: Opened) -> None:
    assert separated(random) < 2
    assert separated(trained) > 2
