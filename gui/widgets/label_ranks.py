"""Which names of points are labelled first."""

NO_LABEL = 3  # rank of names that are only labelled when they are marked


def label_rank(name: str) -> int:
    """Return 0 for a word after a space, 1 for another word, 2 for other names, and NO_LABEL for invisible ones."""
    text = name.strip()
    if not text or not text.isprintable():
        return NO_LABEL
    if not text.isalpha() or (len(text) < 3 and text.isascii()):
        return 2
    return 0 if name[0] == " " else 1
