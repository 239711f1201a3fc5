"""Write a tokenizer as other programs read it: the files of `transformers`."""

import json
from pathlib import Path
from typing import Any

from engine import gguf_header
from engine.text.tokenizer import BYTES, FILE, Tokenizer

Values = dict[str, Any]
SETTINGS, TEMPLATE = "tokenizer_config.json", "chat_template.jinja"
NAMES = ("special_tokens_map.json", "added_tokens.json", "tokenizer.model", "generation_config.json")
COPIED = (SETTINGS, TEMPLATE, "chat_template.json", *NAMES)
ROLES = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}  # in `transformers` and in GGUF


def folder_files(source: Path, tokenizer: Tokenizer, context: int) -> dict[str, bytes]:
    """Return the files of a tokenizer by name, those of the model's folder where it has them. Raises OSError."""
    files = {FILE: json.dumps(for_transformers(tokenizer), ensure_ascii=False).encode()}
    if source.is_dir():
        files |= {name: (source / name).read_bytes() for name in COPIED if (source / name).is_file()}
    if SETTINGS not in files:
        names = {role: tokenizer.piece(token) for role, token in roles_of(source).items() if token is not None}
        settings: Values = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "model_max_length": context,
        } | {f"{role}_token": name for role, name in names.items()}
        template = template_of(source)
        if template and TEMPLATE not in files:
            settings["chat_template"] = template
        files[SETTINGS] = json.dumps(settings, ensure_ascii=False, indent=1).encode()
    return files


def for_transformers(tokenizer: Tokenizer) -> Values:
    """Return a tokenizer.json that gives the same IDs in `tokenizers` and decodes them to the same text."""
    description: Values = json.loads(tokenizer.to_json())
    if tokenizer.kind == "foreign":
        return description
    description["added_tokens"] = []
    description["decoder"] = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    if tokenizer.kind == "char":  # BPE without merges
        characters = [*BYTES, *description["model"]["characters"]]
        ids = {character: number for number, character in enumerate(characters)}
        description["model"] = {"type": "BPE", "vocab": ids, "merges": [], "byte_fallback": True}
    return description


def roles_of(source: Path) -> dict[str, int | None]:
    """Return the tokens that begin, end and pad a text and stand for unknown ones, as `transformers` names them."""
    if source.is_file():
        values = gguf_header.read(source).values
        found = {role: values.get(f"tokenizer.ggml.{name}_token_id") for role, name in ROLES.items()}
    else:
        values = _json(source / "config.json")
        found = {role: values.get(f"{role}_token_id") for role in ROLES}
        if "vocabulary" in values:  # Nakami's own
            found["eos"] = values.get("stop_ids")
    found = {role: token[0] if isinstance(token, list) and token else token for role, token in found.items()}
    return {role: token if type(token) is int and token >= 0 else None for role, token in found.items()}


def template_of(source: Path) -> str:
    """Return the chat template in a folder or a GGUF file, or ""."""
    if source.is_file():
        template = gguf_header.read(source).values.get("tokenizer.chat_template")
    elif (source / TEMPLATE).is_file():
        template = (source / TEMPLATE).read_text("utf-8")
    else:
        template = _json(source / SETTINGS).get("chat_template")
    if isinstance(template, list):  # several with names
        named = {part.get("name"): part.get("template") for part in template if isinstance(part, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else ""


def _json(path: Path) -> Values:
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
