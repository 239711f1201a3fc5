"""Neurons and heads: the passages they react to, against `transformers`, and nothing in models with random weights."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.cli.main import main
from engine.errors import EngineError
from engine.inspection import neurons as inspection
from engine.inspection.attention import attention_patterns
from engine.inspection.neurons import LayerScan, is_pushed, most_active, push, reach
from engine.messages.neurons import HeadReport, LayerNeurons, NeuronReport, ReadHead, ReadNeuron, ScanLayer
from engine.model.opening import BUILTIN, finish, load_transformer
from engine.model.transformer import Transformer
from engine.service import neurons as service
from engine.service.session import Session
from tests.engine.hf_models import model_of, saved, some_ids
from tests.engine.sessions import ask

FAMILIES = {"Llama": {}, "Gemma2": {"head_dim": 12, "query_pre_attn_scalar": 12}, "GPTNeoX": {}}
LAYER = 1
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Transformer]:
    """Return a random model as `transformers` has it, and as Nakami opens it."""
    folder = tmp_path_factory.mktemp(request.param)
    theirs = saved(model_of(request.param, **FAMILIES[request.param]), folder)
    return theirs, load_transformer(folder)


def passages() -> list[list[int]]:
    ids: list[list[int]] = some_ids(20 * 24)[0].reshape(20, 24).tolist()
    return ids


def scan_of(model: Transformer, layer: int = LAYER) -> LayerScan:
    scan = LayerScan(model, layer, passages())
    finish(scan.run())
    return scan


def features(theirs: Any, ids: list[list[int]]) -> torch.Tensor:
    """Return the input of the MLP's second matrix in LAYER, [B T M], as `transformers` computes it."""
    kept: list[torch.Tensor] = []
    neox = hasattr(theirs, "gpt_neox")
    block = (theirs.gpt_neox if neox else theirs.model).layers[LAYER]
    down = block.mlp.dense_4h_to_h if neox else block.mlp.down_proj
    hook = down.register_forward_pre_hook(lambda _, args: kept.append(args[0].detach()))
    theirs(torch.tensor(ids))
    hook.remove()
    return kept[0]


def test_the_best_passages_are_those_of_transformers(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    scan, x_BTM = scan_of(model), features(theirs, passages())[:, 1:]
    for sign, best in ((1, scan.high), (-1, scan.low)):
        top_BM = (sign * x_BTM).amax(dim=1).sort(dim=0, descending=True).values[: inspection.KEPT]
        assert torch.allclose(best.values_KM, top_BM, atol=1e-4)
    for neuron in range(0, x_BTM.shape[2], 7):
        passage, token = scan.best_of(neuron)[0]
        peak = float(scan.signs_M[neuron]) * x_BTM[..., neuron]
        assert float(peak[passage, token - 1]) == pytest.approx(float(peak.max()), abs=1e-4)


def test_a_peak_is_in_standard_deviations_of_the_neuron(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    scan, x_BTM = scan_of(model), features(theirs, passages())[:, 1:].double()
    z_BTM = (x_BTM - x_BTM.mean(dim=(0, 1))) / x_BTM.std(dim=(0, 1), correction=0) * torch.from_numpy(scan.signs_M)
    expected_M = z_BTM.amax(dim=1).sort(dim=0, descending=True).values[: inspection.TOP].mean(dim=0)
    assert np.allclose(scan.peaks_M, expected_M, atol=1e-3)


def test_the_activation_at_a_place_is_in_the_same_units(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    x_BTM = features(theirs, passages())
    mean_M, deviation_M = x_BTM[:, 1:].mean(dim=(0, 1)), x_BTM[:, 1:].std(dim=(0, 1), correction=0)
    expected_M = (x_BTM[3, 9] - mean_M) / deviation_M
    assert np.allclose(most_active(model, passages()[3][:10], LAYER, scan_of(model)), expected_M, atol=1e-3)


def test_a_push_is_the_neurons_column_through_the_final_norm(pair: tuple[Any, Transformer]) -> None:
    """Turning the neuron off changes the last residual stream of the last layer by the same vector."""
    theirs, model = pair
    layer, neuron, ids = model.config.n_layers - 1, 5, passages()[0]
    if model.config.block_norms != "before":
        pytest.skip("the norm after the MLP is held constant, so that the effect is not a difference of two runs")
    neox = hasattr(theirs, "gpt_neox")
    body = theirs.gpt_neox if neox else theirs.model
    norm, mlp = body.final_layer_norm if neox else body.norm, body.layers[layer].mlp
    down = mlp.dense_4h_to_h if neox else mlp.down_proj
    kept: list[torch.Tensor] = []
    hooks = [down.register_forward_pre_hook(lambda _, args: kept.append(args[0]))]
    hooks.append(norm.register_forward_pre_hook(lambda _, args: kept.append(args[0])))
    with torch.no_grad():
        theirs(torch.tensor([ids]))
        for hook in hooks:
            hook.remove()
        x_D, added_D = kept[1][0, -1], kept[0][0, -1, neuron] * down.weight[:, neuron]
        centred_D = x_D - x_D.mean() if neox else x_D
        scale = torch.rsqrt(centred_D.square().mean() + model.config.norm_epsilon)
        added_D = added_D - added_D.mean() if neox else added_D
        logits_V = theirs.get_output_embeddings().weight @ (added_D * scale * norm.weight)
    assert np.allclose(push(model, ids, layer, neuron), logits_V - logits_V.mean(), atol=1e-4)


def test_reach_is_the_largest_weight_times_its_distance(pair: tuple[Any, Transformer]) -> None:
    pattern_HTT = attention_patterns(pair[1], passages()[0])[LAYER]
    found_HT = reach(torch.from_numpy(pattern_HTT)[None])[0]
    for head, query in ((0, 0), (1, 5), (3, 23)):
        products = [pattern_HTT[head, query, key] * (query - key) for key in range(1, query + 1)]
        assert float(found_HT[head, query]) == pytest.approx(max(products, default=0.0), abs=1e-5)


def test_even_attention_reaches_less_than_one_token() -> None:
    pattern_TT = torch.ones(64, 64).tril()
    assert float(reach((pattern_TT / pattern_TT.sum(dim=1, keepdim=True))[None, None]).max()) < 1


def test_one_token_in_a_hundred_counts_as_pushed() -> None:
    effects_V = np.arange(1000, dtype=np.float32)
    assert [is_pushed(effects_V, token) for token in (999, 990, 989, 0)] == [True, True, False, False]


# --- The shipped model, and the same with shuffled weights ---------------------------------------


@pytest.fixture(scope="module")
def few() -> Any:
    """Read only a few passages, so that tests are quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "MOST", 6_000)
        yield


@pytest.fixture(scope="module")
def builtin(few: None) -> Session:
    session = Session()
    session.open(BUILTIN)
    return session


@pytest.fixture(scope="module")
def shuffled(few: None) -> Session:
    """Return a session whose model has the built-in model's weights in a random order within each matrix."""
    session, generator = Session(), torch.Generator().manual_seed(0)
    session.open(BUILTIN)
    for parameter in session.opened.model.parameters():
        order = torch.randperm(parameter.numel(), generator=generator)
        parameter.data.copy_(parameter.data.flatten()[order].view_as(parameter))
    return session


def scanned(session: Session, layer: int = 3, **arguments: Any) -> LayerNeurons:
    [found] = (answer for answer in ask(session, ScanLayer(layer, **arguments)) if isinstance(answer, LayerNeurons))
    return found


def report(session: Session, neuron: int, layer: int = 3) -> NeuronReport:
    found = (answer for answer in ask(session, ReadNeuron(layer, neuron)) if isinstance(answer, NeuronReport))
    return next(found)


def test_a_neuron_for_countries_pushes_their_names_up(builtin: Session) -> None:
    found = report(builtin, 240)  # の → 首都, 国旗, 市長
    assert {"首都", "国旗"} <= {piece for piece, _ in found.up[:5]}
    assert found.passages[0].pieces[found.passages[0].token] == "の"
    assert found.peak > found.threshold
    assert found.helped >= 2


def test_the_tinted_value_at_the_peak_is_the_highest(builtin: Session) -> None:
    found = report(builtin, 240)
    peaks = [float(passage.values[passage.token]) for passage in found.passages]
    assert peaks == sorted(peaks, reverse=True)
    assert all(peak == passage.values[1:].max() for peak, passage in zip(peaks, found.passages, strict=True))


def test_with_random_weights_no_more_neurons_have_a_peak_than_with_a_rotated_input(
    builtin: Session, shuffled: Session
) -> None:
    trained, random = scanned(builtin), scanned(shuffled)
    assert (trained.peaks > trained.threshold).mean() > 0.15
    assert (random.peaks > random.threshold).mean() < 0.04


def test_with_random_weights_a_neuron_does_not_push_the_token_that_follows(builtin: Session, shuffled: Session) -> None:
    def helped(session: Session) -> float:
        strongest = np.argsort(-scanned(session).peaks)[:20].tolist()
        reports = [report(session, neuron) for neuron in strongest]
        return sum(r.helped for r in reports) / sum(r.followed for r in reports)

    assert helped(builtin) > 0.25
    assert helped(shuffled) < 0.06


def test_the_most_active_neurons_at_a_token_are_given_with_it(builtin: Session) -> None:
    active = scanned(builtin, text="The capital of France is Paris.", place=2).active
    assert active is not None
    assert active.shape == (512,)
    assert scanned(builtin).active is None


def test_a_head_is_shown_from_the_token_that_looks_furthest(builtin: Session) -> None:
    [found] = (a for a in ask(builtin, ReadHead(2, 0)) if isinstance(a, HeadReport))
    first = found.passages[0]
    distance = first.token - np.arange(len(first.values))
    products = first.values * distance.clip(0)
    assert products[1:].max() == pytest.approx(found.reach, abs=1e-3)
    assert float(first.values.sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("request_", [ScanLayer(4), ScanLayer(-1), ReadNeuron(0, 512), ReadHead(0, 4)])
def test_a_part_that_there_is_not_is_refused(builtin: Session, request_: Any) -> None:
    with pytest.raises(EngineError) as raised:
        ask(builtin, request_)
    assert raised.value.key == "error.config_range"


@pytest.mark.parametrize("text", ["x", "the cat sat on the mat"])
def test_a_short_text_is_one_passage_or_refused(builtin: Session, tmp_path: Path, text: str) -> None:
    (tmp_path / "short.txt").write_text(text, "utf-8")
    request = ReadNeuron(0, 0, (str(tmp_path / "short.txt"),))
    if text == "x":
        with pytest.raises(EngineError):
            ask(builtin, request)
    else:
        [found] = (a for a in ask(builtin, request) if isinstance(a, NeuronReport))
        assert "".join(found.passages[0].pieces) in text


def test_the_command_prints_what_the_engine_found(
    few: None, builtin: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["neurons", str(BUILTIN), "--layer", "3", "--neuron", "240", "--head", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    found = report(builtin, 240)
    assert result["neurons"][0]["up"] == [[piece, effect] for piece, effect in found.up]
    assert result["head"]["head"] == 1
