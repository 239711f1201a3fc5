"""Make the model and the word vectors that Nakami ships, for python -m engine builtin --out DIR.

Both are trained on the text of the little world, in about an hour on one core. An interrupted run in DIR is
continued. The shipped files are DIR/model and DIR/word2vec: the weights at the end as float16, and the weights at each
step of CHECKPOINTS as int8.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

from engine.history import word2vec
from engine.messages.status import Progress
from engine.messages.training import TrainingSettings
from engine.model.checkpoint import WEIGHTS, save_model, to_int8, weights_of, write_tensors
from engine.model.transformer import Transformer
from engine.text.world.stream import TOLD, stream, texts
from engine.training.run import ABOUT, Run
from engine.training.tasks.language_modelling import LanguageModelling
from engine.training.trainer import Trainer, TrainStep

MEGABYTES, SEED = 80.0, 1
STEPS, LAST_STEPS = 19_000, 300
RECIPE = TrainingSettings(
    vocabulary=4000, layers=4, heads=4, width=128, context=256, batch=5, steps=STEPS, seconds=None, seed=SEED
)
# At the end of RECIPE a few hundred texts decide how probable each breakfast is, too few for the shares of the world's
# table. The last steps, on large batches, average over several thousand.
LAST = replace(RECIPE, batch=40, steps=LAST_STEPS, learning_rate=0.006, seed=SEED + 1)
# The steps whose weights are kept, to replay the training.
CHECKPOINTS = (0, 30, 100, 200, 400, 800, 1600, 3200, 6400, STEPS + LAST_STEPS)
WORD_TEXTS, WORD_EPOCHS = 200_000, 2


def rebuild(folder: Path) -> Generator[TrainStep | Progress, None, None]:
    """Train both; yield the steps and the progress. Raises EngineError as Run does, and error.not_written."""
    run = _resume_or_start(folder)
    yield from run.prepare()
    model = folder / "model"
    _keep(model, run.model, run.trainer.step)
    with closing(run.steps()) as steps:
        for step in steps:
            if step is not None:
                _keep(model, run.model, step.step)
                yield step
    with closing(Trainer(run.model, LanguageModelling(run.corpus, LAST), LAST).run()) as steps:
        for step in steps:
            if step is not None:
                yield Progress("progress.last_steps", step.fraction)
    count = STEPS + LAST_STEPS
    _keep(model, run.model, count)
    save_model(model, run.model, run.tokenizer, count)
    save_halved(model / WEIGHTS, run.model, count)
    for share, vectors in word2vec.train(islice(texts(SEED, TOLD), WORD_TEXTS), WORD_EPOCHS, SEED):
        yield Progress("progress.word2vec", share)
    vectors.save(folder / "word2vec")


def _resume_or_start(folder: Path) -> Run:
    """Resume the run in `folder`, or start one on freshly written text."""
    if (folder / "run" / ABOUT).is_file():
        return Run.resume(folder / "run")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model" / "checkpoints").mkdir(parents=True, exist_ok=True)
    text = folder / "world.txt"
    with text.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(stream(MEGABYTES, SEED))
    return Run.start([str(text)], folder / "run", RECIPE)


def _keep(folder: Path, model: Transformer, step: int) -> None:
    """Save the weights of this step, as int8, if it is one of CHECKPOINTS."""
    if step in CHECKPOINTS:
        path = folder / "checkpoints" / f"step-{step:06d}.safetensors"
        write_tensors(path, to_int8(weights_of(model)), {"step": str(step)})


def save_halved(path: Path, model: Transformer, step: int) -> None:
    """Save the weights as float16, which `load_model` reads like float32."""
    halved = {name: tensor.half() for name, tensor in weights_of(model).items()}
    write_tensors(path, halved, {"step": str(step)})
