"""The database of a collection: round trips, concurrent processes, damage."""

import os
import sqlite3
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine.errors import EngineError
from engine.messages.documents import (
    AddDocuments,
    EditDocument,
    ListDocuments,
    OpenCollection,
    ReadDocument,
    RemoveDocuments,
    SplitDocuments,
)
from engine.messages.search import ListPassages, Search
from engine.retrieval import store as store_module, vectors
from engine.retrieval.collection import term_counts
from engine.retrieval.passages import Document, PassageSpan
from engine.retrieval.store import FILE, FORMAT, FileState, Store
from engine.service.handlers import answering
from tests.engine.collecting import ask, bring_up_to_date, failure, put

pytestmark = pytest.mark.usefixtures("reads_in_this_process")


# --- Round trips ---------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@settings(max_examples=40)
@given(
    path=TEXTS,
    text=TEXTS,
    headings=st.lists(st.tuples(st.integers(0, 50), TEXTS), max_size=4),
    pages=st.lists(st.integers(0, 50), max_size=4),
    counted=st.lists(st.dictionaries(TEXTS, st.integers(1, 2**31 - 1), max_size=5), max_size=4),
)
def test_a_document_is_read_back_as_it_was_written(
    tmp_path: Path,
    path: str,
    text: str,
    headings: list[tuple[int, str]],
    pages: list[int],
    counted: list[dict[str, int]],
) -> None:
    """Any characters: quotation marks, NUL, right to left, outside the BMP."""
    store = Store(tmp_path / "c", create=True)
    document = Document(text, tuple(pages), tuple(headings))
    spans = [PassageSpan(0, len(text), 1, heading) for _, heading in headings]
    with store.writing():
        store.put(path, FileState(1, 2, "3"), document, spans, [Counter(counts) for counts in counted])
    entry = next(entry for entry in store.entries() if entry.path == path)
    assert store.document(entry.document) == (path, document)
    assert store.states()[path] == FileState(1, 2, "3")
    assert [store.passage(passage) for passage, _, _ in store.spans(entry.document).tolist()] == [
        (path, heading, text) for _, heading in headings
    ]
    words = {number: term for term, number in store.vocabulary().items()}
    found = dict(store.postings())[entry.document]
    assert [(place, words[term], count) for place, term, count in found.T.tolist()] == [
        (place, term, count) for place, counts in enumerate(counted) for term, count in counts.items()
    ]
    store.close()


def test_terms_are_counted_in_their_own_passage(store: Store) -> None:
    put(store, "a", "one two", [Counter(one=1, two=2)])
    put(store, "b", "x", [Counter(two=3)])
    put(store, "a", "two three", [Counter(two=5, three=7)])  # a new version: its passages get new IDs, which come last
    counts, vocabulary = term_counts(store, store.table())
    dense = counts.toarray()
    assert dense[:, vocabulary["two"]].tolist() == [3, 5]
    assert dense[:, vocabulary["three"]].tolist() == [0, 7]
    assert dense[:, vocabulary["one"]].tolist() == [0, 0]


def test_a_new_version_keeps_its_id_and_ids_are_never_reused(store: Store) -> None:
    put(store, "a", "old")
    put(store, "b", "other")
    put(store, "a", "new")
    assert {entry.path: entry.document for entry in store.entries()} == {"a": 1, "b": 2}
    with store.writing():
        store.remove("b")
    put(store, "c", "third")
    numbers = {entry.path: entry.document for entry in store.entries()}
    assert numbers["a"] == 1
    assert numbers["c"] > 2


def test_removing_a_document_removes_its_passages_and_postings(store: Store) -> None:
    put(store, "a", "one", [Counter(one=1)])
    with store.writing():
        store.remove("a")
    assert len(store.table().ids) == 0
    assert list(store.postings()) == []
    assert failure(lambda: store.document(1)) == failure(lambda: store.passage(1)) == "error.document_gone"
    assert store.path(1) is None


def test_a_file_that_can_no_longer_be_read_replaces_its_document(store: Store) -> None:
    put(store, "a", "one")
    with store.writing():
        store.skip("a", FileState(2, 2), EngineError("error.document_broken", file="a", reason="“猫”"))
    ((path, error),) = store.skipped()
    assert (path, error.key, error.args_by_name) == ("a", "error.document_broken", {"file": "a", "reason": "“猫”"})
    assert store.entries() == []
    put(store, "a", "two")
    assert store.skipped() == []


def test_tables_and_settings_keep_the_names_of_the_first_version(store: Store, documents: Path) -> None:
    """Renaming one would make the collections of earlier versions unreadable."""
    bring_up_to_date(store, documents)
    connection = sqlite3.connect(store.folder / FILE)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(chunks)")}
    keys = {key for (key,) in connection.execute("SELECT key FROM about")}
    connection.close()
    assert tables == {"about", "documents", "chunks", "terms", "postings", "skipped", "sqlite_sequence"}
    assert columns == {"id", "document", "place", "start", "end", "page", "heading", "text", "row"}
    assert keys == {"format", "analysis", "roots", "left_out", "fit", "fits", "fitted", "rows"}


# --- Concurrency -----------------------------------------------------------------------------------------


def test_a_failed_transaction_changes_nothing(store: Store) -> None:
    put(store, "a", "one")

    def fail() -> None:
        with store.writing():
            store.remove("a")
            store.set_meta("key", 1)
            put(store, "b", "two")  # a transaction in a transaction

    assert failure(fail) == "error.not_written"
    assert [entry.path for entry in store.entries()] == ["a"]
    assert store.get_meta("key") is None
    put(store, "b", "and it goes on")


def test_a_second_writer_waits_and_then_reports_that_the_collection_is_busy(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "WAIT_SECONDS", 0.01)
    other = Store(tmp_path / "c")
    put(store, "a", "one")
    with store.writing():
        store.remove("a")
        assert failure(lambda: put(other, "b", "two")) == "error.collection_busy"
        assert [entry.path for entry in other.entries()] == ["a"]  # a reader does not wait
        assert failure(lambda: Store(tmp_path / "c")) == "error.collection_busy"
    put(other, "b", "two")
    assert [entry.path for entry in store.entries()] == ["b"]
    other.close()


def test_changes_differs_after_each_write_and_only_then(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "c")
    before = store.changes(), other.changes()
    assert (store.changes(), other.changes()) == before
    put(other, "a", "one")
    after = store.changes(), other.changes()
    assert after[0] != before[0]
    assert after[1] != before[1]
    assert (store.changes(), other.changes()) == after
    other.close()


def test_two_collections_do_not_mix(tmp_path: Path) -> None:
    stores = [Store(tmp_path / name, create=True) for name in "ab"]
    put(stores[0], "one", "first")
    assert stores[1].entries() == []
    for store in stores:
        store.close()


# --- Damage -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [FORMAT + 1, "2", None])
def test_a_newer_format_is_refused_and_not_changed(tmp_path: Path, number: object) -> None:
    store = Store(tmp_path / "c", create=True)
    put(store, "a", "one")
    store.set_meta("format", number)
    store.close()
    before = (tmp_path / "c" / FILE).read_bytes()
    for create in (False, True):
        assert failure(lambda create=create: Store(tmp_path / "c", create)) == "error.collection_format"  # type: ignore[misc]
    assert (tmp_path / "c" / FILE).read_bytes() == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("CREATE TABLE about (name, age)")
    connection.execute("INSERT INTO about VALUES ('Mori', 40)")
    connection.commit()
    connection.close()
    assert failure(lambda: Store(tmp_path)) == "error.collection_damaged"


def filled(folder: Path) -> bytes:
    """Fill a collection with some hundred database pages and return the file's bytes."""
    store = Store(folder, create=True)
    for number in range(60):
        put(store, f"{number}.txt", f"Tulip {number}. " * 400, [Counter(tulip=400)])
    store.close()
    return (folder / FILE).read_bytes()


@pytest.mark.parametrize("spoilt", ["zeroed", "noise", "cut"])
def test_every_request_reports_a_damaged_database(tmp_path: Path, spoilt: str) -> None:
    """Only pages after an intact beginning are damaged, so that the database opens and fails when it is read."""
    data = filled(tmp_path)
    kept = len(data) // 3 // 4096 * 4096  # whole pages
    damaged = {
        "zeroed": data[:kept] + bytes(len(data) - kept),
        "noise": data[:kept] + np.random.default_rng(1).bytes(len(data) - kept),
        "cut": data[: kept + 100],
    }[spoilt]
    (tmp_path / FILE).write_bytes(damaged)
    handlers = answering()
    requests = (
        OpenCollection(str(tmp_path)),
        ListDocuments(),
        Search("tulip", mode="keyword"),
        ReadDocument(30),
        EditDocument(30, "new"),
        ListPassages((30, 40)),
        RemoveDocuments(tuple(range(60))),
        SplitDocuments(200, 0),
        AddDocuments((str(tmp_path),)),
    )
    reported = set()
    for request in requests:
        try:
            for _ in handlers(request):
                pass
        except EngineError as error:
            reported.add(error.key)
    assert "error.collection_damaged" in reported
    assert reported <= {"error.collection_damaged", "error.no_collection", "error.document_gone"}
    ask(handlers, OpenCollection(str(tmp_path / "other"), create=True))  # closes it


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_missing_vectors_are_reported_as_damage(tmp_path: Path, rows: int) -> None:
    """The file is a copy that was cut off between two rows."""
    path = tmp_path / "vectors"
    vectors.append(path, 0, np.eye(4, dtype=np.float32))
    assert np.array_equal(vectors.load(path, 4, np.arange(4)), np.eye(4))
    os.truncate(path, rows * 16)
    for wanted in (np.arange(4), np.array([3, 0, -1])):
        assert failure(lambda wanted=wanted: vectors.load(path, 4, wanted)) == "error.collection_damaged"  # type: ignore[misc]


def test_rows_left_by_a_killed_process_are_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    vectors.append(path, 0, np.ones((5, 3), np.float32))
    vectors.append(path, 2, np.zeros((1, 3), np.float32))
    assert path.stat().st_size == 3 * 3 * 4
    assert vectors.load(path, 3, np.arange(3)).tolist() == [[1] * 3, [1] * 3, [0] * 3]
    assert vectors.load(path, 3, np.array([2, -1, 0])).tolist() == [[0] * 3, [0] * 3, [1] * 3]
    assert vectors.load(tmp_path / "nowhere", 3, np.array([-1, -1])).tolist() == [[0] * 3] * 2
    assert failure(lambda: vectors.append(tmp_path / "no" / "where", 0, np.ones((1, 3), np.float32))) == (
        "error.not_written"
    )
