"""The spans of a turn: its tokens, and what the template writes before and after it."""

from collections.abc import Sequence

from engine.messages.chat import ChatPrompt, PromptPiece
from engine.messages.generation import GeneratedToken
from gui.i18n import t
from gui.widgets.coloured_text import Span
from gui.widgets.token_spans import spans_of


def answer_spans(tokens: Sequence[GeneratedToken], gone: bool, with_special: bool) -> list[Span]:
    """Return the spans of an answer's tokens; `gone` if the model no longer reads it, `with_special` to show chips."""
    spans = spans_of(tokens, [None if gone else token.probability for token in tokens], "gone" if gone else "")
    return [span if with_special or span.look != "chip" else Span("", None) for span in spans]


def template_spans(
    prompt: ChatPrompt | None, systems: int, index: int, is_last_answer: bool
) -> tuple[list[Span], list[Span]]:
    """Return the spans of what the template writes before and after turn `index`.

    The prompt is None if the template is not shown; `systems` is the number of messages before the first turn.
    """
    before, after = (_written_before(prompt, systems, place + systems) for place in (index, index + 1))
    begun = _end_of_turn(before) if index else 0
    end = 0 if is_last_answer else _end_of_turn(after)
    return list(map(_template_span, before[begun:])), list(map(_template_span, after[:end]))


def _written_before(prompt: ChatPrompt | None, systems: int, message: int) -> list[PromptPiece]:
    """Return what the template writes before a message, or before the answer."""
    if prompt is None:
        return []
    pieces = prompt.pieces
    places = [place for place, piece in enumerate(pieces) if piece.message is not None]
    end = next((place for place in places if pieces[place].message == message), None)
    if end is None:
        is_answer = bool(places) and pieces[places[-1]].message == message - 1
        end = len(pieces) if is_answer else 0  # the last answer follows the prompt
    turns = [place for place in places if (pieces[place].message or 0) >= systems]
    begun = max((place + 1 for place in turns if place < end), default=0)  # the system prompt has no turn
    return list(pieces[begun:end])


def _template_span(piece: PromptPiece) -> Span:
    return Span(piece.text, None, t("pane.chat.by_template"), look="chip" if piece.special else "")


def _end_of_turn(pieces: list[PromptPiece]) -> int:
    """Return how many pieces at the start end the turn before: a special token and the white space after it."""
    if not pieces or not pieces[0].special:
        return 0
    return 2 if len(pieces) > 1 and not pieces[1].text.strip() else 1
