"""Commands that score text: score."""

import argparse
import math
from typing import TYPE_CHECKING, Any

from engine.cli.opening import add_model, add_weights
from engine.cli.terminal import Commands, ProgressLine, add_command, print_result
from engine.errors import EngineError
from engine.sentences import percent, sentence

if TYPE_CHECKING:
    from engine.messages.scoring import ScoredTokens, WordScore
    from engine.service.session import Session


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "score", score, "show how probable a model finds each token of a text")
    add_model(command)
    add_weights(command)
    command.add_argument("text", metavar="TEXT")
    command.add_argument(
        "--word",
        action="append",
        default=[],
        metavar="W",
        dest="words",
        help="how probable it is that the text goes on with W, as typed or after a space; may be repeated",
    )


def score(options: argparse.Namespace) -> None:
    from engine.messages.scoring import Expect, Expected
    from engine.model.bundled import find
    from engine.service.scoring import expect
    from engine.service.session import Session

    if "" in options.words:
        raise EngineError("error.word_empty")
    session = Session()
    session.open(find(options.model), options.weights)
    tokens = _tokens(session, options.text)
    asked = (Expect(options.text, len(tokens), word, 1) for word in options.words)
    found = [answer.word for request in asked for answer in expect(session, request) if isinstance(answer, Expected)]
    words = [_word(typed, word) for typed, word in zip(options.words, found, strict=True) if word]
    result = {"tokens": tokens, "words": words, **_totals(tokens)}
    rows = [*tokens, *({"piece": word["form"], "entropy": None, **word} for word in words)]
    print_result(options, result, "\n".join(map(_line, rows)))


def _tokens(session: "Session", text: str) -> list[dict[str, Any]]:
    from engine.messages.scoring import ScoredTokens, ScoreText
    from engine.messages.status import Progress
    from engine.service.scoring import score_text

    tokens: list[dict[str, Any]] = []
    with ProgressLine() as line:
        for answer in score_text(session, ScoreText(text)):
            if isinstance(answer, ScoredTokens):
                tokens += _as_json(answer)
            elif isinstance(answer, Progress) and answer.fraction is not None:
                line.show(sentence("progress.percent", what=sentence(answer.key), percent=percent(answer.fraction)))
    return tokens


def _as_json(scored: "ScoredTokens") -> list[dict[str, Any]]:
    """Return an object for each token; the first token of a text has no prediction."""
    columns = (scored.ids, scored.surprisals, scored.ranks, scored.entropies)
    return [
        {
            "id": token,
            "piece": piece,
            "probability": math.exp(-surprisal) if rank else None,
            "rank": rank or None,
            "entropy": entropy if rank else None,
            "surprisal": surprisal if rank else None,
        }
        for piece, token, surprisal, rank, entropy in zip(
            scored.pieces, *(column.tolist() for column in columns), strict=True
        )
    ]


def _word(typed: str, word: "WordScore") -> dict[str, Any]:
    return {
        "word": typed,
        "probability": word.probability,
        "rank": word.rank,
        "form": word.form,
        "pieces": list(word.pieces),
    }


def _totals(tokens: list[dict[str, Any]]) -> dict[str, float | None]:
    """Return the mean surprisal in nats, which is the loss of `evaluate`, and the perplexity."""
    surprisals = [token["surprisal"] for token in tokens[1:]]
    if not surprisals:
        return {"loss": None, "perplexity": None}
    loss = math.fsum(surprisals) / len(surprisals)
    return {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}


def _line(row: dict[str, Any]) -> str:
    if row["rank"] is None:
        return f"{row['piece']!r}"
    entropy = "" if row["entropy"] is None else f"\t{row['entropy']:.4f}"
    return f"{row['piece']!r}\t{100 * row['probability']:.3g} %\t#{row['rank']}{entropy}"
