"""Write a tokenizer as the metadata of a GGUF file: the reverse of gguf_tokenizer.py.

llama.cpp knows a rule that cuts a text before its merges only by its name, so that a tokenizer with another rule
cannot be written. What was written is read back, and has to give the same tokens for PROBE.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from engine import gguf_header
from engine.errors import EngineError
from engine.text import gguf_tokenizer
from engine.text.foreign import BYTE as BYTE_PIECE, Foreign
from engine.text.gguf_tokenizer import COMPOSED, GPT2, NAMES, WHOLE_WORDS
from engine.text.sentencepiece import BYTE, CONTROL, NORMAL, SPACE, UNKNOWN, UNUSED, USER_DEFINED
from engine.text.tokenizer import BYTES, Tokenizer
from engine.text.tokenizer_saving import ROLES, roles_of, template_of

Values = dict[str, Any]
PROBE = (
    "The 2nd of 12,345 cats' tails isn't  green…\n\n\tfoo_bar(x) += 0x1F;  \r\n  I'LL I'm 'twas naïve e\u0301 ﬁ ½ Ⅷ\n"
    "日本語の文章、12３４です。ひらがなカタカナ 漢字々〆 한국어 中文，标点。 Ελληνικά Русский текст עברית العربية ١٢٣ "
    "हिन्दी ไทย 😀👍🏽👨‍👩‍👧 🇯🇵 𠮟 𝒳 \u200b\u00a0\u3000 "
)


def gguf_values(
    source: Path, tokenizer: Tokenizer, vocabulary: int, stops: tuple[int, ...], architecture: str
) -> Values:
    """Return the tokenizer's metadata, those of the model's own GGUF file if it is one.

    Raises EngineError error.tokenizer_not_expressible.
    """
    if source.is_file():
        values = gguf_header.read(source).values
        return {name: value for name, value in values.items() if name.startswith("tokenizer.")}
    description = json.loads(tokenizer.to_json())
    found = _characters(description) if tokenizer.kind == "char" else _described(description, architecture)
    tokens = {ROLES[role]: token for role, token in roles_of(source).items()}
    tokens |= dict(zip(("eos", "eot", "eom"), stops, strict=False))
    tokens["bos"] = tokens["eos"] if tokens["bos"] is None else tokens["bos"]  # otherwise it is 11, that of GPT-2
    roles = {f"tokenizer.ggml.{role}_token_id": token for role, token in tokens.items() if token is not None}
    values = _padded(found, vocabulary) | roles | _ends(tokenizer)
    template = template_of(source)
    if template:
        values["tokenizer.chat_template"] = template
    _check(tokenizer, values, architecture)
    return values


def _check(tokenizer: Tokenizer, values: Values, architecture: str) -> None:
    back = Foreign(gguf_tokenizer.to_json(values | {"general.architecture": architecture}, ""))
    if not np.array_equal(back.encode(PROBE), tokenizer.encode_array(PROBE)):
        raise EngineError("error.tokenizer_not_expressible")


def _described(description: Values, architecture: str) -> Values:
    model = description["model"]
    if model.get("type") != "BPE":
        raise EngineError("error.tokenizer_not_expressible")
    patterns = _patterns(description.get("pre_tokenizer"))
    values = _byte_level(description, patterns, architecture) if patterns else _sentencepiece(description)
    ids: dict[int, str] = {number: piece for piece, number in model["vocab"].items()}
    added = {token["id"]: token for token in description.get("added_tokens") or ()}
    ids |= {number: token["content"] for number, token in added.items()}
    count = max(ids, default=-1) + 1
    is_bytes = values["tokenizer.ggml.model"] == "llama"

    def kind(number: int) -> int:
        if is_bytes and ids[number] == model.get("unk_token"):
            return UNKNOWN
        if number in added:
            return CONTROL if added[number]["special"] else USER_DEFINED
        return BYTE if is_bytes and BYTE_PIECE.fullmatch(ids[number]) else NORMAL

    texts = [ids.get(number, f"[PAD{number}]") for number in range(count)]
    kinds = [kind(number) if number in ids else UNUSED for number in range(count)]
    return values | {"tokenizer.ggml.tokens": texts, "tokenizer.ggml.token_type": kinds}


def _patterns(part: Any) -> tuple[str, ...]:
    """Return the regular expressions of a byte-level pre-tokenizer, or () for another one."""
    parts = part.get("pretokenizers", [part]) if isinstance(part, dict) else []
    found: list[str] = []
    for inner in parts:
        if inner.get("type") == "Split" and "Regex" in inner.get("pattern", {}):
            pattern = inner["pattern"]["Regex"]
            found.append(GPT2 if pattern.removesuffix(r"|\s+") == GPT2 else pattern)
        elif inner.get("type") == "Digits" and inner.get("individual_digits"):
            found.append(r"\p{N}")
        elif inner.get("type") == "ByteLevel":
            return (*found, GPT2) if inner.get("use_regex", True) else tuple(found)
    return ()


def _byte_level(description: Values, patterns: tuple[str, ...], architecture: str) -> Values:
    """Return the name of the rule, and the merges."""
    model, normalizer = description["model"], description.get("normalizer")
    is_composed = normalizer is not None and normalizer.get("type") == "NFC"
    whole = bool(model.get("ignore_merges"))
    names = [
        name
        for name in NAMES.get(patterns, ())
        if (name in WHOLE_WORDS) == whole and (name in COMPOSED or architecture == "gptneox") == is_composed
    ]
    if not names or (normalizer is not None and not is_composed):
        raise EngineError("error.tokenizer_not_expressible")
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": names[0],
        "tokenizer.ggml.merges": [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]],
    }


def _sentencepiece(description: Values) -> Values:
    """Return scores that put the merges in their order."""
    model = description["model"]
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(model["merges"]):
        ranks.setdefault("".join(merge.split(" ") if isinstance(merge, str) else merge), rank)
    count = max([*model["vocab"].values(), *(token["id"] for token in description.get("added_tokens") or ())]) + 1
    scores = [-float(len(ranks))] * count
    for piece, number in model["vocab"].items():
        scores[number] = -float(ranks.get(piece, len(ranks)))
    parts = json.dumps([description.get("normalizer"), description.get("pre_tokenizer")], ensure_ascii=False)
    begins = '"Prepend"' in parts or '"prepend_scheme": "first"' in parts or '"prepend_scheme": "always"' in parts
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.add_space_prefix": begins,
    }


def _characters(description: Values) -> Values:
    """Return the characters of Nakami as pieces of sentencepiece without merges.

    A text that contains U+2581 itself, which stands for the space there, is tokenised in another way.
    """
    characters = list(description["model"]["characters"])
    if SPACE in characters:
        raise EngineError("error.tokenizer_not_expressible")
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [*BYTES, *(SPACE if c == " " else c for c in characters)],
        "tokenizer.ggml.token_type": [BYTE] * len(BYTES) + [NORMAL] * len(characters),
        "tokenizer.ggml.scores": [0.0] * (len(BYTES) + len(characters)),
        "tokenizer.ggml.add_space_prefix": False,
    }


def _padded(values: Values, vocabulary: int) -> Values:
    """Return the metadata with as many tokens as the embedding has rows, which llama.cpp expects."""
    texts = values["tokenizer.ggml.tokens"]
    more = range(len(texts), vocabulary)
    padding = {"tokens": [f"[PAD{number}]" for number in more], "token_type": [UNUSED] * len(more)}
    padding |= {"scores": [0.0] * len(more)} if "tokenizer.ggml.scores" in values else {}
    whole = {f"tokenizer.ggml.{name}": values[f"tokenizer.ggml.{name}"] + rows for name, rows in padding.items()}
    return values | {name: rows[:vocabulary] for name, rows in whole.items()}


def _ends(tokenizer: Tokenizer) -> Values:
    """Return which special tokens are put around each text."""
    around, some = tokenizer.encode(""), tokenizer.encode("a")
    begins = bool(around) and some[:1] == around[:1]
    ends = len(around) > int(begins)
    values: Values = {"tokenizer.ggml.add_bos_token": begins, "tokenizer.ggml.add_eos_token": ends}
    values |= {"tokenizer.ggml.bos_token_id": around[0]} if begins else {}
    return values | ({"tokenizer.ggml.eos_token_id": around[-1]} if ends else {})
