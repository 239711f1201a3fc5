"""Texts with light markup, subtitles, JSON and e-mails."""

from pathlib import Path

import pytest

from engine.retrieval.passages import Document
from engine.retrieval.readers.formats import read_document
from tests.engine.documents import SAVED_PAGE

HEADINGS = {
    "marks": ("a.md", "# Rules #\ntext\n## 休暇\n### A **b** [c](d) {#id}\n#no\n", ["Rules", "休暇", "A b c"]),
    "underlines": ("a.md", "Rules\n=====\n\nCosts\n---\n\ntext\n", ["Rules", "Costs"]),
    "no underlines": ("a.md", "a | b\n--|--\n1 | 2\n\n- item\n---\n\nlong text\nends here\n---\n", []),
    "code": ("a.md", "# One\n```sh\n# no\n```\n\n~~~\n# no\n```\n# no\n~~~\n    # no\n# Two\n", ["One", "Two"]),
    "code without its end": ("a.md", "# One\n````\n```\n# no\n", ["One"]),
    "front matter": ("a.md", "---\ntitle: x\n# no\n---\n# One\n", ["One"]),
    "comments": ("a.markdown", "<!--\n# no\n-->\n# One\r\n# Two\u2028# no\r", ["One", "Two\u2028# no"]),
    "reStructuredText": (
        "a.rst",
        "=====\nRules\n=====\n\nCosts\n-----\n\nlonger than the line\n---\n\n===  ===\na    b\n===  ===\n",
        ["Rules", "Costs"],
    ),
    "Org": ("a.org", "* TODO Rules :work:\n** Costs\n#+BEGIN_SRC\n* no\n#+END_SRC\n", ["Rules", "Costs"]),
    "AsciiDoc": ("a.adoc", "= Rules\n\n----\n== no\n----\n== Costs\n", ["Rules", "Costs"]),
    "LaTeX": (
        "a.tex",
        "\\section[short]{Rules} % \\section{no}\n"
        "\\begin{verbatim}\\section{no}\\end{verbatim}\n\\subsection*{Costs}\n",
        ["Rules", "Costs"],
    ),
}
TEXTS = {
    "SubRip": (
        "a.srt",
        "1\n00:00:01,000 --> 00:00:02,000\n<i>Hello</i>\nthere\n\n2\n00:00:03,000 --> 00:00:04,000\n{\\an8}12 cats\n",
        "Hello\nthere\n\n12 cats\n",
    ),
    "WebVTT": (
        "a.vtt",
        "WEBVTT\nKind: captions\n\nNOTE no\nno\n\n"
        "id\n00:01.000 --> 00:02.000 align:start\n<v Ann>Hi <00:01.500><c>you</c>\n",
        "Hi you\n",
    ),
    "JSON": (
        "a.json",
        '{"a": "\\u6771\\u4eac", "b": [1, {"c": "d\\ne", "f": null}], "g": true}',
        "a: 東京, g: true\nb: 1\nc: d e\n",
    ),
    "JSON Lines": ("a.jsonl", '{"text": "a", "n": 1}\n\n{"text": "b"}\n', "text: a, n: 1\ntext: b\n"),
    "damaged JSON": ("a.json", '{"text": nope}', '{"text": nope}'),
    "too deep JSON": ("a.json", "[" * 100_000, "[" * 100_000),
    "a log": ("a.log", "10:00 start\n", "10:00 start\n"),
}
MAILS = {
    "plain text": (
        "From: =?utf-8?b?5qOu?= <a@b.c>\nSubject: Summer\n leave\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: base64\n\n5aSP5a2j5LyR5pqH\n",
        "Summer leave\nFrom: 森 <a@b.c>\n\n夏季休暇\n",
    ),
    "the plain one of two": (
        'Subject: A\nContent-Type: multipart/alternative; boundary="x"\n\n--x\nContent-Type: text/plain\n\nplain\n--x\n'
        "Content-Type: text/html\n\n<p>no\n--x--\n",
        "A\n\nplain\n",
    ),
    "a page alone": (
        "Subject: A\nContent-Type: text/html; charset=unknown\n\n<h1>B</h1><table><tr><td>a<td>b</table>",
        "A\n\nB\n\na | b\n\n",
    ),
    "lines that continue": (
        "Content-Type: text/plain; format=flowed\n\nOne \ntwo\n> three\n-- \nMori\n",
        "\nOne two\n> three\n-- \nMori\n\n",
    ),
    "a mail in a mail": (
        'Subject: A\nContent-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/plain\n\nsee below\n--x\n'
        "Content-Type: message/rfc822\n\nSubject: B\n\ninner\n--x--\n",
        "A\n\nsee below\nB\n\ninner\n",
    ),
    "heads without an encoding": ("Subject: 夏季\n\ntext\n", "夏季\n\ntext\n\n"),
}


def read(folder: Path, name: str, text: str) -> Document:
    (folder / name).write_bytes(text.encode())
    return read_document(folder / name)


@pytest.mark.parametrize(("name", "text", "headings"), HEADINGS.values(), ids=HEADINGS)
def test_headings_are_found_where_they_begin(tmp_path: Path, name: str, text: str, headings: list[str]) -> None:
    found = read(tmp_path, name, text)
    assert [heading for _, heading in found.headings] == headings
    assert found.text == text.replace("\r\n", "\n").replace("\r", "\n")
    assert all(heading.split()[0] in found.text[at:].split("\n")[0] for at, heading in found.headings)


@pytest.mark.parametrize(("name", "text", "expected"), TEXTS.values(), ids=TEXTS)
def test_the_whole_text_of_a_file(tmp_path: Path, name: str, text: str, expected: str) -> None:
    assert read(tmp_path, name, text).text.lstrip("\n") == expected


@pytest.mark.parametrize(("mail", "expected"), MAILS.values(), ids=MAILS)
def test_the_whole_text_of_an_email(tmp_path: Path, mail: str, expected: str) -> None:
    assert read(tmp_path, "a.eml", mail).text.strip("\n") == expected.strip("\n")


def test_a_page_saved_as_one_file_is_read_with_its_frames(tmp_path: Path) -> None:
    found = read(tmp_path, "a.mhtml", SAVED_PAGE)
    assert (found.text, found.headings) == ("Café\n\nlong line\n\na frame\n\n", ((0, "Café"),))


@pytest.mark.parametrize(
    "text", ["```\n" * 20_000, "<!--" * 20_000, "a\n---\n" * 20_000, "---\n" * 20_000, "# " * 20_000]
)
def test_long_markdown_takes_no_longer_than_other_text(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, "a.md", text).text == text
