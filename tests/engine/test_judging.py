"""Several judges of the same answers: how far they agree, and the model as a judge by a principle."""

from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from engine.generation.decoding import Reader
from engine.messages.choices import KAPPA_WORDS, Choice, JudgeChoices, MeasureAgreement
from engine.model.bundled import find
from engine.model.opening import load_model
from engine.model.rotary import Rotary
from engine.service.session import Session
from engine.text.agreement import agreeing, agreement, cohen, fleiss, in_words
from engine.tuning.principle import Principle
from tests.benchmarks.preferences import POLITE
from tests.engine.collecting import failure
from tests.engine.sessions import ask

# Cohen 1960 and Fleiss 1971: the worked examples that textbooks give.
YES_NO = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
FLEISS = (
    """0 0 0 0 14; 0 2 6 4 2; 0 0 3 5 6; 0 3 9 2 0; 2 2 8 1 1; 7 7 0 0 0; 3 2 6 3 0; 2 5 3 2 2; 6 5 2 1 0; 0 2 2 3 7"""
)


def judged(judge: str, *best: int) -> list[Choice]:
    """Return choices between "a" and "b": 0 and 1 name the better one, 2 a tie, 3 none."""
    ranks = [(1, 2), (2, 1), (1, 1), ()]
    return [Choice(f"p{n}", ("a", "b"), ranks[one], judge) for n, one in enumerate(best)]


def test_cohens_kappa_of_the_textbook_example() -> None:
    """Twice fifty proposals: observed 0.7, expected 0.5."""
    table = np.array(YES_NO)
    assert cohen(table[:, 0], table[:, 1]) == pytest.approx(0.4)


def test_fleiss_kappa_of_the_textbook_example() -> None:
    counts = [list(map(int, row.split())) for row in FLEISS.split(";")]
    table = np.array([[verdict for verdict, count in enumerate(row) for _ in range(count)] for row in counts])
    assert fleiss(table) == pytest.approx(0.210, abs=5e-4)


VERDICTS = st.integers(2, 4).flatmap(
    lambda judges: st.lists(st.lists(st.integers(0, 3), min_size=judges, max_size=judges), min_size=2, max_size=12)
)


@given(VERDICTS)
def test_both_kappas_are_those_of_a_plain_count(table: list[list[int]]) -> None:
    pairs = [tuple(pair) for row in table for pair in combinations(row, 2)]
    observed = sum(a == b for a, b in pairs) / len(pairs)
    shares = Counter(verdict for row in table for verdict in row)
    total = sum(shares.values())
    expected = sum((count / total) ** 2 for count in shares.values())
    found = fleiss(np.array(table))
    assert found is None if expected == 1 else found == pytest.approx((observed - expected) / (1 - expected))
    first, second = [row[0] for row in table], [row[1] for row in table]
    by_chance = sum(a == b for a in first for b in second) / len(table) ** 2
    same = sum(a == b for a, b in zip(first, second, strict=True)) / len(table)
    kappa = cohen(np.array(first), np.array(second))
    assert kappa is None if by_chance == 1 else kappa == pytest.approx((same - by_chance) / (1 - by_chance))


def test_two_judges_are_compared_by_cohen_and_three_by_fleiss(session: Session) -> None:
    two = [*judged("Aiko", 0, 0, 1, 1), *judged("Ben", 0, 1, 1, 1)]
    [found] = ask(session, MeasureAgreement(tuple(two)))
    assert (found.judges, found.choices, found.observed) == (("Aiko", "Ben"), 4, 0.75)
    assert found.kappa == cohen(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])) == pytest.approx(0.5)
    assert found.word == "moderate"
    three = [*two, *judged("Chie", 0, 0, 1, 3)]
    [found] = ask(session, MeasureAgreement(tuple(three)))
    assert found.kappa == pytest.approx(fleiss(np.array([[0, 0, 0], [0, 1, 0], [1, 1, 1], [1, 1, -2]])))


def test_only_common_choices_count_in_whatever_order_their_answers_are() -> None:
    turned = [Choice("p0", ("b", "a"), (2, 1), "Ben"), Choice("p9", ("b", "a"), (2, 1), "Ben")]
    found = agreement([*judged("Aiko", 0, 1), *turned])
    assert (found.choices, found.observed, found.kappa) == (1, 1.0, None)


def test_the_last_choice_of_a_judge_counts() -> None:
    found = agreement([*judged("Aiko", 1, 1), *judged("Aiko", 0), *judged("Ben", 0, 1)])
    assert (found.choices, found.observed, found.kappa) == (2, 1.0, 1.0)


@pytest.mark.parametrize("choices", [[], judged("Aiko", 0, 1), [*judged("Aiko", 0), Choice("q", ("a", "b"), (), "B")]])
def test_without_two_judges_of_the_same_choices_there_is_no_kappa(choices: list[Choice]) -> None:
    found = agreement(choices)
    assert (found.kappa, found.word) == (None, "")


def test_the_words_for_kappa_are_those_of_landis_and_koch() -> None:
    assert [in_words(kappa) for kappa in (-0.1, 0.0, 0.21, 0.6, 0.61, 1.0)] == [
        "poor", "slight", "fair", "moderate", "substantial", "almost_perfect",
    ]  # fmt: skip
    assert {in_words(kappa / 10) for kappa in range(-1, 11)} == set(KAPPA_WORDS)


def test_only_pairs_that_both_decide_count_for_the_share_of_equal_preferences() -> None:
    assert agreeing(judged("A", 0, 1, 2, 3), judged("B", 0, 0, 1, 1)) == 0.5
    assert agreeing(judged("A", 2), judged("B", 0)) is None
    three = Choice("p", ("a", "b", "c"), (1, 2, 3)), Choice("p", ("a", "b", "c"), (1, 3, 2))
    assert agreeing(three[:1], three[1:]) == pytest.approx(2 / 3)


# --- The model as a judge -----------------------------------------------------------------------------


def test_the_value_of_an_answer_is_the_likelihood_of_the_principle_less_that_of_its_opposite(
    model_folder: Path,
) -> None:
    model, tokenizer = load_model(model_folder)
    model.config = replace(model.config, context=100)
    model.rotary = Rotary(model.config)
    judge = Principle("sat", "on the mat", Reader(model), tokenizer)
    before = tokenizer.encode("Prompt: the cat\nAnswer: sat on\nPrinciple of the answer:")
    expected = []
    for words in (" sat", " on the mat"):
        ids = tokenizer.encode_prompt(words)
        log_p_TV = model(torch.tensor([[*before, *ids]]))[0].log_softmax(dim=-1)
        expected.append(sum(log_p_TV[len(before) - 1 + i, token].item() for i, token in enumerate(ids)))
    assert judge.value("the cat", " sat on") == pytest.approx(expected[0] - expected[1], abs=1e-4)
    opposite = Principle("on the mat", "sat", Reader(model), tokenizer)
    assert opposite.value("the cat", " sat on") == pytest.approx(expected[1] - expected[0], abs=1e-4)


def test_the_open_model_ranks_by_a_principle(builtin: Session) -> None:
    given_ = (Choice("狐は", ("寝る。", "寝ます。", "走る。"), (2, 1, 3), "Aiko"),)
    *_, last = ask(builtin, JudgeChoices(given_, principle="丁寧に。", opposite="乱暴に。"))
    assert last.done
    assert [choice.answers for choice in last.choices] == [given_[0].answers]
    assert sorted(last.choices[0].ranks) == [1, 2, 3]
    assert last.agreeing == agreeing(given_, last.choices)


def test_a_principle_needs_its_opposite(session: Session) -> None:
    asked = JudgeChoices(tuple(judged("Aiko", 0)), principle="Be kind.", opposite=" ")
    assert failure(lambda: ask(session, asked)) == "error.principle_missing"


def test_smollm2_tells_polite_from_rude_answers() -> None:
    folder = find("smollm2")
    model, tokenizer = load_model(folder)
    judge = Principle("Be polite.", "Be rude.", Reader(model), tokenizer)
    for prompt, polite, rude in POLITE[:3]:
        choice = Choice(prompt, (polite, rude), (1, 2))
        assert judge.choose(choice).ranks == (1, 2)


def test_a_simulated_judge_agrees_with_the_choices_of_its_own_taste(session: Session) -> None:
    given_ = tuple(Choice(f"p{n}", ("long one", "short"), (2, 1), "Aiko") for n in range(50))
    assert ask(session, JudgeChoices(given_, taste="short"))[-1].agreeing == 1.0
    assert ask(session, JudgeChoices(given_, taste="polite"))[-1].agreeing is None
    erring = ask(session, JudgeChoices(given_, taste="short", errors=0.5))[-1].agreeing
    assert 0.2 < erring < 0.8


def test_a_question_longer_than_the_context_is_refused(session: Session) -> None:
    given_ = tuple(judged("Aiko", 0))
    asked = JudgeChoices(given_, principle="Be kind.", opposite="Be unkind.")
    assert failure(lambda: ask(session, asked)) == "error.choices_prompt"
