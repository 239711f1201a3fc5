"""What a collection knows: it comes out as it went in, is kept whole by many hands, refused where it is damaged."""

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
    CutDocuments,
    EditDocument,
    ListDocuments,
    OpenCollection,
    ReadDocument,
    RemoveDocuments,
)
from engine.messages.search import ListPassages, Search
from engine.retrieval import store as store_module, vectors
from engine.retrieval.chunking import Chunk, Document
from engine.retrieval.collection import term_counts
from engine.retrieval.store import FILE, FORMAT, FileState, Store
from engine.service.handlers import answering
from engine.service.process import Answering
from tests.engine.collecting import ask, failure, put

pytestmark = pytest.mark.usefixtures("reads_at_once")


# --- What goes in comes out ---------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@settings(max_examples=40)
@given(
    path=TEXTS,
    text=TEXTS,
    headings=st.lists(st.tuples(st.integers(0, 50), TEXTS), max_size=4),
    pages=st.lists(st.integers(0, 50), max_size=4),
    counted=st.lists(st.dictionaries(TEXTS, st.integers(1, 2**31 - 1), max_size=5), max_size=4),
)
def test_a_document_comes_back_as_it_was_put(
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
    chunks = [Chunk(0, len(text), 1, heading) for _, heading in headings]
    with store.writing():
        store.put(path, FileState(1, 2, "3"), document, chunks, [Counter(counts) for counts in counted])
    entry = next(entry for entry in store.entries() if entry.path == path)
    assert store.document(entry.id) == (path, document)
    assert store.states()[path] == FileState(1, 2, "3")
    assert [store.passage(id) for id, _, _ in store.spans(entry.id).tolist()] == [
        (path, heading, text) for _, heading in headings
    ]
    words = {id: term for term, id in store.vocabulary().items()}
    found = dict(store.postings())[entry.id]
    assert [(place, words[term], count) for place, term, count in found.T.tolist()] == [
        (place, term, count) for place, counts in enumerate(counted) for term, count in counts.items()
    ]
    store.close()


def test_terms_are_counted_in_the_passage_where_they_stand(store: Store) -> None:
    put(store, "a", "one two", [Counter(one=1, two=2)])
    put(store, "b", "x", [Counter(two=3)])
    put(store, "a", "two three", [Counter(two=5, three=7)])  # a new version: its passages come last now
    counts, vocabulary = term_counts(store, store.table())
    dense = counts.toarray()
    assert dense[:, vocabulary["two"]].tolist() == [3, 5]
    assert dense[:, vocabulary["three"]].tolist() == [0, 7]
    assert dense[:, vocabulary["one"]].tolist() == [0, 0]


def test_a_new_version_keeps_the_number_and_a_number_is_never_given_twice(store: Store) -> None:
    put(store, "a", "old")
    put(store, "b", "other")
    put(store, "a", "new")
    assert {entry.path: entry.id for entry in store.entries()} == {"a": 1, "b": 2}
    with store.writing():
        store.remove("b")
    put(store, "c", "third")
    numbers = {entry.path: entry.id for entry in store.entries()}
    assert numbers["a"] == 1
    assert numbers["c"] > 2


def test_with_a_document_goes_all_that_was_known_of_it(store: Store) -> None:
    put(store, "a", "one", [Counter(one=1)])
    with store.writing():
        store.remove("a")
    assert len(store.table().ids) == 0
    assert list(store.postings()) == []
    assert failure(lambda: store.document(1)) == failure(lambda: store.passage(1)) == "error.document_gone"
    assert store.path(1) is None


def test_a_file_that_could_not_be_read_replaces_what_it_said_before(store: Store) -> None:
    put(store, "a", "one")
    with store.writing():
        store.skip("a", FileState(2, 2), EngineError("error.document_broken", file="a", reason="“猫”"))
    ((path, error),) = store.skipped()
    assert (path, error.key, error.args_by_name) == ("a", "error.document_broken", {"file": "a", "reason": "“猫”"})
    assert store.entries() == []
    put(store, "a", "two")
    assert store.skipped() == []


# --- Many hands -----------------------------------------------------------------------------------------


def test_what_fails_on_the_way_changes_nothing(store: Store) -> None:
    put(store, "a", "one")

    def fail() -> None:
        with store.writing():
            store.remove("a")
            store.note("key", 1)
            put(store, "b", "two")  # a transaction in a transaction

    assert failure(fail) == "error.not_written"
    assert [entry.path for entry in store.entries()] == ["a"]
    assert store.noted("key") is None
    put(store, "b", "and it goes on")


def test_a_writer_is_waited_for_and_given_up_by_name(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "WAIT_SECONDS", 0.01)
    other = Store(tmp_path / "c")
    put(store, "a", "one")
    with store.writing():
        store.remove("a")
        assert failure(lambda: put(other, "b", "two")) == "error.collection_busy"
        assert [entry.path for entry in other.entries()] == ["a"]  # a reader is not held up
        assert failure(lambda: Store(tmp_path / "c")) == "error.collection_busy"
    put(other, "b", "two")
    assert [entry.path for entry in store.entries()] == ["b"]
    other.close()


def test_a_change_is_seen_by_whoever_looks_and_by_nobody_twice(store: Store, tmp_path: Path) -> None:
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
def test_a_newer_collection_is_left_alone(tmp_path: Path, number: object) -> None:
    store = Store(tmp_path / "c", create=True)
    put(store, "a", "one")
    store.note("format", number)
    store.close()
    before = (tmp_path / "c" / FILE).read_bytes()
    for create in (False, True):
        assert failure(lambda create=create: Store(tmp_path / "c", create)) == "error.collection_format"  # type: ignore[misc]
    assert (tmp_path / "c" / FILE).read_bytes() == before


def test_another_programs_database_is_no_collection(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("CREATE TABLE about (name, age)")
    connection.execute("INSERT INTO about VALUES ('Mori', 40)")
    connection.commit()
    connection.close()
    assert failure(lambda: Store(tmp_path)) == "error.collection_damaged"


def filled(folder: Path) -> bytes:
    """A collection of some hundred pages; returns its bytes."""
    store = Store(folder, create=True)
    for number in range(60):
        put(store, f"{number}.txt", f"Tulip {number}. " * 400, [Counter(tulip=400)])
    store.close()
    return (folder / FILE).read_bytes()


@pytest.mark.parametrize("spoilt", ["zeroed", "noise", "cut"])
def test_a_damaged_collection_says_so_whatever_is_asked(tmp_path: Path, spoilt: str) -> None:
    """Behind a beginning that is whole: it opens, and shows what is wrong only as it is read."""
    data = filled(tmp_path)
    kept = len(data) // 3 // 4096 * 4096  # whole pages
    damaged = {
        "zeroed": data[:kept] + bytes(len(data) - kept),
        "noise": data[:kept] + np.random.default_rng(1).bytes(len(data) - kept),
        "cut": data[: kept + 100],
    }[spoilt]
    (tmp_path / FILE).write_bytes(damaged)
    handlers: Answering = answering()
    requests = (
        OpenCollection(str(tmp_path)),
        ListDocuments(),
        Search("tulip", mode="keyword"),
        ReadDocument(30),
        EditDocument(30, "new"),
        ListPassages((30, 40)),
        RemoveDocuments(tuple(range(60))),
        CutDocuments(200, 0),
        AddDocuments((str(tmp_path),)),
    )
    said = set()
    for request in requests:
        try:
            for _ in handlers(request):
                pass
        except EngineError as error:
            said.add(error.key)
    assert "error.collection_damaged" in said
    assert said <= {"error.collection_damaged", "error.no_collection", "error.document_gone"}
    ask(handlers, OpenCollection(str(tmp_path / "other"), create=True))  # closes it


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_vectors_that_are_missing_at_the_end_are_said(tmp_path: Path, rows: int) -> None:
    """A copy that stopped half way, between two rows."""
    path = tmp_path / "vectors"
    vectors.append(path, 0, np.eye(4, dtype=np.float32))
    assert np.array_equal(vectors.load(path, 4, np.arange(4)), np.eye(4))
    os.truncate(path, rows * 16)
    for wanted in (np.arange(4), np.array([3, 0, -1])):
        assert failure(lambda wanted=wanted: vectors.load(path, 4, wanted)) == "error.collection_damaged"  # type: ignore[misc]


def test_rows_that_a_killed_process_left_are_written_over(tmp_path: Path) -> None:
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
