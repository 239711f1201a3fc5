"""The weights of a run of fine-tuning at its measurements, kept in its folder: only those that it trains."""

from pathlib import Path

import torch
from torch import nn

from engine.errors import EngineError, not_written
from engine.model.checkpoint import read_tensors, write_tensors

FOLDER = "moments"
MOST_BYTES = 400_000_000  # of all moments of a run; later ones are not kept


def trained(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters that are trained, by name; a tied unembedding is not named twice."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def keep(folder: Path, model: nn.Module, step: int) -> None:
    """Keep the weights of this step, if there is room. Raises EngineError error.not_written."""
    tensors, kept = trained(model), sum(path.stat().st_size for path in (folder / FOLDER).glob("*.safetensors"))
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if kept + size <= MOST_BYTES:
        try:
            (folder / FOLDER).mkdir(exist_ok=True)
        except OSError as error:
            raise not_written(folder / FOLDER, error) from error
        write_tensors(_path(folder, step), tensors, {"step": str(step)})


def kept_steps(folder: Path) -> list[int]:
    """Return the steps of the moments in a folder, in order."""
    names = [path.stem for path in (folder / FOLDER).glob("*.safetensors")]
    return sorted(int(name) for name in names if name.isdecimal())


@torch.no_grad()
def restore(folder: Path, model: nn.Module, step: int) -> None:
    """Set the weights to those of a moment. Raises EngineError error.moment_gone if it is not there or does not fit."""
    path, parameters = _path(folder, step), dict(model.named_parameters())
    if not path.is_file():
        raise EngineError("error.moment_gone", step=step)
    tensors, _ = read_tensors(path)
    if not all(name in parameters and parameters[name].shape == tensor.shape for name, tensor in tensors.items()):
        raise EngineError("error.moment_gone", step=step)
    for name, tensor in tensors.items():
        parameters[name].copy_(tensor)


def _path(folder: Path, step: int) -> Path:
    return folder / FOLDER / f"{step}.safetensors"
