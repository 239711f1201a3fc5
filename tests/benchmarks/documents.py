"""Read documents that real programs wrote, and count the sentences that are found once and in order.

    python -m tests.benchmarks.documents [FOLDER]

The same texts, English and Japanese, with headings, lists, tables, notes, columns, vertical writing, furigana and text
boxes, are written by pandoc and python-docx, then converted by LibreOffice. Both programs must be installed. With
FOLDER the files are kept there. A sentence must be found exactly once; those of the body in their order, notes, heads
and text boxes anywhere.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from docx import Document as new_docx
from docx.document import Document as Docx
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn

from engine.errors import EngineError
from engine.retrieval.readers.formats import read_document

ENGLISH = """The committee met in the town hall on Monday. It approved the budget for the coming fiscal year.
Members asked how the library would use its new rooms. The director said that the reading room opens in spring.
Visitors may borrow ten books at a time. Lost cards are replaced for two euros. A child needs a parent's signature.
Music scores are kept on the second floor. The cafe closes at five o'clock. Bicycles may not be left in the entrance.
The lift is being repaired until the end of June. A volunteer reads to children every Saturday morning.
The well-known state-of-the-art greenhouse stays open. Mr Müller wrote about COVID-19 and its effects on café owners.
The old bridge was painted green. Three engineers measured the river for a week. Nobody had expected so much rain.
The harbour office sells tickets. Passengers wait in the new hall. Ferries leave every hour except on holidays."""

JAPANESE = """吾輩は図書館で暮らす猫である。開館時間は午前九時から午後五時までです。貸出は一人十冊までとします。
利用者カードを失くした場合は二百円かかります。子どもの登録には保護者の署名が必要です。楽譜は二階の書庫にあります。
喫茶室は五時に閉まります。自転車を玄関に置かないでください。昇降機は六月末まで修理中です。
土曜日の朝には読み聞かせがあります。温室は冬のあいだも開いています。橋は去年緑色に塗られました。
三人の技師が一週間かけて川を測りました。これほどの雨は誰も予想していませんでした。港の窓口で切符を売っています。
乗客は新しい待合室で待ちます。船は祝日を除いて一時間ごとに出ます。会議は月曜日に町役場で開かれました。
来年度の予算が承認されました。新しい部屋の使い方について質問がありました。閲覧室は春に開くと館長が答えました。
東京都庁の展望室は四十五階にあります。鍵は受付で受け取ります。料金は七百円です。""".replace("\n", "")


@dataclass
class Source:
    """A text to be written: sentences in order, and those that may be found anywhere."""

    name: str
    ordered: list[str] = field(default_factory=list)
    anywhere: list[str] = field(default_factory=list)


def sentences(language: str) -> list[str]:
    if language == "ja":
        return re.findall("[^。]+。", JAPANESE)
    return re.findall(r"\S[^.]*\.", ENGLISH.replace("\n", " "))


# --- Markdown for pandoc --------------------------------------------------------------------------


def markdown(language: str) -> Iterator[tuple[Source, str]]:
    """Yield sources with their text in pandoc's Markdown."""
    said, space = sentences(language), "" if language == "ja" else " "
    title, part = ("図書館の規則", "第二部") if language == "ja" else ("Rules of the library", "Second part")
    head, rest = space.join(said[:6]), space.join(said[6:])
    yield (
        Source(f"{language}_prose", [title, *said[:6], part, *said[6:]]),
        f"# {title}\n\n{head}\n\n## {part}\n\n{rest}\n",
    )

    items = [f"- {said[1]}", f"    - {said[2]}", f"- {said[3]}", "", said[4], "", f"1. {said[5]}", f"2. {said[6]}"]
    yield (
        Source(f"{language}_lists", [title, *said]),
        "\n".join([f"# {title}\n", said[0], "", *items, "", space.join(said[7:])]),
    )

    rows = "".join(f"| {said[n]} | {said[n + 1]} |\n" for n in (3, 5))
    table = f"| {said[1]} | {said[2]} |\n|----|----|\n{rows}"
    yield Source(f"{language}_table", [title, *said]), f"# {title}\n\n{said[0]}\n\n{table}\n{space.join(said[7:])}\n"

    noted = f"{said[0]}[^1]{space}{space.join(said[3:10])}[^2]{space}{space.join(said[10:])}\n\n"
    noted += f"[^1]: {said[1]}\n\n[^2]: {said[2]}\n"
    yield Source(f"{language}_notes", [title, said[0], *said[3:]], said[1:3]), f"# {title}\n\n{noted}"

    formatted = [f"**{said[0]}**", f"*{said[1]}*", f"> {said[2]}", f"`{said[3]}`", f"[{said[4]}](https://example.org)"]
    body = "\n\n".join([*formatted, space.join(said[5:])])
    yield Source(f"{language}_format", [title, *said]), f"# {title}\n\n{body}\n"


# --- Word files -----------------------------------------------------------------------------------


def word_files(language: str) -> Iterator[tuple[Source, Docx]]:
    """Yield sources that Markdown cannot express."""
    said, space = sentences(language), "" if language == "ja" else " "
    title = "図書館の規則" if language == "ja" else "Rules of the library"
    paragraphs = [space.join(said[n : n + 4]) for n in range(0, len(said), 4)]

    columns = new_docx()
    columns.add_heading(title, 1)
    for paragraph in paragraphs:
        columns.add_paragraph(paragraph)
    columns.sections[0]._sectPr.append(parse_xml(f'<w:cols {nsdecls("w")} w:num="2" w:space="425"/>'))
    yield Source(f"{language}_columns", [title, *said]), columns

    long = new_docx()
    header = "町の図書館の年報" if language == "ja" else "Annual report of the town"
    long.sections[0].header.paragraphs[0].text = header
    _page_number(long)
    ordered: list[str] = []
    for number in range(1, 25):
        for paragraph in paragraphs:
            text = (
                paragraph.replace("。", f"（{number}）。")
                if language == "ja"
                else re.sub(r"\.(?=\s|$)", f" ({number}).", paragraph)
            )
            long.add_paragraph(text)
            ordered += re.findall("[^。]+。", text) if language == "ja" else re.split(r"(?<=\.)\s", text)
    yield Source(f"{language}_pages", ordered, [header]), long

    box = new_docx()
    box.add_paragraph(space.join(said[:3]))
    box.add_paragraph()._p.append(_text_box(said[3]))
    box.add_paragraph(space.join(said[4:]))
    yield Source(f"{language}_box", [*said[:3], *said[4:]], [said[3]]), box

    cells = new_docx()
    cells.add_paragraph(said[0])
    table = cells.add_table(rows=3, cols=2)
    for number, cell in enumerate(table._cells):
        cell.text = said[1 + number]
    table.cell(0, 0).merge(table.cell(0, 1))
    cells.add_paragraph(space.join(said[7:]))
    yield Source(f"{language}_cells", [said[0], *said[1:]]), cells


def vertical() -> tuple[Source, Docx]:
    """Return a Japanese source in vertical writing with furigana."""
    said, document = sentences("ja"), new_docx()
    document.add_heading("図書館の規則", 1)
    for start in range(0, len(said), 5):
        document.add_paragraph("".join(said[start : start + 5]))
    document.add_paragraph("次は")._p.append(_ruby("東京駅", "とうきょうえき"))
    document.paragraphs[-1].add_run("です。")
    document.sections[0]._sectPr.append(parse_xml(f'<w:textDirection {nsdecls("w")} w:val="tbRl"/>'))
    return Source("ja_vertical", ["図書館の規則", *said, "次は東京駅です。"]), document


def right_to_left() -> tuple[Source, Docx]:
    """Return a source in Arabic and Hebrew."""
    said = [
        "السلام عليكم ورحمة الله.",
        "الطلاب يدرسون خلال الفصل الدراسي، والكلام الواضح خير من الإطالة.",
        "يستخدم البرنامج Python 3.11 و (Linux) منذ 2024-05-17 بنسبة 12.5%.",
        'המחיר הוא 25.50 ש"ח עבור Windows 11 (גרסה 3).',
        "הספרייה פתוחה בכל יום מתשע בבוקר עד חמש אחר הצהריים, והמבקרים רשאים לשאול עשרה ספרים בכל פעם.",
    ]
    document = new_docx()
    for sentence in said:
        paragraph = document.add_paragraph()
        paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))
        paragraph.add_run(sentence)._r.get_or_add_rPr().append(OxmlElement("w:rtl"))
    return Source("rtl_words", said), document


def _ruby(base: str, reading: str) -> object:
    return parse_xml(
        f'<w:r {nsdecls("w")}><w:ruby><w:rubyPr><w:rubyAlign w:val="center"/><w:hps w:val="10"/><w:hpsRaise w:val="9"/>'
        f'<w:hpsBaseText w:val="21"/><w:lid w:val="ja-JP"/></w:rubyPr><w:rt><w:r><w:rPr><w:sz w:val="10"/></w:rPr>'
        f"<w:t>{reading}</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>{base}</w:t></w:r></w:rubyBase></w:ruby></w:r>"
    )


def _text_box(text: str) -> object:
    return parse_xml(
        f'<w:r {nsdecls("w")} xmlns:v="urn:schemas-microsoft-com:vml"><w:pict><v:shape type="#_x0000_t202"'
        f' style="width:300pt;height:40pt"><v:textbox><w:txbxContent><w:p><w:r><w:t>{text}</w:t></w:r></w:p>'
        f"</w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
    )


def _page_number(document: Docx) -> None:
    run = document.sections[0].footer.paragraphs[0].add_run()
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        element = OxmlElement("w:instrText" if text else "w:fldChar")
        element.text = text or None
        if kind:
            element.set(qn("w:fldCharType"), kind)
        run._r.append(element)


# --- Files ----------------------------------------------------------------------------------------


def write_all(folder: Path) -> Iterator[tuple[Source, Path]]:
    """Write every source in every format that fits it, and yield it with the file."""
    sources: dict[str, Source] = {}
    for language in ("en", "ja"):
        for source, text in markdown(language):
            sources[source.name] = source
            (folder / f"{source.name}.md").write_text(text, "utf-8")
            for suffix in ("docx", "odt", "rtf", "html", "epub", "pptx"):
                target = folder / f"{source.name}.{suffix}"
                command = [
                    "pandoc",
                    "-s",
                    "--metadata",
                    "title= ",
                    "-o",
                    str(target),
                    str(folder / f"{source.name}.md"),
                ]
                subprocess.run(command, check=True, capture_output=True)
        for source, document in word_files(language):
            sources[source.name] = source
            document.save(str(folder / f"{source.name}.docx"))
        rows = [["A", "B", "C"], *(sentences(language)[n : n + 3] for n in range(0, 18, 3))]
        (folder / f"{language}_sheet.csv").write_text("".join(f'"{a}","{b}","{c}"\n' for a, b, c in rows), "utf-8-sig")
        sources[f"{language}_sheet"] = Source(f"{language}_sheet", [cell for row in rows[1:] for cell in row])
    for source, document in (vertical(), right_to_left()):
        sources[source.name] = source
        document.save(str(folder / f"{source.name}.docx"))
    convert(folder, sorted(folder.glob("*.docx")), "pdf")
    written = [folder / f"{source.name}.docx" for language in ("en", "ja") for source, _ in word_files(language)]
    for suffix in ("odt", "rtf", "html"):
        convert(folder, [*written, folder / "ja_vertical.docx", folder / "rtl_words.docx"], suffix)
    for suffix in ("xlsx", "ods"):
        convert(folder, sorted(folder.glob("*_sheet.csv")), suffix)
    for path in sorted(folder.iterdir()):
        if path.stem in sources and not path.name.endswith("_box.rtf"):  # LibreOffice leaves text boxes out of RTF
            yield sources[path.stem], path


def convert(folder: Path, paths: list[Path], suffix: str) -> None:
    """Convert files by LibreOffice, with a profile of their own so that another instance does not matter."""
    with tempfile.TemporaryDirectory() as profile:
        command = ["soffice", f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", suffix]
        command += ["--infilter=CSV:44,34,76"] if suffix in ("xlsx", "ods") else []  # commas, quotes, UTF-8
        subprocess.run([*command, "--outdir", str(folder), *map(str, paths)], check=True, capture_output=True)


# --- Check ----------------------------------------------------------------------------------------


def faults(source: Source, text: str) -> Iterator[str]:
    """Yield what is wrong with the sentences of a file's text: missing, doubled, or out of order."""
    found = _bare(text)
    last = -1
    for sentence in [*source.ordered, *source.anywhere]:
        count = found.count(_bare(sentence))
        if count != 1:
            yield f"{count} × {sentence}"
        elif sentence in source.ordered:
            place = found.index(_bare(sentence))
            if place < last:
                yield f"too early: {sentence}"
            last = max(last, place)


def _bare(text: str) -> str:
    """Return a text without blanks, the marks of tables and Markdown's own."""
    return re.sub(r"[\s|*`>\[\]“”\"'‘’]|\(https://example\.org\)|<https://example\.org>", "", text)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary)
        folder.mkdir(exist_ok=True)
        right, total = Counter[str](), Counter[str]()
        for source, path in write_all(folder):
            try:
                wrong = list(faults(source, read_document(path).text))
            except EngineError as error:
                wrong = [repr(error)]
            total[path.suffix] += 1
            right[path.suffix] += not wrong
            if wrong:
                print(f"{path.name}: {len(wrong)} faults, first: {wrong[0]}", flush=True)
        print(", ".join(f"{suffix} {right[suffix]}/{count}" for suffix, count in sorted(total.items())))
        print(f"{right.total()} of {total.total()} files have every sentence once and in order")


if __name__ == "__main__":
    main()
