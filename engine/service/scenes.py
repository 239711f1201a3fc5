"""Handler of the examples for the model that Nakami brings."""

import re

from engine.messages.scenes import Example, Examples, ListExamples
from engine.service.answer import Answer, Handlers
from engine.service.session import Session
from engine.text.world import examples
from engine.text.world.facts import Word


def list_examples(session: Session, request: ListExamples) -> Answer[Examples]:
    yield Examples(tuple(map(_example, examples.EXAMPLES)))


def _example(example: examples.Example) -> Example:
    on_map = example.pane == "embeddings"
    texts = _by_language(example.text)
    return Example(
        key=example.key,
        pane=example.pane,
        texts={} if on_map else texts,
        select=_by_language(example.select),
        target=_by_language(example.target),
        words={language: tuple(re.split(" [−+] ", text)) for language, text in texts.items()} if on_map else {},
        tokens=example.tokens,
        stop=example.stop,
        temperature=example.temperature,
        compare=example.compare,
    )


def _by_language(word: Word | None) -> dict[str, str]:
    return {language: word[language] for language in examples.LANGUAGES} if word is not None else {}


HANDLERS: Handlers = {ListExamples: list_examples}
