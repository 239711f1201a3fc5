"""Commands that talk with a model: chat."""

import argparse
from typing import TYPE_CHECKING, Any

from engine.cli.opening import add_model, add_sampling, add_weights, sampling_of
from engine.cli.terminal import MOST, Commands, ProgressLine, add_command, check_range, print_result, warn
from engine.messages.chat import FORMS, Chat, ChatForms, ChatPrompt, ChatStopped, FindChatForms, Message
from engine.messages.generation import GeneratedToken, GeneratedTokens
from engine.messages.status import Progress
from engine.sentences import percent, sentence

if TYPE_CHECKING:
    from engine.service.answer import Answer


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "chat", chat, "ask a model something, by its own chat template")
    add_model(command)
    add_weights(command)
    command.add_argument("--message", required=True, metavar="M", help="what the user says")
    command.add_argument("--system", default="", metavar="S", help="the system prompt")
    command.add_argument(
        "--form", choices=FORMS, help="how the chat is written (default: template; world for the built-in model)"
    )
    command.add_argument("--thinking", action="store_true", help="let a model such as Qwen3 reason first")
    command.add_argument("--tokens", type=int, default=256, help="the longest answer")
    add_sampling(command, temperature=0.0)


def chat(options: argparse.Namespace) -> None:
    from engine.model.bundled import find
    from engine.service.chat import chat as answer, find_chat_forms
    from engine.service.session import Session

    check_range(options, "tokens", 1, MOST)
    session = Session()
    session.open(find(options.model), options.weights)
    known = next(event for event in find_chat_forms(session, FindChatForms()) if isinstance(event, ChatForms))
    form = options.form or next((form for form in known.forms if form in ("template", "world")), "template")
    system = [Message("system", options.system)] if options.system else []
    messages = (*system, Message("user", options.message))
    request = Chat(
        messages,
        form,
        options.thinking,
        tokens=options.tokens,
        sampling=sampling_of(options),
        seed=options.seed,
        candidates=0,
    )
    result = _collected(answer(session, request))
    print_result(options, result, result["text"])


def _collected(events: "Answer[Any]") -> dict[str, Any]:
    tokens: list[GeneratedToken] = []
    prompt, stopped = ChatPrompt("", (), (), (), 0), ChatStopped("length")
    with ProgressLine() as line:
        for event in events:
            if isinstance(event, ChatPrompt):
                prompt = event
            elif isinstance(event, Progress) and event.fraction is not None:
                line.show(sentence("progress.percent", what=sentence(event.key), percent=percent(event.fraction)))
            elif isinstance(event, GeneratedTokens):
                tokens += event.tokens
            elif isinstance(event, ChatStopped):
                stopped = event
    answer = tokens[: len(tokens) - stopped.surplus]
    if prompt.typed:
        warn("notice.chat_typed", names=", ".join(prompt.typed))
    return {
        "text": "".join(token.text for token in answer).strip(),
        "prompt": prompt.text,
        "tokens": [
            {"id": token.id, "piece": token.piece, "probability": token.probability, "entropy": token.entropy}
            for token in answer
        ],
        "prompt_ids": list(prompt.ids),
        "ended": stopped.reason,
    }
