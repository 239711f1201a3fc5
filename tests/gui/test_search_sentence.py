"""The sentence of Documents (RAG) agrees with the passages and answers that it speaks of, for four kinds of models."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engine.errors import EngineError
from engine.messages.documents import AddDocuments, OpenCollection
from engine.messages.models import OpenModel
from engine.messages.search import Answered, AnswerRecord, Ask, Citation, SearchHit, SearchResult
from engine.messages.training import TrainingSettings
from engine.model.bundled import find
from engine.model.checkpoint import save_model
from engine.model.config import ModelConfig
from engine.retrieval import asking
from engine.service.handlers import answering
from engine.service.process import Answering
from engine.text.tokenizer import train_characters
from engine.training.run import Run
from gui import samples
from gui.i18n import set_language
from gui.panes.search.retrieval import Retrieval
from gui.panes.search.sentence import says
from gui.theme import ASSETS
from tests.engine.collecting import ask
from tests.engine.test_model import random_model
from tests.gui.fake_documents import passage
from tests.gui.hands import plain

QUESTIONS = {"en": "When is the summer holiday this year?", "ja": "今年の夏季休暇の日程は？"}
COMPANY = ASSETS / "samples" / "company"
SMALL = TrainingSettings(vocabulary=300, layers=1, heads=2, width=32, context=256, batch=4, steps=20, seconds=None)
MODELS = ("built-in", "SmolLM2", "trained", "random")


def folder_of(name: str, scratch: Path) -> Path:
    """Return a model's folder; SmolLM2 may not be installed."""
    if name == "built-in":
        return samples.BUILTIN
    if name == "SmolLM2":
        try:
            return find("smollm2")
        except EngineError:
            pytest.skip("SmolLM2 is not installed")
    if name == "trained":
        (scratch / "text.txt").write_text("Question: When is it?\nAnswer: It is in May.\n" * 240)
        run = Run.start([str(scratch / "text.txt")], scratch / name, SMALL)
        list(run.prepare())
        list(run.steps())
    else:
        tokenizer = train_characters([QUESTIONS["en"], *(file.read_text() for file in COMPANY.rglob("*.txt"))])
        model = random_model(ModelConfig(vocabulary=tokenizer.vocabulary, context=256, head_width=8))
        save_model(scratch / name, model, tokenizer, 0)
    return scratch / name


@pytest.fixture(scope="module", params=MODELS)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answering]:
    """Yield the handlers of a session with a model and the English notices of the company."""
    scratch, handlers = tmp_path_factory.mktemp("rag"), answering()
    ask(handlers, OpenModel(str(folder_of(request.param, scratch))))
    ask(handlers, OpenCollection(str(scratch / "collection"), create=True))
    ask(handlers, AddDocuments((str(COMPANY / "en"),)))
    yield handlers
    ask(handlers, OpenCollection(str(scratch / "other"), create=True))  # closes the other


@pytest.mark.parametrize("is_able", [True, None], ids=["writing", "as tried"])
@pytest.mark.parametrize("question", [QUESTIONS["en"], "Where is the office of Ms Morris?", "How tall are giraffes?"])
def test_the_sentence_agrees_with_what_was_found_and_written(
    opened: Answering, question: str, is_able: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_able:  # answer even with a model that did not pass the trials
        monkeypatch.setattr(asking, "can_answer", lambda *_: iter([True]))
    asked = Retrieval(question=question)
    for report in ask(opened, Ask(question, tokens=24)):
        asked = asked.after(report)
        check(asked)


def check(asked: Retrieval) -> None:
    """Assert what the sentence says, computed from the texts in another way."""
    words, result, answered = plain(says(asked)), asked.result, asked.sourced.answered
    assert result is not None
    assert len(words) <= 120
    texts = [hit.passage.text for hit in asked.hits]
    if not texts:
        assert words.startswith(f"None of the {len(result.scores_N)} passages fits this question")
    elif answered is None:
        best = np.sort(result.scores_N[result.scores_N > 0])[::-1][:5]
        assert f"{len(best)} of {len(result.scores_N)} passage" in words
        assert len(best) == 1 or f"{100 * best[1] / best[0]:.0f} % of the first" in words
    elif answered.kind == "extracted":
        (source,) = numbers(words)
        assert answered.text in texts[source - 1]
    elif "Without the documents" in words:
        source = numbers(words)[0]
        told, without = (part.strip("…") for part in re.findall("“(.*?)”", words))
        assert told in " ".join(answered.text.split())
        assert asked.unsourced.answered is not None
        assert without in " ".join(asked.unsourced.answered.text.split())
        assert digits(told) <= digits(texts[source - 1])
        assert not any(without in text for text in texts)
    elif "states what the answer says" in words or "state all" in words:
        assert not answered.unsaid
        assert all(digits(answered.text[c.start : c.end]) <= digits(texts[c.source]) for c in answered.citations)
    else:
        assert answered.unsaid or not re.search(r"[^\W\d]", answered.text)


def numbers(words: str) -> list[int]:
    return [int(found) for found in re.findall(r"\d+", words)]


def digits(text: str) -> set[str]:
    return set(re.findall(r"\d+", text))


# --- Every case, in both languages ------------------------------------------------------------------


def retrieval(scores: list[float], answered: Answered | None = None, without: Answered | None = None) -> Retrieval:
    none = np.zeros(0, np.float32)
    hits = tuple(SearchHit(passage(i % 4), score, 0.5, 1.0, (0, 6)) for i, score in enumerate(scores))
    numbers_N = np.array([*scores, 0.0], np.float32)
    result = SearchResult("When?", 1, (), none, none, hits, "exact", 0.0, none, numbers_N, numbers_N, 0 if hits else -1)
    return Retrieval(result, AnswerRecord(None, (), answered), AnswerRecord(None, (), without), None, "When?")


def written(text: str, cited: int = 0, unsaid: int = 0) -> Answered:
    """Return an answer in which this many sentences have a source, and this many have none."""
    return Answered(
        True, "written", text, tuple(Citation(i, i + 1, 1, 0, 6) for i in range(cited)),
        unsaid=tuple((i, i + 1) for i in range(unsaid)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (retrieval([]), "None of the 1 passages fits this question, so there is nothing to answer from."),
        (retrieval([1.0]), "1 of 2 passages fits the question. Watch it move into the prompt."),
        (retrieval([1.1, 0.55]), "2 of 3 passages fit the question; the second scores 50 % of the first."),
        (
            retrieval([1.0], Answered(True, "extracted", "Tea", (Citation(0, 3, 0, 0, 3),), "notice.answer_not_able")),
            "No model wrote this: it is the sentence nearest to the question, word for word from passage 1.",
        ),
        (retrieval([1.0], written("Tea.", 1)), "Passage 2 states what the answer says: follow the line to it."),
        (
            retrieval([1.0], written("Tea. Cake.", 2)),
            "Passages state all 2 sentences of the answer, first passage 2: follow the lines.",
        ),
        (
            retrieval([1.0], written("Tea. Cake.", 1, 1)),
            "Passages state 1 of the answer's 2 sentences. The amber ones are in none: do not trust them.",
        ),
        (
            retrieval([1.0], written("It is on May 7.", 1), written("It is on May 9.", 0, 1)),
            "From passage 2: “It is on May 7”. Without the documents: “It is on May 9”, which no passage states.",
        ),
        (
            retrieval([1.0], written("Tea.", 0, 1)),
            "No passage states this answer: the model made it up or reworded it. Compare the nearest sentence.",
        ),
        (retrieval([1.0], written("…")), "The model wrote no words. The nearest sentence below it needs no model."),
    ],
)
def test_each_case_has_its_sentence(asked: Retrieval, said: str) -> None:
    assert plain(says(asked)) == said
    set_language("ja")
    japanese = says(asked)
    assert re.search("[ぁ-ん]", japanese)
    assert len(japanese) <= 70


def test_before_a_search_nothing_is_said() -> None:
    assert says(Retrieval(question="When?", running=True)) == ""


@given(same=st.text("ab 1年月", max_size=30), first=st.text("cd 2", max_size=30), second=st.text("ef 3", max_size=30))
def test_what_two_answers_differ_in_is_quoted(same: str, first: str, second: str) -> None:
    asked = retrieval([1.0], written(f"{same}{first}", 1), written(f"{same}{second}", 0, 1))
    quotes = re.findall("“(.*?)”", says(asked))
    assert len(quotes) == 2
    for quote, text in zip(quotes, (f"{same}{first}", f"{same}{second}"), strict=True):
        assert quote.strip("…") in " ".join(text.split())
        assert len(quote) <= 21


def test_a_number_is_not_cut_where_two_answers_begin_to_differ() -> None:
    texts = ("今年の夏季休暇の期間は、8月13日から15日まで", "今年の夏季休暇の期間は、8月17日から25日まで")
    asked = retrieval([1.0], written(texts[0], 1), written(texts[1], 0, 1))
    assert "“…13日から15日まで”" in says(asked)
