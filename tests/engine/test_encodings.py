"""Find encodings, choose them, and read files with invalid bytes."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from engine.cli.main import main
from engine.messages.documents import AddDocuments, ChooseEncoding, EditDocument, ListDocuments, ReadDocument
from engine.messages.texts import InspectText, PreviewEncoding
from engine.messages.training import Train
from engine.retrieval.readers.formats import read_document
from engine.retrieval.store import FILE, Store
from engine.service.process import Answering
from engine.text.corpus import Corpus
from engine.text.encodings import codec_of, declared_in_html, decode, detect
from engine.text.reading import TextFile, read_chunks
from engine.text.tokenizer import Tokenizer
from engine.training.run import Run
from tests.engine.collecting import ask, failure
from tests.engine.conftest import SMALL

TEXTS = {
    "ja": "朝の市場では魚や野菜を売る声が響いています。私はりんごを三つ買い、川のそばの道をゆっくり歩いて帰りました。",
    "zh_CN": "早上的市场里到处都是卖鱼和卖菜的声音。我买了三个苹果，然后沿着河边的小路慢慢走回家，晚上和朋友吃饭。",
    "zh_TW": "早上的市場裡到處都是賣魚和賣菜的聲音。我買了三個蘋果，然後沿著河邊的小路慢慢走回家，晚上和朋友吃飯。",
    "ko": "아침 시장에서는 생선과 채소를 파는 소리가 들립니다. 나는 사과를 세 개 사서 강가의 길을 걸어 왔습니다.",
    "ru": "Утром на рынке слышны голоса тех, кто продаёт рыбу и овощи. Я купил три яблока и медленно пошёл домой.",
    "el": "Το πρωί στην αγορά ακούγονται οι φωνές όσων πουλούν ψάρια και λαχανικά. Αγόρασα τρία μήλα και γύρισα σπίτι.",
    "th": "ตอนเช้าที่ตลาดมีเสียงคนขายปลาและผัก ฉันซื้อแอปเปิลสามลูกแล้วเดินกลับบ้านช้าๆ ตามทางริมแม่น้ำ",
    "he": "בבוקר נשמעים בשוק קולותיהם של מוכרי הדגים והירקות. קניתי שלושה תפוחים והלכתי לאט הביתה לאורך הנהר.",
    "ar": "في الصباح تسمع في السوق أصوات بائعي السمك والخضار. اشتريت ثلاث تفاحات ومشيت ببطء إلى البيت على طول النهر.",
    "fr": "Au marché, dès le matin, on entend ceux qui vendent du poisson et des légumes. J’ai acheté des pommes.",
}
ENCODED = [
    *[("ja", name) for name in ("cp932", "euc_jp", "iso2022_jp")],
    *[("zh_CN", "gb18030"), ("zh_TW", "big5"), ("ko", "cp949"), ("ru", "cp1251"), ("ru", "koi8_r"), ("el", "cp1253")],
    *[("th", "cp874"), ("he", "cp1255"), ("ar", "cp1256"), ("fr", "cp1252")],
    *[(language, name) for language in TEXTS for name in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")],
]


def write(folder: Path, data: bytes, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def detected(data: bytes) -> str:
    """Return the text in the encoding detected."""
    guess = detect(data)
    return decode(data, guess.encoding)[0] if guess else ""


@settings(max_examples=300)
@given(encoded=st.sampled_from(ENCODED), start=st.integers(0, 10), length=st.integers(45, 120))
def test_a_sentence_is_enough_to_find_the_encoding(encoded: tuple[str, str], start: int, length: int) -> None:
    language, encoding = encoded
    text = TEXTS[language][start:][:length]
    assert detected(text.encode(encoding)) == text


@pytest.mark.parametrize(
    "text",
    [
        "①",
        "㈱髙島屋",
        "株式会社",
        "№1 ㈱山田 ℡03",
        "田中 ㈱",
        "品名,数量\n①ボルト,10\n",
        "Ⅰ 序論\nⅡ 本論\n",
        "ﾊﾝｶｸ①㈱の表",
    ],
)
def test_short_lists_in_windows_japanese_are_read(text: str) -> None:
    assert detected(text.encode("cp932")) == text


def test_chinese_and_korean_are_not_read_as_japanese() -> None:
    for text, encoding in (("中文简体", "gb18030"), ("한국어 문서", "cp949"), ("繁體中文的文件", "big5")):
        assert detected(text.encode(encoding)) == text


def test_the_signs_of_nec_in_euc_are_read() -> None:
    text = "①番の㈱山田へお送りします。第Ⅱ部はこちらです。"
    assert detected(text.encode("euc_jis_2004")) == text


def test_a_few_bytes_with_nuls_are_not_taken_for_a_wide_encoding() -> None:
    assert detect(b"\0\0abc") is None


def test_utf16_without_a_mark_is_found_with_ideographic_spaces() -> None:
    text = "\u3000温室では、朝露の残る時刻から始めて、札の順に株を見る。\u3000雨の日は窓を閉じる。\n" * 4
    for encoding in ("utf-16-le", "utf-16-be"):
        assert detected(text.encode(encoding)) == text
        assert detected(text.replace("\n", "").encode(encoding)) == text.replace("\n", "")


def test_a_log_with_nul_bytes_is_utf8_without_them(tmp_path: Path) -> None:
    data = ("10:00 始動しました\n" * 3 + "\0\0\0\0\n" + "10:09 再始動しました\n").encode()
    assert "".join(read_chunks(write(tmp_path, data))) == data.decode().replace("\0", "")


def test_a_text_with_many_nul_bytes_is_refused_for_them(tmp_path: Path) -> None:
    assert failure(lambda: TextFile(write(tmp_path, b"text" + b"\0" * 400))) == "error.text_nul"


@settings(max_examples=200)
@given(data=st.data())
def test_invalid_bytes_in_utf8_change_nothing_else(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([TEXTS["ja"], TEXTS["ru"], TEXTS["fr"] + TEXTS["ko"]]))
    places = sorted(data.draw(st.sets(st.integers(0, len(text)), min_size=1, max_size=4)), reverse=True)
    broken, expected = text.encode(), text
    for place in places:
        bad = data.draw(st.sampled_from([b"\xff", b"\xfe", b"\xc0"]))
        at = len(text[:place].encode())
        broken = broken[:at] + bad + broken[at:]
        expected = expected[:place] + "\ufffd" + expected[place:]
    guess = detect(broken)
    assert guess is not None
    assert (guess.encoding, decode(broken, "utf-8")) == ("utf-8", (expected, len(places)))


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "gb18030", "big5", "cp949"])
def test_a_cut_last_character_does_not_hide_the_encoding(tmp_path: Path, encoding: str) -> None:
    language = {"gb18030": "zh_CN", "big5": "zh_TW", "cp949": "ko"}.get(encoding, "ja")
    whole = TEXTS[language].rstrip("。.")
    file = TextFile(write(tmp_path, whole.encode(encoding)[:-1]))
    assert "".join(file.chunks()).rstrip("\ufffd") == whole[:-1]
    assert file.replaced == 1


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "gb18030", "big5", "cp949"])
def test_an_invalid_byte_does_not_hide_the_encoding(tmp_path: Path, encoding: str) -> None:
    language = {"gb18030": "zh_CN", "big5": "zh_TW", "cp949": "ko"}.get(encoding, "ja")
    begin, end = TEXTS[language][:20], TEXTS[language][20:]
    invalid = b"\x81" if encoding == "cp932" else b"\xff"  # Windows has a character for the byte 0xff
    file = TextFile(write(tmp_path, begin.encode(encoding) + invalid + b"\n" + end.encode(encoding)))
    assert "".join(file.chunks()) == f"{begin}\ufffd\n{end}"
    assert file.replaced == 1


def test_a_latin_byte_and_half_a_surrogate_pair_are_two_places(tmp_path: Path) -> None:
    data = b"caf\xc3\xa9 in Latin-1: caf\xe9\nlone surrogate: \xed\xa0\xbd end\n" + "日本語\n".encode()
    file = TextFile(write(tmp_path, data))
    assert "".join(file.chunks()) == data.decode("utf-8", "replace")
    assert (file.encoding, file.replaced) == ("utf-8", 2)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("liste de révocation de certificat", "mac_roman"),
        ("été à la mer", "mac_roman"),
        ("función o procedimiento inválido", "mac_roman"),
        ("Gästebuch für Mitglieder und schöne Grüße", "mac_roman"),
        ("özelliği ayarlanamadı", "cp1254"),
        ("aşağıdaki paketler", "cp1254"),
        ("”Kommer du hit”, sade han till sin far.", "cp1252"),
        ("Að morgni er gott að ganga þangað með föður sínum.", "cp1252"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy.", "cp1250"),
    ],
)
def test_letters_inside_words_tell_related_encodings_apart(text: str, encoding: str) -> None:
    assert detected(text.encode(encoding)) == text


def test_polish_is_certain_by_the_letters_that_differ_between_its_encodings() -> None:
    text = "Właśnie dziś jeździł pociągiem ze źródła"
    for encoding in ("cp1250", "iso8859_2"):
        guess = detect(text.encode(encoding))
        assert guess is not None
        assert (decode(text.encode(encoding), guess.encoding)[0], guess.certain) == (text, True)


@pytest.mark.parametrize("text", ["株式会社", "東京都庁", "会議資料", "平成三十年度予算"])
def test_kanji_without_kana_are_uncertain_where_they_are_also_chinese(text: str) -> None:
    guess = detect(text.encode("euc_jp"))
    assert guess is not None
    assert not guess.certain
    assert "euc_jis_2004" in guess.others


def test_common_characters_of_three_bytes_make_utf8_certain() -> None:
    for data, certain in ((b"caf\xe9 caf\xe9 " + "日本語".encode(), True), (b"caf\xe9 caf\xe9 " + "é".encode(), False)):
        guess = detect(data)
        assert guess is None or (guess.encoding == "utf-8" and guess.certain) == certain


def test_an_encoding_is_uncertain_where_the_bytes_fit_several() -> None:
    for text, encoding in (("①", "cp932"), ("株", "euc_jp"), ("50 € à la", "cp1252")):
        guess = detect(text.encode(encoding))
        assert guess is not None
        assert not guess.certain
    assert all(guess.certain for guess in (detect(TEXTS["ja"].encode(name)) for name in ("cp932", "utf-8")) if guess)


# --- Web pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        ('<meta charset="utf-8">', "utf-8"),
        ('<script charset="Shift_JIS"></script><meta charset="utf-8">', "utf-8"),
        ('<!-- <meta charset="euc-jp"> --><link charset="big5"><meta charset=gb2312>', "gbk"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=shift_jis">', "cp932"),
        ("<META HTTP-EQUIV=content-type CONTENT=\"text/html;charset = 'x-sjis'\">", "cp932"),
        ('<meta name="description" content="charset=euc-jp"><meta charset="iso-8859-1">', "cp1252"),
        ('<meta charset="no such thing"><meta charset="ks_c_5601-1987">', "cp949"),
        ('<meta charset="utf-16">', "utf-8"),
        ('<meta charset="x-user-defined">', "cp1252"),
        ('<meta charset="iso-2022-kr">', ""),
        ('<script>"<meta charset=big5>"</script>', ""),
        ('<?xml version="1.0" encoding="EUC-JP"?><html>', "euc_jp"),
        ('<?xml version="1.0" encoding="EUC-JP"?><meta charset="utf-8">', "utf-8"),
    ],
)
def test_a_page_declares_its_encoding_as_the_web_standard_says(head: str, codec: str) -> None:
    assert declared_in_html(f"<html><head>{head}</head></html>".replace("<html><head><?", "<?").encode()) == codec


def test_a_byte_order_mark_outweighs_what_a_page_declares(tmp_path: Path) -> None:
    page = "<meta charset=shift_jis><p>閉館時間は五時です。</p>"
    assert "閉館時間" in read_document(write(tmp_path, page.encode("utf-8-sig"), "a.html")).text


def test_a_page_that_declares_another_encoding_than_its_own_is_read_by_its_bytes(tmp_path: Path) -> None:
    page = f"<meta charset=utf-8><p>{TEXTS['ja']}</p>"
    found = read_document(write(tmp_path, page.encode("cp932"), "a.html"))
    assert TEXTS["ja"] in found.text
    assert found.encoding == "cp932"


# --- Choosing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "nonsense", "base64", "rot13", "idna", "utf-7", "undefined", "a\0b", "é" * 300])
def test_an_unknown_encoding_is_an_error_in_words(name: str) -> None:
    assert failure(lambda: codec_of(name)) == "error.encoding_unknown"


def test_a_chosen_encoding_is_used_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path, "Привет".encode("cp1251"))
    assert "".join(read_chunks(path, "koi8-r")) == "Привет".encode("cp1251").decode("koi8-r")
    assert "".join(read_chunks(path, "windows-1251")) == "Привет"
    marked = write(tmp_path, "猫".encode("utf-16"))
    assert "".join(read_chunks(marked, "utf-16")) == "猫"


def test_a_preview_shows_where_the_encoding_matters(handlers: Answering, tmp_path: Path) -> None:
    path = write(tmp_path, b"plain\n" * 500 + "Привет, мир".encode("cp1251"))
    (seen,) = ask(handlers, PreviewEncoding(str(path)))
    assert "Привет, мир" in seen.excerpt
    assert (seen.encoding, seen.replaced) == ("cp1251", 0)
    assert seen.others
    (other,) = ask(handlers, PreviewEncoding(str(path), "utf-8"))
    assert other.replaced > 0
    assert failure(lambda: ask(handlers, PreviewEncoding(str(path), "nonsense"))) == "error.encoding_unknown"
    assert failure(lambda: ask(handlers, PreviewEncoding(str(tmp_path / "no")))) == "error.text_missing"


def test_inspecting_reports_encodings_that_differ_and_replaced_bytes(handlers: Answering, tmp_path: Path) -> None:
    first = write(tmp_path, TEXTS["ja"].encode(), "a.txt")
    second = write(tmp_path, TEXTS["ja"].encode("cp932") + b"\x81\n", "b.txt")
    (info,) = ask(handlers, InspectText((str(first), str(second))))
    assert (info.encoding, info.differing, info.replaced) == ("utf-8", 1, 1)
    (info,) = ask(handlers, InspectText((str(second),), "shift_jis"))
    assert (info.encoding, info.chosen, info.certain) == ("cp932", "shift_jis", True)


def test_a_chosen_encoding_is_kept_for_updates_and_edits(handlers: Answering, tmp_path: Path) -> None:
    path = write(tmp_path, "Это текст о реке и о городе.".encode("koi8-r"))
    ask(handlers, AddDocuments((str(path),)))
    (entry,) = ask(handlers, ListDocuments())[0]
    ask(handlers, ChooseEncoding(entry.document, "cp1251"))
    (shown,) = ask(handlers, ReadDocument(entry.document))
    assert shown.text == path.read_text("cp1251")
    assert (shown.encoding, shown.certain) == ("cp1251", True)
    path.write_bytes("Другой текст о реке.".encode("cp1251"))
    ask(handlers, AddDocuments())
    assert ask(handlers, ReadDocument(entry.document))[0].text == "Другой текст о реке."
    ask(handlers, EditDocument(entry.document, "Да"))
    assert path.read_bytes() == "Да".encode("cp1251")
    assert ask(handlers, ReadDocument(entry.document))[0].text == "Да"
    ask(handlers, EditDocument(entry.document, "猫"))
    assert ask(handlers, ReadDocument(entry.document))[0].text == path.read_text("utf-8") == "猫"
    ask(handlers, ChooseEncoding(entry.document, ""))
    assert ask(handlers, ListDocuments())[0][0].encoding == "utf-8"


def test_an_old_collection_gets_the_columns_of_encodings(tmp_path: Path) -> None:
    Store(tmp_path, create=True).close()
    connection = sqlite3.connect(tmp_path / FILE)
    for column in ("encoding", "certain", "replaced", "chosen"):
        connection.execute(f"ALTER TABLE documents DROP COLUMN {column}")
    connection.execute("INSERT INTO documents VALUES (1, '/a.txt', 1, 1, '', 1, '[]', '[]', 'a')")
    connection.commit()
    connection.close()
    store = Store(tmp_path)
    (entry,) = store.entries()
    assert (entry.encoding, entry.certain, entry.replaced) == ("", True, 0)
    store.close()


def test_only_carriage_return_and_line_feed_end_a_line(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\n"
    assert "".join(read_chunks(write(tmp_path, (text + "x" * 400).encode()))) == text + "x" * 400


# --- Commands and runs ----------------------------------------------------------------------------

# Korean decoders read other characters in it.
EUC = ("名前はまだ無い。" * 40).encode("euc_jp")
SHAPE = ["--steps", "2", "--layers", "1", "--heads", "2", "--width", "32", "--context", "16", "--vocab", "320"]


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


def trained_text(folder: Path) -> str:
    """Return the text that the tokens in the folder of a run stand for."""
    corpus = Corpus.open(folder)
    return Tokenizer.load(folder).decode([*corpus.train.tolist(), *corpus.validation.tolist()])


def test_indexing_reads_texts_in_the_encoding_chosen(tmp_path: Path, english: None) -> None:
    path, folder = write(tmp_path, "Привет, мир".encode("cp1251")), tmp_path / "collection"
    assert main(["index", str(path), "--out", str(folder), "--encoding", "koi8-r"]) == 0
    wrong = "Привет, мир".encode("cp1251").decode("koi8-r")
    assert stored_text(folder) == wrong
    write(tmp_path, "Привет, друг".encode("cp1251"))
    assert main(["index", "--out", str(folder)]) == 0  # without naming it again
    assert stored_text(folder) == "Привет, друг".encode("cp1251").decode("koi8-r")
    assert main(["index", str(path), "--out", str(folder), "--encoding", "windows-1251"]) == 0
    assert stored_text(folder) == "Привет, друг"


def stored_text(folder: Path) -> str:
    store = Store(folder)
    (entry,) = store.entries()
    text = store.document(entry.document)[1].text
    store.close()
    return text


def test_training_reads_texts_in_the_encoding_chosen(tmp_path: Path, english: None) -> None:
    path, folder = write(tmp_path, EUC), tmp_path / "run"
    assert main(["train", str(path), "--out", str(folder), "--encoding", "euc-kr", *SHAPE]) == 0
    assert trained_text(folder) == EUC.decode("cp949", "replace") + "\n"


@pytest.mark.parametrize("command", ["index", "train"])
def test_an_unknown_encoding_ends_a_command_with_a_sentence(
    tmp_path: Path, english: None, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    arguments = [command, str(write(tmp_path, EUC)), "--out", str(tmp_path / "new"), "--encoding", "klingon"]
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "klingon" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("command", ["index", "train"])
def test_commands_report_replaced_bytes_and_uncertain_encodings(
    tmp_path: Path, english: None, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    broken = write(tmp_path, TEXTS["ja"].encode() * 20 + b"\xff\n" + b"\xfe", "broken.txt")
    doubtful = write(tmp_path, b"plain words, and more of them\n" * 60 + "50 € à la".encode("cp1252"), "doubtful.txt")
    fine = write(tmp_path, TEXTS["ru"].encode(), "fine.txt")
    arguments = [command, *map(str, (broken, doubtful, fine)), "--out", str(tmp_path / "new")]
    assert main([*arguments, *(SHAPE if command == "train" else [])]) == 0
    reports = [line for line in capsys.readouterr().err.splitlines() if ".txt" in line]
    assert len(reports) == 2
    assert all(word in reports[0] for word in ("broken.txt", "2 places", "utf-8"))
    assert all(word in reports[1] for word in ("doubtful.txt", "uncertain", "cp1252"))


def test_a_run_and_its_continuation_use_the_text_in_the_encoding_chosen(handlers: Answering, tmp_path: Path) -> None:
    path, folder = write(tmp_path, EUC), tmp_path / "run"
    ask(handlers, Train((str(path),), str(folder), SMALL, encoding="euc-jp"))
    expected = EUC.decode("euc_jp") + "\n"
    assert trained_text(folder) == expected
    path.unlink()
    run = Run.resume(folder)
    list(run.prepare())
    ids = [*run.corpus.train.tolist(), *run.corpus.validation.tolist()]
    assert run.tokenizer.decode(ids) == expected
