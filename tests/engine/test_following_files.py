"""Updating a collection from its files: folders, links, renamed files, unmounted drives."""

import os
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.retrieval import indexing
from engine.retrieval.indexing import remove, split_again, update
from engine.retrieval.store import FileState, Store
from tests.engine.collecting import bring_up_to_date, names

pytestmark = pytest.mark.usefixtures("reads_in_this_process")


def test_a_folder_is_added_with_everything_in_it(store: Store, documents: Path) -> None:
    bring_up_to_date(store, documents)
    assert names(store) == ["a.txt", "b.md", "c.txt", "猫.txt"]


def test_a_renamed_or_moved_file_is_listed_once_under_its_new_name(store: Store, documents: Path) -> None:
    bring_up_to_date(store, documents)
    (documents / "a.txt").rename(documents / "z.txt")
    (documents / "b.md").rename(documents / "deep" / "b.md")
    (documents / "deep").rename(documents / "moved")
    bring_up_to_date(store)
    found = {Path(entry.path).relative_to(documents).as_posix() for entry in store.entries()}
    assert found == {"z.txt", "moved/b.md", "moved/c.txt", "moved/deeper/猫.txt"}
    assert len(store.table().ids) == 4


def test_two_files_that_swap_names_swap_contents(store: Store, documents: Path) -> None:
    bring_up_to_date(store, documents)
    a, c, aside = documents / "a.txt", documents / "deep" / "c.txt", documents / "aside"
    a.rename(aside)
    c.rename(a)
    aside.rename(c)
    bring_up_to_date(store)
    texts = {Path(e.path).name: store.document(e.document)[1].text for e in store.entries()}
    assert texts["a.txt"].startswith("This is deep/c.txt")
    assert texts["c.txt"].startswith("This is a.txt")


def test_documents_on_an_unmounted_drive_are_kept(store: Store, documents: Path, tmp_path: Path) -> None:
    """Both those of a folder and those that were added one by one are kept."""
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
    (drive / "single.txt").unlink()  # its folder exists, so it was deleted
    bring_up_to_date(store)
    assert names(store) == ["a.txt", "b.md", "c.txt", "猫.txt"]


def test_a_folder_whose_name_begins_like_a_removed_one_keeps_its_documents(store: Store, tmp_path: Path) -> None:
    for name in ("doc", "docs", "doc s"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(f"about {name}")
    bring_up_to_date(store, *(tmp_path / name for name in ("doc", "docs", "doc s")))
    (tmp_path / "doc" / "doc.txt").unlink()
    bring_up_to_date(store, tmp_path / "doc")
    assert names(store) == ["doc s.txt", "docs.txt"]


@pytest.mark.parametrize("folder_first", [True, False])
@pytest.mark.parametrize("name", ["notes.log", ".hidden.txt", "link.txt", ".hidden/inner.txt"])
def test_a_named_file_stays_although_its_folders_scan_skips_it(
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


def test_a_link_to_a_folder_is_followed_if_it_was_named_and_not_within_a_folder(store: Store, tmp_path: Path) -> None:
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
def test_a_removed_document_stays_out_however_it_was_added(store: Store, documents: Path, named: str) -> None:
    bring_up_to_date(store, documents if named == "folder" else documents / "a.txt")
    number = next(entry.document for entry in store.entries() if entry.path.endswith("a.txt"))
    remove(store, [number, 999])
    bring_up_to_date(store)
    assert "a.txt" not in names(store)
    bring_up_to_date(store, documents / "a.txt")
    assert "a.txt" in names(store)
    bring_up_to_date(store)
    assert "a.txt" in names(store)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_among_the_documents_is_skipped(store: Store, documents: Path) -> None:
    os.mkfifo(documents / "pipe.txt")
    bring_up_to_date(store, documents)
    assert names(store) == ["a.txt", "b.md", "c.txt", "猫.txt"]


def test_a_file_whose_name_is_not_utf8_is_read_and_found_again(store: Store, documents: Path) -> None:
    """The name is in Shift_JIS, as from an old archive."""
    name = os.fsdecode("猫.txt".encode("cp932"))
    try:
        (documents / name).write_text("A cat.")
    except (OSError, UnicodeError):
        pytest.skip("a file system that takes only texts as names")
    for _ in range(2):
        bring_up_to_date(store, documents)
        assert set(names(store)) == {"a.txt", "b.md", "c.txt", "猫.txt", name}
        assert store.skipped() == []
    (number,) = (entry.document for entry in store.entries() if entry.path.endswith(name))
    path, document = store.document(number)
    assert (Path(path), document.text) == (documents / name, "A cat.")
    (documents / name).unlink()
    bring_up_to_date(store)
    assert name not in names(store)


def test_a_file_deleted_during_the_scan_is_skipped(
    store: Store, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    updating = update(store, [documents])
    next(updating)  # the first file has been found
    (documents / "a.txt").unlink()
    for _ in updating:
        pass
    assert names(store) == ["b.md", "c.txt", "猫.txt"]
    bring_up_to_date(store)
    assert store.skipped() == []


def test_a_document_removed_while_all_are_split_again_is_skipped(
    store: Store, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_up_to_date(store, documents)
    monkeypatch.setattr(indexing, "BATCH_SECONDS", 0.0)
    splitting = split_again(store, 200, 0)
    next(splitting)
    other = Store(store.folder)
    remove(other, [entry.document for entry in other.entries() if entry.path.endswith("猫.txt")])
    other.close()
    for _ in splitting:
        pass
    assert names(store) == ["a.txt", "b.md", "c.txt"]


def test_a_file_locked_by_another_program_is_read_once_it_is_released(
    store: Store, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file itself has not changed."""

    def locked(path: str) -> str:
        raise EngineError("error.text_unreadable", file=path, reason="Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(indexing, "_digest", locked)
        bring_up_to_date(store, documents)
    assert len(store.skipped()) == 4
    bring_up_to_date(store)
    assert names(store) == ["a.txt", "b.md", "c.txt", "猫.txt"]
    assert store.skipped() == []


def test_an_unreadable_file_is_tried_again_when_it_is_named(store: Store, documents: Path) -> None:
    """It may have been too slow on a busy machine. Otherwise it is not tried again, which would delay every start."""
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
