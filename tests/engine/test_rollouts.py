"""Texts that a model writes in batches: how they are drawn, and how their probabilities and divergence are computed."""

import math
from collections import Counter

import pytest
import torch

from engine.errors import EngineError
from engine.model.transformer import Transformer
from engine.training.tasks.answers import Example, log_p
from engine.tuning.rollouts import (
    continue_all,
    distinct_bigrams,
    distinct_within,
    divergence,
    kl_per_text,
    score_texts,
    write_texts,
)
from tests.engine.small_models import random_model

TEXTS = [Example((1, 2, 3, 4, 5), 3), Example((6, 7, 8), 1), Example((9, 8, 7, 6), 2)]


@pytest.fixture
def model() -> Transformer:
    return random_model(3)


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_texts_are_drawn_from_the_models_distribution(model: Transformer) -> None:
    counts = Counter(text.ids[2:] for text in write_texts(model, [1, 2], 20_000, 2, seeded()))
    with torch.no_grad():
        first_V = model(torch.tensor([[1, 2]]))[0, -1].softmax(dim=-1)
        top = int(first_V.argmax())
        second_V = model(torch.tensor([[1, 2, top]]))[0, -1].softmax(dim=-1)
    for token in range(20):
        expected = first_V[top].item() * second_V[token].item()
        spread = math.sqrt(expected * (1 - expected) / 20_000)
        assert abs(counts[top, token] / 20_000 - expected) <= 5 * spread


def test_a_text_ends_with_the_first_token_that_stops_it(model: Transformer) -> None:
    free = write_texts(model, [1, 2], 30, 12, seeded())
    assert {len(text.ids) for text in free} == {14}
    stopped = write_texts(model, [1, 2], 30, 12, seeded(), stops=(4, 5))
    for text in stopped:
        written = text.ids[text.first :]
        assert text.first == 2
        assert not {4, 5} & set(written[:-1])
        assert len(written) == 12 or written[-1] in (4, 5)
    assert any(len(text.ids) < 14 for text in stopped)


def test_no_text_is_longer_than_the_context(model: Transformer) -> None:
    context = model.config.context
    prompt = [1] * (context - 3)
    assert {len(text.ids) for text in write_texts(model, prompt, 2, 50, seeded())} == {context}
    assert write_texts(model, [1] * context, 2, 50, seeded()) == [Example((1,) * context, context)] * 2


def test_prompts_of_several_lengths_are_continued_as_if_each_were_alone(model: Transformer) -> None:
    with torch.no_grad():
        model.unembedding.weight.mul_(1000)  # the likeliest token is certain, so that nothing is left to chance
    prompts = [[1], [2, 3, 4], [5, 6], [7] * (model.config.context - 2)]
    alone = [write_texts(model, prompt, 1, 4, seeded(), stops=(11,))[0] for prompt in prompts]
    assert continue_all(model, prompts, 4, seeded(), stops=(11,)) == alone
    assert [text.ids[: text.first] for text in alone] == [tuple(prompt) for prompt in prompts]


def test_a_prompt_that_ends_with_a_stop_is_continued(model: Transformer) -> None:
    assert len(write_texts(model, [1, 4], 1, 3, seeded(2), stops=(4,))[0].ids) > 2


def test_a_model_whose_output_is_no_number_is_refused(model: Transformer) -> None:
    with torch.no_grad():
        model.unembedding.weight.fill_(math.nan)
    with pytest.raises(EngineError, match="logits_broken"):
        write_texts(model, [1], 2, 3, seeded())


def test_equal_seeds_give_equal_texts(model: Transformer) -> None:
    first, second, other = (write_texts(model, [1], 4, 8, seeded(seed)) for seed in (1, 1, 2))
    assert first == second != other


def test_the_probability_of_a_text_is_that_of_its_tokens(model: Transformer) -> None:
    with torch.no_grad():
        scored = score_texts(model, TEXTS)
        assert scored.log_p_B.tolist() == pytest.approx(log_p(model, TEXTS).tolist(), abs=1e-5)
        assert scored.counted_BT.sum(dim=1).tolist() == [2, 2, 2]


def test_the_divergence_is_that_of_each_tokens_distributions_summed(model: Transformer) -> None:
    other = random_model(4)
    with torch.no_grad():
        found = kl_per_text(score_texts(model, TEXTS), score_texts(other, TEXTS))
        for text, kl in zip(TEXTS, found.tolist(), strict=True):
            expected = 0.0
            for place in range(text.first, len(text.ids)):  # KL(p || q) = Σ p log (p / q), one position at a time
                p_V, q_V = (m(torch.tensor([text.ids[:place]]))[0, -1].double().softmax(0) for m in (model, other))
                expected += sum(p * math.log(p / q) for p, q in zip(p_V.tolist(), q_V.tolist(), strict=True))
            assert kl == pytest.approx(expected, abs=1e-5)


def test_the_divergence_of_own_texts_is_the_mean_of_the_log_ratio(model: Transformer) -> None:
    other = random_model(4)
    texts = write_texts(model, [1, 2], 4000, 3, seeded())
    with torch.no_grad():
        now, before = score_texts(model, texts), score_texts(other, texts)
    ratio = (now.log_p_B - before.log_p_B).double()
    error = ratio.std().item() / math.sqrt(len(texts))
    assert kl_per_text(now, before).mean().item() == pytest.approx(ratio.mean().item(), abs=4 * error)


def test_distinct_bigrams_are_counted_in_the_written_part_of_all_texts() -> None:
    texts = [Example((9, 9, 1, 2, 1), 2), Example((9, 1, 2), 1)]  # 1 2, 2 1; 1 2
    assert distinct_bigrams(texts) == pytest.approx(2 / 3)
    assert distinct_bigrams([]) == 0.0


def test_repetition_lowers_the_distinct_bigrams_within_a_text() -> None:
    texts = [Example((9, 1, 2, 1, 2, 1), 1), Example((9, 1, 2, 3), 1), Example((9, 1), 1)]
    assert distinct_within(texts) == pytest.approx((2 / 4 + 1) / 2)
    assert distinct_within([]) == 0.0


def test_the_divergence_is_the_same_in_parts(model: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    other = random_model(4)
    with torch.no_grad():
        expected = kl_per_text(score_texts(model, TEXTS), score_texts(other, TEXTS)).mean().item()
    monkeypatch.setattr("engine.tuning.rollouts.LOGITS_AT_ONCE", 1)
    assert divergence(model, other, TEXTS) == pytest.approx(expected, abs=1e-5)
    assert divergence(model, model, TEXTS) == pytest.approx(0.0, abs=1e-6)
