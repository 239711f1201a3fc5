"""Make the model and the word vectors that Nakami ships, for python -m engine builtin --out DIR.

Both are trained on the text of the little world. An interrupted run in DIR is continued. The shipped files
are DIR/model and DIR/word2vec.
"""

from collections.abc import Generator
from contextlib import closing
from itertools import islice
from pathlib import Path

from engine.history import word2vec
from engine.messages.status import Progress
from engine.messages.training import TrainingSettings
from engine.model.checkpoint import WEIGHTS, save_model, weights_of, write_tensors
from engine.model.transformer import Transformer
from engine.text.world.stream import TOLD, stream, texts
from engine.training.run import ABOUT, Run
from engine.training.trainer import TrainStep

MEGABYTES, SEED = 80.0, 1
RECIPE = TrainingSettings(
    vocabulary=4000, layers=4, heads=4, width=128, context=144, batch=15, steps=9_500, seconds=None, seed=SEED
)
CHECKPOINTS = (0, 100, 300, 1000, 3000)  # steps whose weights are kept, to replay the training
WORD_TEXTS, WORD_EPOCHS = 200_000, 2


def rebuild(folder: Path) -> Generator[TrainStep | Progress, None, None]:
    """Train both; yield the steps and the progress. Raises EngineError as Run does, and error.not_written."""
    run = _resume_or_start(folder)
    yield from run.prepare()
    model = folder / "model"
    _keep(model, run)
    with closing(run.steps()) as steps:
        for step in steps:
            if step is not None:
                _keep(model, run)
                yield step
    save_model(model, run.model, run.tokenizer, run.trainer.step)
    save_halved(model / WEIGHTS, run.model, run.trainer.step)
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


def _keep(model: Path, run: Run) -> None:
    """Save the weights of this step if it is one of CHECKPOINTS."""
    step = run.trainer.step
    if step in CHECKPOINTS:
        save_halved(model / "checkpoints" / f"step-{step:06d}.safetensors", run.model, step)


def save_halved(path: Path, model: Transformer, step: int) -> None:
    """Save the weights as float16, which `load_model` reads like float32."""
    halved = {name: tensor.half() for name, tensor in weights_of(model).items()}
    write_tensors(path, halved, {"step": str(step)})
