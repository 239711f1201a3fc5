"""Replay against forgetting: on old text, a model in tuning keeps to the probabilities that it gave before.

The loss is the KL divergence from the model before to the model now (Li and Hoiem 2016, arXiv:1606.09282, there on new
data; Buzzega et al. 2020, arXiv:2004.07211, on replayed data). The cross-entropy of old text does the same less well:
its gradient is noise as long as nothing is forgotten, and Muon makes a whole step of it.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.model.transformer import Transformer
from engine.text.corpus import Corpus
from engine.training.recipe import micro_batch

WINDOWS = 2  # of old text a step
LONGEST = 256  # tokens of a window


class Replay:
    """Random windows of old text; the loss is the KL divergence in nats per token."""

    def __init__(self, corpus: Corpus, before: Callable[[Tensor], Tensor], context: int, seed: int) -> None:
        """`before` returns the logits of the model before tuning.

        Raises EngineError error.text_too_short.
        """
        self.context = max(1, min(context, LONGEST, len(corpus.validation) - 2))
        corpus.check(self.context)
        self.corpus, self.before, self.seed = corpus, before, seed

    @property
    def tokens_per_step(self) -> int:
        return WINDOWS * self.context

    def losses(self, model: Transformer, step: int) -> Iterator[Tensor]:
        x_BT, _ = self.corpus.batch(step, WINDOWS, self.context, self.seed)
        for x_bT in torch.from_numpy(x_BT).split(micro_batch(model.config, WINDOWS)):
            x_bT = x_bT.to(model.device)
            with torch.no_grad():
                before = self.before(x_bT)
            yield kl_per_token(before, model(x_bT)) * (len(x_bT) / WINDOWS)


def kl_per_token(before: Tensor, now: Tensor) -> Tensor:
    """Return the mean over all places of the KL divergence from p_before to p_now, given logits [... V], in nats."""
    log_p, log_q = (logits.float().log_softmax(dim=-1).flatten(0, -2) for logits in (before, now))
    return F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
