"""Download models by name from a stand-in for the hub: only wanted files, whole or not at all."""

import hashlib
import io
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError
from engine.messages.models import AskHub, Downloaded, DownloadModel, HubOffer
from engine.messages.status import Progress
from engine.model.hub import CHUNK, download, folder_for, offer
from engine.service import models
from engine.service.answer import IDLE
from engine.service.session import Session

WEIGHTS = bytes(range(256)) * (3 * CHUNK // 256) + b"end"
FILES = {
    "config.json": b"{}",
    "model.safetensors": WEIGHTS,
    "consolidated.safetensors": b"never",
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "README.md": b"never",
    "pytorch_model.bin": b"never",
    "modeling.py": b"never",
}
WANTED = ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"]


class Hub:
    """A stand-in for `huggingface_hub.HfFileSystem` with one repository.

    Reading fails after `limit` bytes of a file, as when the network goes down, or waits for `gate`.
    """

    def __init__(self, files: dict[str, bytes], broken: Exception | None = None, limit: int | None = None) -> None:
        self.files, self.broken, self.limit = files, broken, limit
        self.opened: list[str] = []
        self.listed: list[str] = []
        self.bytes_read = 0
        self.checksums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        self.gate: threading.Event | None = None

    def ls(self, name: str, detail: bool) -> list[dict[str, Any]]:
        self.listed.append(name)
        if self.broken is not None:
            raise self.broken
        entries: list[dict[str, Any]] = [
            {"name": f"{name}/{file}", "size": len(data), "type": "file", "lfs": {"sha256": self.checksums[file]}}
            for file, data in self.files.items()
        ]
        return [*entries, {"name": f"{name}/onnx", "size": 0, "type": "directory"}]

    def open(self, path: str, mode: str) -> io.BytesIO:
        self.opened.append(Path(path).name)
        return _Source(self, self.files[Path(path).name])


class _Source(io.BytesIO):
    def __init__(self, hub: Hub, data: bytes) -> None:
        super().__init__(data)
        self._hub = hub

    def read(self, count: int | None = -1) -> bytes:
        if self._hub.gate is not None:
            self._hub.gate.wait(10)
        if self._hub.limit is not None and self.tell() >= self._hub.limit:
            raise ConnectionError("the network is down")
        part = super().read(count)
        self._hub.bytes_read += len(part)
        return part


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def offered(hub: Hub, folder: Path, revision: str = "") -> HubOffer:
    *_, found = offer("me/tiny", folder, revision, hub)
    assert found is not None
    return found


def failure(hub: Hub, folder: Path) -> EngineError:
    with pytest.raises(EngineError) as raised:
        list(download("me/tiny", folder, hub))
    return raised.value


def test_only_weights_tokenizer_and_settings_are_downloaded(tmp_path: Path) -> None:
    shares = [share for share in download("me/tiny", tmp_path / "tiny", Hub(FILES)) if share is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert names(tmp_path / "tiny") == WANTED
    assert (tmp_path / "tiny" / "model.safetensors").read_bytes() == WEIGHTS


def test_the_shards_in_the_index_are_downloaded_and_not_other_copies(tmp_path: Path) -> None:
    files = FILES | {f"model-{part:05d}-of-00002.safetensors": b"part" for part in (1, 2)}
    list(download("tiny", tmp_path / "tiny", Hub(files | {"model.safetensors.index.json": b"{}"})))
    assert [name for name in names(tmp_path / "tiny") if name.startswith("model")] == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ]


def test_a_download_goes_on_where_the_network_went_down(tmp_path: Path) -> None:
    hub, folder = Hub(FILES, limit=2 * CHUNK), tmp_path / "tiny"
    assert failure(hub, folder).key == "error.hub_unreachable"
    assert not (folder / "config.json").exists()  # not a model yet
    assert offered(hub, folder).left < 2 * CHUNK
    hub.limit, hub.bytes_read = None, 0
    list(download("me/tiny", folder, hub))
    assert names(folder) == WANTED
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.bytes_read < 2 * CHUNK
    hub.opened.clear()
    assert list(download("me/tiny", folder, hub))[-1] == 1.0
    assert hub.opened == []  # all is there


def test_a_part_of_another_version_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    failure(Hub(FILES, limit=2 * CHUNK), folder)
    other = FILES | {"model.safetensors": WEIGHTS[::-1]}
    list(download("me/tiny", folder, Hub(other)))
    assert names(folder) == WANTED
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS[::-1]


def test_a_file_that_arrives_damaged_is_deleted_and_reported(tmp_path: Path) -> None:
    hub = Hub(FILES)
    hub.checksums["model.safetensors"] = "0" * 64
    error = failure(hub, tmp_path / "tiny")
    assert (error.key, error.args_by_name["reason"]) == ("error.hub_unreachable", "model.safetensors")
    assert names(tmp_path / "tiny") == ["tokenizer.json"]


def test_a_cancelled_download_stops_although_the_hub_does_not_answer(tmp_path: Path) -> None:
    hub = Hub(FILES)
    hub.gate = threading.Event()
    running = download("me/tiny", tmp_path / "tiny", hub)
    before = set(threading.enumerate())
    begun = time.monotonic()
    for _ in range(200):
        next(running)
    running.close()
    assert time.monotonic() - begun < 8  # it has not waited for the hub
    hub.gate.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert not (tmp_path / "tiny" / "tokenizer.json").exists()  # what arrives afterwards is not written


def test_the_size_is_known_before_the_download(tmp_path: Path) -> None:
    hub = Hub(FILES)
    found = offered(hub, tmp_path / "tiny", "step1000")
    size = sum(len(FILES[name]) for name in WANTED)
    assert (found.name, found.revision, found.size, found.left) == ("me/tiny", "step1000", size, size)
    assert found.free > 0
    assert hub.listed == ["me/tiny@step1000"]
    assert hub.opened == []
    assert not (tmp_path / "tiny").exists()


def test_a_full_disk_is_reported_before_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    hub = Hub(FILES)
    assert failure(hub, tmp_path / "tiny").key == "error.disk_full"
    assert hub.opened == []
    assert not (tmp_path / "tiny").exists()


class GatedRepoError(Exception):
    """A stand-in for that of huggingface_hub."""


@pytest.mark.parametrize(
    ("hub", "key"),
    [
        (Hub(FILES, ConnectionError("no route")), "error.hub_unreachable"),
        (Hub(FILES, FileNotFoundError()), "error.hub_missing"),
        (Hub(FILES, GatedRepoError()), "error.hub_gated"),
        (Hub({"config.json": b"{}", "tokenizer.json": b"{}", "pytorch_model.bin": b"x"}), "error.hub_no_weights"),
        (Hub({"config.json": b"{}", "model.safetensors": b"x"}), "error.hub_no_tokenizer"),
    ],
)
def test_failures_of_the_hub_raise_an_engine_error(tmp_path: Path, hub: Hub, key: str) -> None:
    assert failure(hub, tmp_path / "tiny").key == key
    assert not (tmp_path / "tiny").exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b/c", "a b", "a/..", "https://x/y"])
def test_invalid_names_raise_an_engine_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineError, match="hub_name"):
        folder_for(name, tmp_path)


@pytest.mark.parametrize("revision", ["..", "a/b", "a b"])
def test_invalid_revisions_raise_an_engine_error(tmp_path: Path, revision: str) -> None:
    with pytest.raises(EngineError, match="hub_name"):
        folder_for("me/tiny", tmp_path, revision)


def test_each_checkpoint_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert folder_for("me/tiny", tmp_path, "step1000") == tmp_path / "me--tiny@step1000"


def test_a_download_reports_its_progress_and_lets_others_run_while_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.model.hub._file_system", lambda: Hub(FILES))
    [found] = [a for a in models.ask_hub(Session(), AskHub("me/tiny", str(tmp_path))) if isinstance(a, HubOffer)]
    assert found.left == found.size
    events = list(models.download_model(Session(), DownloadModel("me/tiny", str(tmp_path))))
    assert IDLE in events
    assert any(isinstance(event, Progress) for event in events)
    assert events[-1] == Downloaded(str(tmp_path / "me--tiny"))
