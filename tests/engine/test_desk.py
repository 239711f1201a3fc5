"""The mixing desk: faders, the ranking of all parts, and what is measured before and after."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.inspection.interventions import changes_of
from engine.inspection.meters import Probe, measure, probes_of
from engine.inspection.ranking import rank_parts
from engine.messages.desk import OF_THE_WORLD, Level, Measure, Measured, Mix, Mixed, PartsTried, RankParts, Rewrite
from engine.messages.models import ChangeModel, Intervention, MeanAblated, Patched, Scaled, Steered
from engine.model.checkpoint import save_model
from engine.model.opening import BUILTIN, finish, load_model, load_transformer
from engine.model.tape import Tape
from engine.model.transformer import Transformer
from engine.service.session import Session
from tests.engine.hf_models import model_of, saved, some_ids
from tests.engine.sessions import ask, start

FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": {},
    "Gemma2": {"head_dim": 12, "query_pre_attn_scalar": 12},
    "GPTNeoX": {},
}
TEXT = "The capital of France is"
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Transformer]:
    """Return a random model as `transformers` has it, and as Nakami opens it."""
    folder = tmp_path_factory.mktemp(request.param)
    theirs = saved(model_of(request.param, **FAMILIES[request.param]), folder)
    return theirs, load_transformer(folder)


@pytest.fixture(scope="module")
def opened() -> Session:
    session = Session()
    session.open(BUILTIN)
    return session


@pytest.fixture
def session(opened: Session) -> Iterator[Session]:
    yield opened
    ask(opened, ChangeModel(()))


def probes_in(model: Transformer) -> list[Probe]:
    """Return three probes of different lengths."""
    ids = tuple(some_ids(24)[0].tolist())
    return [Probe(ids[:9], 8), Probe(ids[9:13], 1), Probe(ids[13:24], 5)]


def without(session_or_model: Transformer, changed: list[Intervention], ids: tuple[int, ...] = ()) -> Tape:
    return Tape(changes=changes_of(session_or_model, changed, lambda _: ids))


def every_part(model: Transformer) -> list[tuple[int, int | None]]:
    config = model.config
    return [(layer, head) for layer in range(config.n_layers) for head in (*range(config.n_heads), None)]


@torch.no_grad()
def logits(model: Transformer, ids: tuple[int, ...], tape: Tape) -> torch.Tensor:
    return model(torch.tensor([ids]), tape=tape)[0]


# --- Faders ---------------------------------------------------------------------------------------------


def test_faders_at_1_change_nothing_to_the_last_bit(pair: tuple[Any, Transformer]) -> None:
    _, model = pair
    ids = probes_in(model)[0].ids
    faders: list[Intervention] = [Scaled(layer, head, 1.0) for layer, head in every_part(model)]
    assert torch.equal(logits(model, ids, without(model, faders)), logits(model, ids, Tape()))


@torch.no_grad()
def test_with_all_faders_at_0_only_the_embedding_is_decoded(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    ids = probes_in(model)[0].ids
    found = logits(model, ids, without(model, [Scaled(*part) for part in every_part(model)]))
    x_TD = theirs.get_input_embeddings()(torch.tensor(ids))
    if hasattr(theirs, "gpt_neox"):  # the biases of the projections belong to no head
        x_TD = x_TD + sum(layer.attention.dense.bias for layer in theirs.gpt_neox.layers)
        expected = theirs.get_output_embeddings()(theirs.gpt_neox.final_layer_norm(x_TD))
    else:
        cap = getattr(theirs.config, "final_logit_softcapping", None)
        x_TD = x_TD if cap is None else x_TD * theirs.config.hidden_size**0.5  # Gemma
        expected = theirs.lm_head(theirs.model.norm(x_TD))
        expected = expected if cap is None else cap * torch.tanh(expected / cap)
    assert torch.allclose(found, expected, atol=1e-4)


# --- The ranking ----------------------------------------------------------------------------------------


def ranking(model: Transformer, probes: list[Probe], mean: bool = False) -> dict[int, np.ndarray[Any, Any]]:
    return dict(found for found in rank_parts(model, probes, mean) if found is not None)


@torch.no_grad()
def one_by_one(model: Transformer, probe: Probe, tape: Tape) -> float:
    log_p_TV = logits(model, probe.ids, tape).log_softmax(dim=1)
    return float(sum(log_p_TV[place - 1, probe.ids[place]] for place in range(probe.first, len(probe.ids))))


def test_the_ranking_equals_turning_the_parts_off_one_by_one(pair: tuple[Any, Transformer]) -> None:
    _, model = pair
    probes = probes_in(model)
    found = ranking(model, probes)
    assert list(found) == list(reversed(range(model.config.n_layers)))
    for layer, head in every_part(model):
        row = found[layer][model.config.n_heads if head is None else head]
        expected = [one_by_one(model, probe, without(model, [Scaled(layer, head)])) for probe in probes]
        assert np.allclose(row, expected, atol=1e-4)


def test_the_ranking_by_means_equals_the_intervention_of_that_name(pair: tuple[Any, Transformer]) -> None:
    _, model = pair
    probe = probes_in(model)[0]
    found = ranking(model, [probe], mean=True)
    for layer, head in every_part(model):
        row = found[layer][model.config.n_heads if head is None else head]
        tape = without(model, [MeanAblated(layer, head, "text")], probe.ids[:-1])
        assert row[0] == pytest.approx(one_by_one(model, probe, tape), abs=1e-4)


@torch.no_grad()
def test_the_ranking_equals_hooks_in_transformers(pair: tuple[Any, Transformer]) -> None:
    theirs, model = pair
    probe, H = probes_in(model)[0], model.config.n_heads
    found = ranking(model, [probe])
    blocks = theirs.gpt_neox.layers if hasattr(theirs, "gpt_neox") else theirs.model.layers
    for layer, head in ((0, 1), (1, 0), (1, None)):
        block = blocks[layer]
        out = getattr(block, "attention", None) or block.self_attn
        hook = (
            block.mlp.register_forward_hook(lambda _, __, y: torch.zeros_like(y))
            if head is None
            else (getattr(out, "dense", None) or out.o_proj).register_forward_pre_hook(silencing(head, H))
        )
        log_p_TV = theirs(torch.tensor([probe.ids[:-1]])).logits[0].log_softmax(dim=-1)
        hook.remove()
        expected = float(log_p_TV[-1, probe.ids[-1]])
        assert found[layer][H if head is None else head][0] == pytest.approx(expected, abs=1e-4)


def silencing(head: int, heads: int) -> Callable[..., Any]:
    def change(_: Any, args: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        z = args[0].clone().unflatten(-1, (heads, -1))
        z[..., head, :] = 0
        return (z.flatten(-2),)

    return change


def test_in_a_model_of_random_weights_no_part_matters(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A method must find nothing where there is nothing (Adebayo et al. 2018, arXiv:1810.03292)."""
    model, tokenizer = load_model(BUILTIN)
    probes = probes_of("documents", model, tokenizer, "")[:6]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    whole = finish(measure(model, probes))
    shares = [np.exp(values).mean(axis=1) for values in ranking(model, probes).values()]
    assert np.exp(whole).mean() < 0.001
    assert np.max(shares) < 0.001


# --- Requests on the built-in model ---------------------------------------------------------------------


def level(session: Session, meter: Any) -> tuple[Level, Level]:
    [found] = ask(session, Measure(TEXT, (meter,)))
    assert isinstance(found, Measured)
    return found.before, found.after


def test_without_one_head_documents_cannot_be_read(session: Session) -> None:
    rows = [found for found in ask(session, RankParts("", "documents")) if isinstance(found, PartsTried)]
    assert [row.layer for row in rows] == [3, 2, 1, 0]
    assert rows[-1].done == pytest.approx(1.0)
    heads_LH = np.stack([row.losses[:-1] for row in reversed(rows)])
    layer, head = (int(i) for i in np.unravel_index(heads_LH.argmax(), heads_LH.shape))
    before, after = level(session, "documents")
    assert before == after == rows[0].whole
    assert before.probability > 0.9
    ask(session, ChangeModel((Scaled(layer, head),)))
    unchanged, after = level(session, "documents")
    assert unchanged == before
    assert after.probability < 0.2
    assert after.loss == pytest.approx(heads_LH.max(), abs=1e-4)
    written = level(session, "writing")
    assert 0.05 < written[1].loss - written[0].loss < 0.4  # the model writes nearly as well


def test_the_loss_of_a_text_is_that_of_its_tokens(session: Session) -> None:
    ids = session.opened.ids_of(TEXT)
    losses = []
    for place in range(1, len(ids)):
        logits_V = torch.from_numpy(session.opened.original.logits(ids[:place])).double()
        losses.append(-float(logits_V.log_softmax(dim=0)[ids[place]]))
    assert level(session, "text")[0].loss == pytest.approx(np.mean(losses), abs=1e-4)


def test_the_candidates_before_are_those_of_the_unchanged_model(session: Session) -> None:
    [plain] = ask(session, Mix(TEXT))
    ask(session, ChangeModel((Scaled(3, None),)))
    [mixed] = ask(session, Mix(TEXT))
    assert isinstance(mixed, Mixed)
    assert mixed.pieces[0] == " Paris"
    assert np.allclose(mixed.before[:3], plain.before[:3])
    assert np.allclose(plain.before, plain.after)
    logits_V = session.opened.reader.logits(session.opened.ids_of(TEXT)).astype(float)
    p_V = np.exp(logits_V - logits_V.max())
    assert np.allclose(mixed.after, (p_V / p_V.sum())[mixed.ids], atol=1e-6)
    assert int(logits_V.argmax()) in mixed.ids
    assert len(set(mixed.ids.tolist())) == len(mixed.ids)


def test_a_text_is_continued_by_both_models(session: Session) -> None:
    [*_, plain] = ask(session, Rewrite(TEXT, 12))
    assert plain.before == plain.after
    ask(session, ChangeModel((Scaled(3, None),)))
    answers = ask(session, Rewrite(TEXT, 12))
    assert answers[-1].before == plain.before
    assert answers[-1].after != plain.before
    assert len(answers) == 12
    assert len(answers[3].after) == 4


def test_the_ranking_follows_the_wanted_word(session: Session) -> None:
    [first, *_] = ask(session, RankParts(TEXT, word="Berlin"))
    logits_V = session.opened.reader.logits(session.opened.ids_of(TEXT)).astype(float)
    [berlin] = session.opened.tokenizer.encode(" Berlin")
    p_V = np.exp(logits_V - logits_V.max())
    assert first.whole.probability == pytest.approx(p_V[berlin] / p_V.sum(), rel=1e-3)
    [likeliest, *_] = ask(session, RankParts(TEXT))
    assert likeliest.whole.probability == pytest.approx(p_V.max() / p_V.sum(), rel=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        (Patched(2, "resid_post", 3, "The capital of Germany is", TEXT),),
        (Scaled(3, 1), Steered(1, ("a b",), ("c d",), 2.0)),
    ],
)
def test_the_ranking_leaves_kept_patches_and_other_changes_out(
    session: Session, changes: tuple[Intervention, ...]
) -> None:
    plain = ask(session, RankParts(TEXT))
    [before] = ask(session, Mix(TEXT))
    ask(session, ChangeModel(changes))
    assert not np.allclose(ask(session, Mix(TEXT))[0].after[:2], before.after[:2])
    for one, other in zip(plain, ask(session, RankParts(TEXT)), strict=True):
        assert np.array_equal(one.losses, other.losses)
        assert one.whole == other.whole


def test_every_meter_of_the_little_world_shows_what_the_model_has_learned(session: Session) -> None:
    for meter in OF_THE_WORLD:
        before, _ = level(session, meter)
        assert before.loss < 0.6, meter


def test_the_loss_on_a_corpus_is_that_of_passages_of_its_file(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text(TEXT, "utf-8")
    [own, corpus] = ask(session, Measure(TEXT, ("text", "corpus"), (str(path),)))
    assert corpus.before == own.before
    path.write_text(f"{TEXT} Paris. The capital of Japan is", "utf-8")
    [other] = ask(session, Measure("", ("corpus",), (str(path),)))
    assert other.before != corpus.before
    ask(session, ChangeModel((Scaled(3, None),)))
    [changed] = ask(session, Measure("", ("corpus",), (str(path),)))
    assert changed.before == other.before
    assert changed.after.loss > other.before.loss
    ranked = ask(session, RankParts("", "corpus", paths=(str(path),)))
    assert ranked[0].whole == other.before
    path.unlink()
    with pytest.raises(EngineError):
        ask(session, Measure("", ("corpus",), (str(path),)))


def test_all_parts_of_a_model_in_training_are_tried_with_the_same_weights() -> None:
    session = Session()
    session.open(BUILTIN)
    expected = ask(session, RankParts(TEXT))
    session.opened.info, found = replace(session.opened.info, training=True), []
    for answer in start(session, RankParts(TEXT)):
        found.append(answer)
        with torch.no_grad():
            session.opened.model.unembedding.weight.mul_(0.5)  # as a training step changes them
    assert [one.layer for one in found] == [one.layer for one in expected]
    assert all(np.array_equal(one.losses, other.losses) for one, other in zip(found, expected, strict=True))


def test_the_ranking_ends_when_another_model_is_opened() -> None:
    session = Session()
    session.open(BUILTIN)
    answers = start(session, RankParts(TEXT))
    next(answers)
    session.open(BUILTIN)
    assert list(answers) == []


def test_a_meter_whose_texts_do_not_fit_the_context_is_left_out(tmp_path: Path) -> None:
    model, tokenizer = load_model(BUILTIN)
    save_model(tmp_path / "short", Transformer(replace(model.config, context=8)), tokenizer, 0)
    session = Session()
    session.open(tmp_path / "short")
    assert [one.meter for one in ask(session, Measure(TEXT, ("text", "documents", "writing")))] == ["text", "writing"]
    assert ask(session, RankParts(TEXT, "documents")) == []


def test_nothing_is_answered_for_an_empty_text_and_a_short_one_is_refused(session: Session) -> None:
    assert ask(session, Mix("")) == []
    assert ask(session, RankParts("")) == []
    with pytest.raises(EngineError, match="text_too_short"):
        ask(session, RankParts("", "text"))
    assert ask(session, Measure("", ("text",))) == []
