"""Models with tensors that are not used, prompts longer than the context, and attention weights of long texts."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cli.main import main
from engine.errors import EngineError
from engine.inspection.attention import attention_patterns
from engine.messages.attention import Attend
from engine.messages.generation import Generate, GeneratedTokens, PredictNext, SamplingSettings
from engine.messages.map import TraceForward
from engine.messages.models import OpenModel
from engine.messages.status import Notice
from engine.model.checkpoint import read_tensors, write_tensors
from engine.model.opening import describe, load_model
from engine.service.session import Session
from tests.engine.odd_models import WIDTH, Weights, byte_tokenizer, make_llama, write_weights
from tests.engine.sessions import ask

HEAD = "lm_head.weight"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    code = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_llama(tmp_path / "m", byte_tokenizer())
    return tmp_path / "m"


# --- Tensors that are not used ----------------------------------------------------------------------


def opened(folder: Path, **more: Any) -> tuple[str, ...]:
    """Return the names that are reported when a tied model with these tensors is opened."""
    weights = make_llama(folder, byte_tokenizer(), tied=True)
    write_weights(folder, weights | more)
    return describe(folder).unused


def numbers(*shape: int) -> Any:
    return np.full(shape, 0.5, np.float32)


@pytest.mark.parametrize(
    "name",
    [
        HEAD,
        "model.layers.2.mlp.up_proj.weight",
        "model.layers.0.self_attn.q_proj.bias",
        "model.layers.0.self_attn.q_proj.weight_scale",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
        "score.weight",
    ],
)
def test_a_tensor_that_the_model_does_not_use_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A second head, a layer more than config.json has, a bias, a scale of quantization, an adapter, a classifier."""
    short = name.removeprefix("model.")
    assert opened(tmp_path, **{name: numbers(95, WIDTH)}) == (short,)
    code, found, err = run(capsys, "open", tmp_path)
    assert code == 0
    assert found["unused"] == [short]
    assert short in err


def test_an_adapter_beside_the_model_is_reported(folder: Path) -> None:
    (folder / "adapter_model.safetensors").touch()
    assert describe(folder).unused == ("adapter_model.safetensors",)


@pytest.mark.parametrize("name", ["model.rotary_emb.inv_freq", "model.layers.0.self_attn.rotary_emb.inv_freq"])
def test_buffers_are_not_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert opened(tmp_path, **{name: numbers(8), "model.embeddings.position_ids": np.arange(9)}) == ()
    code, found, err = run(capsys, "open", tmp_path)
    assert (code, found["unused"], err) == (0, [], "")


def test_a_tied_head_that_is_saved_as_the_embedding_is_not_reported(tmp_path: Path) -> None:
    embedding = make_llama(tmp_path, byte_tokenizer(), tied=True)["model.embed_tokens.weight"]
    assert opened(tmp_path, **{HEAD: embedding}) == ()


def test_an_unknown_tensor_in_a_model_of_nakami_is_reported(model_folder: Path, tmp_path: Path) -> None:
    tensors, about = read_tensors(model_folder / "model.safetensors")
    extra = tensors["embedding.weight"].clone()
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((model_folder / name).read_bytes())
    write_tensors(tmp_path / "model.safetensors", tensors | {"second.weight": extra}, about)
    assert describe(tmp_path).unused == ("second.weight",)
    assert describe(model_folder).unused == ()


# --- A prompt longer than the context ----------------------------------------------------------------

LONG = "the password is 1234. " + "here is another sentence. " * 8 + "what is it?"
WRITING = ("--tokens", 90, "--seed", 3, "--repetition-penalty", 1.3)


def test_generate_reports_how_many_tokens_the_model_does_not_see(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found, err = run(capsys, "generate", folder, "--prompt", LONG, *WRITING)
    assert (code, len(found["tokens"])) == (0, 90)
    assert 0 < len(LONG) - found["unseen"] <= 64
    assert str(len(LONG)) in err
    assert str(len(LONG) - found["unseen"]) in err
    assert "1234" not in LONG[found["unseen"] :]


def test_what_is_written_follows_from_the_visible_part_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = run(capsys, "generate", folder, "--prompt", LONG, *WRITING)[1]
    part = run(capsys, "generate", folder, "--prompt", LONG[whole["unseen"] :], *WRITING)
    assert part[1]["text"] == whole["text"]
    assert (part[1]["unseen"], part[2]) == (0, "")


@pytest.mark.parametrize("text", ["", "猫"])
def test_a_text_without_tokens_is_continued(tmp_path: Path, text: str) -> None:
    """A tokenizer of a few characters may have a token neither for a text nor for the newline."""
    make_llama(tmp_path, byte_tokenizer())
    session = Session()
    session.open(tmp_path)
    assert session.opened.tokenizer.encode("\n") == []
    assert ask(session, Generate(text, tokens=2))
    assert ask(session, PredictNext(text))


# --- The attention weights of a long text -------------------------------------------------------------


def test_attend_reports_the_size_and_writes_the_weights_of_every_layer(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, out = "some words to attend to", tmp_path / "w.npz"
    code, found, err = run(capsys, "attend", folder, text, "--out", out)
    assert (code, found["shapes"]["weights"]) == (0, [2, 2, len(text), len(text)])
    assert "1 MB" in err
    model, tokenizer = load_model(folder)
    with np.load(out) as arrays:
        assert np.array_equal(arrays["weights"], attention_patterns(model, tokenizer.encode(text)))
        assert arrays["tokens"].tolist() == [" " if c == " " else c for c in text]


def test_attend_refuses_a_layer_for_which_there_is_no_memory(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.model.memory.free_memory", lambda: 1000)
    code, _, err = run(capsys, "attend", folder, "some words", "--out", tmp_path / "w.npz")
    assert code == 1
    assert "GB" in err
    assert not (tmp_path / "w.npz").exists()


def test_attend_holds_one_layer_at_a_time(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[Any] = []

    def layers(*_: object) -> Any:
        for layer in range(2):
            assert alive == []
            array = np.full((2, 5, 5), layer, np.float32)
            alive.append(layer)
            yield _Watched.of(array, alive)
            del array

    monkeypatch.setattr("engine.inspection.attention.attention_by_layer", layers)
    assert main(["attend", str(folder), "words", "--out", str(tmp_path / "w.npz")]) == 0


class _Watched(np.ndarray[Any, Any]):
    """An array that removes the last entry of a list when it is deleted."""

    alive: list[Any]

    @classmethod
    def of(cls, array: Any, alive: list[Any]) -> "_Watched":
        made = array.view(cls)
        made.alive = alive
        return made

    def __del__(self) -> None:
        if hasattr(self, "alive"):
            self.alive.pop()


def test_a_failure_while_attention_is_written_leaves_no_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def layers(*_: object) -> Any:
        yield np.zeros((2, 5, 5), np.float32)
        raise EngineError("error.logits_broken")

    monkeypatch.setattr("engine.inspection.attention.attention_by_layer", layers)
    assert run(capsys, "attend", folder, "words", "--out", tmp_path / "w.npz")[0] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


# --- Weights that are not finite ----------------------------------------------------------------------


def damaged(folder: Path, change: Any) -> Session:
    """Open a model whose weights `change` has damaged."""
    weights = make_llama(folder, byte_tokenizer())
    change(weights)
    write_weights(folder, weights)
    session = Session()
    session.open(folder)
    return session


def no_number(value: float) -> Any:
    def change(weights: Weights) -> None:
        weights["model.embed_tokens.weight"][ord("q") - 32] = value

    return change


REQUESTS = [Attend("a q b"), Generate("a q b", tokens=3), PredictNext("a q b"), TraceForward("a q b")]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_a_token_whose_embedding_is_not_finite_is_named(tmp_path: Path, value: float, request_: Any) -> None:
    session = damaged(tmp_path, no_number(value))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EngineError) as raised:
            ask(session, request_)
    assert raised.value.key == "error.row_broken"
    assert raised.value.args_by_name == {"piece": "q", "id": ord("q") - 32}


@pytest.mark.parametrize(("words", "said"), [("a q b", "q"), ("a b", "NaN")])
def test_evaluate_gives_a_sentence_and_not_nan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    damaged(tmp_path / "m", lambda weights: [no_number(np.nan)(weights), weights[HEAD].fill(np.nan)])
    (tmp_path / "text.txt").write_text(words * 9)
    code, found, err = run(capsys, "evaluate", tmp_path / "m", tmp_path / "text.txt")
    assert (code, found) == (1, {})
    assert said in err


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_other_texts_are_continued_with_numbers(tmp_path: Path, value: float) -> None:
    session = damaged(tmp_path, no_number(value))
    [*answers] = ask(session, Generate("a b", tokens=5, sampling=SamplingSettings(temperature=0.0)))
    tokens = [token for answer in answers if isinstance(answer, GeneratedTokens) for token in answer.tokens]
    assert len(tokens) == 5
    assert all(0 < token.probability <= 1 for token in tokens)


@pytest.mark.parametrize("name", ["model.layers.1.self_attn.v_proj.weight", "model.norm.weight", HEAD])
@pytest.mark.parametrize("request_", REQUESTS[1:], ids=lambda request: type(request).__name__)
def test_other_weights_that_are_not_finite_give_a_sentence(tmp_path: Path, name: str, request_: Any) -> None:
    """NaN in a head, in the norm, in the unembedding."""
    session = damaged(tmp_path, lambda weights: weights[name].fill(np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EngineError) as raised:
            ask(session, request_)
    assert raised.value.key == "error.logits_broken"


def test_opening_a_model_names_the_tensors_that_are_not_finite(tmp_path: Path) -> None:
    """Torch's fused attention turns NaN into numbers, so that the result does not show every such weight."""
    weights = make_llama(tmp_path, byte_tokenizer())
    weights["model.layers.0.self_attn.q_proj.weight"][0, 0] = np.nan
    write_weights(tmp_path, weights)
    notices = [event for event in ask(Session(), OpenModel(str(tmp_path))) if isinstance(event, Notice)]
    assert notices[-1] == Notice("notice.weights_broken", {"count": 1, "names": "blocks.0.attention.qkv.weight"})


def test_a_model_of_zeros_writes(tmp_path: Path) -> None:
    session = damaged(tmp_path, lambda weights: [array.fill(0) for array in weights.values()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for request_ in REQUESTS:
            assert ask(session, request_)
