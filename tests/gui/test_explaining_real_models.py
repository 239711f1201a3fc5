"""The sentences on patching and attribution: of the built-in model, and of shuffled weights, which show nothing."""

import pytest
import torch

from engine.messages.attribution import AttributeText, Contributions, Explained
from engine.messages.patching import PatchEffects, PatchPair, PatchTexts
from engine.model.opening import BUILTIN
from engine.service.session import Session
from gui.panes.inside.attribution_sentence import agreement, sentence as attribution_sentence
from gui.panes.inside.attribution_shown import Attribution
from gui.panes.inside.patch_grid import PatchGrid
from gui.panes.inside.patch_sentence import sentence as patch_sentence
from tests.engine.sessions import ask
from tests.gui.hands import plain

FRANCE, GERMANY = "The capital of France is", "The capital of Germany is"


@pytest.fixture
def session() -> Session:
    made = Session()
    made.open(BUILTIN)
    return made


@pytest.fixture
def shuffled(session: Session) -> Session:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in session.opened.model.parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return session


def patched(session: Session, request: PatchTexts) -> PatchGrid:
    pair, *found = ask(session, request)
    assert isinstance(pair, PatchPair)
    grid = PatchGrid.begun(request, pair)
    for part in found:
        assert isinstance(part, PatchEffects)
        grid = grid.with_effects(part)
    return grid


def explained(session: Session, request: AttributeText) -> Attribution:
    answers = ask(session, request)
    [what] = [answer for answer in answers if isinstance(answer, Explained)]
    shown = Attribution(request, what)
    for answer in answers:
        shown = shown.with_values(answer) if isinstance(answer, Contributions) else shown
    return shown


def test_the_built_in_model_hands_the_country_over(session: Session) -> None:
    grid = patched(session, PatchTexts(FRANCE, GERMANY))
    share = round(100 * float(grid.effects[2, 3]))
    said = f"“France” holds “Paris” up to layer 3 ({share} % comes over); from layer 4 on it is at “is”."
    assert plain(patch_sentence(grid)) == said
    assert grid.strongest() == (0, 3)


def test_one_head_of_the_built_in_model_brings_the_answer(session: Session) -> None:
    grid = patched(session, PatchTexts(FRANCE, GERMANY, part="z"))
    share = round(100 * float(grid.effects.max()))
    assert plain(patch_sentence(grid)).startswith(f"Layer 4, head 2 alone brings {share} % of “Paris” over at “is”")


def test_patching_finds_nothing_in_shuffled_weights(shuffled: Session) -> None:
    assert "at the last token only" in plain(patch_sentence(patched(shuffled, PatchTexts(FRANCE, GERMANY))))
    grid = patched(shuffled, PatchTexts(FRANCE, GERMANY, ("Paris", "Berlin")))
    assert plain(patch_sentence(grid)).endswith("so what comes over here says little.")


def test_attribution_of_the_built_in_model_is_put_into_words(session: Session) -> None:
    shown = explained(session, AttributeText(FRANCE, against="Berlin"))
    place = int(abs(shown.values["occlusion"]).argmax())
    piece = shown.explained.pieces[place].strip()
    assert plain(attribution_sentence(shown)).startswith(f"“{piece}” speaks most for “Paris” rather than “Berlin”")
    words = plain(agreement(shown))
    assert words.startswith("Gradient × input is 0 everywhere")
    assert "as they must" in words


def test_attribution_says_little_of_shuffled_weights(shuffled: Session) -> None:
    shown = explained(shuffled, AttributeText(FRANCE, word="Paris"))
    words = plain(attribution_sentence(shown))
    assert words.startswith("The model predicts this text worse than guessing")
    assert words.endswith("What it shows here means little.")
