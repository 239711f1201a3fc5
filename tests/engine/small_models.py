"""Small models with random weights of a size that makes their logits differ."""

import torch

from engine.model.transformer import Transformer
from engine.training.recipe import model_config
from tests.engine.conftest import SMALL


def random_model(seed: int, vocabulary: int = 20) -> Transformer:
    torch.manual_seed(seed)
    model = Transformer(model_config(SMALL, vocabulary))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3)
    return model
