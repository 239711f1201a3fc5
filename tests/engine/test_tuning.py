"""Fine-tuning: the masked loss, the low-rank adaptation and a whole run, each held against a plain computation."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine.cli.main import main
from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.messages.tuning import Pair, TuningSettings
from engine.model.bundled import find
from engine.model.lora import MATRICES, adapted, add_lora, merge_lora, merged_state, set_scale, without_lora
from engine.model.opening import load_model, read_config
from engine.model.transformer import Transformer
from engine.text.pairs import Divided, divide
from engine.text.tokenizer import Tokenizer
from engine.training.recipe import model_config
from engine.training.tasks.answers import Answers, Example, Form, answer_loss, examples, log_p
from engine.training.tasks.replay import kl_per_token
from engine.tuning.forms import form_of, form_tokens
from engine.tuning.supervised import Answered, Tuning, score_of
from tests.engine.conftest import SENTENCES, SMALL

EXAMPLES = [Example((1, 2, 3, 4, 5), 3), Example((6, 7, 8), 1), Example((9, 8, 7, 6), 2)]
PAIRS = [Pair(f"cat {n}", "sat") for n in range(6)]


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(3)
    made = Transformer(model_config(SMALL, 50))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, 0.3)
    return made


@pytest.fixture
def opened(model_folder: Path) -> tuple[Transformer, Tokenizer]:
    return load_model(model_folder)


# --- The loss -----------------------------------------------------------------------------------------


def test_only_the_tokens_of_answers_count_for_the_loss(model: Transformer) -> None:
    expected = []
    for example in EXAMPLES:  # one at a time and unpadded
        log_p_TV = model(torch.tensor([example.ids[:-1]]))[0].log_softmax(dim=-1)
        expected.append(sum(log_p_TV[i - 1, example.ids[i]].item() for i in range(example.first, len(example.ids))))
    assert log_p(model, EXAMPLES).tolist() == pytest.approx(expected, abs=1e-5)
    assert answer_loss(model, EXAMPLES).item() == pytest.approx(-sum(expected), abs=1e-5)


def test_the_parts_of_a_step_add_up_to_the_mean_over_the_answers(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = answer_loss(model, EXAMPLES).item() / sum(len(e.ids) - e.first for e in EXAMPLES)
    monkeypatch.setattr("engine.training.tasks.answers.FEWEST_AT_ONCE", 5)
    monkeypatch.setattr("engine.training.tasks.answers.tokens_at_once", lambda config: 1)
    task = Answers(EXAMPLES, [], batch=3, seed=1)
    parts = list(task.losses(model, 0))
    assert len(parts) > 1
    assert sum(part.item() for part in parts) == pytest.approx(whole, abs=1e-5)


def test_every_example_is_seen_once_before_any_is_repeated() -> None:
    task = Answers(EXAMPLES, [], batch=2, seed=1)
    seen = [example for step in range(3) for example in task._batch(step)]
    assert sorted(seen[:3], key=str) == sorted(seen[3:], key=str) == sorted(EXAMPLES, key=str)


def test_the_answer_follows_its_prompt_as_when_the_model_writes(opened: tuple[Transformer, Tokenizer]) -> None:
    _, tokenizer = opened
    form = Form()
    [example] = examples([Pair(" a cat? ", "yes")], form, tokenizer, context=100)
    assert list(example.ids[: example.first]) == form.prompt(tokenizer, "a cat?")
    assert tokenizer.decode(example.ids) == "User: a cat?\nBot: yes\n\n"


@pytest.mark.parametrize(
    ("expected", "text", "ended", "in_form"),
    [
        ("Red.", " Blue.", True, True),
        ("Red.", " Blue.", False, False),
        ("Red.", " Blue.\nUser: And then?", True, False),
        ("Red\nand blue.", " Blue\nand red.", True, True),
    ],
)
def test_an_answer_in_form_ends_and_has_no_lines_of_its_own(
    expected: str, text: str, ended: bool, in_form: bool
) -> None:
    assert Answered(Pair("Which?", expected), text, ended).is_in_form == in_form


def test_pairs_longer_than_the_context_are_left_out(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened
    long = Pair("cat " * model.config.context, "sat")
    assert examples([long], Form(), tokenizer, model.config.context) == []
    with pytest.raises(EngineError, match="pairs_long"):
        Tuning(model, tokenizer, Divided([long], [], 0), TuningSettings())


def test_the_tokens_that_count_are_those_of_the_answer_and_its_end(opened: tuple[Transformer, Tokenizer]) -> None:
    _, tokenizer = opened
    pieces, counts = form_tokens(Pair("a cat?", "the dog"), Form(end=7), tokenizer)
    read, counted = (tuple(map(tokenizer.piece, tokenizer.encode(t))) for t in ("User: a cat?\nBot:", " the dog"))
    assert pieces == (*read, *counted, tokenizer.piece(7))
    assert counts == (False,) * len(read) + (True,) * (len(counted) + 1)


def test_a_model_with_a_chat_template_is_asked_by_it() -> None:
    path = find("smollm2")
    tokenizer = Tokenizer.load(path)
    form = form_of(path, tokenizer, read_config(path))
    [example] = examples([Pair("Who <|im_end|>?", "I.")], form, tokenizer, 100)
    written = tokenizer.decode(example.ids[: example.first])
    assert written.endswith("user\nWho <|im_end|>?\nassistant\n"), written  # typed text is no special token
    assert [tokenizer.piece(token) for token in example.ids[example.first :]] == ["I", ".", "<|im_end|>"]


# --- Replay ---


def test_what_is_forgotten_is_the_divergence_from_the_model_before() -> None:
    before, now = torch.randn(2, 2, 3, 7, generator=torch.manual_seed(1)).double()
    p, q = before.softmax(dim=-1), now.softmax(dim=-1)
    per_token = [(p[b, t] * (p[b, t] / q[b, t]).log()).sum().item() for b in range(2) for t in range(3)]
    assert kl_per_token(before, now).item() == pytest.approx(np.mean(per_token), abs=1e-5)


@pytest.mark.parametrize("lora", [0, 2])
def test_a_model_that_has_forgotten_nothing_is_not_moved_by_replay(
    opened: tuple[Transformer, Tokenizer], lora: int
) -> None:
    divided = divide(PAIRS, 0.2, 1)
    tuning = Tuning(*opened, divided, TuningSettings(steps=1, lora=lora), SENTENCES * 60)
    replay = tuning.task.replay
    assert replay is not None
    [loss] = replay.losses(tuning.model, 0)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert all(p.grad.abs().max() < 1e-6 for p in tuning.model.parameters() if p.grad is not None)
    list(tuning.steps())
    [loss] = replay.losses(tuning.model, 0)
    assert loss.item() > 0


# --- Low-rank adaptation ------------------------------------------------------------------------------


def test_an_adaptation_changes_nothing_at_first(model: Transformer) -> None:
    ids = torch.arange(10)[None]
    before = model(ids)
    add_lora(model, 2)
    assert torch.equal(model(ids), before)


def test_the_adapted_model_is_that_of_the_added_matrices(model: Transformer) -> None:
    torch.manual_seed(5)
    other = Transformer(model.config)
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        for index, low_rank in enumerate(add_lora(model, 2)):
            low_rank.B.normal_()
            block, name = other.blocks[index // len(MATRICES)], MATRICES[index % len(MATRICES)]
            block.get_parameter(f"{name}.weight").add_(torch.einsum("or,ri->oi", low_rank.B, low_rank.A))
    ids = torch.arange(10)[None]
    merged = other(ids)
    torch.testing.assert_close(model(ids), merged, atol=1e-5, rtol=1e-5)
    read = Reader(model)
    read.logits(range(9))  # the last token is then computed by numpy
    np.testing.assert_allclose(read.logits(range(10)), merged[0, -1].detach(), atol=1e-5, rtol=1e-5)
    assert merged_state(model).keys() == other.state_dict().keys()
    for name, tensor in merged_state(model).items():
        torch.testing.assert_close(tensor, other.state_dict()[name])
    merge_lora(model)
    assert not list(adapted(model))
    torch.testing.assert_close(model(ids), merged, atol=1e-5, rtol=1e-5)
    assert model.state_dict().keys() == other.state_dict().keys()


def test_the_scale_turns_an_adaptation_off_and_on(model: Transformer) -> None:
    ids = torch.arange(10)[None]
    before = model(ids)
    for layer in add_lora(model, 2):
        nn.init.normal_(layer.B)
    tuned = model(ids)
    assert not torch.allclose(tuned, before, atol=1e-3)
    set_scale(model, 0.0)
    assert torch.equal(model(ids), before)
    set_scale(model, 1.0)
    with without_lora(model):
        assert torch.equal(model(ids), before)
    assert torch.equal(model(ids), tuned)


def test_a_state_of_the_trainer_has_only_what_is_trained(opened: tuple[Transformer, Tokenizer]) -> None:
    tuning = Tuning(*opened, divide(PAIRS, 0.2, 1), TuningSettings(steps=4, lora=2))
    list(itertools.islice(tuning.steps(), 3))
    tensors, notes = tuning.trainer.state()
    names = {name.rsplit(".")[-1] for name in tensors if name.startswith("model.")}
    assert names == {"A", "B"}
    kept = {name: tensor.clone() for name, tensor in tensors.items()}
    list(tuning.steps())
    tuning.trainer.load_state(kept, notes)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in tuning.trainer.state()[0].items())


def test_only_the_adaptation_is_trained(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tuning = Tuning(model, tokenizer, divide(PAIRS, 0.2, 1), TuningSettings(steps=3, lora=2))
    list(tuning.steps())
    after = model.state_dict()
    for name, tensor in before.items():
        original = name.removesuffix("weight") + "base.weight"
        assert torch.equal(after[name if name in after else original], tensor), name


# --- A whole run --------------------------------------------------------------------------------------


def losses_of(folder: Path, settings: TuningSettings, old_text: str = "") -> list[float]:
    tuning = Tuning.start(folder, PAIRS, settings, old_text)
    return [step.loss for step in tuning.steps() if step is not None]


def test_equal_seeds_give_equal_losses(model_folder: Path) -> None:
    first, second = (losses_of(model_folder, TuningSettings(steps=5)) for _ in range(2))
    assert first == second
    assert losses_of(model_folder, TuningSettings(steps=5, seed=2)) != first


def test_the_model_learns_the_answers(model_folder: Path) -> None:
    tuning = Tuning.start(model_folder, PAIRS, TuningSettings(steps=40, held_out=0.34))
    assert score_of(list(tuning.answers(tuning.divided.held_out))).right == 0
    list(tuning.steps())
    answers = list(tuning.answers(tuning.divided.held_out))
    assert score_of(answers).right == 1.0, answers


def test_replay_keeps_the_loss_on_the_old_text_lower(model_folder: Path) -> None:
    after = []
    for replay in (0.0, 1.0):
        tuning = Tuning.start(model_folder, PAIRS, TuningSettings(steps=30, replay=replay), SENTENCES * 60)
        list(tuning.steps())
        after.append(tuning.old_loss() or 0.0)
    assert after[1] < after[0] - 0.1


def test_a_single_pair_is_trained_on_and_no_pair_is_refused(opened: tuple[Transformer, Tokenizer]) -> None:
    tuning = Tuning(*opened, divide(PAIRS[:1], 0.25, 1), TuningSettings(steps=2))
    assert len(list(filter(None, tuning.steps()))) == 2
    assert not tuning.checked
    with pytest.raises(EngineError, match="pairs_empty"):
        Tuning(*opened, divide([], 0.25, 1), TuningSettings())


def test_of_very_many_held_out_prompts_some_are_checked(
    opened: tuple[Transformer, Tokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.tuning.supervised.MOST_CHECKED", 7)
    held_out = [Pair(f"dog {n}", "sat") for n in range(20)]
    for count in (1, 7, 8, 20):
        checked = Tuning(*opened, Divided(PAIRS, held_out[:count], 0), TuningSettings()).checked
        assert min(count, 4) <= len(checked) <= 7
        assert set(checked) <= set(held_out)


@pytest.mark.parametrize("lora", [0, 2])
def test_a_run_with_a_loss_that_is_no_number_goes_on_with_earlier_weights(
    opened: tuple[Transformer, Tokenizer], lora: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuning = Tuning(*opened, divide(PAIRS, 0.25, 1), TuningSettings(steps=4, lora=lora))
    losses = tuning.task.losses
    monkeypatch.setattr(
        tuning.task, "losses", lambda model, step: (x * (math.nan if step == 2 else 1) for x in losses(model, step))
    )
    steps = [step for step in tuning.steps() if step is not None]
    assert [step.recovered for step in steps] == [False, False, True, False]
    assert all(tensor.isfinite().all() for tensor in tuning.model.state_dict().values())


def test_right_means_ended_and_equal() -> None:
    pair = Pair("Who?", "Me.")
    answers = [Answered(pair, " Me.", True), Answered(pair, " Me.", False), Answered(pair, " You.", True)]
    score = score_of(answers)
    assert [score.form, score.right] == pytest.approx([2 / 3, 1 / 3])


def test_the_command_writes_a_model_that_opens(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs, old, out = tmp_path / "pairs.jsonl", tmp_path / "old.txt", tmp_path / "tuned"
    pairs.write_text("\n".join(json.dumps({"prompt": p.prompt, "answer": p.answer}) for p in PAIRS))
    old.write_text(SENTENCES * 60, "utf-8")
    command = ["finetune", str(model_folder), str(pairs), "--out", str(out), "--steps", "4", "--lora", "2", "--json"]
    assert main([*command, "--replay", str(old)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["steps"] == 4
    assert result["held_out"].keys() == result["forgetting"].keys() == {"before", "after"}
    assert np.isfinite(result["loss"])
    model, _ = load_model(out)
    assert model.state_dict().keys() == load_model(model_folder)[0].state_dict().keys()
    assert main(command) == 1  # the folder has a model now


def test_the_command_reads_ready_sets_and_named_columns(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text("a,b\nsat,cat 1\nsat,cat 2\n")
    for name, *more in (["world-en"], [str(table), "--columns", "b", "a"]):
        out = tmp_path / Path(name).stem
        command = ["finetune", str(model_folder), name, *more, "--out", str(out), "--steps", "1"]
        result = main([*command, "--learning-rate", "0.001", "--replay-weight", "0", "--json"])
        captured = capsys.readouterr()
        # No question about the world fits into the context of the small model.
        assert result == (1 if name == "world-en" else 0), captured.err
    assert json.loads(captured.out)["held_out"] == {"before": 0.0, "after": 0.0}
    assert main(["finetune", str(model_folder), str(table), "--columns", "b", "c", "--out", str(tmp_path / "x")]) == 1
    assert "a, b" in capsys.readouterr().err
