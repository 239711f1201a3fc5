"""Steering: a text written with a direction added to the residual stream, at several strengths."""

from dataclasses import dataclass

from engine.messages.envelope import Request


@dataclass(frozen=True, slots=True)
class SteeredTexts:
    """The texts written so far, one for each strength, and once they are complete how they read to the model.

    The last answer is `done`; before it, `texts` grow and then `perplexities` do.
    """

    strengths: tuple[float, ...]
    texts: tuple[str, ...]
    repeated: tuple[float, ...]  # share of the pairs of neighbouring tokens that a text has had before
    perplexities: tuple[float, ...] = ()  # of the texts under the model without the direction; NaN for an empty text
    gain: float | None = None  # nats a token by which the direction favours texts that it was not made of
    gain_error: float = 0.0  # standard error of `gain`, which is None if a set has fewer than two texts
    done: bool = False


@dataclass(frozen=True, slots=True)
class Steer(Request[SteeredTexts]):
    """Continue a text greedily, with a direction added after `layer` at each of the strengths.

    The direction is the mean residual stream of the texts `plus`, less that of `minus`. It comes in addition to the
    interventions in the open model other than steering, which also read the texts that were written.
    """

    prompt: str
    plus: tuple[str, ...]
    minus: tuple[str, ...]
    layer: int
    strengths: tuple[float, ...]
    tokens: int = 30


def default_layer(layers: int) -> int:
    """Return the index of a layer after which steering works in most models: two fifths of the way up."""
    return 2 * layers // 5
