"""Commands that look inside a model: attend, lens, patch, attribute."""

import argparse
import math
from typing import TYPE_CHECKING

from engine.cli.arrays import Parts, check_length, write_arrays
from engine.cli.opening import add_model, add_weights, load
from engine.cli.terminal import Commands, ProgressLine, add_command, nonempty_path, print_result, warn
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.inspection.tuned_lens import TunedLens
    from engine.model.transformer import Transformer
    from engine.text.tokenizer import Tokenizer

TOP = 5  # tokens of the lens that are written
LAYERS_HELD = 1.5  # layers' patterns in memory while one is computed and checked


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "attend", attend, "write the attention weights of every layer and head")
    add_model(command)
    add_weights(command)
    command.add_argument("text", metavar="TEXT")
    command.add_argument("--out", type=nonempty_path, required=True, metavar="FILE.npz")
    _add_lens(commands)
    _add_patch(commands)
    _add_attribute(commands)


def attend(options: argparse.Namespace) -> None:
    import numpy as np

    from engine.inspection.attention import attention_by_layer
    from engine.model.memory import free_memory

    model, tokenizer = load(options)
    ids = _ids(model, tokenizer, options.text)
    tokens = np.array([tokenizer.piece(token) for token in ids])
    shape = (model.config.n_layers, model.config.n_heads, len(ids), len(ids))
    size = 4 * math.prod(shape)
    warn(
        "notice.weights_size", megabytes=f"{math.ceil(size / 1e6):,}", layers=shape[0], heads=shape[1], tokens=len(ids)
    )
    need, have = size / shape[0] * LAYERS_HELD, free_memory()
    if have is not None and need > have:
        raise EngineError("error.memory_attention", need=f"{need / 2**30:.1f}", have=f"{have / 2**30:.1f}")
    write_arrays(options, {"weights": Parts(shape, attention_by_layer(model, ids)), "tokens": tokens})


def _add_lens(commands: Commands) -> None:
    command = add_command(commands, "lens", lens, "write what each layer's residual stream would predict")
    _add_text(command)
    command.add_argument("--target", metavar="W", help="what follows the text; by default the model's likeliest token")
    command.add_argument(
        "--tuned", action="store_true", help="train a map for each layer on the model's own text first"
    )
    command.add_argument("--out", type=nonempty_path, required=True, metavar="FILE.npz")
    command.epilog = (
        "L layers, T tokens: ids [T], tokens [T], top_ids and top_p [L+1, T, 5], target_p and target_rank [L+1, T]. "
        "Row 0 is the embedding. A position's target is the next token of the text. What the parts add to the last "
        "target's logit: heads [L, H], mlps [L], embedding and biases [1]. With --tuned also plain_bits and "
        "tuned_bits [L], how far the layers are from the output without and with the maps, in bits a token."
    )


def lens(options: argparse.Namespace) -> None:
    import numpy as np

    from engine.generation.decoding import Reader
    from engine.generation.words import first_token
    from engine.inspection.contributions import contributions
    from engine.inspection.lens import lens as decode, residuals
    from engine.model.opening import finish

    model, tokenizer = load(options)
    ids = _ids(model, tokenizer, options.text)
    streams = finish(residuals(model, ids))
    if options.target is None:
        [row] = decode(model, [streams[-1][-1:]], [0], 1)
        target = int(row.top_ids_TK[0, 0])
    else:
        target = first_token(Reader(model), tokenizer, options.text, ids, options.target)
    tuned = _tuned_lens(options) if options.tuned else None
    streams = streams if tuned is None else tuned.read(streams)
    rows = []
    with ProgressLine() as line:
        for row in decode(model, streams, [*ids[1:], target], TOP):
            rows.append(row)
            line.show(f"{len(rows)} / {len(streams)}")
    names = {"top_ids": "top_ids_TK", "top_p": "top_p_TK", "target_p": "target_p_T", "target_rank": "target_rank_T"}
    arrays = {name: np.stack([getattr(row, field) for row in rows]) for name, field in names.items()}
    tokens = np.array([tokenizer.piece(token) for token in ids])
    parts = contributions(model, ids, target)
    arrays |= {"heads": parts.heads_LH, "mlps": parts.mlps_L}
    arrays |= {"embedding": np.array([parts.embedding]), "biases": np.array([parts.biases])}
    if tuned is not None:
        arrays |= {"plain_bits": np.array(tuned.plain_L), "tuned_bits": np.array(tuned.tuned_L)}
    write_arrays(options, {"ids": np.array(ids, np.int32), "tokens": tokens, **arrays})


def _tuned_lens(options: argparse.Namespace) -> "TunedLens":
    from engine.model.bundled import find
    from engine.model.opening import finish
    from engine.service.inside import tuned_lens
    from engine.service.session import Session

    session = Session()
    session.open(find(options.model), options.weights)
    with ProgressLine() as line:
        return finish(tuned_lens(session), lambda report: line.show(f"{100 * (report.fraction or 0):.0f} %"))


def _add_patch(commands: Commands) -> None:
    command = add_command(commands, "patch", patch, "put one text's activations into another, one at a time")
    add_model(command)
    add_weights(command)
    for name, words in (("from", "the text whose activations are taken"), ("into", "the text they are put into")):
        command.add_argument(f"--{name}", dest=f"{name}_text", required=True, metavar="TEXT", help=words)
    for name, words in (("answer", "what follows the first text"), ("instead", "what follows the second")):
        command.add_argument(f"--{name}", required=True, metavar="W", help=f"{words}; its first token counts")
    command.add_argument("--part", choices=("resid_post", "attn_out", "mlp_out"), default="resid_post")
    command.add_argument("--heads-at", type=int, metavar="N", help="patch single heads at token N, counted from 0")
    command.add_argument("--out", type=nonempty_path, required=True, metavar="FILE.npz")
    command.epilog = (
        "L layers, T tokens, H heads: effect [L, T], or of heads [L, H], how much of logit(answer) - logit(instead) "
        "comes over, 0 none, 1 all; tokens [T] of the second text, which must have as many as the first."
    )


def patch(options: argparse.Namespace) -> None:
    import numpy as np

    from engine.generation.decoding import Reader
    from engine.generation.words import first_token
    from engine.inspection.patching import Pair, patch_all

    model, tokenizer = load(options)
    source, target = (_ids(model, tokenizer, text) for text in (options.from_text, options.into_text))
    answer = first_token(Reader(model), tokenizer, options.from_text, source, options.answer)
    instead = first_token(Reader(model), tokenizer, options.into_text, target, options.instead)
    answers, at, L = (answer, instead), options.heads_at, model.config.n_layers
    if at is None:
        rows = patch_all(model, source, target, answers, options.part)
    elif 0 <= at < len(target):
        rows = Pair(model, source, target, answers, "z").heads(at)
    else:
        raise EngineError("error.config_range", setting="token", value=at, least=0, most=len(target) - 1)
    found = {}
    with ProgressLine() as line:
        for layer, found[layer] in rows:
            line.show(f"{L - layer} / {L}")
    effect = np.stack([found[layer] for layer in range(L)])
    write_arrays(options, {"effect": effect, "tokens": np.array([tokenizer.piece(token) for token in target])})


def _add_attribute(commands: Commands) -> None:
    command = add_command(commands, "attribute", attribute, "print how much each token contributes to the next one")
    _add_text(command)
    command.add_argument("--method", choices=("occlusion", "integrated", "gradient"), default="occlusion")
    command.add_argument("--target", metavar="W", help="what follows the text; by default the model's likeliest token")
    command.add_argument("--against", metavar="W", help="explain why the target, rather than this")
    command.epilog = (
        "effect: nats of the target's log-probability, or of its logit less that of W; share: the effect divided by "
        "the sum of all magnitudes, -1..1."
    )


def attribute(options: argparse.Namespace) -> None:
    import numpy as np

    from engine.generation.decoding import Reader
    from engine.generation.sampling import finite, softmax
    from engine.generation.words import first_token
    from engine.inspection.attribution import attribute as explain

    model, tokenizer = load(options)
    ids = _ids(model, tokenizer, options.text)
    reader = Reader(model)
    p_V = softmax(finite(reader.logits(ids)))
    words = (options.target, options.against)
    target, against = (None if w is None else first_token(reader, tokenizer, options.text, ids, w) for w in words)
    target = int(p_V.argmax()) if target is None else target
    effect_T = explain(model, ids, target, options.method, against)
    share_T = effect_T / max(float(np.abs(effect_T).sum()), np.finfo(float).tiny)
    rows = [
        {"piece": tokenizer.piece(token), "effect": effect, "share": share}
        for token, effect, share in zip(ids, effect_T.tolist(), share_T.tolist(), strict=True)
    ]
    result = {"tokens": rows, "target": tokenizer.piece(target), "probability": float(p_V[target])}
    lines = (f"{row['effect']:+9.4f}  {row['piece']!r}" for row in rows)
    print_result(options, result, "\n".join((f"→ {result['target']!r}  {100 * p_V[target]:.3g} %", *lines)))


def _add_text(command: argparse.ArgumentParser) -> None:
    add_model(command)
    add_weights(command)
    command.add_argument("text", metavar="TEXT")


def _ids(model: "Transformer", tokenizer: "Tokenizer", text: str) -> list[int]:
    """Return the tokens of a text, which must fit the model's context and have usable rows in its tables."""
    from engine.model.damage import check_rows

    ids = tokenizer.encode(text)
    if not ids:
        raise EngineError("error.text_empty", file='""')
    check_length(model, ids)
    check_rows(model, tokenizer, ids)
    return ids
