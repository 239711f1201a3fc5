"""The tuned lens reads more in the layers than the plain one, leaves the output as it is, and invents nothing."""

import pytest
import torch

from engine.errors import EngineError
from engine.inspection.lens import lens, residuals
from engine.inspection.passages import passages
from engine.inspection.tuned_lens import TunedLens, tune
from engine.model.opening import BUILTIN, finish, load_model
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from engine.text.world.stream import stream
from tests.engine.shuffling import shuffled

TEXT = "The capital of France is"
pytestmark = pytest.mark.usefixtures("one_thread")

Tuned = tuple[Transformer, Tokenizer, TunedLens]


def tuned(model: Transformer, tokenizer: Tokenizer, count: int = 80) -> Tuned:
    parts = passages("".join(stream(0.1, 3)), count, 64, tokenizer.encode)
    return model, tokenizer, finish(tune(model, parts))


@pytest.fixture(scope="module")
def builtin() -> Tuned:
    return tuned(*load_model(BUILTIN))


def test_every_layer_is_nearer_to_the_output_on_other_texts(builtin: Tuned) -> None:
    _, _, found = builtin
    assert len(found.plain_L) == len(found.tuned_L) == 4
    assert all(tuned < 0.7 * plain for plain, tuned in zip(found.plain_L, found.tuned_L, strict=True))
    assert list(found.tuned_L) == sorted(found.tuned_L, reverse=True)  # each layer comes nearer


def test_the_divergences_are_those_of_the_decoded_probabilities(builtin: Tuned) -> None:
    model, tokenizer, found = builtin
    held_out = passages("".join(stream(0.1, 3)), 80, 64, tokenizer.encode)[::8]
    sums = torch.zeros(2, 4, dtype=torch.double)
    with torch.no_grad():
        for ids in held_out:
            streams = finish(residuals(model, ids))
            p_TV = model.decode(streams[-1]).double().softmax(dim=1)
            for row, read in enumerate((streams, found.read(streams))):
                for layer in range(4):
                    q_TV = model.decode(read[layer]).double().softmax(dim=1)
                    sums[row, layer] += (p_TV * (p_TV / q_TV).log2()).sum(dim=1).mean()
    expected = sums / len(held_out)
    assert torch.allclose(torch.tensor([found.plain_L, found.tuned_L]).double(), expected, atol=1e-3)


def test_the_last_row_stays_the_output_of_the_model(builtin: Tuned) -> None:
    model, tokenizer, found = builtin
    streams = finish(residuals(model, tokenizer.encode(TEXT)))
    read = found.read(streams)
    assert len(read) == len(streams)
    assert torch.equal(read[-1], streams[-1])
    assert not torch.equal(read[0], streams[0])


def test_on_shuffled_weights_it_finds_the_answer_at_no_layer() -> None:
    model, tokenizer, found = tuned(*shuffled(0), count=40)
    [paris] = tokenizer.encode(" Paris")
    ids = tokenizer.encode(TEXT)
    rows = lens(model, found.read(finish(residuals(model, ids))), [paris] * len(ids), 1)
    assert max(float(row.target_p_T[-1]) for row in rows) < 0.01


def test_too_few_passages_are_refused() -> None:
    model, tokenizer = load_model(BUILTIN)
    with pytest.raises(EngineError, match="text_too_short"):
        finish(tune(model, [tokenizer.encode(TEXT)]))
