"""Neurons: the passages of a text that an MLP's neurons and a layer's heads react to, and the tokens they push up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.origin import Source
from engine.messages.status import Progress


@dataclass(frozen=True, slots=True)
class LayerNeurons:
    """The neurons and heads of one layer, compared over passages of a text."""

    layer: int
    source: Source
    tokens: int  # that were read
    peaks: NDArray[np.float32]  # of each neuron: mean of its highest activations, in standard deviations
    threshold: float  # the peak that one in a hundred neurons exceeds if the MLP reads a rotated input
    reach: NDArray[np.float32]  # of each head: its largest weight times distance, in tokens
    active: NDArray[np.float32] | None  # of each neuron at the place, in standard deviations from its mean


@dataclass(frozen=True, slots=True)
class ScanLayer(Request[Progress | LayerNeurons]):
    """Read passages of the model's training text, or of `paths`, and compare the neurons and heads of a layer.

    `place` is a token of `text`, at which the activation of each neuron is wanted; -1 for none.
    Raises EngineError: error.config_range for a layer that the model does not have, and as FindOrigin.
    """

    layer: int
    paths: tuple[str, ...] = ()
    encoding: str = ""
    text: str = ""
    place: int = -1


@dataclass(frozen=True, slots=True)
class TintedPassage:
    """A passage with a value for each token."""

    pieces: tuple[str, ...]
    values: NDArray[np.float32]  # activations of a neuron, or weights of a head's attention from `token`
    token: int  # the one with the highest activation, or the one that looks


@dataclass(frozen=True, slots=True)
class NeuronReport:
    """What a neuron reacts to, and which tokens it makes likelier and less likely."""

    layer: int
    neuron: int
    passages: tuple[TintedPassage, ...]  # the highest activation first
    peak: float  # mean of the highest activations, in standard deviations
    threshold: float  # as in LayerNeurons
    firing: float  # share of the tokens at which the activation has the sign of its peak
    up: tuple[tuple[str, float], ...]  # pieces, and what the neuron adds to their logits at its highest activation
    down: tuple[tuple[str, float], ...]
    followed: int  # passages that continue after the highest activation
    helped: int  # of those, in which the next token is in the hundredth of all tokens that is pushed up most


@dataclass(frozen=True, slots=True)
class ReadNeuron(Request[Progress | NeuronReport]):
    """Report on one neuron. Texts and errors as ScanLayer."""

    layer: int
    neuron: int
    paths: tuple[str, ...] = ()
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class HeadReport:
    """The passages in which a head attends to the tokens that are furthest back."""

    layer: int
    head: int
    passages: tuple[TintedPassage, ...]  # the farthest look first
    reach: float  # largest weight times its distance in tokens


@dataclass(frozen=True, slots=True)
class ReadHead(Request[Progress | HeadReport]):
    """Report on one head. Texts and errors as ScanLayer."""

    layer: int
    head: int
    paths: tuple[str, ...] = ()
    encoding: str = ""
