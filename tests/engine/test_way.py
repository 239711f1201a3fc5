"""The way of a model: which models were tuned from which, and what they answer and cost."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from engine.messages.tuning import Pair, TuneOnPairs, TuningSettings
from engine.messages.way import MeasureWay, ReadWay, Station, StationMeasured, Way
from engine.model.checkpoint import save_model
from engine.model.opening import load_model
from engine.service.session import Session
from engine.tuning.prompting import Prompting
from engine.tuning.way import TEXTS, read_way
from tests.engine.sessions import ask


def tuned_from(base: Path, folder: Path, method: str = "examples", log: tuple[dict[str, object], ...] = ()) -> Path:
    """Write what a run of fine-tuning leaves in its folder, without the model."""
    folder.mkdir(parents=True)
    (folder / "tuning.json").write_text(json.dumps({"base": str(base), "method": method}), "utf-8")
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log), "utf-8")
    return folder


def folders(stations: list[Station]) -> list[str]:
    return [Path(station.folder).name for station in stations]


def test_a_model_that_was_not_tuned_is_the_only_station_of_its_way(tmp_path: Path) -> None:
    assert read_way(tmp_path / "base", tmp_path / "models") == [Station(str(tmp_path / "base"))]


def test_the_way_has_the_models_before_and_after_and_beside_the_open_one(tmp_path: Path) -> None:
    base, models = tmp_path / "base", tmp_path / "models"
    examples = tuned_from(base, models / "examples-1")
    tuned_from(examples, models / "a-dpo", "dpo")
    tuned_from(examples, models / "b-reinforce", "reinforce")
    tuned_from(tmp_path / "other", models / "elsewhere")
    names = ["base", "examples-1", "a-dpo", "b-reinforce"]
    for opened in (base, examples, models / "a-dpo"):
        assert folders(read_way(opened, models)) == names
    assert [s.method for s in read_way(base, models)] == ["", "examples", "dpo", "reinforce"]


def test_models_before_the_open_one_may_be_anywhere(tmp_path: Path) -> None:
    examples = tuned_from(tmp_path / "base", tmp_path / "desk" / "examples")
    last = tuned_from(examples, tmp_path / "stick" / "last", "dpo")
    assert folders(read_way(last, tmp_path / "models")) == ["base", "examples", "last"]


def test_a_station_has_what_its_run_measured_first_and_last_and_its_questions(tmp_path: Path) -> None:
    log = (
        {"step": 0, "answers": ["a"], "prompts": ["Who?"]},
        {"step": 0, "measured": {"right": 0.0}, "final": True},
        {"step": 9, "measured": {"right": 0.8, "old_loss": 1.5}, "final": True},
    )
    _, station = read_way(tuned_from(tmp_path / "base", tmp_path / "models" / "m", log=log), tmp_path / "models")
    assert (station.step, station.prompts) == (9, ("Who?",))
    assert (dict(station.before), dict(station.after)) == ({"right": 0.0}, {"right": 0.8, "old_loss": 1.5})


@pytest.mark.parametrize("about", ["", "[]", '{"base": 3, "method": "dpo"}', '{"base": "x"}', "{" * 5000])
def test_a_damaged_description_leaves_a_model_out(tmp_path: Path, about: str) -> None:
    base, models = tmp_path / "base", tmp_path / "models"
    good = tuned_from(base, models / "good")
    bad = tuned_from(base, models / "bad")
    (bad / "tuning.json").write_text(about, "utf-8")
    assert folders(read_way(good, models)) == ["base", "good"]
    assert folders(read_way(bad, models)) == ["bad"]


def test_models_that_name_each_other_as_their_base_end_the_way(tmp_path: Path) -> None:
    models = tmp_path / "models"
    a = tuned_from(models / "b", models / "a")
    tuned_from(a, models / "b")
    assert sorted(folders(read_way(a, models))) == ["a", "b"]


# --- Measuring ----------------------------------------------------------------------------------------


def measure(session: Session, *paths: Path, prompts: tuple[str, ...] = ("the cat",)) -> list[StationMeasured]:
    found = ask(session, MeasureWay(tuple(map(str, paths)), prompts, tokens=6))
    return [one for one in found if isinstance(one, StationMeasured)]


def changed(base: Path, folder: Path, noise: float) -> Path:
    """Return a copy of a model whose weights have moved."""
    model, tokenizer = load_model(base)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=noise)
    save_model(folder, model, tokenizer, 1)
    return folder


def test_the_first_model_has_no_divergence_from_itself_and_neither_has_its_copy(
    session: Session, model_folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(model_folder, tmp_path / "copy")
    first, second = measure(session, model_folder, copy)
    assert first.kl == 0.0
    assert second.kl == pytest.approx(0.0, abs=1e-6)
    assert (second.texts, second.distinct, second.length) == (first.texts, first.distinct, first.length)


@torch.no_grad()
def test_the_divergence_is_that_of_the_texts_token_by_token(
    session: Session, model_folder: Path, tmp_path: Path
) -> None:
    other = changed(model_folder, tmp_path / "other", 0.2)
    _, found = measure(session, model_folder, other)
    (now, tokenizer), (then, _) = load_model(other), load_model(model_folder)
    prompting = Prompting.of(other, tokenizer, now.config)
    start, generator, sums = prompting.ids("the cat"), torch.Generator().manual_seed(1), list[float]()
    # The same draws, one token at a time for all texts, without a cache:
    texts = [list(start) for _ in range(TEXTS)]
    ended = [False] * TEXTS
    for _ in range(6):
        logits = torch.stack([now(torch.tensor([text]))[0, -1] for text in texts])
        for row, token in enumerate(torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0].tolist()):
            if not ended[row]:
                texts[row].append(token)
                ended[row] = token in prompting.stops
            else:
                texts[row].append(texts[row][-1])
        if all(ended):
            break
    for text in texts:
        end = next((i for i in range(len(start), len(text)) if text[i] in prompting.stops), len(text) - 1)
        p, q = (m(torch.tensor([text]))[0].double().log_softmax(-1) for m in (now, then))
        sums.append(sum(float((p[i].exp() * (p[i] - q[i])).sum()) for i in range(len(start) - 1, end)))
    assert found.kl == pytest.approx(sum(sums) / len(sums), rel=1e-3)


def test_a_model_that_is_gone_is_left_out(session: Session, model_folder: Path, tmp_path: Path) -> None:
    found = measure(session, model_folder, tmp_path / "gone", shutil.copytree(model_folder, tmp_path / "copy"))
    assert [Path(one.folder).name for one in found] == [model_folder.name, "copy"]


def test_a_run_of_fine_tuning_becomes_a_station(session: Session, model_folder: Path, tmp_path: Path) -> None:
    pairs = tuple(Pair(f"cat {n}", "sat") for n in range(6))
    folder = tmp_path / "models" / "examples-1"
    ask(session, TuneOnPairs(pairs, str(folder), TuningSettings(steps=2), questions=("cat 1",)))
    [way] = ask(session, ReadWay(str(folder), str(tmp_path / "models")))
    assert isinstance(way, Way)
    assert [station.method for station in way.stations] == ["", "examples"]
    assert way.stations[1].prompts == ("cat 1",)
    assert dict(way.stations[1].after).keys() >= {"right"}
    assert len(measure(session, model_folder, folder, prompts=("cat 1", "Cat?"))[1].texts) == 2
