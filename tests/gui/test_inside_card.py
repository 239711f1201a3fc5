"""The card: what the methods found for one text, whether they agree, and the page that it is saved as."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.messages.attribution import AttributeText, Contributions, Explained
from engine.messages.desk import Level, PartsTried, RankParts
from engine.messages.inside import LensGrid, LogitParts, ReadLens, SplitLogit
from engine.messages.models import Scaled
from engine.model.opening import BUILTIN
from engine.service.session import Session
from gui.panes.inside.card import Card
from gui.panes.inside.card_facts import Facts, card_sentence, rows
from gui.panes.inside.pane import InsidePane
from gui.window.main_window import MainWindow
from tests.engine.sessions import ask
from tests.engine.shuffling import shuffled
from tests.gui.fakes import FakeEngine, lens_grid, logit_parts, model
from tests.gui.hands import plain

EXPLAINED = Explained(("The", " capital", " of", " France"), 0, " w7", "", 0.9, 0.0, -0.1, -9.0, True)
VALUES = np.array([0.5, 1.0, 0.25, 4.0], np.float32)


def tried(layer: int, *shares: float) -> PartsTried:
    return PartsTried(layer, " w7", Level(0.1, 0.9), -np.log(shares), np.array(shares), 1.0)


def facts(*needed: PartsTried) -> Facts:
    """Return facts in which head 4 of layer 3 adds most; its index is 3 of layer 2."""
    found = Contributions("occlusion", VALUES), Contributions("integrated", VALUES[::-1].copy())
    return Facts("abcd", 1000, lens_grid(), logit_parts(), needed, pieces=EXPLAINED.pieces, contributions=found)


def words(found: Facts) -> dict[str, str]:
    return {row.title: plain(row.words) for row in rows(found)}


def test_methods_that_name_the_same_part_are_said_to_agree() -> None:
    found = facts(tried(2, 0.9, 0.9, 0.9, 0.2, 0.9), tried(1, *[0.9] * 5))
    said = words(found)
    assert said["adds"].startswith("Of all heads, layer 3, head 4 adds most directly: +1.0")
    assert said["needs"] == "Of all heads, the answer falls most without layer 3, head 4: from 90.0 % to 20.0 %."
    assert said["parts_agree"] == plain(card_sentence(found))
    assert said["parts_agree"].startswith("Two methods agree on layer 3, head 4")
    assert "“France” counts most: without it, 4.0 nats" in said["tokens"]
    assert said["tokens_agree"].startswith("Integrated gradients put “The” first instead")
    assert "limits" in said


def test_methods_that_name_different_parts_are_said_to_disagree() -> None:
    found = facts(tried(2, *[0.9] * 4, 0.001), tried(1, 0.9, 0.9, 0.1, 0.9, 0.001))
    said = words(found)["parts_agree"]
    assert said.startswith("Two methods disagree: layer 3, head 4 adds most directly")
    assert "layer 2, head 3" in said


def test_without_a_part_that_is_needed_nothing_is_claimed() -> None:
    found = facts(tried(2, *[0.9] * 4, 0.001), tried(1, 0.9, 0.88, 0.9, 0.9, 0.9))
    assert words(found)["needs"].startswith("No single head is needed: even without layer 2, head 2")
    assert "parts_agree" not in words(found)
    assert plain(card_sentence(found)).endswith("it keeps 88.0 % or more.")


def test_the_heads_are_not_tried_while_the_model_has_changes() -> None:
    found = replace(facts(), changed=True)
    assert "take them back first" in words(found)["needs"]
    assert "parts_agree" not in words(found)


def found_in(session: Session, text: str) -> Facts:
    """Return what the methods find in the open model."""
    [grid] = [one for one in ask(session, ReadLens(text)) if isinstance(one, LensGrid)]
    last, target = len(grid.pieces) - 1, int(grid.targets[-1])
    [parts] = [one for one in ask(session, SplitLogit(text, last, target)) if isinstance(one, LogitParts)]
    all_tried = tuple(one for one in ask(session, RankParts(text)) if isinstance(one, PartsTried))
    return Facts(text, session.opened.model.config.vocabulary, grid, parts, all_tried)


def test_the_card_of_a_shuffled_model_says_that_it_means_little() -> None:
    session = Session()
    session.open(BUILTIN)
    real = found_in(session, "The fox lives in the")
    assert "means little" not in card_sentence(real)
    assert "doubt" not in words(real)
    session.opened.model.load_state_dict(shuffled(1)[0].state_dict())
    session.opened.change(())
    random = found_in(session, "The fox lives in the forest")
    assert "means little" in card_sentence(random)
    assert "doubt" in words(random)


@pytest.fixture
def card(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> Card:
    engine.answers[RankParts] = lambda _: [tried(layer, 0.9, 0.9, 0.9, 0.2, 0.9) for layer in (2, 1, 0)]
    engine.answers[AttributeText] = lambda _: [EXPLAINED, Contributions("occlusion", VALUES)]
    window.state.set_model(model())
    window.state.set_text("The capital of France")
    window.workspace.set_layout(1, ["inside"])
    window.show_pane("inside")
    pane = window.workspace.pane(InsidePane)
    pane.mode.choose("card")
    found = pane.part_of(Card)
    qtbot.waitUntil(lambda: found.facts is not None and bool(found.facts.contributions) and bool(found.facts.tried))
    return found


def test_the_card_fills_itself_from_all_methods(card: Card) -> None:
    assert card.facts is not None
    shown = [plain(line[1].text()) for line in card.page.lines if line[1].isVisible()]
    assert shown == list(words(card.facts).values())
    assert plain(card.sentence()).startswith("Two methods agree on")
    table = card.table()
    assert table is not None
    assert len(table.rows) == len(shown)


def test_changes_in_the_model_are_followed(card: Card, engine: FakeEngine, qtbot: QtBot) -> None:
    ranked = len(engine.asked(RankParts))
    card.state.wish_interventions((Scaled(1, 1, 0.0),))
    qtbot.waitUntil(lambda: card.facts is not None and card.facts.changed)
    assert len(engine.asked(RankParts)) == ranked


def test_the_parts_are_tried_only_while_the_card_is_seen(
    card: Card, window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    asked = len(engine.asked(RankParts))
    window.show_pane("map")
    qtbot.wait(20)
    window.show_pane("inside")
    assert len(engine.asked(RankParts)) == asked  # all methods had answered
    whole = engine.answers.pop(RankParts)  # from now on it never ends
    card.refresh()
    qtbot.waitUntil(lambda: card.pane.asking("CardRank"))
    window.show_pane("map")
    qtbot.waitUntil(lambda: not card.pane.asking("CardRank"))
    assert engine.cancelled(RankParts)
    engine.answers[RankParts] = whole
    window.show_pane("inside")
    qtbot.waitUntil(lambda: card.facts is not None and bool(card.facts.tried))


def test_the_card_is_saved_as_html_and_pdf(card: Card, tmp_path: Path) -> None:
    card.state.set_text("a <b> & c")
    card.facts = None if card.facts is None else replace(card.facts, text="a <b> & c")
    card.save_to(tmp_path / "card.html")
    card.save_to(tmp_path / "card.pdf")
    page = (tmp_path / "card.html").read_text("utf-8")
    assert "a &lt;b&gt; &amp; c" in page
    assert "Two methods agree on" in page
    assert (tmp_path / "card.pdf").read_bytes().startswith(b"%PDF-")
    assert len(list(tmp_path.iterdir())) == 2
    card.save_to(tmp_path / "missing" / "card.html")
    assert not (tmp_path / "missing").exists()
