"""The control of every method: on shuffled weights it finds nothing, because there is nothing to find.

A shuffled model still has activations, and changing them still changes its logits, often by several nats. That a
number is large says nothing. "Nothing" means here: the answer that is to be explained, " Paris" after "The capital of
France is", stays below 1 % at every layer and after every intervention; heads attend to no kind of token by more than
0.1 over an even spread; and the text is predicted no better than by guessing.
"""

import math

import numpy as np
import pytest
import torch

from engine.inspection.attribution import METHODS, Method, attribute
from engine.inspection.contributions import contributions
from engine.inspection.heads import even_scores, head_scores, probe
from engine.inspection.interventions import changes_of
from engine.inspection.lens import lens, residuals
from engine.inspection.patching import PARTS, patch_all
from engine.inspection.scoring import Scores, score
from engine.messages.models import Scaled
from engine.model.opening import BUILTIN, finish, load_model
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from tests.engine.shuffling import shuffled

TEXT, OTHER = "The capital of France is", "The capital of Germany is"
NOTHING = 0.01  # probability
SEEDS = range(4)
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
