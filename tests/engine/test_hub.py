"""Download models by name from a stand-in for the hub: only wanted files, whole or not at all."""

import io
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError
from engine.messages.models import Downloaded, DownloadModel
from engine.messages.status import Progress
from engine.model.hub import CHUNK, download, folder_for
from engine.service import models
from engine.service.session import Session

FILES = {
    "config.json": b"{}",
    "model.safetensors": b"w" * (3 * CHUNK + 5),
    "tokenizer.json": b"{}",
    "pytorch_model.bin": b"never",
    "modeling.py": b"never",
}


class Hub:
    """A stand-in for `huggingface_hub.HfFileSystem` with one repository."""

    def __init__(self, files: dict[str, bytes], broken: Exception | None = None) -> None:
        self.files, self.broken = files, broken
        self.opened: list[str] = []

    def ls(self, name: str, detail: bool) -> list[dict[str, Any]]:
        if self.broken is not None:
            raise self.broken
        entries = [{"name": f"{name}/{file}", "size": len(data), "type": "file"} for file, data in self.files.items()]
        return [*entries, {"name": f"{name}/onnx", "size": 0, "type": "directory"}]

    def open(self, path: str, mode: str) -> io.BytesIO:
        self.opened.append(path)
        return io.BytesIO(self.files[Path(path).name])


def test_only_weights_and_json_files_are_downloaded(tmp_path: Path) -> None:
    shares = list(download("me/tiny", tmp_path / "tiny", Hub(FILES)))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) >= 6  # a safe point for every part
    assert sorted(p.name for p in (tmp_path / "tiny").iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert (tmp_path / "tiny" / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_an_interrupted_download_leaves_no_partial_file_and_continues(tmp_path: Path) -> None:
    hub, folder = Hub(FILES), tmp_path / "tiny"
    running = download("tiny", folder, hub)
    next(running)
    next(running)
    running.close()
    assert not list(folder.glob("*.part"))
    assert not (folder / "config.json").exists()  # not a model yet
    hub.opened.clear()
    whole = list(download("tiny", folder, hub))
    assert whole[-1] == 1.0
    hub.opened.clear()
    list(download("tiny", folder, hub))
    assert hub.opened == []  # all is there


@pytest.mark.parametrize(
    ("hub", "key"),
    [
        (Hub(FILES, ConnectionError("no route")), "error.hub_unreachable"),
        (Hub(FILES, FileNotFoundError()), "error.hub_missing"),
        (Hub({"config.json": b"{}", "pytorch_model.bin": b"x"}), "error.hub_no_weights"),
    ],
)
def test_failures_of_the_hub_raise_an_engine_error(tmp_path: Path, hub: Hub, key: str) -> None:
    with pytest.raises(EngineError) as raised:
        list(download("me/tiny", tmp_path / "tiny", hub))
    assert raised.value.key == key
    assert not (tmp_path / "tiny").exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b/c", "a b", "a/..", "https://x/y"])
def test_invalid_names_raise_an_engine_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineError, match="hub_name"):
        folder_for(name, tmp_path)


def test_a_download_reports_its_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.model.hub._file_system", lambda: Hub(FILES))
    events = list(models.download_model(Session(), DownloadModel("me/tiny", str(tmp_path))))
    assert isinstance(events[0], Progress)
    assert events[-1] == Downloaded(str(tmp_path / "me--tiny"))
