"""Improving a model by choices between its answers, and measuring what has changed.

improving = Improving.start(folder, choices, settings, held_out=prompts)
for step in improving.steps(): ...
improving.save(out)
"""

import copy
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import EngineError
from engine.messages.choices import Choice
from engine.messages.improving import ImprovingSettings
from engine.messages.training import TrainingSettings
from engine.model.checkpoint import save_model
from engine.model.opening import load_model
from engine.model.transformer import Transformer
from engine.training.evaluation import evaluate
from engine.training.optimizers import Momentum, Optimizer
from engine.training.recipe import check
from engine.training.tasks.answers import Example
from engine.training.tasks.preferences import Compared, Preferences
from engine.training.trainer import Trainer, TrainStep
from engine.tuning.forms import copy_form
from engine.tuning.policy import Policy, Reward
from engine.tuning.prompting import Prompting, whole_sentences
from engine.tuning.reward import answers_of, fit, held_out_accuracy, mean_states
from engine.tuning.rollouts import continue_all, distinct_within, divergence

BATCH = 12  # choices a step of DPO
WATCHED = 3  # steps between two looks at the KL divergence
WATCHED_TEXTS, MEASURED_TEXTS = 32, 96  # that are written for such a look, and to measure at the beginning and the end
TEXTS_AT_ONCE = 32
BISECTIONS = 3  # of the weights between the last moment below the limit and the first above
MOST_BETA = 10**6
OLD_CHARACTERS = 20_000  # of old text on which forgetting is measured

Liking = Callable[[str], float]  # 1 if a text is liked, 0 if not


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a method uses where the settings are None."""

    steps: int
    learning_rate: float
    beta: float


# Of twelve choices, Momentum learns what they have in common; Adam moves the model as far for .3 less of it.
RECIPES = {"dpo": Recipe(40, 0.4, 0.1), "reinforce": Recipe(60, 1e-3, 0.1)}


class Improving:
    """A model that is being improved."""

    def __init__(
        self,
        model: Transformer,
        prompting: Prompting,
        choices: Sequence[Choice],
        settings: ImprovingSettings,
        *,
        prompts: Sequence[str] = (),
        held_out: Sequence[str] = (),
        reward: Reward | None = None,
        liked: Liking | None = None,
        old_text: str = "",
    ) -> None:
        """Prepare a run; `model` is changed by it.

        `prompts`: what the policy gradient answers; without them, the prompts of the choices. `held_out`: the prompts
        on which is measured; without them, the same. `reward`: what the policy gradient makes grow; without it, that
        of a reward model which is fitted to the choices. `liked`: the taste of a simulated judge; without it, a text
        is liked if its reward is above 0, the mean of the answers in the choices.
        Raises EngineError: error.choices_undecided if no choice prefers anything, error.choices_prompt,
        error.config_range.
        """
        self.model, self.prompting, self.tokenizer, self.settings = model, prompting, prompting.tokenizer, settings
        self.liked, self.old_text = liked, old_text
        self.before = copy.deepcopy(model).requires_grad_(requires_grad=False)
        model.requires_grad_()  # models of others are opened without gradients
        decided = [choice for choice in choices if choice.pairs]
        if not decided:
            raise EngineError("error.choices_undecided")
        self.reward_accuracy: float | None = None  # on choices that were held out; None if there are too few
        self.reward = reward or self._fitted(decided)
        prompts = list(dict.fromkeys([*prompts] or [choice.prompt for choice in decided]))
        self._prompts = [prompting.ids(prompt) for prompt in prompts]
        self._held_out = [prompting.ids(prompt) for prompt in held_out] or self._prompts
        self.compared = _compared(decided, prompting) if settings.method == "dpo" else []
        self.recipe = RECIPES[settings.method]
        self.beta = self.recipe.beta if settings.beta is None else settings.beta
        self.kl = 0.0  # nats per text, when it was last looked at
        self._good: dict[str, Tensor] = {}  # the weights when it was last below the limit
        self._reason, self._looked_at = "", 0
        self.trainer = self._trainer()

    @classmethod
    def start(
        cls,
        path: Path,
        choices: Sequence[Choice],
        settings: ImprovingSettings,
        *,
        held_out: Sequence[str] = (),
        liked: Liking | None = None,
        old_text: str = "",
    ) -> "Improving":
        """Open a model with 32 bits a weight, as training needs them. Raises EngineError as `load_model` and above."""
        model, tokenizer = load_model(path)
        prompting = Prompting.of(path, tokenizer, model.config)
        return cls(model, prompting, choices, settings, held_out=held_out, liked=liked, old_text=old_text)

    def _trainer(self) -> Trainer:
        """Raise EngineError error.config_range."""
        settings, recipe = self.settings, self.recipe
        if not 0 <= self.beta <= MOST_BETA:
            raise EngineError("error.config_range", setting="beta", value=str(self.beta), least=0, most=MOST_BETA)
        chosen = TrainingSettings(
            steps=settings.steps if settings.steps or settings.seconds else recipe.steps,
            seconds=settings.seconds,
            batch=BATCH,
            learning_rate=settings.learning_rate,
            seed=settings.seed,
        )
        check(chosen)
        # What a method looks for is a change of about 1/β in log-probabilities: a larger β needs smaller steps.
        rate = settings.learning_rate or recipe.learning_rate * min(1.0, recipe.beta / max(self.beta, recipe.beta))
        is_dpo = settings.method == "dpo"
        optimizer = Momentum(self.model, rate) if is_dpo else Optimizer(self.model, 0.0, rate)
        return Trainer(self.model, self._task(), chosen, optimizer)

    def _fitted(self, choices: Sequence[Choice]) -> Reward:
        """Return the reward model of the choices, on the states of the model before."""
        x_ND = mean_states(self.before, answers_of(choices, self.prompting))
        self.reward_accuracy, model = held_out_accuracy(choices, x_ND), fit(choices, x_ND)
        return lambda texts: model.rewards(mean_states(self.before, texts)).tolist()

    def _task(self) -> Preferences | Policy:
        settings, stops = self.settings, self.prompting.stops
        if settings.method == "dpo":
            return Preferences(self.model, self.compared, self.beta, BATCH, settings.seed)
        return Policy(self.before, self._prompts, self.reward, self.beta, settings.tokens, stops, settings.seed)

    def steps(self) -> Generator[TrainStep | None, None, None]:
        """Yield each step, and None where other requests may be served; the KL divergence may end them."""
        for step in self.trainer.run():
            yield step
            if step is not None and self.enough():
                return

    # --- Measuring --------------------------------------------------------------------------------

    def enough(self) -> str:
        """Return why the run ends before its time: the key of a sentence once the KL divergence exceeds the limit.

        The KL divergence is looked at every few steps. When it is above the limit, the weights go back to where it
        was last below, on the straight line between this moment and the last one that was looked at.
        """
        most, step = self.settings.most_kl, self.trainer.step
        if most is None or step == self._looked_at or (step % WATCHED and self.trainer.fraction < 1.0):
            return self._reason
        self._looked_at = step
        self.kl = self._divergence()
        if self.kl > most:
            self._go_back(most)
            self._reason = "notice.enough_kl"
        else:
            self._good = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        return self._reason

    def _go_back(self, most: float) -> None:
        """Bisect the line between the last good weights and the present ones; end below the limit."""
        now = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        good = self._good or self.before.state_dict()
        below, above = 0.0, 1.0
        for _ in range(BISECTIONS):
            share = (below + above) / 2
            self._set_between(good, now, share)
            below, above = (share, above) if self._divergence() <= most else (below, share)
        self._set_between(good, now, below)

    def _set_between(self, first: dict[str, Tensor], second: dict[str, Tensor], share: float) -> None:
        self.model.load_state_dict({name: first[name].lerp(second[name], share) for name in first})

    def _divergence(self) -> float:
        return divergence(self.model, self.before, self._texts(WATCHED_TEXTS))

    def measure(self, final: bool) -> Iterator[dict[str, float] | None]:
        """Yield None where other requests may be served, and last the measures by name (engine.messages.tuning)."""
        texts: list[Example] = []
        for part in self._written(MEASURED_TEXTS if final else WATCHED_TEXTS):
            texts += part
            yield None
        rewards = list(self.reward(texts))
        likes = [
            self.liked(self._answer(text)) if self.liked else r > 0 for text, r in zip(texts, rewards, strict=True)
        ]
        values = {
            "kl": divergence(self.model, self.before, texts),
            "length": sum(len(text.ids) - text.first for text in texts) / len(texts),
            "distinct": distinct_within(texts),
            "reward": sum(rewards) / len(rewards),
            "preferred": sum(likes) / len(likes),
        }
        if final and self.old_text:
            *_, last = evaluate(self.model, self.tokenizer, self.old_text[-OLD_CHARACTERS:])
            values["old_loss"] = last["loss"]
        yield values

    def measured(self) -> dict[str, float]:
        """Return the measures over everything that is held out."""
        return [values for values in self.measure(final=True) if values is not None][-1]

    def _texts(self, count: int) -> list[Example]:
        return [text for part in self._written(count) for text in part]

    def _written(self, count: int) -> Iterator[list[Example]]:
        """Yield texts of the model as it is now: equally many, about `count` in all, for each held-out prompt."""
        generator = torch.Generator().manual_seed(self.settings.seed)
        each = max(1, count // len(self._held_out))
        prompts = [prompt for prompt in self._held_out[:count] for _ in range(each)]
        for start in range(0, len(prompts), TEXTS_AT_ONCE):
            yield self._continue(prompts[start : start + TEXTS_AT_ONCE], generator)

    def _continue(self, prompts: Sequence[Sequence[int]], generator: torch.Generator) -> list[Example]:
        return continue_all(self.model, prompts, self.settings.tokens, generator, self.prompting.stops)

    def write(self, prompts: Sequence[str]) -> Iterator[str]:
        """Yield an answer to each prompt, drawn at temperature 1 with the same seed each time."""
        for prompt in prompts:
            generator = torch.Generator().manual_seed(self.settings.seed)
            [text] = self._continue([self.prompting.ids(prompt)], generator)
            yield self.prompting.text(text.ids[text.first :])

    def _answer(self, text: Example) -> str:
        """Return what a judge reads: the answer up to its last whole sentence."""
        return whole_sentences(self.prompting.text(text.ids[text.first :]))

    def save(self, folder: Path, base: Path) -> None:
        """Save the model as a folder like any other, to be asked as the one before in `base` is."""
        save_model(folder, self.model, self.tokenizer, self.trainer.step)
        copy_form(base, folder, self.tokenizer, self.model.config.context)


def _compared(choices: Sequence[Choice], prompting: Prompting) -> list[Compared]:
    """Return the pairs of the choices as tokens, without those that are equal once they are cut to the context.

    Raises EngineError: error.choices_undecided if there is none, error.choices_prompt.
    """
    found = []
    for choice in choices:
        for answers in choice.pairs:
            chosen, rejected = (prompting.example(choice.prompt, answer) for answer in answers)
            if chosen != rejected:
                found.append(Compared(chosen, rejected))
    if not found:
        raise EngineError("error.choices_undecided")
    return found
