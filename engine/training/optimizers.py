"""Optimizers: Muon for the matrices inside the blocks, Adam for all other parameters; Momentum for a few steps.

Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) replaces the momentum of a matrix by the
nearest orthogonal matrix, so that the update has the same size in every direction.

Suffixes: N matrices of one shape, R rows, C columns.
"""

from collections import defaultdict

import torch
from torch import Tensor, nn

from engine.model.linear import bfloat16_is_faster
from engine.model.transformer import Transformer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the quintic iteration, from the same source
SHORTEST = 1e-12  # length of a gradient that is scaled to 1; a shorter one stays below


class Optimizer:
    """Muon and Adam over the parameters of a model that require a gradient; the state is saved as named tensors."""

    def __init__(self, model: Transformer, matrix_rate: float, other_rate: float) -> None:
        """Train with these rates; if Muon's is 0, train everything with Adam."""
        matrices, others = split_parameters(model)
        if not matrix_rate:
            matrices, others = [], [*matrices, *others]
        self.muon = Muon(matrices, matrix_rate)
        self.adam = Adam(others, other_rate)
        self.rate = matrix_rate or other_rate  # the one that is shown

    def step(self, factor: float) -> None:
        """Update the parameters by their gradients at `factor` times the full rates, and clear the gradients."""
        self.muon.step(factor)
        self.adam.step(factor)
        for parameter in (*self.muon.parameters, *self.adam.parameters):
            parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        tensors = {f"muon.{i}": momentum for i, momentum in enumerate(self.muon.momenta)}
        for i, (mean, square) in enumerate(zip(self.adam.means, self.adam.squares, strict=True)):
            tensors |= {f"adam.{i}.exp_avg": mean, f"adam.{i}.exp_avg_sq": square}
        return tensors | {"adam.step": self.adam.steps}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in self.state().items():
            tensor.copy_(tensors[name])


class Momentum:
    """Gradient descent with momentum (Polyak 1964) on gradients that are scaled to the length 1.

    For a short run that should change little else: Adam and Muon also move the parameters that hardly matter. The
    state is saved as named tensors.
    """

    def __init__(self, model: Transformer, rate: float, momentum: float = 0.9) -> None:
        """`rate`: the length of a step once all gradients have pointed in the same direction for a while."""
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.rate, self.momentum = rate, momentum
        self.means = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """Update the parameters by their gradients at `factor` times the full rate, and clear the gradients."""
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        length = torch.nn.utils.get_total_norm(gradients).clamp(min=SHORTEST)
        for parameter, mean, gradient in zip(self.parameters, self.means, gradients, strict=True):
            mean.lerp_(gradient / length, 1 - self.momentum)
            parameter.add_(mean, alpha=-self.rate * factor)
            parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        return {f"momentum.{i}": mean for i, mean in enumerate(self.means)}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in self.state().items():
            tensor.copy_(tensors[name])


def split_parameters(model: Transformer) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return the matrices inside the blocks, and all other parameters that require a gradient.

    The thin matrices of a low-rank adaptation are among the others: its authors train them with Adam.
    """
    named = [(name, p) for name, p in model.blocks.named_parameters() if p.requires_grad]
    matrices = [p for name, p in named if p.ndim == 2 and name.endswith(".weight")]
    inside = set(map(id, matrices))
    return matrices, [p for p in model.parameters() if p.requires_grad and id(p) not in inside]


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1), without weight decay.

    Each parameter moves by the mean of its gradients over the root of the mean of their squares.
    torch.optim's own class gives the same numbers, but it imports torch's compiler when it is made,
    which adds seconds to the first run.
    """

    def __init__(
        self, parameters: list[nn.Parameter], rate: float, betas: tuple[float, float] = (0.9, 0.95), eps: float = 1e-8
    ) -> None:
        self.parameters, self.rate, self.betas, self.eps = parameters, rate, betas, eps
        self.means = [torch.zeros_like(p) for p in parameters]
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.steps = torch.zeros(())  # a tensor, so that it is saved and restored with the others

    @torch.no_grad()
    def step(self, factor: float) -> None:
        self.steps += 1
        steps, (beta1, beta2) = int(self.steps), self.betas
        for parameter, mean, square in zip(self.parameters, self.means, self.squares, strict=True):
            gradient = parameter.grad
            assert gradient is not None
            mean.lerp_(gradient, 1 - beta1)
            square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            # Both means started at zero; dividing by (1 - beta^steps) removes that bias.
            root = (square / (1 - beta2**steps)).sqrt_().add_(self.eps)
            parameter.addcdiv_(mean, root, value=-self.rate * factor / (1 - beta1**steps))


class Muon:
    """Muon with Nesterov momentum. Matrices of the same shape are orthogonalised in one batch."""

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
    """Return about U·Vᵀ for each matrix U·S·Vᵀ: its singular values are moved into about [0.7, 1.2].

    Newton-Schulz iteration X ← SX with S = aI + bG + cG², G = XXᵀ, from the source of Muon, on the shorter side.
    """
    tall = matrices_NRC.shape[-2] > matrices_NRC.shape[-1]
    x = matrices_NRC.mT if tall else matrices_NRC
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    if x.device.type == "cpu" and bfloat16_is_faster():
        x = _iterate(x.bfloat16(), iterations).float()
    else:
        x = _iterate_on_gram(x, iterations)
    return x.mT if tall else x


def _iterate(x: Tensor, iterations: int) -> Tensor:
    """Return X after the iterations, which are robust against the rounding of bfloat16."""
    a, b, c = NEWTON_SCHULZ
    for _ in range(iterations):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def _iterate_on_gram(x: Tensor, iterations: int) -> Tensor:
    """Return what `_iterate` returns, from fewer products, in float32.

    All S are polynomials of the first G, so they commute, and the next G is SGS: only the first and the last
    product involve the long side. In bfloat16 the rounding errors would grow without limit.
    """
    a, b, c = NEWTON_SCHULZ
    gram = x @ x.mT
    factor = None
    for left in reversed(range(iterations)):
        step = torch.baddbmm(b * gram, gram, gram, alpha=c)
        step.diagonal(dim1=-2, dim2=-1).add_(a)
        factor = step if factor is None else step @ factor
        if left:
            gram = step @ gram @ step
    return x if factor is None else factor @ x
