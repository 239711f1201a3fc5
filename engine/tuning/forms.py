"""The form in which a model is asked and answers: by its chat template, or as lines of a dialogue."""

from pathlib import Path

from engine.errors import not_written
from engine.files import replacing
from engine.generation.chat import TURN_ENDS
from engine.messages.tuning import Pair
from engine.model.config import ModelConfig
from engine.text.tokenizer import FILE, Tokenizer
from engine.text.tokenizer_saving import folder_files
from engine.training.tasks.answers import Form
from engine.tuning.prompting import Prompting


def form_of(path: Path, tokenizer: Tokenizer, config: ModelConfig) -> Form:
    """Return the form of the model in a folder or a GGUF file. Raises EngineError as ChatTemplate.render."""
    asked = Prompting.of(path, tokenizer, config)
    if not asked.by_template:
        return Form(end=min(config.stop_ids, default=None))
    by_name = {tokenizer.piece(token): token for token in asked.stops}
    end = next((by_name[name] for name in TURN_ENDS if name in by_name), min(asked.stops, default=None))
    return Form(asked.before, asked.after, space="", end=end, by_template=True)


def copy_form(base: Path, folder: Path, tokenizer: Tokenizer, context: int) -> None:
    """Write the chat template and the names of special tokens of a model of others into the folder of a tuned one.

    Raises EngineError error.not_written.
    """
    if tokenizer.kind != "foreign":
        return
    try:
        for name, content in folder_files(base, tokenizer, context).items():
            if name != FILE:  # it is already there
                with replacing(folder / name) as temporary:
                    temporary.write_bytes(content)
    except OSError as error:
        raise not_written(folder, error) from error


def form_tokens(pair: Pair, form: Form, tokenizer: Tokenizer) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """Return a pair as it is trained on: its tokens as shown on screen, and which of them count for the loss."""
    prompt, answer = form.prompt(tokenizer, pair.prompt), form.answer(tokenizer, pair.answer)
    return tuple(map(tokenizer.piece, [*prompt, *answer])), (False,) * len(prompt) + (True,) * len(answer)
