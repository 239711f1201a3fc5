"""Lens, contributions, patching and attribution, against the hooks of `transformers`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.cli.main import main
from engine.errors import EngineError
from engine.inspection.attribution import attribute
from engine.inspection.contributions import contributions
from engine.inspection.lens import LensRow, lens, residuals
from engine.inspection.patching import Part, patch_all
from engine.model.opening import BUILTIN, finish, load_model, load_transformer
from engine.model.tape import Tape
from engine.model.transformer import Transformer
from engine.service import inside
from tests.engine.hf_models import model_of, saved, some_ids

FAMILIES = {"Llama": {}, "Gemma2": {"head_dim": 12, "query_pre_attn_scalar": 12}, "GPTNeoX": {}}
COUNT = 9
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Transformer]:
    """Return a random model as `transformers` has it, and as Nakami opens it."""
    folder = tmp_path_factory.mktemp(request.param)
    theirs = saved(model_of(request.param, **FAMILIES[request.param]), folder)
    return theirs, load_transformer(folder)


def ids_of(seed: int) -> list[int]:
    ids: list[int] = some_ids(COUNT + seed)[0, seed:].tolist()
    return ids


def blocks_of(theirs: Any) -> tuple[Any, Any, Any]:
    """Return the blocks, the final norm and the unembedding of a model of `transformers`."""
    if hasattr(theirs, "gpt_neox"):
        return theirs.gpt_neox.layers, theirs.gpt_neox.final_layer_norm, theirs.get_output_embeddings()
    return theirs.model.layers, theirs.model.norm, theirs.lm_head


def decoded(theirs: Any, x: torch.Tensor) -> torch.Tensor:
    _, norm, head = blocks_of(theirs)
    cap = getattr(theirs.config, "final_logit_softcapping", None)
    logits: torch.Tensor = head(norm(x))
    return logits if cap is None else cap * torch.tanh(logits / cap)


def rows_of(model: Transformer, ids: list[int], targets: list[int], most: int = 5) -> list[LensRow]:
    return list(lens(model, finish(residuals(model, ids)), targets, most))


@torch.no_grad()
def test_the_lens_reads_the_residual_streams_of_transformers(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    ids = ids_of(0)
    streams: list[torch.Tensor] = []
    blocks, _, _ = blocks_of(theirs)
    hooks = [blocks[0].register_forward_pre_hook(lambda _, args: streams.append(args[0]))]
    hooks += [block.register_forward_hook(lambda _, __, out: streams.append(first(out))) for block in blocks]
    logits_TV = theirs(torch.tensor([ids])).logits[0]
    for hook in hooks:
        hook.remove()
    rows = rows_of(model, ids, [7] * COUNT)
    for stream, row in zip(streams, rows, strict=True):
        p_TV = decoded(theirs, stream)[0].softmax(dim=-1)
        assert np.allclose(row.target_p_T, p_TV[:, 7], atol=1e-4)
        assert np.allclose(row.top_p_TK, p_TV.topk(5).values, atol=1e-4)
    last_TV = logits_TV.softmax(dim=-1)
    assert np.allclose(rows[-1].top_p_TK, last_TV.topk(5).values, atol=1e-4)
    assert (rows[-1].target_rank_T == 1 + (last_TV > last_TV[:, 7:8]).sum(dim=1).numpy()).all()


def first(output: Any) -> torch.Tensor:
    tensor: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return tensor


@torch.no_grad()
def test_the_contributions_add_up_to_the_logit(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    ids, (_, norm, head) = ids_of(0), blocks_of(theirs)
    caught: list[torch.Tensor] = []
    hook = norm.register_forward_hook(lambda _, __, out: caught.append(out))
    theirs(torch.tensor([ids]))
    hook.remove()
    logits_V = head(caught[0])[0, -1]
    parts = contributions(model, ids, 7)
    total = parts.embedding + parts.heads_LH.sum() + parts.mlps_L.sum() + parts.biases
    assert parts.total == pytest.approx(total, abs=1e-4)
    assert parts.total == pytest.approx(float(logits_V[7]), abs=1e-3)
    against = contributions(model, ids, 7, 8)
    assert against.total == pytest.approx(float(logits_V[7] - logits_V[8]), abs=1e-3)


@torch.no_grad()
def test_patching_equals_replacing_in_transformers(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    source, target, (blocks, _, _) = ids_of(0), ids_of(3), blocks_of(theirs)
    effect = dict(patch_all(model, source, target, (7, 8), "resid_post"))
    kept: list[torch.Tensor] = []
    hooks = [block.register_forward_hook(lambda _, __, out: kept.append(first(out))) for block in blocks]
    wanted = difference(theirs, source)
    for hook in hooks:
        hook.remove()
    before = difference(theirs, target)
    for layer, place in ((0, 2), (1, COUNT - 1), (len(blocks) - 1, COUNT - 1), (1, 0)):
        hook = blocks[layer].register_forward_hook(replacing(kept[layer], place))
        share = (difference(theirs, target) - before) / (wanted - before)
        hook.remove()
        assert effect[layer][place] == pytest.approx(share, abs=1e-3)


def difference(theirs: Any, ids: list[int]) -> float:
    logits_V = theirs(torch.tensor([ids])).logits[0, -1]
    return float(logits_V[7] - logits_V[8])


def replacing(given: torch.Tensor, place: int) -> Callable[..., Any]:
    def change(_: Any, __: Any, output: Any) -> Any:
        x = first(output).clone()
        x[:, place] = given[:, place]
        return (x, *output[1:]) if isinstance(output, tuple) else x

    return change


@pytest.mark.parametrize("part", ["resid_post", "attn_out", "mlp_out"])
def test_only_the_last_token_of_the_last_layer_reaches_the_answer(pair: tuple[Any, Transformer], part: Part) -> None:
    _, model = pair
    layer, effect_T = next(patch_all(model, ids_of(0), ids_of(3), (7, 8), part))
    assert layer == model.config.n_layers - 1
    assert np.abs(effect_T[:-1]).max() < 1e-5
    if part == "resid_post":
        assert effect_T[-1] == pytest.approx(1.0, abs=1e-4)


def test_texts_that_cannot_be_patched_are_refused(pair: tuple[Any, Transformer]) -> None:
    _, model = pair
    with pytest.raises(EngineError, match="patch_lengths"):
        next(patch_all(model, ids_of(0), ids_of(0)[1:], (7, 8), "resid_post"))
    with pytest.raises(EngineError, match="patch_equal"):
        next(patch_all(model, ids_of(0), ids_of(0), (7, 8), "resid_post"))


def test_occlusion_is_the_fall_of_the_probability_without_a_token(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    ids, embedding = ids_of(0), theirs.get_input_embeddings()
    values = attribute(model, ids, 7, "occlusion")
    with torch.no_grad():
        mean_D, before = embedding.weight.mean(dim=0), log_p(theirs, ids)
        for place in (0, 4, COUNT - 1):
            scale = theirs.config.hidden_size**0.5 if hasattr(theirs.config, "final_logit_softcapping") else 1.0
            hook = embedding.register_forward_hook(replacing(mean_D.mul(scale).expand(1, COUNT, -1), place))
            assert values[place] == pytest.approx(before - log_p(theirs, ids), abs=1e-3)
            hook.remove()


def log_p(theirs: Any, ids: list[int]) -> float:
    return float(theirs(torch.tensor([ids])).logits[0, -1].log_softmax(dim=-1)[7])


@pytest.mark.parametrize("against", [None, 8])
def test_integrated_gradients_add_up_to_the_difference_of_the_scores(
    pair: tuple[Any, Transformer], against: int | None
) -> None:
    _, model = pair
    ids = ids_of(0)
    values = attribute(model, ids, 7, "integrated", against)
    mean_D = model.embedding.weight.mean(dim=0)

    @torch.no_grad()
    def score(change: dict[str, torch.Tensor]) -> float:
        logits_V = model(torch.tensor([ids]), tape=Tape(changes=change))[0, -1]
        return float(logits_V.log_softmax(dim=0)[7] if against is None else logits_V[7] - logits_V[8])

    whole = score({}) - score({"embed": mean_D.expand(1, COUNT, -1)})
    assert values.sum() == pytest.approx(whole, rel=0.01, abs=0.002)


def test_gradients_vanish_where_embeddings_are_normalised_at_once() -> None:
    model, tokenizer = load_model(BUILTIN)
    ids = tokenizer.encode("The capital of France is")
    target = tokenizer.encode(" Paris")[0]
    assert np.abs(attribute(model, ids, target, "gradient")).max() < 1e-4
    assert attribute(model, ids, target, "occlusion")[3] > 1.0  # France


# --- Commands -----------------------------------------------------------------------------------------


def test_the_lens_of_the_built_in_model_ends_with_its_output(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "lens.npz"
    assert main(["lens", str(BUILTIN), "The capital of France is", "--out", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shapes"]["top_ids"] == [5, 5, 5]
    with np.load(path) as found:
        assert found["tokens"][-1] == " is"
        assert found["target_rank"][-1, -1] == 1
        assert found["target_rank"][0, -1] > 100  # Paris is not in the embedding of "is"
        assert found["target_p"][-1, -1] == pytest.approx(found["top_p"][-1, -1, 0])
        assert found["heads"].shape == (4, 4)


def test_the_tuned_lens_reads_the_answer_earlier_and_keeps_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "PASSAGES", 40)
    paths = tmp_path / "plain.npz", tmp_path / "tuned.npz"
    for path, more in zip(paths, ([], ["--tuned"]), strict=True):
        assert main(["lens", str(BUILTIN), "The capital of France is", "--out", str(path), *more]) == 0
    with np.load(paths[0]) as plain, np.load(paths[1]) as tuned:
        assert (tuned["target_rank"][:-1, -1] <= plain["target_rank"][:-1, -1]).all()
        assert tuned["target_rank"][0, -1] < plain["target_rank"][0, -1]
        assert np.array_equal(tuned["top_p"][-1], plain["top_p"][-1])
        assert tuned["plain_bits"].shape == (4,)
        assert (tuned["tuned_bits"] < tuned["plain_bits"]).all()


def test_the_country_is_handed_over_in_the_built_in_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "patch.npz"
    texts = ["--from", "The capital of France is", "--into", "The capital of Germany is"]
    assert main(["patch", str(BUILTIN), *texts, "--answer", "Paris", "--instead", "Berlin", "--out", str(path)]) == 0
    with np.load(path) as found:
        effect_LT, country = found["effect"], list(found["tokens"]).index(" Germany")
    assert effect_LT[0, country] > 0.9
    assert effect_LT[-1, country] == pytest.approx(0.0, abs=1e-5)
    assert effect_LT[-1, -1] == pytest.approx(1.0)
    capsys.readouterr()


@pytest.mark.parametrize("method", ["occlusion", "integrated", "gradient"])
def test_attribution_prints_a_share_for_each_token(capsys: pytest.CaptureFixture[str], method: str) -> None:
    command = ["attribute", str(BUILTIN), "The capital of France is", "--method", method, "--target", "Paris"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["target"] == " Paris"
    assert found["probability"] > 0.5
    assert sum(abs(token["share"]) for token in found["tokens"]) == pytest.approx(1.0)


@pytest.mark.parametrize("command", ["lens", "attribute"])
def test_an_empty_text_ends_with_one_sentence(command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "a.npz")] if command == "lens" else []
    assert main([command, str(BUILTIN), "", *out]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
