"""Models on this computer are found wherever programs keep them, and described without being loaded."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from engine.cli.main import main
from engine.messages.models import ListModels, OpenModel, StoredModel, StoredModels
from engine.model import library, opening
from engine.model.families import FAMILIES
from engine.model.library import find_all
from engine.model.opening import BUILTIN
from engine.service.models import list_models, open_model
from engine.service.session import Session
from tests.engine.gguf_damage import small_gguf
from tests.engine.stores import huggingface_snapshot, ollama_model


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty home folder, and remove the variables that name other folders."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setattr(Path, "home", lambda: folder)
    monkeypatch.setattr(library, "OLLAMA_SERVICE", tmp_path / "no service")
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "OLLAMA_MODELS"):
        monkeypatch.delenv(name, raising=False)
    return folder


def found(*folders: Path, own: Path = Path("none")) -> dict[str, StoredModel]:
    """Return the models by name, without the two that come with Nakami."""
    models = [model for model in find_all(own, folders) if model is not None]
    return {model.name: model for model in models if model.path != str(BUILTIN) and model.origin != "bundled"}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Return a folder with the files of a small model."""
    folder = tmp_path / "toy"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        shutil.copy(BUILTIN / name, folder / name)
    return folder


def test_the_memory_is_that_of_the_form_in_which_models_are_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small_gguf(tmp_path / "tiny.gguf")
    monkeypatch.setattr(opening, "MOST_SMALL", 0)
    monkeypatch.setattr(opening, "_is_faster", lambda weights: weights == "float16")
    tiny = found(tmp_path)["tiny"]
    assert tiny.memory == opening.describe(Path(tiny.path), weights="float16").bytes
    assert tiny.memory < opening.describe(Path(tiny.path)).bytes


def test_the_built_in_model_comes_first() -> None:
    first = next(model for model in find_all(Path("none")) if model is not None)
    assert (first.path, first.origin, first.format, first.opens) == (str(BUILTIN), "nakami", "folder", True)
    assert first.parameters == 1_810_432
    assert first.memory == 4 * first.parameters
    assert first.size > 2 * first.parameters  # the weights, and the other files that are read


# --- The cache of huggingface_hub -----------------------------------------------------------------


def test_snapshots_of_the_hubs_cache_are_named_as_on_the_hub(home: Path, toy: Path) -> None:
    cache = home / ".cache" / "huggingface" / "hub"
    snapshot = huggingface_snapshot(cache, "me/toy", toy)
    huggingface_snapshot(cache, "me/toy", toy, ref="step1000", commit="d" * 40)
    huggingface_snapshot(cache, "gpt2", toy)
    models = found()
    assert list(models) == ["gpt2", "me/toy", "me/toy (step1000)"]
    assert models["me/toy"].path == str(snapshot)
    assert models["me/toy"].origin == "huggingface"
    assert models["me/toy"].opens


@pytest.mark.parametrize(
    ("variable", "place"), [("HF_HOME", "x/hub"), ("HF_HUB_CACHE", "x"), ("XDG_CACHE_HOME", "x/huggingface/hub")]
)
def test_variables_move_the_hubs_cache(
    tmp_path: Path, toy: Path, monkeypatch: pytest.MonkeyPatch, variable: str, place: str
) -> None:
    huggingface_snapshot(tmp_path / place, "me/toy", toy)
    assert found() == {}
    monkeypatch.setenv(variable, str(tmp_path / "x"))
    assert list(found()) == ["me/toy"]


def test_incomplete_snapshots_are_left_out(home: Path, toy: Path) -> None:
    cache = home / ".cache" / "huggingface" / "hub"
    huggingface_snapshot(cache, "me/whole", toy)
    for name, file in (("me/weights", "model.safetensors"), ("me/config", "config.json")):
        (huggingface_snapshot(cache, name, toy) / file).unlink()
    broken = huggingface_snapshot(cache, "me/link", toy) / "model.safetensors"
    broken.unlink()
    broken.symlink_to("../../blobs/abc.incomplete")
    parts = huggingface_snapshot(cache, "me/parts", toy)
    (parts / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}')
    shutil.copy(toy / "config.json", parts / "new")
    (parts / "new").write_text('{"model_type": "gpt2"}')
    (parts / "new").replace(parts / "config.json")
    assert list(found()) == ["me/whole"]


def test_weights_that_would_be_unpickled_are_listed_with_the_reason(home: Path, toy: Path) -> None:
    (toy / "model.safetensors").unlink()
    (toy / "config.json").write_text('{"model_type": "gpt2"}')
    (toy / "pytorch_model.bin").write_bytes(b"never")
    huggingface_snapshot(home / ".cache" / "huggingface" / "hub", "openai-community/gpt2", toy)
    model = found()["openai-community/gpt2"]
    assert not model.opens
    assert model.reason == "error.model_pickled"
    assert (model.family, model.parameters) == ("gpt2", 124_439_808)


# --- Ollama ---------------------------------------------------------------------------------------


def test_a_model_of_ollama_is_listed_and_opened_although_its_file_has_no_suffix(home: Path, tmp_path: Path) -> None:
    store = home / ".ollama" / "models"
    blob = ollama_model(store, "registry.ollama.ai/library/tiny/1b", small_gguf(tmp_path / "a.gguf"))
    ollama_model(store, "hf.co/someone/tiny/latest", blob.read_bytes())  # the same weights under another name
    ollama_model(store, "hf.co/someone/other/latest", b"GGUF\x03\0\0\0", digest="b" * 64)
    models = found()
    assert set(models) == {"tiny:1b", "hf.co/someone/other:latest"}
    tiny = models["tiny:1b"]
    assert (tiny.origin, tiny.format, tiny.family, tiny.opens) == ("ollama", "gguf", "llama", True)
    assert tiny.size == blob.stat().st_size
    assert models["hf.co/someone/other:latest"].reason == "error.gguf_damaged"
    session = Session()
    list(open_model(session, OpenModel(tiny.path)))
    assert session.opened.ids_of("the")


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[" * 100_000, b"{}", b'{"layers": 3}', b'{"layers": [{"digest": "sha256:../../x"}]}', b"\xff\xfe"],
)
def test_damaged_manifests_of_ollama_are_left_out(home: Path, manifest: bytes) -> None:
    path = home / ".ollama" / "models" / "manifests" / "registry.ollama.ai" / "library" / "x" / "latest"
    path.parent.mkdir(parents=True)
    path.write_bytes(manifest)
    assert found() == {}


def test_a_manifest_cannot_name_a_file_outside_of_the_store(home: Path, tmp_path: Path) -> None:
    store = home / ".ollama" / "models"
    ollama_model(store, "registry.ollama.ai/library/x/latest", small_gguf(tmp_path / "a.gguf"))
    manifest = store / "manifests" / "registry.ollama.ai" / "library" / "x" / "latest"
    manifest.write_text(manifest.read_text().replace("a" * 64, "../../../../a.gguf"))
    assert found() == {}


# --- LM Studio, Nakami's own, and folders of the user ---------------------------------------------


def test_models_of_lm_studio_are_counted_once_without_projectors(home: Path, tmp_path: Path) -> None:
    data = small_gguf(tmp_path / "a.gguf")
    for base in (".lmstudio", ".cache/lm-studio"):
        folder = home / base / "models" / "publisher" / f"repo-{len(base)}"
        folder.mkdir(parents=True)
        (folder / f"model-{len(base)}.gguf").write_bytes(data)
        (folder / "mmproj-model-f16.gguf").write_bytes(data)
    for part in (1, 2, 3):
        (folder / f"large-{part:05d}-of-00003.gguf").write_bytes(data)
    models = found()
    assert set(models) == {"model-9", "model-16", "large"}
    assert models["large"].size == 3 * len(data)
    assert {model.origin for model in models.values()} == {"lmstudio"}


def test_runs_and_downloads_of_nakami_are_named(tmp_path: Path, toy: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(toy, own / "run-1")
    shutil.copytree(toy, own / "openai-community--gpt2")
    models = found(own=own)
    assert {(model.name, model.origin) for model in models.values()} == {
        ("run-1", "nakami"),
        ("openai-community/gpt2", "huggingface"),
    }


def test_a_folder_of_the_user_is_searched_without_endless_circles(tmp_path: Path, toy: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(toy, folder / "a" / "deep" / "model")
    small_gguf(folder / "b.gguf")
    (folder / "a" / "up").symlink_to(folder)
    (folder / "one").symlink_to(folder / "other")
    (folder / "other").symlink_to(folder / "one")
    (folder / "again.gguf").symlink_to(folder / "b.gguf")
    (folder / "config.json").write_text('{"theme": "dark"}')
    models = found(folder, folder)
    assert {name: model.origin for name, model in models.items()} == {"a/deep/model": "folder", "again": "folder"}


def test_a_model_itself_can_be_added_as_a_folder(toy: Path) -> None:
    assert list(found(toy)) == ["toy"]


def test_a_folder_that_cannot_be_read_is_listed_with_the_reason(tmp_path: Path) -> None:
    gone = found(tmp_path / "gone")["gone"]
    assert (gone.reason, gone.path) == ("error.text_unreadable", str(tmp_path / "gone"))


def test_a_folder_without_permission_does_not_end_the_search(
    tmp_path: Path, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def scandir(folder: Path) -> Any:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    (tmp_path / "mine" / "closed").mkdir(parents=True)
    shutil.copytree(toy, tmp_path / "mine" / "model")
    monkeypatch.setattr(os, "scandir", scandir)
    assert list(found(tmp_path / "mine")) == ["model"]


def test_a_model_without_a_tokenizer_does_not_open(toy: Path) -> None:
    (toy / "tokenizer.json").unlink()
    assert found(toy)["toy"].reason == "error.no_tokenizer"


def test_a_file_with_an_unknown_tokenizer_does_not_open(tmp_path: Path) -> None:
    data = small_gguf(tmp_path / "x.gguf")
    (tmp_path / "x.gguf").write_bytes(data.replace(b"llama-bpe", b"mamma-bpe"))
    model = found(tmp_path)["x"]
    assert (model.reason, model.family) == ("error.tokenizer_unknown", "llama")


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model", b"GGUF\x03\0\0\0" + b"\xff" * 64])
def test_damaged_files_are_listed_with_the_reason(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x.gguf").write_bytes(content)
    assert found(tmp_path / "mine")["x"].reason in ("error.gguf_damaged", "error.gguf_unknown")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**30) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
SETTINGS = ("vocab_size", "hidden_size", "n_layer", "num_hidden_layers", "rope_scaling", "auto_map", "architectures")


@settings(max_examples=150)
@given(family=st.sampled_from([*FAMILIES, "bert"]), values=st.dictionaries(st.sampled_from(SETTINGS), JSON, max_size=3))
def test_a_config_of_any_content_is_described_or_refused(family: str, values: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.json").write_text(json.dumps({"model_type": family} | values))
        (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
        model = library.describe_place(library.Place(folder, "folder", "x"))
    assert model is not None
    assert model.reason.startswith("error.")


# --- The request and the command ------------------------------------------------------------------


def test_the_engine_answers_while_it_searches_and_can_be_stopped(tmp_path: Path) -> None:
    for number in range(3):
        small_gguf(tmp_path / f"{number}.gguf")
    answers = list(list_models(Session(), ListModels("none", (str(tmp_path),))))
    batches = [answer for answer in answers if isinstance(answer, StoredModels)]
    names = [model.name for batch in batches for model in batch.models]
    assert names[0] == "nakami"
    assert names[-3:] == ["0", "1", "2"]
    assert len(batches[0].models) == 1  # at once
    assert answers.count(None) >= len(names)  # another request may run before each model
    running = list_models(Session(), ListModels("none", (str(tmp_path),)))
    next(running)
    running.close()


def test_the_models_command_prints_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_gguf(tmp_path / "tiny.gguf")
    (tmp_path / "bad.gguf").write_bytes(b"GGUF")
    assert main(["models", str(tmp_path), "--json"]) == 0
    models = {model["name"]: model for model in json.loads(capsys.readouterr().out)}
    assert models["tiny"] == {
        "name": "tiny",
        "path": str(tmp_path / "tiny.gguf"),
        "format": "gguf",
        "from": "folder",
        "family": "llama",
        "parameters": models["tiny"]["parameters"],
        "bytes": (tmp_path / "tiny.gguf").stat().st_size,
        "memory": models["tiny"]["memory"],
        "opens": True,
    }
    assert "bad.gguf" in models["bad"]["opens"]
    assert main(["models", str(tmp_path)]) == 0
    assert str(tmp_path / "tiny.gguf") in capsys.readouterr().out
