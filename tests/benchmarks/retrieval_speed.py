"""Measure the speed of vector search.

    python -m tests.benchmarks.retrieval_speed [exact | approximate]

exact: 100,000 × 384, top 10, against a numpy product and argpartition, in turns.
approximate: 1,000,000 × 384 with the graph, against the exact top 10: recall, milliseconds, time to build, memory.
Vectors form 2,000 clusters in 64 dimensions with a little noise in the others, like vectors of texts; questions are
vectors of the set with noise.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.retrieval import nearest

D, K = 384, 10
Floats = NDArray[np.float32]


def vectors(count: int, rng: np.random.Generator) -> Floats:
    basis = rng.standard_normal((64, D)).astype(np.float32) / 8
    heaps = rng.standard_normal((2000, 64)).astype(np.float32)
    rows = np.empty((count, D), np.float32)
    for start in range(0, count, 50_000):
        size = min(50_000, count - start)
        inner = heaps[rng.integers(0, len(heaps), size)] + 0.7 * rng.standard_normal((size, 64)).astype(np.float32)
        rows[start : start + size] = inner @ basis + 0.05 * rng.standard_normal((size, D)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def question(rows_ND: Floats, rng: np.random.Generator) -> Floats:
    moved_D = rows_ND[rng.integers(len(rows_ND))] + 0.03 * rng.standard_normal(D).astype(np.float32)
    return np.asarray(moved_D / np.linalg.norm(moved_D), np.float32)


def bare(rows_ND: Floats, query_D: Floats) -> NDArray[np.intp]:
    cosines_N = rows_ND @ query_D
    best = np.argpartition(-cosines_N, K)[:K]
    return best[np.argsort(-cosines_N[best])]


def exact() -> None:
    rng = np.random.default_rng(1)
    rows_ND = vectors(100_000, rng)
    times: dict[str, list[float]] = {"numpy": [], "Nakami": []}
    for _ in range(60):
        query_D = question(rows_ND, rng)
        begun = time.perf_counter()
        theirs = bare(rows_ND, query_D)
        between = time.perf_counter()
        ours, _ = nearest.exact(rows_ND, query_D, K)
        times["numpy"].append(between - begun)
        times["Nakami"].append(time.perf_counter() - between)
        assert set(theirs) == set(ours)
    numpy, nakami = (1000 * statistics.median(values) for values in times.values())
    print(f"100,000 x {D}: numpy {numpy:.1f} ms, Nakami {nakami:.1f} ms, ratio {nakami / numpy:.2f} (target 1.5)")


def approximate(count: int) -> None:
    rng = np.random.default_rng(1)
    rows_ND, ids_N = vectors(count, rng), np.arange(1, count + 1)
    with tempfile.TemporaryDirectory() as folder:
        path, begun = Path(folder) / "graph", time.perf_counter()
        for share in nearest.build_graph(path, rows_ND, ids_N, None):
            if round(100 * share, 3) % 5 == 0:
                print(f"{share:.0%} after {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        built, size = time.perf_counter() - begun, path.stat().st_size
        graph = nearest.Graph(path, count)
        recalls, times = [], []
        for _ in range(300):
            query_D = question(rows_ND, rng)
            begun = time.perf_counter()
            found, _ = graph.nearest(rows_ND, ids_N, query_D, K)
            times.append(1000 * (time.perf_counter() - begun))
            recalls.append(len(set(found) & set(bare(rows_ND, query_D))) / K)
    print(f"{count:,} x {D}: recall@{K} {statistics.mean(recalls):.4f} (target 0.97)")
    print(f"median {statistics.median(times):.2f} ms, 95 % {np.percentile(times, 95):.2f} ms (target 5)")
    print(f"built in {built:.0f} s; vectors {rows_ND.nbytes / 1e9:.2f} GB, graph {size / 1e9:.2f} GB")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["exact", "approximate"]
    if "exact" in wanted:
        exact()
    if "approximate" in wanted:
        approximate(1_000_000)
