"""Find the handler of a request: engine/messages/NAME.py declares it, engine/service/NAME.py answers it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from engine.errors import EngineError
from engine.messages.envelope import Request
from engine.model.devices import is_full
from engine.service.answer import Answer, Handler
from engine.service.session import Session


def handler_of(kind: type[Request[Any]]) -> Handler:
    """Return the handler of a kind of request; its module is imported at the first one, since some import scipy.

    Raises LookupError if no module answers it.
    """
    package, _, subject = kind.__module__.rpartition(".")
    if package != "engine.messages":
        raise LookupError(f"{kind.__module__}.{kind.__name__} is not a request of engine.messages")
    handlers: dict[type[Request[Any]], Handler] = import_module(f"engine.service.{subject}").HANDLERS
    return handlers[kind]


def answering() -> Callable[[Request[Any]], Answer[Any]]:
    """Return a function that starts the handler of a request in one new session."""
    session = Session()
    return lambda request: on_the_cpu_if_full(session, handler_of(type(request))(session, request))


def on_the_cpu_if_full(session: Session, answer: Answer[Any]) -> Answer[Any]:
    """Yield an answer. If the memory of a GPU becomes full, the open model computes on the CPU from then on.

    Raises EngineError error.device_full in that case.
    """
    try:
        yield from answer
    except RuntimeError as error:
        if is_full(error) and session.to_cpu():
            raise EngineError("error.device_full") from error
        raise
