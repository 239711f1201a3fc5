"""The sentences of the lens and of the chat, held against the numbers of four models, computed a second time."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.messages.chat import Chat, ChatPrompt, FindChatForms, Message
from engine.messages.generation import GeneratedTokens
from engine.messages.inside import ReadLens
from engine.service.session import Session
from gui.i18n import number, percent, set_language
from gui.panes.chat.conversation import Turn
from gui.panes.chat.sentence import of_chat
from gui.panes.inside.lens_sentence import guessing_sentence, sentence
from gui.text import marked, word
from tests.engine.sessions import ask
from tests.gui.hands import plain
from tests.gui.models import TEXT, session

__all__ = ["session"]  # a fixture


def shares_by_layer(session: Session, ids: list[int]) -> np.ndarray:
    """Return the probabilities [L + 1, T, V] that each residual stream gives, caught by hooks of torch."""
    model, states = session.opened.model, list[torch.Tensor]()

    def before(module: Any, args: Any) -> None:
        states.append(args[0])

    def after(module: Any, args: Any, output: Any) -> None:
        states.append(output)

    hooks = [model.blocks[0].register_forward_pre_hook(before)]
    hooks += [block.register_forward_hook(after) for block in model.blocks]
    with torch.no_grad():
        model(torch.tensor([ids]))
        shares = [model.decode(x_BTD)[0].double().softmax(-1).numpy() for x_BTD in states]
    for hook in hooks:
        hook.remove()
    return np.stack(shares)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_lens_says_where_the_answer_takes_the_lead(session: Session, language: str) -> None:
    set_language(language)
    opened = session.opened
    grid = ask(session, ReadLens(TEXT))[-1]
    ids = opened.tokenizer.encode(TEXT)
    shares = shares_by_layer(session, ids)
    best, layers = int(shares[-1, -1].argmax()), len(shares) - 1
    own = shares[-1, range(len(ids) - 1), ids[1:]]
    loss, guess = float(-np.log(own).mean()), math.log(opened.tokenizer.vocabulary)
    guessing = plain(guessing_sentence(grid.target_probabilities[-1, :-1], opened.tokenizer.vocabulary))
    if loss >= guess:
        assert number(loss, 1) in guessing
        assert number(guess, 1) in guessing
    else:
        assert guessing == ""
    words = plain(sentence(grid.target_ranks[:, -1], grid.target_probabilities[:, -1], opened.tokenizer.piece(best)))
    assert word(opened.tokenizer.piece(best)) in words
    assert plain(percent(float(shares[-1, -1, best]), 1)) in words
    leads = [int(row.argmax()) == best for row in shares[:, -1]]
    since = max((layer for layer, leading in enumerate(leads) if not leading), default=-1) + 1
    if shares[-1, -1, best] >= 0.05 and since > 0:
        rank = 1 + int((shares[since - 1, -1] > shares[since - 1, -1, best]).sum())
        assert number(rank) in words
        assert str(since if since < layers else layers) in words or "最後" in words or "last layer" in words


def test_an_answer_of_the_chat_is_said_with_its_least_certain_token(session: Session) -> None:
    set_language("en")
    forms = ask(session, FindChatForms())[-1].forms
    try:
        answers = ask(session, Chat((Message("user", "Where is the cat?"),), forms[0], tokens=6))
    except (EngineError, IndexError):
        pytest.skip("this model cannot chat")
    [prompt] = [answer for answer in answers if isinstance(answer, ChatPrompt)]
    tokens = [token for answer in answers if isinstance(answer, GeneratedTokens) for token in answer.tokens]
    ids = [*prompt.ids, *(token.id for token in tokens)]
    with torch.no_grad():
        shares = session.opened.model(torch.tensor([ids]))[0].double().softmax(-1).numpy()
    written = [n for n, token in enumerate(tokens) if not token.special]
    said = of_chat(Turn("assistant", tokens=tokens), prompt, None)
    if not written:
        assert number(len(prompt.ids)) in said
        return
    own = [float(shares[len(prompt.ids) + n - 1, tokens[n].id]) for n in written]
    least = written[int(np.argmin(own))]
    assert f"prompt of {number(len(prompt.ids))}" in said
    assert f"“{marked(tokens[least].piece)}” ({percent(min(own), 1)})" in said
