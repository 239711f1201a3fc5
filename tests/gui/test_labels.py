"""Labels of tokens: whatever a vocabulary contains can be read on one line; and lines of Japanese text."""

import unicodedata

import pytest
from hypothesis import example, given, settings, strategies as st
from PySide6.QtGui import QFont, QTextLayout
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from engine.sentences import percent
from gui.layout import label
from gui.text import JOINERS, LONGEST_PIECE, has_glyph, keep_phrases, visible
from tests.gui.hands import show

pytestmark = pytest.mark.usefixtures("qapp")

ANY = st.text(st.characters(), max_size=80)  # with control characters, lone surrogates and unassigned code points
CONTROLS = st.text(st.characters(categories=("Cc", "Cf", "Zs", "Zl", "Zp", "Co", "Cs")), min_size=1)


@settings(max_examples=300, deadline=None)
@given(piece=ANY | CONTROLS)
def test_a_label_has_no_character_that_cannot_be_seen(piece: str) -> None:
    shown = visible(piece)
    hidden = [c for c in shown if not has_glyph(c) and c not in JOINERS and c != " "]
    assert not hidden, (ascii(piece), ascii(shown))
    assert bool(shown) == bool(piece)
    assert len(shown) <= LONGEST_PIECE + len(" … ")


@settings(max_examples=100, deadline=None)
@given(data=st.binary(min_size=1, max_size=6))
def test_bytes_are_shown_in_hex_without_brackets(data: bytes) -> None:
    label = visible("".join(f"<0x{byte:02X}>" for byte in data))
    assert label.startswith("0x" + data.hex(" ").upper())
    assert not any(unicodedata.category(c)[0] == "C" for c in label)


@pytest.mark.parametrize(
    ("piece", "label"),
    [
        (" the", "␣the"),
        ("\n\t", "⏎⇥"),
        ("\r\n", "U+000D⏎"),
        ("\u200b", "U+200B"),
        ("\x00\x01\x02", "U+0000…"),
        (" " * 16, "␣×16"),
        ("-" * 64 + ">", "-×64>"),
        ("\u0301", "◌\u0301"),
        ("e\u0301", "e\u0301"),
        ("<0xE3>", "0xE3"),
        ("<0xE3><0x81>", "0xE3 81"),
        ("<0x32>", "0x32 = 2"),
        ("x" + "ab" * 60, "xabababababababababa … abababababababababab"),
    ],
)
def test_the_label_of_a_token_is(piece: str, label: str) -> None:
    assert visible(piece) == label


@given(share=st.floats(0, 1, exclude_min=True), digits=st.integers(0, 3))
@example(share=0.005, digits=0)
def test_a_share_that_is_not_zero_is_never_shown_as_zero(share: float, digits: int) -> None:
    assert any(digit in percent(share, digits) for digit in "123456789")


def test_a_share_below_the_last_digit_is_named_as_such() -> None:
    shown = [percent(1e-9, 1), percent(0.004), percent(0.0006, 1), percent(0.0, 1)]
    assert [words.replace("\xa0", " ") for words in shown] == ["< 0.1 %", "< 1 %", "0.1 %", "0.0 %"]


@pytest.mark.parametrize("width", range(120, 700, 20))
def test_lines_of_japanese_break_between_phrases_only(width: int) -> None:
    sentence = "軸が表すのは違い全体の 14 % です。「王」に最も近いのは「女王」（0.70）で、2 位は「男」です。"
    kept = keep_phrases(sentence)
    layout = QTextLayout(kept, QFont(["Noto Sans JP", "Noto Sans CJK JP"], 12))
    layout.beginLayout()
    starts = []
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        starts.append(kept[line.textStart() :].replace("\u2060", "").replace("\u00a0", " "))
    layout.endLayout()
    assert starts[0] == sentence
    assert not [start for start in starts if start.startswith(("で", "す。", "。", "い全体", "も近", "位"))]


def test_phrases_are_kept_in_japanese_only_and_not_where_they_are_too_long() -> None:
    assert keep_phrases("It gives 93 % to the 2 words.") == "It gives 93 % to the 2 words."
    assert "\u2060" not in keep_phrases("ア" * 40)


def test_a_wrapped_label_keeps_phrases_together_and_breaks_them_where_it_is_too_narrow(qtbot: QtBot) -> None:
    words = "中のコサイン類似度が表すのは、近さです。"
    shown = show(qtbot, label(wraps=True), 300, 80)
    shown.setText(words)
    assert shown.text() == shown.accessibleName() == words
    assert "\u2060" in QLabel.text(shown)
    assert (
        shown.minimumSizeHint().width() <= 5 * shown.fontMetrics().height()
    )  # so that a phrase does not widen the window
    shown.resize(8, 80)
    assert "\u2060" not in QLabel.text(shown)
    shown.resize(300, 80)
    assert "\u2060" in QLabel.text(shown)


def test_a_cleared_label_stays_empty_when_its_size_changes(qtbot: QtBot) -> None:
    shown = show(qtbot, label(wraps=True), 300, 80)
    shown.setText("words")
    shown.clear()
    shown.resize(200, 80)
    assert shown.text() == QLabel.text(shown) == ""
