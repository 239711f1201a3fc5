"""The prompt of a chat: written by the model's template or in a plain form, and never longer than its context."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from engine.errors import EngineError
from engine.messages.chat import CONTINUE, DIALOGUE, TEMPLATE, WORLD, ChatPrompt, Message, PromptPiece
from engine.text.chat_template import ChatTemplate
from engine.text.tokenizer import Tokenizer

AT_ONCE = 8  # prompts that are rendered together while the oldest turns are left out
PROBE = "\ufdd3{}\ufdd3"  # stands for a message, to find where the template puts it; no characters of any text
NAMES = {"user": "User", "assistant": "Assistant"}
STOPS = {TEMPLATE: "", WORLD: "\n", DIALOGUE: "\nUser:", CONTINUE: ""}  # texts that begin the next turn
# Special tokens that end a turn, for models whose settings name only the one that ends a text.
TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|eom_id|>", "<turn|>")
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
ASKS = re.compile("([?？]|か。?)$")


@dataclass(frozen=True)
class Writer:
    """Writes the prompts of chats with one model."""

    tokenizer: Tokenizer
    template: ChatTemplate | None
    context: int

    def prompt(self, messages: Sequence[Message], form: str, thinking: bool = False, reserve: int = 256) -> ChatPrompt:
        """Return the prompt with the latest turns that fit.

        Raises EngineError: error.chat_no_template, error.chat_long if the last message alone does not fit, and as
        ChatTemplate.render.
        """
        if form == TEMPLATE and self.template is None:
            raise EngineError("error.chat_no_template")
        texts = [Message(m.role, self.tokenizer.as_text(m.text)) for m in messages]
        room = self.context - min(reserve, self.context // 4)
        for kept, written, outline in self._shorter(texts, form, thinking, room):
            ids = self._encode(written, form)
            if len(ids) <= room:
                return self._described(texts, kept, written, outline, ids)
        raise EngineError("error.chat_long", context=self.context)

    def stop_ids(self) -> set[int]:
        """Return the special tokens of TURN_ENDS that the template uses."""
        names = {name for name in TURN_ENDS if self.template is not None and name in self.template.source}
        found = (self.tokenizer.encode_prompt(name) for name in sorted(names & set(self.tokenizer.special_names)))
        return {ids[0] for ids in found if len(ids) == 1}

    def _shorter(
        self, texts: Sequence[Message], form: str, thinking: bool, room: int
    ) -> Iterator[tuple[list[int], str, str]]:
        """Yield the indices of messages, their prompt and its outline, each time with fewer of the oldest turns.

        The outline is the prompt of probes in place of the messages.
        """
        places = list(range(len(texts)))
        system = [place for place in places if texts[place].role == "system"]
        turns = places[len(system) :]
        sizes = [len(self.tokenizer.encode_prompt(texts[place].text)) for place in turns]
        left = list(accumulate(reversed(sizes)))[::-1]  # tokens from each turn to the last
        cuts = range(0, len(turns), 2)  # a question and its answer
        if form == WORLD:
            cuts = cuts[-1:]  # its texts have one question each
        fitting = [cut for cut in cuts if left[cut] <= room]
        for start in range(0, len(fitting), AT_ONCE):
            kept = [system + turns[cut:] for cut in fitting[start : start + AT_ONCE]]
            chats = [[texts[place] for place in places] for places in kept]
            probes = [[Message(texts[place].role, PROBE.format(place)) for place in places] for places in kept]
            prompts = self._write([*chats, *probes], form, thinking)
            yield from zip(kept, prompts[: len(kept)], prompts[len(kept) :], strict=True)

    def _write(self, chats: Sequence[Sequence[Message]], form: str, thinking: bool) -> list[str]:
        if form == TEMPLATE and self.template is not None:
            turns = [[{"role": m.role, "content": m.text} for m in chat] for chat in chats]
            return self.template.render(turns, thinking)
        return [PLAIN[form](chat) for chat in chats]

    def _encode(self, written: str, form: str) -> list[int]:
        """Return the tokens; a template writes the token that begins a text itself."""
        begins = [] if form == TEMPLATE else self.tokenizer.encode("")
        return [*begins, *self.tokenizer.encode_prompt(written)]

    def _described(
        self, texts: Sequence[Message], kept: list[int], written: str, outline: str, ids: list[int]
    ) -> ChatPrompt:
        pieces = list(self._pieces(written, outline, {place: texts[place].text for place in kept}))
        names = self.tokenizer.special_names
        typed = tuple(name for name in names if any(self.tokenizer.as_text(name) in texts[k].text for k in kept))
        unseen = tuple(place for place in range(len(texts)) if place not in kept)
        shown = self.tokenizer.shown(written)
        return ChatPrompt(shown, tuple(ids), tuple(pieces), unseen, self.context, typed)

    def _pieces(self, written: str, outline: str, texts: dict[int, str]) -> Iterator[PromptPiece]:
        """Cut a prompt where its outline has the messages; it stays uncut if a template changes them."""
        begun = 0
        found: list[PromptPiece] = []
        for index, part in enumerate(re.split(PROBE.format("(\\d+)"), outline)):
            wanted = [part] if index % 2 == 0 else [texts[int(part)], texts[int(part)].strip()]
            text = next((text for text in wanted if written.startswith(text, begun)), None)
            if text is None:
                found, begun = [], 0
                break
            begun += len(text)
            found += self._specials(text) if index % 2 == 0 else [PromptPiece(self.tokenizer.shown(text), int(part))]
        yield from found
        yield from self._specials(written[begun:])

    def _specials(self, text: str) -> Iterator[PromptPiece]:
        """Cut what a template has written into special tokens and text."""
        names = sorted(self.tokenizer.special_names, key=len, reverse=True)
        parts = re.split(f"({'|'.join(map(re.escape, names))})", text) if names else [text]
        for index, part in enumerate(parts):
            if part:
                yield PromptPiece(self.tokenizer.shown(part), None, special=index % 2 == 1)


# --- Forms without a template ---------------------------------------------------------------------


def _dialogue(chat: Sequence[Message]) -> str:
    turns = [m.text if m.role == "system" else f"{NAMES[m.role]}: {m.text}" for m in chat]
    return "\n".join([*turns, "Assistant:"])


def _world(chat: Sequence[Message]) -> str:
    """Return the last message as a question or an instruction, after the system prompt as the document."""
    text = chat[-1].text.strip()
    japanese = bool(JAPANESE.search(text))
    if ASKS.search(text):
        marks = ("質問：", "答え：") if japanese else ("Question: ", "Answer:")
    else:
        marks = ("指示：", "返事：") if japanese else ("Instruction: ", "Reply:")
    before = [message.text.strip() for message in chat if message.role == "system"]
    return "\n".join([*before, marks[0] + text, marks[1]])


def _continued(chat: Sequence[Message]) -> str:
    return "\n".join(message.text for message in chat)


PLAIN = {DIALOGUE: _dialogue, WORLD: _world, CONTINUE: _continued}
