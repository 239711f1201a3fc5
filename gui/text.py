"""Text as it is shown on screen."""


def visible(piece: str) -> str:
    """Return `piece` with white space replaced by visible signs."""
    return piece.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥").replace("\u3000", "□")
