"""How a model is asked for an answer, and where the answer ends: by its chat template, or as a text that goes on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError
from engine.generation.chat import Writer
from engine.messages.chat import TEMPLATE, Message
from engine.model.config import ModelConfig
from engine.text import chat_template
from engine.text.tokenizer import Tokenizer
from engine.training.tasks.answers import Example

PROBE = "\ufdd3"  # stands for a prompt in a template; no character of any text
SENTENCE = re.compile("[。.!?！？]+[」』”\"')）]*")


@dataclass(frozen=True)
class Prompting:
    """The text that is written around a prompt, and the tokens that end an answer."""

    tokenizer: Tokenizer
    context: int
    stops: frozenset[int]  # tokens
    before: str = ""
    after: str = ""
    by_template: bool = False

    @classmethod
    def of(cls, folder: Path, tokenizer: Tokenizer, config: ModelConfig) -> "Prompting":
        """Return how the model of a folder is asked. Raises EngineError as ChatTemplate.render."""
        template = chat_template.read(folder)
        stops = set(config.stop_ids)
        if template is not None:
            writer = Writer(tokenizer, template, config.context)
            written = writer.prompt([Message("user", PROBE)], TEMPLATE).text
            before, found, after = written.partition(PROBE)
            if found:
                stops |= writer.stop_ids()
                return cls(tokenizer, config.context, frozenset(stops), before, after, by_template=True)
        pieces = map(tokenizer.piece, range(tokenizer.vocabulary))
        stops |= {token for token, piece in enumerate(pieces) if "\n" in piece}
        return cls(tokenizer, config.context, frozenset(stops))

    def ids(self, prompt: str) -> list[int]:
        """Return the tokens after which the answer begins. Raises EngineError error.choices_prompt if none fits."""
        text = self.before + self.tokenizer.as_text(prompt) + self.after
        begins = [] if self.by_template else self.tokenizer.encode("")
        found = [*begins, *self.tokenizer.encode_prompt(text)]
        if not found or len(found) >= self.context:
            raise EngineError("error.choices_prompt", context=self.context)
        return found

    def example(self, prompt: str, answer: str) -> Example:
        """Return a prompt with an answer as tokens, cut to the context."""
        before = self.ids(prompt)
        after = self.tokenizer.encode_prompt(self.tokenizer.as_text(answer))
        return Example((*before, *after)[: self.context], len(before))

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of an answer's tokens, without what ends it and without an incomplete character."""
        special = self.stops if self.by_template else frozenset[int]()
        return self.tokenizer.decode(token for token in ids if token not in special).rstrip("\ufffd\n")


def whole_sentences(text: str) -> str:
    """Return a text up to the end of its last sentence, or all of it if no sentence ends in it."""
    ends = [found.end() for found in SENTENCE.finditer(text)]
    return text[: ends[-1]] if ends else text
