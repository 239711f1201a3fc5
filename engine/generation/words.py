"""How probable it is that a text goes on with a word, which may be several tokens."""

import math
from collections.abc import Sequence

from engine.errors import EngineError
from engine.generation.sampling import finite, softmax
from engine.messages.scoring import WordScore
from engine.model.language_model import LanguageModel
from engine.text.tokenizer import Tokenizer


def score_word(model: LanguageModel, tokenizer: Tokenizer, text: str, ids: Sequence[int], word: str) -> WordScore:
    """Score `word` after a text, whose last tokens are `ids`, at least one.

    The word is taken as typed, and also after a space, if neither it nor the text's end is a space. Of these two
    forms the likelier one counts; other ways to cut its characters into tokens do not.
    Raises EngineError error.word_empty if the word has no token.
    """
    if not tokenizer.encode(word):
        raise EngineError("error.word_empty")
    spaced = not (word[0].isspace() or text[-1:].isspace())
    forms = [word, f" {word}"] if spaced else [word]
    scores = [_score_form(model, tokenizer, text, ids, form) for form in forms]
    return max(scores, key=lambda score: score.probability)


def _score_form(model: LanguageModel, tokenizer: Tokenizer, text: str, ids: Sequence[int], form: str) -> WordScore:
    added, rank, log_p = added_ids(tokenizer, text, form), 0, 0.0
    for index, token in enumerate(added):
        logits_V = finite(model.logits([*ids, *added[:index]]))
        rank = rank or 1 + int((logits_V > logits_V[token]).sum() + (logits_V[:token] == logits_V[token]).sum())
        log_p += math.log(max(softmax(logits_V)[token], 5e-324))
    return WordScore(form, tuple(map(tokenizer.piece, added)), math.exp(log_p), rank)


def first_token(model: LanguageModel, tokenizer: Tokenizer, text: str, ids: Sequence[int], word: str) -> int:
    """Return the first token of `word` after a text, in the likelier form. Raises as `score_word`."""
    return added_ids(tokenizer, text, score_word(model, tokenizer, text, ids, word).form)[0]


def added_ids(tokenizer: Tokenizer, text: str, form: str) -> list[int]:
    """Return the tokens that `form` adds to those of the text.

    Where the tokenizer would cut the text's end differently, they are the tokens of `form` by itself.
    """
    before, whole = tokenizer.encode(text), tokenizer.encode(text + form)
    return (
        whole[len(before) :] if whole[: len(before)] == before and len(whole) > len(before) else tokenizer.encode(form)
    )
