"""The sentence of the Map: every number in it is one of the pass that is shown."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.messages.generation import SamplingSettings
from engine.messages.map import ForwardTrace, TraceForward
from engine.model.bundled import find
from engine.model.config import ModelConfig
from engine.model.transformer import Transformer
from engine.service.session import Session
from engine.text.tokenizer import train_characters
from gui import i18n
from gui.certainty import GUESSING, STRONG
from gui.panes.map.sentence import sentence
from gui.samples import BUILTIN
from gui.text import visible
from tests.engine.sessions import ask
from tests.gui import fakes
from tests.gui.hands import plain
from tests.gui.models import trained_folder

TEXTS = ("The fox is in the forest. The fox is", "The capital of France is", "ウサギは", "a")
DRAWS = (SamplingSettings(), SamplingSettings(temperature=0.0), SamplingSettings(temperature=2.0))


def untrained() -> Session:
    tokenizer = train_characters(["".join(TEXTS)])
    config = ModelConfig(tokenizer.vocabulary, 3, 2, 2, width=16, head_width=8, mlp_width=32, context=64)
    return session_of(Transformer(config), tokenizer)


def memorising() -> Session:
    """Return a model without layers that matter, which nearly always predicts one token."""
    session = untrained()
    with torch.no_grad():
        model = session.opened.model
        model.unembedding.weight.normal_(0, 1, generator=torch.Generator().manual_seed(1))
    return session


def trained() -> Session:
    session = Session()
    with TemporaryDirectory() as folder:
        session.open(trained_folder(Path(folder) / "model"))
    return session


def session_of(model: Transformer, tokenizer: object) -> Session:
    session = Session()
    session._set(model, tokenizer, replace(fakes.model(), layers=model.config.n_layers))  # type: ignore[arg-type]
    return session


def from_disk(name: str) -> Session:
    session = Session()
    try:
        session.open(BUILTIN if name == "builtin" else find("smollm2"))
    except (EngineError, OSError):
        pytest.skip(f"{name} is not here")
    return session


MODELS: dict[str, Callable[[], Session]] = {
    "untrained": untrained,
    "memorising": memorising,
    "trained": trained,
    "builtin": lambda: from_disk("builtin"),
    "smollm2": lambda: from_disk("smollm2"),
}


def numbers_in(words: str) -> list[str]:
    return re.findall(r"\d[\d,]*\.?\d*", re.sub(r"[“「].*?[”」]", "", words))


@pytest.mark.parametrize("name", MODELS)
def test_the_sentence_agrees_with_the_model(name: str) -> None:
    session = MODELS[name]()
    kinds = set()
    for text in TEXTS:
        for settings in DRAWS:
            [trace] = ask(session, TraceForward(text, sampling=settings, seed=2))
            for language in ("en", "ja"):
                i18n.set_language(language)
                kinds.add(check(trace, session, text, plain(sentence(trace))))
    if name != "trained":  # after thirty steps, a model guesses in most texts
        assert kinds <= {"guessing"} if name == "untrained" else kinds - {"guessing"}


def check(trace: ForwardTrace, session: Session, text: str, words: str) -> str:
    """Compare the sentence with the logits, computed here a second time; return which kind of sentence it is."""
    opened = session.opened
    ids = opened.ids_of(text)
    with torch.no_grad():
        logits = opened.model(torch.tensor([ids]))[0, -1].double()
    p = logits.softmax(-1).numpy()
    choices = math.exp(-(p * np.log(np.maximum(p, 1e-300))).sum())
    assert len(words) <= (120 if i18n.language() == "en" else 75)
    best, most = int(p.argmax()), f"{100 * p.max():.1f} %"
    if choices >= GUESSING * len(p):
        assert {f"{round(choices):,}", f"{len(p):,}"} == set(numbers_in(words))
        return "guessing"
    assert most in words
    assert visible(opened.tokenizer.piece(best).strip()) in words
    found = trace.candidates
    if re.search(r"random number|乱数", words):
        share = float(p[found.ids[found.drawn]])
        assert found.sampling.temperature > 0
        assert int(found.ids[found.drawn]) != best
        assert f"{found.draw:.2f}" in words
        assert f"{100 * share:.1f} %" in words or share < 0.001
        return "unlikely"
    assert str(len(ids)) in numbers_in(words)
    assert str(opened.model.config.n_layers) in numbers_in(words)
    if p.max() >= STRONG:
        return "strong"
    assert f"{choices:,.0f}" in words if choices >= 10 else f"{choices:.1f}" in words
    return "open"


def test_there_is_a_sentence_for_every_kind_of_prediction() -> None:
    [trace] = fakes.forward_trace(TraceForward("The cat"))
    found = trace.candidates
    even = {"entropy": 6.0, "kept": (496,) * 6}
    said = {
        plain(sentence(replace(trace, candidates=replace(found, **change))))
        for change in ({}, {"entropy": 0.1}, {"drawn": 1}, even, {"drawn": 1} | even)
    }
    assert said == {
        "7 tokens, 2 layers, and the model is rather sure: next comes “a”, with 50.0 %.",
        "“a” leads with 50.0 %, but the random number 0.42 selects “b”, which the model gives 30.0 %.",
        "The model knows next to nothing: 403 of its 496 tokens are about equally likely to come next.",
    }
