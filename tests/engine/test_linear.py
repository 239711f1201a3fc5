"""Linear layers in float32, and in bfloat16 where training is faster that way."""

import pytest
import torch
import torch.nn.functional as F

from engine.model import linear
from engine.model.linear import Linear, reduced_precision
from engine.training.optimizers import orthogonalize

CPU = torch.device("cpu")


def products(layer: Linear, x_BTD: torch.Tensor) -> list[torch.Tensor]:
    """Return the layer's output and the gradients of its sum of squares."""
    inputs = [x_BTD, *layer.parameters()]
    y_BTO = layer(x_BTD)
    return [y_BTO.detach(), *torch.autograd.grad(y_BTO.square().sum(), inputs)]


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize("bias", [True, False])
def test_in_reduced_precision_outputs_and_gradients_are_those_of_float32_within_two_percent(bias: bool) -> None:
    torch.manual_seed(0)
    layer, x_BTD = Linear(48, 80, bias=bias), torch.randn(3, 50, 48, requires_grad=True)
    exact = products(layer, x_BTD)
    with reduced_precision(CPU):
        rounded = products(layer, x_BTD)
    for mine, its in zip(rounded, exact, strict=True):
        assert mine.dtype == torch.float32
        assert 0.0 < float((mine - its).norm() / its.norm()) < 0.02


@pytest.mark.usefixtures("bfloat16")
def test_only_training_is_computed_in_reduced_precision() -> None:
    torch.manual_seed(0)
    layer, x_RD = Linear(48, 80), torch.randn(100, 48)
    exact_RO = F.linear(x_RD, layer.weight, layer.bias)
    with reduced_precision(CPU), torch.no_grad():
        assert torch.equal(layer(x_RD), exact_RO)
    assert torch.equal(layer(x_RD), exact_RO)


@pytest.mark.usefixtures("bfloat16")
def test_matrices_orthogonalized_in_bfloat16_have_singular_values_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((3, 64, 16), (3, 16, 64), (3, 24, 24)):
        values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)))
        assert values.min() > 0.3
        assert values.max() < 1.4


def test_whether_bfloat16_is_faster_is_measured_once() -> None:
    assert linear.bfloat16_is_faster() is linear.bfloat16_is_faster()
    assert linear.bfloat16_is_faster.cache_info().misses == 1
