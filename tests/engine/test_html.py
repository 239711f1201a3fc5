"""Text of HTML pages as their readers see it: each page with its whole text."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from engine.retrieval.readers.formats import read_document
from engine.retrieval.readers.page import page_text

BASE = "東京都庁の展望室は二十二時に閉まります。"

RUBY = {
    "rt and rp": "<ruby>東<rp>（</rp><rt>とう</rt><rp>）</rp>京<rp>（</rp><rt>きょう</rt><rp>）</rp></ruby>都庁の"
    "<ruby>展望室<rt>てんぼうしつ</rt></ruby>は二十二時に閉まります。",
    "rb": "<ruby><rb>東</rb><rt>とう</rt><rb>京</rb><rt>きょう</rt></ruby>都庁の展望室は二十二時に閉まります。",
    "rb in lines": "<ruby>\n  <rb>東</rb>\n  <rp>(</rp><rt>とう</rt><rp>)</rp>\n  <rb>京</rb>\n"
    "  <rp>(</rp><rt>きょう</rt><rp>)</rp>\n</ruby>都庁の展望室は二十二時に閉まります。",
    "blanks between": "<ruby> 東 <rt>とう</rt> 京 <rt>きょう</rt> </ruby>都庁の展望室は二十二時に閉まります。",
    "no end tags": "<ruby>東<rt>とう京<rt>きょう</ruby>".replace("とう京", "とう</rt>京")
    + "都庁の<ruby>展望室<rp>(<rt>てんぼうしつ<rp>)</ruby>は二十二時に閉まります。",
    "all bases first": "<ruby><rb>東<rb>京<rt>とう<rt>きょう</ruby>都庁の展望室は二十二時に閉まります。",
    "two readings": "<ruby><rb>東</rb><rb>京</rb><rtc><rt>とう</rt><rt>きょう</rt></rtc><rtc>Tōkyō</rtc></ruby>"
    "都庁の展望室は二十二時に閉まります。",
    "nested": "<ruby><ruby>東<rt>とう</rt>京<rt>きょう</rt></ruby><rt>Tokyo</rt></ruby>"
    "都庁の展望室は二十二時に閉まります。",
    "marked up base": "<ruby><b>東京</b><rt><span>とうきょう</span></rt></ruby>都庁の展望室は二十二時に閉まります。",
}


@pytest.mark.parametrize("markup", RUBY.values(), ids=RUBY)
def test_words_with_furigana_are_whole(markup: str) -> None:
    assert page_text(f"<p>{markup}</p>").text == BASE + "\n"


INLINE = {
    "markup within a word": ("<p><b>S</b>orry, un<i>frigging</i>believable</p>", "Sorry, unfriggingbelievable"),
    "a place to break": ("<p>super<wbr>cali&shy;fragi&#8203;listic</p>", "supercalifragilistic"),
    "a blank element": ("<span>Name</span><span> </span><span>Surname</span>", "Name Surname"),
    "blanks in markup": ("<em>Test. </em>This is a <b> test </b>.", "Test. This is a test ."),
    "no-break space": ("<p>10&nbsp;km</p>", "10 km"),
    "Japanese wrapped in the source": (
        "<p>夏季休暇は\n  八月<b>\n十三日</b>からです。</p>",
        "夏季休暇は八月十三日からです。",
    ),
    "Japanese beside Latin": ("<p>夏季\nholiday\n休暇</p>", "夏季 holiday 休暇"),
    "Khmer words": ("<p>ភាសា\u200bខ្មែរ</p>", "ភាសា\u200bខ្មែរ"),
    "joiners": ("<p>می\u200cخواهم 👩\u200d🚀</p>", "می\u200cخواهم 👩\u200d🚀"),
    "links side by side": ("<a href=a>Home</a><a href=b>News</a>", "Home News"),
    "a note": (
        "<p>the word<sup><a href=#n>1</a></sup><a href=#m><sup>2</sup></a> and x<sup>2</sup>, H<sub>2</sub>O",
        "the word 1 2 and x2, H2O",
    ),
    "buttons": ("<button>Yes</button><button>No</button>", "Yes No"),
    "entities": (
        "AT&amp;T &lt;b&gt; &copy 2024 &eacute;&#233;&#xe9; &unknown; R&D",
        "AT&T <b> © 2024 ééé &unknown; R&D",
    ),
    "comments": ("a<!-- no --><!--[if IE]>no<![endif]--><![if !IE]>b<![endif]>c", "abc"),
    "an image": (
        '<p>Press <img src=x alt="the red button"> twice<img src=spacer alt="">.',
        "Press the red button twice.",
    ),
    "a character as an image": ("<p>木<img class=gaiji alt=偏>の字</p>", "木偏の字"),
}
BLOCKS = {
    "line ends": ("Hello<br>World<br/>Again<p>New<br></p>End", "Hello\nWorld\nAgain\n\nNew\n\nEnd"),
    "two breaks end a paragraph": ("One<br>\n<br>Two", "One\n\nTwo"),
    "divisions": ("<div>a<div>b</div></div>c", "a\n\nb\n\nc"),
    "lists": ("<ul><li>Soup<li>Bread<ul><li>Rye</ul></ul>", "Soup\nBread\n\nRye"),
    "definitions": ("<dl><dt>Tea<dd>A drink<dt>Soup<dd>A meal</dl>", "Tea\nA drink\nSoup\nA meal"),
    "text as typed": ("<pre>\ndef f():\n\n    <b>return</b>  1\n</pre>", "def f():\n\n    return  1"),
    "a text area": ("<textarea>\na\n  b &amp; c</textarea>", "a\n  b & c"),
    "the rest is plain text": ("<p>a<plaintext>b <i>\n c", "a\n\nb <i>\n c"),
    "forms": (
        "<select><option>One<option>Two</select><input value=typed><input type=hidden value=no>"
        "<input type=checkbox value=no><datalist><option>no</datalist>",
        "One\nTwo\n\ntyped",
    ),
    "styles that make blocks": (
        "<span style='display: block'>Tea</span><span style='display:block'>Soup</span>",
        "Tea\nSoup",
    ),
    "hidden": (
        "<p hidden>no<p style='color: red; DISPLAY:NONE'>no<p style='visibility: hidden'>no<dialog>no</dialog>"
        "<p hidden=until-found>a<p aria-hidden=true>b<details><summary>c</summary>d</details>",
        "a\n\nb\n\nc\nd",
    ),
    "a formula": (
        "<math><semantics><msup><mi>x</mi><mn>2</mn></msup><annotation encoding='application/x-tex'>x^2</annotation>"
        "</semantics></math><span class=katex-html aria-hidden=true>x2</span>",
        "x^2",
    ),
    "a drawing": ("<svg><title>no</title><text>North</text><text>So<tspan>uth</tspan></text></svg>", "North\nSouth"),
    "unclosed": ("<p>a<b>b<i>c</p><p>d</b>e", "abc\n\nde"),
    "XHTML": (
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="a>b"/></head>'
        '<body><p>a<a id="x"/>b<br/>c</p><p/><![CDATA[<d> & e]]></body></html>',
        "ab\nc\n\n<d> & e",
    ),
    "a title that is also the heading": ("<title>Rules </title><h1>\nRules</h1>a", "Rules\n\na"),
    "a title": ("<title>Rules</title><h1>Travel<br>rules</h1>a", "Rules\n\nTravel rules\n\na"),
}
TABLES = {
    "rows": (
        "<table><caption>Prices</caption><thead><tr><th>Drink<th>Yen</thead><tr><td>Tea<td>120</table>after",
        "Prices\n\nDrink | Yen\nTea | 120\n\nafter",
    ),
    "cells over several columns and rows": (
        "<table><tr><td colspan=2>Both<td rowspan=2>Tall<tr><td>a<td>b</table>",
        "Both | Tall\na | b",
    ),
    "empty cells": (
        "<table><tr><td><td>2024<td>2025<tr><td>Tea<td><td>120<tr><td><td></table>",
        "| 2024 | 2025\nTea | | 120",
    ),
    "several lines in a cell": (
        "<table><tr><td>Kyoto<br>Nara<td><p>9000</p><p>yen</p><td><ul><li>a<li>b</ul></table>",
        "Kyoto Nara | 9000 yen | a b",
    ),
    "a table in a table": (
        "<table><tr><td>before<table><tr><td>left<td>right</table>after<td>last</table>",
        "before\n\nleft | right\n\nafter\n\nlast",
    ),
    "a table that arranges the page": (
        "<table><tr><td>Menu<td><h1>News</h1><p>One.<p>Two.</table>"
        f"<table><tr><td>a<td><p>{'long ' * 90}</p><p>b</table>",
        f"Menu\n\nNews\n\nOne.\n\nTwo.\n\na\n\n{'long ' * 89}long\n\nb",
    ),
    "one column": ("<table><tr><td>a<tr><td>b</table>", "a\nb"),
    "Japanese": ("<table><tr><th>品名<th>値段<tr><td>お茶<td>百二十円</table>", "品名 | 値段\nお茶 | 百二十円"),
}
FRAMES = {
    "a frame's own page": ("a<iframe srcdoc='&lt;p&gt;in &amp;amp; out'>no</iframe>b", "a\n\nin & out\n\nb"),
    "frames": ("<title>T</title><frameset><frame src=a><noframes><body><p>No <b>fr</b>ames", "T\n\nNo frames"),
    "without scripts": ("<noscript><p>Plain <b>text</b></p></noscript><script>no()</script>", "Plain text"),
    "an image twice": ("<p>a<img alt=cat><noscript><img alt=cat></noscript>", "a cat"),
    "a page in a template": ("<template><h1>News</h1><p>One.</template>", "News\n\nOne."),
    "an unused template": ("a<template>no</template>", "a"),
    "a shadow tree": (
        "<x-card><template shadowrootmode=open><style>no</style><h2><slot name=head>no</slot></h2><slot></slot>end"
        "</template><p>body</p><b slot=head>Head</b></x-card>",
        "Head\n\nbody\n\nend",
    ),
    "a shadow tree in another": (
        "<x-a><template shadowrootmode=open><x-b><template shadowrootmode=open>1<slot></slot>3</template>2</x-b>"
        "<slot></slot></template>4</x-a>",
        "1234",
    ),
    "the replacement of a film": ("a<video>no</video><canvas>no</canvas><object data=x>b</object>", "ab"),
    "everything is hidden": ("<body style='visibility:hidden'><p>a</body>", "a"),
}


@pytest.mark.parametrize(
    ("page", "text"),
    [*INLINE.values(), *BLOCKS.values(), *TABLES.values(), *FRAMES.values()],
    ids=[*INLINE, *BLOCKS, *TABLES, *FRAMES],
)
def test_the_whole_text_of_a_page(page: str, text: str) -> None:
    assert page_text(page).text == text + "\n"


def test_headings_are_marked_where_they_begin() -> None:
    found = page_text(
        "<title>Site</title><p>a<h1>Tra<b>vel</b>\nrules</h1>b<table><tr><td><h2>休<ruby>暇<rt>か</ruby></h2>"
    )
    assert [(found.text[at:].split("\n")[0], name) for at, name in found.headings] == [
        ("Site", "Site"),
        ("Travel rules", "Travel rules"),
        ("休暇", "休暇"),
    ]


@pytest.mark.parametrize(
    "tag", ["div", "span", "b", "table><tr><td", "ruby><rt></rt", "svg", "iframe srcdoc='&lt;p>x'"]
)
def test_deeply_nested_elements_are_read(tag: str) -> None:
    assert page_text(f"<{tag}>" * 3000 + "the end").text


TAGS = [
    "<p>",
    "<td>",
    "<tr>",
    "<table>",
    "</table>",
    "<h1>",
    "</h1>",
    "<pre>",
    "</pre>",
    "<a>",
    "</a>",
    "<br>",
    "<ruby>",
]


@given(st.lists(st.sampled_from(TAGS) | st.just("x")))
def test_every_word_is_read_once_in_any_nesting(pieces: list[str]) -> None:
    words = (f" w{number} " if piece == "x" else piece for number, piece in enumerate(pieces))
    expected = [f"w{number}" for number, piece in enumerate(pieces) if piece == "x"]
    found = page_text("<body>" + "".join(words)).text.replace("|", " ").split()
    assert sorted(found) == sorted(expected)


def test_a_page_of_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f"<meta charset=utf-8><p>{RUBY['rt and rp']}")
    assert read_document(tmp_path / "a.html").text == BASE + "\n"
