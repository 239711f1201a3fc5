"""Different answers to one prompt, written side by side.

Suffixes: B answers at once, T tokens, V vocabulary.
"""

from collections.abc import Iterator

import torch

from engine.errors import EngineError
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer
from engine.tuning.prompting import Prompting, whole_sentences

ROUNDS = 8  # of drawing again what was equal to another answer, or empty


@torch.no_grad()
def write_different(
    model: Transformer,
    prompting: Prompting,
    prompt: str,
    count: int,
    tokens: int,
    temperature: float,
    seed: int,
    changes: Changes = UNCHANGED,
) -> Iterator[list[str]]:
    """Yield the answers after each token, and at last the complete ones, which all differ.

    Answers are drawn from the model's distribution; of equal ones only one is kept, and others are drawn for the
    rest. They are fewer than `count` if the model hardly writes anything else. Equal seeds give equal answers.
    Raises EngineError: as Prompting.ids, and error.logits_broken.
    """
    ids, generator = prompting.ids(prompt), torch.Generator().manual_seed(seed)
    found: list[str] = []
    for _ in range(ROUNDS):
        written: list[str] = []
        for written in _write(model, prompting, ids, count - len(found), tokens, temperature, generator, changes):
            yield [*found, *written]
        found = list(dict.fromkeys([*found, *(whole_sentences(text) for text in written if text.strip())]))
        if len(found) == count:
            break
    yield found


def _write(
    model: Transformer,
    prompting: Prompting,
    ids: list[int],
    count: int,
    tokens: int,
    temperature: float,
    generator: torch.Generator,
    changes: Changes,
) -> Iterator[list[str]]:
    cache, tape = model.new_cache(count), Tape(changes=changes)
    x_BT = torch.tensor([ids] * count, device=model.device)
    written: list[list[int]] = [[] for _ in range(count)]
    ended = [False] * count
    for _ in range(min(tokens, model.config.context - len(ids))):
        logits_BV = model(x_BT, cache, tape)[:, -1].float().cpu()
        if not logits_BV.isfinite().all():
            raise EngineError("error.logits_broken")
        next_B1 = torch.multinomial((logits_BV / temperature).softmax(dim=-1), 1, generator=generator)
        for place, token in enumerate(next_B1[:, 0].tolist()):
            written[place] += [] if ended[place] else [token]
            ended[place] = ended[place] or token in prompting.stops
        yield [prompting.text(tokens) for tokens in written]
        if all(ended):
            return
        x_BT = next_B1.to(model.device)
