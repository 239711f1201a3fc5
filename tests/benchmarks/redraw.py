"""Measure what the window redraws while the mouse moves.

    python -m tests.benchmarks.redraw

All heads of 12 layers of 12 at 128 tokens, one head, the motions of attention, fifty thousand points in two and three
dimensions (software rendering, offscreen), and the principal components of fifty thousand rows of 256.
"""

import os
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np

from engine.inspection.projection import principal_plane
from engine.messages.attention import AttentionSteps
from gui.application import make_application
from gui.panes.attention.arcs import AttentionArcs
from gui.panes.attention.film import AttentionFilm
from gui.panes.attention.mosaic import Mosaic
from gui.widgets.arrow import Link
from gui.widgets.heatmap import Heatmap
from gui.widgets.scatter_plot import ScatterPlot

TOKENS, POINTS = 128, 50_000


def main() -> None:
    app = make_application()
    rng = np.random.default_rng(0)
    weights = np.tril(rng.random((12, 12, TOKENS, TOKENS))).astype(np.float16)
    mosaic, heatmap, plot = Mosaic(), Heatmap(), ScatterPlot()
    for widget in (mosaic, heatmap, plot):
        widget.resize(1000, 700)

    def all_heads() -> None:
        mosaic.set_weights(list(weights))
        mosaic.grab()

    def one_head() -> None:
        heatmap.set_data(weights[3, 5], ("token",) * TOKENS, 5)
        heatmap.grab()

    print(f"12 x 12 heads of {TOKENS} tokens: {_milliseconds(all_heads):.1f} ms (target 16)")
    moving_attention()
    print(f"another head: {_milliseconds(one_head):.1f} ms")
    kinds = np.array(["latin", "kanji", "hiragana", "digit"])[rng.integers(0, 4, POINTS)].tolist()
    plot.set_names([f"token {i}" for i in range(POINTS)], kinds)
    for dims in (2, 3):
        plot.set_points(rng.normal(size=(POINTS, dims)), fit=True)

        def move() -> None:
            plot.zoom(1.01)
            plot.turn(0.0 if plot.flat else 0.01, 0.0)
            plot.grab()

        print(f"{POINTS:,} points in {dims} dimensions: {1000 / _milliseconds(move):.0f} pictures a second (target 30)")
    plot.set_points(rng.normal(size=(POINTS, 2)), fit=True)
    plot.set_regions([(f"region {i}", rng.normal(size=2).astype(np.float32)) for i in range(40)])
    plot.set_marked(list(range(20)))
    plot.set_links([Link(0, i, "0.73") for i in range(1, 7)])

    def fly() -> None:
        plot.zoom(1.002)  # the names of the regions stay in view
        plot.grab()

    print(f"a map of {POINTS:,} points and 40 regions: {1000 / _milliseconds(fly):.0f} pictures a second (target 30)")
    rows = rng.normal(size=(POINTS, 256)).astype(np.float32)
    print(f"principal components: {_milliseconds(lambda: principal_plane(rows)) / 1000:.2f} s (target 1)")
    app.quit()


def moving_attention() -> None:
    """Measure the arcs while they bend, the film while it plays, and 32 x 32 heads as bar codes, at 1440p."""
    rng = np.random.default_rng(0)
    weights = np.tril(rng.random((TOKENS, TOKENS))).astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    arcs, film, mosaic = AttentionArcs(), AttentionFilm(), Mosaic()
    for widget in (arcs, film, mosaic):
        widget.resize(2400, 1100)
        widget.show()
    arcs.set_data(weights, ("token",) * TOKENS, TOKENS - 1)
    width = 128
    q, k, v = (
        rng.normal(size=shape).astype(np.float32) for shape in ((1, width), (1, TOKENS, width), (1, TOKENS, width))
    )
    row = weights[-1:]
    film.set_data(AttentionSteps(0, TOKENS - 1, q[0], q, k, v, np.log(row), row, row @ v[0]), 0, ("token",) * TOKENS)
    many = [rng.random((32, TOKENS, TOKENS)).astype(np.float16) for _ in range(32)]
    moments = iter(np.linspace(0, 4, 10_000).tolist() * 2)

    def bend() -> None:
        arcs._hover(int(rng.integers(TOKENS)))
        arcs.grab()

    def play() -> None:
        film.go_to(next(moments) * 97 % 4)
        film.grab()

    def bar_codes() -> None:
        mosaic.set_weights(many, int(rng.integers(TOKENS)))
        mosaic.grab()

    for name, run in (("arcs", bend), ("film", play), ("32 x 32 bar codes", bar_codes)):
        print(f"{name}: {1000 / _milliseconds(run):.0f} pictures a second (target 30)")


def _milliseconds(run: Callable[[], object], rounds: int = 20) -> float:
    run()
    begun = time.perf_counter()
    for _ in range(rounds):
        run()
    return (time.perf_counter() - begun) / rounds * 1000


if __name__ == "__main__":
    main()
