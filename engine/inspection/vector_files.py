"""Read vectors and their labels from files: NumPy's .npy, and the TSV files of TensorBoard's Embedding Projector.

No pickle is read. Formats: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, and
https://www.tensorflow.org/tensorboard/tensorboard_projector_plugin for tensors.tsv and metadata.tsv.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from engine.inspection.vectors import Floats

MOST_ROWS = 200_000
MOST_NUMBERS = 100_000_000  # 400 MB
LONGEST_LINE = 1_000_000  # characters
STRIDE = 1000  # lines between two yields
NAME_COLUMNS = ("label", "word", "token", "name")


@dataclass(frozen=True, slots=True, eq=False)
class VectorFile:
    """Vectors [V, D] of a file, and what its file of labels contains about each."""

    rows_VD: Floats
    names: list[str]
    values: dict[str, Floats] = field(default_factory=dict)  # the columns of numbers


def read_vectors(path: Path, labels: Path | None = None) -> Generator[None, None, VectorFile]:
    """Read a file of vectors and one of labels, by default one beside it; yield now and then while reading.

    Without labels, the rows have their numbers as names. Raises EngineError: error.vectors_format, error.vectors_empty,
    error.vectors_large, error.vectors_ragged, error.vectors_line, error.vectors_labels_count, error.text_unreadable.
    """
    path = path.expanduser()
    if path.suffix.lower() == ".npy":
        rows_VD = _read_npy(path)
    elif path.suffix.lower() in (".tsv", ".txt", ".csv"):
        rows_VD = yield from _read_tsv(path)
    else:
        raise EngineError("error.vectors_format", file=path.name)
    if not rows_VD.size:
        raise EngineError("error.vectors_empty", file=path.name)
    labels = labels or labels_beside(path)
    if labels is None:
        return VectorFile(rows_VD, [str(row) for row in range(len(rows_VD))])
    names, values = _read_labels(labels)
    if len(names) != len(rows_VD):
        raise EngineError(
            "error.vectors_labels_count", file=labels.name, labels=len(names), vectors=path.name, rows=len(rows_VD)
        )
    return VectorFile(rows_VD, names, values)


def labels_beside(path: Path) -> Path | None:
    """Return the file of labels that belongs to a file of vectors by its name; None if there is none."""
    stem = path.stem
    names = [f"{stem}.labels.tsv", f"{stem}.labels.txt", f"{stem}_metadata.tsv", "metadata.tsv"]
    if "tensors" in stem:
        names.insert(0, f"{stem.replace('tensors', 'metadata')}.tsv")
    return next((path.with_name(name) for name in names if path.with_name(name).is_file()), None)


def _read_npy(path: Path) -> Floats:
    """Return the matrix of a .npy file; its header is checked before anything is read or allocated."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, kind = read(file)
        if kind.hasobject or kind.kind not in "fiu" or len(shape) != 2:
            raise EngineError("error.vectors_format", file=path.name)
        _check_size(path, *shape)
        return np.asarray(np.load(path, allow_pickle=False), np.float32)
    except OSError as error:
        raise EngineError("error.text_unreadable", file=path.name, reason=str(error)) from error
    except (ValueError, SyntaxError, EOFError) as error:
        raise EngineError("error.vectors_format", file=path.name) from error


def _read_tsv(path: Path) -> Generator[None, None, Floats]:
    rows: list[Floats] = []
    separators = str.maketrans(",", "\t") if path.suffix.lower() == ".csv" else {}
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = np.array(line.translate(separators).split("\t"), np.float32)
        except ValueError as error:
            raise EngineError("error.vectors_line", file=path.name, line=number) from error
        if rows and len(row) != len(rows[0]):
            counts = {"have": len(row), "need": len(rows[0])}
            raise EngineError("error.vectors_ragged", file=path.name, line=number, **counts)
        rows.append(row)
        _check_size(path, len(rows), len(row))
        if number % STRIDE == 0:
            yield
    return np.stack(rows) if rows else np.zeros((0, 0), np.float32)


def _read_labels(path: Path) -> tuple[list[str], dict[str, Floats]]:
    """Return the names and the columns of numbers; a file of several columns begins with their headings."""
    table = [line.rstrip("\r\n").split("\t") for line in _lines(path)]
    while table and not "".join(table[-1]).strip():
        table.pop()
    if not table or len(table[0]) == 1:
        return [cells[0] for cells in table], {}
    heads, *table = table
    first = next((i for i, head in enumerate(heads) if head.strip().lower() in NAME_COLUMNS), 0)
    columns = [[cells[i] if i < len(cells) else "" for cells in table] for i in range(len(heads))]
    numbers = {heads[i]: found for i, column in enumerate(columns) if i != first and (found := _numbers(column))}
    return columns[first], {head: np.array(column, np.float32) for head, column in numbers.items()}


def _numbers(cells: list[str]) -> list[float] | None:
    """Return a column as numbers, NaN for empty cells; None if it has words, or nothing."""
    try:
        found = [float(cell) if cell.strip() else np.nan for cell in cells]
    except ValueError:
        return None
    return found if np.isfinite(found).any() else None


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for count in range(MOST_ROWS + 2):
                line = file.readline(LONGEST_LINE)
                if not line:
                    return
                if len(line) == LONGEST_LINE or count > MOST_ROWS:
                    raise EngineError("error.vectors_large", file=path.name, rows=MOST_ROWS)
                yield line
    except OSError as error:
        raise EngineError("error.text_unreadable", file=path.name, reason=str(error)) from error
    except UnicodeDecodeError as error:
        raise EngineError("error.vectors_format", file=path.name) from error


def _check_size(path: Path, rows: int, width: int) -> None:
    if rows > MOST_ROWS or rows * width > MOST_NUMBERS:
        raise EngineError("error.vectors_large", file=path.name, rows=MOST_ROWS)
