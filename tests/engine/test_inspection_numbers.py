"""Check each number shown of a model by a second computation, from its weights alone or by sorting."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from engine.inspection import trace as forward
from engine.inspection.attention import attention_patterns, attention_steps, head_pattern, max_pool
from engine.inspection.heads import head_scores, probe
from engine.inspection.projection import align_axes, principal_plane, token_paths, tsne
from engine.inspection.vectors import analogy, nearest
from engine.model.transformer import Transformer
from tests.engine.test_model import FAMILIES, random_model

Doubles = NDArray[np.float64]
WINDOWED = dataclasses.replace(FAMILIES["llama"], windows=(0, 3, 1, 7))
CONFIGS = FAMILIES | {"windows": WINDOWED}
IDS = [3, 14, 15, 9, 26, 5, 35, 8, 9, 7, 9, 3, 23]
FINITE = st.floats(-50, 50, width=32)


@pytest.fixture(params=CONFIGS, scope="module")
def model(request: pytest.FixtureRequest) -> Transformer:
    return random_model(CONFIGS[request.param])


# --- The model again, in float64, from its weights alone ----------------------------------------------


class ByHand:
    """A decoder computed from its formulas in float64, one token at a time, without the model's modules."""

    def __init__(self, model: Transformer, ids: list[int]) -> None:
        self.config = model.config
        self.w = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
        self.weights: list[Doubles] = []
        self.heads: list[Doubles] = []
        self.features: list[Doubles] = []
        x = self.w["embedding.weight"][ids]
        if self.config.positions == "learned":
            x = x + self.w["positions.weight"][: len(ids)]
        if self.config.embedding_norm:
            x = self.norm(x, "embedding_norm")
        self.residuals = [x]
        for layer in range(self.config.n_layers):
            x = x + self.attention(self.norm(x, f"blocks.{layer}.attention_norm"), layer)
            x = x + self.mlp(self.norm(x, f"blocks.{layer}.mlp_norm"), layer)
            self.residuals.append(x)
        self.final = self.norm(x, "final_norm")
        self.logits = self.final @ self.w["unembedding.weight"].T

    def norm(self, x: Doubles, name: str) -> Doubles:
        if self.config.norm == "layer":
            x = x - x.mean(-1, keepdims=True)
        y = x / np.sqrt((x * x).mean(-1, keepdims=True) + self.config.norm_epsilon)
        return y * self.w.get(f"{name}.weight", 1.0) + self.w.get(f"{name}.bias", 0.0)

    def linear(self, x: Doubles, name: str) -> Doubles:
        return x @ self.w[f"{name}.weight"].T + self.w.get(f"{name}.bias", 0.0)

    def rotated(self, x_K: Doubles, position: int) -> Doubles:
        """Rotate each pair of features as a complex number, by multiplying it by e^(i·angle)."""
        if self.config.positions == "learned":
            return x_K
        half = len(x_K) // 2
        frequencies = self.config.rope_theta ** (-2.0 * np.arange(half) / len(x_K))
        z = (x_K[:half] + 1j * x_K[half:]) * np.exp(1j * position * frequencies)
        return np.concatenate((z.real, z.imag))

    def attention(self, x: Doubles, layer: int) -> Doubles:
        c, name, T = self.config, f"blocks.{layer}.attention", len(x)
        H, G, K = c.n_heads, c.n_kv_heads, c.head_width
        qkv = self.linear(x, f"{name}.qkv").reshape(T, H + 2 * G, K)
        window = c.windows[layer] if c.windows else 0
        weights, heads = np.zeros((H, T, T)), np.zeros((H, T, K))
        for h in range(H):
            g = h // (H // G)
            q, k = qkv[:, h], qkv[:, H + g]
            if c.qk_norm:
                q, k = self.norm(q, f"{name}.q_norm"), self.norm(k, f"{name}.k_norm")
            for t in range(T):
                first = max(0, t + 1 - window) if window else 0
                scores = [self.rotated(q[t], t) @ self.rotated(k[s], s) / math.sqrt(K) for s in range(first, t + 1)]
                shares = np.exp(np.array(scores) - max(scores))
                weights[h, t, first : t + 1] = shares / shares.sum()
                heads[h, t] = weights[h, t] @ qkv[:, H + G + g]
        self.weights.append(weights)
        self.heads.append(heads)
        return self.linear(heads.transpose(1, 0, 2).reshape(T, H * K), f"{name}.out")

    def mlp(self, x: Doubles, layer: int) -> Doubles:
        up = self.linear(x, f"blocks.{layer}.mlp.up")
        if self.config.activation == "swiglu":
            gate, value = np.split(up, 2, axis=-1)
            features = gate / (1 + np.exp(-gate)) * value
        elif self.config.activation == "gelu":
            features = 0.5 * up * (1 + np.tanh(math.sqrt(2 / math.pi) * (up + 0.044715 * up**3)))
        else:
            features = np.maximum(up, 0) ** 2
        self.features.append(features)
        return self.linear(features, f"blocks.{layer}.mlp.down")


@pytest.fixture(scope="module")
def plain(model: Transformer) -> ByHand:
    return ByHand(model, IDS)


def test_logits_and_patterns_equal_the_formulas(model: Transformer, plain: ByHand) -> None:
    with torch.no_grad():
        logits = model(torch.tensor([IDS]))[0].numpy()
    assert np.allclose(logits, plain.logits, atol=1e-3 * np.abs(plain.logits).max())
    assert np.allclose(attention_patterns(model, IDS), plain.weights, atol=1e-3)
    assert np.allclose(head_pattern(model, IDS, 2, 1), plain.weights[2][1], atol=1e-3)


def test_the_steps_of_every_query_equal_the_formulas(model: Transformer, plain: ByHand) -> None:
    for layer, query in itertools.product((0, 3), (0, 1, 6, len(IDS) - 1)):
        steps = attention_steps(model, IDS, layer, query)
        assert steps.k_GSK.shape[1] == steps.v_GSK.shape[1] == query + 1
        assert np.allclose(steps.weights_HS, plain.weights[layer][:, query, : query + 1], atol=1e-3)
        assert np.allclose(steps.z_HK, plain.heads[layer][:, query], atol=1e-3 * np.abs(plain.heads[layer]).max())


def test_the_trace_equals_the_formulas(model: Transformer, plain: ByHand) -> None:
    shown = forward.trace(model, IDS, most=5)
    assert np.allclose(shown.norms_LT, [np.linalg.norm(x, axis=-1)[-5:] for x in plain.residuals], rtol=1e-3)
    assert np.allclose(shown.attention_LTT, [w.mean(0)[-5:, -5:] for w in plain.weights], atol=1e-3)
    for layer, features in enumerate(plain.features):
        best = np.abs(features[-1]).argmax()
        assert shown.strongest_L[layer] == best
        assert shown.strongest_values_L[layer] == pytest.approx(features[-1, best], rel=1e-3)
    assert np.allclose(shown.logits_V, plain.logits[-1], atol=1e-3 * np.abs(plain.logits).max())
    width = plain.final.shape[1]
    parts = [plain.final[-1, i * width // 64 : (i + 1) * width // 64].mean() for i in range(64)]
    assert np.allclose(shown.final_P, parts, atol=1e-3 * np.abs(plain.final).max())


def test_paths_are_the_principal_plane_of_the_normalised_states(plain: ByHand) -> None:
    states = np.stack(plain.residuals)
    points, explained = token_paths(states.astype(np.float32))
    rows = (states / np.linalg.norm(states, axis=-1, keepdims=True)).reshape(-1, states.shape[-1])
    _, s, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    expected = ((rows - rows.mean(0)) @ axes[:2].T).reshape(*states.shape[:2], 2)
    assert np.allclose(np.abs(points), np.abs(expected), atol=1e-3)
    assert np.allclose(explained, s[:2] ** 2 / (s**2).sum(), atol=1e-4)
    longer, _ = token_paths(states.astype(np.float32) * np.arange(1, 6, dtype=np.float32)[:, None, None])
    assert np.allclose(np.abs(longer), np.abs(points), atol=1e-3)  # the length of a residual makes no difference


# --- Attention patterns and head scores ---------------------------------------------------------------


@settings(max_examples=60)
@given(tokens=st.integers(1, 40), most=st.integers(1, 45))
def test_max_pool_keeps_the_largest_of_each_square(tokens: int, most: int) -> None:
    weights = np.random.default_rng(tokens).random((2, tokens, tokens)).astype(np.float32)
    picture = max_pool(weights, most)
    side = picture.shape[1]
    assert picture.shape == (2, side, side)
    assert side <= max(1, min(tokens, most))
    size = math.ceil(tokens / most) if most < tokens else 1
    for h, row, column in itertools.product(range(2), range(side), range(side)):
        square = weights[h, row * size : (row + 1) * size, column * size : (column + 1) * size]
        assert picture[h, row, column] == square.max()


def test_head_scores_are_means_over_the_queries_with_wanted_keys(model: Transformer) -> None:
    ids = probe(model)
    weights, T = attention_patterns(model, ids).astype(float), len(ids)
    assert ids[: T // 2] == ids[T // 2 :]

    def mean(layer: int, head: int, wanted: dict[int, list[int]]) -> float:
        shares = [sum(weights[layer, head, q, k] for k in keys) for q, keys in wanted.items() if keys]
        return sum(shares) / len(shares) if shares else 0.0

    kinds = (
        {q: [q - 1] for q in range(1, T)},
        {q: [0] for q in range(2, T)},
        {q: [k for k in range(q) if ids[k] == ids[q]] for q in range(T)},
        {q: [k for k in range(1, q) if ids[k - 1] == ids[q]] for q in range(T)},
    )
    scores = head_scores(model)
    for kind, layer, head in itertools.product(range(4), (0, 2), range(model.config.n_heads)):
        assert scores[kind, layer, head] == pytest.approx(mean(layer, head, kinds[kind]), abs=1e-5)


@pytest.mark.parametrize("context", [1, 2, 3, 4, 7])
def test_heads_have_scores_in_the_smallest_contexts(context: int) -> None:
    scores = head_scores(random_model(dataclasses.replace(FAMILIES["nakami"], context=context)))
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1 + 1e-6)).all()


# --- Projections --------------------------------------------------------------------------------------


def distances(points: NDArray[np.floating]) -> Doubles:
    wide = points.astype(np.float64)
    return np.linalg.norm(wide[:, None] - wide[None], axis=-1)


def some_rows(seed: int, count: int, width: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, width)) * np.linspace(3, 0.2, width)).astype(np.float32)


@settings(max_examples=60)
@given(seed=st.integers(0, 1000), count=st.integers(4, 30), width=st.integers(3, 12), dims=st.sampled_from([2, 3]))
def test_the_principal_plane_is_invariant_to_shift_rotation_and_order(
    seed: int, count: int, width: int, dims: int
) -> None:
    rows = some_rows(seed, count, width)
    turn = np.linalg.qr(np.random.default_rng(seed + 1).normal(size=(width, width)))[0].astype(np.float32)
    order = np.random.default_rng(seed + 2).permutation(count)
    points, explained = principal_plane(rows, dims)
    assert points.shape == (count, dims)
    assert list(explained) == sorted(explained, reverse=True)
    assert sum(explained) <= 1 + 1e-9
    for other, expected in (
        (rows + np.float32(7), points),
        (rows @ turn, points),
        (rows[order], points[order]),
        (rows * 2, points * 2),
    ):
        moved, shares = principal_plane(other, dims)
        assert np.allclose(distances(moved), distances(expected), atol=2e-3)
        assert np.allclose(shares, explained, atol=1e-4)
    assert np.allclose(points.mean(0), 0, atol=1e-4)
    assert np.allclose(
        points.astype(np.float64).var(0) * count, np.array(explained) * rows.var(0).sum() * count, rtol=1e-3
    )


def test_equal_rows_are_one_point() -> None:
    points, explained = principal_plane(np.full((6, 4), 3.5, np.float32), 3)
    assert (points == 0).all()
    assert explained == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("dims", [2, 3])
@settings(max_examples=50)
@given(data=st.data())
def test_axes_in_any_order_and_sign_are_aligned(dims: int, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(dims)))
    signs = data.draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=dims, max_size=dims))
    before = (np.random.default_rng(3).normal(size=(50, dims)) * [4, 2, 1][:dims]).astype(np.float32)
    shares = (0.6, 0.3, 0.1)[:dims]
    now = (before * signs)[:, order].astype(np.float32)
    points, explained = align_axes(now, tuple(shares[i] for i in order), before)
    assert np.allclose(points, before)
    assert explained == shares


def test_tsne_is_reproducible_and_starts_from_the_principal_plane() -> None:
    rows = some_rows(5, 40, 8)
    first, again = (list(itertools.islice(tsne(rows), 4)) for _ in range(2))
    assert np.array_equal(first[0][0], principal_plane(rows)[0])
    for (points, share), (same, _) in zip(first, again, strict=True):
        assert points.shape == (40, 2)
        assert points.dtype == np.float32
        assert np.isfinite(points).all()
        assert np.allclose(points, same)
        assert 0 <= share <= 1


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_tsne_works_for_a_handful_of_rows(count: int) -> None:
    """A character model of a very short text has no more tokens than that."""
    maps = list(itertools.islice(tsne(some_rows(1, count, 8)), 3))
    assert all(points.shape == (count, 2) and np.isfinite(points).all() for points, _ in maps)


# --- Directions ---------------------------------------------------------------------------------------

ROWS = arrays(np.float32, st.tuples(st.integers(2, 12), st.integers(1, 5)), elements=FINITE)


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    lengths = math.sqrt(sum(float(x) ** 2 for x in a)) * math.sqrt(sum(float(x) ** 2 for x in b))
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


@settings(max_examples=100)
@given(rows=ROWS, count=st.integers(0, 20), data=st.data())
def test_the_nearest_equal_those_by_sorting(rows: NDArray[np.float32], count: int, data: st.DataObject) -> None:
    assume((np.abs(rows) > 1e-3).any(axis=1).all())  # shorter ones have hardly a direction in float32
    index = data.draw(st.integers(0, len(rows) - 1))
    without = data.draw(st.sets(st.integers(0, len(rows) - 1)))
    ids, cosines = nearest(rows, rows[index], count, without)
    expected = sorted((cosine(row, rows[index]) for i, row in enumerate(rows) if i not in without), reverse=True)
    assert len(ids) == len(set(ids.tolist())) == min(count, len(rows) - len(without))
    assert not without & set(ids.tolist())
    assert np.allclose(cosines, expected[: len(ids)], atol=1e-4)
    assert np.allclose([cosine(rows[i], rows[index]) for i in ids], cosines, atol=1e-4)


@given(scale=st.floats(0.01, 100))
def test_the_nearest_do_not_depend_on_the_vectors_length(scale: float) -> None:
    rows = some_rows(9, 30, 6)
    ids, cosines = nearest(rows, rows[3], 8)
    others, same = nearest(rows, rows[3] * np.float32(scale), 8)
    assert ids.tolist() == others.tolist()
    assert np.allclose(cosines, same, atol=1e-5)


def test_rows_of_zeros_have_cosine_zero() -> None:
    rows = np.array([[1, 0], [0, 0], [1, 1]], np.float32)
    ids, cosines = nearest(rows, rows[0], 3)
    assert ids.tolist() == [0, 2, 1]
    assert cosines.tolist() == pytest.approx([1.0, math.sqrt(0.5), 0.0])
    assert nearest(rows, np.zeros(2, np.float32), 3)[1].tolist() == [0.0, 0.0, 0.0]


def test_an_analogy_is_the_sum_of_three_directions() -> None:
    rows = some_rows(11, 40, 6)

    def word(ids: list[int]) -> Doubles:
        mean = rows[ids].astype(np.float64).mean(0)
        return mean / np.linalg.norm(mean)

    a, b, c = [3, 4], [7], [8, 9, 10]
    ids, cosines = analogy(rows, a, b, c, 5, {20})
    target = word(a) - word(b) + word(c)
    found = rows.astype(np.float64) @ target / np.linalg.norm(rows, axis=1) / np.linalg.norm(target)
    allowed = [i for i in np.argsort(-found).tolist() if i not in {*a, *b, *c, 20}]
    assert ids.tolist() == allowed[:5]
    assert np.allclose(cosines, found[ids], atol=1e-5)
