"""Answer a question from passages, step by step, and then once more without them."""

from collections.abc import Iterator, Sequence

from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.messages.search import (
    AnswerAttention,
    Answered,
    AnswerToken,
    AnswerTokens,
    AskReport,
    Citation,
    PromptBuilt,
    SearchHit,
)
from engine.retrieval.answering import attention_to_parts, can_answer, prompt_limit, write
from engine.retrieval.extracting import Extractor, unsupported
from engine.retrieval.prompts import Prompt, Style, build, language_of
from engine.text.tokenizer import Tokenizer

Events = Iterator[AskReport | None]  # None: no report, but other jobs may run


class Asking:
    """Answers questions with one open model."""

    def __init__(
        self, reader: Reader, tokenizer: Tokenizer, style: Style, extractor: Extractor, known: dict[str, bool]
    ) -> None:
        """Prepare an open model. `known` caches, by language, whether it can answer from a text."""
        self._reader, self._tokenizer, self._style = reader, tokenizer, style
        self._extractor, self._known = extractor, known
        self._passages: list[str] = []  # of all hits
        self._near = 0  # how many of the hits are near enough to the best one for the prompt

    def ask(self, question: str, hits: Sequence[SearchHit], tokens: int) -> Events:
        """Yield the reports of messages.Ask that follow the SearchResult. Raises EngineError error.question_long."""
        language = language_of(question)
        if language not in self._known:
            for able in can_answer(self._reader, self._tokenizer, self._style, language):
                if able is None:
                    yield None
                else:
                    self._known[language] = able
        self._passages = passages = [hit.passage.text for hit in hits]
        self._near = sum(hit.score >= self._style.nearest * hits[0].score for hit in hits)
        if self._known[language]:
            if passages:
                yield from self._answer(question, passages, tokens)
            else:
                yield extracted(question, hits, self._extractor, "")
            yield from self._answer(question, None, tokens)
        else:
            try:
                yield self._built(self._prompt(question, passages, tokens), True)
            except EngineError:
                pass  # the question does not fit; an extracted answer needs no prompt
            yield extracted(question, hits, self._extractor, "notice.answer_not_able")

    @property
    def _context(self) -> int:
        return self._reader.model.config.context

    def _prompt(self, question: str, passages: Sequence[str], tokens: int) -> Prompt:
        return build(
            self._style,
            self._tokenizer,
            question,
            passages,
            prompt_limit(self._context, tokens),
            lambda passage: self._extractor.best_sentence(question, passage)[0],
            self._near,
        )

    def _answer(self, question: str, passages: Sequence[str] | None, tokens: int) -> Events:
        """Answer with the passages, or without any."""
        sourced = passages is not None
        prompt = self._prompt(question, passages or (), tokens)
        yield self._built(prompt, sourced)
        ids, text = list[int](), ""
        for step in write(self._reader, self._tokenizer, prompt, tokens, self._style):
            if step is None:
                yield None
                continue
            ids.append(step.id)
            text += step.text
            piece = self._tokenizer.piece(step.id)
            yield AnswerTokens(sourced, (AnswerToken(step.id, piece, step.text, step.probability),))
        citations = self._extractor.cite(text, self._passages)
        yield Answered(sourced, "written", text, tuple(citations), unsaid=tuple(unsupported(text, citations)))
        if passages and ids:
            model, changes = self._reader.model, self._reader.changes
            yield AnswerAttention(attention_to_parts(model, self._tokenizer, prompt, ids, len(passages), changes))

    def _built(self, prompt: Prompt, sourced: bool) -> PromptBuilt:
        parts, left_out = tuple(prompt.parts), tuple(prompt.left_out)
        return PromptBuilt(sourced, prompt.text, parts, len(prompt.ids), self._context, left_out, self._style.nearest)


def extracted(question: str, hits: Sequence[SearchHit], extractor: Extractor, reason: str) -> Answered:
    """Return the best sentence of all hits as the answer, with the `reason` why it was extracted.

    The answer is empty if there are no hits, or none shares a word with the question.
    """
    best = [(*extractor.best_sentence(question, hit.passage.text), source) for source, hit in enumerate(hits)]
    span, score, source = max(best, key=lambda entry: entry[1], default=((0, 0), 0.0, 0))
    if not score:
        return Answered(True, "extracted", "", (), "notice.answer_nothing")
    text = hits[source].passage.text[slice(*span)]
    return Answered(True, "extracted", text, (Citation(0, len(text), source, *span),), reason)
