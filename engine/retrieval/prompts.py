"""From passages and a question to what a model continues, never longer than it can see."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.errors import EngineError
from engine.model.checkpoint import read_json
from engine.retrieval.analysis import JAPANESE
from engine.retrieval.chunking import Span
from engine.retrieval.extracting import lines
from engine.text.tokenizer import Tokenizer

IS_JAPANESE = re.compile(f"[{JAPANESE}\uff66-\uff9f]")  # half-width katakana, too
SOURCES = {
    "en": "Answer the question from these sources alone, and name the number of the source, like [1], behind what it"
    " says. If they do not say it, say so.",
    "ja": "次の資料だけを使って質問に答え、根拠にした資料の番号を [1] のように文の後に付けてください。"
    "資料に書かれていないときは、書かれていないと答えてください。",
}
MARKS = {"ja": ("質問：", "答え："), "en": ("Question: ", "Answer:")}


def language_of(text: str) -> str:
    return "ja" if IS_JAPANESE.search(text) else "en"


@dataclass(frozen=True, slots=True)
class Part:
    start: int  # characters of the prompt
    end: int
    source: int  # index of the passage


@dataclass(frozen=True, slots=True)
class LeftOut:
    source: int
    characters: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Prompt:
    text: str
    ids: list[int]
    parts: list[Part]
    left_out: list[LeftOut]


class Style(Protocol):
    """How a model wants to be asked."""

    most_sources: int

    def __call__(self, question: str, sources: Sequence[str]) -> str:
        """The whole prompt; it holds each source as it is, in order, behind its `mark`."""
        ...

    def mark(self, number: int) -> str:
        """What stands in front of a source, counted from 1: a short one may stand elsewhere in the prompt, too."""
        ...


class Plain:
    """The source, the question, "Answer:", as in the built-in model's own documents: it has seen one at a time."""

    def __init__(self, most_sources: int) -> None:
        self.most_sources = most_sources

    def __call__(self, question: str, sources: Sequence[str]) -> str:
        asked, answered = MARKS[language_of(question)]
        return "".join(f"{source}\n" for source in sources) + f"{asked}{question}\n{answered}"

    def mark(self, number: int) -> str:
        return ""


class Chat:
    """By the template that came with the model (jinja, in its sandbox: a template is text, and runs no code)."""

    most_sources = 50

    def __init__(self, template: str, names: dict[str, str]) -> None:
        """`names` are the special tokens that a template may name: bos_token, eos_token."""
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        self._template, self._names = environment.from_string(template), names

    def __call__(self, question: str, sources: Sequence[str]) -> str:
        content = question
        if sources:
            numbered = "".join(f"{self.mark(number)}{source}" for number, source in enumerate(sources, start=1))
            content = f"{SOURCES[language_of(question)]}{numbered}\n\n{question}"
        messages = [{"role": "user", "content": content}]
        # Qwen3 writes its thoughts down first unless told not to; templates that know no such switch pass over it.
        return self._template.render(
            messages=messages, add_generation_prompt=True, enable_thinking=False, **self._names
        )

    def mark(self, number: int) -> str:
        return f"\n\n[{number}] "


def _refuse(reason: str) -> None:
    raise ValueError(reason)


def style_for(folder: Path) -> Style:
    """Chat, if the model's folder has a template for it.

    Raises EngineError error.model_damaged.
    """
    described: dict[str, Any] = {}
    path = folder / "tokenizer_config.json"
    if path.is_file():
        described = read_json(path)
    template = described.get("chat_template")
    separate = folder / "chat_template.jinja"
    if separate.is_file():
        template, path = _text(separate), separate
    if isinstance(template, list):  # several, each by its name
        named = (t for t in template if isinstance(t, dict))
        template = next((t.get("template") for t in named if t.get("name") == "default"), None)
    if not isinstance(template, str):
        return Plain(1)
    names = {name: _name(described.get(name)) for name in ("bos_token", "eos_token")}
    try:
        style = Chat(template, names)
        style("?", ["."])
    except Exception as error:  # whatever a template may do wrong
        raise EngineError("error.model_damaged", file=str(path)) from error
    return style


def _text(path: Path) -> str:
    """Raises EngineError error.model_damaged."""
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise EngineError("error.model_damaged", file=str(path)) from error


def _name(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


# --- What fits ------------------------------------------------------------------------------------


def build(
    style: Style, tokenizer: Tokenizer, question: str, passages: Sequence[str], room: int, near: Callable[[str], Span]
) -> Prompt:
    """The prompt with as much of the passages, best first, as `room` tokens hold.

    Of a passage that does not fit whole its lines around `near(passage)`, the best sentence, are taken.
    Raises EngineError error.question_long if the question alone does not fit.
    """
    question = _harmless(question, tokenizer)
    passages = [_harmless(passage, tokenizer) for passage in passages]
    if len(_encode(tokenizer, style(question, []))) > room:
        raise EngineError("error.question_long", context=room)
    taken: dict[int, str] = {}
    for index, passage in enumerate(passages[: style.most_sources]):
        for part in (passage, *_shorter(passage, near(passage))):
            if part and len(_encode(tokenizer, style(question, [*taken.values(), part]))) <= room:
                taken[index] = part
                break
    text = style(question, list(taken.values()))
    parts, begun = [], 0
    for number, (index, part) in enumerate(taken.items(), start=1):
        mark = style.mark(number)
        begun = text.index(mark + part, begun) + len(mark)
        parts.append(Part(begun, begun + len(part), index))
        begun += len(part)
    missing = [(i, len(passage) - len(taken.get(i, ""))) for i, passage in enumerate(passages)]
    left_out = [LeftOut(index, characters, index not in taken) for index, characters in missing if characters]
    return Prompt(text, _encode(tokenizer, text), parts, left_out)


def _shorter(passage: str, best: Span) -> list[str]:
    """Ever fewer lines around the best one; last, that one alone."""
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
    return ids[1:] if twice else ids  # a template and the tokenizer may both have begun the text


def _harmless(text: str, tokenizer: Tokenizer) -> str:
    """Without the special tokens of the model: a document must not be able to end its own part of the prompt.

    In their place stands a character of no special token: what is around must not join to another one.
    """
    for name in tokenizer.special_names:
        text = text.replace(name, "\ufffd")
    return text
