"""Meters: probes of what a model can do, and their log-probabilities computed together and one by one."""

import re
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

from engine.errors import EngineError
from engine.inspection.interventions import changes_of
from engine.inspection.meters import (
    PASSAGE,
    PASSAGES,
    TOKENS_AT_ONCE,
    Probe,
    answer_probe,
    groups,
    log_likelihoods,
    measure,
    padded,
    probes_of,
)
from engine.messages.desk import BY_LOSS, METERS, OF_THE_WORLD
from engine.messages.models import Scaled
from engine.model.opening import BUILTIN, finish, load_model
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from engine.text.world.documents import MONTHS
from engine.text.world.stream import TOLD, texts

Opened = tuple[Transformer, Tokenizer]
CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def opened() -> Opened:
    return load_model(BUILTIN)


@st.composite
def probe_lists(draw: st.DrawFn) -> list[Probe]:
    """Draw some probes of different lengths."""
    made = []
    for _ in range(draw(st.integers(1, 5))):
        ids = tuple(draw(st.lists(st.integers(0, 399), min_size=2, max_size=12)))
        made.append(Probe(ids, draw(st.integers(1, len(ids) - 1))))
    return made


@torch.no_grad()
def by_itself(model: Transformer, probe: Probe) -> float:
    """Return a probe's log-probability, from the logits of its text alone."""
    log_p_TV = model(torch.tensor([probe.ids]))[0].double().log_softmax(dim=1)
    return float(sum(log_p_TV[place - 1, probe.ids[place]] for place in range(probe.first, len(probe.ids))))


@given(probe_lists())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_probes_computed_together_are_as_each_by_itself(opened: Opened, probes: list[Probe]) -> None:
    model, _ = opened
    found = finish(measure(model, probes))
    assert found.shape == (len(probes),)
    assert np.allclose(found, [by_itself(model, probe) for probe in probes], atol=1e-3)


@given(probe_lists(), st.integers(1, 3))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_several_rows_for_each_probe_are_those_of_one(opened: Opened, probes: list[Probe], times: int) -> None:
    model, _ = opened
    generator = torch.Generator().manual_seed(1)
    ids_BT = padded(probes, CPU)
    x_BTD = torch.randn(*ids_BT.shape, model.config.width, generator=generator)
    once = log_likelihoods(model, x_BTD, probes)
    assert np.allclose(log_likelihoods(model, x_BTD.repeat(times, 1, 1), probes), np.tile(once, times), atol=1e-5)


@given(st.lists(st.integers(2, 700), min_size=1, max_size=30))
def test_groups_keep_the_order_and_stay_within_their_size(lengths: list[int]) -> None:
    probes = [Probe(tuple([index] * length), 1) for index, length in enumerate(lengths)]
    made = list(groups(probes))
    assert [probe for group in made for probe in group] == probes
    for group in made:
        longest = max(len(probe.ids) for probe in group)
        assert len(group) == 1 or longest * len(group) <= TOKENS_AT_ONCE


def test_no_probes_are_no_groups() -> None:
    assert list(groups([])) == []


def test_the_changes_are_made_while_measuring(opened: Opened) -> None:
    model, tokenizer = opened
    probes = probes_of("pronoun", model, tokenizer, "")[:4]
    changes = changes_of(model, [Scaled(0, None)], tokenizer.encode)
    before, after = finish(measure(model, probes)), finish(measure(model, probes, changes))
    assert (after < before - 1).all()


def test_other_work_may_be_done_after_each_layer(opened: Opened) -> None:
    model, tokenizer = opened
    probes = probes_of("documents", model, tokenizer, "")
    count = sum(1 for _ in groups(probes))
    assert len(list(measure(model, probes))) == count * (model.config.n_layers + 1)


@pytest.fixture(params=METERS)
def meter_probes(request: pytest.FixtureRequest, opened: Opened) -> tuple[str, list[Probe]]:
    model, tokenizer = opened
    return request.param, probes_of(request.param, model, tokenizer, "The rabbit loved carrots.")


def test_passages_of_a_corpus_are_spread_over_it(opened: Opened) -> None:
    model, tokenizer = opened
    lines = [f"{number}. {text.strip()}\n" for number, text in enumerate(islice(texts(3, TOLD), 300))]
    probes = probes_of("corpus", model, tokenizer, "".join(lines))
    assert len(probes) == PASSAGES
    assert {(probe.first, len(probe.ids)) for probe in probes} == {(1, PASSAGE)}
    found = [int(tokenizer.decode(list(probe.ids)).split(".")[0]) for probe in probes]
    assert found == sorted(set(found))
    assert found[0] == 0
    assert found[-1] > 250
    assert probes_of("corpus", model, tokenizer, "") == []


def test_questions_about_dates_are_answered_by_the_date_of_the_document(opened: Opened) -> None:
    model, tokenizer = opened
    for probe in probes_of("dates", model, tokenizer, ""):
        prompt, answer = (tokenizer.decode(list(ids)) for ids in (probe.ids[: probe.first], probe.ids[probe.first :]))
        assert any(month in answer for month in (*MONTHS, "月")), answer
        days = re.findall(r"\d+", answer)
        assert days
        assert all(day in prompt for day in days)


def test_every_probe_fits_the_model_and_has_something_to_predict(
    opened: Opened, meter_probes: tuple[str, list[Probe]]
) -> None:
    model, _ = opened
    name, probes = meter_probes
    assert probes
    assert len(probes) == 1 or name in OF_THE_WORLD
    for probe in probes:
        assert 1 <= probe.first < len(probe.ids) <= model.config.context + 1
        assert max(probe.ids) < model.config.vocabulary


def test_probes_are_the_same_at_every_call(opened: Opened) -> None:
    model, tokenizer = opened
    for meter in METERS:
        assert probes_of(meter, model, tokenizer, "a b") == probes_of(meter, model, tokenizer, "a b")


@pytest.mark.parametrize("meter", sorted(set(OF_THE_WORLD) - set(BY_LOSS)))
def test_answers_are_what_counts_in_both_languages(opened: Opened, meter: str) -> None:
    model, tokenizer = opened
    texts = [
        (tokenizer.decode(list(probe.ids[: probe.first])), tokenizer.decode(list(probe.ids[probe.first :])))
        for probe in probes_of(meter, model, tokenizer, "")  # type: ignore[arg-type]
    ]
    asked = ("Answer:", "答え：")
    ends = {"documents": asked, "dates": asked, "repeating": ("Reply:", "返事："), "pronoun": ("It has", "それには")}
    assert {next(end for end in ends[meter] if prompt.endswith(end)) for prompt, _ in texts} == set(ends[meter])
    for prompt, answer in texts:
        assert answer.strip()
        if meter == "repeating":
            words = answer.strip(" .。").replace("、", ", ").split(", ")
            assert all(word in prompt for word in words)


def test_copied_tokens_are_those_that_were_read_before(opened: Opened) -> None:
    model, tokenizer = opened
    [probe] = probes_of("copying", model, tokenizer, "")
    half = len(probe.ids) // 2
    assert probe.ids[:half] == probe.ids[half:]
    assert probe.first == half + 1  # the first token of the copy cannot be known


def test_only_the_last_tokens_of_a_long_text_are_measured(opened: Opened) -> None:
    model, tokenizer = opened
    text = "The rabbit loved carrots. " * 200
    [probe] = probes_of("text", model, tokenizer, text)
    assert len(probe.ids) == model.config.context + 1
    assert probe.ids == tuple(tokenizer.encode(text)[-len(probe.ids) :])


@pytest.mark.parametrize("text", ["", "a"])
def test_a_text_without_a_token_to_predict_is_refused(opened: Opened, text: str) -> None:
    model, tokenizer = opened
    with pytest.raises(EngineError, match="text_too_short"):
        probes_of("text", model, tokenizer, text)


def test_the_answer_after_a_long_text_is_predicted_from_its_end(opened: Opened) -> None:
    model, _ = opened
    context = model.config.context
    probe = answer_probe(list(range(300)), 7, context)
    assert probe.ids == (*range(300 - context, 300), 7)
    assert probe.first == context
    assert answer_probe([3, 4], 7, context) == Probe((3, 4, 7), 2)


def test_damaged_weights_are_reported() -> None:
    model, tokenizer = load_model(BUILTIN)
    probes = probes_of("pronoun", model, tokenizer, "")[:1]
    with torch.no_grad():
        model.get_parameter("blocks.1.mlp.down.weight")[0, 0] = float("nan")
    with pytest.raises(EngineError, match="logits_broken"):
        finish(measure(model, probes))
