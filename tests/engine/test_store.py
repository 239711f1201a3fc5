"""What a collection knows: kept whole by many hands, refused where it is damaged, and following the files."""

import os
import pickle
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine import messages as m
from engine.errors import EngineError
from engine.retrieval import collection as collection_module, indexing, nearest, store as store_module, vectors
from engine.retrieval.chunking import Chunk, Document, chunk
from engine.retrieval.collection import Collection, term_counts
from engine.retrieval.indexing import recut, remove, update
from engine.retrieval.lsa import unit
from engine.retrieval.readers import read_document
from engine.retrieval.store import FILE, FORMAT, FileState, Store
from engine.service.handlers import make_handlers

Handlers = dict[type, Callable[[Any], Iterator[Any]]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "c", create=True)
    yield opened
    opened.close()


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "deep" / "deeper").mkdir(parents=True)
    for name in ("a.txt", "b.md", "deep/c.txt", "deep/deeper/猫.txt"):
        (folder / name).write_text(f"This is {name}, about tulips.", "utf-8")
    return folder


class FileReader:
    """Reads at once: the process that reads files from anywhere has tests of its own, and takes a while to start."""

    def __enter__(self) -> "FileReader":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, path: Path) -> Iterator[None]:
        yield
        return read_document(path)


@pytest.fixture(autouse=True)
def _reads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "FileReader", FileReader)


def bring_up_to_date(store: Store, *paths: Path) -> None:
    for _ in update(store, paths):
        pass


def names(store: Store) -> list[str]:
    return sorted(Path(entry.path).name for entry in store.entries())


def put(store: Store, path: str, text: str, counted: list[Counter[str]] | None = None) -> None:
    document = Document(text)
    chunks = chunk(document)
    with store.writing():
        store.put(path, FileState(1, 1), document, chunks, counted or [Counter() for _ in chunks])


def failure(act: Callable[[], object]) -> str:
    with pytest.raises(EngineError) as raised:
        act()
    return raised.value.key


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
    handlers: Handlers = make_handlers()
    requests = (
        m.OpenCollection(str(tmp_path)),
        m.ListDocuments(),
        m.Search("tulip", mode="keyword"),
        m.ReadDocument(30),
        m.EditDocument(30, "new"),
        m.ListPassages((30, 40)),
        m.RemoveDocuments(tuple(range(60))),
        m.CutDocuments(200, 0),
        m.AddDocuments((str(tmp_path),)),
    )
    said = set()
    for request in requests:
        try:
            for _ in handlers[type(request)](request):
                pass
        except EngineError as error:
            said.add(error.key)
    assert "error.collection_damaged" in said
    assert said <= {"error.collection_damaged", "error.no_collection", "error.document_gone"}
    ask(handlers, m.OpenCollection(str(tmp_path / "other"), create=True))  # closes it


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


# --- Following the files ------------------------------------------------------------------------------------


def test_a_folder_is_taken_with_all_that_is_in_it(store: Store, documents: Path) -> None:
    bring_up_to_date(store, documents)
    assert names(store) == ["a.txt", "b.md", "c.txt", "猫.txt"]


def test_a_file_that_was_renamed_or_moved_is_there_once_under_its_new_name(store: Store, documents: Path) -> None:
    bring_up_to_date(store, documents)
    (documents / "a.txt").rename(documents / "z.txt")
    (documents / "b.md").rename(documents / "deep" / "b.md")
    (documents / "deep").rename(documents / "moved")
    bring_up_to_date(store)
    found = {Path(entry.path).relative_to(documents).as_posix() for entry in store.entries()}
    assert found == {"z.txt", "moved/b.md", "moved/c.txt", "moved/deeper/猫.txt"}
    assert len(store.table().ids) == 4


def test_two_files_that_change_places(store: Store, documents: Path) -> None:
    bring_up_to_date(store, documents)
    a, c, aside = documents / "a.txt", documents / "deep" / "c.txt", documents / "aside"
    a.rename(aside)
    c.rename(a)
    aside.rename(c)
    bring_up_to_date(store)
    said = {Path(e.path).name: store.document(e.id)[1].text for e in store.entries()}
    assert said["a.txt"].startswith("This is deep/c.txt")
    assert said["c.txt"].startswith("This is a.txt")


def test_a_drive_that_is_not_there_has_lost_no_documents(store: Store, documents: Path, tmp_path: Path) -> None:
    """Neither those of a folder nor those that were added one by one."""
    drive = tmp_path / "drive"
    drive.mkdir()
    (drive / "single.txt").write_text("A note on the drive.")
    bring_up_to_date(store, documents, drive / "single.txt")
    whole = names(store)
    documents.rename(tmp_path / "unplugged")
    drive.rename(tmp_path / "unplugged too")
    bring_up_to_date(store)
    assert names(store) == whole
    (tmp_path / "unplugged").rename(documents)
    (tmp_path / "unplugged too").rename(drive)
    (drive / "single.txt").unlink()  # now it is known to be gone
    bring_up_to_date(store)
    assert names(store) == ["a.txt", "b.md", "c.txt", "猫.txt"]


def test_a_folder_beside_one_whose_name_begins_alike_keeps_its_documents(store: Store, tmp_path: Path) -> None:
    for name in ("doc", "docs", "doc s"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(f"about {name}")
    bring_up_to_date(store, *(tmp_path / name for name in ("doc", "docs", "doc s")))
    (tmp_path / "doc" / "doc.txt").unlink()
    bring_up_to_date(store, tmp_path / "doc")
    assert names(store) == ["doc s.txt", "docs.txt"]


@pytest.mark.parametrize("folder_first", [True, False])
@pytest.mark.parametrize("name", ["notes.log", ".hidden.txt", "link.txt", ".hidden/inner.txt"])
def test_what_was_named_itself_stays_though_its_folder_would_pass_over_it(
    store: Store, documents: Path, tmp_path: Path, name: str, folder_first: bool
) -> None:
    path = documents / name
    path.parent.mkdir(exist_ok=True)
    if name == "link.txt":
        (tmp_path / "elsewhere.txt").write_text("Linked to.")
        path.symlink_to(tmp_path / "elsewhere.txt")
    else:
        path.write_text("Named by itself.")
    for added in (documents, path) if folder_first else (path, documents):
        bring_up_to_date(store, added)
    assert path.name in names(store)
    bring_up_to_date(store)
    assert path.name in names(store)


def test_a_folder_named_behind_a_link_is_followed_and_one_within_is_not(store: Store, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.txt").write_text("real")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "b.txt").write_text("outside")
    (real / "within").symlink_to(tmp_path / "outside")
    (real / "round").symlink_to(real)
    (real / "dangling.txt").symlink_to(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(real)
    bring_up_to_date(store, tmp_path / "link")
    assert [entry.path for entry in store.entries()] == [str(tmp_path / "link" / "a.txt")]


@pytest.mark.parametrize("named", ["folder", "file"])
def test_what_was_taken_out_stays_out_however_it_came(store: Store, documents: Path, named: str) -> None:
    bring_up_to_date(store, documents if named == "folder" else documents / "a.txt")
    number = next(entry.id for entry in store.entries() if entry.path.endswith("a.txt"))
    remove(store, [number, 999])
    bring_up_to_date(store)
    assert "a.txt" not in names(store)
    bring_up_to_date(store, documents / "a.txt")
    assert "a.txt" in names(store)
    bring_up_to_date(store)
    assert "a.txt" in names(store)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_among_the_documents_is_not_waited_for(store: Store, documents: Path) -> None:
    os.mkfifo(documents / "pipe.txt")
    bring_up_to_date(store, documents)
    assert names(store) == ["a.txt", "b.md", "c.txt", "猫.txt"]


def test_a_file_whose_name_is_no_text_is_said_and_the_others_are_read(store: Store, documents: Path) -> None:
    """Names in Shift_JIS, out of an old archive."""
    try:
        (documents / os.fsdecode("猫.txt".encode("cp932"))).write_text("A cat.")
    except (OSError, UnicodeError):
        pytest.skip("a file system that takes only texts as names")
    for _ in range(2):
        bring_up_to_date(store, documents)
        assert names(store) == ["a.txt", "b.md", "c.txt", "猫.txt"]
        ((path, error),) = store.skipped()
        assert path.startswith(str(documents))
        assert error.key == "error.text_unreadable"


def test_a_file_that_goes_while_it_is_looked_at_is_passed_over(
    store: Store, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    updating = update(store, [documents])
    next(updating)  # its names are known
    (documents / "a.txt").unlink()
    for _ in updating:
        pass
    assert names(store) == ["b.md", "c.txt", "猫.txt"]
    bring_up_to_date(store)
    assert store.skipped() == []


def test_a_document_taken_out_while_all_are_cut_anew_is_passed_over(
    store: Store, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_up_to_date(store, documents)
    monkeypatch.setattr(indexing, "BATCH_SECONDS", 0.0)
    cutting = recut(store, 200, 0)
    next(cutting)
    other = Store(store.folder)
    remove(other, [entry.id for entry in other.entries() if entry.path.endswith("猫.txt")])
    other.close()
    for _ in cutting:
        pass
    assert names(store) == ["a.txt", "b.md", "c.txt"]


# --- Small and strange collections ------------------------------------------------------------------------------


def ask(handlers: Handlers, request: object) -> list[Any]:
    """All messages of an answer, each small enough to cross."""
    events = [event for event in handlers[type(request)](request) if event is not None]
    assert all(len(pickle.dumps(event)) < 1_000_000 for event in events)
    return events


@pytest.fixture
def handlers(tmp_path: Path) -> Iterator[Handlers]:
    made: Handlers = make_handlers()
    ask(made, m.OpenCollection(str(tmp_path / "c"), create=True))
    yield made
    ask(made, m.OpenCollection(str(tmp_path / "other"), create=True))  # closes it


@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
@pytest.mark.parametrize("text", ["★★★ !!! ☃", "the of and", "😀", "x", "猫", "שלום עולם", "ไทย", "a\u200bb"])
def test_a_collection_of_one_strange_document_answers_everything(
    handlers: Handlers, tmp_path: Path, text: str, mode: m.SearchMode
) -> None:
    (tmp_path / "a.txt").write_text(text, "utf-8")
    info = ask(handlers, m.AddDocuments((str(tmp_path / "a.txt"),)))[-1]
    assert (info.passages, info.with_vectors) == (1, 1)
    for question in (text, "the", "猫?", "😀", "★"):
        result, rows = ask(handlers, m.Search(question, mode=mode))
        assert len(result.hits) <= 1
        assert np.isfinite([*rows.scores, *rows.cosines, *rows.keyword]).all()
        assert ask(handlers, m.Ask(question, mode=mode))
    for dims in (2, 3):
        (shown,) = ask(handlers, m.MapPassages(text, dims=dims))
        assert shown.points.shape == (1, dims)
        assert shown.question.shape == (dims,)
        assert np.isfinite(shown.points).all()
        assert np.isfinite(shown.question).all()
    (pair,) = ask(handlers, m.CompareVectors(text, 0))
    assert -1.001 < pair.cosine < 1.001


def test_an_empty_collection_says_what_is_missing(handlers: Handlers) -> None:
    (page,) = ask(handlers, m.ListDocuments())
    assert (page.total, page.entries) == (0, ())
    assert ask(handlers, m.MapPassages("x")) == []
    assert ask(handlers, m.ListPassages((0, 1)))[0].passages == ()
    assert ask(handlers, m.CutDocuments(200, 0))[-1].passages == 0
    assert ask(handlers, m.RemoveDocuments((1, 2)))[-1].documents == 0
    assert failure(lambda: ask(handlers, m.Search("x"))) == "error.collection_empty"
    assert failure(lambda: ask(handlers, m.Search("  "))) == "error.question_empty"
    assert failure(lambda: ask(handlers, m.ReadDocument(1))) == "error.document_gone"


def test_indices_that_are_none_are_passed_over(handlers: Handlers, documents: Path) -> None:
    ask(handlers, m.AddDocuments((str(documents),)))
    (passages,) = ask(handlers, m.ListPassages((3, -1, 0, 10**9)))
    assert [passage.index for passage in passages.passages] == [3, 0]
    assert ask(handlers, m.CompareVectors("x", 4)) == []


def large(folder: Path, documents: int, chunks: int, heading: str, text: str) -> None:
    """A collection by the database alone: no file, no vector."""
    store = Store(folder)
    with store.writing():
        for number in range(documents):
            document = Document(text, headings=((0, heading),))
            cut = [Chunk(0, len(text), 0, document.heading_of(0)) for _ in range(chunks)]
            store.put(f"/{'長い名前' * 20}/{number}.txt", FileState(1, 1), document, cut, [Counter(x=1)] * chunks)
    store.close()


def test_ten_thousand_rows_of_the_table_cross_in_small_messages(handlers: Handlers, tmp_path: Path) -> None:
    """`ask` asserts their size: each row with a long path, a heading and the beginning of its text."""
    large(tmp_path / "c", 100, 100, "見出し" * 40, "𠮟られて猫は森で暮らしている。" * 60)
    order = np.random.default_rng(1).permutation(10_000).tolist()
    answered = ask(handlers, m.ListPassages(tuple(order)))
    assert [passage.index for page in answered for passage in page.passages] == order
    result, *rows = ask(handlers, m.Search("x", k=50, mode="keyword"))
    assert result.passages == 10_000
    assert sum(len(part.scores) for part in rows) == 10_000


def test_a_heading_that_is_a_whole_book_does_not_come_with_every_passage(handlers: Handlers, tmp_path: Path) -> None:
    """Markdown without line ends."""
    (tmp_path / "a.md").write_text("# " + "The river is long. " * 20_000 + "\n" + "A text below it. " * 3000)
    info = ask(handlers, m.AddDocuments((str(tmp_path / "a.md"),)))[-1]
    pages = ask(handlers, m.ListPassages(tuple(range(info.passages))))
    assert all(passage.heading.startswith("The river") for page in pages for passage in page.passages)
    assert info.bytes < 10_000_000
    ask(handlers, m.Search("river", k=50))


def test_a_gap_of_a_million_spaces_is_in_no_passage(handlers: Handlers, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The first sentence." + " \n" * 500_000 + "The last sentence.")
    ask(handlers, m.AddDocuments((str(tmp_path / "a.txt"),)))
    result, *_ = ask(handlers, m.Search("last sentence", k=50))
    assert result.hits[0].passage.text == "The last sentence."


def test_a_list_of_many_broken_files_crosses_in_small_messages(handlers: Handlers, tmp_path: Path) -> None:
    store = Store(tmp_path / "c")
    with store.writing():
        for number in range(3000):
            path = f"/{'長い名前' * 20}/{number:04}.pdf"
            store.skip(path, FileState(1, 1), EngineError("error.document_broken", file=path, reason="理由" * 100))
    store.close()
    pages = ask(handlers, m.ListDocuments())
    entries = [entry for page in pages for entry in page.entries]
    assert len(entries) == pages[0].total == 3000
    assert [page.start for page in pages] == [sum(len(p.entries) for p in pages[:i]) for i in range(len(pages))]
    assert all(entry.arguments["file"] == entry.path for entry in entries)


def test_a_collection_that_another_process_changes_is_searched_as_it_is_now(
    handlers: Handlers, documents: Path, tmp_path: Path
) -> None:
    ask(handlers, m.AddDocuments((str(documents),)))
    before = ask(handlers, m.OpenCollection(str(tmp_path / "c")))[0]
    other = Store(tmp_path / "c")
    (documents / "new.txt").write_text("A lighthouse.")
    bring_up_to_date(other)
    other.close()
    result, *_ = ask(handlers, m.Search("lighthouse"))
    assert Path(result.hits[0].passage.path).name == "new.txt"
    assert result.version != before.version


@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
def test_a_search_sees_one_moment_while_another_window_cuts_all_anew(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: m.SearchMode
) -> None:
    """Between what is read first, the passages, and what is read last, their terms and texts."""
    (tmp_path / "a.txt").write_text("".join(f"Sentence number {n} about the river. " for n in range(200)))
    bring_up_to_date(store, tmp_path / "a.txt")
    collection = Collection(store.folder)
    passages = len(store.table().ids)

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.undo()
        with store.writing():
            state, (_, document) = store.states()[str(tmp_path / "a.txt")], store.document(1)
            chunks = chunk(document, 100, 0)
            store.put(str(tmp_path / "a.txt"), state, document, chunks, [Counter(rivulet=1)] * len(chunks))
        return term_counts(*arguments)

    monkeypatch.setattr(collection_module, "term_counts", meanwhile)
    found = collection.search("river", 5, mode)
    assert len(found.scores_N) == len(found.now.table.ids) == passages
    assert len(found.hits) == 5
    assert len(collection.search("rivulet", 5, "keyword").scores_N) > 2 * passages
    collection.close()


def test_what_another_program_had_open_is_read_once_it_may_be(
    store: Store, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file itself is the same as before."""

    def locked(path: str) -> str:
        raise EngineError("error.text_unreadable", file=path, reason="Permission denied")

    monkeypatch.setattr(indexing, "_digest", locked)
    bring_up_to_date(store, documents)
    assert len(store.skipped()) == 4
    monkeypatch.undo()
    monkeypatch.setattr(indexing, "FileReader", FileReader)
    bring_up_to_date(store)
    assert names(store) == ["a.txt", "b.md", "c.txt", "猫.txt"]
    assert store.skipped() == []


def test_what_could_not_be_read_is_tried_again_when_it_is_named(store: Store, documents: Path) -> None:
    """It took too long on a busy machine, say; unnamed it would be waited for at every start."""
    path = str(documents / "a.txt")
    state = (documents / "a.txt").stat()
    with store.writing():
        slow = EngineError("error.document_slow", file=path, seconds=10)
        store.skip(path, FileState(state.st_size, state.st_mtime_ns), slow)
    bring_up_to_date(store, documents)
    assert "a.txt" not in names(store)
    bring_up_to_date(store, documents / "a.txt")
    assert "a.txt" in names(store)
    assert store.skipped() == []


def test_a_version_names_what_is_there(store: Store, documents: Path, tmp_path: Path) -> None:
    """The same after another start; another one where passages are others, also of another collection."""
    seen = set()
    for name in ("a.txt", "b.md"):
        bring_up_to_date(store, documents / name)
        versions = set()
        for _ in range(2):
            collection = Collection(store.folder)
            versions.add(collection.snapshot().version)
            collection.close()
        assert len(versions) == 1
        seen |= versions
    assert len(seen) == 2


def test_reopened_in_another_place_a_collection_is_the_same(store: Store, documents: Path, tmp_path: Path) -> None:
    """Nothing in it names the folder that it lies in."""
    bring_up_to_date(store, documents)
    store.close()
    (tmp_path / "c").rename(tmp_path / "moved")
    collection = Collection(tmp_path / "moved")
    assert Path(collection.search("猫").hits[0].file).name == "猫.txt"
    collection.close()


# --- A graph over very many vectors -----------------------------------------------------------------------------


def test_a_graph_finds_what_looking_at_every_vector_finds_also_after_changes(tmp_path: Path) -> None:
    """Passages that it does not hold yet are looked at, those that are gone are passed over."""
    rows_ND = unit(np.random.default_rng(1).standard_normal((600, 16)).astype(np.float32))
    ids = np.arange(1, 601) * 3  # as numbers are after some documents went
    *_, share = nearest.build_graph(tmp_path / "g", rows_ND[:400], ids[:400], None)
    assert 0 <= share <= 1
    *_, share = nearest.build_graph(tmp_path / "g", rows_ND[:500], ids[:500], tmp_path / "g")  # some more
    graph = nearest.Graph(tmp_path / "g", int(ids[499]))
    left = np.delete(np.arange(600), np.arange(0, 500, 4))
    for query_D in rows_ND[::60] + 0.1:
        best, cosines = graph.nearest(rows_ND[left], ids[left], query_D, 5)
        expected, scores = nearest.exact(rows_ND[left], query_D, 5)
        assert len(set(best.tolist()) & set(expected.tolist())) >= 4  # it is approximate
        assert np.allclose(cosines[0], scores[0], atol=1e-5)
        assert np.allclose(cosines, rows_ND[left][best] @ query_D, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


@pytest.mark.parametrize("data", [b"", b"no graph at all", bytes(5000)])
def test_a_damaged_graph_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "g").write_bytes(data)
    assert failure(lambda: nearest.Graph(tmp_path / "g", 1)) == "error.collection_damaged"


def test_a_graph_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    rows_ND = np.eye(4, dtype=np.float32)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()
    assert failure(lambda: list(nearest.build_graph(tmp_path / "taken", rows_ND, np.arange(4), None))) == (
        "error.not_written"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
