"""Measure in full how far the built-in model shows what the textbook claims.

    python -m tests.benchmarks.builtin_model [DIR]

The texts are those of assets/scenes/examples.toml and engine/text/world/examples.py. DIR contains model/ and word2vec/
(default: assets).
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from engine.generation.decoding import Reader, decode
from engine.history.word2vec import Word2Vec
from engine.messages.generation import SamplingSettings
from engine.model.opening import BUILTIN, describe, load_model
from engine.text.world import examples
from tests.engine import claims
from tests.engine.claims import Floats, Opened, text_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=BUILTIN.parent)
    parser.add_argument("--part", type=float, default=1.0, help="of the full sizes")
    options = parser.parse_args()
    folder: Path = options.folder
    opened = _open(folder / "model")
    _breakfast(opened)
    _tokens(opened)
    _pronouns(opened, round(200 * options.part))
    _words(opened, Word2Vec.load(folder / "word2vec"))
    _documents(opened, round(300 * options.part))
    _texts(opened)
    for name, (distinct, entropy) in claims.variety(opened, text_of("temperature", "ja")).items():
        print(f"9 {name}: distinct-2 {distinct:.2f}, entropy {entropy:.2f} nats")
    share, long, wrong = claims.true_stories(opened, round(100 * options.part))
    print(f"10 stories of 60 tokens and more: {long}, true to their animal {share:.1%} {wrong[:8]}")


def _open(folder: Path) -> Opened:
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        opened = load_model(folder)
        times.append(time.perf_counter() - begun)
    info = describe(folder)
    print(f"{info.parameters:,} parameters, step {info.step:,}, opened in {statistics.median(times):.3f} s")
    begun, prompt = time.perf_counter(), opened[1].encode(text_of("story", "ja"))
    written = len(list(decode(Reader(opened[0]), opened[1], prompt, 100, SamplingSettings(), 1)))
    print(f"writes {written / (time.perf_counter() - begun):,.0f} tokens/s")
    return opened


def _breakfast(opened: Opened) -> None:
    for language in examples.LANGUAGES:
        shares = examples.breakfast_shares(language)
        found = claims.word_probabilities(opened, text_of("breakfast", language), list(shares))
        print(f"1 {language}", ", ".join(f"{word.strip()} {found[word]:.1%} ({shares[word]:.0%})" for word in shares))


def _tokens(opened: Opened) -> None:
    for language in examples.LANGUAGES:
        ids = opened[1].encode(text_of("happy", language))
        print(f"2 {language}", "|".join(map(opened[1].piece, ids)))


def _pronouns(opened: Opened, count: int) -> None:
    for language, animal, pronoun in (("ja", "動物", "それは"), ("en", "animal", " It")):
        text = text_of("pronoun", language).partition(pronoun)[0] + pronoun
        start = text.index(animal)
        _, weights_LH = claims.on_antecedent(opened, [examples.Reference(text, start, start + len(animal))])
        print(f"3 {language} the example: {weights_LH.max():.1%} on {animal}, layer and head {_place(weights_LH)}")
    references = examples.references(count, 7)
    shares_LH, weights_LH = claims.on_antecedent(opened, references)
    best = _place(shares_LH)
    print(f"3 head {best}: finds {shares_LH[best]:.1%} of {count}, mean weight {weights_LH[best]:.1%}")
    for offset, language in enumerate(examples.LANGUAGES):
        print(f"  {language}: {claims.on_antecedent(opened, references[offset::2])[0][best]:.1%}")


def _place(values_LH: Floats) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(values_LH.argmax(), values_LH.shape))


def _words(opened: Opened, words: Word2Vec) -> None:
    model, tokenizer = opened
    rows_VD = model.embedding.weight.detach().numpy()

    def token(word: str) -> int | None:
        """Return the one token that is the word, after a space or not, in lower case or not."""
        forms = (f" {word}", f" {word.capitalize()}", word)
        found = (tokenizer.encode(form) for form in forms)
        return next((ids[0] for ids in found if len(ids) == 1), None)

    for name, vectors_VD, index in (("word2vec", words.vectors_VD, words.index), ("the model", rows_VD, token)):
        for language in examples.LANGUAGES:
            kinds = claims.right_analogies(vectors_VD, index, language)
            right, total = (sum(column) for column in zip(*kinds.values(), strict=True))
            each = ", ".join(f"{kind} {a}/{b}" for kind, (a, b) in kinds.items())
            print(f"4 {name}, {language}: {right / total:.1%} of {total} ({each})")
            right, total, wrong = claims.neighbours_of_own_kind(vectors_VD, index, language)
            print(f"5 {name}, {language}: {right / total:.1%} of {total}, not: {', '.join(wrong[:8])}")


def _documents(opened: Opened, count: int) -> None:
    begun = time.perf_counter()
    right = claims.answers(opened, examples.questions(count, 11))
    shares = ", ".join(f"{name} {share:.1%}" for name, share in right.items())
    print(f"6 and 8, right of {count}: {shares} ({time.perf_counter() - begun:.0f} s)")
    rows = {"two or three of one kind": examples.similar_questions(count, 12)}
    for third, place in enumerate(("first", "middle", "last")):
        rows[f"six to ten facts, in the {place} third"] = examples.placed_questions(count, 13, third)
    for name, found in rows.items():
        for offset, language in enumerate(examples.LANGUAGES):
            asked = [(question.prompt, question.answer) for question in found[offset::2]]
            print(f"6 {name}, {language}: {claims.right_answers(opened, asked):.1%} of {len(asked)}")


def _texts(opened: Opened) -> None:
    for row, key, temperature in ((6, "document", 0.0), (7, "ai", 0.0), (8, "hallucination", 0.0), (10, "story", 0.7)):
        for language in examples.LANGUAGES:
            prompt = text_of(key, language)
            text = claims.write(opened, prompt, 120, "\n", temperature)
            print(f"{row} {language} {prompt[-24:]!r} -> {text.strip()}")


if __name__ == "__main__":
    main()
