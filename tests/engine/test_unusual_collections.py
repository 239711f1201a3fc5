"""Collections of one unusual document, of none and of very many; and consistent reads while others write."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError
from engine.messages.documents import (
    AddDocuments,
    ListDocuments,
    OpenCollection,
    ReadDocument,
    RemoveDocuments,
    SplitDocuments,
)
from engine.messages.search import Ask, CompareVectors, ListPassages, MapPassages, Search, SearchMode
from engine.retrieval import collection as collection_module
from engine.retrieval.collection import Collection, term_counts
from engine.retrieval.passages import Document, PassageSpan, split
from engine.retrieval.store import FileState, Store
from engine.service.process import Answering
from tests.engine.collecting import ask, bring_up_to_date, failure

pytestmark = pytest.mark.usefixtures("reads_in_this_process")


@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
@pytest.mark.parametrize("text", ["★★★ !!! ☃", "the of and", "😀", "x", "猫", "שלום עולם", "ไทย", "a\u200bb"])
def test_a_collection_of_one_unusual_document_answers_every_request(
    handlers: Answering, tmp_path: Path, text: str, mode: SearchMode
) -> None:
    (tmp_path / "a.txt").write_text(text, "utf-8")
    info = ask(handlers, AddDocuments((str(tmp_path / "a.txt"),)))[-1]
    assert (info.passages, info.with_vectors) == (1, 1)
    for question in (text, "the", "猫?", "😀", "★"):
        (result,) = ask(handlers, Search(question, mode=mode))
        assert len(result.hits) <= 1
        assert np.isfinite([*result.scores_N, *result.cosines_N, *result.keyword_N]).all()
        assert ask(handlers, Ask(question, mode=mode))
    for dims in (2, 3):
        (shown,) = ask(handlers, MapPassages(text, dims=dims))
        assert shown.points.shape == (1, dims)
        assert shown.question.shape == (dims,)
        assert np.isfinite(shown.points).all()
        assert np.isfinite(shown.question).all()
    (pair,) = ask(handlers, CompareVectors(text, 0))
    assert -1.001 < pair.cosine < 1.001


def test_an_empty_collection_reports_what_is_missing(handlers: Answering) -> None:
    assert ask(handlers, ListDocuments()) == [[]]
    assert ask(handlers, MapPassages("x")) == []
    assert ask(handlers, ListPassages((0, 1)))[0].passages == ()
    assert ask(handlers, SplitDocuments(200, 0))[-1].passages == 0
    assert ask(handlers, RemoveDocuments((1, 2)))[-1].documents == 0
    assert failure(lambda: ask(handlers, Search("x"))) == "error.collection_empty"
    assert failure(lambda: ask(handlers, Search("  "))) == "error.question_empty"
    assert failure(lambda: ask(handlers, ReadDocument(1))) == "error.document_gone"


def test_invalid_indices_are_ignored(handlers: Answering, documents: Path) -> None:
    ask(handlers, AddDocuments((str(documents),)))
    (passages,) = ask(handlers, ListPassages((3, -1, 0, 10**9)))
    assert [passage.index for passage in passages.passages] == [3, 0]
    assert ask(handlers, CompareVectors("x", 4)) == []


def large(folder: Path, documents: int, passages: int, heading: str, text: str) -> None:
    """Fill a collection in the database alone: no file, no vector."""
    store = Store(folder)
    with store.writing():
        for number in range(documents):
            document = Document(text, headings=((0, heading),))
            spans = [PassageSpan(0, len(text), 0, document.heading_of(0))] * passages
            store.put(f"/{'長い名前' * 20}/{number}.txt", FileState(1, 1), document, spans, [Counter(x=1)] * passages)
    store.close()


def test_ten_thousand_passages_are_listed_and_scored_in_one_answer(handlers: Answering, tmp_path: Path) -> None:
    large(tmp_path / "c", 100, 100, "見出し" * 40, "𠮟られて猫は森で暮らしている。" * 60)
    order = np.random.default_rng(1).permutation(10_000).tolist()
    (listed,) = ask(handlers, ListPassages(tuple(order)))
    assert [passage.index for passage in listed.passages] == order
    (result,) = ask(handlers, Search("x", k=50, mode="keyword"))
    assert len(result.hits) == 50
    assert len(result.scores_N) == len(result.cosines_N) == len(result.keyword_N) == 10_000


def test_a_heading_as_long_as_a_book_is_not_repeated_with_every_passage(handlers: Answering, tmp_path: Path) -> None:
    """The heading is Markdown without line ends."""
    (tmp_path / "a.md").write_text("# " + "The river is long. " * 20_000 + "\n" + "A text below it. " * 3000)
    info = ask(handlers, AddDocuments((str(tmp_path / "a.md"),)))[-1]
    pages = ask(handlers, ListPassages(tuple(range(info.passages))))
    assert all(passage.heading.startswith("The river") for page in pages for passage in page.passages)
    assert info.bytes < 10_000_000
    ask(handlers, Search("river", k=50))


def test_a_gap_of_a_million_spaces_is_in_no_passage(handlers: Answering, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The first sentence." + " \n" * 500_000 + "The last sentence.")
    ask(handlers, AddDocuments((str(tmp_path / "a.txt"),)))
    (result,) = ask(handlers, Search("last sentence", k=50))
    assert result.hits[0].passage.text == "The last sentence."


def test_three_thousand_broken_files_are_listed_in_one_answer(handlers: Answering, tmp_path: Path) -> None:
    store = Store(tmp_path / "c")
    with store.writing():
        for number in range(3000):
            path = f"/{'長い名前' * 20}/{number:04}.pdf"
            store.skip(path, FileState(1, 1), EngineError("error.document_broken", file=path, reason="理由" * 100))
    store.close()
    (entries,) = ask(handlers, ListDocuments())
    assert len(entries) == 3000
    assert all(entry.arguments["file"] == entry.path for entry in entries)


def test_a_search_sees_what_another_process_has_written(handlers: Answering, documents: Path, tmp_path: Path) -> None:
    ask(handlers, AddDocuments((str(documents),)))
    before = ask(handlers, OpenCollection(str(tmp_path / "c")))[0]
    other = Store(tmp_path / "c")
    (documents / "new.txt").write_text("A lighthouse.")
    bring_up_to_date(other)
    other.close()
    (result,) = ask(handlers, Search("lighthouse"))
    assert Path(result.hits[0].passage.path).name == "new.txt"
    assert result.version != before.version


@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
def test_a_search_reads_one_consistent_state_while_another_process_splits_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: SearchMode
) -> None:
    """The other process writes between the reads of the passages and of their terms and texts."""
    (tmp_path / "a.txt").write_text("".join(f"Sentence number {n} about the river. " for n in range(200)))
    bring_up_to_date(store, tmp_path / "a.txt")
    collection = Collection(store.folder)
    passages = len(store.table().ids)

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.undo()
        with store.writing():
            state, (_, document) = store.states()[str(tmp_path / "a.txt")], store.document(1)
            spans = split(document, 100, 0)
            store.put(str(tmp_path / "a.txt"), state, document, spans, [Counter(rivulet=1)] * len(spans))
        return term_counts(*arguments)

    monkeypatch.setattr(collection_module, "term_counts", meanwhile)
    found = collection.search("river", 5, mode)
    assert len(found.scores_N) == len(found.now.table.ids) == passages
    assert len(found.hits) == 5
    assert len(collection.search("rivulet", 5, "keyword").scores_N) > 2 * passages
    collection.close()


def test_the_version_depends_on_the_content_alone(store: Store, documents: Path, tmp_path: Path) -> None:
    """It is the same after a restart, and differs between collections with other passages."""
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


def test_a_moved_collection_can_be_opened(store: Store, documents: Path, tmp_path: Path) -> None:
    bring_up_to_date(store, documents)
    store.close()
    (tmp_path / "c").rename(tmp_path / "moved")
    collection = Collection(tmp_path / "moved")
    assert Path(collection.search("猫").hits[0].passage.path).name == "猫.txt"
    collection.close()
