"""Arrays as the result of a command: a file that numpy.load reads."""

import argparse
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from engine.cli.terminal import print_result
from engine.errors import EngineError, not_written
from engine.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from engine.model.transformer import Transformer


def check_length(model: "Transformer", ids: list[int]) -> None:
    """Raise EngineError error.context_full if the model cannot read so many tokens at once."""
    if len(ids) > model.config.context:
        raise EngineError("error.context_full", have=len(ids), context=model.config.context)


@dataclass(frozen=True)
class Parts:
    """An array of float32 that is computed and written one part of its first axis at a time."""

    shape: tuple[int, ...]
    parts: "Iterable[NDArray[np.float32]]"


def write_arrays(options: argparse.Namespace, arrays: "dict[str, NDArray[Any] | Parts]") -> None:
    """Write a file that numpy.load reads (NumPy's NPZ and NPY formats), whole or not at all."""
    path = Path(options.out)
    try:
        with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    _write_array(file, array)
    except OSError as error:
        raise not_written(path, error) from error
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    words = "\n".join(f"{name}: {' × '.join(map(str, shape))}" for name, shape in shapes.items())
    print_result(options, {"file": str(path), "shapes": shapes}, words)


def _write_array(file: IO[bytes], array: "NDArray[Any] | Parts") -> None:
    from numpy.lib import format as npy

    if not isinstance(array, Parts):
        npy.write_array(file, array, allow_pickle=False)
        return
    npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": array.shape})
    for part in array.parts:
        file.write(part.astype("<f4", copy=False).data)
        del part  # otherwise it is kept while the next one is computed
