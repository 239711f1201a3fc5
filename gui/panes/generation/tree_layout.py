"""The tree of branches as a drawing: stretches without a fork as boxes, forks to the right, a row for each branch."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from gui.widgets.branches import Branches, Node


@dataclass(eq=False)
class Stretch:
    """The tokens from one fork to the next, or to the end of a branch; the prompt is the stretch without tokens."""

    nodes: list[Node]
    depth: int  # number of forks before it
    row: float = 0.0  # of a branch's end its row from the top, of others the middle of what follows
    following: list["Stretch"] = field(default_factory=list)

    @property
    def end(self) -> Node:
        return self.nodes[-1]

    @property
    def text(self) -> str:
        """The text of its tokens, in which a special token has its name."""
        tokens = [node.token for node in self.nodes if node.token]
        return "".join(token.piece if token.special else token.text for token in tokens)

    @property
    def share(self) -> float:
        """The model's probability of the first token; 1 for the prompt."""
        token = self.nodes[0].token
        return token.probability if token else 1.0

    def all(self) -> Iterator["Stretch"]:
        """Yield this stretch and all after it."""
        stack = [self]
        while stack:
            stretch = stack.pop()
            yield stretch
            stack += reversed(stretch.following)


def log_probability(leaf: Node) -> float:
    """Return ln p of a branch by the model's own distribution: the sum over its tokens."""
    return sum(math.log(max(node.token.probability, 1e-300)) for node in leaf.path if node.token)


def text_of(leaf: Node) -> str:
    """Return the text of a branch without the prompt."""
    return "".join(node.token.text for node in leaf.path if node.token)


def arrange(tree: Branches) -> tuple[Stretch, int]:
    """Return the prompt's stretch, which all others follow, and the number of rows."""
    first, rows = Stretch([tree.root], 0), 0
    order: list[Stretch] = [first]
    for stretch in order:
        for child in stretch.end.children:
            nodes = [child]
            while len(nodes[-1].children) == 1:
                nodes.append(nodes[-1].children[0])
            stretch.following.append(Stretch(nodes, stretch.depth + 1))
        order += stretch.following
    for stretch in first.all():
        if not stretch.following:
            stretch.row, rows = float(rows), rows + 1
    for stretch in reversed(order):  # those that follow come later in `order`
        if stretch.following:
            stretch.row = (stretch.following[0].row + stretch.following[-1].row) / 2
    return first, rows
