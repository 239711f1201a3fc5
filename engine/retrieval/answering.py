"""Write an answer from passages with a language model, and test whether the model is able to."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engine.generation.decoding import Reader, Step, decode
from engine.messages.generation import GREEDY
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer
from engine.retrieval.prompts import Plain, Prompt, Style, build
from engine.text.tokenizer import Tokenizer

PREFILL = 64  # tokens of a prompt per forward pass, so that other requests get a turn
SHARE = 3  # one third of the context is reserved for the answer, or less if the answer is shorter

# Trials of whether a model can answer from a text: source, question, and what the answer must contain.
TRIALS = {
    "en": (
        ("Price of the notebook: 640 yen", "How much is the notebook?", "640"),
        ("Office of Ms Morris: room 512", "Where is the office of Ms Morris?", "512"),
        ("Lobby: from 9:00 to 17:00", "When is the lobby open?", "17"),
    ),
    "ja": (
        ("定食の値段: 640円", "定食の値段はいくらですか?", "640円"),
        ("森さんの部屋: 512号室", "森さんの部屋はどこですか?", "512号室"),
        ("食堂: 9時〜17時", "食堂は何時から何時までですか?", "17時"),
    ),
}


def prompt_limit(context: int, tokens: int) -> int:
    """Return how many tokens the prompt may have, so that the answer fits after it."""
    return context - min(tokens, context // SHARE)


def can_answer(reader: Reader, tokenizer: Tokenizer, style: Style, language: str) -> Iterator[bool | None]:
    """Yield None while the trials run, then whether two of three succeeded. Large chat models are not tried."""
    passed = 0
    if style.is_tried:
        limit = prompt_limit(reader.model.config.context, 24)
        for source, question, value in TRIALS[language]:
            text, fits = "", len(tokenizer.encode(style(question, [source]))) <= limit
            prompt = build(style, tokenizer, question, [source], limit, lambda _: (0, 1)) if fits else None
            for step in write(reader, tokenizer, prompt, 24, style) if prompt else ():
                text += step.text if step else ""
                yield None
            passed += value in text
    yield passed >= 2 or not style.is_tried


def write(reader: Reader, tokenizer: Tokenizer, prompt: Prompt, tokens: int, style: Style) -> Iterator[Step | None]:
    """Yield the answer token by token, decoded greedily, and None between parts of the prompt's prefill.

    Ends after the first line with the plain style, at the model's end token, and before the context is full.
    """
    for end in range(PREFILL, len(prompt.ids), PREFILL):
        reader.logits(prompt.ids[:end])
        yield None
    most, text = min(tokens, reader.model.config.context - len(prompt.ids)), ""
    for step in decode(reader, tokenizer, prompt.ids, most, GREEDY, seed=1):
        text += step.text
        if isinstance(style, Plain) and "\n" in text.lstrip():
            return
        yield step


def attention_to_parts(
    model: Transformer,
    tokenizer: Tokenizer,
    prompt: Prompt,
    answer: Sequence[int],
    sources: int,
    changes: Changes = UNCHANGED,
) -> NDArray[np.float32]:
    """Return each answer token's attention to each source, the rest of the prompt, the answer: [T, sources + 2].

    It is the mean over layers and heads of the pattern at the position that predicted the token, the one before
    it. Rows sum to 1. Suffixes: T tokens of the answer, S tokens of prompt and answer.
    """
    ids = [*prompt.ids, *answer][: model.config.context]
    owner_S = _owners(tokenizer, prompt, len(ids), sources)
    names = [f"blocks.{index}.attn.pattern" for index in range(model.config.n_layers)]
    tape = Tape(names, slice(len(prompt.ids) - 1, len(ids) - 1), changes)
    mean_TS = np.zeros((len(ids) - len(prompt.ids), len(ids)), np.float32)
    for index in model.walk(torch.tensor([ids], device=model.device), tape):
        mean_TS += tape.take(names[index])[0].float().mean(dim=0).cpu().numpy() / len(names)
    return np.stack([mean_TS[:, owner_S == part].sum(axis=1) for part in range(sources + 2)], axis=1).astype(np.float32)


def _owners(tokenizer: Tokenizer, prompt: Prompt, length: int, sources: int) -> NDArray[np.intp]:
    """Return each token's source; `sources` for the rest of the prompt, `sources` + 1 for the answer."""
    owner_S = np.full(length, sources + 1)
    tokens = tokenizer.tokens(prompt.text)
    middles = (tokens.starts + tokens.ends) / 2
    dropped = len(tokens.ids) - len(prompt.ids)  # 1 if `build` dropped a doubled first token
    owner_S[: len(prompt.ids)] = sources
    for part in prompt.parts:
        inside = (middles > part.start) & (middles < part.end)
        owner_S[: len(prompt.ids)][inside[dropped:]] = part.source
    return owner_S
