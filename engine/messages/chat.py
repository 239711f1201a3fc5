"""Chat: the turns, the prompt that a model reads, and its answer token by token."""

from dataclasses import dataclass
from typing import Final, Literal

from engine.messages.envelope import Request
from engine.messages.generation import GREEDY, GeneratedTokens, SamplingSettings
from engine.messages.status import Progress

Role = Literal["system", "user", "assistant"]
Reason = Literal["end", "length", "context"]
TEMPLATE: Final = "template"  # the model's own chat template
WORLD: Final = "world"  # a question or an instruction, as in the texts of the built-in model
DIALOGUE: Final = "dialogue"  # "User: …", "Assistant: …"
CONTINUE: Final = "continue"  # the turns without roles; the model goes on with the last one
FORMS: Final = (TEMPLATE, WORLD, DIALOGUE, CONTINUE)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class ChatForms:
    """How chats with a model can be written. Without its own template, none of the forms is the model's."""

    forms: tuple[str, ...]  # of FORMS, the best one first
    thinks: bool  # the template can ask the model to reason before it answers


@dataclass(frozen=True, slots=True)
class FindChatForms(Request[ChatForms]):
    """Find how chats with the open model can be written."""


@dataclass(frozen=True, slots=True)
class PromptPiece:
    """A part of a prompt: from a message, or written by the template."""

    text: str
    message: int | None  # index into the messages; None for what the template writes
    special: bool = False  # a special token


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """What the model reads before it answers."""

    text: str
    ids: tuple[int, ...]
    pieces: tuple[PromptPiece, ...]
    unseen: tuple[int, ...]  # indices of the messages that are left out, because the context is full
    context: int  # tokens
    typed: tuple[str, ...] = ()  # names of special tokens in messages, which are read as text


@dataclass(frozen=True, slots=True)
class ShowPrompt(Request[ChatPrompt]):
    """Compute the prompt of a chat whose last message is the user's.

    The oldest turns after the system prompt are left out as far as the context requires; `reserve` tokens of it
    are kept free for the answer, at most a quarter.
    """

    messages: tuple[Message, ...]
    form: str = TEMPLATE
    thinking: bool = False
    reserve: int = 256


@dataclass(frozen=True, slots=True)
class ChatStopped:
    """Why an answer has ended: the model ended it, it has as many tokens as asked for, or the context is full."""

    reason: Reason
    surplus: int = 0  # how many of the last tokens belong to the next turn, and not to the answer


@dataclass(frozen=True, slots=True)
class Chat(Request[ChatPrompt | Progress | GeneratedTokens | ChatStopped]):
    """Answer the last message: the prompt first, Progress while a long one is read, then tokens as in Generate.

    `chosen` are the tokens with which the answer begins, and `first`, if given, is taken as the token after them.
    """

    messages: tuple[Message, ...]
    form: str = TEMPLATE
    thinking: bool = False
    chosen: tuple[int, ...] = ()
    first: int | None = None
    tokens: int = 256
    sampling: SamplingSettings = GREEDY
    seed: int = 1
    candidates: int = 24
