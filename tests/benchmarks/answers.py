"""Measure how many questions about documents are answered rightly.

    python -m tests.benchmarks.answers [300] [MODEL]

The built-in model gets held-out questions of its own world: each is searched in a collection of its document and 20
unrelated ones, and its answer must be exact. Any other model gets the questions of questions.py (in English), all in
one collection, and its answer must contain what is asked for.
"""

import random
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.generation.decoding import Reader
from engine.messages.search import Answered
from engine.model.bundled import find
from engine.model.opening import BUILTIN, load_model
from engine.retrieval.asking import Asking
from engine.retrieval.collection import Collection
from engine.retrieval.extracting import Extractor
from engine.retrieval.indexing import update
from engine.retrieval.prompts import Style, language_of, style_for
from engine.retrieval.store import Store
from engine.text.tokenizer import Tokenizer
from engine.text.world import documents as world
from engine.text.world.examples import questions
from engine.text.world.facts import Language
from tests.benchmarks.questions import DOCUMENTS, QUESTIONS

DISTRACTING, TOKENS = 20, 60


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    folder = find(sys.argv[2]) if len(sys.argv) > 2 else BUILTIN
    model, tokenizer = load_model(folder)
    asker = Asker(Reader(model), tokenizer, style_for(folder, model.config.parameters()))
    measure = measure_builtin if model.config.family == "nakami" else measure_other
    measure(asker, count)
    print(f"can answer: {asker.known}")


class Asker:
    """Asks one model, and remembers in which languages it can answer."""

    def __init__(self, reader: Reader, tokenizer: Tokenizer, style: Style) -> None:
        self.reader, self.tokenizer, self.style, self.known = reader, tokenizer, style, dict[str, bool]()

    def ask(self, collection: Collection, question: str) -> tuple[str, str]:
        """Return the answer, with "(extracted)" before one that the model did not write, and the best document."""
        hits = collection.search(question, 5).hits
        extractor = Extractor(collection.snapshot().keywords)
        answer = ""
        for event in Asking(self.reader, self.tokenizer, self.style, extractor, self.known).ask(question, hits, TOKENS):
            if isinstance(event, Answered) and event.sourced:
                answer = event.text.strip() if event.kind == "written" else f"(extracted) {event.text}"
                break
        return answer, Path(hits[0].passage.path).stem if hits else ""


@contextmanager
def collected(texts: Iterable[tuple[str, str]]) -> Iterator[Collection]:
    """Make a collection of texts by their names, and remove it at the end."""
    with tempfile.TemporaryDirectory() as name:
        for stem, text in texts:
            (Path(name) / f"{stem}.txt").write_text(text, "utf-8")
        store = Store(Path(name) / "c", create=True)
        for _ in update(store, [name]):
            pass
        store.close()
        collection = Collection(Path(name) / "c")
        try:
            yield collection
        finally:
            collection.close()


def measure_builtin(asker: Asker, count: int) -> None:
    found = exact = 0
    wrong: list[str] = []
    for number, asked in enumerate(questions(count, seed=1)):
        document, question = split(asked.prompt)
        language: Language = "ja" if language_of(question) == "ja" else "en"
        texts = [document, *others(language, question, number)]
        with collected((str(place), text) for place, text in enumerate(texts)) as collection:
            answer, best = asker.ask(collection, question)
        found += best == "0"
        exact += answer == asked.answer.strip()
        if answer != asked.answer.strip():
            wrong.append(f"{question} -> {answer} ({asked.answer.strip()})")
    print(
        f"{count} questions: document found first {found / count:.1%}, "
        f"answered exactly {exact / count:.1%} (target 95 %)"
    )
    print("\n".join(wrong[:15]))


def measure_other(asker: Asker, count: int) -> None:
    found = right = 0
    with collected(DOCUMENTS.items()) as collection:
        for document, question, expected in QUESTIONS[:count]:
            answer, best = asker.ask(collection, question)
            is_right = bool(re.search(expected, answer))
            found += best == document
            right += is_right
            print("+" if is_right else "-", question, "->", " / ".join(answer.splitlines()))
    count = min(count, len(QUESTIONS))
    print(f"{count} questions: document found first {found}, answered rightly {right}")


def split(prompt: str) -> tuple[str, str]:
    """Return the document and the question of a prompt in the world's form."""
    found = re.fullmatch(r"(.*)\n(?:質問：|Question: )(.*)\n(?:答え：|Answer:)", prompt, re.DOTALL)
    assert found, prompt
    return found[1], found[2]


def others(language: Language, question: str, seed: int) -> list[str]:
    """Return documents about other things."""
    rng, texts = random.Random(seed), list[str]()
    while len(texts) < DISTRACTING:
        known = world.facts(rng, language, testing=True)
        if not any(fact.question == question or fact.about.lower() in question.lower() for fact in known):
            texts.append(world.document(known, rng))
    return texts


if __name__ == "__main__":
    main()
