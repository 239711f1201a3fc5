"""The generated text as a table: the current branch token by token, or all branches."""

from engine.messages.generation import STAGES
from gui.pane import Table
from gui.panes.generation.moment import Moment
from gui.panes.generation.tree_layout import log_probability, text_of
from gui.widgets.branches import Branches


def token_table(tree: Branches) -> Table | None:
    """Return a row for each token of the current branch, None if there is none."""
    rows: list[tuple[object, ...]] = []
    for position, token in enumerate(node.token for node in tree.current.path if node.token):
        shown = token.candidates
        row = list(shown.ids).index(token.id) if shown is not None and token.id in shown.ids else None
        stages = [float(p) for p in shown.probabilities[:, row]] if shown is not None and row is not None else []
        draw = shown.draw if shown is not None else ""
        rows.append((position, token.id, token.piece, token.probability, token.entropy, draw, *stages))
    header = ("position", "id", "piece", "probability", "entropy", "draw", *STAGES)
    return Table(header, rows) if rows else None


def pinned_table(moment: Moment) -> Table | None:
    """Return a row for each candidate, with its probability in the open model and in A; None without A."""
    found, pinned = moment.candidates, moment.pinned
    if found is None or pinned is None or pinned.probabilities is None:
        return None
    rows: list[tuple[object, ...]] = [
        (int(token), piece, float(now), float(then), float(now) - float(then))
        for token, piece, now, then in zip(
            found.ids, found.pieces, found.probabilities[0], pinned.probabilities, strict=True
        )
    ]
    return Table(("id", "piece", "probability", "a_probability", "difference"), rows)


def branch_table(tree: Branches) -> Table | None:
    """Return a row for each branch, None if there is none."""
    favourite = tree.favourite.leaf() if tree.favourite else None
    rows: list[tuple[object, ...]] = [
        (number, len(leaf.path), log_probability(leaf), int(leaf is favourite), text_of(leaf))
        for number, leaf in enumerate(tree.leaves(), start=1)
    ]
    return Table(("branch", "tokens", "log_probability", "favourite", "text"), rows) if rows else None
