"""Adam and Momentum agree with torch's own, Muon with the mathematics."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from engine.model.transformer import Transformer
from engine.training.optimizers import Adam, Momentum, Optimizer, orthogonalize, split_parameters
from engine.training.recipe import model_config
from tests.engine.conftest import SMALL
from tests.engine.small_models import random_model


def twins() -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.randn(30, 7)), nn.Parameter(torch.randn(5))]
    return ours, [nn.Parameter(p.detach().clone()) for p in ours]


def test_adam_makes_the_updates_of_torchs_adamw_without_decay() -> None:
    ours, theirs = twins()
    adam = Adam(ours, 0.01)
    reference = torch.optim.AdamW(theirs, lr=0.01, betas=(0.9, 0.95), weight_decay=0.0)
    for step in range(40):
        factor = 1.0 if step < 20 else 0.5
        for mine, its in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            its.grad = mine.grad.clone()
        adam.step(factor)
        reference.param_groups[0]["lr"] = 0.01 * factor
        reference.step()
    for mine, its in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, its, atol=1e-6)


def test_momentum_makes_the_updates_of_torchs_sgd_on_gradients_of_length_1() -> None:
    model = random_model(1)
    momentum = Momentum(model, 0.3)
    theirs = [nn.Parameter(p.detach().clone()) for p in model.parameters()]
    reference = torch.optim.SGD(theirs, lr=0.3, momentum=0.9, dampening=0.9)
    for step in range(20):
        gradients = [torch.randn_like(p) * 10 ** (step % 5 - 2) for p in theirs]
        length = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        for mine, its, gradient in zip(model.parameters(), theirs, gradients, strict=True):
            mine.grad, its.grad = gradient, gradient / length
        momentum.step(1.0)
        if step == 0:  # torch's begins with the whole gradient, not with its share in the mean
            reference.param_groups[0]["lr"] = 0.03
        reference.step()
        if step == 0:
            reference.param_groups[0]["lr"] = 0.3
            for its in theirs:
                reference.state[its]["momentum_buffer"].mul_(0.1)
    for mine, its in zip(model.parameters(), theirs, strict=True):
        assert torch.allclose(mine, its, atol=1e-5)


def test_momentum_stays_where_there_is_no_gradient() -> None:
    model = random_model(1)
    before = [p.detach().clone() for p in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    Momentum(model, 0.3).step(1.0)
    assert all(torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))


@pytest.mark.parametrize("make", [lambda model: Optimizer(model, 0.02, 0.01), lambda model: Momentum(model, 0.3)])
def test_an_optimizer_with_a_loaded_state_makes_the_same_updates(
    make: Callable[[Transformer], Optimizer | Momentum],
) -> None:
    def stepped(model: Transformer, optimizer: Optimizer | Momentum) -> None:
        torch.manual_seed(1)
        model(torch.randint(300, (2, 8))).square().mean().backward()
        optimizer.step(1.0)

    models = [Transformer(model_config(SMALL, 300)) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    optimizers = [make(model) for model in models]
    stepped(models[0], optimizers[0])
    models[1].load_state_dict(models[0].state_dict())
    optimizers[1].load_state({name: tensor.clone() for name, tensor in optimizers[0].state().items()})
    for model, optimizer in zip(models, optimizers, strict=True):
        stepped(model, optimizer)
    for name, tensor in models[0].state_dict().items():
        assert torch.equal(tensor, models[1].state_dict()[name]), name


def test_orthogonalized_matrices_have_singular_values_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((3, 64, 16), (3, 16, 64), (3, 24, 24)):
        values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)))
        assert values.min() > 0.3
        assert values.max() < 1.4


def test_every_parameter_belongs_to_muon_or_adam() -> None:
    model = Transformer(model_config(SMALL, 300))
    matrices, others = split_parameters(model)
    assert len(matrices) + len(others) == len(list(model.parameters()))
    assert {id(p) for p in others} == {id(model.embedding.weight), id(model.unembedding.weight)}


def test_adam_trains_every_parameter_if_muon_has_no_rate() -> None:
    model = random_model(1)
    optimizer = Optimizer(model, 0.0, 0.01)
    assert {id(p) for p in optimizer.adam.parameters} == {id(p) for p in model.parameters()}
    assert optimizer.rate == 0.01
    model(torch.tensor([[1, 2, 3]])).logsumexp(-1).sum().backward()
    before = [p.detach().clone() for p in model.parameters()]
    optimizer.step(1.0)  # Adam's first step has the size of its rate
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert (parameter - old).abs().max().item() == pytest.approx(0.01, rel=0.02)
