"""Pre-training: predict each token of a text from the tokens before it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.messages.training import TrainingSettings
from engine.model.derivatives import cross_entropy
from engine.model.linear import reduced_precision
from engine.model.transformer import Transformer
from engine.text.corpus import Corpus
from engine.training.evaluation import losses
from engine.training.recipe import micro_batch

VALIDATION_WINDOWS = 64  # windows of one context each
FINAL_WINDOWS = 1024


class LanguageModelling:
    """The task of pre-training: random windows of a corpus, with the cross-entropy in nats per token as loss."""

    def __init__(self, corpus: Corpus, settings: TrainingSettings) -> None:
        """Raise EngineError error.text_too_short if the corpus does not fill a window in both of its parts."""
        corpus.check(settings.context)
        self.corpus, self.settings = corpus, settings

    @property
    def tokens_per_step(self) -> int:
        return self.settings.batch * self.settings.context

    def sequences_at_once(self, model: Transformer) -> int:
        """Return the size of a micro-batch."""
        batch = self.settings.batch
        return micro_batch(model.config, batch) if model.device.type == "cpu" else batch

    def losses(self, model: Transformer, step: int) -> Iterator[Tensor]:
        settings, device, size = self.settings, model.device, self.sequences_at_once(model)
        x_BT, y_BT = self.corpus.batch(step, settings.batch, settings.context, settings.seed)
        for start in range(0, settings.batch, size):
            x, y = (torch.from_numpy(a[start : start + size]).to(device) for a in (x_BT, y_BT))
            with reduced_precision(device):
                logits_BTV = model(x)
            yield cross_entropy(logits_BTV.float().flatten(0, 1), y.flatten()) * (len(x) / settings.batch)

    def validation_losses(self, model: Transformer, final: bool) -> Iterator[tuple[float, int]]:
        most = FINAL_WINDOWS if final else VALIDATION_WINDOWS
        return losses(model, *self.corpus.validation_windows(self.settings.context, most))
