"""What is shown before a run on pairs: the tokens that count, how pairs are divided, and what LoRA would train."""

from pathlib import Path

import pytest

from engine.messages.examples import CheckedPairs, CheckPairs, ExampleTokens, ShowExample
from engine.messages.models import OpenModel
from engine.messages.status import Progress
from engine.messages.tuning import Pair, TuningSettings
from engine.model.lora import add_lora
from engine.service.session import Session
from engine.text.pairs import divide
from engine.tuning.supervised import Tuning
from tests.engine.sessions import ask

PAIRS = (*(Pair(f"cat {n}", "sat") for n in range(8)), Pair("cat 0", "sat"), Pair("cat", "the cat sat " * 80))


@pytest.fixture
def session(model_folder: Path) -> Session:
    made = Session()
    ask(made, OpenModel(str(model_folder)))
    return made


def checked(session: Session, pairs: tuple[Pair, ...] = PAIRS) -> CheckedPairs:
    events = ask(session, CheckPairs(pairs, 0.25, 1))
    [found] = [event for event in events if not isinstance(event, Progress)]
    assert isinstance(found, CheckedPairs)
    return found


def test_the_tokens_of_the_answer_and_its_end_count(session: Session) -> None:
    [found] = ask(session, ShowExample(Pair("the cat", "sat")))
    assert isinstance(found, ExampleTokens)
    first = found.counts.index(True)
    assert all(found.counts[first:])
    assert "sat" in "".join(found.pieces[first:])
    assert "the cat" in "".join(found.pieces[:first])
    assert found.answer == len(found.pieces) - first
    assert found.context == session.opened.model.config.context


def test_pairs_are_counted_as_a_run_divides_them(session: Session) -> None:
    found, model = checked(session), session.opened.model
    divided = divide(PAIRS, 0.25, 1)
    tuning = Tuning(model, session.opened.tokenizer, divided, TuningSettings())
    assert (found.train, found.held_out) == (len(tuning.task.train), len(tuning.task.held_out))
    assert (found.duplicates, found.too_long) == (1, 1) == (divided.duplicates, tuning.too_long)
    assert set(found.questions) <= {pair.prompt for pair in divided.held_out}


def test_the_numbers_of_an_adaptation_are_those_that_it_would_train(session: Session) -> None:
    found, model = checked(session), session.opened.model
    assert found.adapted(0) == sum(p.numel() for p in model.parameters())
    add_lora(model, 4)
    assert found.adapted(4) == sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_one_pair_is_trained_on_and_none_is_held_out(session: Session) -> None:
    found = checked(session, PAIRS[:1])
    assert (found.train, found.held_out) == (1, 0)
    assert found.questions == ("cat 0",)
