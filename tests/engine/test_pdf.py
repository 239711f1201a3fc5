"""Reading the text of PDF files in the order in which it is read: columns, vertical and right-to-left writing."""

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.pdf import read_pdf
from engine.retrieval.readers.pdf_bidi import logical
from tests.engine.pdfs import LATIN, japanese, mapped, pages, shown

PROSE = (
    "The committee reviewed the annual report and approved the budget for the coming fiscal year. Members asked how the"
    " library would use the new rooms. The director answered that the reading room opens in spring. Visitors may borrow"
    " ten books at a time. Lost cards cost two euros. A child needs the signature of a parent. Music scores are kept on"
    " the second floor. The cafe closes at five. Bicycles may not be left in the hall."
)
CAT = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で泣いていた。"


def read(folder: Path, data: bytes) -> Document:
    (folder / "a.pdf").write_bytes(data)
    return read_pdf(folder / "a.pdf")


def text(folder: Path, *contents: bytes, fonts: tuple[bytes, ...] = (LATIN,)) -> str:
    return read(folder, pages(*contents, fonts=fonts)).text


def wrapped(words: str, width: int) -> list[str]:
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


# --- Words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "whole"),
    [
        ("zwei Immo\xad\nbilien und", "Immobilien"),
        ("und einen Wert\xadpapier\xadindex.", "Wertpapierindex"),
        ("a green-\nhouse.", "greenhouse"),
        ("with state-of-the-\nart heating", "state-of-the-art"),
        ("the state-\nof-the-art thing", "state-of-the-art"),
        ("the well-known Mini-Cons", "well-known Mini-Cons"),
        ("the Mini-\nCons", "Mini-Cons"),
        ("after COVID-\n19", "COVID-19"),
        ("by E-\nMail", "E-Mail"),
        ("an X-\nray of", "X-ray"),
        ("the well-\nknown face", "well-known"),
        ("der Über-\nprüfung mit naïve-\nté", "Überprüfung mit naïveté"),
        ("our co-operation and the co-\noperation of others", "the co-operation of"),
        ("pre-\nand post-war", "pre- and post-war"),
        ("Ein-\nund Ausgang", "Ein- und Ausgang"),
        ("part 01\xad2301\xadXXX of COVID\xad19.", "01-2301-XXX of COVID-19"),
        ("the years 2018–\n23 of", "2018–23"),
        ("at https://www.example.org/a/path-to/\nsome/page.html", "https://www.example.org/a/path-to/some/page.html"),
        ("at https://www.example.org/a/path-\nto/page.html", "https://www.example.org/a/path-to/page.html"),
    ],
)
def test_words_divided_at_line_ends_are_whole(tmp_path: Path, lines: str, whole: str) -> None:
    assert whole in text(tmp_path, shown(lines, 60, 700))


def test_soft_hyphens_are_found_in_compressed_objects_too(tmp_path: Path) -> None:
    font, cmap = mapped(["a", "b", "\xad"], 4)
    found = read(tmp_path, pages(shown('!"#!"', 60, 700), fonts=(font,), extra=(cmap,)))
    assert found.text.strip() == "abab"


def test_ligatures_actual_text_and_invisible_text_are_read(tmp_path: Path) -> None:
    font, cmap = mapped(["ﬁ", "s", "h"], 5)
    content = shown('!"#', 60, 700, font=2) + b"3 Tr " + shown("recognised from a scan", 60, 600)
    spoken = b"BT /F1 10 Tf 60 500 Td (The ) Tj /Span << /ActualText (heron) >> BDC (h3r0n) Tj EMC ( waits.) Tj ET"
    found = read(tmp_path, pages(content + spoken, fonts=(LATIN, font), extra=(cmap,))).text
    assert [line for line in found.split("\n") if line] == ["fish", "recognised from a scan", "The heron waits."]


def test_letters_drawn_twice_are_read_once(tmp_path: Path) -> None:
    found = text(tmp_path, shown("Opening hours", 60, 700) + shown("Opening hours", 60.3, 700))
    assert found.strip() == "Opening hours"


def test_a_raised_number_stays_in_its_line(tmp_path: Path) -> None:
    raised = b"BT /F1 11 Tf 60 700 Td (The area is 40 km) Tj /F1 7 Tf 4 Ts (2) Tj 0 Ts /F1 11 Tf ( in total.) Tj ET"
    assert text(tmp_path, raised).strip() == "The area is 40 km2 in total."


def test_spread_japanese_has_no_spaces(tmp_path: Path) -> None:
    font = japanese("UniJIS-UTF16-H")
    letters = [("東京都庁の展望室", 22, 780), ("開館時間は九時", 18, 720)]
    content = b"".join(
        shown(c, 60 + step * n, y, 12, encoding="utf-16-be") for word, step, y in letters for n, c in enumerate(word)
    )
    content += shown("会 議 室 の 予 約", 60, 640, 12, encoding="utf-16-be")
    found = text(tmp_path, content, fonts=(font,))
    assert found.split() == ["東京都庁の展望室", "開館時間は九時", "会議室の予約"]


# --- Paragraphs -----------------------------------------------------------------------------------


def test_lines_of_a_paragraph_are_joined_and_paragraphs_kept_apart(tmp_path: Path) -> None:
    first, second = "\n".join(wrapped(PROSE, 80)), "\n".join(wrapped("Afterwards " + PROSE, 80))
    found = text(tmp_path, shown("The library", 60, 760, 16) + shown(first, 60, 730) + shown(second, 60, 600))
    assert found.strip().split("\n\n") == ["The library", PROSE, "Afterwards " + PROSE]


def test_double_spaced_lines_are_one_paragraph(tmp_path: Path) -> None:
    assert text(tmp_path, shown("\n".join(wrapped(PROSE, 70)), 60, 780, 12, leading=30)).strip() == PROSE


def test_japanese_lines_are_joined_without_spaces(tmp_path: Path) -> None:
    lines = "\n".join(CAT[n : n + 20] for n in range(0, len(CAT), 20))
    content = shown(lines, 60, 700, 12, encoding="utf-16-be", leading=18)
    assert text(tmp_path, content, fonts=(japanese("UniJIS-UTF16-H"),)).strip() == CAT


def test_items_and_contents_keep_their_lines(tmp_path: Path) -> None:
    lines = [
        "• Bring your card",
        "• Pay at the desk",
        "1. Open the door",
        "Introduction ............ 1",
        "Results ....... 27",
    ]
    assert text(tmp_path, shown("\n".join(lines), 60, 700)).strip().split("\n") == lines


# --- Columns and tables ---------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "width"), [(2, 41), (3, 26)])
def test_columns_drawn_row_by_row_are_read_one_after_another(tmp_path: Path, count: int, width: int) -> None:
    lines = wrapped(PROSE + " " + PROSE, width)
    height = -(-len(lines) // count)
    content = shown("Report of the library for the whole year in a heading across", 40, 790, 18)
    for row in range(height):
        for column, line in enumerate(lines[row::height]):
            content += shown(line, 40 + 520 / count * column, 750 - 13 * row)
    assert f"{PROSE} {PROSE}" in text(tmp_path, content)


@pytest.mark.parametrize("is_by_column", [False, True])
def test_rows_of_tables_stay_together(tmp_path: Path, is_by_column: bool) -> None:
    rows = [
        ("City", "Limit", "Remarks"),
        ("Kyoto", "9000 yen", "with breakfast"),
        ("Osaka", "850 yen", "by the station"),
    ]
    cells = [(row, column) for row in range(3) for column in range(3)]
    cells.sort(key=lambda cell: cell[1] if is_by_column else cell[0])
    content = b"".join(shown(rows[row][column], 60 + 130 * column, 700 - 15 * row) for row, column in cells)
    found = text(tmp_path, content)
    assert found.strip().split("\n") == [" | ".join(row) for row in rows]


def test_wrapped_cells_of_a_table_are_whole(tmp_path: Path) -> None:
    cells = [
        ("The lost card is\nreplaced at once", 60, 700),
        ("Fee: two euros", 200, 700),
        ("Music scores are\nkept upstairs", 60, 670),
        ("Ask at the desk\nin the hall", 200, 670),
    ]
    assert text(tmp_path, b"".join(shown(*cell) for cell in cells)).strip().split("\n") == [
        "The lost card is replaced at once | Fee: two euros",
        "Music scores are kept upstairs | Ask at the desk in the hall",
    ]


def test_short_columns_drawn_one_after_the_other_stay_so(tmp_path: Path) -> None:
    left, right = "The committee reviewed the annual\nreport and", "approved the budget for the\ncoming fiscal year."
    found = text(tmp_path, shown(left, 60, 712, 11) + shown(right, 330, 712, 11))
    assert "annual report and approved the budget for the coming" in found


# --- Pages ----------------------------------------------------------------------------------------


def book(count: int) -> list[bytes]:
    """Return pages of one long paragraph under a running head, with page numbers."""
    lines = wrapped(f"{PROSE} " * count, 90)
    return [
        shown("Annual report of the town library", 60, 815, 9)
        + shown("\n".join(lines[6 * number : 6 * number + 6]), 60, 780)
        + shown(f"Page {number + 1} of {count}", 480, 30, 9)
        for number in range(len(lines) // 6)
    ]


def test_running_heads_are_kept_once_and_cut_no_sentence(tmp_path: Path) -> None:
    found = read(tmp_path, pages(*book(8)))
    assert found.text.count("Annual report of the town library") == 1
    assert "Page" not in found.text
    assert found.text.count(PROSE) >= 4
    assert len(found.pages) == len(book(8))
    assert found.page_of(len(found.text) - 3) == len(book(8))


def test_chapter_headings_at_the_top_of_pages_are_kept(tmp_path: Path) -> None:
    contents = [shown(f"Chapter {n}", 60, 780, 16) + shown("\n".join(wrapped(PROSE, 90)), 60, 750) for n in range(1, 5)]
    found = text(tmp_path, *contents)
    assert [f"Chapter {n}" in found for n in range(1, 5)] == [True] * 4


def test_a_footnote_does_not_cut_a_sentence_over_two_pages(tmp_path: Path) -> None:
    first, second = wrapped(PROSE, 90)[:2], wrapped(PROSE, 90)[2:]
    note = shown("1 See the journal of the town.", 60, 60, 7)
    found = text(tmp_path, shown("\n".join(first), 60, 700) + note, shown("\n".join(second), 60, 780))
    assert found.strip().split("\n\n") == [PROSE, "1 See the journal of the town."]


def test_a_word_divided_at_the_end_of_a_page_is_whole(tmp_path: Path) -> None:
    found = read(tmp_path, pages(shown("The well was dug in the green-", 60, 80), shown("house of the town.", 60, 780)))
    assert "greenhouse of the town" in found.text
    assert found.page_of(found.text.index("house")) == 2


# --- Directions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cmap", "encoding"),
    [("UniJIS-UTF16-V", "utf-16-be"), ("UniJIS-UCS2-V", "utf-16-be"), ("90ms-RKSJ-V", "cp932"), ("EUC-V", "euc_jp")],
)
def test_vertical_japanese_is_read_column_by_column_from_the_right(tmp_path: Path, cmap: str, encoding: str) -> None:
    columns = [CAT[n : n + 12] for n in range(0, len(CAT), 12)]
    content = b"".join(shown(c, 500 - 20 * n, 780, 12, encoding=encoding) for n, c in enumerate(columns))
    assert text(tmp_path, content, fonts=(japanese(cmap),)).strip() == CAT


@pytest.mark.parametrize("pitch", [13, 20, 30])
def test_vertical_japanese_of_single_characters_is_read_in_order(tmp_path: Path, pitch: int) -> None:
    """LibreOffice and others place each character of a horizontal font."""
    content = b"".join(
        shown(c, 500 - pitch * (n // 12), 780 - 12 * (n % 12), 12, encoding="utf-16-be") for n, c in enumerate(CAT)
    )
    assert text(tmp_path, content, fonts=(japanese("UniJIS-UTF16-H"),)).strip() == CAT


def test_tiers_of_vertical_japanese_are_read_from_the_top(tmp_path: Path) -> None:
    longer = CAT * 3
    columns = [longer[n : n + 15] for n in range(0, len(longer), 15)]
    half = -(-len(columns) // 2)
    content = b"".join(
        shown(column, 500 - 20 * (n % half), 780 if n < half else 500, 12, encoding="utf-16-be")
        for n, column in enumerate(columns)
    )
    assert text(tmp_path, content, fonts=(japanese("UniJIS-UTF16-V"),)).strip() == longer


@pytest.mark.parametrize(
    ("cmap", "furigana", "base", "end"),
    [
        ("UniJIS-UTF16-H", (84, 713), (84, 700), (132, 700)),  # above a line
        ("UniJIS-UTF16-V", (509, 676), (500, 676), (500, 628)),  # beside a column
    ],
)
def test_furigana_are_left_out(
    tmp_path: Path, cmap: str, furigana: tuple[int, int], base: tuple[int, int], end: tuple[int, int]
) -> None:
    start = (60, 700) if cmap.endswith("H") else (500, 700)
    pieces = [("次は", *start, 12), ("とうきょうとちょう", *furigana, 5), ("東京都庁", *base, 12), ("です。", *end, 12)]
    content = b"".join(shown(*piece, encoding="utf-16-be") for piece in pieces)
    assert text(tmp_path, content, fonts=(japanese(cmap),)).strip() == "次は東京都庁です。"


def visual(folder: Path, line: str, *ligatures: str) -> str:
    """Return the text that is read from a page with this line, given as it is shown from left to right."""
    letters = list(dict.fromkeys([*ligatures, *line.replace(" ", "")]))
    for number, ligature in enumerate(ligatures):
        line = line.replace(ligature[::-1], chr(0xE000 + number))
    font, cmap = mapped([*letters, " "], 4)
    codes = "".join(
        chr(33 + (ord(c) - 0xE000 if "\ue000" <= c < "\ue100" else letters.index(c) if c != " " else len(letters)))
        for c in line
    )
    return read(folder, pages(shown(codes, 60, 700), fonts=(font,), extra=(cmap,))).text.strip()


@pytest.mark.parametrize(
    "line",
    [
        "שלום עולם, מה שלום כולם?",
        'המחיר הוא 25.50 ש"ח עבור Windows 11 (גרסה 3).',
        "הטלפון 03-1234567 פתוח ב-2024-05-17.",
        "הספר Moby Dick של Herman Melville נמצא כאן.",
    ],
)
def test_hebrew_is_read_in_logical_order(tmp_path: Path, line: str) -> None:
    latin = {"25.50", "Windows 11", "3", "03-1234567", "2024-05-17", "Moby Dick", "Herman Melville"}
    seen = line[::-1].translate(str.maketrans("()", ")("))
    for word in latin:
        seen = seen.replace(word[::-1], word)
    assert visual(tmp_path, seen) == line


def test_arabic_is_read_in_logical_order_with_its_ligatures(tmp_path: Path) -> None:
    line = "الطلاب استعملوا Python 3.11 و (Linux) منذ 2024-05-17 بنسبة 12.5%."
    seen = line[::-1].translate(str.maketrans("()", ")("))
    for word in ("Python 3.11", "Linux", "12.5", "2024", "05", "17"):  # the parts of the date run to the left
        seen = seen.replace(word[::-1], word)
    assert visual(tmp_path, seen, "لا") == line


def test_a_hebrew_word_in_a_latin_line_is_turned_alone() -> None:
    shown_line = "The word םולש means peace."
    assert logical([(c, float(n)) for n, c in enumerate(shown_line)]) == "The word שלום means peace."


@pytest.mark.parametrize("matrix", ["0 1 -1 0 300 200", "0 -1 1 0 100 700", "-1 0 0 -1 550 500", "1 0 0 1 40 700"])
def test_turned_text_is_read_line_by_line(tmp_path: Path, matrix: str) -> None:
    lines = b" ".join(b"(%s) Tj T*" % line.encode() for line in wrapped(PROSE, 80))
    assert text(tmp_path, b"BT /F1 10 Tf 12 TL %s Tm %s ET" % (matrix.encode(), lines)).strip() == PROSE


def test_a_turned_stamp_does_not_mix_with_the_text(tmp_path: Path) -> None:
    stamp = b"BT /F1 20 Tf 0 1 -1 0 30 200 Tm (arXiv:1234.5678 [cs.CL]) Tj ET"
    found = text(tmp_path, shown("\n".join(wrapped(PROSE, 80)), 60, 700) + stamp)
    assert found.strip().split("\n\n") == [PROSE, "arXiv:1234.5678 [cs.CL]"]


# --- The file -------------------------------------------------------------------------------------


def test_the_values_of_forms_are_read_as_shown(tmp_path: Path) -> None:
    field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (n) /V (Akiko Mori) /Rect [100 695 300 712] /F 4"
    field += b" /DA (/F1 12 Tf 0 g) >>"
    form = b"/AcroForm << /Fields [4 0 R] /NeedAppearances true /DR << /Font << /F1 3 0 R >> >> /DA (/F1 12 Tf 0 g) >> "
    found = read(tmp_path, pages(shown("Name:", 60, 699), extra=(field,), page=b"/Annots [4 0 R] ", root=form))
    assert found.text.strip() == "Name: Akiko Mori"


def test_fonts_that_do_not_map_codes_to_characters_are_refused(tmp_path: Path) -> None:
    font = (
        b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [0.1 0 0 0.1 0 0] /CharProcs << >> /Encoding"
    )
    font += b" << /Differences [1 /g1 /g2 /g3] >> /FirstChar 1 /LastChar 3 /Widths [6 6 6] >>"
    with pytest.raises(EngineError) as raised:
        text(tmp_path, b"BT /F1 12 Tf 60 700 Td (\001\002\003\003) Tj ET", fonts=(font,))
    assert raised.value.key == "error.document_garbled"


def test_the_outline_gives_the_headings(tmp_path: Path) -> None:
    outline = b"<< /Type /Outlines /First 5 0 R /Last 5 0 R /Count 1 >>"
    entry = b"<< /Title (Second part) /Parent 4 0 R /Dest [9 0 R /Fit] >>"
    contents = shown("First", 60, 700, 16), shown("Second part", 60, 700, 16) + shown("It begins.", 60, 670)
    found = read(tmp_path, pages(*contents, extra=(outline, entry), root=b"/Outlines 4 0 R "))
    assert [title for _, title in found.headings] == ["Second part"]
    assert found.text[found.headings[0][0] :].startswith("Second part")


def test_a_file_with_a_damaged_table_of_objects_is_read(tmp_path: Path) -> None:
    data = pages(shown("Still readable.", 60, 700))
    assert "Still readable." in read(tmp_path, data.replace(b"1 0 obj", b"%" + b" " * 99 + b"\n1 0 obj", 1)).text


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_word_is_lost_or_doubled_wherever_it_is_on_the_page(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rng = random.Random(seed)
    places = rng.sample([(x, y) for x in range(40, 520, 80) for y in range(40, 800, 16)], rng.randint(1, 60))
    words = [f"{rng.choice('abcdefgh')}{number}z" for number in range(len(places))]
    content = b"".join(shown(word, *place) for word, place in zip(words, places, strict=True))
    found = text(tmp_path_factory.mktemp("pdf"), content).replace("|", " ").split()
    assert Counter(found) == Counter(words)
