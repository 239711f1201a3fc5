"""A linear layer that is faster for a few tokens."""

from torch import Tensor, nn

FEW = range(2, 65)  # tokens


class Linear(nn.Linear):
    """y = W·x + b; for FEW tokens with the matrix on the left, which gives the same numbers.

    Measured with GPT-2's matrices on two cores: with the matrix on the left torch takes half as long for four
    tokens, two thirds for sixteen, four fifths for sixty-four, and as long for more.
    """

    def forward(self, x: Tensor) -> Tensor:
        rows_RD = x.reshape(-1, self.in_features)
        if len(rows_RD) not in FEW or x.device.type != "cpu":
            return super().forward(x)
        y = (self.weight @ rows_RD.T).T.contiguous().view(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias
