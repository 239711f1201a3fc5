"""Vectors and labels from files of the user."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.inspection import vector_files
from engine.inspection.vector_files import VectorFile, labels_beside, read_vectors
from engine.messages.embeddings import (
    EmbeddingMap,
    EmbeddingNames,
    FindAnalogy,
    LookUp,
    OpenVectors,
    OwnVectors,
    Project,
    ProjectOnAxis,
)
from engine.service.session import Session
from tests.engine.sessions import ask


def read(path: Path, labels: Path | None = None) -> VectorFile:
    reading = read_vectors(path, labels)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            found: VectorFile = end.value
            return found


def failure(path: Path, labels: Path | None = None) -> tuple[str, dict[str, object]]:
    with pytest.raises(EngineError) as raised:
        read(path, labels)
    return raised.value.key, dict(raised.value.args_by_name)


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


finite = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=20)
@given(arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=finite))
def test_a_tsv_and_a_npy_file_give_the_same_vectors(
    tmp_path_factory: pytest.TempPathFactory, rows: NDArray[np.float32]
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    np.save(folder / "a.npy", rows)
    text = "\n".join("\t".join(repr(float(number)) for number in row) for row in rows)
    assert np.array_equal(read(write(folder / "a.tsv", text)).rows_VD, rows)
    assert np.array_equal(read(folder / "a.npy").rows_VD, rows)


def test_labels_are_found_beside_the_vectors_and_may_have_columns_of_numbers(tmp_path: Path) -> None:
    vectors = write(tmp_path / "tensors.tsv", "1\t2\n3\t4\n")
    assert read(vectors).names == ["0", "1"]
    write(tmp_path / "metadata.tsv", "count\tword\tnote\n7\tcat\tx\n\tdog\ty\n")
    assert labels_beside(vectors) == tmp_path / "metadata.tsv"
    found = read(vectors)
    assert found.names == ["cat", "dog"]
    assert list(found.values) == ["count"]
    assert found.values["count"][0] == 7
    assert np.isnan(found.values["count"][1])


def test_a_file_of_one_column_has_no_heading(tmp_path: Path) -> None:
    vectors, labels = write(tmp_path / "v.tsv", "1\t2\n3\t4\n"), write(tmp_path / "names.txt", "word\ncat\n")
    assert read(vectors, labels).names == ["word", "cat"]


def test_each_fault_of_a_file_is_named_with_its_place(tmp_path: Path) -> None:
    ragged, words = write(tmp_path / "r.tsv", "1\t2\n3\n"), write(tmp_path / "w.tsv", "1\t2\nx\ty\n")
    assert failure(ragged) == ("error.vectors_ragged", {"file": "r.tsv", "line": 2, "have": 1, "need": 2})
    assert failure(words) == ("error.vectors_line", {"file": "w.tsv", "line": 2})
    assert failure(write(tmp_path / "e.tsv", "\n"))[0] == "error.vectors_empty"
    assert failure(write(tmp_path / "p.png", "x"))[0] == "error.vectors_format"
    assert failure(tmp_path / "missing.tsv")[0] == "error.text_unreadable"
    (tmp_path / "b.tsv").write_bytes(b"\xff\xfe\x00")
    assert failure(tmp_path / "b.tsv")[0] == "error.vectors_format"
    good, labels = write(tmp_path / "g.tsv", "1\t2\n3\t4\n"), write(tmp_path / "l.txt", "cat\n")
    key, arguments = failure(good, labels)
    assert (key, arguments["labels"], arguments["rows"]) == ("error.vectors_labels_count", 1, 2)


class Dangerous:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must not run",)


def test_no_pickle_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "o.npy", np.array([[Dangerous()]], object), allow_pickle=True)
    (tmp_path / "p.npy").write_bytes(pickle.dumps(Dangerous()))
    capsys.readouterr()
    assert failure(tmp_path / "o.npy")[0] == failure(tmp_path / "p.npy")[0] == "error.vectors_format"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2)])
def test_only_matrices_are_vectors(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape))
    assert failure(tmp_path / "a.npy")[0] == "error.vectors_format"


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_files, "MOST_ROWS", 3)
    np.save(tmp_path / "a.npy", np.zeros((4, 2)))
    assert failure(tmp_path / "a.npy") == ("error.vectors_large", {"file": "a.npy", "rows": 3})
    assert failure(write(tmp_path / "a.tsv", "1\t2\n" * 9))[0] == "error.vectors_large"
    header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 1), np.float32)) | {"shape": (10**9, 10**9)}
    with (tmp_path / "bomb.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    assert failure(tmp_path / "bomb.npy")[0] == "error.vectors_large"


def test_ones_own_vectors_are_shown_looked_up_and_compared(tmp_path: Path) -> None:
    words = ("king", "man", "woman", "queen", "apple")
    rows = np.array([[1, 1, 0], [0, 1, 0], [0, 1, 1], [1, 1, 1], [5, -9, 0]], np.float32)
    np.save(tmp_path / "mine.npy", rows)
    write(tmp_path / "mine.labels.txt", "\n".join(words))
    session = Session()
    with pytest.raises(EngineError, match="vectors_none"):
        ask(session, Project(source="own"))
    assert ask(session, OpenVectors(str(tmp_path / "mine.npy"))) == [OwnVectors(str(tmp_path / "mine.npy"), 5, 3)]
    names, shown = ask(session, Project(source="own"))
    assert isinstance(names, EmbeddingNames)
    assert isinstance(shown, EmbeddingMap)
    assert names.pieces == words
    assert np.allclose(names.values["norm"], np.linalg.norm(rows, axis=1))
    assert ask(session, LookUp(1, source="own"))[0].near.pieces[0] in ("king", "woman")
    [analogy] = ask(session, FindAnalogy("King", "man", "woman", source="own"))
    assert analogy.near.pieces[0] == "queen"
    assert analogy.asked[0].ids == (0,)
    [axis] = ask(session, ProjectOnAxis("man", "king", "own"))
    way = rows[0] / np.linalg.norm(rows[0]) - rows[1] / np.linalg.norm(rows[1])
    assert np.allclose(axis.cosines, rows @ way / np.linalg.norm(rows, axis=1) / np.linalg.norm(way), atol=1e-5)
    with pytest.raises(EngineError, match="axis_none"):
        ask(session, ProjectOnAxis("man", "man", "own"))
    with pytest.raises(EngineError, match="word_unknown"):
        ask(session, ProjectOnAxis("man", "pear", "own"))


def test_commas_separate_the_numbers_of_a_csv_file_whatever_the_case_of_its_ending(tmp_path: Path) -> None:
    for name in ("a.csv", "b.CSV"):
        assert read(write(tmp_path / name, "1,2\n3,4\n")).rows_VD.tolist() == [[1, 2], [3, 4]]


def test_a_short_file_of_wide_rows_is_refused_before_all_of_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "MOST_NUMBERS", 5)
    assert failure(write(tmp_path / "a.tsv", "1\t2\n" * 2 + "1\t2\n" + "no number\n"))[0] == "error.vectors_large"
