"""Laws of what learning from preferences is made of: judges, their agreement, advantages, and what was learned."""

import json
from contextlib import suppress
from itertools import pairwise, permutations, product
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from engine.cli.main import main
from engine.messages.choices import Choice, Taste
from engine.messages.tuning import Pair
from engine.model.lora import MATRICES, adapted, add_lora, merge_lora, merged_state, without_lora
from engine.text.agreement import agreeing, agreement
from engine.text.judges import TASTES, Judge, last_sentence, ranked
from engine.text.world.examples import LANGUAGES
from engine.text.world.facts import ANIMALS
from engine.text.world.prompts import KINDS, animals
from engine.training.tasks.answers import Example, shuffled
from engine.tuning import rollouts
from engine.tuning.learned import _correlations
from engine.tuning.policy import advantages
from engine.tuning.prompting import whole_sentences
from engine.tuning.rollouts import in_parts
from engine.tuning.supervised import Answered, score_of
from tests.engine.small_models import random_model

QUICK = settings(max_examples=40, deadline=None)
VALUES = st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=4)
VERDICTS = st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=2), min_size=1, max_size=8)
ANSWERS = ("a", "b", "c")


# --- Judges -------------------------------------------------------------------------------------------


@QUICK
@given(VALUES)
def test_better_values_have_better_ranks_and_equal_ones_are_tied(values: list[float]) -> None:
    choice = ranked("p", [str(place) for place in range(len(values))], values, "Aiko")
    for one, other in permutations(range(len(values)), 2):
        assert (choice.ranks[one] < choice.ranks[other]) == (values[one] > values[other])
    assert min(choice.ranks) == 1
    assert sorted(set(choice.ranks)) == list(range(1, len(set(values)) + 1))  # no rank is left out
    assert (choice.pairs == []) == (len(set(values)) == 1)


@pytest.mark.parametrize("taste", TASTES)
def test_a_judge_who_always_errs_prefers_the_opposite(taste: Taste) -> None:
    answers = ("Thank you, I am happy.", "The cat eats fish in the forest every morning.", "No.")
    right = Judge(taste).choose("p", answers, Random(1))
    wrong = Judge(taste, errors=1.0).choose("p", answers, Random(1))
    assert set(wrong.pairs) == {(rejected, chosen) for chosen, rejected in right.pairs}
    assert agreeing([right], [wrong]) == (0.0 if right.pairs else None)
    assert right.judge == wrong.judge == taste


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("One. Two.", "Two."),
        ("One. Two", "Two"),  # it was cut off
        ("むかしむかし。狐は嬉しかった。」", "狐は嬉しかった。"),
        ("Price: 3.5 euros", "Price: 3.5 euros"),
        ("One!\n\n", "One!"),
        (" \n", ""),
    ],
)
def test_the_last_sentence_is_found(text: str, last: str) -> None:
    assert last_sentence(text) == last


# --- Agreement ----------------------------------------------------------------------------------------


def judged(table: list[list[int]]) -> list[Choice]:
    """Return the choices of judges 0, 1, …: a row for each prompt with the best answer of each judge."""
    return [
        Choice(f"prompt {row}", ANSWERS, tuple(1 if place == best else 2 for place in range(3)), f"judge {judge}")
        for row, verdicts in enumerate(table)
        for judge, best in enumerate(verdicts)
    ]


@QUICK
@given(VERDICTS, st.integers(0, 99))
def test_agreement_does_not_depend_on_the_order_of_choices_and_answers(table: list[list[int]], seed: int) -> None:
    choices = judged(table)
    first = agreement(choices)
    turned = [Choice(c.prompt, c.answers[::-1], c.ranks[::-1], c.judge) for c in choices]
    Random(seed).shuffle(turned)
    again = agreement(turned)
    assert (again.choices, again.word) == (first.choices, first.word)
    assert again.kappa == pytest.approx(first.kappa)
    assert again.observed == pytest.approx(first.observed)


@QUICK
@given(VERDICTS)
def test_kappa_is_below_the_agreement_observed_and_1_only_for_equal_judges(table: list[list[int]]) -> None:
    found = agreement(judged(table))
    equal = all(one == other for one, other in table)
    assert (found.observed == 1.0) == equal
    if found.kappa is not None:
        assert found.kappa <= found.observed + 1e-9
        assert (found.kappa > 1 - 1e-9) == equal


# --- Texts and prompts --------------------------------------------------------------------------------


@given(st.text("ab .。!？」\n", max_size=30))
def test_whole_sentences_are_the_beginning_of_a_text_up_to_an_end(text: str) -> None:
    found = whole_sentences(text)
    assert text.startswith(found)
    assert whole_sentences(found) == found
    assert found == text or found.rstrip("」")[-1] in ".。!？"
    assert not any(mark in text[len(found) :] for mark in ".。!？")


def test_every_animal_is_on_one_side_and_has_a_prompt_of_each_kind() -> None:
    shown, held_out = animals()
    assert {animal.en for animal in shown}.isdisjoint(animal.en for animal in held_out)
    assert len(shown) + len(held_out) == len(ANIMALS)
    assert animals() == (shown, held_out)  # the same ones each time
    for write, name in product(KINDS.values(), LANGUAGES):
        prompts = [write(animal, name) for animal in ANIMALS]
        assert len(set(prompts)) == len(prompts)
        assert all(getattr(animal, name) in prompt for animal, prompt in zip(ANIMALS, prompts, strict=True))


# --- Arithmetic ---------------------------------------------------------------------------------------


@QUICK
@given(st.integers(1, 4), st.integers(2, 8), st.floats(-5, 5), st.integers(0, 999))
def test_advantages_cancel_out_and_ignore_what_all_texts_of_a_prompt_have(
    prompts: int, group: int, shift: float, seed: int
) -> None:
    reward_PG = torch.tensor(np.random.default_rng(seed).normal(size=(prompts, group)))
    found = advantages(reward_PG)
    assert torch.allclose(found.sum(dim=1), torch.zeros(prompts, dtype=found.dtype), atol=1e-9)
    assert torch.allclose(advantages(reward_PG + shift), found, atol=1e-9)
    assert torch.equal(found.argmax(dim=1), reward_PG.argmax(dim=1))


@QUICK
@given(st.integers(1, 12), st.integers(1, 7), st.integers(0, 5))
def test_batches_go_through_all_examples_equally_often(count: int, batch: int, seed: int) -> None:
    seen = [index for step in range(count) for index in shuffled(count, step, batch, seed)]  # `batch` rounds
    assert sorted(seen) == sorted(list(range(count)) * batch)


@QUICK
@given(st.integers(2, 9), st.floats(0.1, 50), st.floats(-9, 9), st.integers(0, 999))
def test_correlations_ignore_the_scale_of_rewards_and_are_those_of_numpy(
    count: int, scale: float, shift: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    a_AN, b_N = rng.normal(size=(3, count)), rng.normal(size=count)
    found_A = _correlations(a_AN, (scale * b_N + shift)[None])[:, 0]
    assert found_A == pytest.approx([np.corrcoef(a_N, b_N)[0, 1] for a_N in a_AN])
    assert _correlations(np.ones((1, count)), b_N[None])[0, 0] == 0.0  # equally long answers


@QUICK
@given(lengths=st.lists(st.integers(2, 12), max_size=20), room=st.integers(20, 2000))
def test_parts_cover_all_texts_and_fit_into_memory(lengths: list[int], room: int) -> None:
    model, texts = MODEL, [Example(tuple(range(length)), 1) for length in lengths]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollouts, "LOGITS_AT_ONCE", room)
        parts = list(in_parts(model, texts))
    assert [text for part in parts for text in texts[part]] == texts
    assert all(before.stop == after.start for before, after in pairwise(parts))
    longest = max(lengths, default=1)
    assert all(len(texts[part]) == 1 or len(texts[part]) * longest * model.config.vocabulary <= room for part in parts)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["yes", " yes ", "no"])), max_size=9))
def test_an_answer_is_right_only_in_the_right_form(answers: list[tuple[bool, str]]) -> None:
    score = score_of([Answered(Pair("p", "yes"), text, ended) for ended, text in answers])
    assert 0 <= score.right <= score.form <= 1
    assert score.right * max(1, len(answers)) == sum(ended and text.strip() == "yes" for ended, text in answers)


# --- Low-rank adaptation ------------------------------------------------------------------------------

MODEL = random_model(1)


@torch.no_grad()
def test_what_is_saved_of_an_adapted_model_is_the_merged_model() -> None:
    model = random_model(2)
    add_lora(model, 2, MATRICES)
    for _, layer in adapted(model):
        layer.B.normal_()
    saved = {name: tensor.clone() for name, tensor in merged_state(model).items()}
    before = model(torch.tensor([[1, 2, 3]]))
    merge_lora(model)
    assert list(adapted(model)) == []
    now = model.state_dict()
    assert now.keys() == saved.keys()
    assert all(torch.equal(now[name], saved[name]) for name in now)
    assert torch.allclose(model(torch.tensor([[1, 2, 3]])), before, atol=1e-4)
    assert all(parameter.requires_grad for parameter in model.parameters())


@torch.no_grad()
def test_an_adaptation_is_on_again_after_an_error_while_it_was_off() -> None:
    model, x_BT = random_model(3), torch.tensor([[1, 2, 3]])
    plain = model(x_BT)
    for scale, layer in enumerate(add_lora(model, 1), start=1):
        layer.B.fill_(0.1)
        layer.scale = scale / 10
    tuned = model(x_BT)
    with suppress(RuntimeError), without_lora(model):
        assert torch.allclose(model(x_BT), plain, atol=1e-6)
        raise RuntimeError
    assert torch.equal(model(x_BT), tuned)
    assert not torch.allclose(tuned, plain, atol=1e-3)


# --- The command --------------------------------------------------------------------------------------


def test_the_command_improves_a_model_by_the_choices_of_a_simulated_judge(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["prefer", str(model_folder), "world-short-en:2", "--out", str(tmp_path / "out"), "--steps", "1"]
    assert main([*command, "--tokens", "4", "--most-kl", "0", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["steps"] == 1
    assert result["length"]["before"] <= 4
    assert result["reward_accuracy"] is None  # two choices are too few to hold any out
    assert not result["ended_by_kl"]
