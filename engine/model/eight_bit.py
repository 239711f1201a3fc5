"""Linear layers whose weights are kept as 8-bit integers with a scale for each row: a quarter of float32's memory.

Only the weights are rounded noticeably. An input is written as two digits of 7 bits, so that integer products of the
library FBGEMM give its product to about 13 bits: 8-bit inputs, as in most libraries, cost a model like SmolLM2 six
times as much perplexity as its 8-bit weights do. Every row has its own unit, so the result does not depend on how many
tokens are computed at once.
"""

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from engine.model.half import CompactLinear, Vector

LARGEST_WEIGHT, LARGEST_DIGIT, BASE, ZERO = 127, 63, 128, 64  # sums of two products fit 16 bits, as AVX2 needs
PRODUCT = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default  # named in full it is called faster
SMALLEST = torch.finfo(torch.float32).tiny


class EightBitLinear(CompactLinear):
    """y = W·x + b, with W as integers of -127..127 times each row's scale."""

    name, bytes_per_weight = "int8", 1

    def __init__(self, weight_OD: Tensor, bias: nn.Parameter | None) -> None:
        super().__init__(weight_OD, bias)
        scales_O = (weight_OD.abs().amax(dim=1).double() / LARGEST_WEIGHT).clamp_min(SMALLEST)
        whole_OD = (weight_OD / scales_O[:, None]).round().to(torch.int8)
        zeros_O = torch.zeros(self.out_features, dtype=torch.long)
        engine = torch.backends.quantized.engine
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch will move this to another package after 2.13
            quantised = torch._make_per_channel_quantized_tensor(whole_OD, scales_O, zeros_O, 0)
        try:
            torch.backends.quantized.engine = "fbgemm"
            self._packed = torch.ops.quantized.linear_prepack(quantised, None)
        finally:
            torch.backends.quantized.engine = engine

    @property
    def weight(self) -> Tensor:
        """Return W as float32, converted anew each time."""
        weight_OD: Tensor = torch.ops.quantized.linear_unpack(self._packed)[0].dequantize()
        return weight_OD

    def single(self, x_D: Vector) -> Vector:
        """Return W·x without b for one vector."""
        unit = np.abs(x_D).max() / np.float32(LARGEST_DIGIT) + np.float32(SMALLEST)
        digits_2D = np.empty((2, self.in_features), np.float32)
        scaled_D = x_D / unit
        np.rint(scaled_D, out=digits_2D[0])
        scaled_D -= digits_2D[0]
        np.multiply(scaled_D, np.float32(BASE), out=digits_2D[1])
        y_2O = self._multiply(torch.from_numpy(digits_2D)).numpy()
        y_2O[1] *= np.float32(1 / BASE)
        y_O: Vector = y_2O[0]
        y_O += y_2O[1]
        y_O *= unit
        return y_O

    def _products(self, x_RD: Tensor) -> Tensor:
        unit_R1 = x_RD.abs().amax(dim=1, keepdim=True) / LARGEST_DIGIT + SMALLEST
        scaled_RD = x_RD / unit_R1
        first_RD = scaled_RD.round()
        second_RD = (scaled_RD - first_RD) * BASE
        y_RO, rest_RO = self._multiply(torch.cat((first_RD, second_RD))).chunk(2)
        return (y_RO + rest_RO / BASE) * unit_R1

    def _multiply(self, digits_RD: Tensor) -> Tensor:
        """Return the product with W of digits, which are rounded to whole numbers."""
        y_RO: Tensor = PRODUCT(digits_RD, 1.0, ZERO, self._packed)
        return y_RO
