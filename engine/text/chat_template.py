"""The chat template of a model: a program in jinja that makes a prompt of the turns of a chat.

It is read from where `transformers` and llama.cpp look for it, and rendered by another process
(engine/text/template_process.py), which is ended if it takes too long.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import gguf_header
from engine.errors import EngineError

SECONDS = 30.0  # of waiting; on a very busy machine, to start Python has taken ten
OUT_OF_TIME = -int(getattr(signal, "SIGXCPU", 24))  # exit code of a process that has used its time
SETTINGS, SEPARATE, OLDER = "tokenizer_config.json", "chat_template.jinja", "chat_template.json"
ROOT = Path(__file__).parents[2]

Messages = Sequence[Mapping[str, str]]  # each with "role" and "content"


@dataclass(frozen=True)
class ChatTemplate:
    source: str
    names: Mapping[str, str]  # the special tokens that it may use, such as bos_token
    file: Path

    @property
    def thinks(self) -> bool:
        """Return whether the template has a switch that makes the model reason before it answers, as Qwen3's has."""
        return "enable_thinking" in self.source

    def render(self, chats: Sequence[Messages], thinking: bool = False) -> list[str]:
        """Return the prompt of each chat, up to where the model's answer begins.

        Raises EngineError: error.template_refused, error.template_broken, error.template_slow, error.template_large.
        """
        names: dict[str, object] = {**self.names, **({"enable_thinking": thinking} if self.thinks else {})}
        request = {
            "template": self.source,
            "chats": [list(map(dict, chat)) for chat in chats],
            "names": names,
            "file": str(self.file),
        }
        command = [sys.executable, "-m", "engine.text.template_process"]
        line = json.dumps(request).encode() + b"\n"
        try:
            done = subprocess.run(command, cwd=ROOT, input=line, capture_output=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise EngineError("error.template_slow", file=str(self.file)) from None
        if done.returncode == OUT_OF_TIME:
            raise EngineError("error.template_slow", file=str(self.file))
        try:
            answer = json.loads(done.stdout)
        except ValueError:  # the process has died, which a lack of memory can cause
            raise EngineError("error.template_large", file=str(self.file)) from None
        if "error" in answer:
            raise EngineError(answer["error"], **answer["arguments"])
        prompts: list[str] = answer["prompts"]
        return prompts


def read(model: Path) -> ChatTemplate | None:
    """Return the chat template of a folder or a GGUF file, or None if there is none.

    Raises EngineError error.model_damaged, and as gguf_header.read.
    """
    return _of_gguf(model) if model.is_file() else _of_folder(model)


def _of_folder(folder: Path) -> ChatTemplate | None:
    settings = _json(folder / SETTINGS)
    template: Any
    if (folder / SEPARATE).is_file():
        template, file = _text(folder / SEPARATE), folder / SEPARATE
    elif (folder / OLDER).is_file():
        template, file = _json(folder / OLDER).get("chat_template"), folder / OLDER
    else:
        template, file = settings.get("chat_template"), folder / SETTINGS
    if isinstance(template, list):  # several with names, for tools and the like
        named = {part.get("name"): part.get("template") for part in template if isinstance(part, dict)}
        template = named.get("default")
    names = {key: _name(value) for key, value in settings.items() if key.endswith("_token") and _name(value)}
    return ChatTemplate(template, names, file) if isinstance(template, str) else None


def _of_gguf(path: Path) -> ChatTemplate | None:
    values = gguf_header.read(path).values
    template = values.get("tokenizer.chat_template")
    pieces: dict[Any, str] = dict(enumerate(values.get("tokenizer.ggml.tokens", [])))
    kinds = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    ids = {f"{name}_token": values.get(f"tokenizer.ggml.{kind}_token_id") for name, kind in kinds.items()}
    names = {name: pieces[number] for name, number in ids.items() if number in pieces}
    return ChatTemplate(template, names, path) if isinstance(template, str) else None


def _name(token: Any) -> str:
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else ""


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise EngineError("error.model_damaged", file=str(file)) from error
    if not isinstance(found, dict):
        raise EngineError("error.model_damaged", file=str(file))
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise EngineError("error.model_damaged", file=str(file)) from error
