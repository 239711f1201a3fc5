"""What the built-in model learns from a few choices of a simulated judge.

    python -m tests.benchmarks.preferences [reward] [principle] [dpo] [reinforce] [hacking]

reward: the share of held-out choices that the reward model predicts, over four sets of choices; "shuffled" is the
control, a reward model on shuffled weights (mean over three of them) with the same choices; "crossed" is estimated by
cross-validation from the choices themselves; "length" is the better of two rules that look at the lengths alone. The
last column is the CPU time of fitting to one set.
principle: the share of pairs in which SmolLM2 prefers the answer that fits the first of two opposite principles; the
control is the same model with shuffled weights.
dpo, reinforce: what the judge likes of 96 answers to held-out prompts before and after, over four sets of choices; the
KL divergence in nats a text; "distinct" the share of different pairs of tokens within a text, after against before.
"s" is the time of the steps, and with the looks at the KL divergence that end them.
hacking: the policy gradient without a leash, and with one, on the same reward model.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from engine.generation.decoding import Reader
from engine.messages.choices import Choice, Taste
from engine.messages.improving import ImprovingSettings
from engine.model.bundled import find
from engine.model.opening import BUILTIN, load_model
from engine.model.transformer import Transformer
from engine.text.judges import TASTES, Judge
from engine.text.world.facts import Language
from engine.text.world.prompts import KINDS, animals
from engine.tuning.improving import Improving
from engine.tuning.principle import Principle
from engine.tuning.prompting import Prompting
from engine.tuning.reward import accuracy, answers_of, fit, held_out_accuracy, mean_states
from engine.tuning.simulating import simulate
from tests.engine.shuffling import shuffled

CASES: tuple[tuple[Taste, str, Language, int], ...] = (
    ("polite", "animals", "ja", 24),
    ("joy", "stories", "ja", 60),
    ("joy", "stories", "en", 60),
    ("happy_end", "stories", "ja", 100),
    ("short", "animals", "ja", 24),
)
SIZES = (6, 12, 30)
SETS, OTHERS = 4, 40
POLITE = (
    ("Can you help me?", "Of course, I would be happy to help you.", "No. Go away."),
    ("I lost my keys.", "I am sorry to hear that. May I help you look for them?", "That is your problem, not mine."),
    ("Please open the door.", "Certainly. Please come in.", "Open it yourself."),
    ("What is the capital of France?", "It is Paris. Thank you for asking!", "Paris. Everybody knows that, stupid."),
    ("Tell me about foxes.", "With pleasure! Foxes are small animals.", "Foxes are small animals. Now shut up."),
    ("Good morning!", "Good morning! How are you today?", "What do you want?"),
    ("Is the shop open?", "I am afraid it is closed, sorry.", "No, and I do not care."),
    ("Can I sit here?", "Yes, please take a seat.", "Find another place."),
)
HAPPY = (
    ("Tell me about the fox.", "The fox came home and lived happily.", "The fox was lost and died alone."),
    ("How was your day?", "It was wonderful, I laughed a lot.", "It was terrible, I cried all day."),
    ("Write about the sea.", "The children laughed with joy.", "The sea was grey and the sailors never came back."),
    ("What happened to the dog?", "It found its family and all were glad.", "The dog was hit by a car."),
    ("Tell me about winter.", "We played in the snow and had fun.", "We froze and had nothing to eat."),
    ("How does the story end?", "They are happy ever after.", "They lose everything they have."),
)
PRINCIPLES = (("Be polite.", "Be rude.", POLITE), ("Be happy.", "Be sad.", HAPPY))


def choices_of(
    model: Transformer, prompting: Prompting, case: tuple[Taste, str, Language, int], held: bool, count: int, seed: int
) -> list[Choice]:
    """Return decided choices of a simulated judge, about the animals held out or about the others."""
    taste, kind, language, tokens = case
    prompts = [KINDS[kind](animal, language) for animal in animals()[held]]
    found = simulate(model, prompting, Judge(taste), prompts, count, tokens, seed)
    return [choice for choice in found if choice.pairs]


def _predicted(model: Transformer, prompting: Prompting, choices: Sequence[Choice], others: Sequence[Choice]) -> float:
    head = fit(choices, mean_states(model, answers_of(choices, prompting)))
    return accuracy(head.rewards(mean_states(model, answers_of(others, prompting))), others) or 0.0


def reward() -> None:
    model, tokenizer = load_model(BUILTIN)
    prompting = Prompting.of(BUILTIN, tokenizer, model.config)
    controls = [shuffled(seed)[0] for seed in (1, 2, 3)]
    print(
        f"{'taste, language':20}{'choices':>8}{'held out':>10}{'least':>7}{'crossed':>9}{'shuffled':>10}{'length':>8}"
        f"{'ms':>6}"
    )
    for case in CASES:
        others = choices_of(model, prompting, case, True, OTHERS, 99)
        lengths = np.array([float(len(answer)) for choice in others for answer in choice.answers])
        longer = accuracy(lengths, others) or 0.0
        sets = [choices_of(model, prompting, case, False, max(SIZES), seed) for seed in range(SETS)]
        for size in SIZES:
            parts = [choices[:size] for choices in sets]
            right = [_predicted(model, prompting, part, others) for part in parts]
            control = [_predicted(other, prompting, part, others) for part in parts for other in controls]
            begun = time.process_time()
            x_ND = mean_states(model, answers_of(parts[0], prompting))
            fit(parts[0], x_ND)
            milliseconds = 1000 * (time.process_time() - begun)
            crossed = [held_out_accuracy(p, mean_states(model, answers_of(p, prompting))) or 0.0 for p in parts]
            print(
                f"{case[0] + ', ' + case[2]:20}{size:8}{np.mean(right):10.2f}{min(right):7.2f}{np.mean(crossed):9.2f}"
                f"{np.mean(control):10.2f}{max(longer, 1 - longer):8.2f}{milliseconds:6.0f}",
                flush=True,
            )


def principle() -> None:
    folder = find("smollm2")
    model, tokenizer = load_model(folder)
    models = {"SmolLM2": model, "shuffled": shuffled(1, folder)[0]}
    for name, judging in models.items():
        for words, opposite, pairs in PRINCIPLES:
            judge, begun = Principle(words, opposite, Reader(judging), tokenizer), time.process_time()
            margins = [judge.value(prompt, a) - judge.value(prompt, b) for prompt, a, b in pairs]
            seconds = (time.process_time() - begun) / len(pairs)
            share = np.mean(np.array(margins) > 0)
            print(f"{name:10}{words:12} not {opposite:12} prefers the first in {share:.2f}, {seconds:.2f} CPU-s a pair")


def dpo() -> None:
    for case, sizes in ((CASES[0], (12, 30)), (CASES[3], (60,))):
        for size in sizes:
            _improved(case, size, [ImprovingSettings("dpo", tokens=case[3], seed=seed) for seed in range(1, SETS + 1)])


def reinforce() -> None:
    for size in (12, 30):
        _improved(CASES[0], size, [ImprovingSettings("reinforce", seed=seed) for seed in range(1, SETS + 1)])


def hacking() -> None:
    for case in (("polite", "animals", "ja", 24), ("joy", "stories", "ja", 40), ("joy", "stories", "en", 40)):
        for beta in (0.0, 0.1):
            settings = ImprovingSettings("reinforce", 60, learning_rate=1e-3, beta=beta, most_kl=None, tokens=case[3])
            _improved(case, 30, [settings])


def _improved(case: tuple[Taste, str, Language, int], size: int, settings: Sequence[ImprovingSettings]) -> None:
    """Print the means over runs that differ in their seed."""
    taste, kind, language, _ = case
    prompts, held_out = ([KINDS[kind](animal, language) for animal in part] for part in animals())
    rows = []
    for one in settings:
        model, tokenizer = load_model(BUILTIN)
        prompting = Prompting.of(BUILTIN, tokenizer, model.config)
        choices = choices_of(model, prompting, case, False, size, one.seed)
        improving = Improving(model, prompting, choices, one, prompts=prompts, held_out=held_out, liked=TASTES[taste])
        before, begun = improving.measured(), time.perf_counter()
        for _ in improving.steps():
            pass
        seconds = time.perf_counter() - begun
        after = improving.measured()
        rows.append(
            (
                *(values[name] for name in ("preferred", "reward") for values in (before, after)),
                after["kl"],
                after["distinct"] / before["distinct"],
                improving.trainer.step,
                improving.trainer.seconds,
                seconds,
            )
        )
    liked, likes, reward, rewards, kl, distinct, steps, trained, whole = np.mean(rows, axis=0)
    print(
        f"{settings[0].method} {taste}, {language}, {size} choices, beta {settings[0].beta}: liked {liked:.2f} -> "
        f"{likes:.2f} (least {min(row[1] for row in rows):.2f})  reward {reward:.2f} -> {rewards:.2f}  KL {kl:.2f} "
        f"(most {max(row[4] for row in rows):.2f})  distinct {distinct:.2f}  {steps:.0f} steps, {trained:.1f} s "
        f"({whole:.1f} s)",
        flush=True,
    )


def main() -> None:
    parts = {"reward": reward, "principle": principle, "dpo": dpo, "reinforce": reinforce, "hacking": hacking}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    options = parser.parse_args()
    for name in options.parts or parts:
        parts[name]()


if __name__ == "__main__":
    main()
