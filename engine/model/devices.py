"""Choose where a model computes: on the CPU, or on a GPU that torch supports."""

import torch

from engine.model.config import ModelConfig
from engine.model.transformer import Transformer

# Parameters. A smaller model takes the CPU less than 10 ms a token, by numpy (single_token.py), while a GPU starts some
# fifteen kernels a layer, each of which takes about 10 µs, and the logits have to be copied back.
WORTH_A_GPU = 50_000_000
SPARE = 1.25  # times the size of the weights: they, keys and values, and what a forward pass needs


def best_device() -> str:
    """Return the name of torch's fastest device on this computer: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def device_for(config: ModelConfig) -> str:
    """Return the device that an opened model computes on if there is memory for it."""
    return best_device() if config.parameters() >= WORTH_A_GPU else "cpu"


def place(model: Transformer, device: str) -> str:
    """Move a model to a device, or leave it on the CPU if it does not fit there. Return where it is."""
    size = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    if device == "cpu" or SPARE * size > free_memory(device):
        return "cpu"
    try:
        model.to(device)
    except RuntimeError:  # torch.OutOfMemoryError on CUDA; on MPS RuntimeError itself
        model.to("cpu")
        return "cpu"
    return device


def free_memory(device: str) -> int:
    """Return the bytes that are free on "cuda" or "mps"."""
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return free
    return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()


def is_full(error: BaseException) -> bool:
    """Return whether an exception means that the memory of a GPU is full."""
    return isinstance(error, torch.OutOfMemoryError) or "MPS backend out of memory" in str(error)
