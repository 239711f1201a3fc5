"""Ablation by request and by command: what the loss and the next token become with parts turned off."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from engine.cli.main import main
from engine.errors import EngineError
from engine.messages.ablation import Ablate
from engine.messages.models import ChangeModel, MeanAblated, Scaled
from engine.model.opening import BUILTIN
from engine.service.session import Session
from tests.engine.sessions import ask

TEXT = "The rabbit loved carrots. The rabbit"


@pytest.fixture(scope="module")
def session() -> Session:
    opened = Session()
    opened.open(BUILTIN)
    return opened


def test_the_loss_before_is_that_of_the_open_model(session: Session) -> None:
    [found] = ask(session, Ablate(TEXT, (Scaled(0, None),)))
    ids = session.opened.ids_of(TEXT)
    rows = [session.opened.reader.logits(ids[:t]).astype(float) for t in range(1, len(ids))]
    losses = [math.log(np.exp(row - row.max()).sum()) + row.max() - row[ids[t + 1]] for t, row in enumerate(rows)]
    assert found.losses[0] == pytest.approx(np.mean(losses), abs=1e-4)
    assert found.losses[1] > found.losses[0]


def test_the_loss_after_is_that_of_the_changed_model(session: Session) -> None:
    off = (Scaled(1, 2), MeanAblated(2, None, TEXT))
    [found] = ask(session, Ablate(TEXT, off))
    ask(session, ChangeModel(off))
    [changed] = ask(session, Ablate(TEXT, (Scaled(0, 0, 1.0),)))  # a factor of 1 turns nothing off
    ask(session, ChangeModel(()))
    assert found.losses[1] == pytest.approx(changed.losses[0], abs=1e-6)
    assert np.allclose(found.candidates[1].probabilities, changed.candidates[0].probabilities, atol=1e-6)
    assert changed.losses[0] == pytest.approx(changed.losses[1], abs=1e-6)


def test_the_open_model_is_not_changed(session: Session) -> None:
    before = session.opened.reader.logits(session.opened.ids_of(TEXT)).copy()
    ask(session, Ablate(TEXT, (Scaled(0, None),)))
    assert session.opened.interventions == ()
    assert np.array_equal(session.opened.reader.logits(session.opened.ids_of(TEXT)), before)


def test_the_command_prints_the_same_numbers(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", str(BUILTIN), TEXT, "--off", "1.2 2.mlp", "--with", "mean", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    [found] = ask(session, Ablate(TEXT, (MeanAblated(1, 2, TEXT), MeanAblated(2, None, TEXT))))
    assert printed["loss"] == pytest.approx(found.losses)
    assert [[c["piece"] for c in row] for row in printed["candidates"]] == [list(c.pieces) for c in found.candidates]
    for row in printed["candidates"]:
        assert 0 < sum(c["probability"] for c in row) <= 1 + 1e-6


def test_the_command_scales_parts(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", str(BUILTIN), TEXT, "--scale", "3.1=0.5 2.mlp=2", "--off", "0.1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    [found] = ask(session, Ablate(TEXT, (Scaled(0, 1), Scaled(3, 1, 0.5), Scaled(2, None, 2.0))))
    assert printed["loss"] == pytest.approx(found.losses)


def test_the_command_ranks_all_parts(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", str(BUILTIN), TEXT, "--each", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    effects = [part["effect"] for part in printed["parts"]]
    assert len(effects) == 4 * 5
    assert effects == sorted(effects, reverse=True)
    [found] = ask(session, Ablate(TEXT, (Scaled(0, None),), candidates=4000))
    by_name = {part["part"]: part["probability"] for part in printed["parts"]}
    token = found.candidates[1].pieces.index(printed["target"])
    assert by_name["0.mlp"] == pytest.approx(float(found.candidates[1].probabilities[0, token]), rel=1e-3)


def test_the_command_without_a_change_ends_with_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", str(BUILTIN), TEXT]) == 1
    assert "--each" in capsys.readouterr().err


@pytest.mark.parametrize("scale", ["3.1", "3.1=", "3=1", "3.1=x", ""])
def test_a_malformed_factor_is_wrong_use(scale: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ablate", "DIR", "text", "--scale", scale])
    assert ended.value.code == 2
    capsys.readouterr()


@pytest.mark.parametrize("off", ["", "3", "a.b", "0.mlp,1.2", "0.3 1"])
def test_a_malformed_part_is_wrong_use(off: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ablate", "DIR", "text", "--off", off])
    assert ended.value.code == 2
    assert "LAYER.HEAD" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "off"), [(TEXT, Scaled(99, 0)), (TEXT, Scaled(0, 99)), ("", Scaled(0, 0))])
def test_missing_parts_and_empty_texts_raise_an_engine_error(session: Session, text: str, off: Scaled) -> None:
    with pytest.raises(EngineError, match=r"config_range|text_too_short"):
        ask(session, Ablate(text, (off,)))


def test_a_folder_without_a_model_ends_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", str(tmp_path), "text", "--off", "0.0"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
