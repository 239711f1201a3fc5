"""Both languages have the same sentences, and every key in the code has a sentence."""

import ast
import re
import string
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from engine.messages.attention import HEAD_KINDS
from engine.messages.chat import FORMS
from engine.messages.choices import KAPPA_WORDS
from engine.messages.desk import METERS
from engine.messages.generation import STAGES
from engine.messages.models import PatchPart
from engine.messages.tokens import KINDS, TOKENIZERS
from engine.sentences import FOLDER, PLURALS, sentences
from engine.text.world.examples import kinds
from engine.training.recipe import PRESETS
from gui.doing import WORDS
from gui.encodings import ENCODINGS
from gui.i18n import LANGUAGES, duration, number, percent, t
from gui.panes import KEYS, PANE_IDS, PANES
from gui.panes.attention import film, pane as attention
from gui.panes.chat import chat_page
from gui.panes.embeddings import map_controls
from gui.panes.generation import compare_page, comparing, writing_page
from gui.panes.generation.pane import GenerationPane
from gui.panes.generation.units import UNITS
from gui.panes.inside import attribution_shown, card_facts, desk_page, patch, steer
from gui.panes.inside.neurons import KINDS as NEURONS, LISTS
from gui.panes.inside.pane import InsidePane
from gui.panes.map.plan import DROPPED, IN_THREE
from gui.panes.search import answer_view, citation_table, document_list, found_view, journey, passage_table, search_page
from gui.panes.search.embedder_button import KINDS as EMBEDDERS
from gui.panes.tokens import context_page, pane as tokens, vocabulary_table
from gui.panes.training import floors, run_form, run_list, run_page
from gui.panes.tuning import (
    choices,
    choices_page,
    examples_curves,
    examples_page,
    examples_settings,
    examples_table,
    improve,
    improve_page,
    improve_shown,
    judge_names,
    way,
    way_picture,
)
from gui.panes.tuning.pane import TuningPane
from gui.window import hub_panel, model_table, rail, save_for_others

ROOT = Path(__file__).parent.parent
WINDOW = ROOT / "gui" / "window" / "main_window.py"
SOURCES = sorted([*(ROOT / "gui").rglob("*.py"), *(ROOT / "engine").rglob("*.py")])
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
# The subjects of requests; all requests of "status" have words of their own.
SUBJECTS = {path.stem for path in (ROOT / "engine/messages").glob("*.py") if "(Request[" in path.read_text("utf-8")} - {
    "status"
}
KEY = re.compile(rf"^({'|'.join(sorted({key.split('.')[0] for key in sentences('en')}))})(\.[a-z0-9_{{}}]+)+$")


def actions() -> list[str]:
    """Return the names of the entries in the window's table of actions."""
    calls = [node for node in ast.walk(ast.parse(WINDOW.read_text("utf-8"))) if isinstance(node, ast.Call)]
    named = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Entry"]
    return [name.value for name in named if isinstance(name, ast.Constant) and isinstance(name.value, str)]


# Keys that the code composes from parts, with the parts; every f-string that makes a key is listed.
SETTINGS = ("tokenizer", *run_form.NUMBERS, "length", "rate", "layout")
SLIDERS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
COMPOSED: dict[str, Iterable[str | tuple[str, ...]]] = {
    "action.{}": (*actions(), *(f"show_{pane}" for pane in KEYS)),
    "encodings.name.{}": ENCODINGS,
    "rail.short.{}": rail.SHORT,
    "invitation.{}": ("headline", "words", "examples", "open", "model", "dismiss"),
    "models.hub.column.{}": hub_panel.COLUMNS,
    "models.language.{}": {code for entry in hub_panel.read_entries() for code in entry.languages},
    "models.use.{}": [entry.use for entry in hub_panel.read_entries()],
    "models.column.{}": model_table.COLUMNS,
    "models.origin.{}": ("bundled", "folder"),
    "doing.{}": {*WORDS.values(), *SUBJECTS},
    "models.tip.{}": model_table.COLUMNS,
    "pane.attention.badges.tip.{}": HEAD_KINDS,
    "pane.attention.badges.short.{}": HEAD_KINDS,
    "pane.attention.badges.{}": ("best", "brief", "none_best", "none_brief"),
    "pane.attention.badges.{}.{}": tuple(product(("name", "short"), HEAD_KINDS)),
    "pane.attention.mosaic.{}": ("sorted", "title", "turned"),
    "pane.attention.order.{}": attention.ORDERS,
    "pane.attention.says.{}": ("previous", "sink"),
    "pane.attention.film.{}": film.PICTURES,
    "pane.attention.view.{}": attention.VIEWS,
    "part.{}": get_args(PatchPart),
    "pane.chat.ended.{}": ("length", "context", "stopped"),
    "pane.chat.example.{}_{}": tuple(product(("template", "world"), chat_page.EXAMPLES)),
    "pane.chat.form.{}": FORMS,
    "pane.chat.note.{}": ("none", *FORMS[1:]),
    "pane.chat.role.{}": ("system", "user", "assistant"),
    "pane.embeddings.analogy.word_{}": "abc",
    "pane.embeddings.axis.word_{}": "ab",
    "pane.embeddings.color.{}": map_controls.COLORS,
    "pane.embeddings.method.{}": map_controls.METHODS,
    "pane.embeddings.says.{}": ("map", "weak"),
    "pane.embeddings.says.{}_near": ("map", "weak"),
    "pane.embeddings.source.{}": map_controls.SOURCES,
    "pane.embeddings.view.{}": map_controls.VIEWS,
    "pane.embeddings.{}": ("empty", "file_wanted"),
    "pane.embeddings.{}.example": ("analogy", "axis"),
    "pane.embeddings.{}.field": ("analogy", "axis"),
    "pane.embeddings.{}.word_{}": (*product(("analogy",), "abc"), *product(("axis",), "ab")),
    "pane.embeddings.{}.{}": (
        *product(("source",), map_controls.SOURCES),
        *product(("view",), map_controls.VIEWS),
        *product(("method",), map_controls.METHODS),
        *product(("dims",), map_controls.DIMS),
    ),
    "pane.embeddings.{}_name": ("source", "view", "method", "dims"),
    "pane.generation.by_{}": writing_page.COLORS,
    "pane.generation.candidates.key.{}": ("model", "left", "a", "points"),
    "pane.generation.candidates.stage.{}": STAGES,
    "pane.generation.compare.at_{}": comparing.FULL_BITS,
    "pane.generation.compare.axis.{}": comparing.FULL_BITS,
    "pane.generation.compare.key.{}.bars": comparing.FULL_BITS,
    "pane.generation.compare.key.{}.line": comparing.FULL_BITS,
    "pane.generation.compare.side_{}": compare_page.SIDES,
    "pane.generation.key.{}": writing_page.COLORS,
    "pane.{}.modes": ("generation", "inside", "tuning"),
    "pane.{}.mode.{}": (
        *product(("generation",), GenerationPane.PARTS),
        *product(("inside",), InsidePane.PARTS),
        *product(("tuning",), TuningPane.PARTS),
    ),
    "pane.tuning.choices.column.{}": ("number", "prompt", "judge"),
    "pane.tuning.choices.kappa.{}": KAPPA_WORDS,
    "pane.tuning.choices.name.{}": (
        *("prompts", "own", "answers", "only", "taste", "errors", "count"),
        *("principle", "opposite"),
    ),
    "pane.tuning.choices.reward.{}": (
        "accuracy",
        "guessing",
        "likes",
        "dislikes",
        "long",
        "short",
        "preferred",
        "other",
    ),
    "pane.tuning.choices.saved_column.{}": ("prompt", "answer", "rank", "judge"),
    "pane.tuning.choices.says.{}": ("longer", "shorter"),
    "pane.tuning.choices.source.{}": choices.SOURCES,
    "pane.tuning.choices.taste.{}": judge_names.TASTES,
    "pane.tuning.choices.tip.{}": (
        *(*choices.BUTTONS, "remove", "back", "load", "keep", "simulate", "judge_these"),
        *("principle", "opposite"),
    ),
    "pane.tuning.choices.view.{}": choices_page.VIEWS,
    "pane.tuning.choices.{}": (*choices.BUTTONS, "remove", "back", "load", "keep", "principle", "opposite"),
    "pane.tuning.set.{}": ("faq", "pirate", "polite", "short", "table", "world"),
    "pane.tuning.improve.{}": improve_page.BUTTONS,
    "pane.tuning.improve.column.{}": ("step", "seconds", *improve_shown.MEASURES),
    "pane.tuning.improve.hacking.{}": improve.HACKED,
    "pane.tuning.improve.leash.{}": (*improve_page.LEASHES.values(), "tight"),
    "pane.tuning.improve.letters.{}": improve_shown.METHODS,
    "pane.tuning.improve.measure.{}": (*improve_shown.MEASURES, "preferred_by_reward"),
    "pane.tuning.improve.method.{}": improve_shown.METHODS,
    "pane.tuning.improve.name.{}": ("time", "limit"),
    "pane.tuning.improve.says.{}": ("none", "few", "ready", "held", "little"),
    "pane.tuning.improve.tip.{}": (*improve_page.BUTTONS, "time", "limit"),
    "pane.tuning.way.{}": ("first", "examples", "dpo", "reinforce"),
    "pane.tuning.way.about.{}": way.STAGES,
    "pane.tuning.way.column.{}": ("station", "folder", "prompt", "answer", "kl", "variety", "old_loss"),
    "pane.tuning.way.ruler.{}": way_picture.RULER,
    "pane.tuning.way.says.{}": ("cost", "gain"),
    "pane.tuning.way.stages.{}": way.STAGES,
    "pane.tuning.examples.{}": (
        *examples_page.BUTTONS,
        *("before", "now", "counts", "read", "pause", "resume", "paused", "running", "saved", "interrupted"),
    ),
    "pane.tuning.examples.{}_name": examples_page.PICTURES,
    "pane.tuning.examples.{}_tip": examples_page.BUTTONS,
    "pane.tuning.examples.column.{}": examples_table.COLUMNS,
    "pane.tuning.examples.curve.{}": (*examples_curves.SHARES, *examples_curves.LOSSES),
    "pane.tuning.examples.remark.{}": ("incomplete", "duplicates", "too_long"),
    "pane.tuning.examples.weights.{}": examples_settings.WEIGHTS,
    "pane.generation.sampling.tip_{}": SLIDERS,
    "pane.generation.sampling.{}": SLIDERS,
    "pane.generation.score.axis.{}": UNITS,
    "pane.generation.score.key.{}": UNITS,
    "pane.generation.says.better.{}": ("even", "now", "a"),
    "pane.generation.score.{}": ("word_one", "word_several", "summary", "stopped"),
    "pane.generation.subtitle.{}": GenerationPane.PARTS,
    "pane.generation.unit.{}": UNITS,
    "pane.generation.{}": (
        "step",
        "back",
        "more",
        "side",
        "tree_button",
        "copy",
        "clear",
        "live",
        "length",
        "minus_switch",
    ),
    "pane.inside.card.title.{}": card_facts.TITLES,
    "pane.inside.card.{}": ("methods_agree", "methods_disagree", "needs", "needs_none"),
    "pane.inside.desk.{}": ("candidates", "meters", "before", "after", "turn_off", "turn_on", "all_on"),
    "pane.inside.desk.{}_name": ("group", "meter", "grid", "ranking", "candidates", "meters"),
    "pane.inside.desk.by_{}": ("answer", *METERS),
    "pane.inside.desk.group.{}": desk_page.GROUPS,
    "pane.inside.desk.instead.{}": desk_page.INSTEAD,
    "pane.inside.desk.menu.{}": ("others", "layer_heads", "layer"),
    "pane.inside.desk.meter.{}": METERS,
    "pane.inside.desk.says.{}": ("moved", "same"),
    "pane.inside.desk.side.{}": desk_page.SIDES,
    "pane.inside.desk.tip.{}": METERS,
    "pane.inside.shows.{}": [name for name in InsidePane.PARTS if name != "lens"],
    "pane.inside.steer.pair.{}": ("own", *steer.prepared()),
    "pane.inside.attribution.compare.{}": ("other_first", "same_first", "short"),
    "pane.inside.attribution.method.{}": attribution_shown.METHODS,
    "pane.inside.attribution.says.{}": ("hinders", "most", "rather", "rather_not"),
    "pane.inside.attribution.zero_{}": ("gradient", "integrated"),
    "pane.inside.attribution.{}": ("why", "why_rather", "complete", "nearly_complete", "incomplete"),
    "pane.inside.patch.entry.{}": patch.ENTRIES,
    "pane.inside.patch.part.{}": patch.PARTS,
    "pane.inside.patch.says.{}": ("answers", "attn_out", "equal", "first_longer", "mlp_out", "second_longer"),
    "pane.inside.patch.{}": ("from", "into", "with", "with_kept"),
    "pane.inside.neurons.passages_{}": ("neuron", "head"),
    "pane.inside.neurons.says.{}_{}": tuple(product(("one", "several"), ("pushes", "reads"))),
    "pane.inside.neurons.{}": (*NEURONS, *LISTS.values(), "passages_name", "up", "neuron", "head"),
    "pane.inside.origin.{}": ("text", "places_name", "near_name", "words", "characters"),
    "pane.inside.origin.says.{}": ("short", "together", "nowhere"),
    "pane.map.picture.describe.{}": [*DROPPED, "greedy", "probabilities", "tokens"],
    "pane.map.picture.{}": ("model", "after"),
    "pane.map.picture.station.{}": [station for row in IN_THREE for station in row],
    "pane.search.answer.unsaid.{}": answer_view.BLOCKS[:2],
    "pane.search.answer.{}": (*answer_view.BLOCKS, "instructions", "itself"),
    "pane.search.citations.column.{}": citation_table.COLUMNS,
    "pane.search.citations.{}": ("waiting", "words", "none"),
    "pane.search.documents.column.{}": document_list.COLUMNS,
    "pane.search.documents.tip.{}": ("files", "folder", "look", "remove"),
    "pane.search.documents.{}": ("files", "folder", "look", "remove"),
    "pane.search.drawer.{}": ("documents", "reader", "found", "citations"),
    "pane.search.embedder.{}": (*EMBEDDERS, "gone", "none"),
    "pane.search.embedder_button.{}": EMBEDDERS,
    "pane.search.index.{}": ("exact", "approximate", "server"),
    "pane.search.left_out.{}": ("far", "count", "room"),
    "pane.search.mode.{}": search_page.MODES,
    "pane.search.outdated.{}": ("other", "moved"),
    "pane.search.passages.column.{}": sorted({*passage_table.COLUMNS, *journey.COLUMNS}),
    "pane.search.passages.kind.{}": ("question", "near", "far"),
    "pane.search.passages.tip.{}": passage_table.COLUMNS,
    "pane.search.prompt.{}": ("coming", "waiting", "none", "no_model"),
    "pane.search.reader.{}": ("back", "undo", "save", "part", "editable", "fixed", "replaced"),
    "pane.search.score.{}": search_page.MODES,
    "pane.search.vector.{}": (*EMBEDDERS, "none"),
    "pane.search.view.{}": found_view.VIEWS,
    "pane.search.{}": ("save", "discard", "stay", "stop", "ask", "terms", "view.vector"),
    "pane.tokens.context.{}": ("more", "used", *(name for name, _ in context_page.LENGTHS)),
    "pane.tokens.merges.{}": ("title", "single", "unmerged", "special"),
    "pane.tokens.tokenizers.{}": TOKENIZERS[1:],
    "pane.tokens.view.{}": tokens.VIEWS,
    "pane.tokens.vocabulary.column.{}": vocabulary_table.COLUMNS,
    "pane.training.choice.{}": ("bpe", "char", "seconds", "steps", *run_form.LAYOUTS),
    "pane.training.figure.{}": ["step", "loss", "validation", "perplexity", "left", "time", "speed", "rate", "norm"],
    "pane.training.layout.{}": run_form.LAYOUTS,
    "pane.training.plot.axis.{}": run_page.AXES,
    "pane.training.plot.what.{}": run_page.VIEWS,
    "pane.training.more.{}": ("30s", "5m"),
    "pane.training.plot.{}": floors.NAMES,
    "pane.training.preset.{}": PRESETS,
    "pane.training.preset_{}": ("layers", "width"),
    "pane.training.runs.{}": run_list.COLUMNS,
    "pane.training.says.{}": floors.NAMES,
    "pane.training.setting.{}": SETTINGS,
    "pane.training.tip_{}": SETTINGS,
    "pane.training.{}.{}": (*product(("along",), run_page.AXES), *product(("shown",), run_page.VIEWS)),
    "pane.training.{}": ("axis", "view", "progress", "figures", "samples"),
    "rail.{}": {info.group for info in PANES if info.group},
    "window.save.about_{}": save_for_others.FORMS,
    "window.save.{}": (*save_for_others.FORMS, *save_for_others.WEIGHTS, "form", "weights", "place"),
    "palette.kind.{}": ("command", "example", "model", "pane"),
    "pane.{}.empty": PANE_IDS,
    "pane.{}.tip": PANE_IDS,
    "pane.{}.title": PANE_IDS,
    "progress.{}": ("reading", "cutting", "fitting", "embedding", "linking"),
    "status.{}": ("starting", "ready", "training", "paused", "saving", "gone"),
    "status.device.{}": ("cpu", "cuda", "mps"),
    "status.weights.{}": ("float32", "float16", "bfloat16", "int8"),
    "tile.{}": ("copy_picture", "save_png", "save_svg", "copy_table", "save_csv", "detach"),
    "widget.token.kind.{}": {*KINDS, *kinds("en"), "other"},
    "window.{}": ("prompt", "examples", "theme", "tiles", "language"),
}


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def files(language: str) -> list[Path]:
    return sorted((FOLDER / language).glob("*.toml"))


def tables(path: Path) -> dict[str, list[str]]:
    """Return the keys of each table of a file, both in the order of the file."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            keys = found.setdefault(line.strip("[]"), [])
        elif "=" in line:
            keys.append(line.partition("=")[0].strip().strip('"'))
    return found


def literals() -> set[str]:
    """Return every string literal of the code, with the constant parts of f-strings."""
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def composed() -> set[str]:
    """Return every f-string of the code that makes a key, with {} for its parts: "pane.training.preset.{}"."""
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values))
    return {text for text in found if KEY.match(text)}


def declared() -> set[str]:
    """Return the keys of COMPOSED."""
    return {
        pattern.format(*(parts if isinstance(parts, tuple) else (parts,)))
        for pattern, names in COMPOSED.items()
        for parts in names
    }


def forms(language: str) -> dict[str, dict[str, str]]:
    """Return the plural forms of each key of a language; a sentence without any is its form "other"."""
    last: dict[str, set[str]] = {}
    for key in sentences("en"):
        last.setdefault(key.rpartition(".")[0], set()).add(key.rpartition(".")[2])
    found: dict[str, dict[str, str]] = {}
    for key, sentence in sentences(language).items():
        base, _, form = key.rpartition(".")
        base, form = (base, form) if last.get(base) == {"one", "other"} else (key, "other")
        found.setdefault(base, {})[form] = sentence
    return found


def test_both_languages_have_the_same_keys() -> None:
    assert set(forms("en")) == set(forms("ja"))


def test_both_languages_take_the_same_arguments() -> None:
    english, japanese = forms("en"), forms("ja")
    assert [k for k in english if placeholders(english[k]["other"]) != placeholders(japanese[k]["other"])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_with_plural_forms_has_all_of_its_language(language: str) -> None:
    wanted = {PLURALS[language](n) for n in range(200)}
    for key, found in forms(language).items():
        assert set(found) in ({"other"}, wanted), key
        assert all(
            placeholders(form) | {"count"} == placeholders(found["other"]) | {"count"} for form in found.values()
        )


def test_both_languages_have_the_same_tables_in_the_same_files() -> None:
    assert [(path.name, list(tables(path))) for path in files("en")] == [
        (path.name, list(tables(path))) for path in files("ja")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_keys_are_sorted_inside_each_table(language: str) -> None:
    unsorted = [name for path in files(language) for name, keys in tables(path).items() if keys != sorted(keys)]
    assert unsorted == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_is_in_two_files(language: str) -> None:
    assert sum(len(keys) for path in files(language) for keys in tables(path).values()) == len(forms(language))


def test_every_composed_key_is_declared() -> None:
    assert composed() == set(COMPOSED)


def test_every_key_in_the_code_has_a_sentence() -> None:
    written = {text for text in literals() if KEY.match(text) and not text.endswith("_")}
    assert sorted((written | declared()) - set(forms("en"))) == []


def test_every_sentence_is_used() -> None:
    assert sorted(set(forms("en")) - literals() - declared()) == []


def test_english_sentences_have_no_japanese_and_japanese_ones_are_translated() -> None:
    same = {"window.title"}
    assert [k for k, s in sentences("en").items() if JAPANESE.search(s)] == []
    words = {key: re.sub(r"\{[^}]*\}", "", sentence) for key, sentence in sentences("ja").items()}
    untranslated = [key for key, word in words.items() if not JAPANESE.search(word) and re.search("[a-z]{4}", word)]
    assert set(untranslated) <= same


def test_the_windows_code_contains_no_japanese_sentence() -> None:
    allowed = {"中身", *LANGUAGES.values()}
    for path in (ROOT / "gui").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in allowed:
                assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]{4}", node.value), (path, node.value)


def test_an_integer_count_chooses_the_plural_form_and_is_written_with_separators() -> None:
    counted = [t("pane.search.documents.characters", count=n) for n in (0, 1, 1234)]
    assert counted == ["0 characters", "1 character", "1,234 characters"]
    assert t("pane.search.documents.characters", "ja", count=1) == "1 文字"


def test_a_sentence_without_plural_forms_takes_a_count() -> None:
    assert t("pane.search.documents.title", count=1) == "Documents: 1"


def test_numbers_have_separators_and_percentages_a_no_break_space() -> None:
    assert [number(1234567), number(-0.126, 2), number(0.5, 1, signed=True)] == ["1,234,567", "-0.13", "+0.5"]
    assert [percent(0.914), percent(1, 1)] == ["91\u00a0%", "100.0\u00a0%"]


@pytest.mark.parametrize(("seconds", "words"), [(52, "0:52"), (725, "12:05"), (28_800, "8:00:00")])
def test_durations_have_hours_only_when_needed(seconds: float, words: str) -> None:
    assert duration(seconds) == words
