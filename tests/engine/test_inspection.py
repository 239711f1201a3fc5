"""What the panes show is what the model computes."""

from pathlib import Path

import numpy as np
import pytest

from engine.inspection.attention import attention_weights
from engine.inspection.projection import principal_plane, turned_onto
from engine.model.checkpoint import load_model


def test_attention_of_every_head(model_folder: Path) -> None:
    model, tokenizer = load_model(model_folder)
    ids = tokenizer.encode("the cat sat on the mat.")
    weights = attention_weights(model, ids).astype(np.float32)
    assert weights.shape == (2, 2, len(ids), len(ids))
    assert np.allclose(weights.sum(-1), 1.0, atol=5e-3)
    assert (np.triu(weights, 1) == 0).all()


def test_the_principal_plane_holds_what_varies_most() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(500, 2)) * [10, 3]
    rows = (hidden @ rng.normal(size=(2, 20)) + rng.normal(size=(500, 20)) * 0.01).astype(np.float32)
    points, explained = principal_plane(rows)
    assert points.shape == (500, 2)
    assert sum(explained) > 0.999
    assert explained[0] > explained[1]
    distances = np.linalg.norm(rows[:50, None] - rows[None, :50], axis=-1)
    assert np.allclose(np.linalg.norm(points[:50, None] - points[None, :50], axis=-1), distances, atol=0.2)


@pytest.mark.parametrize("angle", [0.3, 2.0, np.pi])
def test_a_cloud_that_turned_or_flipped_is_turned_back(angle: float) -> None:
    before = np.random.default_rng(1).normal(size=(100, 2)).astype(np.float32)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (before @ turn * [1, -1]).astype(np.float32)
    assert np.allclose(turned_onto(moved, before), before, atol=1e-4)
