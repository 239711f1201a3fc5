"""Rotary positions and the derivatives that are written by hand, against their formulas and against small steps."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from engine.model.config import ModelConfig, RopeScaling
from engine.model.derivatives import relu_squared, rms_norm, rotate
from engine.model.rotary import Rotary, rotary_frequencies

# --- Rotary positions ---------------------------------------------------------------------------------


def rotated(rotary: Rotary, x: torch.Tensor, position: int) -> torch.Tensor:
    return rotate(x.view(1, 1, 1, -1), *rotary(position, 1)).flatten()


@settings(max_examples=50)
@given(m=st.integers(0, 3000), n=st.integers(0, 3000), shift=st.integers(0, 3000), seed=st.integers(0, 99))
def test_rotated_products_depend_only_on_the_distance(m: int, n: int, shift: int, seed: int) -> None:
    rotary = Rotary(ModelConfig(vocabulary=2, context=8192))
    generator = torch.Generator().manual_seed(seed)
    q, k = torch.randn(2, 32, generator=generator)
    near = rotated(rotary, q, m) @ rotated(rotary, k, n)
    far = rotated(rotary, q, m + shift) @ rotated(rotary, k, n + shift)
    assert near.item() == pytest.approx(far.item(), abs=1e-3)
    assert rotated(rotary, q, m).norm().item() == pytest.approx(q.norm().item(), rel=1e-5)


def test_positions_beyond_the_table_are_rotated_by_the_formula() -> None:
    config = ModelConfig(vocabulary=2, context=100_000)
    cos, sin = Rotary(config)(70_000, 2)
    angles = np.outer([70_000, 70_001], [10_000 ** (-2 * i / 32) for i in range(16)])
    assert np.allclose(cos[:, 0, :16], np.cos(angles), atol=1e-6)
    assert np.allclose(sin[:, 0], np.concatenate((-np.sin(angles), np.sin(angles)), axis=1), atol=1e-6)


def test_position_zero_is_not_rotated() -> None:
    x = torch.randn(32)
    assert torch.equal(rotated(Rotary(ModelConfig(vocabulary=2)), x, 0), x)


def llama3(frequency: float, scaling: RopeScaling) -> float:
    """Scale one frequency as the reference code does: https://arxiv.org/abs/2407.21783."""
    wavelength = 2 * math.pi / frequency
    if wavelength < scaling.original_context / scaling.high_freq_factor:
        return frequency
    if wavelength > scaling.original_context / scaling.low_freq_factor:
        return frequency / scaling.factor
    smooth = (scaling.original_context / wavelength - scaling.low_freq_factor) / (
        scaling.high_freq_factor - scaling.low_freq_factor
    )
    return (1 - smooth) * frequency / scaling.factor + smooth * frequency


@pytest.mark.parametrize("scaling", [RopeScaling("llama3", 8.0), RopeScaling("llama3", 32.0, 1.0, 4.0, 512)])
def test_llama3_scaling_changes_only_long_wavelengths(scaling: RopeScaling) -> None:
    config = ModelConfig(vocabulary=2, head_width=64, rope_theta=500_000.0)
    plain = rotary_frequencies(config)
    scaled = rotary_frequencies(dataclasses.replace(config, rope_scaling=scaling))
    assert np.allclose(scaled, [llama3(f, scaling) for f in plain])
    assert scaled[0] == plain[0]
    assert scaled[-1] == pytest.approx(plain[-1] / scaling.factor)
    linear = rotary_frequencies(dataclasses.replace(config, rope_scaling=RopeScaling("linear", 4.0)))
    assert np.allclose(linear * 4, plain)


# --- Derivatives --------------------------------------------------------------------------------------

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 4), st.sampled_from([2, 4, 6]))


@settings(max_examples=40)
@given(shape=SHAPES, seed=st.integers(0, 10_000), scale=st.sampled_from([1e-3, 1.0, 30.0]))
def test_gradients_equal_finite_differences(shape: tuple[int, int, int], seed: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = (torch.randn(shape, generator=generator, dtype=torch.float64) * scale).requires_grad_()
    weight = torch.randn(shape, generator=generator, dtype=torch.float64)
    angles = torch.rand(shape[1], shape[2] // 2, generator=generator, dtype=torch.float64)
    cos, sin = torch.cat((angles.cos(),) * 2, -1), torch.cat((-angles.sin(), angles.sin()), -1)
    step = 1e-6 * scale
    for function in (relu_squared, lambda x: rms_norm(x, 1e-6), lambda x: rotate(x, cos, sin)):
        (gradient,) = torch.autograd.grad((function(x) * weight).sum(), x)
        place = tuple(seed % n for n in shape)
        moved = torch.zeros(shape, dtype=torch.float64)
        moved[place] = step
        with torch.no_grad():
            slope = ((function(x + moved) - function(x - moved)) * weight).sum().item() / (2 * step)
        assert gradient[place].item() == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_derivatives_are_finite_for_extreme_inputs() -> None:
    for x in (torch.zeros(2, 4), torch.full((2, 4), 1e-30), torch.full((2, 4), 1e15)):
        for function in (relu_squared, lambda x: rms_norm(x, 1e-6)):
            leaf = x.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(function(leaf).sum(), leaf)
            assert gradient.isfinite().all()


def test_the_inverse_rotation_undoes_a_rotation() -> None:
    cos, sin = Rotary(ModelConfig(vocabulary=2))(5, 3)
    x = torch.randn(2, 3, 4, 32)
    assert torch.allclose(rotate(rotate(x, cos, sin), cos, -sin), x, atol=1e-5)
    across = x.transpose(1, 2).contiguous().transpose(1, 2)
    assert torch.equal(rotate(across, cos, sin), rotate(x, cos, sin))
