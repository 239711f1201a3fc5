"""Chats: the prompt by the model's template, special tokens, what falls out of the context, and the answer."""

from engine.messages.chat import Chat, ChatPrompt, ChatStopped, Message
from engine.messages.generation import GeneratedTokens
from engine.model.bundled import find
from engine.service.session import Session
from tests.engine.sessions import ask


def test_smollm2_answers_by_its_template_and_ends_its_turn() -> None:
    session = Session()
    session.open(find("smollm2"))
    events = ask(session, Chat((Message("user", "What is the capital of Japan?"),)))
    prompt = next(event for event in events if isinstance(event, ChatPrompt))
    tokens = [token for event in events if isinstance(event, GeneratedTokens) for token in event.tokens]
    assert prompt.text.endswith("<|im_start|>user\nWhat is the capital of Japan?<|im_end|>\n<|im_start|>assistant\n")
    assert "".join(token.text for token in tokens) == "The capital of Japan is Tokyo."
    assert tokens[-1].piece == "<|im_end|>"
    assert events[-1] == ChatStopped("end")
