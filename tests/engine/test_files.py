import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.files import replacing


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def _interrupted(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half of it")
        raise KeyboardInterrupt


def test_an_interrupted_write_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _interrupted(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_the_name_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut a renamed file may otherwise be empty."""
    calls: list[str] = []
    real: dict[str, Callable[..., None]] = {"fsync": os.fsync, "replace": os.replace}

    def noted(name: str) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            calls.append(name)
            real[name](*arguments)

        return call

    for name in real:
        monkeypatch.setattr(os, name, noted(name))
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert calls == ["fsync", "replace"]


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "nowhere" / "a.txt") as temporary:
        temporary.write_text("new")


def test_a_file_of_the_user_that_ends_in_part_stays(tmp_path: Path) -> None:
    """Browsers call a file that they still download a.csv.part."""
    other = tmp_path / "a.csv.part"
    other.write_text("a download")
    with replacing(tmp_path / "a.csv") as temporary:
        temporary.write_text("new")
    assert other.read_text() == "a download"
