"""Finds the handler of a request: engine/messages/NAME.py declares it, engine/service/NAME.py answers it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from engine.messages.envelope import Request
from engine.service.answer import Answer, Handler
from engine.service.session import Session


def handler_of(kind: type[Request[Any]]) -> Handler:
    """Imports the service module of this kind of request when it is first needed: searching alone takes scipy.

    Raises LookupError if no module answers it.
    """
    package, _, subject = kind.__module__.rpartition(".")
    if package != "engine.messages":
        raise LookupError(f"{kind.__module__}.{kind.__name__} is not a request of engine.messages")
    handlers: dict[type[Request[Any]], Handler] = import_module(f"engine.service.{subject}").HANDLERS
    return handlers[kind]


def answering() -> Callable[[Request[Any]], Answer[Any]]:
    """A function that starts the handler of a request, bound to one new session."""
    session = Session()
    return lambda request: handler_of(type(request))(session, request)
