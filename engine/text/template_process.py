"""Render a chat template in a process of its own, which its caller can end.

    python -m engine.text.template_process

reads a line of JSON with the template and the chats from stdin, and writes one with the prompts or an error to stdout.
A template is a program of somebody else: in jinja2's sandbox it reads and writes no files, but it may loop without end
or fill the memory.
"""

import json
import sys
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import Template
from jinja2.ext import Extension
from jinja2.nodes import CallBlock, Node
from jinja2.parser import Parser
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.errors import EngineError

MEMORY = 1 << 29  # bytes
CPU_SECONDS = 5  # a real template takes milliseconds
MOST_CHARACTERS = 8_000_000  # of all prompts together
SHOWN = 300  # characters of a reason


class Generation(Extension):
    """`{% generation %}`, which marks the answers for training; what is inside it is rendered as it is."""

    def parse(self, parser: Parser) -> Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return CallBlock(self.call_method("_inside"), [], [], body).set_lineno(line)

    def _inside(self, caller: Macro) -> str:
        return caller()


Generation.tags = {"generation"}


def environment() -> ImmutableSandboxedEnvironment:
    """Return the environment of templates, with the settings and names of `transformers`."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    made.filters["tojson"] = _json
    made.globals["raise_exception"] = _refuse
    made.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return made


def _json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """Return JSON without the escapes for HTML that jinja2's own filter makes."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


class Refused(Exception):
    """A template does not accept a chat, for the reason that it gives."""


def _refuse(reason: str) -> NoReturn:
    raise Refused(reason)


def render(template: str, chats: list[Any], names: dict[str, Any], file: str) -> list[str]:
    """Return the prompt of each chat; `file` is where the template is from, for the errors.

    If the template refuses a chat with a system prompt, as those of Gemma and Mistral do, the system prompt is put
    before the first question instead.
    Raises EngineError: error.template_refused, error.template_large, error.template_broken.
    """
    try:
        compiled = environment().from_string(template)
        prompts: list[str] = []
        for messages in chats:
            room = MOST_CHARACTERS - sum(map(len, prompts))
            try:
                prompts.append(_prompt(compiled, messages, names, file, room))
            except Refused:
                if [message["role"] for message in messages[:2]] != ["system", "user"]:
                    raise
                prompts.append(_prompt(compiled, without_system(messages), names, file, room))
        return prompts
    except EngineError:
        raise
    except Refused as error:
        raise EngineError("error.template_refused", reason=str(error)[:SHOWN], file=file) from error
    except MemoryError as error:
        raise EngineError("error.template_large", file=file) from error
    except Exception as error:  # a template may raise anything
        reason = f"{type(error).__name__}: {error}"[:SHOWN]
        raise EngineError("error.template_broken", reason=reason, file=file) from error


def _prompt(template: Template, messages: list[Any], names: dict[str, Any], file: str, room: int) -> str:
    """Return the prompt of a chat. Raises EngineError error.template_large if it has more than `room` characters."""
    parts = []
    for part in template.generate(messages=messages, add_generation_prompt=True, **names):
        parts.append(part)
        room -= len(part)
        if room < 0:
            raise EngineError("error.template_large", file=file)
    return "".join(parts)


def without_system(messages: list[Any]) -> list[Any]:
    """Return a chat whose first question begins with the system prompt."""
    system, first, *others = messages
    return [{**first, "content": f"{system['content'].strip()}\n\n{first['content']}"}, *others]


def main() -> None:
    _limit()
    answer: dict[str, Any]
    try:
        answer = {"prompts": render(**json.loads(sys.stdin.readline()))}
    except EngineError as error:
        answer = {"error": error.key, "arguments": error.args_by_name}
    sys.stdout.write(json.dumps(answer))


def _limit() -> None:
    """Raise MemoryError beyond MEMORY, and end the process after CPU_SECONDS, on systems that support limits."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, OSError, ValueError):
        pass


if __name__ == "__main__":
    main()
