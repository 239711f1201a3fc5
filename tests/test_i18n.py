"""Both languages say the same things, and the code says nothing that is not in them."""

import ast
import re
import string
from pathlib import Path

import pytest

from engine.sentences import FOLDER, PLURALS, sentences
from gui.i18n import LANGUAGES, duration, number, percent, t

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "gui").rglob("*.py"), *(ROOT / "engine").rglob("*.py")])
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
# Keys that the code puts together from parts: every sentence under these is in use.
COMPOSED = re.compile(
    r"^(pane\.\w+\.(title|tip)|action\.|tile\.|status\.|welcome\.|window\.|widget\.token\.kind\.|progress\.)"
)


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
    """Every string literal of the code, with the constant parts of f-strings."""
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def f_string_prefixes() -> set[str]:
    """Return the constant beginnings of f-strings, such as "pane.training.preset."."""
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
                prefix = str(node.values[0].value)
                if "." in prefix:
                    found.add(prefix)
    return found


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


def test_every_sentence_is_used() -> None:
    known, prefixes = literals(), tuple(f_string_prefixes())
    unused = [k for k in forms("en") if k not in known and not k.startswith(prefixes) and not COMPOSED.match(k)]
    assert unused == []


def test_every_key_in_the_code_exists() -> None:
    keys = set(forms("en"))
    sections = {key.split(".")[0] for key in keys}
    pattern = re.compile(rf"^({'|'.join(sections)})(\.[a-z0-9_]+)+$")
    looks_like_a_key = {text for text in literals() if pattern.match(text) and not text.endswith("_")}
    assert looks_like_a_key - keys == set()


def test_japanese_is_japanese_and_english_is_english() -> None:
    same = {"window.title"}
    assert [k for k, s in sentences("en").items() if JAPANESE.search(s)] == []
    words = {key: re.sub(r"\{[^}]*\}", "", sentence) for key, sentence in sentences("ja").items()}
    speechless = [key for key, word in words.items() if not JAPANESE.search(word) and re.search("[a-z]{4}", word)]
    assert set(speechless) <= same


def test_no_japanese_sentence_stands_in_the_code() -> None:
    allowed = {"中身", *LANGUAGES.values()}
    for path in (ROOT / "gui").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in allowed:
                assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]{4}", node.value), (path, node.value)


def test_an_integer_count_chooses_the_plural_form_and_is_written_with_separators() -> None:
    assert [t("pane.search.strip.terms", count=n) for n in (0, 1, 2)] == ["0 terms", "1 term", "2 terms"]
    assert t("pane.search.strip.written", count=1234) == "1,234 tokens"
    assert t("pane.search.strip.terms", "ja", count=1) == "1 語"


def test_a_sentence_without_plural_forms_takes_a_count() -> None:
    assert t("pane.search.documents.title", count=1) == "Documents: 1"


def test_numbers_have_separators_and_percentages_a_no_break_space() -> None:
    assert [number(1234567), number(-0.126, 2), number(0.5, 1, signed=True)] == ["1,234,567", "-0.13", "+0.5"]
    assert [percent(0.914), percent(1, 1)] == ["91\u00a0%", "100.0\u00a0%"]


@pytest.mark.parametrize(("seconds", "words"), [(52, "0:52"), (725, "12:05"), (28_800, "8:00:00")])
def test_durations_have_hours_only_when_needed(seconds: float, words: str) -> None:
    assert duration(seconds) == words
