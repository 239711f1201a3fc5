"""The encoder that comes with a package: found without importing it, checked, and unpacked once."""

import hashlib
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from engine.retrieval import minilm
from engine.retrieval.embedders import Choice, open_embedder
from tests.engine.collecting import failure

FILES = {"config.json": b"{}", "1_Pooling/config.json": b'{"a": 1}', "model.safetensors": b"weights"}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a package with a small archive, whose code must not run."""
    package = tmp_path / "site" / minilm.PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('the package was imported')")
    path = package / "model.zip"
    with ZipFile(path, "w") as packed:
        for name, content in FILES.items():
            packed.writestr(name, content)
        packed.writestr("../outside.txt", "not one of the model's files")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    monkeypatch.setattr(minilm, "FILES", {name: len(content) for name, content in FILES.items()})
    monkeypatch.setattr(minilm, "BYTES", path.stat().st_size)
    monkeypatch.setattr(minilm, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(minilm, "home", lambda: tmp_path / "data" / "MiniLM")
    return path


def test_the_model_is_unpacked_once_and_only_its_own_files(archive: Path, tmp_path: Path) -> None:
    folder = minilm.unpacked()
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == set(FILES)
    assert all((folder / name).read_bytes() == content for name, content in FILES.items())
    assert not list(tmp_path.rglob("outside.txt"))
    archive.unlink()
    assert minilm.unpacked() == folder


def test_a_file_that_was_cut_is_unpacked_again(archive: Path) -> None:
    weights = minilm.unpacked() / "model.safetensors"
    weights.write_bytes(b"wei")
    minilm.unpacked()
    assert weights.read_bytes() == FILES["model.safetensors"]


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: b"x" + content[1:]])
def test_another_archive_is_refused(archive: Path, change: "object") -> None:
    assert callable(change)
    archive.write_bytes(change(archive.read_bytes()))
    assert failure(minilm.unpacked) == "error.model_damaged"
    assert not minilm.home().exists()


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(minilm, "home", lambda: tmp_path / "none")
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package_of_minilm")
    open_embedder.cache_clear()
    assert failure(lambda: open_embedder(Choice("minilm"))) == "error.extra_missing"
