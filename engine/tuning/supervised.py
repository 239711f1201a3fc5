"""Fine-tuning a model on pairs of prompt and answer, and measuring what it has learned and forgotten.

tuning = Tuning.start(folder, pairs, settings, old_text)
for step in tuning.steps(): ...
tuning.save(out)
"""

import copy
import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import EngineError
from engine.generation.decoding import Reader, decode
from engine.messages.generation import GREEDY
from engine.messages.training import TrainingSettings
from engine.messages.tuning import Pair, TuningSettings
from engine.model.checkpoint import save_model
from engine.model.lora import add_lora, without_lora
from engine.model.opening import finish, load_model
from engine.model.transformer import Transformer
from engine.text.corpus import Corpus
from engine.text.pairs import Divided, divide
from engine.text.tokenizer import Tokenizer
from engine.training.evaluation import evaluate
from engine.training.optimizers import Optimizer
from engine.training.recipe import check
from engine.training.tasks.answers import Answers, Example, Form, examples
from engine.training.tasks.replay import Replay
from engine.training.trainer import Trainer, TrainStep
from engine.tuning.forms import copy_form, form_of

RATE = 0.02  # Muon's, where all weights are trained
# Adam's rate, for embedding and unembedding, as a share of Muon's. In pre-training it is 0.15; here that lowers the
# probabilities of all words that no answer contains, the names of what is held out among them.
OTHER_SHARE = 0.015
LORA_RATE = 0.06  # Adam's, for the matrices of a low-rank adaptation, times the root of the model's width
OLD_CHARACTERS = 20_000  # of old text on which forgetting is measured
AT_ONCE = 500  # pairs that are encoded before other requests are served
MOST_TOKENS = 64  # of an answer that is checked
MOST_CHECKED = 300  # held-out prompts that are answered to be checked
MEASURED_ANSWERS = 16  # to held-out prompts, while the run is in progress


@dataclass(frozen=True, slots=True)
class Answered:
    """The model's own answer to a prompt, greedily."""

    pair: Pair
    text: str
    ended: bool  # the model ended it in the form that it was taught

    @property
    def is_in_form(self) -> bool:
        """True if it ended, with line breaks only if the expected answer has some: an untuned model writes on."""
        return self.ended and ("\n" not in self.text.strip() or "\n" in self.pair.answer.strip())

    @property
    def is_right(self) -> bool:
        return self.ended and self.text.strip() == self.pair.answer.strip()


@dataclass(frozen=True, slots=True)
class Score:
    """How many of the answers are in the right form, and right; shares from 0 to 1."""

    form: float
    right: float


def score_of(answers: Sequence[Answered]) -> Score:
    count = max(1, len(answers))
    return Score(sum(a.is_in_form for a in answers) / count, sum(a.is_right for a in answers) / count)


def encoding(
    divided: Divided, form: Form, tokenizer: Tokenizer, context: int
) -> Generator[float, None, tuple[list[Example], list[Example]]]:
    """Return the pairs for training and those held out as tokens, yield the share that is done, 0..1."""
    train, held_out = list[Example](), list[Example]()
    total = len(divided.train) + len(divided.held_out)
    for pairs, found in ((divided.train, train), (divided.held_out, held_out)):
        for start in range(0, len(pairs), AT_ONCE):
            found += examples(pairs[start : start + AT_ONCE], form, tokenizer, context)
            yield (len(train) + len(held_out)) / total
    return train, held_out


def answer_to(reader: Reader, tokenizer: Tokenizer, form: Form, pair: Pair) -> Answered:
    """Return the model's own answer to a prompt. Raises EngineError error.pairs_long."""
    prompt = form.prompt(tokenizer, pair.prompt)
    most = min(MOST_TOKENS, reader.context - len(prompt))
    if most < 1:
        raise EngineError("error.pairs_long")
    text = ""
    for step in decode(reader, tokenizer, prompt, most, GREEDY, 0):
        if step.id == form.end:
            return Answered(pair, text, ended=True)
        text += step.text
        if form.end is None and form.after in text:
            return Answered(pair, text.partition(form.after)[0], ended=True)
    return Answered(pair, text, ended=False)


class Tuning:
    """A model that is being fine-tuned."""

    base: Path | None  # where the model was read from, if it was

    def __init__(
        self,
        model: Transformer,
        tokenizer: Tokenizer,
        divided: Divided,
        settings: TuningSettings,
        old_text: str = "",
        form: Form | None = None,
        encoded: tuple[list[Example], list[Example]] | None = None,
    ) -> None:
        """Add a low-rank adaptation to the model if it is wanted, and prepare the run.

        `encoded` are the pairs as tokens, if the caller has encoded them already.
        Raise EngineError: error.pairs_empty, error.pairs_long, and as Replay and `check`.
        """
        self.model, self.tokenizer, self.divided, self.settings = model, tokenizer, divided, settings
        self.old_text, self.base = old_text, None
        self.form = form or Form(end=min(model.config.stop_ids, default=None))
        context = model.config.context
        if not divided.train:
            raise EngineError("error.pairs_empty")
        self.checked = divided.held_out[:: -(-len(divided.held_out) // MOST_CHECKED) or 1]
        train, held_out = encoded or finish(encoding(divided, self.form, tokenizer, context))
        self.too_long = len(divided.train) + len(divided.held_out) - len(train) - len(held_out)
        if settings.random:
            torch.manual_seed(settings.seed)
            model.load_state_dict(Transformer(model.config).state_dict())
        model.requires_grad_()  # models of others are opened without gradients
        if settings.lora:
            add_lora(model, settings.lora)
        replay = self._replay() if old_text and settings.replay and not settings.random else None
        self.task = Answers(train, held_out, settings.batch, settings.seed, replay, settings.replay)
        usual = LORA_RATE / math.sqrt(model.config.width) if settings.lora else RATE
        rate = settings.learning_rate or usual
        chosen = TrainingSettings(
            steps=settings.steps, seconds=settings.seconds, batch=settings.batch, learning_rate=rate, seed=settings.seed
        )
        check(chosen)
        optimizer = Optimizer(model, 0.0, rate) if settings.lora else Optimizer(model, rate, rate * OTHER_SHARE)
        self.trainer = Trainer(model, self.task, chosen, optimizer)

    @classmethod
    def start(cls, path: Path, pairs: Sequence[Pair], settings: TuningSettings, old_text: str = "") -> "Tuning":
        """Open a model with 32 bits a weight, as training needs them. Raises EngineError as `load_model` and above."""
        model, tokenizer = load_model(path)
        form = form_of(path, tokenizer, model.config)
        tuning = cls(model, tokenizer, divide(pairs, settings.held_out, settings.seed), settings, old_text, form)
        tuning.base = path
        return tuning

    def _replay(self) -> Replay:
        """Return the replay of the old text. Raises EngineError error.text_too_short."""
        corpus = Corpus(self.tokenizer.encode_array(self.old_text))
        before = self._unadapted if self.settings.lora else copy.deepcopy(self.model)
        return Replay(corpus, before, self.model.config.context, self.settings.seed)

    def _unadapted(self, ids_BT: Tensor) -> Tensor:
        with without_lora(self.model):
            return self.model(ids_BT)

    def steps(self) -> Generator[TrainStep | None, None, None]:
        """Yield each step, and None where other requests may be served."""
        yield from self.trainer.run()

    def answers(self, pairs: Sequence[Pair]) -> Iterator[Answered]:
        """Yield the model's own answer to each prompt."""
        reader = Reader(self.model)
        for pair in pairs:
            yield self.answer(reader, pair)

    def answer(self, reader: Reader, pair: Pair) -> Answered:
        return answer_to(reader, self.tokenizer, self.form, pair)

    def old_loss(self) -> float | None:
        """Return the loss on the old text in nats per token: what grows by forgetting. None without old text."""
        if not self.old_text:
            return None
        *_, last = evaluate(self.model, self.tokenizer, self.old_text[-OLD_CHARACTERS:])
        return last["loss"]

    # --- As a learner of a run, see engine/tuning/run.py ---

    def measure(self, final: bool) -> Iterator[dict[str, float] | None]:
        """Yield None after each answer, and last the shares of right answers, and of those in the right form."""
        reader, found = Reader(self.model), []
        for pair in self.checked if final else self.checked[:MEASURED_ANSWERS]:
            found.append(self.answer(reader, pair))
            yield None
        score, old_loss = score_of(found), self.old_loss()
        values = {"right": score.right, "form": score.form} if found else {}
        yield values if old_loss is None else {**values, "old_loss": old_loss}

    def write(self, prompts: Sequence[str]) -> Iterator[str]:
        reader = Reader(self.model)
        for prompt in prompts:
            yield self.answer(reader, Pair(prompt, "")).text

    def enough(self) -> str:
        return ""

    def save(self, folder: Path) -> None:
        """Save the model as a folder like any other, with a low-rank adaptation merged into its matrices."""
        save_model(folder, self.model, self.tokenizer, self.trainer.step)
        if self.base is not None:
            copy_form(self.base, folder, self.tokenizer, self.model.config.context)
