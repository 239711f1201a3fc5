"""An answer from passages: written by a model that can, else the best sentence itself."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engine.generation.decoding import Reader, Step, decode
from engine.messages.generation import SamplingSettings
from engine.model.tape import Tape
from engine.model.transformer import Transformer
from engine.retrieval.prompts import Plain, Prompt, Style, build
from engine.text.tokenizer import Tokenizer

GREEDY = SamplingSettings(temperature=0.0)
PREFILL = 64  # tokens of a prompt that are read at a time, so that others get a turn
SHARE = 3  # at least one part in so many of the context is kept for the answer

# Whether a model can answer from a text is tried, not believed: texts, questions, what must be in the answer.
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


def answer_room(context: int, tokens: int) -> int:
    """Tokens that the prompt may take, so that the answer has its place behind it."""
    return context - min(tokens, context // SHARE)


def can_answer(reader: Reader, tokenizer: Tokenizer, style: Style, language: str) -> Iterator[bool | None]:
    """Yields None while it tries, at last whether two of three trials succeeded; chat models are not tried."""
    passed = 0
    if isinstance(style, Plain):
        room = answer_room(reader.model.config.context, 24)
        for source, question, value in TRIALS[language]:
            text, fits = "", len(tokenizer.encode(style(question, [source]))) <= room
            prompt = build(style, tokenizer, question, [source], room, lambda _: (0, 1)) if fits else None
            for step in write(reader, tokenizer, prompt, 24, style) if prompt else ():
                text += step.text if step else ""
                yield None
            passed += value in text
    yield passed >= 2 or not isinstance(style, Plain)


def write(reader: Reader, tokenizer: Tokenizer, prompt: Prompt, tokens: int, style: Style) -> Iterator[Step | None]:
    """The answer token by token, the likeliest each; None between parts of the prompt while it is read.

    Ends with the line where one line is the answer, at the model's own end, and before the context is full.
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
    model: Transformer, tokenizer: Tokenizer, prompt: Prompt, answer: Sequence[int], sources: int
) -> NDArray[np.float32]:
    """How much each token of the answer looked at each source, the rest of the prompt, the answer: [T, sources + 2].

    The mean over layers and heads of the weights with which the token was chosen: those of the position
    before it. Rows sum to 1.
    """
    ids = [*prompt.ids, *answer][: model.config.context]
    owner_S = _owners(tokenizer, prompt, len(ids), sources)
    names = [f"blocks.{index}.attn.pattern" for index in range(model.config.n_layers)]
    tape = Tape(names, slice(len(prompt.ids) - 1, len(ids) - 1))
    mean_TS = np.zeros((len(ids) - len(prompt.ids), len(ids)), np.float32)
    for index in model.walk(torch.tensor([ids], device=model.head.weight.device), tape):
        mean_TS += tape.take(names[index])[0].float().mean(dim=0).cpu().numpy() / len(names)
    return np.stack([mean_TS[:, owner_S == part].sum(axis=1) for part in range(sources + 2)], axis=1).astype(np.float32)


def _owners(tokenizer: Tokenizer, prompt: Prompt, length: int, sources: int) -> NDArray[np.intp]:
    """For each token the source it belongs to; `sources` for the rest of the prompt, one more for the answer."""
    owner_S = np.full(length, sources + 1)
    tokens = tokenizer.tokens(prompt.text)
    middles = (tokens.starts + tokens.ends) / 2
    dropped = len(tokens.ids) - len(prompt.ids)  # a special token that stood twice at the beginning
    owner_S[: len(prompt.ids)] = sources
    for part in prompt.parts:
        inside = (middles > part.start) & (middles < part.end)
        owner_S[: len(prompt.ids)][inside[dropped:]] = part.source
    return owner_S
