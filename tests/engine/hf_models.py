"""Small random models of `transformers`, saved as folders."""

from pathlib import Path
from typing import Any

import torch
import transformers

VOCABULARY, CONTEXT = 500, 128
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 48,
    "intermediate_size": 112,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "eos_token_id": None,
    "bos_token_id": None,
    "pad_token_id": None,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def model_of(kind: str, **settings: Any) -> transformers.PreTrainedModel:
    """Return a random model: `kind` is the class's name without ForCausalLM, `settings` differ from SHAPE."""
    named = "Gemma3Text" if kind == "Gemma3" else kind
    config = getattr(transformers, f"{named}Config")(**(SHAPE | settings))
    return getattr(transformers, f"{kind}ForCausalLM")(config)


def saved(model: transformers.PreTrainedModel, folder: Path, seed: int = 1, **options: Any) -> Any:
    """Change all weights at random, norms and biases too, save the model, and return it ready to be compared."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(folder, **options)
    model.eval().set_attn_implementation("eager")
    return model


def some_ids(count: int = 40, vocabulary: int = VOCABULARY) -> torch.Tensor:
    return torch.randint(vocabulary, (1, count), generator=torch.Generator().manual_seed(2))
