"""Read the tokenizer in a GGUF file as a tokenizer.json for the `tokenizers` library.

The files of the supported families contain two kinds: "gpt2", byte-level BPE with merges and the name of a rule that
cuts the text first, and "llama", the pieces of sentencepiece with scores. The rules and their names are those of
llama.cpp's src/llama-vocab.cpp; the normalisation that some of them need is that of the original tokenizer.json.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from engine.errors import EngineError
from engine.text import sentencepiece
from engine.text.sentencepiece import CONTROL, NORMAL, SPACE, Pieces

Values = dict[str, Any]
KIND, RULE = "tokenizer.ggml.model", "tokenizer.ggml.pre"  # keys of the metadata
ORIGINAL = "tokenizer.huggingface.json"  # a tokenizer.json, written by candle and others

# --- Rules that cut the text before its merges ----------------------------------------------------

APOSTROPHES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
LLAMA3 = rf"{APOSTROPHES}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{SPACES}"
QWEN2 = rf"{APOSTROPHES}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{SPACES}"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
NOT_LETTER = r"[^\r\n\p{L}\p{N}]?"
SIGNS = r" ?[^\s\p{L}\p{N}]+[\r\n/]*"
TEKKEN = rf"{NOT_LETTER}{UPPER}*{LOWER}+|{NOT_LETTER}{UPPER}+{LOWER}*|\p{{N}}|{SIGNS}|{SPACES}"
GPT4O = (
    rf"{NOT_LETTER}{UPPER}*{LOWER}+{APOSTROPHES}?|{NOT_LETTER}{UPPER}+{LOWER}*{APOSTROPHES}?"
    rf"|\p{{N}}{{1,3}}|{SIGNS}|{SPACES}"
)
UNNAMED = (r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]")
FALCON = (r"[\p{P}\$\+<=>\^~\|`]+", GPT2, r"[0-9][0-9][0-9]")

# Each rule: its regular expressions, applied one after another, and the names that files give it.
NAMES: dict[tuple[str, ...], tuple[str, ...]] = {
    (GPT2,): (
        *("gpt-2", "phi-2", "mpt", "olmo", "jais", "exaone4", "trillion", "granite-docling", "gigachat", "a.x-4.0"),
        *("mellum", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "jina-v1-en", "jina-v2-code", "roberta-bpe"),
    ),
    (r"\p{N}", GPT2): ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"),
    (LLAMA3,): (
        *("llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"),
        *("dbrx", "smaug-bpe", "glm4", "chatglm-bpe"),
    ),
    (QWEN2,): ("qwen2", "deepseek-r1-qwen", "kormo", "stablelm2", "megrez", "hunyuan", "grok-2", "solar-open"),
    (TEKKEN,): ("tekken",),
    (GPT4O,): ("gpt-4o", "llama4", "minimax-m2"),
    FALCON: ("falcon",),
    UNNAMED: ("default",),
}
RULES = {name: patterns for patterns, names in NAMES.items() for name in names}
# Words that are a token as a whole are not merged from parts, and a text begins with <|begin_of_text|> or the like.
WHOLE_WORDS = {*NAMES[(LLAMA3,)][:9], "tekken"}
UNSPACED = {"<unk>", "<s>", "<|endoftext|>"}  # the special tokens of Phi-3 that do not include the spaces after them
COMPOSED = {"qwen2", "deepseek-r1-qwen", "megrez", "olmo"}  # texts are normalised to NFC


def to_json(values: Mapping[str, Any], file: str) -> str:
    """Return the tokenizer.json of a GGUF file's metadata.

    Raises EngineError: error.no_tokenizer, error.gguf_damaged, error.tokenizer_unknown.
    """
    check(values, file)
    original = values.get(ORIGINAL)
    if isinstance(original, str):
        return original
    pieces = _pieces(values, file)
    is_byte_level = values.get(KIND) == "gpt2"
    described = _byte_level(values, pieces, file) if is_byte_level else _sentencepiece(values, pieces)
    return json.dumps(described, ensure_ascii=False)


def check(values: Mapping[str, Any], file: str) -> None:
    """Check that the kind of the tokenizer and its rule are known, without looking at its tokens.

    Raises EngineError: error.no_tokenizer, error.tokenizer_unknown.
    """
    kind, rule = values.get(KIND), str(values.get(RULE, "default"))
    if isinstance(values.get(ORIGINAL), str):
        return
    if kind is None:
        raise EngineError("error.no_tokenizer", folder=file)
    if kind not in ("gpt2", "llama"):
        raise EngineError("error.tokenizer_unknown", file=file, name=str(kind)[:80], known="gpt2, llama")
    if kind == "gpt2" and rule not in RULES:
        raise EngineError("error.tokenizer_unknown", file=file, name=rule[:80], known=", ".join(RULES))


def _byte_level(values: Mapping[str, Any], pieces: Pieces, file: str) -> Values:
    name = str(values.get(RULE, "default"))
    ids = pieces.ids()
    listed = _texts({"tokenizer.ggml.merges": []} | dict(values), "tokenizer.ggml.merges", file)
    merges = [merge.split(" ", 1) for merge in listed]
    if not all(len(merge) == 2 and all(piece in ids for piece in (*merge, "".join(merge))) for merge in merges):
        raise _damaged(file, "tokenizer.ggml.merges")
    is_composed = name in COMPOSED or values.get("general.architecture") == "gptneox"
    cuts = [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        for pattern in RULES[name]
    ]
    bytes_of_characters = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "version": "1.0",
        "added_tokens": pieces.added(),
        "normalizer": {"type": "NFC"} if is_composed else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*cuts, bytes_of_characters]},
        "post_processor": pieces.ends(*_ends(values, name in WHOLE_WORDS)),
        "decoder": bytes_of_characters,
        "model": {
            "type": "BPE",
            "vocab": ids,
            "merges": sentencepiece.joined(merges),
            "ignore_merges": name in WHOLE_WORDS,
        },
    }


def _sentencepiece(values: Mapping[str, Any], pieces: Pieces) -> Values:
    begins_with_space = values.get("tokenizer.ggml.add_space_prefix", True) is True
    return sentencepiece.describe(pieces, begins_with_space, pieces.ends(*_ends(values, True)))


def _ends(values: Mapping[str, Any], begins_by_default: bool) -> tuple[int | None, int | None]:
    """Return the tokens that are put before and after a text, if any."""
    before = values.get("tokenizer.ggml.bos_token_id")
    after = values.get("tokenizer.ggml.eos_token_id")
    begins = values.get("tokenizer.ggml.add_bos_token", begins_by_default) is True
    ends = values.get("tokenizer.ggml.add_eos_token", False) is True
    return before if begins else None, after if ends else None


def _pieces(values: Mapping[str, Any], file: str) -> Pieces:
    texts = _texts(values, "tokenizer.ggml.tokens", file)
    types = _numbers(values, "tokenizer.ggml.token_type", [NORMAL] * len(texts), file)
    scores = _numbers(values, "tokenizer.ggml.scores", [0.0] * len(texts), file)
    architecture = str(values.get("general.architecture"))
    if architecture.startswith("gemma"):  # its merges follow the order of the IDs, and runs of spaces are normal pieces
        is_run = [len(text) > 1 and not text.strip(" ") for text in texts]
        texts = [SPACE * len(text) if run else text for text, run in zip(texts, is_run, strict=True)]
        types = [NORMAL if run else kind for kind, run in zip(types, is_run, strict=True)]
        scores = [-float(number) for number in range(len(texts))]
    followed = [text for text, kind in zip(texts, types, strict=True) if kind == CONTROL and text not in UNSPACED]
    return Pieces(texts, scores, types, frozenset(followed if architecture == "phi3" else ()))


def _numbers(values: Mapping[str, Any], name: str, default: list[Any], file: str) -> list[Any]:
    found = values.get(name, default)
    if not isinstance(found, list) or len(found) != len(default):
        raise _damaged(file, name)
    if any(isinstance(number, str) or not math.isfinite(number) for number in found):
        raise _damaged(file, name)
    return [type(default[0])(number) for number in found]


def _texts(values: Mapping[str, Any], name: str, file: str) -> list[str]:
    found = values.get(name)
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise _damaged(file, name)
    return found


def _damaged(file: str, place: str) -> EngineError:
    return EngineError("error.gguf_damaged", file=file, place=place)
