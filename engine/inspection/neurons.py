"""What an MLP's neurons react to: the passages of a text with their highest activations, and the tokens they push up.

The passages are those of Geva et al. 2021 (arXiv:2012.14913, §3), who read the first layer of an MLP as keys of text
patterns and the second as values. What a neuron adds to the logits directly, through the final norm and the
unembedding, follows Geva et al. 2022 (arXiv:2203.14680). A neuron of SwiGLU or GeGLU may react with either sign; the
one with the larger peak counts.

A peak says little by itself, since each direction of the residual stream has one. The base rate is the same MLP that
reads its input rotated by a random orthogonal matrix: with random weights both have the same peaks.

Heads are ranked by how far they look: the largest product of a weight and its distance in tokens, without the first
token, on which heads rest (Xiao et al. 2023, arXiv:2309.17453). Attention spread evenly stays below 1.

Suffixes: B passages at once, T tokens of each, K passages kept, M neurons, H heads, D width, V vocabulary.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError
from engine.inspection.attention import batch_of
from engine.inspection.contributions import as_linear
from engine.inspection.patching import last_residual
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import MLP, Block, Transformer

Floats = NDArray[np.float32]

TOKENS = 64  # of a passage
AT_ONCE = 16  # passages
KEPT = 12  # passages of each neuron and head
TOP = 4  # passages whose mean is a neuron's peak
RARE = 0.99  # of the neurons with a rotated input have a lower peak than the threshold
PUSHED = 0.01  # of all tokens are among those that a neuron pushes up


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The passages with the highest values, the highest first."""

    values_KM: Tensor
    passages_KM: Tensor  # index of the passage; -1 for none
    tokens_KM: Tensor  # the token of the passage with this value

    @classmethod
    def none(cls, count: int) -> "Best":
        return cls(torch.full((0, count), -torch.inf), *(torch.zeros(0, count, dtype=torch.long) for _ in range(2)))

    def with_(self, values_BTM: Tensor, first: int) -> "Best":
        """Return the best of these and of further passages, whose indices begin with `first`."""
        top_BM, tokens_BM = values_BTM.max(dim=1)
        passages_BM = torch.arange(first, first + len(top_BM))[:, None].expand_as(tokens_BM)
        values = torch.cat((self.values_KM, top_BM))
        order = values.topk(min(KEPT, len(values)), dim=0).indices
        passages, tokens = torch.cat((self.passages_KM, passages_BM)), torch.cat((self.tokens_KM, tokens_BM))
        return Best(values.gather(0, order), passages.gather(0, order), tokens.gather(0, order))


class _Moments:
    """The mean and standard deviation of each neuron's activation over all tokens so far."""

    def __init__(self, count: int) -> None:
        self.tokens, self.sums, self.squares, self.positive = 0, *(torch.zeros(count, dtype=torch.double),) * 3

    def add(self, x_NM: Tensor) -> None:
        self.tokens += len(x_NM)
        self.sums = self.sums + x_NM.sum(dim=0)
        self.squares = self.squares + x_NM.double().square().sum(dim=0)
        self.positive = self.positive + (x_NM > 0).sum(dim=0)

    def peaks(self, best: Best) -> Tensor:
        """Return the mean of the TOP highest values, in standard deviations above the mean, [M]."""
        return self.standardized(best.values_KM[:TOP].double().mean(dim=0))

    def standardized(self, x_M: Tensor) -> Tensor:
        """Return values in standard deviations above the mean, [M]."""
        mean_M = self.sums / self.tokens
        deviation_M = (self.squares / self.tokens - mean_M.square()).clamp_min(0).sqrt().clamp_min(1e-12)
        return (x_M - mean_M) / deviation_M


class LayerScan:
    """What the neurons and heads of one layer do in passages of a text."""

    def __init__(self, model: Transformer, layer: int, passages: Sequence[Sequence[int]]) -> None:
        """Prepare a scan of passages, each of at least two and at most TOKENS tokens."""
        self.model, self.layer, self.passages, self.done = model, layer, passages, 0
        M, H, D = model.config.mlp_width, model.config.n_heads, model.config.width
        self.high, self.low, self.rotated, self.far = Best.none(M), Best.none(M), Best.none(M), Best.none(H)
        self.moments, self._rotated_moments = _Moments(M), _Moments(M)
        random_DD = torch.randn(D, D, generator=torch.Generator().manual_seed(0))
        self._rotation_DD = torch.linalg.qr(random_DD).Q.to(model.device)

    def run(self, changes: Changes = UNCHANGED) -> Generator[float, None, None]:
        """Read the passages; yield the share that is done, 0..1.

        Raises EngineError error.logits_broken if the model's weights are damaged.
        """
        while self.done < len(self.passages):
            part = self.passages[self.done : self.done + AT_ONCE]
            length = min(map(len, part))
            self._add(torch.tensor([list(ids[:length]) for ids in part], device=self.model.device), changes)
            self.done += len(part)
            yield self.done / len(self.passages)

    def _add(self, ids_BT: Tensor, changes: Changes) -> None:
        name = f"blocks.{self.layer}"
        tape = Tape([f"{name}.ln2", f"{name}.mlp.post", f"{name}.attn.pattern"], changes=changes)
        self.model.record(ids_BT, tape)
        post_BTM = _without_first(tape[f"{name}.mlp.post"])
        if not post_BTM.isfinite().all():
            raise EngineError("error.logits_broken")
        other_BTM = _without_first(self._rotated_post(tape[f"{name}.ln2"]))
        for moments, x in ((self.moments, post_BTM), (self._rotated_moments, other_BTM)):
            moments.add(x.flatten(0, 1))
        self.high, self.low = self.high.with_(post_BTM, self.done), self.low.with_(-post_BTM, self.done)
        self.rotated = self.rotated.with_(other_BTM, self.done)
        reach_BTH = reach(tape[f"{name}.attn.pattern"])[:, :, 1:].transpose(1, 2)
        self.far = self.far.with_(reach_BTH.float().cpu(), self.done)

    @torch.no_grad()
    def _rotated_post(self, x_BTD: Tensor) -> Tensor:
        tape = Tape([f"blocks.{self.layer}.mlp.post"])
        _mlp(self.model, self.layer)(x_BTD @ self._rotation_DD.to(x_BTD.dtype), tape)
        return tape[f"blocks.{self.layer}.mlp.post"]

    @cached_property
    def signs_M(self) -> NDArray[np.int8]:
        """The sign of each neuron's larger peak; the results are complete once `run` has ended."""
        return np.where(self.high.values_KM[0] >= self.low.values_KM[0], 1, -1).astype(np.int8)

    @cached_property
    def peaks_M(self) -> Floats:
        """Each neuron's peak, in standard deviations of its activation."""
        high_M = self.moments.peaks(self.high)
        mirrored = _Moments(len(high_M))
        mirrored.tokens, mirrored.sums, mirrored.squares = self.moments.tokens, -self.moments.sums, self.moments.squares
        low_M = mirrored.peaks(self.low)
        return np.where(self.signs_M > 0, high_M, low_M).astype(np.float32)

    @cached_property
    def threshold(self) -> float:
        """The peak that RARE of the neurons with a rotated input do not reach."""
        return float(np.quantile(self._rotated_moments.peaks(self.rotated).numpy(), RARE))

    def best_of(self, neuron: int) -> list[tuple[int, int]]:
        """Return the passages of a neuron's highest values and their tokens, the highest first."""
        best = self.high if self.signs_M[neuron] > 0 else self.low
        return _column(best, neuron)

    def farthest_of(self, head: int) -> list[tuple[int, int]]:
        """Return the passages in which a head looks furthest, and the tokens from which it does."""
        return _column(self.far, head)


def _column(best: Best, index: int) -> list[tuple[int, int]]:
    """Return passages and tokens; the first token was left out."""
    passages, tokens = best.passages_KM[:, index].tolist(), best.tokens_KM[:, index].tolist()
    return [(passage, token + 1) for passage, token in zip(passages, tokens, strict=True)]


def _without_first(x_BTM: Tensor) -> Tensor:
    """Return activations without those of the first token, which are much larger in many models."""
    return x_BTM[:, 1:].float().cpu()


def reach(pattern_BHTT: Tensor) -> Tensor:
    """Return how far each head looks from each token, [B H T]: its largest weight times the distance in tokens."""
    T = pattern_BHTT.shape[-1]
    places_T = torch.arange(T, device=pattern_BHTT.device)
    distance_TT = (places_T[:, None] - places_T).clamp_min(0)
    reach_BHTT = pattern_BHTT * distance_TT
    reach_BHTT[..., 0] = 0
    return reach_BHTT.amax(dim=-1)


def _mlp(model: Transformer, layer: int) -> MLP:
    block = model.blocks[layer]
    assert isinstance(block, Block)
    return block.mlp


@torch.no_grad()
def activations(
    model: Transformer, passages: Sequence[Sequence[int]], layer: int, neuron: int, changes: Changes = UNCHANGED
) -> list[Floats]:
    """Return the neuron's activation at each token of each passage."""
    found = []
    for ids in passages:
        tape = Tape([f"blocks.{layer}.mlp.post"], changes=changes)
        model.record(batch_of(model, ids), tape)
        found.append(tape[f"blocks.{layer}.mlp.post"][0, :, neuron].float().cpu().numpy())
    return found


@torch.no_grad()
def push(model: Transformer, ids: Sequence[int], layer: int, neuron: int, changes: Changes = UNCHANGED) -> Floats:
    """Return what the neuron adds to the logits after the last of `ids`, [V], directly through the final norm.

    The mean over all tokens is subtracted, since it changes no probability.
    Raises EngineError error.logits_broken if the model's weights are damaged.
    """
    name, last = f"blocks.{layer}", last_residual(model)
    tape = Tape([f"{name}.mlp.post", f"{name}.mlp_out", last], slice(len(ids) - 1, None), changes)
    model.record(batch_of(model, ids), tape)
    mlp, block = _mlp(model, layer), model.blocks[layer]
    assert isinstance(block, Block)
    one_M = torch.zeros_like(tape[f"{name}.mlp.post"][0, 0])
    one_M[neuron] = tape[f"{name}.mlp.post"][0, 0, neuron]
    post_M = tape[f"{name}.mlp.post"][0, 0]
    after_mlp, _ = as_linear(block.mlp_out_norm, mlp.down(post_M))
    added_D = after_mlp((mlp.down(one_M) - mlp.down(torch.zeros_like(one_M))).float())
    at_the_end, _ = as_linear(model.final_norm, tape[last][0, 0])
    effects_V = model.unembedding(at_the_end(added_D).to(tape[last].dtype)).float()
    if not effects_V.isfinite().all():
        raise EngineError("error.logits_broken")
    effects: Floats = (effects_V - effects_V.mean()).cpu().numpy()
    return effects


def is_pushed(effects_V: Floats, token: int) -> bool:
    """Return whether a token is among the PUSHED that a neuron pushes up most."""
    return int((effects_V > effects_V[token]).sum()) < PUSHED * len(effects_V)


@torch.no_grad()
def most_active(
    model: Transformer, ids: Sequence[int], layer: int, scan: LayerScan, changes: Changes = UNCHANGED
) -> Floats:
    """Return each neuron's activation at the last of `ids`, in standard deviations from its mean in the scan, [M]."""
    tape = Tape([f"blocks.{layer}.mlp.post"], slice(len(ids) - 1, None), changes)
    model.record(batch_of(model, ids), tape)
    z_M: Floats = scan.moments.standardized(tape[f"blocks.{layer}.mlp.post"][0, 0].double().cpu()).float().numpy()
    return z_M
