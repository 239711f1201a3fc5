"""The sentence of the Chat pane, from the turns and tokens that it shows."""

from engine.messages.chat import ChatPrompt
from engine.messages.generation import GeneratedToken
from gui.i18n import number, percent, t
from gui.panes.chat.conversation import Turn
from gui.text import marked
from gui.widgets.token_spans import choice_words


def of_chat(last: Turn, prompt: ChatPrompt | None, chosen: GeneratedToken | None) -> str:
    """Return what a chosen token says, or else the last answer: its length, and where the model was least certain."""
    if chosen is not None:
        return choice_words(chosen)
    written = [token for token in last.tokens if not token.special]
    if last.role != "assistant" or prompt is None:
        return ""
    if not written:
        return t("pane.chat.says.reading", prompt=number(len(prompt.ids))) if not last.ended else ""
    least = min(written, key=lambda token: token.probability)
    return t(
        "pane.chat.says.answer",
        count=len(last.tokens),
        prompt=number(len(prompt.ids)),
        piece=marked(least.piece),
        percent=percent(least.probability, 1),
    )
