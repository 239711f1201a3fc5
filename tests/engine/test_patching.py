"""Patching as a request and as a change of the open model: against `transformers`, and on shuffled weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from engine.cli.main import main
from engine.errors import EngineError
from engine.inspection.interventions import changes_of
from engine.inspection.patching import Pair, suffixes
from engine.messages.models import ChangeModel, Patched, PatchPart, Scaled
from engine.messages.patching import PatchedNext, PatchEffects, PatchPair, PatchTexts, TryPatches
from engine.model.opening import BUILTIN, load_transformer
from engine.model.tape import Tape
from engine.model.transformer import Transformer
from engine.service.session import Session
from tests.engine.hf_models import model_of, saved, some_ids
from tests.engine.sessions import ask, start

FRANCE, GERMANY = "The capital of France is", "The capital of Germany is"
COUNTRY, LAST = 3, 4  # tokens
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def session(builtin: Session) -> Session:
    return builtin


def grid(session: Session, **wanted: Any) -> tuple[PatchPair, np.ndarray[Any, Any]]:
    """Return the pair, and the effects of all layers and tokens or heads; NaN where there are none."""
    pair, *parts = ask(session, PatchTexts(FRANCE, wanted.pop("text", GERMANY), **wanted))
    effects = np.full((pair.layers, len(pair.pieces[1]) if wanted.get("part") != "z" else pair.heads), np.nan)
    for part in parts:
        assert isinstance(part, PatchEffects)
        effects[part.layer, part.first : part.first + len(part.effects)] = part.effects
    return pair, effects


def next_token(session: Session, text: str) -> str:
    opened = session.opened
    return opened.tokenizer.piece(int(opened.reader.logits(opened.ids_of(text)).argmax()))


# --- The request --------------------------------------------------------------------------------------


def test_the_model_finds_both_answers_and_hands_the_country_over(session: Session) -> None:
    pair, effects = grid(session)
    assert pair.answers == (" Paris", " Berlin")
    assert pair.pieces[0][COUNTRY] == " France"
    assert pair.probabilities[0, 0] > 0.5 > pair.probabilities[0, 1]
    assert pair.probabilities[1, 1] > 0.5 > pair.probabilities[1, 0]
    assert effects[0, COUNTRY] > 0.9
    assert effects[-1] == pytest.approx([0, 0, 0, 0, 1], abs=1e-4)
    assert effects[:, :COUNTRY] == pytest.approx(0.0, abs=1e-4)  # the texts are the same up to there


def test_rows_arrive_from_the_last_layer_to_the_first(session: Session) -> None:
    layers = [a.layer for a in ask(session, PatchTexts(FRANCE, GERMANY)) if isinstance(a, PatchEffects)]
    assert layers == sorted(layers, reverse=True)


def test_the_heads_at_a_token_are_patched_one_by_one(session: Session) -> None:
    _, effects = grid(session, part="z", place=LAST)
    assert effects.shape == (4, 4)
    layer, head = np.unravel_index(effects.argmax(), effects.shape)
    patch = Patched(int(layer), "z", LAST, FRANCE, GERMANY, int(head))
    [tried] = ask(session, TryPatches(GERMANY, (patch,)))
    paris, berlin = (tried.pieces.index(word) for word in (" Paris", " Berlin"))
    gained = np.log(tried.after[paris] / tried.after[berlin]) - np.log(tried.before[paris] / tried.before[berlin])
    pair, _ = grid(session)
    whole = np.log(pair.probabilities[0, 0] / pair.probabilities[0, 1]) - np.log(
        pair.probabilities[1, 0] / pair.probabilities[1, 1]
    )
    assert effects[layer, head] == pytest.approx(gained / whole, abs=0.02)  # but for the soft cap of logits


@pytest.mark.parametrize(
    ("text", "answers", "obstacle"),
    [
        ("The capital of Germany", ("", ""), "lengths"),
        (GERMANY, ("Paris", "Paris"), "answers"),
        (FRANCE, ("Paris", "Berlin"), "equal"),
    ],
)
def test_an_obstacle_is_named_and_nothing_is_computed(
    session: Session, text: str, answers: tuple[str, str], obstacle: str
) -> None:
    [pair] = ask(session, PatchTexts(FRANCE, text, answers))
    assert pair.obstacle == obstacle


def test_an_empty_and_a_very_long_text_are_refused(session: Session) -> None:
    with pytest.raises(EngineError, match="text_too_short"):
        ask(session, PatchTexts(FRANCE, ""))
    with pytest.raises(EngineError, match="patch_long"):
        ask(session, PatchTexts(FRANCE, "The rabbit sleeps. " * 40))


def test_another_model_ends_the_request(session: Session) -> None:
    running = start(session, PatchTexts(FRANCE, GERMANY))
    assert isinstance(next(running), PatchPair)
    next(running)
    session.open(BUILTIN)
    assert list(running) == []


@given(st.integers(1, 300), st.integers(0, 40))
def test_suffixes_cover_each_place_once(tokens: int, first: int) -> None:
    places = [place for part in suffixes(tokens, first) for place in part]
    assert places == list(range(first, tokens))


@pytest.mark.parametrize("place", [LAST, 99])
def test_the_command_patches_single_heads(place: int, tmp_path: Path, session: Session) -> None:
    out = tmp_path / "heads.npz"
    texts = ["--from", FRANCE, "--into", GERMANY, "--answer", "Paris", "--instead", "Berlin"]
    code = main(["patch", str(BUILTIN), *texts, "--heads-at", str(place), "--out", str(out)])
    assert code == (0 if place == LAST else 1)
    if code == 0:
        with np.load(out) as found:
            assert found["effect"] == pytest.approx(grid(session, part="z", place=LAST)[1], abs=1e-4)


# --- The change of the open model -----------------------------------------------------------------------


def test_a_patch_is_kept_until_it_is_taken_back(session: Session) -> None:
    assert next_token(session, GERMANY) == " Berlin"
    ask(session, ChangeModel((Patched(0, "resid_post", COUNTRY, FRANCE, GERMANY),)))
    assert next_token(session, GERMANY) == " Paris"
    assert next_token(session, f"So. {GERMANY}") == " Berlin"  # another text does not begin like the patched one
    assert next_token(session, "The capital of Japan is") == " Tokyo"
    ask(session, ChangeModel(()))
    assert next_token(session, GERMANY) == " Berlin"


def test_the_grid_leaves_kept_patches_out_but_no_other_change(session: Session) -> None:
    _, before = grid(session)
    ask(session, ChangeModel((Patched(0, "resid_post", COUNTRY, FRANCE, GERMANY),)))
    assert np.array_equal(grid(session)[1], before)
    ask(session, ChangeModel((Scaled(3, 1, 0.0),)))
    assert not np.allclose(grid(session, answers=("Paris", "Berlin"))[1], before, atol=0.01)


def test_a_trial_shows_what_keeping_it_would_do(session: Session) -> None:
    patch = Patched(1, "resid_post", COUNTRY, FRANCE, GERMANY)
    [tried] = ask(session, TryPatches(GERMANY, (patch,)))
    assert isinstance(tried, PatchedNext)
    assert tried.pieces[int(tried.before.argmax())] == " Berlin"
    assert tried.pieces[int(tried.after.argmax())] == " Paris"
    ask(session, ChangeModel((patch,)))
    [kept] = ask(session, TryPatches(GERMANY, (patch,)))
    assert np.array_equal(kept.after, tried.after)
    assert np.array_equal(kept.before, tried.before)


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(1, 4), place=st.integers(0, 4), part=st.sampled_from(["resid_post", "attn_out", "mlp_out", "z"]))
def test_a_patched_text_is_the_same_from_the_cache(
    opened_builtin: Session, cut: int, place: int, part: PatchPart
) -> None:
    opened = opened_builtin.opened
    one = Patched(1, part, place, FRANCE, GERMANY, 2 if part == "z" else None)
    opened.change((one,))
    ids = opened.ids_of(GERMANY)
    whole = opened.model(torch.tensor([ids]), tape=Tape(changes=opened.changes))[0, -1].detach().numpy()
    opened.reader.logits(ids[:cut])
    assert opened.reader.logits(ids) == pytest.approx(whole, abs=1e-4)
    opened.change(())


@pytest.mark.parametrize(
    "one",
    [
        Patched(9, "resid_post", 0, FRANCE, GERMANY),
        Patched(0, "resid_post", 7, FRANCE, GERMANY),
        Patched(0, "z", 0, FRANCE, GERMANY, 9),
        Patched(0, "resid_post", 0, "", GERMANY),
    ],
)
def test_a_patch_of_nothing_is_refused_and_changes_nothing(session: Session, one: Patched) -> None:
    with pytest.raises(EngineError, match="config_range"):
        ask(session, ChangeModel((one,)))
    assert session.opened.interventions == ()


# --- Against another implementation -----------------------------------------------------------------------


@pytest.mark.parametrize("family", ["Llama", "Gemma2", "GPTNeoX"])
@torch.no_grad()
def test_a_patched_head_equals_one_patched_in_transformers(family: str, tmp_path: Path) -> None:
    extra = {"head_dim": 12, "query_pre_attn_scalar": 12} if family == "Gemma2" else {}
    theirs, ids = saved(model_of(family, **extra), tmp_path), some_ids(12)[0]
    model = load_transformer(tmp_path)
    source, target = ids[:9].tolist(), ids[3:].tolist()
    blocks = theirs.gpt_neox.layers if family == "GPTNeoX" else theirs.model.layers
    projection = blocks[1].attention.dense if family == "GPTNeoX" else blocks[1].self_attn.o_proj
    width, head, place = 12, 2, 5
    kept: list[torch.Tensor] = []
    hook = projection.register_forward_pre_hook(lambda _, args: kept.append(args[0]))
    wanted = _difference(theirs, source)
    hook.remove()

    def change(_: Any, args: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        x = args[0].clone()
        x[:, place, head * width : (head + 1) * width] = kept[0][:, place, head * width : (head + 1) * width]
        return (x,)

    before = _difference(theirs, target)
    hook = projection.register_forward_pre_hook(change)
    share = (_difference(theirs, target) - before) / (wanted - before)
    hook.remove()
    effects = dict(Pair(model, source, target, (7, 8), "z").heads(place))
    assert effects[1][head] == pytest.approx(share, abs=1e-3)
    texts = {"a": source, "b": target}
    changes = changes_of(model, (Patched(1, "z", place, "a", "b", head),), texts.__getitem__)
    logits_V = model(torch.tensor([target]), tape=Tape(changes=changes))[0, -1]
    assert float(logits_V[7] - logits_V[8] - before) / (wanted - before) == pytest.approx(share, abs=1e-3)


def _difference(theirs: Any, ids: list[int]) -> float:
    logits_V = theirs(torch.tensor([ids])).logits[0, -1]
    return float(logits_V[7] - logits_V[8])


# --- Shuffled weights -------------------------------------------------------------------------------------


def shuffle(model: Transformer, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_nothing_is_handed_over_in_a_shuffled_model(seed: int) -> None:
    """At every token but the last, less than a twentieth of the answer comes over, and Paris is no answer."""
    session = Session()
    session.open(BUILTIN)
    shuffle(session.opened.model, seed)
    pair, effects = grid(session)
    assert np.abs(effects[:, :LAST]).max() < 0.05
    pair, _ = grid(session, answers=("Paris", "Berlin"))
    assert pair.probabilities.max() < 0.01
