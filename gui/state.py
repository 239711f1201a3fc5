"""The state that the panes share: text, model, selection, progress. Setters emit a signal if the value is new."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.messages.comparing import Pinned
from engine.messages.generation import SamplingSettings
from engine.messages.models import Intervention, ModelInfo
from engine.messages.texts import TextInfo
from engine.messages.tokens import Tokens
from engine.messages.training import TrainingPoints


@dataclass(frozen=True, slots=True)
class Look:
    """What to look at in a scene, in place of the sentence that its pane computes."""

    pane: str  # its id
    words: Callable[[], str]  # in the current language


class AppState(QObject):
    text_changed = Signal()
    tokens_changed = Signal()
    corpus_changed = Signal()
    model_changed = Signal()
    opening_changed = Signal()
    weights_changed = Signal()  # of the open model, by training; or its interventions
    interventions_changed = Signal()
    interventions_wished = Signal(object)  # tuple[Intervention, ...]: those that the open model should have
    selection_changed = Signal()  # token, layer or head
    training_changed = Signal()
    progress_changed = Signal()
    pinned_changed = Signal()
    sampling_changed = Signal()  # the settings of the sampling sliders, or the seed
    sentences_changed = Signal()  # whether they are shown, or the scene's own

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tokens: Tokens | None = None  # of `text`, by the open model's tokenizer
        self.corpus: TextInfo | None = None  # the text for the next run
        self.model: ModelInfo | None = None
        self.weights_version = 0  # counts models and training steps: an answer belongs to one of these numbers
        self.interventions: tuple[Intervention, ...] = ()  # what is changed in the open model
        self.pinned: Pinned | None = None  # the state to compare with, "A"
        self.opening = False  # whether a model is being opened
        self.token: int | None = None  # index into tokens
        self._selected: tuple[Tokens, int] | None = None  # the token that was selected before the tokens changed
        self.layer = 0
        self.head = 0
        self.sampling, self.seed = SamplingSettings(), 1  # those of the sliders
        self.training = False
        self.progress: TrainingPoints | None = None  # the latest report of the run in progress
        self.sentences = True  # whether each pane's sentence is shown
        self.look: Look | None = None  # the sentence of the scene on screen

    def _set(self, name: str, value: Any, changed: Any) -> None:
        if getattr(self, name) is not value and getattr(self, name) != value:
            setattr(self, name, value)
            changed.emit()

    def set_text(self, text: str) -> None:
        self._set("text", text, self.text_changed)

    def set_tokens(self, tokens: Tokens | None) -> None:
        """Set the tokens and always emit: equal tokens may come from another tokenizer.

        The selected token is the one at the same place in the text. While there are no tokens, none is selected.
        """
        if self.tokens is not None:
            self._selected = None if self.token is None else (self.tokens, self.token)
        self.tokens = tokens
        token = None if tokens is None or self._selected is None else same_place(*self._selected, tokens)
        moved, self.token = token != self.token, token
        self.tokens_changed.emit()
        if moved:
            self.selection_changed.emit()

    def set_corpus(self, corpus: TextInfo | None) -> None:
        self._set("corpus", corpus, self.corpus_changed)

    def set_model(self, model: ModelInfo | None) -> None:
        if model != self.model:
            self.weights_version += 1
        self._set("model", model, self.model_changed)

    def note_training_steps(self) -> None:
        """Emit `weights_changed`, because training has changed the weights of the open model."""
        self.weights_version += 1
        self.weights_changed.emit()

    def wish_interventions(self, interventions: tuple[Intervention, ...]) -> None:
        """Ask for these interventions in the open model, instead of all that it has now."""
        self.interventions_wished.emit(interventions)

    def set_interventions(self, interventions: tuple[Intervention, ...]) -> None:
        """Set the interventions that the engine has made."""
        if interventions != self.interventions:
            self.interventions = interventions
            self.interventions_changed.emit()
            self.weights_changed.emit()

    def set_pinned(self, pinned: Pinned | None) -> None:
        self._set("pinned", pinned if pinned is not None and pinned.info is not None else None, self.pinned_changed)

    def set_sampling(self, sampling: SamplingSettings, seed: int) -> None:
        if (sampling, seed) != (self.sampling, self.seed):
            self.sampling, self.seed = sampling, seed
            self.sampling_changed.emit()

    def set_opening(self, opening: bool) -> None:
        self._set("opening", opening, self.opening_changed)

    def set_training(self, training: bool) -> None:
        self._set("training", training, self.training_changed)

    def set_sentences(self, shown: bool) -> None:
        self._set("sentences", shown, self.sentences_changed)

    def set_look(self, look: Look | None) -> None:
        self._set("look", look, self.sentences_changed)

    def set_progress(self, points: TrainingPoints | None) -> None:
        self.progress = points
        self.progress_changed.emit()

    def token_of(self, words: str) -> int | None:
        """Return the token in which the last occurrence of `words` ends; for "それ" this may be the token それは."""
        tokens, words = self.tokens, words.strip()
        place = tokens.text.rfind(words) if tokens is not None and words else -1
        if tokens is None or place < 0:
            return None
        last = place + len(words) - 1
        inside = (tokens.starts <= last) & (tokens.ends > last)
        return int(inside.argmax()) if inside.any() else None

    def select_token(self, token: int | None) -> None:
        self._set("token", token, self.selection_changed)

    def select_head(self, layer: int, head: int) -> None:
        if (layer, head) != (self.layer, self.head):
            self.layer, self.head = layer, head
            self.selection_changed.emit()


def same_place(before: Tokens, token: int, after: Tokens) -> int | None:
    """Return the token of `after` at the place of a token of `before`, or None if its text is there no more.

    The place is that of its characters without the white space around them, which other tokenizers may leave to
    another token. A text that has changed before or after the token only moves it.
    """
    start, end = int(before.starts[token]), int(before.ends[token])
    grown = len(after.text) - len(before.text)
    if before.text[:end] != after.text[:end]:
        if start + grown < 0 or before.text[start:] != after.text[start + grown :]:
            return None
        start, end = start + grown, end + grown
    if token < len(after.ids) and (int(after.starts[token]), int(after.ends[token])) == (start, end):
        return token  # also one of several tokens of a character, and a special token without characters
    words = after.text[start:end]
    inside = (start + len(words) - len(words.lstrip()), start + len(words.rstrip())) if words.strip() else (start, end)
    shared = np.minimum(after.ends, inside[1]) - np.maximum(after.starts, inside[0])
    return int(shared.argmax()) if len(shared) and shared.max() > 0 else None
