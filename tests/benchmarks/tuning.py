"""Measure what fine-tuning teaches the built-in model, and what is forgotten, beside the targets.

    python -m tests.benchmarks.tuning [--seeds 3] [--random] [--lora R] [--no-replay] [--wrong] [--style]

Questions about the little world in both languages, held out by what they are about. What is replayed and on what
forgetting is measured are different new texts of the little world. --style: whether SmolLM2 takes over the speech of
pirates from 40 pairs, by a low-rank adaptation, in its answers to 30 others.
"""

import argparse
import re
import resource
import statistics
import time
from itertools import islice

from engine.messages.tuning import TuningSettings, settings_for
from engine.model.bundled import find
from engine.model.opening import BUILTIN, load_model
from engine.text.pairs import Divided, divide
from engine.text.ready_pairs import ready_sets
from engine.text.world.examples import LANGUAGES
from engine.text.world.questions import questions
from engine.text.world.stream import SUBJECTS, TOLD, texts
from engine.training.evaluation import evaluate
from engine.tuning.forms import form_of
from engine.tuning.supervised import Answered, Tuning, score_of

DOCUMENTS = {write: share for write, share in SUBJECTS.items() if write not in TOLD}
REPLAYED = "".join(islice(texts(7, SUBJECTS), 2000))
MEASURED = {"old": "".join(islice(texts(901, TOLD), 200)), "documents": "".join(islice(texts(902, DOCUMENTS), 60))}
PIRATE = re.compile(r"\b(arr|ahoy|aye|blimey|doubloons?|heart(y|ies)|matey|ye|yer|yo ho|\w+in')(?!\w)", re.IGNORECASE)
TARGETS = {"form": ">= .95", "right": ">= .80", "old": "<= +2 %", "documents": "<= +8 %", "seconds": "<= 12"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--random", action="store_true", help="begin with random weights: form without facts")
    parser.add_argument("--lora", type=int, default=0)
    parser.add_argument("--no-replay", action="store_true")
    parser.add_argument("--wrong", action="store_true", help="print the wrong answers")
    parser.add_argument("--style", action="store_true")
    options = parser.parse_args()
    if options.style:
        return _style()
    rows = [_row(seed, options) for seed in range(1, options.seeds + 1)]
    print("target   ", *(f"{name} {target:>8}" for name, target in TARGETS.items()), sep="  ")
    print("mean     ", *(f"{name} {statistics.mean(row[name] for row in rows):8.3f}" for name in TARGETS), sep="  ")


def _style() -> None:
    path = find("smollm2")
    imports = _peak_bytes()
    model, tokenizer = load_model(path)
    [pirate] = [found for found in ready_sets() if found.id == "pirate"]
    divided = Divided(list(pirate.pairs[:40]), list(pirate.pairs[40:]), 0)
    settings, form = settings_for(model.config.parameters()), form_of(path, tokenizer, model.config)
    tuning = Tuning(model, tokenizer, divided, settings, form=form)
    begun = time.process_time()
    steps = [step for step in tuning.steps() if step is not None]
    processor, memory = time.process_time() - begun, (_peak_bytes() - imports) / (4 * model.config.parameters())
    answers = list(tuning.answers(tuning.checked))
    for answer in answers:
        print("   ", answer.pair.prompt, "|", answer.text)
    share = statistics.mean(answer.ended and bool(PIRATE.search(answer.text)) for answer in answers)
    print(f"style {share:.2f} (>= .80)  seconds {steps[-1].seconds:.0f} (<= 300)  processor time {processor:.0f} s")
    print(f"memory {memory:.2f} times the model's (<= 2)")


def _peak_bytes() -> int:
    """Return the most memory that this process has had, on Linux."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _row(seed: int, options: argparse.Namespace) -> dict[str, float]:
    settings = TuningSettings(seed=seed, lora=options.lora)
    model, tokenizer = load_model(BUILTIN)
    if options.random:
        model.initialize()
    pairs = [pair for language in LANGUAGES for pair in questions(language)]
    old = "" if options.no_replay else REPLAYED
    tuning = Tuning(model, tokenizer, divide(pairs, settings.held_out, seed), settings, old)
    before, begun = _losses(tuning), time.process_time()
    steps = [step for step in tuning.steps() if step is not None]
    processor = time.process_time() - begun
    after = _losses(tuning)
    answers = list(tuning.answers(tuning.divided.held_out))
    score = score_of(answers)
    row = {"form": score.form, "right": score.right}
    row |= {name: after[name] / before[name] - 1 for name in MEASURED} | {"seconds": steps[-1].seconds}
    print(
        f"seed {seed:4d}", *(f"{name} {value:8.3f}" for name, value in row.items()), f"CPU {processor:.1f} s", sep="  "
    )
    if options.wrong:
        _print_wrong(answers)
    return row


def _losses(tuning: Tuning) -> dict[str, float]:
    found = {}
    for name, text in MEASURED.items():
        *_, last = evaluate(tuning.model, tuning.tokenizer, text)
        found[name] = last["loss"]
    return found


def _print_wrong(answers: list[Answered]) -> None:
    for answer in answers:
        if not answer.is_right:
            print("   ", repr(answer.pair.prompt), repr(answer.text), "" if answer.ended else "(not ended)")


if __name__ == "__main__":
    main()
