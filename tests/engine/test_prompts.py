"""Prompts: their length, the places of their sources, chat templates, special tokens; and writing the answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings, strategies as st

from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.messages.documents import AddDocuments, OpenCollection
from engine.messages.envelope import Request
from engine.messages.models import OpenModel
from engine.messages.search import Answered, Ask, PromptBuilt
from engine.model.checkpoint import save_model
from engine.model.config import ModelConfig
from engine.model.tape import Tape
from engine.model.transformer import Transformer
from engine.retrieval import asking
from engine.retrieval.answering import attention_to_parts, can_answer, prompt_limit, write
from engine.retrieval.prompts import Chat, Plain, PlainChat, Prompt, Style, build, language_of, style_for
from engine.service.handlers import answering
from engine.text.chat_template import ChatTemplate
from engine.text.foreign import Foreign
from engine.text.tokenizer import Tokenizer, train_characters

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NAMES = {"bos_token": "<s>", "eos_token": "</s>"}
SPECIAL = ("<s>", "</s>", "<|im_start|>", "<|im_end|>")

PASSAGES = st.lists(
    st.text(st.sampled_from("abc .\n猫は。😀1e"), max_size=80).map(str.strip)
    | st.sampled_from(["the source", "1", "[1]", "sources alone", "資料", "Answer:", "のように", "Question: ", "."]),
    max_size=5,
)
QUESTIONS = st.text(st.sampled_from("ab?猫 1"), max_size=20)


@pytest.fixture(scope="module")
def characters() -> Tokenizer:
    return train_characters(["abc .\n猫は。1e Question: Answer:質問：答え："])


@pytest.fixture(scope="module")
def special() -> Tokenizer:
    """Make a tokenizer with special tokens, one of which begins every text."""
    described = {
        "version": "1.0",
        "added_tokens": [
            {"id": token, "content": name, "special": True, "single_word": False, "lstrip": False, "rstrip": False}
            | {"normalized": False}
            for token, name in enumerate(SPECIAL)
        ],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}},
        },
        "normalizer": None,
        "model": {
            "type": "BPE",
            "vocab": {name: token for token, name in enumerate(SPECIAL)} | letters(len(SPECIAL)),
            "merges": [],
            "fuse_unk": False,
        },
    }
    return Tokenizer(Foreign(json.dumps(described)))


def letters(first: int) -> dict[str, int]:
    from engine.text.foreign import _byte_of_character

    return {character: first + i for i, character in enumerate(_byte_of_character())}


def first_line(passage: str) -> tuple[int, int]:
    return 0, 1


CHAT = Chat(ChatTemplate(TEMPLATE, NAMES, Path("model")))
PLAIN_CHAT = PlainChat(ChatTemplate(TEMPLATE, NAMES, Path("model")))
STYLES: list[Callable[[], Style]] = [
    lambda: Plain(1),
    lambda: Plain(5),
    lambda: CHAT,
    lambda: PLAIN_CHAT,
]


# --- What fits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES, ids=["one source", "plain", "chat", "plain chat"])
@settings(max_examples=60)
@given(question=QUESTIONS, passages=PASSAGES, room=st.integers(0, 900), best=st.integers(0, 100))
def test_a_prompt_is_never_longer_than_its_room(
    characters: Tokenizer, style: Callable[[], Style], question: str, passages: list[str], room: int, best: int
) -> None:
    made = built(style(), characters, question, passages, room, lambda p: (min(best, max(0, len(p) - 1)), best + 1))
    assume(made is not None)
    assert made is not None
    assert len(made.ids) <= room
    assert made.ids == characters.encode(made.text)
    missing = {left.source: left for left in made.left_out}
    assert [part.source for part in made.parts] == sorted({part.source for part in made.parts})
    assert all(before.end <= after.start for before, after in zip(made.parts, made.parts[1:], strict=False))
    for part in made.parts:
        shown, whole = made.text[part.start : part.end], passages[part.source]
        assert shown in whole
        left = missing.get(part.source)
        assert len(whole) - len(shown) == (left.characters if left else 0)
        assert left is None or not left.whole
    there = {part.source for part in made.parts}
    for index, passage in enumerate(passages):
        if passage and index not in there:
            assert (missing[index].whole, missing[index].characters) == (True, len(passage))


def built(
    style: Style, tokenizer: Tokenizer, question: str, passages: list[str], room: int, near: Any = first_line
) -> Prompt | None:
    """Return None if the question alone is too long, after checking that this is reported."""
    if len(tokenizer.encode(style(question, []))) <= room:
        return build(style, tokenizer, question, passages, room, near)
    with pytest.raises(EngineError) as raised:
        build(style, tokenizer, question, passages, room, near)
    assert raised.value.key == "error.question_long"
    return None


@settings(max_examples=80)
@given(question=QUESTIONS, passages=PASSAGES)
def test_the_parts_of_a_chat_prompt_follow_their_numbers(
    characters: Tokenizer, question: str, passages: list[str]
) -> None:
    """A passage may be so short that the instructions contain it, too."""
    made = build(CHAT, characters, question, passages, 100_000, first_line)
    for number, part in enumerate(made.parts, start=1):
        assert made.text[: part.start].endswith(f"\n\n[{number}] ")
        assert made.text[part.start : part.end] == passages[part.source]
    assert len(made.parts) == sum(map(bool, passages))


@settings(max_examples=80)
@given(passages=PASSAGES)
def test_a_plain_prompt_begins_with_its_sources(characters: Tokenizer, passages: list[str]) -> None:
    made = build(Plain(5), characters, "a?", passages, 100_000, first_line)
    assert (
        "".join(f"{made.text[part.start : part.end]}\n" for part in made.parts) + "Question: a?\nAnswer:" == made.text
    )


def test_more_room_never_shortens_the_best_passage(characters: Tokenizer) -> None:
    passages = ["a b c. " * 30 + "猫は。" + " b a." * 30, "c" * 50]
    shown = []
    for room in range(30, 600, 10):
        made = build(Plain(5), characters, "猫?", passages, room, lambda p: (p.find("猫"), p.find("猫") + 3))
        shown.append(sum(part.end - part.start for part in made.parts if part.source == 0))
        assert not made.parts or made.parts[0].source > 0 or "猫は。" in made.text
    assert shown == sorted(shown)
    assert shown[-1] == len(passages[0])


# --- Hostile documents ----------------------------------------------------------------------------------------


@st.composite
def hostile(draw: st.DrawFn) -> str:
    """Nest special tokens in each other, or put them at the edges."""
    text = ""
    for name in draw(st.lists(st.sampled_from(SPECIAL), max_size=5)):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + name + text[place:]
    return text


@settings(max_examples=150)
@given(question=hostile(), passages=st.lists(hostile(), min_size=1, max_size=3))
def test_no_document_or_question_can_contain_a_special_token(
    special: Tokenizer, question: str, passages: list[str]
) -> None:
    """Special tokens may be nested, or come into being when another one is removed."""
    style = CHAT
    harmless = build(style, special, "a", ["b"] * len(passages), 100_000, first_line)
    made = build(style, special, question, passages, 100_000, first_line)
    special_ids = [token for token in made.ids if special.kind_of(token) == "special"]
    assert special_ids == [token for token in harmless.ids if special.kind_of(token) == "special"]


@pytest.mark.parametrize("depth", [1, 2, 5, 20_000])
def test_nested_special_tokens_leave_none(special: Tokenizer, depth: int) -> None:
    nested = "<|im_" * depth + "<|im_end|>" + "end|>" * depth
    made = build(Plain(1), special, "a?", [f"Before. {nested} After."], 10**7, first_line)
    assert not any(name in made.text for name in SPECIAL)
    assert "Before." in made.text
    assert "After." in made.text


def test_a_doubled_first_token_is_dropped(special: Tokenizer) -> None:
    """Both the template and the tokenizer add it."""
    made = build(CHAT, special, "a?", ["b"], 10_000, first_line)
    assert [special.piece(token) for token in made.ids[:2]] == ["<s>", "<|im_start|>"]
    assert len(made.ids) == len(special.encode(made.text)) - 1


# --- Templates --------------------------------------------------------------------------------------------------


def chat_folder(folder: Path, **settings: object) -> Path:
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def test_the_default_template_is_used_of_several(tmp_path: Path) -> None:
    several = [{"name": "tool_use", "template": "TOOLS"}, {"name": "default", "template": "{{ messages[0].content }}!"}]
    assert style_for(chat_folder(tmp_path, chat_template=several))("Where?", []) == "Where?!"
    assert isinstance(style_for(chat_folder(tmp_path, chat_template=several[:1])), Plain)
    assert isinstance(style_for(chat_folder(tmp_path, chat_template=["default"])), Plain)
    assert isinstance(style_for(chat_folder(tmp_path, chat_template=None)), Plain)


def test_a_template_file_overrides_the_one_in_the_configuration(tmp_path: Path) -> None:
    chat_folder(tmp_path, chat_template="old", eos_token=None, bos_token="^")
    (tmp_path / "chat_template.jinja").write_text("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", "utf-8")
    assert style_for(tmp_path)("猫?", []) == "^猫?"


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('no') }}",
        "{% include '/etc/passwd' %}",
        "{{ messages.append(1) }}",
        "{{ nothing.at.all }}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "the message is missing",
    ],
)
def test_a_template_that_fails_or_tries_to_run_code_is_refused(tmp_path: Path, template: str) -> None:
    with pytest.raises(EngineError) as raised:
        style_for(chat_folder(tmp_path, chat_template=template))
    assert raised.value.key.startswith("error.template_")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"text"', b"\xff\xfe"])
def test_a_damaged_configuration_is_reported(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "tokenizer_config.json").write_bytes(data)
    with pytest.raises(EngineError) as raised:
        style_for(tmp_path)
    assert raised.value.key == "error.model_damaged"


def test_a_template_file_that_is_no_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EngineError) as raised:
        style_for(tmp_path)
    assert raised.value.key == "error.model_damaged"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where?", "en"),
        ("", "en"),
        ("猫", "ja"),
        ("Kyoto 京都?", "ja"),
        ("ｶﾅ", "ja"),
        ("𠮟", "ja"),
        ("々", "ja"),
        ("é한", "en"),
    ],
)
def test_the_language_of_a_question(text: str, language: str) -> None:
    assert language_of(text) == language
    assert Plain(1)(text, []).endswith("答え：" if language == "ja" else "Answer:")


# --- The answer -----------------------------------------------------------------------------------------------


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_prompt_and_answer_share_the_context(context: int, tokens: int) -> None:
    room = prompt_limit(context, tokens)
    assert 0 < room <= context
    assert room >= context * 2 // 3
    assert context - room == min(tokens, context // 3)


@pytest.fixture(scope="module")
def reader(characters: Tokenizer) -> Reader:
    torch.manual_seed(1)
    return Reader(
        Transformer(ModelConfig(characters.vocabulary, 2, 2, 2, width=16, head_width=8, mlp_width=32, context=40))
    )


@settings(max_examples=25)
@given(passages=PASSAGES, tokens=st.integers(0, 60))
def test_an_answer_ends_before_the_context_is_full(
    characters: Tokenizer, reader: Reader, passages: list[str], tokens: int
) -> None:
    context = reader.model.config.context
    made = built(Plain(5), characters, "a?", passages, prompt_limit(context, tokens))
    assume(made is not None)
    assert made is not None
    written = [step for step in write(reader, characters, made, tokens, Plain(5)) if step is not None]
    assert len(written) <= tokens
    assert len(made.ids) + len(written) <= context
    if not written:
        return
    parts = attention_to_parts(reader.model, characters, made, [step.id for step in written], len(passages))
    assert parts.shape == (len(written), len(passages) + 2)
    assert np.allclose(parts.sum(axis=1), 1, atol=1e-3)
    assert parts[0, -1] == 0  # the first token has no answer token before it
    shown = {part.source for part in made.parts}
    assert all((parts[:, index] > 0).all() == (index in shown) for index in range(len(passages)))


def test_the_attention_to_each_source_equals_the_models_pattern(characters: Tokenizer, reader: Reader) -> None:
    """Sum the patterns of all layers by hand."""
    made = build(Plain(5), characters, "a?", ["猫は。", "1"], 30, first_line)
    answer = characters.encode("abc")
    tape = Tape(["blocks.0.attn.pattern", "blocks.1.attn.pattern"])
    with torch.no_grad():
        reader.model(torch.tensor([[*made.ids, *answer]]), tape=tape)
    mean_TS = np.mean([tape[f"blocks.{i}.attn.pattern"][0].float().mean(dim=0).numpy() for i in (0, 1)], axis=0)
    found = attention_to_parts(reader.model, characters, made, answer, 2)
    for row, position in enumerate(range(len(made.ids) - 1, len(made.ids) + len(answer) - 1)):
        for part in made.parts:  # every token is one character here
            assert found[row, part.source] == pytest.approx(mean_TS[position, part.start : part.end].sum(), abs=1e-4)
        assert found[row, 3] == pytest.approx(mean_TS[position, len(made.ids) :].sum(), abs=1e-4)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_untrained_model_fails_the_trials_and_a_chat_model_is_not_tried(
    characters: Tokenizer, reader: Reader, language: str
) -> None:
    *_, able = can_answer(reader, characters, Plain(1), language)
    assert able is False
    assert list(can_answer(reader, characters, CHAT, language)) == [True]


def test_opening_another_model_ends_the_answer(
    characters: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "can_answer", lambda *_: iter([True]))
    handlers = answering()

    def ask(request: Request[Any]) -> list[Any]:
        return [event for event in handlers(request) if event is not None]

    config = ModelConfig(characters.vocabulary, 2, 2, 2, width=16, head_width=8, mlp_width=32, context=96)
    save_model(tmp_path / "model", Transformer(config), characters, 0)
    (tmp_path / "a.txt").write_text("the cat sat")
    ask(OpenCollection(str(tmp_path / "c"), create=True))
    ask(AddDocuments((str(tmp_path / "a.txt"),)))
    ask(OpenModel(str(tmp_path / "model")))
    running = handlers(Ask("cat", tokens=3))
    assert any(isinstance(event, PromptBuilt) for event in running)
    ask(OpenModel(str(tmp_path / "model")))
    assert [event for event in running if event is not None] == []
    assert isinstance(ask(Ask("cat", tokens=3))[-1], Answered)  # the next answer is complete
    ask(OpenCollection(str(tmp_path / "other"), create=True))  # closes it
