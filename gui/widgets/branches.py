"""The generated text as a tree of tokens: every continuation that was tried is kept as a branch."""

from dataclasses import dataclass, field

from engine.messages.generation import Candidates, GeneratedToken


@dataclass(eq=False)
class Node:
    """One token that follows its parent; the root is the prompt."""

    parent: "Node | None" = None
    token: GeneratedToken | None = None
    children: list["Node"] = field(default_factory=list)
    forward: "Node | None" = None  # the child visited last, where a step after "back" leads

    @property
    def path(self) -> list["Node"]:
        """The nodes from the first generated token to this one, without the root."""
        nodes: list[Node] = []
        node: Node | None = self
        while node is not None and node.parent is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]

    def leaf(self) -> "Node":
        """Return the end of the branch that was visited last."""
        node = self
        while node.forward is not None:
            node = node.forward
        return node


class Branches:
    """The tree, and the current token in it."""

    def __init__(self, prompt: str = "", model: str = "") -> None:
        self.prompt, self.model = prompt, model  # model: the folder of the one that the token IDs belong to
        self.root = Node()
        self.current = self.root
        self.favourite: Node | None = None  # a token; the branch that was visited last through it is the favourite

    def __contains__(self, node: Node) -> bool:
        return node is self.root or (node.parent is not None and node.path[0].parent is self.root)

    def ids(self) -> tuple[int, ...]:
        return tuple(node.token.id for node in self.current.path if node.token)

    def text(self) -> str:
        return "".join(node.token.text for node in self.current.path if node.token)

    def add(self, token: GeneratedToken) -> Node:
        """Append a token to the current one, on an existing branch that begins with it or on a new one."""
        for child in self.current.children:
            if child.token is not None and child.token.id == token.id:
                child.token = token
                return self._visit(child)
        child = Node(self.current, token)
        self.current.children.append(child)
        return self._visit(child)

    def back(self) -> bool:
        if self.current.parent is None:
            return False
        self.current = self.current.parent
        return True

    def on(self) -> bool:
        """Move forward along the branch visited last; return False at its end."""
        if self.current.forward is None:
            return False
        self.current = self.current.forward
        return True

    def go(self, node: Node) -> None:
        """Move to any token; the path to it becomes the branch visited last."""
        self.current = node
        while node.parent is not None:
            node.parent.forward = node
            node = node.parent

    def leaves(self) -> list[Node]:
        """Return the ends of all branches, in the order in which they were begun."""
        ends: list[Node] = []
        stack = [self.root]
        while stack:
            node = stack.pop()
            if not node.children and node is not self.root:
                ends.append(node)
            stack.extend(reversed(node.children))
        return ends

    def remove(self, leaf: Node) -> None:
        """Remove a branch, from its end back to the fork where it leaves the others."""
        node = leaf
        while node.parent is not None and len(node.parent.children) == 1 and node.parent is not self.root:
            node = node.parent
        if node.parent is None:
            return
        if self.current in [*node.path, node] or node in self.current.path:
            self.current = node.parent
        node.parent.children.remove(node)
        if node.parent.forward is node:
            node.parent.forward = node.parent.children[-1] if node.parent.children else None

    def mark(self, leaf: Node) -> None:
        """Make the branch that ends here the favourite, or none if it is."""
        self.favourite = None if self.favourite is not None and self.favourite.leaf() is leaf else leaf

    def shown_candidates(self) -> Candidates | None:
        """Return the candidates from which the current token was chosen."""
        return self.current.token.candidates if self.current.token else None

    def _visit(self, child: Node) -> Node:
        self.current.forward = child
        self.current = child
        return child
