"""The way of a model: which models were tuned from which, and what they answer to the same prompts."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from engine.messages.way import Station, StationMeasured
from engine.model.transformer import Transformer
from engine.training.evaluation import evaluate
from engine.training.recording import read_log
from engine.training.tasks.answers import Example, Form
from engine.tuning.prompting import Prompting
from engine.tuning.rollouts import continue_all, distinct_within, divergence
from engine.tuning.run import ABOUT

TEXTS = 8  # written after each prompt
LIKELIEST = 0.01  # the temperature at which the likeliest token is drawn
MOST_STATIONS = 200
OLD_CHARACTERS = 20_000
QUESTION_MARKS = ("?", "？")


def read_way(folder: Path, models: Path) -> list[Station]:
    """Return the stations that come from the same first model as the one in `folder`, each after its base."""
    known = {station.folder: station for station in _tuned_in(models)}
    station = known.get(str(folder)) or _station(folder)
    while station is not None:  # the models before this one, which may be anywhere
        known[station.folder] = station
        station = _station(Path(station.base)) if station.base not in known else None
    first = _first(str(folder), known)
    return [Station(first), *_from(first, list(known.values()), {first})]


def _tuned_in(models: Path) -> Iterator[Station]:
    try:
        folders = sorted(child for child in models.iterdir() if (child / ABOUT).is_file())
    except OSError:
        return
    for child in folders[:MOST_STATIONS]:
        station = _station(child)
        if station is not None:
            yield station


def _station(folder: Path) -> Station | None:
    """Return the station of a tuned model, or None if it is not one."""
    about = _about(folder)
    base, method = about.get("base"), about.get("method")
    if not isinstance(base, str) or not isinstance(method, str) or not base or Path(base) == folder:
        return None
    lines = read_log(folder)
    measured = [values for line in lines if (values := _measured(line))]
    prompts: list[object] = next((line["prompts"] for line in lines if isinstance(line.get("prompts"), list)), [])
    return Station(
        str(folder),
        base,
        method,
        max((line["step"] for line in lines), default=0),
        measured[0] if measured else (),
        measured[-1] if measured else (),
        tuple(str(prompt) for prompt in prompts),
    )


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def _measured(line: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    values = line.get("measured")
    if not isinstance(values, dict):
        return ()
    return tuple((name, float(value)) for name, value in values.items() if isinstance(value, int | float))


def _first(folder: str, known: dict[str, Station]) -> str:
    seen = {folder}
    while folder in known and known[folder].base not in seen:  # a damaged file may name a circle
        folder = known[folder].base
        seen.add(folder)
    return folder


def _from(base: str, stations: Sequence[Station], seen: set[str]) -> Iterator[Station]:
    """Yield what was tuned from a model, and what was tuned from that."""
    waiting = [base]
    while waiting:
        base = waiting.pop(0)
        for station in stations:
            if station.base == base and station.folder not in seen:
                seen.add(station.folder)
                yield station
                waiting.append(station.folder)


# --- What the models answer -------------------------------------------------------------------------


def measured(
    folder: str,
    model: Transformer,
    first: Transformer,
    prompting: Prompting,
    prompts: Sequence[str],
    tokens: int,
    seed: int,
    old_text: str,
) -> Iterator[StationMeasured | None]:
    """Yield None where other requests may be served, and last what a model answers and what it has cost."""
    texts, shown = list[Example](), list[str]()
    for prompt in prompts:
        ids, generator = asked(prompt, prompting), torch.Generator().manual_seed(seed)
        texts += continue_all(model, [ids] * TEXTS, tokens, generator, prompting.stops)
        likeliest = continue_all(model, [ids], tokens, generator, prompting.stops, LIKELIEST)[0]
        shown.append(prompting.text(likeliest.ids[len(ids) :]))
        yield None
    kl = 0.0
    for start in range(0, len(texts) if model is not first else 0, TEXTS):
        kl += divergence(model, first, texts[start : start + TEXTS]) / len(prompts)
        yield None
    old_loss = None
    if old_text:
        *_, last = evaluate(model, prompting.tokenizer, old_text[-OLD_CHARACTERS:])
        old_loss = last["loss"]
    length = sum(len(text.ids) - text.first for text in texts) / max(1, len(texts))
    yield StationMeasured(folder, tuple(shown), kl, distinct_within(texts), length, old_loss)


def asked(prompt: str, prompting: Prompting) -> list[int]:
    """Return the tokens after which an answer begins. Raises EngineError error.choices_prompt."""
    if not prompting.by_template and prompt.rstrip().endswith(QUESTION_MARKS):
        form = Form()
        return prompting.ids(form.before + prompt.strip() + form.between)
    return prompting.ids(prompt)
