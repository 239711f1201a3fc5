"""Improving a model by choices: what is preferred becomes more frequent, the leash holds, and bad input is refused."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import EngineError
from engine.messages.choices import Choice
from engine.messages.improving import ImprovingSettings
from engine.model.opening import BUILTIN, load_model
from engine.text.judges import TASTES, Judge
from engine.text.world.prompts import animals, text_about
from engine.training.tasks.answers import Example
from engine.tuning.improving import Improving
from engine.tuning.prompting import Prompting, whole_sentences
from engine.tuning.rollouts import continue_all, distinct_within
from engine.tuning.simulating import simulate

CHOICES = [
    Choice("the", (" cat sat on the mat.", " dog sat on the log."), (1, 2)),
    Choice("the", (" dog sat on the mat.", " cat sat on the mat."), (2, 1)),
    Choice("the", (" cat sat on the log.", " dog sat on the mat."), (1, 2)),
    Choice("the", (" log.", " mat."), ()),  # neither is good: nothing to learn
]
PROMPTS = ("the", "sat on the")


def liked(text: str) -> float:
    return float("a" in text)


def likes(improving: Improving) -> list[float]:
    return [liked(whole_sentences(improving.prompting.text(text.ids[text.first :]))) for text in improving._texts(96)]


SETTINGS = ImprovingSettings(steps=12, learning_rate=0.1, tokens=6, most_kl=None)


def begun(folder: Path, choices: list[Choice] = CHOICES, **settings: Any) -> Improving:
    return Improving.start(folder, choices, replace(SETTINGS, **settings), held_out=PROMPTS, liked=liked)


def run(improving: Improving) -> Improving:
    for _ in improving.steps():
        pass
    return improving


def weights(improving: Improving) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in improving.model.parameters()])


def judged(improving: Improving) -> list[Choice]:
    """Return choices between the model's own answers by a judge who likes the letter a."""
    choices = []
    for prompt in PROMPTS:
        ids, generator = improving.prompting.ids(prompt), torch.Generator().manual_seed(5)
        texts = continue_all(improving.model, [ids] * 60, 6, generator, improving.prompting.stops)
        answers = [improving.prompting.text(text.ids[text.first :]) for text in texts]
        both = ([a for a in answers if liked(a)], [a for a in answers if not liked(a)])
        choices += [Choice(prompt, pair, (1, 2)) for pair in zip(*both, strict=False)]
    return choices


def test_what_is_preferred_is_written_more_often(model_folder: Path) -> None:
    improving = begun(model_folder, judged(begun(model_folder)), steps=40, learning_rate=0.3)
    before = improving.measured()
    after = run(improving).measured()
    assert before["kl"] == pytest.approx(0.0, abs=1e-5)
    assert after["preferred"] > before["preferred"] + 0.25
    assert after["kl"] > 0.1


def test_the_measures_are_those_of_the_texts(model_folder: Path) -> None:
    improving = begun(model_folder)
    texts, values = improving._texts(96), improving.measured()
    assert len(texts) == 96
    assert values["preferred"] == pytest.approx(sum(likes(improving)) / 96)
    assert values["length"] == pytest.approx(sum(len(t.ids) - t.first for t in texts) / 96)
    assert values["distinct"] == pytest.approx(distinct_within(texts))
    assert "old_loss" not in values


def test_the_policy_gradient_makes_the_reward_grow(model_folder: Path) -> None:
    model, tokenizer = load_model(model_folder)
    prompting = begun(model_folder).prompting

    def reward(texts: Sequence[Example]) -> list[float]:
        return [2 * liked(tokenizer.decode(text.ids[text.first :])) - 1 for text in texts]

    settings = ImprovingSettings("reinforce", steps=20, learning_rate=3e-3, beta=0.0, tokens=6, most_kl=None)
    improving = Improving(model, prompting, CHOICES, settings, prompts=PROMPTS, reward=reward)
    before = improving.measured()
    after = run(improving).measured()
    assert after["reward"] > before["reward"] + 0.4
    assert after["preferred"] == pytest.approx((after["reward"] + 1) / 2)  # a reward above 0 is liked


def test_a_run_ends_just_below_the_limit(model_folder: Path) -> None:
    improving = begun(model_folder, steps=200, most_kl=0.3)
    assert improving.enough() == ""
    run(improving)
    assert improving.enough() == "notice.enough_kl"
    assert improving.trainer.step < 200
    assert improving.kl > 0.3
    assert 0.15 < improving._divergence() <= 0.3


def test_without_a_limit_a_run_goes_to_its_end(model_folder: Path) -> None:
    improving = run(begun(model_folder, most_kl=None))
    assert improving.enough() == ""
    assert improving.trainer.step == 12


def test_a_very_large_beta_changes_nothing(model_folder: Path) -> None:
    improving = begun(model_folder, beta=1e6, learning_rate=None)
    before = weights(improving)
    run(improving)
    assert (weights(improving) - before).abs().max() < 1e-6
    assert improving.measured()["kl"] < 1e-6


def test_equal_seeds_give_equal_weights(model_folder: Path) -> None:
    first, second, other = (weights(run(begun(model_folder, steps=4, seed=seed))) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_the_model_before_does_not_change(model_folder: Path) -> None:
    improving = begun(model_folder, steps=4)
    run(improving)
    original, _ = load_model(model_folder)
    for name, tensor in original.state_dict().items():
        assert torch.equal(improving.before.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    "choices",
    [
        [],
        [Choice("the", (" cat", " dog"), (1, 1))],  # a tie
        [Choice("the", (" cat", " dog"), ())],  # neither
    ],
)
def test_choices_that_prefer_nothing_are_refused(model_folder: Path, choices: list[Choice]) -> None:
    with pytest.raises(EngineError, match="choices_undecided"):
        begun(model_folder, choices)


def test_answers_that_differ_only_after_the_context_are_refused(model_folder: Path) -> None:
    long = "cat sat on the mat. " * 20
    with pytest.raises(EngineError, match="choices_undecided"):
        begun(model_folder, [Choice("the", (long + "cat", long + "dog"), (1, 2))])


def test_answers_longer_than_the_context_are_cut(model_folder: Path) -> None:
    improving = begun(model_folder, [Choice("the", ("cat sat. " * 50, "dog sat. " * 50), (1, 2))], steps=2)
    [compared] = improving.compared
    assert len(compared.chosen.ids) == improving.model.config.context
    run(improving)


def test_a_prompt_as_long_as_the_context_is_refused(model_folder: Path) -> None:
    with pytest.raises(EngineError, match="choices_prompt"):
        begun(model_folder, [Choice("the cat " * 50, ("sat", "dog"), (1, 2))])


def test_a_loss_that_is_no_number_ends_the_run_with_words(model_folder: Path) -> None:
    improving = begun(model_folder)
    with torch.no_grad():
        improving.model.unembedding.weight.fill_(torch.nan)
    with pytest.raises(EngineError, match="diverged"):
        run(improving)


def test_one_choice_is_enough_to_learn_from(model_folder: Path) -> None:
    improving = run(begun(model_folder, CHOICES[:1]))
    assert improving.measured()["kl"] > 0


def test_the_same_seed_writes_the_same_answers(model_folder: Path) -> None:
    improving = begun(model_folder)
    assert list(improving.write(PROMPTS)) == list(improving.write(PROMPTS))


def test_the_improved_model_opens(model_folder: Path, tmp_path: Path) -> None:
    improving = run(begun(model_folder, steps=3))
    improving.save(tmp_path / "improved", model_folder)
    model, _ = load_model(tmp_path / "improved")
    for name, tensor in improving.model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


# --- The built-in model -------------------------------------------------------------------------------


def test_twelve_choices_make_the_built_in_model_polite_about_other_animals() -> None:
    model, tokenizer = load_model(BUILTIN)
    prompting = Prompting.of(BUILTIN, tokenizer, model.config)
    prompts, held_out = ([text_about(animal, "ja") for animal in part] for part in animals())
    choices = list(simulate(model, prompting, Judge("polite"), prompts, 12, 24, seed=1))
    improving = Improving(model, prompting, choices, ImprovingSettings(), held_out=held_out, liked=TASTES["polite"])
    before = improving.measured()
    after = run(improving).measured()
    assert improving.enough() == "notice.enough_kl"  # it ends by itself
    assert after["preferred"] > 0.85
    assert after["kl"] < 2.5  # on other texts than those that ended it
    assert after["distinct"] > 0.85 * before["distinct"]
    assert after["reward"] > before["reward"]
