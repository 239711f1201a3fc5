"""Requests for the built-in world's text and word vectors, and the assessment of unknown texts."""

import math
from pathlib import Path

import numpy as np
import pytest

from engine.errors import EngineError
from engine.history.word2vec import BUILTIN as WORDS, Word2Vec
from engine.messages.embeddings import EmbeddingMap, EmbeddingNames, FindAnalogy, LookUp, Project
from engine.messages.texts import AssessText, WriteWorld
from engine.service import texts
from engine.service.session import Session
from engine.text.world.examples import kinds
from tests.engine.sessions import ask


@pytest.fixture(scope="module")
def session(model_folder: Path) -> Session:
    opened = Session()
    opened.open(model_folder)
    return opened


# --- The world's text ----------------------------------------------------------------------------------


def test_the_world_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "world.txt"
    shares = [progress.fraction for progress in ask(Session(), WriteWorld(str(path), 0.4))]
    assert shares == sorted(shares)
    assert 400_000 <= path.stat().st_size < 410_000
    assert [file.name for file in path.parent.iterdir()] == ["world.txt"]


def test_a_cancelled_text_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "world.txt"
    writing = texts.write_world(Session(), WriteWorld(str(path), 50))
    next(writing)
    writing.close()
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineError, match="not_written"):
        (ask(Session(), WriteWorld(str(tmp_path / "file" / "world.txt"), 0.1)))


# --- Texts that the model does not know ---------------------------------------------------------------


def test_unknown_characters_are_listed_once(session: Session) -> None:
    [found] = ask(session, AssessText("the cat 𠮟 sat 😀 on 𠮟"))
    assert found.unknown == "𠮟😀"


def test_a_text_like_the_training_text_has_a_lower_loss(session: Session) -> None:
    [known] = ask(session, AssessText("the cat sat on the mat. the dog sat on the log."))
    [foreign] = ask(session, AssessText("gol tam eht hsiW. nodtol 犬森猫 odcat らては森"))
    assert known.loss < foreign.loss
    assert known.guessing == foreign.guessing == math.log(session.opened.model.config.vocabulary)
    assert ask(session, AssessText("")) == []


# --- Word vectors -------------------------------------------------------------------------------------


@pytest.mark.skipif(not WORDS.is_dir(), reason="built with the built-in model")
class TestWordVectors:
    @pytest.mark.parametrize("language", ["ja", "en"])
    def test_the_map_contains_the_words_of_each_kind(self, language: str) -> None:
        names, shown = ask(Session(), Project(source="word2vec", language=language))
        assert isinstance(names, EmbeddingNames)
        assert isinstance(shown, EmbeddingMap)
        known = kinds("en" if language == "en" else "ja")
        assert len(shown.points) == len(names.pieces) > 100
        assert all(piece in known[kind] for piece, kind in zip(names.pieces, names.kinds, strict=True))
        assert np.all(np.diff(names.ids) > 0)

    def test_neighbours_are_words_of_the_same_map(self) -> None:
        session = Session()
        [names, _] = ask(session, Project(source="word2vec", language="en"))
        dog = int(names.ids[names.pieces.index("dog")])
        [row] = ask(session, LookUp(dog, 5, "word2vec", "en"))
        assert row.piece == "dog"
        assert np.array_equal(row.vector, Word2Vec.load(WORDS).vectors_VD[dog])
        assert set(row.near.pieces) <= set(names.pieces) - {"dog"}

    @pytest.mark.parametrize(
        ("language", "words", "found"), [("en", ("king", "man", "woman"), "queen"), ("ja", ("王", "男", "女"), "女王")]
    )
    def test_king_minus_man_plus_woman_is_queen(self, language: str, words: tuple[str, str, str], found: str) -> None:
        [analogy] = ask(Session(), FindAnalogy(*words, 3, "word2vec", language))
        assert analogy.near.pieces[0] == found

    def test_a_word_without_a_vector_is_reported(self) -> None:
        with pytest.raises(EngineError, match="word_unknown") as caught:
            (ask(Session(), FindAnalogy("king", "qqq", "woman", 3, "word2vec", "en")))
        assert caught.value.args_by_name["word"] == "qqq"
