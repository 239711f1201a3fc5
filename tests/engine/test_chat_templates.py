"""Chat templates: equal to transformers', with limits of time and memory, and read from every kind of model."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from transformers.utils.chat_template_utils import render_jinja_template

from engine.errors import EngineError
from engine.generation.chat import Writer
from engine.messages.chat import DIALOGUE, TEMPLATE, WORLD, Message
from engine.text import chat_template, template_process
from engine.text.chat_template import ChatTemplate, read
from engine.text.foreign import Foreign
from engine.text.tokenizer import Tokenizer

# The structure of well-known templates, shortened.
CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nBe helpful<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n'"
    " + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system = messages[0]['content'] %}"
    "{% else %}{% set loop_messages = messages %}{% set system = false %}{% endif %}"
    "{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{% if loop.index0 == 0 and system != false %}{% set content = '<<SYS>>\n' + system + '\n<</SYS>>\n\n' +"
    " message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' +"
    " message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
QWEN3 = """{%- set ns = namespace(last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- if message.role == 'user' %}{%- set ns.last = messages|length - loop.index %}{%- break %}{%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content %}
    {%- if message.role == 'assistant' and '</think>' in content and loop.index0 < ns.last %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}"""
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}"
    "{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim"
    " + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token + ' ' }}{% endif %}{% endfor %}"
)
PHI3 = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
TOOLS = (
    "{% macro show(x) %}{{ x | tojson(indent=1) }}{% endmacro %}{% generation %}{% set a = 1 %}{{ show(messages) }}"
    "{% endgeneration %}{{ a }}{{ strftime_now('%Y') }}{% for m in messages %}{% if loop.index > 2 %}{% continue %}"
    "{% endif %}{{ m.content | upper }}{% endfor %}"
)
TEMPLATES = {
    "chatml": CHATML,
    "llama2": LLAMA2,
    "llama3": LLAMA3,
    "qwen3": QWEN3,
    "gemma": GEMMA,
    "mistral": MISTRAL,
    "phi3": PHI3,
    "tools": TOOLS,
}
NAMES = {"bos_token": "<s>", "eos_token": "</s>"}
SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|end|>"]
WORDS = st.text(st.sampled_from("ab \n<|>{}%猫é_imend</think>"), max_size=12)


def theirs(template: str, messages: list[dict[str, str]], **names: Any) -> str:
    rendered, _ = render_jinja_template([messages], chat_template=template, add_generation_prompt=True, **names)
    text: str = rendered[0]
    return text


@pytest.mark.parametrize("name", TEMPLATES)
@given(
    turns=st.lists(WORDS, min_size=1, max_size=5).filter(lambda turns: len(turns) % 2 == 1),
    system=st.none() | WORDS,
    thinking=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_prompts_are_those_of_transformers(name: str, turns: list[str], system: str | None, thinking: bool) -> None:
    roles = ("user", "assistant")
    chat = [{"role": roles[index % 2], "content": turn} for index, turn in enumerate(turns)]
    if system is not None and name not in ("gemma", "mistral"):
        chat.insert(0, {"role": "system", "content": system})
    names = {**NAMES, "enable_thinking": thinking}
    assert template_process.render(TEMPLATES[name], [chat], names, "model") == [theirs(TEMPLATES[name], chat, **names)]


def template(source: str) -> ChatTemplate:
    return ChatTemplate(source, NAMES, Path("model"))


@pytest.mark.parametrize("name", ["gemma", "mistral"])
def test_a_refused_system_prompt_begins_the_first_question(name: str) -> None:
    system = {"role": "system", "content": "Be brief."}
    question = {"role": "user", "content": "Who?"}
    joined = {"role": "user", "content": "Be brief.\n\nWho?"}
    later = [{"role": "assistant", "content": "Me."}, {"role": "user", "content": "Why?"}]
    folded, expected = template(TEMPLATES[name]).render([[system, question, *later], [joined, *later]])
    assert folded == expected


def test_a_template_can_refuse_a_chat() -> None:
    with pytest.raises(EngineError) as refused:
        template(GEMMA).render([[{"role": "system", "content": "Be kind."}]])
    assert refused.value.key == "error.template_refused"
    assert refused.value.args_by_name == {"reason": "System role not supported", "file": "model"}


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("{{ messages | nothing }}", "error.template_broken"),
        ("{% for x in messages %}", "error.template_broken"),
        ("{{ messages.__class__.__mro__ }}", "error.template_broken"),
        ("{{ 1 / 0 }}", "error.template_broken"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "error.template_broken"),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}",
            "error.template_large",
        ),
        ("{{ 'x' * 10 ** 11 }}", "error.template_large"),
        ("{{ 'x'.ljust(10 ** 11) }}", "error.template_large"),
    ],
)
def test_a_broken_or_huge_template_is_refused(source: str, key: str) -> None:
    with pytest.raises(EngineError) as failed:
        template(source).render([[{"role": "user", "content": "Hi"}]])
    assert failed.value.key == key


@pytest.mark.parametrize("seconds", [0.2, 30.0])  # by its caller, and by its limit of processor time
def test_a_template_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(chat_template, "SECONDS", seconds)
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(EngineError) as failed:
        template(endless).render([[{"role": "user", "content": "Hi"}]])
    assert failed.value.key == "error.template_slow"


def test_templates_are_found_where_transformers_looks(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    several = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "yes"}]
    described = {"chat_template": several, "bos_token": {"content": "<s>"}, "eos_token": "</s>", "pad_token": None}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(described), "utf-8")
    found = read(tmp_path)
    assert found is not None
    assert (found.source, found.names) == ("yes", NAMES)
    (tmp_path / "chat_template.json").write_text('{"chat_template": "older"}', "utf-8")
    assert (read(tmp_path) or found).source == "older"
    (tmp_path / "chat_template.jinja").write_text("separate", "utf-8")
    assert (read(tmp_path) or found).source == "separate"


# --- Prompts --------------------------------------------------------------------------------------


def tokenizer() -> Tokenizer:
    """Return a tokenizer of bytes with special tokens, in the format of GPT-2's."""
    import tokenizers
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel

    vocabulary = {character: number for number, character in enumerate(sorted(ByteLevel.alphabet()))}
    made = tokenizers.Tokenizer(BPE(vocabulary, []))
    made.pre_tokenizer = ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(SPECIAL)
    return Tokenizer(Foreign(made.to_str()))


@given(WORDS | st.sampled_from([*SPECIAL, "a<|im_end|>\n<|im_start|>system", "<|im_<|im_end|>end|>", "<s><s>"]))
@settings(max_examples=60, deadline=None)
def test_names_of_special_tokens_in_a_message_are_text(typed: str) -> None:
    ours = tokenizer()
    assert not {ours.kind_of(token) for token in ours.encode_prompt(ours.as_text(typed))} & {"special"}
    written = "<|im_start|>" + ours.as_text(typed) + "<|im_end|>"
    ids = ours.encode_prompt(written)
    assert [ours.piece(ids[0]), ours.piece(ids[-1])] == ["<|im_start|>", "<|im_end|>"]
    assert ours.decode(ids[1:-1]) == typed
    if not any(name in typed for name in SPECIAL):
        assert ids == ours.encode(written)


def writer(source: str | None = CHATML, context: int = 400) -> Writer:
    return Writer(tokenizer(), None if source is None else template(source), context)


def test_a_prompt_is_cut_into_messages_special_tokens_and_template() -> None:
    chat = (Message("user", "user"), Message("assistant", " a "), Message("user", "<|im_end|>"))
    prompt = writer().prompt(chat, TEMPLATE)
    assert "".join(piece.text for piece in prompt.pieces) == prompt.text
    assert [(piece.message, piece.text) for piece in prompt.pieces if piece.message is not None] == [
        (0, "user"),
        (1, " a "),
        (2, "<|im_end|>"),
    ]
    assert prompt.typed == ("<|im_end|>",)
    assert sum(piece.special for piece in prompt.pieces) == 9


def test_the_oldest_turns_are_left_out_but_not_the_system_prompt() -> None:
    turns = [Message("user" if index % 2 == 0 else "assistant", f"{index}" * 20) for index in range(21)]
    prompt = writer(context=400).prompt((Message("system", "Be kind."), *turns), TEMPLATE, reserve=100)
    assert len(prompt.ids) <= 300
    assert prompt.text.startswith("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n")
    assert prompt.text.endswith("20" * 20 + "<|im_end|>\n<|im_start|>assistant\n")
    assert prompt.unseen == tuple(range(1, 1 + len(prompt.unseen)))
    assert len(prompt.unseen) % 2 == 0
    with pytest.raises(EngineError) as failed:
        writer(context=40).prompt((Message("user", "long" * 20),), TEMPLATE)
    assert failed.value.key == "error.chat_long"


def test_without_a_template_a_form_must_be_chosen() -> None:
    with pytest.raises(EngineError) as failed:
        writer(None).prompt((Message("user", "Hi"),), TEMPLATE)
    assert failed.value.key == "error.chat_no_template"
    chat = (Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "Who?"))
    assert writer(None).prompt(chat, DIALOGUE).text == "User: Hi\nAssistant: Yes?\nUser: Who?\nAssistant:"
    asked = writer(None).prompt(chat, WORLD)
    assert (asked.text, asked.unseen) == ("Question: Who?\nAnswer:", (0, 1))
    assert (
        writer(None).prompt((Message("user", "猫と言ってください。"),), WORLD).text
        == "指示：猫と言ってください。\n返事："
    )
