"""Handler of the first request of every window, which asks for the device."""

import torch

from engine.messages.status import EngineReady, Hello
from engine.model.devices import best_device
from engine.model.memory import keep_freed_memory
from engine.service.answer import Answer, Handlers
from engine.service.session import Session


def hello(session: Session, request: Hello) -> Answer[EngineReady]:
    keep_freed_memory()
    device = best_device()
    name = torch.cuda.get_device_name() if device == "cuda" else device.upper()
    yield EngineReady(device, name, torch.get_num_threads())


HANDLERS: Handlers = {Hello: hello}
