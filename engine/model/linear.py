"""The product of a matrix and a few tokens, the fast way round."""

from torch import Tensor, nn

FEW = range(2, 65)  # tokens


class Linear(nn.Linear):
    """y = W·x + b, for FEW tokens as y' = (W·x')': the same numbers.

    Measured with GPT-2's matrices on two cores: torch's product takes half as long with the matrix on the left
    for four tokens, two thirds for sixteen, four fifths for sixty-four, and as long from there on.
    """

    def forward(self, x: Tensor) -> Tensor:
        rows_RD = x.reshape(-1, self.in_features)
        if len(rows_RD) not in FEW or x.device.type != "cpu":
            return super().forward(x)
        y = (self.weight @ rows_RD.T).T.contiguous().view(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias
