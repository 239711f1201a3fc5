"""The sentence above the picture: what it shows and where to look, computed from the numbers shown."""

import math

import numpy as np

from engine.messages.embeddings import Analogy, NearTokens, TokenRow, TurnedVectors
from gui.i18n import number, percent, t
from gui.panes.embeddings.projection import AxisMap, LayerPaths, VectorMap
from gui.text import visible, word

WEAK_AXES = 0.10  # share of the variance below which distances on a map say little
SAME = 0.01  # degrees up to which rounding turns a vector
LIKE_CHANCE = 0.9  # share of the angle by chance from which two models have nothing in common
CHANCE = 1.15  # a cosine up to this multiple of that of random vectors is called chance


def chance_cosine(rows: int, width: int) -> float:
    """Return about the largest cosine of one vector with `rows` random ones, at most 1.

    The cosines of random directions are about normal with the variance 1 / width. The largest of n normal numbers is
    about √(2 ln n) − (ln ln n + ln 4π) / (2 √(2 ln n)) standard deviations (Cramér 1946, Mathematical Methods of
    Statistics, §28.6).
    """
    n = max(rows, 3)
    high = math.sqrt(2 * math.log(n))
    deviations = high - (math.log(math.log(n)) + math.log(4 * math.pi)) / (2 * high)
    return min(1.0, deviations / math.sqrt(max(width, 1)))


def of_map(shown: VectorMap, row: TokenRow | None, weak_model: float | None = None) -> str:
    """Return the sentence of a map. `weak_model`: the share of the model's own map, where words are shown instead."""
    if len(shown.names) == 1:
        return t("pane.embeddings.says.one", piece=word(shown.names[0]))
    if not np.ptp(shown.points, axis=0).any():
        return t("pane.embeddings.says.equal", count=number(len(shown.names)))
    near = _nearest(row)
    if weak_model is not None and shown.source == "word2vec":
        return t("pane.embeddings.says.instead", weak=percent(weak_model), share=percent(sum(shown.explained)))
    if not shown.explained:
        return t("pane.embeddings.says.moved", near=near) if near else t("pane.embeddings.says.moving")
    share = sum(shown.explained)
    key = "weak" if share < WEAK_AXES else "map"
    if not near:
        return t(f"pane.embeddings.says.{key}", share=percent(share))
    return t(f"pane.embeddings.says.{key}_near", share=percent(share), near=near)


def of_analogy(words: tuple[str, ...], found: Analogy) -> str:
    """Return the sentence of an analogy: what is nearest, and whether chance would come as near."""
    a, b, c = map(word, words)
    near = found.near
    if not len(near.ids):
        return t("pane.embeddings.says.analogy_none", a=a, b=b, c=c)
    best, cosine = word(near.pieces[0]), float(near.cosines[0])
    arguments = {"a": a, "b": b, "c": c, "near": best, "cosine": number(cosine, 2)}
    chance = chance_cosine(found.rows, found.width)
    if cosine <= CHANCE * chance:
        return t("pane.embeddings.says.analogy_chance", **arguments, chance=number(chance, 2))
    if len(near.ids) > 1:
        second, other = word(near.pieces[1]), number(float(near.cosines[1]), 2)
        return t("pane.embeddings.says.analogy", **arguments, second=second, other=other)
    return t("pane.embeddings.says.analogy_one", **arguments)


def of_axis(shown: AxisMap) -> str:
    """Return the sentence of an axis: which words are furthest towards its ends."""
    ends = shown.ends(1)
    a, b = map(word, shown.words)
    if len(ends) < 2:
        return t("pane.embeddings.says.axis_few", a=a, b=b)
    right, left = ends[:2]
    most, least = (number(float(shown.axis.cosines[index]), 2) for index in (right, left))
    names = {"right": word(shown.names[right]), "left": word(shown.names[left])}
    return t("pane.embeddings.says.axis", a=a, b=b, most=most, least=least, **names)


def of_paths(shown: LayerPaths, token: int | None) -> str:
    """Return the sentence of the paths: after which layer the selected or last token moves furthest."""
    point = shown.point_of(token)
    if point is None or shown.layers < 2:
        return t("pane.embeddings.says.paths", layers=number(shown.layers - 1))
    way = shown.paths.points[:, point]
    lengths = np.linalg.norm(np.diff(way, axis=0), axis=1)
    if not lengths.any():
        return t("pane.embeddings.says.still", piece=word(shown.paths.pieces[point]))
    layer = int(lengths.argmax()) + 1
    arguments = {"layer": number(layer), "layers": number(shown.layers - 1), "share": percent(sum(shown.explained))}
    return t("pane.embeddings.says.furthest", piece=word(shown.paths.pieces[point]), **arguments)


def of_turned(found: TurnedVectors, chosen: int | None) -> str:
    """Return which vector has turned most since A, and by how much half of all and the chosen one have."""
    degrees, pieces = found.degrees, found.names.pieces
    if len(degrees) <= found.width:
        return t("pane.embeddings.says.turned_few", count=len(degrees), width=found.width)
    most, median = int(degrees.argmax()), float(np.median(degrees))
    if degrees[most] <= SAME:
        return t("pane.embeddings.says.turned_same")
    words = {"median": number(median, 1), "most": word(pieces[most]), "degrees": number(float(degrees[most]), 1)}
    if median >= LIKE_CHANCE * found.chance:
        return t("pane.embeddings.says.turned_chance", median=words["median"], chance=number(found.chance, 1))
    if chosen is None or chosen == most:
        return t("pane.embeddings.says.turned", **words)
    own = {"piece": word(pieces[chosen]), "own": number(float(degrees[chosen]), 1)}
    return t("pane.embeddings.says.turned_own", **words, **own)


def _nearest(row: TokenRow | None) -> str:
    """Return which token is nearest to a row, and whether random vectors would be as near; "" if there is none."""
    if row is None or not len(row.near.ids):
        return ""
    near: NearTokens = row.near
    cosine, chance = float(near.cosines[0]), chance_cosine(row.rows, len(row.vector))
    piece, best = word(row.piece), word(near.pieces[0])
    if piece == best:  # the same word with a space before it, and without
        piece, best = visible(row.piece), visible(near.pieces[0])
    arguments = {"piece": piece, "near": best, "cosine": number(cosine, 2)}
    if cosine <= CHANCE * chance:
        return t("pane.embeddings.says.near_chance", **arguments, chance=number(chance, 2))
    return t("pane.embeddings.says.near", **arguments)
