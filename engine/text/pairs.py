"""Pairs of prompt and answer, for fine-tuning: reading them, and holding some of them out."""

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from engine.errors import EngineError
from engine.messages.tuning import Pair
from engine.text.reading import read_all

# Column names of widespread collections: ours, Alpaca's, FLAN's, Dolly's. The first that a file has is used.
PROMPTS = ("prompt", "question", "instruction", "inputs", "input", "質問")
ANSWERS = ("answer", "output", "response", "targets", "target", "completion", "回答")
MOST = 100_000
LOOKED_AT = 100  # rows, to guess which columns are prompt and answer
QUESTION_ENDS = ("?", "？", "か。")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file of pairs: all of their names, and which two are taken as prompt and answer."""

    names: tuple[str, ...]
    prompt: str
    answer: str


Rows = list[tuple[int, dict[str, str]]]  # the line number and the cells of each row, by the names of their columns


def read_pairs(path: Path, columns: tuple[str, str] | None = None) -> list[Pair]:
    """Read pairs from JSON lines, chats among them, or from a table in CSV or TSV.

    `columns` names those of prompt and answer; without it they are guessed, see `columns_of`.
    Raises EngineError: error.pairs_line for a line without both, error.pairs_none, error.pairs_many,
    error.pairs_columns if there is no such column, and as `read_all` for a file that cannot be read.
    """
    rows = _rows(path)
    names = _names(rows)
    if columns and not set(columns) <= set(names):
        raise EngineError("error.pairs_columns", file=str(path), names=", ".join(names))
    chosen = columns or _guess(rows, names)
    pairs: list[Pair] = []
    for line, cells in rows:
        prompt, answer = (cells.get(name, "") for name in chosen) if chosen else _by_known_names(cells)
        if not prompt.strip() or not answer.strip():
            raise EngineError("error.pairs_line", file=str(path), line=line)
        if len(pairs) == MOST:
            raise EngineError("error.pairs_many", file=str(path), most=MOST)
        pairs.append(Pair(*(words.encode("utf-8", "replace").decode() for words in (prompt, answer))))
    if not pairs:
        raise EngineError("error.pairs_none", file=str(path))
    return pairs


def columns_of(path: Path) -> Columns:
    """Return the columns of a file, and a guess which of them are prompt and answer ("" for none).

    Known names decide. Otherwise the prompt is the column that asks most questions, or the shortest text; the answer
    is the longest of the others. Raises as `read_all`.
    """
    rows = _rows(path)
    names = _names(rows)
    guess = _guess(rows, names) or (_known(names, PROMPTS), _known(names, ANSWERS))
    return Columns(names, *guess)


def _rows(path: Path) -> Rows:
    text = "".join(read_all([path]))
    return list(_json_lines(text) if text.lstrip()[:1] in ("{", "[") else _table(text))


def _names(rows: Rows) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, cells in rows for name in cells))


# --- Which columns are prompt and answer ---


def _known(names: Iterable[str], wanted: Sequence[str]) -> str:
    """Return the first of the wanted names that is there, as it is written there, or ""."""
    written = {name.strip().lower(): name for name in names}
    return next((written[name] for name in wanted if name in written), "")


def _by_known_names(cells: dict[str, str]) -> tuple[str, str]:
    prompt, answer = cells.get(_known(cells, PROMPTS), ""), cells.get(_known(cells, ANSWERS), "")
    more = cells.get("input", "")  # in Alpaca's collection, what the instruction is about
    return (f"{prompt}\n{more}" if more.strip() and "instruction" in cells else prompt), answer


def _guess(rows: Rows, names: Sequence[str]) -> tuple[str, str] | None:
    """Return the columns that look like prompt and answer, or None if known names decide."""
    if _known(names, PROMPTS) and _known(names, ANSWERS):
        return None
    looked_at = [cells for _, cells in rows[:LOOKED_AT]]
    texts = {name: [cells.get(name, "").strip() for cells in looked_at] for name in names}
    texts = {name: found for name, found in texts.items() if not all(word.replace(".", "").isdigit() for word in found)}
    if len(texts) < 2:
        return "", ""
    length = {name: sum(map(len, found)) / len(found) for name, found in texts.items()}
    asking = {name: sum(text.endswith(QUESTION_ENDS) for text in found) for name, found in texts.items()}
    prompt = max(texts, key=lambda name: (asking[name], -length[name]))
    return prompt, max((name for name in texts if name != prompt), key=length.__getitem__)


# --- The forms of a file ---


def _json_lines(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and the texts of each object by name, or one row for each turn of a chat.

    Of a single array, which Alpaca's file is, the numbers are those of its objects.
    """
    whole = _value(text) if text.lstrip().startswith("[") else None
    values = whole if isinstance(whole, list) else [_value(line) if line.strip() else ... for line in text.split("\n")]
    for line, value in enumerate(values, 1):
        found = value if isinstance(value, dict) else {}
        turns = found.get("messages", found.get("conversations"))
        if isinstance(turns, list):
            yield from ((line, cells) for cells in _turns(turns))
        elif value is not ...:  # an empty line
            yield line, {name: text for name, text in found.items() if isinstance(text, str)}


def _value(text: str) -> object:
    """Return the value that a text of JSON stands for, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _turns(turns: Sequence[object]) -> Iterator[dict[str, str]]:
    """Yield each question of a chat with its answer, in OpenAI's form (role, content) or ShareGPT's (from, value).

    A turn without words, such as the call of a tool, is no question and no answer.
    """
    said = [
        (str(t.get("role", t.get("from"))), _words(t.get("content", t.get("value"))))
        for t in turns
        if isinstance(t, dict)
    ]
    for (who, asked), (other, answered) in pairwise(said):
        if who in ("user", "human") and other in ("assistant", "gpt") and asked and answered:
            yield {"prompt": asked, "answer": answered}


def _words(content: object) -> str:
    """Return the words of a turn, which OpenAI's form may divide into parts with a type."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _table(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a table; without names its columns are called 1, 2 and so on."""
    head = text.partition("\n")[0]
    # The default refuses a cell of 128 KiB. The limit is that of all readers in the process: it is never lowered.
    csv.field_size_limit(max(len(text) + 1, csv.field_size_limit()))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max("\t,;", key=head.count))
    numbered = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    names = [name.strip() for name in numbered[0][1]] if numbered else []
    if _names_columns([row for _, row in numbered[: LOOKED_AT + 1]]):
        del numbered[0]
    else:
        names = [str(number) for number in range(1, len(names) + 1)]
    for line, row in numbered:
        yield line, dict(zip(names, row, strict=False))


def _names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns: it has known names, or is much shorter than the others."""
    if not rows:
        return False
    first, others = rows[0], [cell for row in rows[1:] for cell in row]
    if _known(first, PROMPTS) and _known(first, ANSWERS):
        return True
    ends = any(cell.strip().endswith((*QUESTION_ENDS, ".", "。", "!", "！")) for cell in first)
    mean = sum(map(len, others)) / max(1, len(others))
    return len(set(first)) == len(first) > 1 and not ends and mean > 2 * sum(map(len, first)) / len(first)


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
