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

from engine.errors import EngineError
from engine.inspection import trace as forward
from engine.inspection.attention import attention_patterns, attention_steps, head_pattern, max_pool
from engine.inspection.heads import head_scores, probe
from engine.inspection.projection import LEAST, align_axes, principal_plane, token_paths, tsne
from engine.inspection.vectors import analogy, nearest
from engine.model import families
from engine.model.config import RopeScaling
from engine.model.opening import finish
from engine.model.transformer import Transformer
from tests.engine.formulas import ByHand, Doubles
from tests.engine.test_model import FAMILIES, random_model

VARIANTS = {
    "mistral": dataclasses.replace(FAMILIES["llama"], windows=(0, 3, 1, 7)),
    "llama3": dataclasses.replace(FAMILIES["llama"], rope_scaling=RopeScaling("llama3", 8.0, original_context=256)),
    "yarn": dataclasses.replace(FAMILIES["llama"], rope_scaling=RopeScaling("yarn", 4.0, original_context=4096)),
    "phi3_short": dataclasses.replace(
        FAMILIES["phi3"],
        rope_scaling=RopeScaling("longrope", 2.0, short_factors=tuple(range(1, 13)), long_factors=(1.0,) * 12),
    ),
    "nanochat": dataclasses.replace(FAMILIES["nakami"], n_kv_heads=2, mlp_width=200, logit_cap=15.0),
    "gpt_neox_serial": dataclasses.replace(FAMILIES["gpt_neox"], parallel=False, activation="relu"),
}
CONFIGS = FAMILIES | VARIANTS
IDS = [3, 14, 15, 9, 26, 5, 35, 8, 9, 7, 9, 3, 23]
EXACT = 2e-5  # the precision of float32 after four layers, with a margin
FINITE = st.floats(-50, 50, width=32)


@pytest.fixture(params=CONFIGS, scope="module")
def model(request: pytest.FixtureRequest) -> Transformer:
    return random_model(CONFIGS[request.param])


# --- The model again, in float64, from its weights alone ----------------------------------------------


@pytest.fixture(scope="module")
def plain(model: Transformer) -> ByHand:
    return ByHand(model, IDS)


def test_every_family_that_can_be_opened_is_compared_with_the_formulas() -> None:
    assert {name.removesuffix("_text") for name in families.FAMILIES} <= CONFIGS.keys()


def test_logits_and_patterns_equal_the_formulas(model: Transformer, plain: ByHand) -> None:
    with torch.no_grad():
        logits = model(torch.tensor([IDS]))[0].numpy()
    assert np.allclose(logits, plain.logits, atol=EXACT * np.abs(plain.logits).max())
    assert np.allclose(attention_patterns(model, IDS), plain.weights, atol=EXACT)
    assert np.allclose(finish(head_pattern(model, IDS, 2, 1)), plain.weights[2][1], atol=EXACT)


def test_the_steps_of_every_query_equal_the_formulas(model: Transformer, plain: ByHand) -> None:
    for layer, query in itertools.product((0, 3), (0, 1, 6, len(IDS) - 1)):
        steps, seen = finish(attention_steps(model, IDS, layer, query)), slice(0, query + 1)
        window = model.config.layer_windows[layer]
        inside = slice(max(0, query + 1 - window) if window else 0, query + 1)
        for shown, expected in (
            (steps.input_D, plain.inputs[layer][query]),
            (steps.q_HK, plain.queries[layer][query]),
            (steps.k_GSK, plain.keys[layer][seen].swapaxes(0, 1)),
            (steps.v_GSK, plain.values[layer][seen].swapaxes(0, 1)),
            (steps.scaled_HS[:, inside], plain.scores[layer][:, query, inside]),
            (steps.z_HK, plain.heads[layer][query]),
        ):
            assert shown.shape == expected.shape
            assert np.allclose(shown, expected, atol=EXACT * np.abs(expected).max())
        assert np.allclose(steps.weights_HS, plain.weights[layer][:, query, seen], atol=EXACT)


def test_the_trace_equals_the_formulas(model: Transformer, plain: ByHand) -> None:
    shown = finish(forward.trace(model, IDS, most=5))
    assert np.allclose(shown.norms_LT, [np.linalg.norm(x, axis=-1)[-5:] for x in plain.residuals], rtol=EXACT)
    assert np.allclose(shown.attention_LTT, [w.mean(0)[-5:, -5:] for w in plain.weights], atol=EXACT)
    for layer, features in enumerate(plain.features):
        best = np.abs(features[-1]).argmax()
        assert shown.strongest_L[layer] == best
        assert shown.strongest_values_L[layer] == pytest.approx(features[-1, best], rel=EXACT)
    assert np.allclose(shown.logits_V, plain.logits[-1], atol=EXACT * np.abs(plain.logits).max())
    width = plain.final.shape[1]
    parts = [plain.final[-1, i * width // 64 : (i + 1) * width // 64].mean() for i in range(64)]
    assert np.allclose(shown.final_P, parts, atol=EXACT * np.abs(plain.final).max())


def test_paths_are_the_principal_plane_of_the_normalised_states(plain: ByHand) -> None:
    states = np.stack(plain.residuals)
    points, explained = token_paths(states.astype(np.float32))
    rows = (states / np.linalg.norm(states, axis=-1, keepdims=True)).reshape(-1, states.shape[-1])
    _, s, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    expected = ((rows - rows.mean(0)) @ axes[:2].T).reshape(*states.shape[:2], 2)
    assert np.allclose(np.abs(points), np.abs(expected), atol=EXACT)
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


@pytest.mark.parametrize("count", [LEAST, LEAST + 1])
def test_tsne_works_for_a_handful_of_rows(count: int) -> None:
    """A character model of a very short text has no more tokens than that."""
    maps = list(itertools.islice(tsne(some_rows(1, count, 8)), 3))
    assert all(points.shape == (count, 2) and np.isfinite(points).all() for points, _ in maps)


@pytest.mark.parametrize(("different", "repeats"), [(1, 1), (LEAST - 1, 1), (LEAST - 1, 5)])
def test_tsne_of_fewer_directions_fails_after_the_principal_plane(different: int, repeats: int) -> None:
    rows = some_rows(1, different, 8).repeat(repeats, axis=0)
    maps = tsne(rows)
    assert np.array_equal(next(maps)[0], principal_plane(rows)[0])
    with pytest.raises(EngineError) as raised:
        next(maps)
    assert raised.value.key == "error.points_few"
    assert raised.value.args_by_name == {"count": different, "least": LEAST, "method": "t-SNE"}


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


def test_rows_of_zeros_have_no_direction_and_are_no_neighbours() -> None:
    rows = np.array([[1, 0], [0, 0], [1, 1]], np.float32)
    ids, cosines = nearest(rows, rows[0], 3)
    assert ids.tolist() == [0, 2]
    assert cosines.tolist() == pytest.approx([1.0, math.sqrt(0.5)])
    assert nearest(rows, rows[1], 3)[0].tolist() == []


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
