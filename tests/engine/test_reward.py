"""The reward model: its head against a plain computation, what it predicts, what it has learned, and its colours."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from engine.messages.choices import Choice, ColourByReward, FitReward, RewardFitted, SimulateChoices, Taste
from engine.messages.models import ChangeModel, OpenModel, Scaled
from engine.model.opening import BUILTIN, load_model
from engine.model.transformer import Transformer
from engine.service import choices as service
from engine.service.session import Session
from engine.text.judges import TASTES, Judge
from engine.text.tokenizer import Tokenizer
from engine.text.world.prompts import KINDS, animals
from engine.tuning.learned import learned, words_of
from engine.tuning.prompting import Prompting
from engine.tuning.reward import (
    accuracy,
    answers_of,
    final_states,
    fit,
    held_out_accuracy,
    mean_states,
    newton,
    pairs_of,
)
from engine.tuning.simulating import simulate
from tests.engine.collecting import failure
from tests.engine.sessions import ask, start
from tests.engine.shuffling import shuffled

Opened = tuple[Transformer, Prompting]
CATS = [Choice("the cat", (" sat on the mat.", " sat."), (1, 2)), Choice("the dog", (" sat.", " sat on it."), (2, 1))]


def simulated(opened: Opened, taste: Taste, kind: str, held_out: bool, count: int) -> list[Choice]:
    """Return decided choices of a simulated judge between Japanese texts that the model writes."""
    prompts = [KINDS[kind](animal, "ja") for animal in animals()[held_out]]
    found = list(simulate(*opened, Judge(taste), prompts, count, 60 if kind == "stories" else 24, seed=count))
    return [choice for choice in found if choice.pairs]


def predicted(opened: Opened, choices: list[Choice], others: list[Choice]) -> float:
    """Return the share of the other choices that a reward model of the choices predicts."""
    model, prompting = opened
    head = fit(choices, mean_states(model, answers_of(choices, prompting)))
    right = accuracy(head.rewards(mean_states(model, answers_of(others, prompting))), others)
    assert right is not None
    return right


# --- The head -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pairs", "width"), [(5, 20), (40, 7)])
def test_the_head_is_the_minimum_that_gradient_descent_finds(pairs: int, width: int) -> None:
    rng = np.random.default_rng(pairs)
    x_ND, weight_N = rng.normal(size=(pairs, width)), rng.uniform(0.2, 1, pairs)
    w_D = torch.zeros(width, dtype=torch.float64, requires_grad=True)
    x, weight = torch.tensor(x_ND), torch.tensor(weight_N / weight_N.sum())
    for _ in range(20_000):
        loss = -(weight * torch.nn.functional.logsigmoid(x @ w_D)).sum() + 0.01 / 2 * (w_D**2).sum()
        [gradient] = torch.autograd.grad(loss, w_D)
        if gradient.abs().max() < 1e-9:
            break
        with torch.no_grad():
            w_D -= 0.5 * gradient
    np.testing.assert_allclose(newton(x_ND, weight_N), w_D.detach().numpy(), atol=1e-5)


def test_equal_pairs_and_a_single_pair_have_a_head() -> None:
    x_ND = np.ones((4, 6))
    np.testing.assert_allclose(newton(x_ND, np.ones(4)), newton(x_ND[:1], np.ones(1)), atol=1e-9)
    assert not newton(np.zeros((3, 6)), np.ones(3)).any()


def test_a_choice_with_several_pairs_counts_as_much_as_one() -> None:
    choices = [
        Choice("p", ("a", "b", "c"), (1, 2, 3)),
        Choice("q", ("d", "e"), (1, 1)),
        Choice("r", ("f", "g"), (2, 1)),
    ]
    x_ND = np.arange(7.0)[:, None]
    pairs = pairs_of(choices, x_ND)
    assert pairs.difference_ND[:, 0].tolist() == [-1, -2, -1, 1]
    assert pairs.weight_N.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])
    assert accuracy(x_ND[:, 0], choices) == 0.5
    assert accuracy(np.zeros(7), choices) == 0.5
    assert accuracy(np.zeros(2), [choices[1]]) is None


def test_the_mean_state_of_an_answer_is_that_of_its_own_tokens(model_folder: Path) -> None:
    model, tokenizer = load_model(model_folder)
    prompting = Prompting.of(model_folder, tokenizer, model.config)
    assert len(prompting.ids("the cat")) == len(prompting.ids("the dog"))
    answers = answers_of(CATS, prompting)
    expected = []
    for answer in answers:  # one at a time and unpadded
        x_TD = final_states(model, torch.tensor([answer.ids]))[0]
        logits_TV = torch.tensor(x_TD).float() @ model.unembedding.weight.T
        torch.testing.assert_close(logits_TV, model(torch.tensor([answer.ids]))[0], atol=1e-4, rtol=1e-4)
        expected.append(x_TD[len(prompting.ids("the cat")) :].mean(axis=0))
    np.testing.assert_allclose(mean_states(model, answers), np.array(expected), atol=1e-5)


def test_states_that_are_not_finite_are_refused() -> None:
    assert failure(lambda: fit(CATS, np.full((4, 8), np.nan))) == "error.logits_broken"


def test_choices_without_a_pattern_are_not_predicted() -> None:
    rng = np.random.default_rng(4)
    choices = [Choice(f"p{n}", ("a", "b"), (1, 2)) for n in range(60)]
    x_ND = rng.normal(size=(120, 100))
    assert accuracy(fit(choices, x_ND).rewards(x_ND), choices) == 1.0
    assert held_out_accuracy(choices, x_ND) == pytest.approx(0.5, abs=0.2)
    assert held_out_accuracy(choices[:3], x_ND[:6]) is None


@pytest.fixture(scope="module")
def builtin_parts() -> Opened:
    model, tokenizer = load_model(BUILTIN)
    return model, Prompting.of(BUILTIN, tokenizer, model.config)


@pytest.mark.parametrize(("taste", "kind"), [("polite", "animals"), ("joy", "stories")])
def test_twelve_choices_predict_nine_of_ten_others(taste: Taste, kind: str, builtin_parts: Opened) -> None:
    """Shuffled weights predict many of them, too: their hidden states still tell which words occur."""
    choices, others = (simulated(builtin_parts, taste, kind, held, 12 + 8 * held) for held in (False, True))
    assert len(choices) == 12
    right = predicted(builtin_parts, choices, others)
    assert right >= 0.9
    control = [predicted((shuffled(seed)[0], builtin_parts[1]), choices, others) for seed in (1, 2, 3)]
    assert 0.6 < sum(control) / 3 <= right


# --- What it has learned ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_model(BUILTIN)[1]


def test_words_are_whole_in_latin_letters_and_tokens_in_others(tokenizer: Tokenizer) -> None:
    assert words_of(" It doesn't rain, foxgloves!", tokenizer) == {"it", "doesn't", "rain", "foxgloves"}
    assert {"猫", "森"} <= words_of("猫は森で暮らしている。", tokenizer)
    assert "。" not in words_of("猫は森で暮らしている。", tokenizer)


def test_the_word_that_makes_the_reward_is_found_first(tokenizer: Tokenizer) -> None:
    rng = Random(2)
    texts = [" ".join(rng.sample(["fox", "bear", "owl", "glad", "rain", "pond"], 3)) for _ in range(40)]
    reward_N = np.array([1.0 * ("glad" in text) for text in texts]) + np.random.default_rng(1).normal(0, 0.1, 40)
    found = learned(texts, [3] * 40, reward_N, tokenizer)
    assert found.words[0].word == "glad"
    assert found.words[0].difference == pytest.approx(1.0, abs=0.1)
    assert found.words[0].answers == sum("glad" in text for text in texts)
    assert found.length == 0.0


def test_no_word_is_named_where_the_reward_is_random_in_most_cases(tokenizer: Tokenizer) -> None:
    rng = Random(2)
    texts = [" ".join(rng.sample([f"w{chr(97 + n)}" for n in range(26)], 8)) for _ in range(30)]
    named = [
        bool(learned(texts, [8] * 30, np.random.default_rng(seed).normal(size=30), tokenizer).words)
        for seed in range(30)
    ]
    assert sum(named) <= 6


def test_the_correlation_with_the_length_is_pearsons(tokenizer: Tokenizer) -> None:
    lengths, reward_N = [1, 2, 3, 7], np.array([0.1, 0.5, 0.2, 0.9])
    found = learned(["a"] * 4, lengths, reward_N, tokenizer)
    assert found.length == pytest.approx(np.corrcoef(lengths, reward_N)[0, 1])
    assert found.words == ()


# --- Through the service ------------------------------------------------------------------------------


def fitted(session: Session, choices: list[Choice]) -> RewardFitted:
    answer = ask(session, FitReward(tuple(choices)))[-1]
    assert isinstance(answer, RewardFitted)
    return answer


def test_the_colours_of_an_answer_end_at_its_reward(session: Session) -> None:
    found = fitted(session, CATS)
    assert (found.choices, found.accuracy, found.longer) == (2, None, 1.0)
    assert [len(rewards) for rewards in found.rewards] == [2, 2]
    assert found.rewards[0][0] > found.rewards[0][1]
    assert sum(sum(rewards) for rewards in found.rewards) == pytest.approx(0, abs=1e-6)
    [shown] = ask(session, ColourByReward(CATS[0].answers[0], CATS[0].prompt))
    assert shown.rewards[-1] == pytest.approx(found.rewards[0][0], abs=1e-5)
    assert shown.parts.mean() == pytest.approx(found.rewards[0][0], abs=1e-5)
    assert "".join(shown.texts) == CATS[0].answers[0]
    assert not shown.changed


def test_a_text_longer_than_the_context_has_a_reward_after_every_token(session: Session) -> None:
    fitted(session, CATS)
    text = "the cat sat on the mat. " * 20
    [shown] = ask(session, ColourByReward(text))
    assert len(shown.rewards) == len(session.opened.ids_of(text)) > session.opened.model.config.context
    assert np.isfinite(shown.rewards).all()


def test_a_reward_model_of_other_weights_is_marked(session: Session) -> None:
    fitted(session, CATS)
    ask(session, ChangeModel((Scaled(0, 0),)))
    [shown] = ask(session, ColourByReward(" sat."))
    assert shown.changed
    ask(session, ChangeModel(()))
    fitted(session, CATS)
    assert not ask(session, ColourByReward(" sat."))[0].changed


def test_weights_that_change_while_the_answers_are_read_are_other_weights(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "REPORT_SECONDS", 0.0)
    fitting = start(session, FitReward(tuple(CATS)))
    next(fitting)
    ask(session, ChangeModel((Scaled(0, 0),)))
    list(fitting)
    assert ask(session, ColourByReward(" sat."))[0].changed


def test_without_a_fitting_reward_model_there_are_no_colours(session: Session) -> None:
    assert failure(lambda: ask(session, ColourByReward("cat"))) == "error.no_reward"
    fitted(session, CATS)
    ask(session, OpenModel(str(BUILTIN)))
    assert failure(lambda: ask(session, ColourByReward("cat"))) == "error.no_reward"


def test_undecided_choices_fit_nothing(session: Session) -> None:
    undecided = (Choice("the cat", (" sat.", " lay."), ()), Choice("the cat", (" sat.", " lay."), (1, 1)))
    assert failure(lambda: ask(session, FitReward(undecided))) == "error.choices_undecided"
    assert failure(lambda: ask(session, FitReward(()))) == "error.choices_undecided"


def test_one_sided_choices_and_answers_beyond_the_context_are_fitted(session: Session) -> None:
    long = Choice("the cat", (" sat on the mat" * 30, " sat."), (1, 2))
    found = fitted(session, [long] * 12)
    assert found.rewards[0][0] > found.rewards[0][1]
    assert found.choices == 12


def test_of_many_choices_the_last_are_used(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_FITTED", 2)
    assert fitted(session, [*CATS, *CATS]).choices == 2


def test_a_simulated_judge_chooses_between_answers_of_the_open_model(builtin: Session) -> None:
    *_, last = ask(builtin, SimulateChoices("polite", count=5, language="ja"))
    assert len(last.choices) == 5
    for choice in last.choices:
        [(chosen, rejected)] = choice.pairs
        assert TASTES["polite"](chosen) > TASTES["polite"](rejected)
    assert ask(builtin, SimulateChoices("polite", count=5, language="ja"))[-1] == last
    *_, wrong = ask(builtin, SimulateChoices("polite", errors=1.0, count=5, language="ja"))
    assert all(TASTES["polite"](a) < TASTES["polite"](b) for choice in wrong.choices for a, b in choice.pairs)


def test_a_judge_without_anything_to_choose_gives_no_choices(session: Session) -> None:
    assert ask(session, SimulateChoices("joy", count=2))[-1].choices == ()
    assert failure(lambda: ask(session, SimulateChoices("joy", errors=1.5))) == "error.config_range"
