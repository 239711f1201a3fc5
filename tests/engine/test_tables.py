"""Tables in plain text: dialects, records, headers and lines."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from engine.retrieval.readers.formats import read_document
from engine.retrieval.readers.table import Dialect, find_dialect, records

# From issues of CPython's csv.Sniffer, CleverCSV, PapaParse, pandas, polars, readr, docling and csvkit: the table, its
# separator, and one of its rows.
DIALECTS = {
    "commas": ("a,b\n1,2\n", ",", ["1", "2"]),
    "semicolons": ("a;b\n1;2\n", ";", ["1", "2"]),
    "tabs": ("a\tb, c\n1\t2, 3\n", "\t", ["1", "2, 3"]),
    "pipes": ('"Private Company"|"Point Rd"\n"A B"|"C D"\n', "|", ["A B", "C D"]),
    "quoted separators": ('name;note\nMori;"a,b,c,d,e"\nKen;"f,g,h,i,j"\n', ";", ["Ken", "f,g,h,i,j"]),
    "quoted separators in the header": ('"a;b;c;d","e"\n1,2\n', ",", ["1", "2"]),
    "a line end in the header": ('"line one\nstill line one";b;c\n1;2;3\n', ";", ["line one still line one", "b", "c"]),
    "line ends in cells": ('id,note\n1,"one\n\ntwo"\n2,"say ""hi"""\n', ",", ["1", "one two"]),
    "commas and line ends in cells": ('Field1;Field2;"F\ni,e,l,d\n,3"\n', ";", ["Field1", "Field2", "F i,e,l,d ,3"]),
    "tabs in cells": ('\nSurname;First Name;Year\n"\tDoe;Jane"\t;1971\n', ";", ["Surname", "First Name", "Year"]),
    "lists in cells": ("id;a;b\n1;['345'];['10']\n4;['112', '112'];['765', '766']\n", ";", ["1", "['345']", "['10']"]),
    "decimal commas": ("x;y;z\n1,5;2,5;3,5\n4,5;5,5;6,5\n", ";", ["1,5", "2,5", "3,5"]),
    "dates with commas": (
        "April 15, 2023;4028;25.00;4.00;Ray;pending;\n"
        "April 14, 2023;4441;25.00;4.00;Scott;pending;\n"
        "April 9, 2023;6783;25.00;4.00;Rosa;\n",
        ";",
        ["April 9, 2023", "6783", "25.00", "4.00", "Rosa", ""],
    ),
    "times": (
        "item1,2022-03-28 17:24:10,item4,2022-01-02 22:43:59\n" * 3,
        ",",
        ["item1", "2022-03-28 17:24:10", "item4", "2022-01-02 22:43:59"],
    ),
    "calls": (
        "bytearray(b'fake data'),20:53:06,2019-09-01T19:28:21\n" * 5,
        ",",
        ["bytearray(b'fake data')", "20:53:06", "2019-09-01T19:28:21"],
    ),
    "JSON in cells": (
        '"{""a"": ""b"", ""c"":""d""}",13:31:38,06:00:04+01:00\n' * 3,
        ",",
        ['{"a": "b", "c":"d"}', "13:31:38", "06:00:04+01:00"],
    ),
    "JSON with backslashes": (
        'id,data\n1,"{\\"a\\": \\"x, y\\"}"\n2,"{\\"a\\": \\"z\\"}"\n',
        ",",
        ["1", '{"a": "x, y"}'],
    ),
    "escaped separators": ("a,b\nx\\,y,1\nz\\,w,2\n", ",", ["x,y", "1"]),
    "Windows paths": ('name,path\na,"C:\\dir\\"\nb,"D:\\new\\"\n', ",", ["a", "C:\\dir\\"]),
    "Markdown in a cell": (
        'a,b,c\n1,"* x\n* y\n* z\n* *bold*",2\n3,"* w",4\n',
        ",",
        ["1", "* x * y * z * *bold*", "2"],
    ),
    "stars and quotes": (
        '4819736,lilly,fr,"""LE TEMPS...""","* *COFFRET*\nb"\n',
        ",",
        ["4819736", "lilly", "fr", '"LE TEMPS..."', "* *COFFRET* b"],
    ),
    "single quotes": ("'a,b','c'\n'd,e','f'\n", ",", ["a,b", "c"]),
    "apostrophes": ("name,says\nO'Brien,'tis\nD'Arcy,rock 'n' roll\n", ",", ["O'Brien", "'tis"]),
    "entities": ("id,name\n1,O&#039;Connor\n2,R&amp;D\n", ",", ["1", "O&#039;Connor"]),
    "a blank before quotes": ('column1,column2\n0, "a, b"\n', ",", ["0", "a, b"]),
    "a quote within a cell": ('a,b\n24" screen,1\n32" screen,2\n', ",", ['24" screen', "1"]),
    "a lone quote": ('3\tabc\t5.6\n4\t"abc"\t4.3\n5\t"error\t3.3\n6\tdef\t1.2\n', "\t", ["5", '"error', "3.3"]),
    "a quote alone in its cell": (
        'Col1|Col2|Col3\nStr2|q|num2\nStr3|"|num3\nStr4|s|num4\n',
        "|",
        ["Str3", '"', "num3"],
    ),
    "text after a quoted cell": ('a,b\n"x"y,1\n"z",2\n', ",", ['"x"y', "1"]),
    "a comment with a quote": ('# 24" diagonal\n# "quote\n\ncol_a,col_b,col_c\n1,2,3\n4,5,6\n', ",", ["4", "5", "6"]),
    "ragged rows": ("a;b;c\n1;2\n3;4;5;6\n7;8;9\n", ";", ["3", "4", "5", "6"]),
    "an empty column": (",a,\n,1,\n,2,\n", ",", ["", "1", ""]),
    "a declared separator": ("sep=;\na,b;c\n1,2;3\n", ";", ["1,2", "3"]),
    "Japanese": ("氏名,部屋,内線\n森,512,3301\n田中,408,3302\n", ",", ["森", "512", "3301"]),
    "Japanese prose in cells": ("氏名\t備考\n森\t赤、青；白\n田中\t「a,b」\n", "\t", ["田中", "「a,b」"]),
    "one column": ("Tea, hot\nSoup\nBread\n", "\0", ["Tea, hot"]),
    "one column with quotes": ('note\n"a, b\nc"\n"d"\n', "\0", ["a, b c"]),
    "thousands": ("city\tpeople\nKyoto\t1,463,723\nNara\t367,353\n", "\t", ["Kyoto", "1,463,723"]),
    "tags in cells": ("id,tags\n1,a;b;c\n2,d\n3,e;f\n", ",", ["1", "a;b;c"]),
    "addresses": ("id|url\n1|http://a.b/?x=1,2;3\n2|http://a.b/\n", "|", ["1", "http://a.b/?x=1,2;3"]),
}


@pytest.mark.parametrize(("text", "separator", "row"), DIALECTS.values(), ids=DIALECTS)
def test_the_dialect_of_a_table_is_found(text: str, separator: str, row: list[str]) -> None:
    declared = text.startswith("sep=")
    dialect = find_dialect(text.removeprefix("sep=;\n"), ";" if declared else "")
    assert dialect.separator == separator
    assert row in list(records(text, dialect))


LINES = {
    "a header": ("name,room\nMori,512\n田中,408\n", "name: Mori, room: 512\nname: 田中, room: 408\n"),
    "a header of text over text": (
        "name,city\nMori,Kyoto\nKen,Nara\n",
        "name: Mori, city: Kyoto\nname: Ken, city: Nara\n",
    ),
    "no header: numbers": ("1;2\n3;4\n", "1, 2\n3, 4\n"),
    "no header: dates": ("2024-01-05,Mori\n2024-01-06,Ken\n", "2024-01-05, Mori\n2024-01-06, Ken\n"),
    "no header: a value comes again": ("Yokohama,Kanto\nTokyo,Kanto\n", "Yokohama, Kanto\nTokyo, Kanto\n"),
    "no header: addresses": ("Mori,mori@a.jp\nKen,ken@a.jp\n", "Mori, mori@a.jp\nKen, ken@a.jp\n"),
    "years as names": ("city,2023,2024\nNara,12,13\n", "city: Nara, 2023: 12, 2024: 13\n"),
    "a nameless column": (",name,room\n1,Mori,512\n", "1, name: Mori, room: 512\n"),
    "equal names": ("name,score,score\nMori,1,2\n", "name: Mori, score: 1, score: 2\n"),
    "the header again": (
        "name,room\nMori,1\nname,room\nKen,2\n",
        "name: Mori, room: 1\nname: name, room: room\nname: Ken, room: 2\n",
    ),
    "row names as R writes": (
        '"name","room"\n"1","Mori",512\n"2","Ken",408\n',
        "1, name: Mori, room: 512\n2, name: Ken, room: 408\n",
    ),
    "separators at the end": ("a,b\n1,2,\n3,4,\n", "a: 1, b: 2\na: 3, b: 4\n"),
    "ragged rows": ("a,b,c\n1,2\n3,4,5,6\n", "a: 1, b: 2\na: 3, b: 4, c: 5, 6\n"),
    "a title in a row of blanks": (
        "Report 2024,,\n,,\nname,room,phone\nMori,512,1\n",
        "Report 2024\nname: Mori, room: 512, phone: 1\n",
    ),
    "lines before the header": (
        "# from a sensor\nReport 2024\n\nname,room,phone\nMori,512,1\nKen,408,2\n",
        "# from a sensor\nReport 2024\nname: Mori, room: 512, phone: 1\nname: Ken, room: 408, phone: 2\n",
    ),
    "a mark and quotes": ('\ufeff"name","room"\n"Mori","512"\n', "name: Mori, room: 512\n"),
    "two marks": ("\ufeff\ufeffname,room\nMori,512\n", "name: Mori, room: 512\n"),
    "line ends in cells": (
        'name,note\r\nMori,"a\r\n\r\n  b"\r\nKen,"c\rd"\r\n',
        "name: Mori, note: a b\nname: Ken, note: c d\n",
    ),
    "a line end in the header": ('name,"note\n(long)"\nMori,x\n', "name: Mori, note (long): x\n"),
    "characters that are no line ends": (
        f"name,note\n{'x' * 400},a\u2028b\u0085c\x0bd\x0ce\x1cf\x1dg\x1eh\n",
        f"name: {'x' * 400}, note: a\u2028b\u0085c\x0bd\x0ce\x1cf\x1dg\x1eh\n",
    ),
    "old line ends": ("name,room\rMori,512\r", "name: Mori, room: 512\n"),
    "one column of text": ("Tea, hot\nSoup\nBread\n", "Tea, hot\nSoup\nBread\n"),
    "one column of numbers": ("temperature\n12.5\n13\n", "temperature: 12.5\ntemperature: 13\n"),
    "a header alone": ("name,room\n", "name, room\n"),
    "sep=": ("sep=;\r\nname;room\r\na,b;1\r\n", "name: a,b, room: 1\n"),
    "a tab as sep=": ('"sep=\t"\nname\troom\na\t1\n', "name: a, room: 1\n"),
    "Japanese": ("氏名,部屋\n森,512\n", "氏名: 森, 部屋: 512\n"),
    "a long cell": (f'a,b\n"{"x" * 2_000_000}",1\n', f"a: {'x' * 2_000_000}, b: 1\n"),
}


@pytest.mark.parametrize(("table", "text"), LINES.values(), ids=LINES)
def test_the_whole_text_of_a_table(tmp_path: Path, table: str, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(table.encode())
    assert read_document(tmp_path / "a.csv").text == text


def test_tabs_are_preferred_in_tsv_files(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("a,b\tc\n1,2\t3\n")
    assert read_document(tmp_path / "a.tsv").text == "a,b: 1,2, c: 3\n"


def test_many_lone_quotes_take_no_longer_than_other_characters(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n"x,1\n' * 20_000 + "'y,2\n")
    assert read_document(tmp_path / "a.csv").text.endswith("'y, b: 2\n")


CELLS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=9)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_records_are_those_that_the_csv_module_wrote(rows: list[list[str]], separator: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    found = list(records(out.getvalue(), Dialect(separator)))
    expected = [["".join(cell.split()) for cell in row] for row in rows]
    assert [["".join(cell.split()) for cell in row] for row in found] == [row for row in expected if any(row)]
