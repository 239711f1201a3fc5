"""The sentences of the Generation and Chat panes, held against the numbers that they speak of."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.generation.sampling import draw
from engine.messages.chat import ChatPrompt
from engine.messages.comparing import Compare, Pin
from engine.messages.generation import Candidates, Generate, GeneratedToken, PredictNext, SamplingSettings
from engine.messages.scoring import ScoreText
from engine.service.session import Session
from gui.i18n import number, percent, set_language
from gui.panes.chat.conversation import Turn
from gui.panes.chat.sentence import of_chat
from gui.panes.generation.moment import Moment
from gui.panes.generation.scores import TextScores
from gui.panes.generation.sentence import of_comparison, of_moment, of_scores
from gui.text import marked
from tests.engine.sessions import ask
from tests.gui.models import TEXT, session

__all__ = ["session"]  # a fixture


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
