"""Guessing ahead with a cheap copy of the model, so that the model itself can read several tokens at once.

When a large model writes, every token costs one reading of all its weights, and one reading serves four tokens
nearly as well as one. So a copy with matrices of 8-bit numbers guesses the next three, and the model computes
the logits behind all of them in one pass: speculative decoding (Leviathan et al. 2023, arXiv:2211.17192) with
the model as its own draft. Everything that is shown, and every draw, comes from the model's own logits. A wrong
guess is never asked for: it costs time, and changes nothing.

The copy takes a byte for each number of the model's matrices: a quarter of what they take themselves.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.model.memory import free_memory
from engine.model.single_token import Apply, SingleToken, Vector
from engine.model.transformer import KVCache, Transformer

Pick = Callable[[Vector, Sequence[int]], int]  # the token behind a text, from the logits [V] there

# Measured with the 124 million parameters of GPT-2 on two cores without 8-bit instructions of their own: a token
# takes 35 ms, a guess 15, four tokens in one pass 50; five in one pass take half as much again as four.
AHEAD = 3  # guesses a pass
PAYS = 2.8  # tokens gained a pass, from which on guessing is faster
SMALLEST = 50_000_000  # parameters: smaller models stay in the processor's cache, where reading them is cheap
COOL = 0.4  # the temperature up to which guesses pay: of a trained model's 94 in 100 came true at 0, 74 at 0.3
WORTH = 32  # tokens that must be wanted for the copy to be made
ROUNDING_SECONDS = 0.02  # spent on making it before each token, so that nobody waits for it
ROWS = 4096  # of a matrix, rounded at a time
PATIENCE, MOST_PATIENCE = 16, 256  # tokens written without guesses when they do not pay


class Drafter:
    """The copy, made while the first tokens are written, and a memory of how often it was right."""

    def __init__(self, model: Transformer) -> None:
        self.guessed = self.right = 0
        self._copy: SingleToken | None = None
        self._making = self._make(model)
        self._last: tuple[list[int], list[int]] = ([], [])  # a text, and how it was guessed to go on
        self._gain = float(AHEAD + 1)
        self._rest, self._patience = 0, PATIENCE

    def guess(self, ids: Sequence[int], cache: KVCache, pick: Pick, wanted: int) -> list[int]:
        """AHEAD tokens behind `ids`, or none while that does not pay. `wanted` is how many will be asked for.

        The cache holds all of `ids` but the last; what is added to it here is as rough as the guesses.
        """
        self._judge(ids)
        if self._copy is None and wanted >= WORTH:
            self._make_some()
        if self._copy is None or wanted <= AHEAD or self._rest:
            self._rest = max(0, self._rest - 1)
            return []
        text = list(ids)
        for _ in range(AHEAD):
            text.append(pick(self._copy(text[-1], cache), text))
        self._last = (text[: len(ids)], text[len(ids) :])
        return self._last[1]

    def _judge(self, ids: Sequence[int]) -> None:
        """Compares the last guesses with what was written; rests, longer each time, where they do not pay."""
        behind, guesses = self._last
        self._last = ([], [])
        written = list(ids[len(behind) :])
        if not guesses or not written or list(ids[: len(behind)]) != behind:
            return
        pairs = zip(guesses, written, strict=False)
        right = next((n for n, (guess, id) in enumerate(pairs) if guess != id), min(len(guesses), len(written)))
        self.guessed, self.right = self.guessed + len(guesses), self.right + right
        self._gain += 0.25 * (right + 1 - self._gain)
        if self._gain >= PAYS:
            self._patience = PATIENCE
            return
        self._rest, self._patience = self._patience, min(2 * self._patience, MOST_PATIENCE)
        self._gain = PAYS  # one more trial decides

    def finish(self) -> None:
        """Makes what is left of the copy at once."""
        for _ in self._making:
            pass

    def _make_some(self) -> None:
        begun = time.perf_counter()
        for _ in self._making:
            if time.perf_counter() - begun > ROUNDING_SECONDS:
                return

    def _make(self, model: Transformer) -> Iterator[None]:
        products: dict[nn.Linear, Apply] = {}
        for layer in model.modules():
            if isinstance(layer, nn.Linear):
                pieces = []
                for first in range(0, layer.out_features, ROWS):
                    pieces.append(_rounded(layer, slice(first, first + ROWS)))
                    yield
                products[layer] = _product(pieces)
        self._copy = SingleToken(model, products.__getitem__)


def drafter_for(model: Transformer) -> Drafter | None:
    """None where it would not pay: for a small model, or without memory or a fast product of 8-bit numbers."""
    size, have = model.config.parameters(), free_memory()
    fast = torch.backends.quantized.engine in ("x86", "fbgemm")
    pays = size >= SMALLEST and fast and SingleToken.can_run(model) and (have is None or size < have)
    return Drafter(model) if pays else None


@torch.no_grad()
def _rounded(layer: nn.Linear, rows: slice) -> torch.ScriptObject:
    """These rows of a matrix as 8-bit numbers: the largest of each row becomes 127."""
    weight_ND: Tensor = layer.weight[rows]
    bias_N = None if layer.bias is None else layer.bias[rows]
    scale_N = weight_ND.abs().amax(dim=1).clamp_min(1e-12) / 127
    with warnings.catch_warnings():
        # torch is about to move this type of tensor to another package; its product has no equal yet:
        # _weight_int8pack_mm takes half as long again, onednn three times as long.
        warnings.filterwarnings("ignore", message=".*quantized tensor creation functions", category=UserWarning)
        zero_N = torch.zeros(len(scale_N), dtype=torch.long)
        rounded_ND = torch.quantize_per_channel(weight_ND, scale_N.double(), zero_N, 0, torch.qint8)
    return torch.ops.quantized.linear_prepack(rounded_ND, bias_N)


def _product(pieces: list[torch.ScriptObject]) -> Apply:
    """W·x + b with x, too, in 8 bit; 7 in truth, since without instructions of their own sums would overflow."""
    multiply = torch.ops.quantized.linear_dynamic

    def apply(x_D: Vector) -> Vector:
        x_1D = torch.from_numpy(x_D).unsqueeze(0)
        parts: list[NDArray[np.float32]] = [multiply(x_1D, piece, reduce_range=True)[0].numpy() for piece in pieces]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return apply
