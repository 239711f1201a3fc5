"""Collections: updating from files, several processes, embedders and indexes."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from engine.errors import EngineError
from engine.retrieval import embedding, indexing, nearest, qdrant
from engine.retrieval.collection import Collection
from engine.retrieval.embedders import Choice
from engine.retrieval.embedding import choose_embedder, use_server
from engine.retrieval.indexing import count_again, remove, split_again, update
from engine.retrieval.store import FILE, Store

TEXTS = {
    "cats.txt": "The cat sleeps in a basket. Kittens drink milk.",
    "trains.md": "# Trains\nThe express to Kyoto leaves at nine. Tickets are sold at the station.",
    "休暇.txt": "夏季休暇は8月13日から15日までです。申請は総務部に出してください。",
    "猫.txt": "猫は森で暮らしている。夜になると魚を食べる。",
    "機械.txt": "機械学習は統計にもとづく。計算機が例から学ぶ。",
}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def collection(documents: Path, tmp_path: Path) -> Iterator[Collection]:
    index(tmp_path / "c", documents)
    opened = Collection(tmp_path / "c")
    yield opened
    opened.close()


def index(folder: Path, *paths: Path) -> None:
    store = Store(folder, create=True)
    for _ in update(store, paths):
        pass
    store.close()


def found(collection: Collection, question: str, mode: str = "hybrid") -> list[str]:
    return [Path(hit.passage.path).name for hit in collection.search(question, 5, mode).hits]  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("When does the express leave?", "trains.md"),
        ("sleeping cats", "cats.txt"),
        ("夏季休暇はいつですか?", "休暇.txt"),
        ("統計", "機械.txt"),
        ("猫", "猫.txt"),
    ],
)
def test_questions_find_their_document(collection: Collection, question: str, name: str, mode: str) -> None:
    assert found(collection, question, mode)[0] == name


def test_a_hit_gives_its_place_in_the_document(collection: Collection) -> None:
    hit = collection.search("Tickets").hits[0].passage
    _, document = collection.store.document(hit.document)
    assert document.text[hit.start : hit.end] == hit.text
    assert hit.heading == "Trains"


def test_scores_of_all_passages_are_those_of_the_hits(collection: Collection) -> None:
    result = collection.search("猫と魚", 3)
    for hit in result.hits:
        assert hit.score == pytest.approx(float(result.scores_N[hit.passage.index]))
        assert hit.cosine == pytest.approx(float(result.cosines_N[hit.passage.index]))
    assert len(result.scores_N) == len(collection.snapshot().table.ids)


def test_an_update_reads_only_changed_files(collection: Collection, documents: Path) -> None:
    before = collection.snapshot().table
    (documents / "cats.txt").write_text("Now it is about dogs.")
    (documents / "trains.md").touch()  # newer, with the same content
    (documents / "猫.txt").unlink()
    (documents / "new.txt").write_text("A lighthouse by the sea.")
    index(collection.folder)
    after = collection.snapshot().table
    kept = {n for n in TEXTS if n not in ("cats.txt", "猫.txt")}
    ids = {Path(e.path).name: e.document for e in collection.store.entries()}
    assert set(ids) == {*kept, "cats.txt", "new.txt"}
    for name in kept:
        assert set(before.ids[before.documents == ids[name]]) == set(after.ids[after.documents == ids[name]])
    assert found(collection, "dogs")[0] == "cats.txt"
    assert found(collection, "lighthouse")[0] == "new.txt"
    assert "猫.txt" not in found(collection, "猫は森で暮らしている")
    assert (after.rows >= 0).all()


def test_a_removed_document_stays_out_until_it_is_named(collection: Collection, documents: Path) -> None:
    entry = next(e for e in collection.store.entries() if e.path.endswith("cats.txt"))
    remove(collection.store, [entry.document])
    index(collection.folder)
    assert "cats.txt" not in found(collection, "cat")
    index(collection.folder, documents / "cats.txt")
    assert found(collection, "cat")[0] == "cats.txt"


def test_broken_files_are_reported_and_read_once_they_are_repaired(collection: Collection, documents: Path) -> None:
    (documents / "broken.pdf").write_bytes(b"%PDF broken")
    (documents / "empty.txt").write_text("")
    index(collection.folder)
    skipped = {Path(path).name: error.key for path, error in collection.store.skipped()}
    assert skipped == {"broken.pdf": "error.document_broken", "empty.txt": "error.text_empty"}
    assert len(collection.store.entries()) == len(TEXTS)
    (documents / "empty.txt").write_text("Filled with tulips.")
    index(collection.folder)
    assert found(collection, "tulips")[0] == "empty.txt"
    assert len(collection.store.skipped()) == 1


def test_hidden_files_and_links_are_skipped(documents: Path, tmp_path: Path) -> None:
    (documents / ".secret.txt").write_text("hidden")
    (tmp_path / "outside.txt").write_text("outside")
    (documents / "link.txt").symlink_to(tmp_path / "outside.txt")
    index(tmp_path / "c", documents)
    store = Store(tmp_path / "c")
    assert {Path(e.path).name for e in store.entries()} == set(TEXTS)
    store.close()


def test_two_processes_write_in_turn_and_a_third_reads_both(
    collection: Collection, documents: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(20):
            (tmp_path / name / f"{number}.txt").write_text(f"{name} document {number} about tulips")
    stores = [Store(collection.folder), Store(collection.folder)]
    running = [update(store, [tmp_path / name]) for store, name in zip(stores, "ab", strict=True)]
    while running:
        for one in list(running):
            try:
                next(one)
            except StopIteration:
                running.remove(one)
        found(collection, "tulips", "keyword")
    for store in stores:
        store.close()
    table = collection.snapshot().table
    assert len(collection.store.entries()) == len(TEXTS) + 40
    assert (table.rows >= 0).all()
    assert len(set(table.rows.tolist())) == len(table.rows)


def test_documents_are_split_again_with_another_size(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("".join(f"Sentence number {n} about the river. " for n in range(200)))
    index(collection.folder, tmp_path / "long.txt")
    before = len(collection.snapshot().table.ids)
    for _ in split_again(collection.store, 200, 0):
        pass
    table = collection.snapshot().table
    assert len(table.ids) > 2 * before
    assert (table.rows >= 0).all()
    assert found(collection, "夏季休暇")[0] == "休暇.txt"
    with pytest.raises(EngineError):
        list(split_again(collection.store, 5, 0))


def test_the_embedder_changes_to_a_model_and_back(collection: Collection, model_folder: Path) -> None:
    for kind in ("model", "lsa"):
        for _ in choose_embedder(collection.store, Choice(kind, str(model_folder) if kind == "model" else "")):
            pass
        now = collection.snapshot()
        assert now.embedder is not None
        assert now.embedder.name == kind
        assert np.allclose(np.linalg.norm(now.vectors_ND, axis=1), 1, atol=1e-4)
        assert found(collection, "夏季休暇")[0] == "休暇.txt"
    assert len(list(collection.folder.glob("vectors-*"))) == 1


def test_an_embedder_that_cannot_be_opened_changes_nothing(collection: Collection, tmp_path: Path) -> None:
    before = collection.snapshot().table.rows
    with pytest.raises(EngineError):
        list(choose_embedder(collection.store, Choice("model", str(tmp_path / "nowhere"))))
    assert np.array_equal(collection.snapshot().table.rows, before)


def test_the_graph_and_exact_search_agree(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exactly = [hit.passage.index for hit in collection.search("学習と統計", 5, "vector").hits]
    monkeypatch.setattr(nearest, "APPROXIMATE_FROM", 1)
    monkeypatch.setattr(embedding, "OUTSIDE_GRAPH", 1)
    (tmp_path / "more.txt").write_text("Nothing of interest.")
    index(collection.folder, tmp_path / "more.txt")
    assert collection.snapshot().graph is not None
    assert [hit.passage.index for hit in collection.search("学習と統計", 5, "vector").hits][: len(exactly)] == exactly
    (tmp_path / "later.txt").write_text("学習と統計")
    monkeypatch.setattr(embedding, "OUTSIDE_GRAPH", 100)
    index(collection.folder, tmp_path / "later.txt")  # not in the graph, so compared exactly
    assert found(collection, "学習と統計")[0] == "later.txt"
    collection.close()


def test_a_server_and_exact_search_agree(collection: Collection, documents: Path) -> None:
    # The client's in-process mode stands in for a server.
    here = {q: [hit.passage.index for hit in collection.search(q).hits] for q in ("学習と統計", "the express")}
    use_server(collection.store, ":memory:")
    index(collection.folder)
    assert collection.snapshot().index == "server"
    assert {q: [hit.passage.index for hit in collection.search(q).hits] for q in here} == here
    (documents / "cats.txt").write_text("The express is late.")
    index(collection.folder)
    assert set(found(collection, "the express", "vector")[:2]) == {"cats.txt", "trains.md"}
    use_server(collection.store, "")
    assert collection.snapshot().index == "exact"


def test_a_failing_server_is_reported_and_a_bug_is_not_taken_for_one(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_server(collection.store, ":memory:")
    index(collection.folder)
    client = qdrant._client(":memory:")
    for raised, reported in ((ConnectionError("refused"), EngineError), (TypeError("a bug"), TypeError)):
        monkeypatch.setattr(client, "query_points", Mock(side_effect=raised))
        with pytest.raises(reported):
            collection.search("the express")


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_refused(collection: Collection, question: str) -> None:
    with pytest.raises(EngineError) as raised:
        collection.search(question)
    assert raised.value.key == "error.question_empty"


def test_a_folder_without_a_collection_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as raised:
        Collection(tmp_path)
    assert raised.value.key == "error.collection_missing"
    (tmp_path / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(EngineError) as raised:
        Collection(tmp_path)
    assert raised.value.key == "error.collection_damaged"
    with pytest.raises(EngineError) as raised:
        index(tmp_path / "c", tmp_path / "nothing")
    assert raised.value.key == "error.text_missing"


def test_lost_vectors_are_reported_and_keyword_search_still_works(collection: Collection) -> None:
    for path in collection.folder.glob("vectors-*"):
        os.truncate(path, 4)
    with pytest.raises(EngineError) as raised:
        collection.search("cat", mode="vector")
    assert raised.value.key == "error.collection_damaged"
    assert found(collection, "cat", "keyword")[0] == "cats.txt"


# --- Nothing found ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
@pytest.mark.parametrize("question", ["How tall are giraffes?", "量子コンピュータの仕組み", "ยีราฟสูงเท่าไร", "?!"])
def test_a_question_about_something_else_finds_nothing(collection: Collection, question: str, mode: str) -> None:
    assert found(collection, question, mode) == []
    assert not collection.search(question, 5, mode).scores_N.any()  # type: ignore[arg-type]


def test_passages_that_contain_little_of_the_question_have_no_score(collection: Collection) -> None:
    scores = collection.search("When does the express to Kyoto leave?").scores_N
    assert [score > 0 for score in scores.tolist()].count(True) == 1


def test_one_shared_word_is_enough_for_keyword_search(collection: Collection) -> None:
    question = "giraffes and elephants and lions and tigers and kittens"
    assert found(collection, question, "keyword") == ["cats.txt"]
    assert found(collection, question) == []


def test_a_near_vector_finds_a_passage_without_a_shared_word(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An encoder is trained for this: its cosine decides."""
    embedder = collection.snapshot().embedder
    assert embedder is not None
    near = collection.snapshot().vectors_ND[0]
    monkeypatch.setattr(embedder, "likely", 0.9)
    monkeypatch.setattr(embedder, "embed", lambda texts, question: near[None])
    for mode in ("hybrid", "vector"):
        assert len(found(collection, "giraffes", mode)) == 1
    assert found(collection, "kittens and the express", "hybrid") != []


# --- Terms of another version -----------------------------------------------------------------------


def as_of_an_earlier_version(folder: Path) -> None:
    """Give the collection the terms that an earlier version of the analysis would have counted."""
    store = Store(folder)
    with store.writing():
        store.set_meta("analysis", 0)
    store.close()
    with sqlite3.connect(folder / FILE) as database:
        database.execute("UPDATE terms SET term = 'old ' || term")


@pytest.mark.parametrize("kind", ["lsa", "word2vec"])
def test_terms_of_an_earlier_version_are_counted_again_without_the_files(
    collection: Collection, documents: Path, kind: str
) -> None:
    for _ in choose_embedder(collection.store, Choice(kind)):
        pass
    expected = [found(collection, "the cat", mode) for mode in ("hybrid", "vector")]
    collection.close()
    as_of_an_earlier_version(collection.folder)
    shutil.rmtree(documents)
    opened = Collection(collection.folder)
    assert opened.store.uncounted() == len(TEXTS)
    assert found(opened, "the cat", "keyword") == []  # old and new terms are never compared
    for _ in count_again(opened.store):
        pass
    assert opened.store.uncounted() == 0
    assert [found(opened, "the cat", mode) for mode in ("hybrid", "vector")] == expected
    assert found(opened, "the cat")[0] == "cats.txt"
    assert not [term for term in opened.store.vocabulary() if term.startswith("old ")]
    opened.close()


def test_counting_again_continues_after_an_interruption(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection.close()
    as_of_an_earlier_version(collection.folder)
    monkeypatch.setattr(indexing, "BATCH_SECONDS", 0.0)
    store = Store(collection.folder)
    counting = count_again(store)
    while store.uncounted() > 2:
        next(counting)
    counting.close()  # type: ignore[attr-defined]
    store.close()
    store = Store(collection.folder)
    assert 0 < store.uncounted() <= 2
    for _ in count_again(store):
        pass
    assert store.uncounted() == 0
    store.close()
