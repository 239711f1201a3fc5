"""How the weights move: Muon for the matrices inside the blocks, AdamW for everything else.

Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) replaces the momentum of a matrix by the
nearest orthogonal matrix, so that every direction learns at the same rate.
"""

from collections import defaultdict

import torch
from torch import Tensor, nn

from engine.model.transformer import Transformer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the quintic iteration, from the same source


class Optimizer:
    """One `step` for all parameters of a model; its state can be saved as named tensors."""

    def __init__(self, model: Transformer, matrix_rate: float, other_rate: float) -> None:
        matrices, others = split_parameters(model)
        self.muon = Muon(matrices, matrix_rate)
        self.adam = torch.optim.AdamW(others, lr=other_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
        self._others, self._other_rate = others, other_rate

    def step(self, factor: float) -> None:
        """Moves the weights by their gradients at `factor` times the full rates, and clears the gradients."""
        self.muon.step(factor)
        self.adam.param_groups[0]["lr"] = self._other_rate * factor
        self.adam.step()
        for parameter in (*self.muon.parameters, *self._others):
            parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        tensors = {f"muon.{i}": momentum for i, momentum in enumerate(self.muon.momenta)}
        for i, parameter in enumerate(self._others):
            for name, value in self.adam.state.get(parameter, {}).items():
                tensors[f"adam.{i}.{name}"] = value
        return tensors

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        for i, momentum in enumerate(self.muon.momenta):
            momentum.copy_(tensors[f"muon.{i}"])
        for i, parameter in enumerate(self._others):
            prefix = f"adam.{i}."
            state = {name[len(prefix) :]: value.clone() for name, value in tensors.items() if name.startswith(prefix)}
            self.adam.state[parameter] = state


def split_parameters(model: Transformer) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The matrices inside the blocks, and everything else: embedding, head, gains, biases."""
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    inside = set(map(id, matrices))
    return matrices, [p for p in model.parameters() if id(p) not in inside]


class Muon:
    """Matrices of one shape are orthogonalised together, as one stack: fewer and larger products."""

    def __init__(self, parameters: list[nn.Parameter], rate: float, momentum: float = 0.9, iterations: int = 5) -> None:
        self.parameters, self.rate = parameters, rate
        self.momentum, self.iterations = momentum, iterations
        by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
        for parameter in parameters:
            by_shape[parameter.shape].append(parameter)
        self._groups = list(by_shape.values())
        self.momenta = [torch.zeros(len(g), *g[0].shape, device=g[0].device) for g in self._groups]

    @torch.no_grad()
    def step(self, factor: float) -> None:
        for group, momentum_NRC in zip(self._groups, self.momenta, strict=True):
            gradient_NRC = torch.stack([p.grad for p in group])  # type: ignore[misc]
            momentum_NRC.lerp_(gradient_NRC, 1 - self.momentum)
            ahead_NRC = gradient_NRC.lerp_(momentum_NRC, self.momentum)  # Nesterov's look ahead
            update_NRC = orthogonalize(ahead_NRC, self.iterations)
            rows, columns = group[0].shape
            rate = self.rate * factor * max(1.0, rows / columns) ** 0.5
            for parameter, update_RC in zip(group, update_NRC, strict=True):
                parameter.add_(update_RC, alpha=-rate)


def orthogonalize(matrices_NRC: Tensor, iterations: int = 5) -> Tensor:
    """U·Vᵀ of each matrix U·S·Vᵀ, nearly: its singular values are pushed into about [0.7, 1.2].

    Newton-Schulz iteration X ← SX with S = aI + bG + cG², G = XXᵀ, from the source of Muon, on the
    shorter side. All S are polynomials of the first G, so they commute, and the next G is SGS: only the
    first and the last product touch the long side.
    """
    a, b, c = NEWTON_SCHULZ
    tall = matrices_NRC.shape[-2] > matrices_NRC.shape[-1]
    x = matrices_NRC.mT if tall else matrices_NRC
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    gram = x @ x.mT
    factor = None
    for left in reversed(range(iterations)):
        step = torch.baddbmm(b * gram, gram, gram, alpha=c)
        step.diagonal(dim1=-2, dim2=-1).add_(a)
        factor = step if factor is None else step @ factor
        if left:
            gram = step @ gram @ step
    x = factor @ x if factor is not None else x
    return x.mT if tall else x
