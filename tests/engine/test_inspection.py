"""What the panes show is what the model computes."""

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.inspection.attention import attention_patterns
from engine.inspection.heads import even_scores, first_token, head_scores, induction, previous_token, same_token
from engine.inspection.projection import align_axes, principal_plane, tsne, umap
from engine.inspection.vectors import analogy, nearest
from engine.messages.attention import POOLED, Attend, AttendHead, AttentionLayer, AttentionSteps, ExplainAttention
from engine.messages.embeddings import (
    Analogy,
    EmbeddingMap,
    EmbeddingNames,
    EmbeddingPaths,
    FindAnalogy,
    LookUp,
    Project,
    TokenRow,
    TracePaths,
)
from engine.messages.models import ModelInfo
from engine.model.config import ModelConfig
from engine.model.opening import load_model
from engine.model.tape import Tape
from engine.model.transformer import Transformer
from engine.service.embeddings import find_analogy, look_up, project, trace_paths
from engine.service.session import Session
from engine.text.tokenizer import train_characters
from tests.engine.sessions import ask


def cloud(seed: int = 1, count: int = 100) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(count, 2)) * [3, 1]).astype(np.float32)


# --- Attention ------------------------------------------------------------------------------------


def test_the_pattern_of_every_head_is_causal_and_sums_to_one(model_folder: Path) -> None:
    model, tokenizer = load_model(model_folder)
    ids = tokenizer.encode("the cat sat on the mat.")
    weights = attention_patterns(model, ids).astype(np.float32)
    assert weights.shape == (2, 2, len(ids), len(ids))
    assert np.allclose(weights.sum(-1), 1.0, atol=5e-3)
    assert (np.triu(weights, 1) == 0).all()


def test_the_pattern_is_the_softmax_of_the_scores(model_folder: Path) -> None:
    """softmax(q·k / √d) over the keys up to the query: Vaswani et al. 2017, equation 1."""
    model, tokenizer = load_model(model_folder)
    ids = tokenizer.encode("the dog sat on the log.")
    names = [f"blocks.1.attn.{name}" for name in ("q", "k")]
    tape = Tape(names)
    with torch.no_grad():
        model(torch.tensor([ids]), tape=tape)
    q, k = (tape[name][0].transpose(0, 1).double().numpy() for name in names)
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
    scores[:, *np.triu_indices(len(ids), 1)] = -np.inf
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    expected = shares / shares.sum(-1, keepdims=True)
    assert np.allclose(attention_patterns(model, ids)[1], expected, atol=1e-3)


def test_a_single_token_attends_to_itself(model_folder: Path) -> None:
    model, _ = load_model(model_folder)
    assert (attention_patterns(model, [300]) == 1).all()


def test_damaged_weights_raise_an_engine_error(model_folder: Path) -> None:
    model, _ = load_model(model_folder)
    with torch.no_grad():
        model.embedding.weight.fill_(math.nan)
    with pytest.raises(EngineError, match="logits_broken"):
        attention_patterns(model, [300, 301])


def test_attend_uses_the_last_tokens_of_a_long_text(session: Session) -> None:
    text = "the cat sat on the mat. the dog sat on the log. " * 2
    ids = session.opened.tokenizer.encode(text)
    lower, upper = ask(session, Attend(text))
    assert isinstance(lower, AttentionLayer)
    assert isinstance(upper, AttentionLayer)
    assert (lower.layer, upper.layer, upper.layers) == (0, 1, 2)
    assert len(ids) > len(lower.pieces) == session.opened.model.config.context
    assert lower.first == len(ids) - len(lower.pieces)
    assert lower.pieces == tuple(session.opened.tokenizer.piece(i) for i in ids[lower.first :])
    assert np.allclose(
        [lower.weights, upper.weights], attention_patterns(session.opened.model, ids[lower.first :]), atol=1e-3
    )
    fewer, _ = ask(session, Attend(text, most=5))
    assert isinstance(fewer, AttentionLayer)
    assert fewer.pieces == lower.pieces[-5:]


def test_patterns_of_long_texts_are_pooled_and_one_head_is_exact() -> None:
    """The model has the shape of GPT-2 with more heads, the text 600 tokens."""
    config = ModelConfig(400, 2, 20, 20, width=640, head_width=32, mlp_width=64, context=600)
    model, tokenizer = Transformer(config), train_characters(["ab"])
    info = ModelInfo("large", "", "nakami", 1, 2, 20, 640, 600, 400, 1, 0, False, False)
    session = Session()
    session._set(model, tokenizer, info)
    text = "ab" * 400
    requests = (Attend(text), AttendHead(text, 1, 3), ExplainAttention(text, 1, 599))
    answers = [ask(session, request) for request in requests]
    [exact], [steps] = answers[1:]
    rows = exact.weights
    assert np.allclose(rows[599], steps.weights[3], atol=1e-3)
    assert rows.shape == (600, 600)
    picture = answers[0][1].weights[3]
    assert picture.shape[0] <= POOLED
    size = -(-600 // picture.shape[0])
    assert np.isclose(picture[5, 2], rows[5 * size : 6 * size, 2 * size : 3 * size].max(), atol=1e-3)


def test_the_four_steps_lead_to_the_weights(session: Session) -> None:
    text, layer, query = "the cat sat on", 1, 3
    [steps] = ask(session, ExplainAttention(text, layer, query))
    assert isinstance(steps, AttentionSteps)
    model = session.opened.model
    ids = session.opened.tokenizer.encode(text)
    scaled = np.einsum("hk,hsk->hs", steps.q, steps.k) / math.sqrt(steps.q.shape[1])
    assert np.allclose(scaled, steps.scaled, atol=1e-5)
    assert np.allclose(steps.weights, attention_patterns(model, ids)[layer][:, query, : query + 1], atol=1e-5)
    assert np.allclose(np.einsum("hs,hsk->hk", steps.weights, steps.v), steps.heads, atol=1e-5)
    qkv = model.get_parameter(f"blocks.{layer}.attention.qkv.weight").detach().numpy() @ steps.input
    assert np.allclose(qkv.reshape(6, -1)[4:], steps.v[:, -1], atol=1e-5)


# --- Head scores ----------------------------------------------------------------------------------

IDS = np.array([5, 7, 9, 5, 7, 9])


@pytest.mark.parametrize(
    ("measure", "key_of"),
    [
        (previous_token, {q: q - 1 for q in range(1, 6)}),
        (first_token, dict.fromkeys(range(1, 6), 0)),
        (same_token, {3: 0, 4: 1, 5: 2}),
        (induction, {3: 1, 4: 2, 5: 3}),
    ],
)
def test_a_head_with_only_one_function_scores_one(measure: Callable[..., np.ndarray], key_of: dict[int, int]) -> None:
    weights = np.zeros((2, 6, 6), np.float32)
    weights[1] = np.tril(np.ones((6, 6))) / np.arange(1, 7)[:, None]
    for query in range(6):
        weights[0, query, key_of.get(query, query)] = 1.0
    score, even = measure(weights, IDS)
    assert score == pytest.approx(1.0)
    assert 0 < even < 0.5


def test_heads_are_scored_on_the_same_probe_every_time(session: Session) -> None:
    model = session.opened.model
    scores = head_scores(model)
    assert scores.shape == (4, 2, 2)
    assert np.array_equal(scores, head_scores(model))
    assert ((scores >= 0) & (scores <= 1)).all()


def test_attention_spread_evenly_scores_the_mean_part_of_the_wanted_keys() -> None:
    even = even_scores(IDS)
    queries = np.arange(1, len(IDS))
    assert even[0] == pytest.approx((1 / (queries + 1)).mean())  # the token before, of all up to the query
    assert even[1] == pytest.approx((1 / (queries[1:] + 1)).mean())  # the first, from the third query on


# --- Projection -----------------------------------------------------------------------------------


def test_the_principal_plane_has_the_largest_variance() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(500, 2)) * [10, 3]
    rows = (hidden @ rng.normal(size=(2, 20)) + rng.normal(size=(500, 20)) * 0.01).astype(np.float32)
    points, explained = principal_plane(rows)
    assert points.shape == (500, 2)
    assert sum(explained) > 0.999
    assert explained[0] > explained[1]
    distances = np.linalg.norm(rows[:50, None] - rows[None, :50], axis=-1)
    assert np.allclose(np.linalg.norm(points[:50, None] - points[None, :50], axis=-1), distances, atol=0.2)


def test_the_plane_is_that_of_the_singular_value_decomposition() -> None:
    rows = (np.random.default_rng(2).normal(size=(60, 7)) * np.arange(1, 8)).astype(np.float32)
    points, explained = principal_plane(rows)
    centred = rows.astype(np.float64) - rows.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    assert np.allclose(np.abs(points), np.abs(u[:, :2] * s[:2]), atol=1e-3)
    assert np.allclose(explained, s[:2] ** 2 / (s**2).sum())


@pytest.mark.parametrize("shape", [(1, 5), (2, 3), (9, 1)])
def test_few_rows_or_one_column_have_a_principal_plane(shape: tuple[int, int]) -> None:
    points, explained = principal_plane(np.random.default_rng(3).normal(size=shape).astype(np.float32))
    assert points.shape == (shape[0], 2)
    assert np.isfinite(points).all()
    assert 0 <= explained[1] <= explained[0] <= 1 + 1e-9


def test_a_matrix_with_nan_raises_an_engine_error() -> None:
    with pytest.raises(EngineError, match="logits_broken"):
        principal_plane(np.full((4, 3), np.nan, np.float32))


@pytest.mark.parametrize("flip", [(1, -1), (-1, 1), (-1, -1), (1, 1)])
def test_mirrored_axes_are_mirrored_back(flip: tuple[int, int]) -> None:
    before = cloud()
    points, explained = align_axes(before * np.array(flip, np.float32), (0.9, 0.1), before)
    assert np.allclose(points, before)
    assert explained == (0.9, 0.1)


def test_exchanged_axes_are_exchanged_back_with_their_shares() -> None:
    before = cloud()
    points, explained = align_axes(-before[:, ::-1], (0.5, 0.4), before)
    assert np.allclose(points, before)
    assert explained == (0.4, 0.5)


def test_a_rotation_is_not_undone() -> None:
    before = cloud()
    turn = np.array([[math.cos(0.3), -math.sin(0.3)], [math.sin(0.3), math.cos(0.3)]])
    moved = (before @ turn).astype(np.float32)
    points, _ = align_axes(moved, (0.9, 0.1), before)
    assert np.allclose(points, moved)


def test_the_map_has_all_tokens_but_bytes_and_keeps_its_axes(session: Session) -> None:
    names, placed = project(session, Project())
    assert isinstance(names, EmbeddingNames)
    assert isinstance(placed, EmbeddingMap)
    vocabulary = session.opened.tokenizer.vocabulary
    assert names.ids.tolist() == list(range(256, vocabulary))
    assert names.pieces[0] == session.opened.tokenizer.piece(256)
    assert "byte" not in names.kinds
    with torch.no_grad():
        session.opened.model.embedding.weight.mul_(-1.01)
    _, later = project(session, Project())
    assert isinstance(later, EmbeddingMap)
    assert np.allclose(later.points, 1.01 * placed.points, atol=1e-3)
    few_names, few = project(session, Project(most=7, dims=3))
    assert few.points.shape == (7, 3)  # type: ignore[union-attr]
    assert len(few_names.pieces) == 7  # type: ignore[union-attr]


def test_tsne_keeps_neighbours_together() -> None:
    """In the last map of three distant groups, each point's nearest neighbour is of its own group."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(3), 30)
    rows = (rng.normal(size=(3, 20))[groups] * 3 + rng.normal(size=(90, 20)) * 0.3).astype(np.float32)
    maps = list(tsne(rows))
    assert [maps[0][1], maps[-1][1]] == [0.0, 1.0]
    assert len(maps) > 50
    points = maps[-1][0]
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.eye(90) * 1e9
    assert (groups[distances.argmin(axis=1)] == groups).all()


def test_a_missing_extra_raises_an_engine_error() -> None:
    if importlib.util.find_spec("umap") is not None:
        pytest.skip("the extra is installed")
    with pytest.raises(EngineError, match="extra_missing"):
        next(umap(np.eye(5, dtype=np.float32)))


def test_paths_have_a_point_for_every_layer(session: Session) -> None:
    [paths] = trace_paths(session, TracePaths("the cat sat", most=2))
    assert isinstance(paths, EmbeddingPaths)
    assert paths.points.shape == (3, 2, 2)
    ids = session.opened.tokenizer.encode("the cat sat")
    assert paths.first == len(ids) - 2
    assert paths.pieces == tuple(map(session.opened.tokenizer.piece, ids[-2:]))


# --- Vectors --------------------------------------------------------------------------------------


def test_the_nearest_have_the_largest_cosines() -> None:
    rows = np.random.default_rng(4).normal(size=(200, 16)).astype(np.float32)
    cosines = rows @ rows[7] / np.linalg.norm(rows, axis=1) / np.linalg.norm(rows[7])
    ids, found = nearest(rows, rows[7], 5)
    assert ids.tolist() == np.argsort(-cosines)[:5].tolist()
    assert np.allclose(found, np.sort(cosines)[::-1][:5], atol=1e-6)
    assert 7 not in nearest(rows, rows[7], 500, {7})[0]
    assert len(nearest(rows, rows[7], 500, {7})[0]) == 199


def test_an_analogy_completes_a_parallelogram() -> None:
    """King − man + woman = queen if the four words form a parallelogram."""
    rng = np.random.default_rng(5)
    person, royal, female = np.linalg.qr(rng.normal(size=(12, 3)))[0].T
    rows = np.stack([person + royal, person, person + female, person + royal + female, *rng.normal(size=(8, 12))])
    ids, _ = analogy(rows.astype(np.float32), [0], [1], [2], 3)
    assert ids[0] == 3
    assert not {0, 1, 2} & set(ids.tolist())


def test_look_up_returns_the_row_and_its_neighbours(session: Session) -> None:
    [row] = look_up(session, LookUp(300, 4))
    assert isinstance(row, TokenRow)
    assert np.array_equal(row.vector, session.opened.model.embedding.weight[300].detach().numpy())
    assert len(row.near.ids) == 4
    assert 300 not in row.near.ids
    with pytest.raises(EngineError):
        list(look_up(session, LookUp(10**6)))


def test_an_analogy_reports_the_tokens_of_its_words(session: Session) -> None:
    [found] = find_analogy(session, FindAnalogy("cat", "dog", "log", 3))
    assert isinstance(found, Analogy)
    tokenizer = session.opened.tokenizer
    assert ["".join(map(tokenizer.piece, word.ids)).strip() for word in found.asked] == ["cat", "dog", "log"]
    with pytest.raises(EngineError, match="analogy_empty"):
        list(find_analogy(session, FindAnalogy("cat", "", "log")))
