"""Small stores of models as other programs make them: the cache of huggingface_hub, Ollama's, LM Studio's."""

import json
from pathlib import Path


def huggingface_snapshot(cache: Path, name: str, files: Path, ref: str = "main", commit: str = "c" * 40) -> Path:
    """Add a snapshot whose files are links to those in the folder `files`, as huggingface_hub keeps them."""
    repository = cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    named = repository / "refs" / ref
    named.parent.mkdir(parents=True, exist_ok=True)
    named.write_text(commit)
    for file in files.iterdir():
        (snapshot / file.name).symlink_to(file)
    return snapshot


def ollama_model(store: Path, name: str, weights: bytes, digest: str = "a" * 64) -> Path:
    """Add a manifest such as registry.ollama.ai/library/llama3/latest, and the blob that it names."""
    manifest, blob = store / "manifests" / name, store / "blobs" / f"sha256-{digest}"
    manifest.parent.mkdir(parents=True)
    blob.parent.mkdir(exist_ok=True)
    layers = [
        {"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:" + "1" * 64, "size": 3},
        {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": len(weights)},
    ]
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    blob.write_bytes(weights)
    return blob
