"""Measure how many questions are answered exactly.

    python -m tests.benchmarks.answers [300] [MODEL]

The questions are the held-out ones of the built-in model. Each is searched in a collection of its document and 20
unrelated ones, put into the prompt and answered.
"""

import random
import re
import sys
import tempfile
from pathlib import Path

from engine.generation.decoding import Reader
from engine.messages.search import Answered
from engine.model.opening import BUILTIN, load_model
from engine.retrieval.asking import Asking
from engine.retrieval.collection import Collection
from engine.retrieval.extracting import Extractor
from engine.retrieval.indexing import update
from engine.retrieval.prompts import language_of
from engine.retrieval.store import Store
from engine.text.world import documents as world
from engine.text.world.examples import questions
from engine.text.world.facts import Language

DISTRACTING = 20


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else BUILTIN
    model, tokenizer = load_model(folder)
    reader, known = Reader(model), dict[str, bool]()
    found = exact = 0
    wrong: list[str] = []
    for number, asked in enumerate(questions(count, seed=1)):
        document, question = split(asked.prompt)
        language: Language = "ja" if language_of(question) == "ja" else "en"
        with tempfile.TemporaryDirectory() as name:
            for place, text in enumerate([document, *others(language, question, number)]):
                (Path(name) / f"{place}.txt").write_text(text, "utf-8")
            store = Store(Path(name) / "c", create=True)
            for _ in update(store, [name]):
                pass
            store.close()
            collection = Collection(Path(name) / "c")
            hits = collection.search(question, 5).hits
            extractor = Extractor(collection.snapshot().keywords)
            answer = ""
            for event in Asking(reader, tokenizer, folder, extractor, known).ask(question, hits, 60):
                if isinstance(event, Answered) and event.sourced:
                    answer = event.text.strip()
            collection.close()
        found += Path(hits[0].passage.path).stem == "0"
        exact += answer == asked.answer.strip()
        if answer != asked.answer.strip():
            wrong.append(f"{question} -> {answer} ({asked.answer.strip()})")
    print(
        f"{count} questions: document found first {found / count:.1%}, "
        f"answered exactly {exact / count:.1%} (target 95 %)"
    )
    print(f"can answer: {known}")
    print("\n".join(wrong[:15]))


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
