"""Pairs of prompt and answer, for fine-tuning: reading them, and holding some of them out."""

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError
from engine.messages.tuning import Pair
from engine.text.reading import read_all

# Column names of widespread collections: ours, Alpaca's, FLAN's, Dolly's. The first that a file has is used.
PROMPTS = ("prompt", "question", "instruction", "inputs", "input", "質問")
ANSWERS = ("answer", "output", "response", "targets", "target", "completion", "回答")
MOST = 100_000


def read_pairs(path: Path) -> list[Pair]:
    """Read pairs from JSON lines, or from a table in CSV or TSV whose first line names the columns.

    A table without such names has the prompts in its first column and the answers in its second.
    Raises EngineError: error.pairs_line for a line without both, error.pairs_none, error.pairs_many,
    and as `read_all` for a file that cannot be read.
    """
    text = "".join(read_all([path]))
    rows = _json_lines(text) if text.lstrip()[:1] in ("{", "[") else _table(text)
    pairs: list[Pair] = []
    for line, (prompt, answer) in rows:
        if not prompt.strip() or not answer.strip():
            raise EngineError("error.pairs_line", file=str(path), line=line)
        if len(pairs) == MOST:
            raise EngineError("error.pairs_many", file=str(path), most=MOST)
        pairs.append(Pair(prompt, answer))
    if not pairs:
        raise EngineError("error.pairs_none", file=str(path))
    return pairs


def _json_lines(text: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield the line number and the pair of each object; "" stands for what is missing."""
    for line, words in enumerate(text.split("\n"), 1):
        if words.strip():
            try:
                values = json.loads(words)
            except (ValueError, RecursionError):
                values = None
            found = values if isinstance(values, dict) else {}
            yield line, (_first(found, PROMPTS), _first(found, ANSWERS))


def _first(values: dict[str, object], names: Sequence[str]) -> str:
    return next((words for name in names if isinstance(words := values.get(name), str)), "")


def _table(text: str) -> Iterator[tuple[int, tuple[str, str]]]:
    head = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in head else ",")
    first = next(rows, [])
    named = [name.strip().lower() for name in first]
    columns = [next((i for i, name in enumerate(named) if name in names), None) for names in (PROMPTS, ANSWERS)]
    if None in columns:
        columns = [0, 1]
        yield 1, (first[0] if first else "", first[1] if len(first) > 1 else "")
    for row in rows:
        if any(cell.strip() for cell in row):
            prompt, answer = (row[column] if column < len(row) else "" for column in columns if column is not None)
            yield rows.line_num, (prompt, answer)


@dataclass(frozen=True, slots=True)
class Divided:
    """Pairs for training, pairs held out, and how many were left out because they occur before."""

    train: list[Pair]
    held_out: list[Pair]
    duplicates: int


def divide(pairs: Sequence[Pair], share: float, seed: int) -> Divided:
    """Hold out a share of the groups, or of the prompts with all of their answers where there are no groups.

    Nothing that is held out is trained on. At least one prompt or group is on each side, if there are two. Large and
    small groups are held out alike, so that no kind of question is missing because its groups are small.
    """
    unique = list(dict.fromkeys(pairs))
    sizes = Counter(pair.held_out_with for pair in unique)
    groups = sorted(random.Random(seed).sample(list(sizes), len(sizes)), key=sizes.__getitem__)
    count = min(len(groups) - 1, max(1, round(share * len(groups)))) if share > 0 else 0
    held = {groups[int((place + 0.5) * len(groups) / count)] for place in range(count)}
    train = [pair for pair in unique if pair.held_out_with not in held]
    return Divided(train, [pair for pair in unique if pair.held_out_with in held], len(pairs) - len(unique))
