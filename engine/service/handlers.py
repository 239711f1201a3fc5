"""Find the handler of a request: engine/messages/NAME.py declares it, engine/service/NAME.py answers it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from engine.messages.envelope import Request
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
    return lambda request: handler_of(type(request))(session, request)
