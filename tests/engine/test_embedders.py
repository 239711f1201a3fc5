"""Embedders, compared with independent computations, and folders that are refused."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.cli.main import main
from engine.errors import EngineError
from engine.history.word2vec import Word2Vec
from engine.messages.documents import AddDocuments, ChooseEmbedder, CollectionInfo, OpenCollection
from engine.messages.envelope import Request
from engine.messages.models import OpenModel
from engine.messages.search import Search
from engine.model.checkpoint import save_weights
from engine.model.opening import load_model
from engine.model.tape import Tape
from engine.retrieval.collection import Collection
from engine.retrieval.embedders import Choice, Encoder, HiddenStates, WordMeans, open_embedder
from engine.retrieval.embedding import choose_embedder
from engine.service.handlers import answering

WORDS = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ":", "query", "passage"),
    *("the", "cat", "dog", "sat", "on", "mat", "log", "猫", "犬", "は", "森", "家", "で"),
)
TEXTS = ("the cat", "the dog sat on the log . the cat sat on the mat", "猫は森で", "mat")
LONGEST = 24  # tokens, of the tiny encoder


def save_encoder(folder: Path, first_token: bool = False) -> Path:
    """Save a tiny untrained BERT in the format of sentence-transformers."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=LONGEST, **shape)
    transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizer(vocab={word: i for i, word in enumerate(WORDS)}).save_pretrained(folder)
    pooling = {"pooling_mode_cls_token": first_token, "pooling_mode_mean_tokens": not first_token}
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 16} | pooling))
    return folder


def by_transformers(folder: Path, text: str, first_token: bool = False) -> np.ndarray:
    """Return the states of one text, without padding."""
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    model = transformers.AutoModel.from_pretrained(str(folder)).eval()
    with torch.no_grad():
        states_TD = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
    vector_D = states_TD[0] if first_token else states_TD.mean(dim=0)
    return np.asarray(vector_D / vector_D.norm())


# --- Encoders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("first_token", [False, True])
def test_an_encoder_pools_as_its_configuration_says(tmp_path: Path, first_token: bool) -> None:
    folder = save_encoder(tmp_path / "tiny", first_token)
    encoder = Encoder(folder)
    rows = encoder.embed(TEXTS)
    assert rows.shape == (len(TEXTS), encoder.width) == (4, 16)
    assert np.allclose(rows, [by_transformers(folder, text, first_token) for text in TEXTS], atol=1e-5)
    assert np.abs(rows[0] - rows[2]).max() > 1e-3  # otherwise the comparison above is meaningless


def test_padding_does_not_change_a_vector(tmp_path: Path) -> None:
    encoder = Encoder(save_encoder(tmp_path / "tiny"))
    assert np.allclose(encoder.embed(TEXTS), [encoder.embed([text])[0] for text in TEXTS], atol=1e-5)


def test_only_the_beginning_of_a_long_text_counts(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path / "tiny")
    seen = " ".join(["cat"] * (LONGEST - 2))  # plus the two special tokens
    assert np.allclose(Encoder(folder).embed([seen + " dog" * 500])[0], by_transformers(folder, seen), atol=1e-5)


@pytest.mark.parametrize(("name", "prefixed"), [("multilingual-e5-tiny", True), ("4fe5a1", False)])
def test_e5_gets_the_prefixes_that_it_was_trained_with(tmp_path: Path, name: str, prefixed: bool) -> None:
    folder = save_encoder(tmp_path / name)
    encoder = Encoder(folder)
    query, passage = ("query: ", "passage: ") if prefixed else ("", "")
    assert np.allclose(
        encoder.embed(["the cat"], question=True)[0], by_transformers(folder, query + "the cat"), atol=1e-5
    )
    assert np.allclose(encoder.embed(["the cat"])[0], by_transformers(folder, passage + "the cat"), atol=1e-5)


def without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def without_tokenizer(folder: Path) -> None:
    for path in (*folder.glob("tokenizer*"), *folder.glob("vocab*")):
        path.unlink()


def cut_off(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 1000)


def without_a_layer(folder: Path) -> None:
    """Keep half of the weights; the others would be initialised at random."""
    from safetensors.torch import load_file, save_file

    whole = load_file(folder / "model.safetensors")
    part = {name: tensor for name, tensor in whole.items() if "layer.1." not in name}
    save_file(part, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "key"),
    [
        (without_config, "error.model_missing"),
        (without_weights, "error.model_no_weights"),
        (pickled, "error.model_pickled"),
        (without_tokenizer, "error.no_tokenizer"),
        (cut_off, "error.model_damaged"),
        (without_a_layer, "error.model_mismatch"),
    ],
)
def test_an_incomplete_folder_is_refused(tmp_path: Path, spoil: Callable[[Path], None], key: str) -> None:
    folder = save_encoder(tmp_path / "tiny")
    spoil(folder)
    with pytest.raises(EngineError) as raised:
        Encoder(folder)
    assert raised.value.key == key


def test_a_missing_mecab_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_encoder(tmp_path / "tiny")

    def needs_mecab(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("fugashi")

    monkeypatch.setattr(pytest.importorskip("transformers").AutoTokenizer, "from_pretrained", needs_mecab)
    with pytest.raises(EngineError) as raised:
        Encoder(folder)
    assert raised.value.key == "error.tokenizer_program"


# --- Hidden states and word vectors -----------------------------------------------------------


def test_hidden_states_are_a_mean_over_all_tokens_in_windows(model_folder: Path) -> None:
    model, tokenizer = load_model(model_folder)
    text = "the cat sat on the mat. the dog sat on the log. 猫は森で暮らしている。"
    ids, context = tokenizer.encode(text), model.config.context
    assert len(ids) > context
    states = []
    with torch.no_grad():
        for start in range(0, len(ids), context):
            tape = Tape(["ln_final"])
            model(
                torch.tensor([ids[start : start + context]]), tape=tape
            )  # an independent way: keep all activations at once
            states.append(tape["ln_final"][0].numpy())
    mean_D = np.concatenate(states).mean(axis=0)
    embedder = HiddenStates(model_folder)
    assert np.allclose(embedder.embed([text])[0], mean_D / np.linalg.norm(mean_D), atol=1e-4)
    assert embedder.embed([""]).tolist() == [[0.0] * embedder.width]


def test_word_vectors_are_averaged_with_larger_weights_for_rare_words(tmp_path: Path) -> None:
    Word2Vec(["the", "cat", "猫"], np.eye(3, dtype=np.float32)).save(tmp_path)
    embedder = WordMeans(tmp_path)
    the, cat = embedder.embed(["the cat"])[0][:2]
    share = np.array([1, 1 / 2]) / (1 + 1 / 2 + 1 / 3)
    a = WordMeans.SMOOTHING
    assert cat / the == pytest.approx((a + share[0]) / (a + share[1]), rel=1e-4)
    assert cat > the
    assert np.allclose(embedder.embed(["The cat!"]), embedder.embed(["cat the"]))
    assert embedder.embed(["猫", "unheard of"]).tolist() == [[0, 0, 1], [0, 0, 0]]


# --- Collections --------------------------------------------------------------------------------------


def test_a_collection_is_indexed_and_searched_with_an_encoder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    documents, folder = tmp_path / "documents", tmp_path / "c"
    documents.mkdir()
    for number, text in enumerate(TEXTS[:3]):
        (documents / f"{number}.txt").write_text(text, "utf-8")
    assert main(["index", str(documents), "--out", str(folder)]) == 0
    collection = Collection(folder)
    for _ in choose_embedder(collection.store, Choice("encoder", str(save_encoder(tmp_path / "tiny")))):
        pass
    collection.close()
    (documents / "3.txt").write_text(TEXTS[3], "utf-8")
    assert main(["index", "--out", str(folder)]) == 0  # new passages are embedded by the encoder, too
    capsys.readouterr()
    for number, text in enumerate(TEXTS):
        assert main(["search", str(folder), text, "--mode", "vector", "--json"]) == 0
        best = json.loads(capsys.readouterr().out)["hits"][0]
        assert Path(best["file"]).name == f"{number}.txt"
        assert best["score"] == pytest.approx(1.0, abs=1e-4)


def test_a_collection_opens_without_its_embedder_and_can_get_another(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the cat sat on the mat")
    Word2Vec(["cat", "mat"], np.eye(2, dtype=np.float32)).save(tmp_path / "words")
    handlers, folder = answering(), str(tmp_path / "c")

    def ask(request: Request[Any]) -> CollectionInfo:
        *_, info = [event for event in handlers(request) if event is not None]
        assert isinstance(info, CollectionInfo)
        return info

    ask(OpenCollection(folder, create=True))
    ask(AddDocuments((str(tmp_path / "a.txt"),)))
    info = ask(ChooseEmbedder("word2vec", str(tmp_path / "words")))
    assert (info.embedder, info.embedder_folder, info.width) == ("word2vec", str(tmp_path / "words"), 2)
    (tmp_path / "words").rename(tmp_path / "gone")
    ask(OpenCollection(str(tmp_path / "other"), create=True))  # closes this one
    handlers = answering()  # as after a restart
    open_embedder.cache_clear()
    info = ask(OpenCollection(folder))
    assert (info.embedder, info.width) == ("word2vec", 0)
    with pytest.raises(EngineError) as raised:
        ask(Search("cat"))
    assert raised.value.key == "error.model_missing"
    info = ask(ChooseEmbedder("lsa"))
    assert info.embedder == "lsa"
    assert info.width > 0
    ask(OpenCollection(str(tmp_path / "other"), create=True))  # closes this one


@pytest.mark.parametrize("new_start", [False, True])
def test_vectors_of_earlier_weights_are_reported_as_outdated_until_recomputed(
    tmp_path: Path, model_folder: Path, new_start: bool
) -> None:
    """A question embedded by further trained weights is not comparable with the passages."""
    text, folder, collection = "the cat sat on the mat", tmp_path / "story", str(tmp_path / "c")
    (tmp_path / "a.txt").write_text(text)
    shutil.copytree(model_folder, folder)
    handlers = answering()

    def ask(request: Request[Any]) -> list[Any]:
        return [event for event in handlers(request) if event is not None]

    def vector() -> np.ndarray:
        (found,) = ask(Search("\n" + text, mode="vector"))  # as a passage without a heading is embedded
        assert found.cosines_N[0] == pytest.approx(1, abs=1e-4)
        return np.asarray(found.vector)

    ask(OpenCollection(collection, create=True))
    ask(AddDocuments((str(tmp_path / "a.txt"),)))
    ask(OpenModel(str(folder)))
    assert ask(ChooseEmbedder("model"))[-1].embedder_step == 30
    before = vector()
    model, _ = load_model(folder)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn_like(weights), alpha=0.1)
    save_weights(folder, model, step=40)
    if new_start:
        ask(OpenCollection(str(tmp_path / "other"), create=True))  # closes this one
        handlers = answering()
        open_embedder.cache_clear()
        (info,) = ask(OpenCollection(collection))
        assert (info.embedder, info.embedder_step, info.width) == ("model", 30, 0)
        with pytest.raises(EngineError) as raised:
            vector()
        assert raised.value.key == "error.vectors_outdated"
        assert ask(Search(text, mode="keyword"))[0].hits
        ask(OpenModel(str(folder)))
    else:
        assert np.array_equal(vector(), before)
    assert ask(ChooseEmbedder("model"))[-1].embedder_step == 40
    assert np.abs(vector() - before).max() > 1e-3
    ask(OpenCollection(str(tmp_path / "other"), create=True))
