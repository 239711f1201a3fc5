"""The tuned lens: an affine map for each layer, which brings its residual stream closer to what the last layer writes.

A layer may use other directions than the last one, so that the plain logit lens reads little in it. A map A·x + b of
its own is trained so that the decoded probabilities q are near to the model's own p (Belrose et al. 2023,
arXiv:2303.08112): it minimises the Kullback-Leibler divergence of q from p, sum p ln(p / q). The map is trained on
texts, and for all texts it is the same; so a token that it reads in a layer can be read there, although the model need
not use it.

Suffixes: L layers, so that map number i reads the stream before layer i; T tokens, D width, V vocabulary.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.errors import EngineError
from engine.inspection.lens import residuals
from engine.model.opening import finish
from engine.model.tape import UNCHANGED, Changes
from engine.model.transformer import Transformer

PASSAGES, LENGTH = 240, 128  # that the maps are trained on, one a step, and tokens of each
HELD_OUT = 8  # one passage in so many is left out, to measure
LEARNING_RATE = 3e-3  # at its highest; for residual streams scaled to mean square 1


@dataclass(frozen=True, slots=True)
class TunedLens:
    """The maps, and how far from the model's own probabilities the lens is with and without them, in bits a token."""

    maps_LDD: Tensor  # A - 1
    shifts_LD: Tensor
    scales_L: Tensor  # by which the streams are divided for training
    plain_L: tuple[float, ...]  # Kullback-Leibler divergence on passages that the maps were not trained on
    tuned_L: tuple[float, ...]

    def read(self, streams: Sequence[Tensor]) -> list[Tensor]:
        """Return the residual streams [T D] before the first layer and after each as they are to be decoded.

        The last one is unchanged: it is the model's own output.
        """
        x_LTD = torch.stack(list(streams[:-1])).float()
        return [*_mapped(x_LTD, self.maps_LDD, self.shifts_LD, self.scales_L), streams[-1]]


def tune(
    model: Transformer, passages: Sequence[Sequence[int]], changes: Changes = UNCHANGED
) -> Generator[float, None, TunedLens]:
    """Train a map for each layer on passages of at least two tokens, and yield the share that is done, 0..1.

    Raises EngineError error.text_too_short without a passage for training and one for measuring, and
    error.logits_broken if the model's weights are damaged.
    """
    held_out = passages[::HELD_OUT]
    trained_on = [ids for index, ids in enumerate(passages) if index % HELD_OUT]
    if not trained_on:
        raise EngineError("error.text_too_short", need=2 * LENGTH, have=sum(map(len, passages)), context=LENGTH)
    L, D = model.config.n_layers, model.config.width
    maps_LDD = torch.zeros(L, D, D, device=model.device, requires_grad=True)
    shifts_LD = torch.zeros(L, D, device=model.device, requires_grad=True)
    scales_L = _streams(model, trained_on[0], changes)[:-1].square().mean(dim=(1, 2)).sqrt().clamp_min(1e-6)
    optimizer = torch.optim.Adam((maps_LDD, shifts_LD))
    for step, ids in enumerate(trained_on):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 20) * (1 - step / len(trained_on))
        x_LTD = _streams(model, ids, changes)
        with torch.enable_grad():
            mapped_LTD = _mapped(x_LTD[:-1], maps_LDD, shifts_LD, scales_L)
            loss = _cross_entropy(model, mapped_LTD, x_LTD[-1])
            optimizer.zero_grad()
            maps_LDD.grad, shifts_LD.grad = torch.autograd.grad(loss.sum(), (maps_LDD, shifts_LD))
        optimizer.step()
        yield (step + 1) / len(passages)
    found = TunedLens(maps_LDD.detach(), shifts_LD.detach(), scales_L, (), ())
    plain_L, tuned_L = _divergences(model, held_out, found, changes)
    if not all(map(torch.isfinite, (plain_L.sum(), tuned_L.sum()))):
        raise EngineError("error.logits_broken")
    yield 1.0
    return TunedLens(found.maps_LDD, found.shifts_LD, scales_L, tuple(plain_L.tolist()), tuple(tuned_L.tolist()))


@torch.no_grad()
def _streams(model: Transformer, ids: Sequence[int], changes: Changes) -> Tensor:
    """Return the residual streams before the first layer and after each, [L + 1, T, D]."""
    return torch.stack(finish(residuals(model, ids, changes))).float()


def _mapped(x_LTD: Tensor, maps_LDD: Tensor, shifts_LD: Tensor, scales_L: Tensor) -> Tensor:
    scaled_LTD = x_LTD / scales_L[:, None, None]
    return (scaled_LTD + scaled_LTD @ maps_LDD + shifts_LD[:, None]) * scales_L[:, None, None]


def _cross_entropy(model: Transformer, x_LTD: Tensor, last_TD: Tensor) -> Tensor:
    """Return the mean of -sum p ln q over the tokens, in nats, for each layer [L]."""
    with torch.no_grad():
        p_TV = model.decode(last_TD).float().softmax(dim=1)
    return torch.stack([cross_entropy(model.decode(x_TD).float(), p_TV) for x_TD in x_LTD])


@torch.no_grad()
def _divergences(
    model: Transformer, passages: Sequence[Sequence[int]], lens: TunedLens, changes: Changes
) -> tuple[Tensor, Tensor]:
    """Return the divergence of the plain and of the tuned lens in bits, [L], averaged over the passages."""
    sums_2L = torch.zeros(2, len(lens.scales_L), device=model.device)
    for ids in passages:
        x_LTD = _streams(model, ids, changes)
        own = _cross_entropy(model, x_LTD[-1:], x_LTD[-1])  # the entropy of p
        tuned_LTD = torch.stack(lens.read(list(x_LTD)))[:-1]
        for row, streams_LTD in enumerate((x_LTD[:-1], tuned_LTD)):
            sums_2L[row] += _cross_entropy(model, streams_LTD, x_LTD[-1]) - own
    plain_L, tuned_L = sums_2L / len(passages) / torch.log(torch.tensor(2.0))
    return plain_L, tuned_L
