"""Steering: the direction of two sets of texts, against the hooks of `transformers`, and what it does to a text."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.cli.main import main
from engine.errors import EngineError
from engine.inspection.interventions import changes_of
from engine.inspection.steering import added, direction, perplexities, separate, tokens_of, write
from engine.messages.generation import Generate, SamplingSettings
from engine.messages.models import ChangeModel, Scaled, Steered
from engine.messages.steering import Steer, SteeredTexts
from engine.model.bundled import find
from engine.model.opening import BUILTIN, load_model, load_transformer
from engine.model.tape import Tape
from engine.model.transformer import Transformer
from engine.service.session import Session
from tests.engine.hf_models import VOCABULARY, model_of, saved
from tests.engine.sessions import ask, start

FAMILIES = {"Llama": {}, "Gemma2": {"head_dim": 12, "query_pre_attn_scalar": 12}, "GPTNeoX": {}}
LAYER = 1
CLEAR = 2  # standard errors
HAPPY = (
    "I love this, it is wonderful and I am so happy",
    "What a beautiful day, we laughed and danced together",
    "She smiled, full of joy about the great news",
    "This was the best meal I have ever had",
)
SAD = (
    "I hate this, it is terrible and I am so angry",
    "What an awful day, we cried and argued all night",
    "He frowned, full of grief about the bad news",
    "This was the worst meal I have ever had",
)
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Transformer]:
    """Return a random model as `transformers` has it, and as Nakami opens it."""
    folder = tmp_path_factory.mktemp(request.param)
    theirs = saved(model_of(request.param, **FAMILIES[request.param]), folder)
    return theirs, load_transformer(folder)


def random_texts(count: int, seed: int) -> list[list[int]]:
    generator = np.random.default_rng(seed)
    return [generator.integers(VOCABULARY, size=5 + place).tolist() for place in range(count)]


def block_of(theirs: Any) -> Any:
    return (theirs.gpt_neox if hasattr(theirs, "gpt_neox") else theirs.model).layers[LAYER]


def first(output: Any) -> torch.Tensor:
    tensor: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return tensor


@torch.no_grad()
def their_direction(theirs: Any, plus: list[list[int]], minus: list[list[int]]) -> torch.Tensor:
    kept: list[torch.Tensor] = []
    hook = block_of(theirs).register_forward_hook(lambda _, __, out: kept.append(first(out)[0, 1:].mean(dim=0)))
    for ids in (*plus, *minus):
        theirs(torch.tensor([ids]))
    hook.remove()
    return torch.stack(kept[: len(plus)]).mean(dim=0) - torch.stack(kept[len(plus) :]).mean(dim=0)


@torch.no_grad()
def test_a_steered_model_equals_the_hook_of_transformers(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    plus, minus, [prompt] = random_texts(3, 1), random_texts(2, 2), random_texts(1, 3)
    v_D = direction(model, plus, minus, LAYER)
    theirs_D = their_direction(theirs, plus, minus)
    assert torch.allclose(v_D, theirs_D, atol=1e-4)

    def add(_: Any, __: Any, output: Any) -> Any:
        x = first(output) - 1.5 * theirs_D
        return (x, *output[1:]) if isinstance(output, tuple) else x

    hook = block_of(theirs).register_forward_hook(add)
    logits_TV = theirs(torch.tensor([prompt])).logits[0]
    hook.remove()
    changes = added(LAYER, -1.5 * v_D[None])
    assert torch.allclose(model(torch.tensor([prompt]), tape=Tape(changes=changes))[0], logits_TV, atol=1e-3)


@torch.no_grad()
def test_texts_written_together_are_those_written_one_by_one(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    v_D = direction(model, random_texts(2, 1), random_texts(2, 2), LAYER)
    [prompt], strengths = random_texts(1, 3), torch.tensor([-2.0, 0.0, 1.0])
    together = np.array(list(write(model, prompt, 6, added(LAYER, strengths[:, None] * v_D), 3))).T
    for strength, ids in zip(strengths, together.tolist(), strict=True):
        alone = np.array(list(write(model, prompt, 6, added(LAYER, strength * v_D[None]), 1)))[:, 0]
        assert alone.tolist() == ids
    plain = theirs.generate(torch.tensor([prompt]), max_new_tokens=6, do_sample=False)[0, len(prompt) :]
    assert together[1].tolist() == plain.tolist()


@torch.no_grad()
def test_the_perplexity_is_that_of_the_tokens_written_without_the_direction(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    [prompt], written = random_texts(1, 3), random_texts(2, 4)
    for value, ids in zip(perplexities(model, prompt, written), written, strict=True):
        labels = torch.tensor([[-100] * len(prompt) + ids])
        loss = theirs(torch.tensor([prompt + ids]), labels=labels).loss
        assert value == pytest.approx(float(loss.exp()), rel=1e-3)
    assert np.isnan(list(perplexities(model, prompt, [[]])))


def test_a_direction_of_texts_of_one_token_is_not_that_of_the_first_token(session: Session) -> None:
    opened = session.opened
    plus, minus = (tokens_of([text], opened.tokenizer.encode) for text in ("猫", "犬"))
    assert len(plus[0]) == 2
    assert float(direction(opened.model, plus, minus, 0).norm()) > 0.01


@pytest.mark.parametrize(
    ("plus", "layer", "key"), [((), 0, "steer_short"), (("",), 0, "steer_short"), (("the cat",), 2, "config_range")]
)
def test_a_direction_that_cannot_be_made_is_refused(
    session: Session, plus: tuple[str, ...], layer: int, key: str
) -> None:
    with pytest.raises(EngineError, match=key):
        ask(session, ChangeModel((Steered(layer, plus, ("the dog",), 1.0),)))
    with pytest.raises(EngineError, match=key):
        ask(session, Steer("the", plus, ("the dog",), layer, (1.0,)))


# --- The service ----------------------------------------------------------------------------------


def test_a_strength_of_zero_changes_nothing(session: Session) -> None:
    opened = session.opened
    assert changes_of(opened.model, (Steered(0, ("the cat",), ("the dog",), 0.0),), opened.tokenizer.encode) == {}


def test_a_text_is_the_same_in_the_steered_model(session: Session) -> None:
    """The text that Steer writes is the one that every other pane gets from the changed model."""
    plus, minus, off = ("the cat sat on", "猫は森"), ("the dog sat on", "犬は家"), Scaled(0, 1)
    strengths = (-40.0, 0.0, 40.0)
    ask(session, ChangeModel((off, Steered(1, plus, minus, 5.0))))  # this strength does not count
    found = ask(session, Steer("the", plus, minus, 1, strengths, 8))[-1]
    assert len(set(found.texts)) > 1
    for strength, text in zip(found.strengths, found.texts, strict=True):
        ask(session, ChangeModel((off, Steered(1, plus, minus, strength))))
        assert written(session) == text


def written(session: Session) -> str:
    reports = ask(session, Generate("the", tokens=8, sampling=SamplingSettings(temperature=0.0)))
    return "".join(token.text for report in reports for token in report.tokens)


def test_texts_grow_then_their_perplexities_and_the_last_answer_is_done(session: Session) -> None:
    answers = ask(session, Steer("the", ("the cat", "a cat"), ("the dog", "a dog"), 1, (-1.0, 0.0, 1.0), 8))
    assert [answer.done for answer in answers] == [False] * (len(answers) - 1) + [True]
    assert [len(a.perplexities) for a in answers][-4:] == [1, 2, 3, 3]
    last = answers[-1]
    assert last.gain is not None
    assert all(0 <= share < 1 for share in last.repeated)
    assert ask(session, Steer("the", ("the cat",), ("the dog", "a dog"), 1, (0.0,), 8))[-1].gain is None


def test_steering_ends_when_another_model_is_opened(session: Session) -> None:
    steps = start(session, Steer("the", ("the cat",), ("the dog",), 1, (0.0,), 8))
    next(steps)
    session.open(BUILTIN)
    assert not any(isinstance(answer, SteeredTexts) and answer.done for answer in steps)


# --- What it shows --------------------------------------------------------------------------------


def shuffled(model: Transformer, seed: int) -> None:
    """Shuffle the entries of every matrix: all statistics stay, and nothing that was learned."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.data = parameter.data.flatten()[order].view(parameter.shape)


def test_a_direction_is_not_clear_in_a_model_of_shuffled_weights() -> None:
    model, tokenizer = load_model(BUILTIN)
    plus, minus = (tokens_of(texts, tokenizer.encode) for texts in (HAPPY, SAD))
    clear = 0
    for seed in range(6):
        shuffled(model, seed)
        for layer in (1, 3):
            [found] = [found for found in separate(model, plus, minus, layer) if found is not None]
            clear += found.mean > CLEAR * found.error
    assert clear <= 1  # of 12


def test_smollm2_finds_the_food_amazing_or_terrible() -> None:
    session = Session()
    try:
        session.open(find("smollm2"))
    except EngineError:
        pytest.skip("smollm2 is not installed")
    prompt = "I went to the new restaurant and the food was"
    found = ask(session, Steer(prompt, HAPPY, SAD, 12, (-1.0, 0.0), 3))[-1]
    assert found.texts[0].startswith(" terrible")
    assert found.texts[1].startswith(" amazing")
    assert found.gain > 0.5
    assert found.gain > 2 * found.gain_error


def test_the_command_prints_the_texts_with_their_perplexities(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "minus.txt"
    file.write_text("キツネは森で暮らしている。\n\n今日は暖かい。\n", "utf-8")
    english = ["The fox lives in the forest.", "It is warm today."]
    arguments = ["--plus", *english, "--minus", str(file), "--strength", "-1", "0", "--tokens", "5", "--json"]
    assert main(["steer", str(BUILTIN), "The fox", *arguments]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["layer"] == 1
    assert [row["strength"] for row in result["texts"]] == [-1.0, 0.0]
    assert all(row["perplexity"] >= 1 and row["text"] for row in result["texts"])
    assert result["gain"] > 0
