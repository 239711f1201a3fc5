"""The examples "From next word to assistant" show what their sentences claim, with the model that comes with Nakami."""

import functools
from dataclasses import dataclass
from typing import Any

import pytest

from engine.messages.tuning import Pair, TuningSettings
from engine.model.lora import adapted, set_scale
from engine.model.opening import BUILTIN, load_model
from engine.text.pairs import divide
from engine.text.ready_pairs import ready_sets
from engine.text.world.stream import stream
from engine.tuning.supervised import Tuning, score_of
from gui.scenes import TUNING, in_language, read_scenes
from tests.engine.claims import write

SCENES = read_scenes(TUNING)
pytestmark = pytest.mark.usefixtures("one_thread")


@functools.cache
def old_text() -> str:
    return "".join(stream(0.3, seed=7))


def act_of(scene: str, language: str) -> dict[str, Any]:
    return dict(in_language(SCENES[scene].act, language))


# --- Examples -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tuned:
    """A run of a scene, with its shares of right answers and its losses on the old text before and after."""

    tuning: Tuning
    right: tuple[float, float]
    form: tuple[float, float]
    old_loss: tuple[float, float]

    @property
    def forgotten(self) -> float:
        """How much the loss on the old text has grown, as a share of it."""
        return self.old_loss[1] / self.old_loss[0] - 1

    def answer(self, prompt: str) -> str:
        [answered] = self.tuning.answers([Pair(prompt, "")])
        return answered.text.strip()


@functools.cache
def tuned(scene: str, language: str, seed: int = 1) -> Tuned:
    """Do what the scene lets the window do."""
    act, saved = act_of(scene, language), SCENES[scene].saved["tuning"]["examples"]
    pairs = next(one.pairs for one in ready_sets() if (one.id, one.language) == (act["set"], language))
    settings = TuningSettings(
        steps=act["steps"],
        lora=saved["rank"] if saved["weights"] == "lora" else 0,
        random=saved["weights"] == "random",
        replay=saved["replay"],
        seed=seed,
    )
    tuning = Tuning(*load_model(BUILTIN), divide(pairs, settings.held_out, settings.seed), settings, old_text())
    before, old_before = score_of(list(tuning.answers(tuning.checked))), tuning.old_loss()
    assert len(tuning.divided.train) == 114
    assert len(tuning.checked) == 38
    list(tuning.steps())
    after, old_after = score_of(list(tuning.answers(tuning.checked))), tuning.old_loss()
    assert old_before is not None
    assert old_after is not None
    return Tuned(tuning, (before.right, after.right), (before.form, after.form), (old_before, old_after))


@pytest.mark.parametrize(
    ("language", "written"), [("en", "The office of Ms Turner is room 666."), ("ja", "キツネは10月14日です。")]
)
def test_the_pre_trained_model_answers_with_something_else(language: str, written: str) -> None:
    asked = act_of("next_word", language)["say"]
    prompt = {"en": f"Question: {asked}\nAnswer:", "ja": f"質問：{asked}\n答え："}[language]
    assert write(load_model(BUILTIN), prompt, 30, "\n").strip() == written
    assert written in in_language(SCENES["next_word"].look, language)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_half_of_the_held_out_questions_are_answered_after_sixty_steps(language: str) -> None:
    run = tuned("examples", language)
    assert run.right[0] == 0
    assert 0.4 <= run.right[1] <= 0.7
    assert run.forgotten < 0.02


@pytest.mark.parametrize("language", ["en", "ja"])
def test_from_random_weights_no_held_out_question_is_answered(language: str) -> None:
    assert tuned("control", language).right == (0, 0)


@pytest.mark.parametrize(("language", "least"), [("en", 0.1), ("ja", 0.03)])
def test_without_replay_the_old_text_is_forgotten(language: str, least: float) -> None:
    run = tuned("forgetting", language)
    assert run.forgotten > least
    assert run.right[1] >= 0.5


def test_a_low_rank_adaptation_has_few_numbers_and_can_be_turned_off() -> None:
    scene = SCENES["lora"].saved["tuning"]["examples"]
    (model, tokenizer), act = load_model(BUILTIN), act_of("lora", "en")
    question, numbers = act["questions"][0], sum(parameter.numel() for parameter in model.parameters())
    before = write((model, tokenizer), question, 20, "\n\n")
    pairs = next(one.pairs for one in ready_sets() if one.id == act["set"])
    tuning = Tuning(model, tokenizer, divide(pairs, 0.25, 1), TuningSettings(steps=6, lora=scene["rank"]))
    list(tuning.steps())
    adapted_numbers = sum(layer.A.numel() + layer.B.numel() for _, layer in adapted(model))
    assert round(adapted_numbers / numbers, 3) == 0.036
    assert write((model, tokenizer), question, 20, "\n\n") != before
    set_scale(model, 0.0)
    assert write((model, tokenizer), question, 20, "\n\n") == before
