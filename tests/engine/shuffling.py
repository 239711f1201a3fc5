"""Models whose weights are shuffled: the control of every method that looks inside."""

from pathlib import Path

import torch

from engine.model.opening import BUILTIN, load_model
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer


def shuffled(seed: int, path: Path = BUILTIN) -> tuple[Transformer, Tokenizer]:
    """Return a model with the numbers within each of its tensors in random order.

    Each tensor keeps its mean and its spread, but nothing that was learned (Adebayo et al. 2018, arXiv:1810.03292).
    Such a model is as sure of its nonsense as the real one is of its answers.
    """
    model, tokenizer = load_model(path)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return model, tokenizer
