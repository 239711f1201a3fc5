"""Linear layers and embeddings whose weights are kept as float16: half the memory, and faster for one token.

Generating a token reads every weight once, so its speed is that of the memory. On two cores, one token takes SmolLM2
less than half as long with weights of 16 bits as with 32. Only the weights are rounded, to 11 significant bits: inputs,
sums and outputs stay float32. So the fast and the recorded path give the same numbers.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.model.speed import speedup

Vector = NDArray[np.float32]
LARGEST = torch.finfo(torch.float16).max
MOST_SMALL = 16_000_000  # parameters of a model whose float32 weights a processor's cache holds in good part
BLOCK = 512
FASTER = 1.1  # least speedup for keeping weights in fewer bits


class CompactLinear(nn.Module):
    """y = W·x + b with W kept in fewer bits than float32; a subclass defines how."""

    name: str  # of the form, as in ModelInfo.weights
    bytes_per_weight: int

    def __init__(self, weight_OD: Tensor, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight_OD.shape
        self.bias = bias

    @property
    def weight(self) -> Tensor:
        """Return W as float32, converted anew each time."""
        raise NotImplementedError

    def single(self, x_D: Vector) -> Vector:
        """Return W·x without b for one vector."""
        raise NotImplementedError

    def _products(self, x_RD: Tensor) -> Tensor:
        """Return W·x without b for each row x."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() and x.requires_grad:  # the packed product has no derivative
            return F.linear(x, self.weight, self.bias)
        y = self._products(x.reshape(-1, self.in_features)).view(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias


class HalfLinear(CompactLinear):
    """y = W·x + b, with W as float16 in the layout of the library FBGEMM, which pads inputs to a multiple of BLOCK.

    The columns that would need padding are kept as float32: a matrix of 576 columns would take twice its memory.
    """

    name, bytes_per_weight = "float16", 2
    _rest: Tensor

    def __init__(self, weight_OD: Tensor, bias: nn.Parameter | None) -> None:
        super().__init__(weight_OD, bias)
        self._whole = self.in_features // BLOCK * BLOCK  # columns that are kept as float16
        self._packed = torch.ops.quantized.linear_prepack_fp16(weight_OD[:, : self._whole].contiguous(), None)
        self.register_buffer("_rest", weight_OD[:, self._whole :].contiguous(), persistent=False)

    @property
    def weight(self) -> Tensor:
        """Return W as float32, converted anew each time."""
        whole_OD: Tensor = torch.ops.quantized.linear_unpack_fp16(self._packed)[0]
        return torch.cat((whole_OD, self._rest), dim=1)

    def _products(self, x_RD: Tensor) -> Tensor:
        y_RO: Tensor = torch.ops.quantized.linear_dynamic_fp16(x_RD[:, : self._whole].contiguous(), self._packed)
        if self._whole < self.in_features:
            y_RO.addmm_(x_RD[:, self._whole :], self._rest.T)
        return y_RO

    def single(self, x_D: Vector) -> Vector:
        """Return W·x without b for one vector."""
        y_1O = torch.ops.quantized.linear_dynamic_fp16(torch.from_numpy(x_D[: self._whole]).view(1, -1), self._packed)
        y_O: Vector = y_1O.numpy()[0]
        if self._whole < self.in_features:
            y_O += self._rest.numpy().dot(x_D[self._whole :])
        return y_O


class HalfEmbedding(nn.Embedding):
    """An embedding whose rows are kept as float16 and returned as float32."""

    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids).float()


def fits(weight_OD: Tensor) -> bool:
    """Return whether a matrix can be kept as float16: its rows fill a block, and each number is finite in float16."""
    lowest, highest = weight_OD.aminmax()
    return weight_OD.shape[1] >= BLOCK and bool(lowest >= -LARGEST and highest <= LARGEST)  # False if one is NaN


def is_faster(form: type[CompactLinear]) -> bool:
    """Return whether this processor multiplies a matrix of this form by a vector faster than a float32 one.

    It is measured in 50 ms, with matrices larger than a processor's cache. FBGEMM exists on x86 processors with
    AVX2 only: elsewhere weights stay float32.
    """
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        return False
    weight_OD, x_D = torch.ones(8192, 1024), torch.ones(1024)
    compact, vector = form(weight_OD, None), x_D.numpy()
    return speedup(lambda: weight_OD.mv(x_D), lambda: compact.single(vector), rounds=7) > FASTER
