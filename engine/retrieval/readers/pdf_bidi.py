"""Put the characters of a right-to-left line into logical order, the order in which they are typed and searched.

A page shows Arabic and Hebrew from right to left but the Latin words and numbers in them from left to right, as the
Unicode bidirectional algorithm (UAX #9) arranges them. This is its inverse: read the characters from right to left,
then reverse the Latin words and numbers.
"""

import re
import unicodedata
from collections.abc import Sequence

_R = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
RIGHT_TO_LEFT = re.compile(f"[{_R}]")
_LATIN = rf"[^\W\d_{_R}]"
_HEBREW_ORDER = re.compile(rf"{_LATIN}(?:[^{_R}]*[^\W_{_R}])?|[-+$€£#]?\d+(?:[-+.,:/]\d+)*[%°$€£₪]?")
_ARABIC_ORDER = re.compile(rf"{_LATIN}(?:[^{_R}]*[^\W_{_R}])?|\d+(?:[.,:/]\d+)*")  # rule W2: fewer signs join numbers
_RUN = re.compile(rf"[{_R}](?:[^\w]*[{_R}]+)*")
_OPEN, _CLOSE = "([{«", ")]}»"
_MIRROR = str.maketrans(_OPEN + _CLOSE, _CLOSE + _OPEN)


def logical(characters: Sequence[tuple[str, float]]) -> str:
    """Return the characters of a line, each with the horizontal centre of its box, in logical order."""
    shown = "".join(_clusters(characters))  # from left to right
    letters = re.findall(r"[^\W\d_]", shown)
    right_to_left = [bool(RIGHT_TO_LEFT.match(letter)) for letter in letters]
    if not (right_to_left[0] and right_to_left[-1]) and 2 * sum(right_to_left) < len(letters):
        return _RUN.sub(lambda run: _reversed(run[0]), shown)  # a few words in a Latin line
    order = _ARABIC_ORDER if re.search("[\u0600-\u08ff\ufb50-\ufdff\ufe70-\ufefc]", shown) else _HEBREW_ORDER
    return _balanced(_reversed(order.sub(lambda run: _reversed(run[0]), shown)))


def _clusters(characters: Sequence[tuple[str, float]]) -> list[str]:
    """Sort characters from left to right. Those of one glyph, which pdfium gives reversed, stay together."""
    clusters: list[tuple[float, str]] = []
    for character, centre in characters:
        if clusters and clusters[-1][0] == centre and RIGHT_TO_LEFT.match(character):
            clusters[-1] = centre, clusters[-1][1] + character
        else:
            clusters.append((centre, character))
    return [text for _, text in sorted(clusters, key=lambda cluster: cluster[0])]


def _reversed(text: str) -> str:
    """Reverse a text; combining marks stay after their letter."""
    found: list[str] = []
    for character in text:
        if found and unicodedata.combining(character):
            found[-1] += character
        else:
            found.append(character)
    return "".join(found[::-1])


def _balanced(text: str) -> str:
    """Turn brackets the right way round: some programs store them as they look, others as they are typed."""
    for candidate in (text, text.translate(_MIRROR), _alternating(text)):
        if _is_balanced(candidate):
            return candidate
    return text


def _alternating(text: str) -> str:
    is_open, found = False, []
    for character in text:
        if character in _OPEN + _CLOSE:
            is_open = not is_open
            character = character if (character in _OPEN) == is_open else character.translate(_MIRROR)
        found.append(character)
    return "".join(found)


def _is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character in _OPEN) - (character in _CLOSE)
        if depth < 0:
            return False
    return depth == 0
