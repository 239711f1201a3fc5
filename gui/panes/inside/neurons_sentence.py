"""The sentences of the neurons view: what a neuron reacts to and pushes up, or how far a head looks."""

from collections import Counter

import numpy as np

from engine.messages.neurons import HeadReport, NeuronReport
from gui.i18n import number, t
from gui.text import visible, word

HALF = 0.5
FAR = 24.0  # tokens: with random weights, heads reach about 20


def of_neuron(report: NeuronReport) -> str:
    """Return the token at which most passages have their peak, and whether what follows it is pushed up."""
    words: dict[str, object] = {"layer": report.layer + 1, "neuron": report.neuron + 1}
    if report.peak <= report.threshold:
        numbers = {"peak": number(report.peak, 1), "threshold": number(report.threshold, 1)}
        return t("pane.inside.neurons.says.nothing", **words, **numbers)
    piece, times = Counter(passage.pieces[passage.token] for passage in report.passages).most_common(1)[0]
    words |= {"token": word(piece), "times": times, "passages": len(report.passages)}
    words |= {"up": word(report.up[0][0]), "helped": report.helped, "followed": report.followed}
    reacts = "one" if times >= HALF * len(report.passages) and times > 1 else "several"
    pushes = "pushes" if report.helped >= HALF * max(1, report.followed) else "reads"
    return t(f"pane.inside.neurons.says.{reacts}_{pushes}", **words)


def of_head(report: HeadReport) -> str:
    """Return how far the head looks, and whether at earlier occurrences of the same token."""
    words = {"layer": report.layer + 1, "head": report.head + 1, "reach": number(report.reach, 0)}
    if report.reach < FAR:
        return t("pane.inside.neurons.says.near", **words)
    looks = [(passage, target_of(passage.values, passage.token)) for passage in report.passages]
    same = sum(passage.pieces[target] == passage.pieces[passage.token] for passage, target in looks)
    after = sum(target > 0 and passage.pieces[target - 1] == passage.pieces[passage.token] for passage, target in looks)
    words |= {"passages": len(looks), "same": max(same, after)}
    if max(same, after) < HALF * len(looks):
        piece, times = Counter(passage.pieces[target] for passage, target in looks).most_common(1)[0]
        if times > 1 and times >= HALF * len(looks):
            return t("pane.inside.neurons.says.one_target", **words, token=visible(piece), times=times)
        return t("pane.inside.neurons.says.far", **words)
    return t("pane.inside.neurons.says.same" if same >= after else "pane.inside.neurons.says.after_same", **words)


def target_of(weights: "np.ndarray[tuple[int], np.dtype[np.float32]]", token: int) -> int:
    """Return the token that a head looks at from `token`: the largest product of weight and distance, not the first."""
    distances = (token - np.arange(len(weights))).clip(min=0)
    distances[0] = 0
    return int((weights * distances).argmax())
