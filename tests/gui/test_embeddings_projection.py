"""Maps of vectors and paths through the layers, without widgets."""

from dataclasses import replace

import numpy as np
import pytest

from engine.messages.embeddings import EmbeddingMap, EmbeddingNames, EmbeddingPaths
from gui.panes.embeddings.projection import LayerPaths, VectorMap

NAMES = EmbeddingNames(np.array([3, 5, 9], np.int32), ("cats", "dog", "cat"), ("latin",) * 3)
PCA = EmbeddingMap(np.arange(6, dtype=np.float32).reshape(3, 2), (0.5, 0.2), 1.0)
TSNE = replace(PCA, explained=())
PATHS = EmbeddingPaths(("a", "b"), 7, ("latin",) * 2, np.arange(12, dtype=np.float32).reshape(3, 2, 2), (0.5, 0.2))


@pytest.mark.parametrize(("row", "index"), [(3, 0), (5, 1), (9, 2), (4, -1), (10, -1), (0, -1)])
def test_a_row_is_found_by_its_id(row: int, index: int) -> None:
    assert VectorMap(NAMES, PCA).index_of(row) == index


def test_rows_are_found_by_name_and_the_shortest_name_is_first() -> None:
    shown = VectorMap(NAMES, PCA)
    assert (shown.row_named("dog"), shown.row_named("cow")) == (5, None)
    assert shown.containing("cat") == [2, 0]


def test_only_pca_of_the_same_rows_and_dimensions_keeps_the_view() -> None:
    shown = VectorMap(NAMES, PCA)
    assert shown.fits_view_of(VectorMap(NAMES, replace(PCA, points=PCA.points * 2)))
    others = (
        None,
        VectorMap(NAMES, TSNE),
        VectorMap(replace(NAMES, pieces=("x", "y", "z")), PCA),
        VectorMap(NAMES, replace(PCA, points=np.zeros((3, 3), np.float32))),
        LayerPaths(PATHS),
    )
    assert not any(shown.fits_view_of(before) for before in others)
    assert not VectorMap(NAMES, TSNE).fits_view_of(VectorMap(NAMES, TSNE))
    assert LayerPaths(PATHS).fits_view_of(LayerPaths(PATHS))
    assert not LayerPaths(PATHS).fits_view_of(shown)


def test_the_points_of_the_last_layer_are_named_by_their_tokens_and_those_before_the_first_as_layer_0() -> None:
    shown = LayerPaths(PATHS)
    assert np.array_equal(shown.points[:2], PATHS.points[-1])
    assert shown.names == ("a", "b", "", "", "layer 0", "layer 0")
    assert [shown.token_at(index) for index in range(4)] == [7, 8, 7, 8]
    assert (shown.point_of(7), shown.point_of(None), shown.point_of(3)) == (0, 1, None)
    assert shown.lines(1) == [[1, 3, 5], [0, 2, 4]]
    assert "after layer 1" in shown.describe(2)
