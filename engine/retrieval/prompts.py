"""Build the prompt from passages and a question, never longer than the model's context."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from engine.errors import EngineError
from engine.messages.search import LeftOut, PromptPart
from engine.retrieval.characters import JAPANESE
from engine.retrieval.extracting import lines
from engine.retrieval.passages import Span
from engine.text.chat_template import ChatTemplate, read
from engine.text.tokenizer import Tokenizer

IS_JAPANESE = re.compile(f"[{JAPANESE}\uff66-\uff9f]")  # half-width katakana, too
SOURCES = {
    "en": "Answer the question from these sources alone, and name the number of the source, like [1], behind what it"
    " says. If they do not say it, say so.",
    "ja": "次の資料だけを使って質問に答え、根拠にした資料の番号を [1] のように文の後に付けてください。"
    "資料に書かれていないときは、書かれていないと答えてください。",
}
PLAINLY = {"en": "Use this text to answer.", "ja": "この文章を使って答えてください。"}
MOST_SOURCES = 50
NEAREST, NEAREST_SMALL = 0.1, 0.5  # share of the best score that a source needs; the same for small models
MESSAGE = "\ufdd3"  # stands for the message while a template is rendered; a character of no text
SMALL = 1_000_000_000  # parameters; models with fewer do not follow the instructions of SOURCES
MARKS = {"ja": ("質問：", "答え："), "en": ("Question: ", "Answer:")}


def language_of(text: str) -> str:
    return "ja" if IS_JAPANESE.search(text) else "en"


@dataclass(frozen=True, slots=True)
class Prompt:
    text: str
    ids: list[int]
    parts: list[PromptPart]  # one for each source in the prompt
    left_out: list[LeftOut]


class Style(Protocol):
    """The prompt format of a model."""

    most_sources: int
    nearest: float  # a source needs this share of the best one's score
    is_tried: bool  # the model answers only after trials have shown that it is able to

    def __call__(self, question: str, sources: Sequence[str]) -> str:
        """Return the whole prompt. It contains each source unchanged, in order, after its `mark`."""
        ...

    def mark(self, number: int) -> str:
        """Return the text in front of a source, counted from 1, by which the source is found in the prompt."""
        ...


class Plain:
    """The source, the question, "Answer:", as in the built-in model's training documents, which have one source."""

    nearest, is_tried = NEAREST, True

    def __init__(self, most_sources: int) -> None:
        self.most_sources = most_sources

    def __call__(self, question: str, sources: Sequence[str]) -> str:
        asked, answered = MARKS[language_of(question)]
        return "".join(f"{source}\n" for source in sources) + f"{asked}{question}\n{answered}"

    def mark(self, number: int) -> str:
        return ""


class Chat:
    """The model's own chat template, which is rendered once: each prompt is what it writes around a message."""

    most_sources, nearest, is_tried = MOST_SOURCES, NEAREST, False

    def __init__(self, template: ChatTemplate) -> None:
        """Render the template. Raises as ChatTemplate.render, and error.template_broken if it omits the message."""
        (rendered,) = template.render([[{"role": "user", "content": MESSAGE}]])
        self._before, found, self._after = rendered.rpartition(MESSAGE)
        if not found:
            raise EngineError("error.template_broken", reason="messages[0].content", file=str(template.file))

    def __call__(self, question: str, sources: Sequence[str]) -> str:
        numbered = "".join(f"{self.mark(number)}{source}" for number, source in enumerate(sources, start=1))
        return self._before + (self._request(question, numbered) if sources else question) + self._after

    def _request(self, question: str, sources: str) -> str:
        return f"{SOURCES[language_of(question)]}{sources}\n\n{question}"

    def mark(self, number: int) -> str:
        return f"\n\n[{number}] "


class PlainChat(Chat):
    """The chat template for small models: no instructions about citations, and no passages far below the best.

    SmolLM2-135M answers lists and "1" to the instructions (tests/benchmarks/answers.py).
    """

    nearest, is_tried = NEAREST_SMALL, True

    def _request(self, question: str, sources: str) -> str:
        language = language_of(question)
        return f"{PLAINLY[language]}{sources}\n\n{MARKS[language][0]}{question}"

    def mark(self, number: int) -> str:
        return "\n\n"


def style_for(model: Path, parameters: int = SMALL) -> Style:
    """Return Plain if the model's folder or GGUF file has no chat template, else Chat, or PlainChat for a small one.

    Raises as chat_template.read and Chat.
    """
    template = read(model)
    if template is None:
        return Plain(1)
    return (Chat if parameters >= SMALL else PlainChat)(template)


# --- Building the prompt --------------------------------------------------------------------------


def build(
    style: Style,
    tokenizer: Tokenizer,
    question: str,
    passages: Sequence[str],
    limit: int,
    near: Callable[[str], Span],
    most: int = MOST_SOURCES,
) -> Prompt:
    """Build the prompt with as much of the passages, best first, as fits into `limit` tokens.

    Only the first `most` passages are taken, or fewer if the style takes fewer. Of one that does not fit, the lines
    around its best sentence, `near(passage)`, are taken.
    Raises EngineError error.question_long if the question alone does not fit.
    """
    question = _without_special_tokens(question, tokenizer)
    passages = [_without_special_tokens(passage, tokenizer) for passage in passages]
    if len(_encode(tokenizer, style(question, []))) > limit:
        raise EngineError("error.question_long", context=limit)
    taken: dict[int, str] = {}
    for index, passage in enumerate(passages[: min(most, style.most_sources)]):
        for part in (passage, *_shorter(passage, near(passage))):
            if part and len(_encode(tokenizer, style(question, [*taken.values(), part]))) <= limit:
                taken[index] = part
                break
    text = style(question, list(taken.values()))
    parts, begun = [], 0
    for number, (index, part) in enumerate(taken.items(), start=1):
        mark = style.mark(number)
        begun = text.index(mark + part, begun) + len(mark)
        parts.append(PromptPart(begun, begun + len(part), index))
        begun += len(part)
    missing = [(i, len(passage) - len(taken.get(i, ""))) for i, passage in enumerate(passages)]
    left_out = [LeftOut(i, gone, i not in taken, _reason(i, most, style.most_sources)) for i, gone in missing if gone]
    return Prompt(text, _encode(tokenizer, text), parts, left_out)


def _reason(index: int, near: int, most: int) -> Literal["far", "count", "room"]:
    """Return why a source is left out: of the sources, the first `near` score high enough, and `most` are taken."""
    return "far" if index >= near else "count" if index >= most else "room"


def _shorter(passage: str, best: Span) -> list[str]:
    """Return the lines around the best one, each time half as many, down to that one alone."""
    spans = lines(passage)
    middle = next((i for i, span in enumerate(spans) if span[0] <= best[0] < span[1]), 0)
    reach = len(spans)
    found = []
    while reach:
        reach //= 2
        around = spans[max(0, middle - reach) : middle + reach + 1]
        if around:
            found.append(passage[around[0][0] : around[-1][1]])
    return found


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    ids = tokenizer.encode(text)
    twice = len(ids) > 1 and ids[0] == ids[1] and tokenizer.kind_of(ids[0]) == "special"
    return ids[1:] if twice else ids  # both the template and the tokenizer may add the first token


def _without_special_tokens(text: str, tokenizer: Tokenizer) -> str:
    """Replace special tokens in a text, so that a document cannot end its own part of the prompt.

    The replacement is a character of no special token, so that the text around cannot join to form another one.
    """
    for name in tokenizer.special_names:
        text = text.replace(name, "\ufffd")
    return text
