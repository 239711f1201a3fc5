"""The sentences of the Generation and Chat panes, held against the numbers that they speak of."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.generation.sampling import draw
from engine.messages.chat import ChatPrompt
from engine.messages.comparing import Compare, Pin
from engine.messages.generation import Candidates, Generate, GeneratedToken, PredictNext, SamplingSettings
from engine.messages.scoring import ScoreText
from engine.messages.training import TrainingSettings
from engine.model.bundled import find
from engine.model.checkpoint import save_model
from engine.model.config import ModelConfig
from engine.model.opening import BUILTIN
from engine.service.session import Session
from engine.text.tokenizer import train_characters
from engine.training.run import Run
from gui.i18n import number, percent, set_language
from gui.panes.chat.conversation import Turn
from gui.panes.chat.sentence import of_chat
from gui.panes.generation.moment import Moment
from gui.panes.generation.scores import TextScores
from gui.panes.generation.sentence import of_comparison, of_moment, of_scores
from gui.text import marked
from tests.engine.sessions import ask
from tests.engine.test_model import random_model

SENTENCES = "the cat sat on the mat. the dog sat on the log. "
SMALL = TrainingSettings(vocabulary=330, layers=2, heads=2, width=32, context=64, batch=4, steps=30, seconds=None)
TEXT = "The cat sat on the mat. The capital of France is"


def random_folder(folder: Path) -> Path:
    tokenizer = train_characters([TEXT * 2])
    model = random_model(ModelConfig(vocabulary=tokenizer.vocabulary, context=128, head_width=8))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.05)
    folder.mkdir()
    save_model(folder, model, tokenizer, 0)
    return folder


def trained_folder(folder: Path) -> Path:
    text = folder.parent / "story.txt"
    text.write_text(SENTENCES * 60, "utf-8")
    run = Run.start([str(text)], folder, SMALL)
    list(run.prepare())
    list(run.steps())
    return folder


FOLDERS: dict[str, Callable[[Path], Path]] = {
    "built-in": lambda _: BUILTIN,
    "smollm2": lambda _: find("smollm2"),
    "trained": trained_folder,
    "random": random_folder,
}


@pytest.fixture(scope="module", params=FOLDERS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    opened = Session()
    try:
        opened.open(FOLDERS[request.param](tmp_path_factory.mktemp("models") / "model"))
    except EngineError:
        pytest.skip("the package with this model is not installed")
    return opened


def model_shares(session: Session, text: str) -> np.ndarray:
    """Return the probabilities of the token after a text, without the sampling code."""
    opened = session.opened
    with torch.no_grad():
        logits = opened.model(torch.tensor([opened.tokenizer.encode(text)]))[0, -1]
    shares: np.ndarray = logits.double().softmax(-1).numpy()
    return shares


def predicted(session: Session, settings: SamplingSettings, seed: int = 1) -> Candidates:
    found: Candidates = ask(session, PredictNext(TEXT, (), settings, seed))[-1]
    return found


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_next_token_is_said_with_its_share_in_the_model(session: Session, language: str) -> None:
    set_language(language)
    shares = model_shares(session, TEXT)
    best, choices = int(shares.argmax()), math.exp(-float((shares * np.log(shares)).sum()))
    said = of_moment(Moment(TEXT, candidates=predicted(session, SamplingSettings(temperature=0.0))))
    assert marked(session.opened.tokenizer.piece(best)) in said
    assert percent(float(shares[best]), 1) in said
    if choices >= 0.5 * len(shares):
        assert number(choices)[:2] in said
        assert number(len(shares)) in said
    else:
        assert "0" in said  # the temperature


@pytest.mark.parametrize("seed", range(1, 7))
def test_the_draw_is_said_as_it_falls(session: Session, seed: int) -> None:
    shares = model_shares(session, TEXT)
    order = np.argsort(-shares, kind="stable")
    u = draw(seed, 0)
    drawn = int(order[np.searchsorted(np.cumsum(shares[order]), u, side="right")])
    said = of_moment(Moment(TEXT, candidates=predicted(session, SamplingSettings(temperature=1.0), seed)))
    piece = session.opened.tokenizer.piece
    if "random number" in said:
        assert f"random number {number(u, 2)} falls on “{marked(piece(drawn))}” ({percent(shares[drawn], 1)})" in said
        assert f"“{marked(piece(int(order[0])))}” is likelier ({percent(shares[order[0]], 1)})" in said
    else:
        assert "nearly guessing" in said or drawn == order[0]
        assert percent(float(shares[order[0]]), 1) in said


def test_a_written_token_is_said_with_its_share(session: Session) -> None:
    reports = ask(session, Generate(TEXT, tokens=3, sampling=SamplingSettings(temperature=1.5), seed=4))
    tokens = tuple(token for report in reports for token in report.tokens)
    tokenizer = session.opened.tokenizer
    ids = [*tokenizer.encode(TEXT), *(token.id for token in tokens)]
    with torch.no_grad():
        logits = session.opened.model(torch.tensor([ids[:-1]]))[0, -1]
    shares = logits.double().softmax(-1).numpy()
    said = of_moment(Moment(TEXT, tokens, candidates=tokens[-1].candidates, is_past=True))
    assert marked(tokenizer.piece(ids[-1])) in said
    assert percent(float(shares[ids[-1]]), 1) in said
    if int(shares.argmax()) != ids[-1] and not tokens[-1].ends:
        assert f"“{marked(tokenizer.piece(int(shares.argmax())))}” likelier, with {percent(shares.max(), 1)}" in said


def test_a_score_is_said_with_the_perplexity_and_the_most_surprising_token(session: Session) -> None:
    scores = TextScores(TEXT)
    for event in ask(session, ScoreText(TEXT)):
        if hasattr(event, "surprisals"):
            scores.add(event)
    tokenizer, model = session.opened.tokenizer, session.opened.model
    ids = tokenizer.encode(TEXT)
    with torch.no_grad():
        logs = model(torch.tensor([ids]))[0].double().log_softmax(-1)
    surprisals = -logs[range(len(ids) - 1), ids[1:]].numpy()
    said = of_scores(scores, tokenizer.vocabulary)
    perplexity = math.exp(surprisals.mean())
    if perplexity > tokenizer.vocabulary:
        assert number(surprisals.mean() / math.log(2), 1) in said
    else:
        assert number(perplexity, 1 if perplexity < 8 else 0) in said
        assert marked(tokenizer.piece(ids[1 + int(surprisals.argmax())])) in said


def test_a_model_is_compared_with_itself_and_with_another(session: Session) -> None:
    ask(session, Pin())
    found = ask(session, Compare(TEXT))[-1]
    assert of_comparison(found).startswith("Both models predict the same")
    worse = replace(found, now=replace(found.now, surprisals=2 * found.now.surprisals))
    different = replace(worse, divergences=np.where(np.isnan(found.divergences), np.nan, 0.5))
    bits = float(np.nansum(found.pinned.surprisals)) / math.log(2) / len(TEXT)
    assert f"A predicts this text better ({number(bits, 2)} bits a character, now {number(2 * bits, 2)})" in (
        of_comparison(different)
    )


def token(piece: str, probability: float, **more: bool) -> GeneratedToken:
    return GeneratedToken(1, piece, piece, probability, 1.0, None, **more)


def test_an_answer_is_said_with_its_length_and_its_least_certain_token() -> None:
    prompt = ChatPrompt("Hi", (1, 2, 3), (), (), 64)
    answer = Turn(
        "assistant", tokens=[token(" Paris", 0.9), token(" is", 0.25), token("<|im_end|>", 0.1, special=True)]
    )
    assert of_chat(answer, prompt, None) == (
        "An answer of 3 tokens, after a prompt of 3. The model was least certain at “␣is” (25.0\u00a0%)."
    )
    assert "3 tokens" in of_chat(Turn("assistant"), prompt, None)
    assert of_chat(Turn("user", "Hi"), None, None) == ""


def test_the_end_of_a_turn_is_said_and_nothing_without_candidates() -> None:
    ended = token("<|im_end|>", 0.97, special=True, ends=True)
    assert "ended its turn" in of_moment(Moment("a", (replace(ended, candidates=predicted_fake()),)))
    assert of_moment(Moment("a")) == ""
    assert of_scores(TextScores("a"), 10) == ""


def predicted_fake() -> Candidates:
    return Candidates(np.array([1], np.int32), ("x",), np.ones((6, 1), np.float32), (1,) * 6, 0.0, 0.5, 0, 0.0, 1.0)
