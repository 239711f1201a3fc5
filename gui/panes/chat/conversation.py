"""A chat as a tree of turns: an edited question and another answer are branches, and nothing is lost."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.messages.chat import Message, Role
from engine.messages.generation import GeneratedToken
from gui.i18n import t

MOST_SAVED = 200_000  # characters of a chat that are kept until the next start


@dataclass(eq=False)
class Turn:
    """One turn: typed, or generated token by token. The root of a chat has no text."""

    role: Role
    typed: str = ""
    tokens: list[GeneratedToken] = field(default_factory=list)
    parent: "Turn | None" = None
    children: list["Turn"] = field(default_factory=list)
    forward: "Turn | None" = None  # the child on the branch that is shown
    model: str = ""  # folder of the model that generated the tokens; to others their IDs mean nothing
    ended: str = ""  # why the answer ended, "stopped" if the user has stopped it; "" while it is generated

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens).strip() if self.tokens else self.typed

    @property
    def variants(self) -> list["Turn"]:
        """This turn and its alternatives, in the order in which they were begun."""
        return self.parent.children if self.parent is not None else [self]

    def add(self, turn: "Turn") -> "Turn":
        """Add a turn after this one, and show its branch."""
        turn.parent = self
        self.children.append(turn)
        self.forward = turn
        return turn

    def remove(self, turn: "Turn") -> None:
        """Remove a turn after this one, and show the branch begun last, if there is another."""
        self.children.remove(turn)
        self.forward = self.children[-1] if self.children else None

    def show(self) -> None:
        """Show the branch of this turn."""
        if self.parent is not None:
            self.parent.forward = self


class Conversation:
    """The tree of turns; the branch that is shown is `path`."""

    def __init__(self) -> None:
        self.root = Turn("system")

    @property
    def path(self) -> list[Turn]:
        turns: list[Turn] = []
        turn = self.root.forward
        while turn is not None:
            turns.append(turn)
            turn = turn.forward
        return turns

    @property
    def last(self) -> Turn:
        """The last turn shown, or the root."""
        return self.path[-1] if self.path else self.root

    def messages(self, system: str, up_to: Turn | None = None) -> tuple[Message, ...]:
        """Return the system prompt, if any, and the turns shown, up to one of them."""
        path = self.path
        turns = path[: path.index(up_to) + 1] if up_to in path else path
        before = (Message("system", system),) if system.strip() else ()
        return (*before, *(Message(turn.role, turn.text) for turn in turns))

    def save(self) -> list[list[str]]:
        """Return the turns shown as JSON values, without older ones if they are very long."""
        turns = [[turn.role, turn.text] for turn in self.path]
        while sum(len(text) for _, text in turns) > MOST_SAVED:
            del turns[:2]
        return turns

    @classmethod
    def restore(cls, saved: Any) -> "Conversation":
        """Return the chat that `save` returned, up to the first turn that is not valid."""
        made = cls()
        turn = made.root
        roles: tuple[Role, Role] = ("user", "assistant")
        for index, item in enumerate(saved if isinstance(saved, list) else []):
            role = roles[index % 2]
            if not (isinstance(item, list) and len(item) == 2 and item[0] == role and isinstance(item[1], str)):
                break
            turn = turn.add(Turn(role, item[1], ended="end"))
        return made


def as_markdown(messages: Sequence[Message]) -> str:
    """Return messages as Markdown, with the names of the roles in the program's language."""
    turns = (f"**{t(f'pane.chat.role.{message.role}')}**\n\n{message.text}\n" for message in messages)
    return _valid("\n".join(turns))


def as_json(messages: Sequence[Message]) -> str:
    """Return messages as `transformers` and the interfaces of chat services take them."""
    turns = [{"role": message.role, "content": message.text} for message in messages]
    return _valid(json.dumps(turns, ensure_ascii=False, indent=1))


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
