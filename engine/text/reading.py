"""Read files of any size as text in bounded memory; encodings are detected, all line ends become a newline."""

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from charset_normalizer import from_bytes

from engine.errors import EngineError
from engine.messages.texts import TextInfo

CHUNK = 1 << 20  # characters read at a time
SAMPLE = 1 << 18  # bytes that decide the encoding
EXCERPT = 600  # characters shown of a text
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, because it begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ASCII = bytes(range(128))
JAPANESE = ("cp932", "euc_jp", "iso2022_jp")
CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f]")


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """Return all texts of `paths`: files as named, folders with everything but hidden and binary files.

    Raises EngineError: error.text_missing, error.text_binary (a binary file that was named itself),
    error.text_none (no text at all).
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and not _hidden(p.relative_to(path)))
            found += [p for p in inside if p.stat().st_size and _is_text(p)]
        elif path.exists():
            detect_encoding(path)
            found.append(path)
        else:
            raise EngineError("error.text_missing", file=str(path))
    if not found:
        raise EngineError("error.text_none", folder=", ".join(map(str, paths)))
    return found


def detect_encoding(path: Path) -> str:
    """Return the name of the Python codec that reads this file.

    In this order: a byte-order mark; UTF-8 if all bytes are valid; UTF-16 by its zero bytes; the Japanese
    encodings by how Japanese the decoded text looks, because byte statistics confuse them on short texts;
    charset-normalizer for all others.
    Raises EngineError: error.text_unreadable, error.text_empty, error.text_binary.
    """
    head, sample = _decisive_bytes(path)
    if not head:
        raise EngineError("error.text_empty", file=str(path))
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    is_utf8 = b"\x00" not in head and _decoded(sample, "utf-8") is not None
    if is_utf8 and not _looks_binary(head.decode("utf-8", "ignore")):
        return "utf-8" if b"\x1b$" not in head else "iso2022_jp"
    found: str | None
    if b"\x00" in head:  # no encoding but UTF-16 writes zero bytes into a text
        found = _utf16_without_mark(head)
    else:
        found = _japanese(sample) or _by_statistics(sample if head.isascii() else head)
    if found is None:
        raise EngineError("error.text_binary", file=str(path))
    return found


def read_chunks(path: Path) -> Iterator[str]:
    """Yield the text of a file, about a million characters at a time. Invalid bytes become U+FFFD."""
    encoding = detect_encoding(path)
    try:
        with path.open(encoding=encoding, errors="replace", newline=None) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise EngineError("error.text_unreadable", file=str(path), reason=error.strerror or "") from error


def read_all(paths: Iterable[str | Path]) -> Iterator[str]:
    """Yield the texts of all files in chunks; each file ends with a line end."""
    for path in find_files(paths):
        last = "\n"
        for chunk in read_chunks(path):
            last = chunk[-1]
            yield chunk
        if last != "\n":
            yield "\n"


def inspect(paths: tuple[str, ...]) -> TextInfo:
    """Describe the texts of `paths`. Characters are counted in small texts and estimated in large ones."""
    files = find_files(paths)
    size = sum(path.stat().st_size for path in files)
    excerpt, characters = "", 0
    for path in files:
        start = next(read_chunks(path), "")
        excerpt = excerpt or start.strip()[:EXCERPT]
        length = path.stat().st_size
        read = len(start.encode(detect_encoding(path), "replace"))
        characters += len(start) if len(start) < CHUNK else round(len(start) * max(1.0, length / read))
    name = Path(paths[0]).name + (f" +{len(paths) - 1}" if len(paths) > 1 else "")
    return TextInfo(
        paths=tuple(str(path) for path in paths),
        name=name,
        files=len(files),
        bytes=size,
        characters=characters,
        encoding=detect_encoding(files[0]).replace("-sig", ""),
        excerpt=excerpt,
    )


# --- How an encoding is found ---------------------------------------------------------------------


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_text(path: Path) -> bool:
    try:
        detect_encoding(path)
    except EngineError:
        return False
    return True


def _decisive_bytes(path: Path) -> tuple[bytes, bytes]:
    """Return the first bytes of a file, and those from its first non-ASCII byte on."""
    try:
        with path.open("rb") as file:
            head = block = file.read(SAMPLE)
            while block.isascii() and (following := file.read(SAMPLE)):
                block = following
            decisive = block.lstrip(ASCII)
            return head, (decisive + file.read(SAMPLE - len(decisive)) if decisive else head)
    except OSError as error:
        raise EngineError("error.text_unreadable", file=str(path), reason=error.strerror or "") from error


def _decoded(data: bytes, encoding: str) -> str | None:
    """Decode `data` without an incomplete character at its end; return None if it is invalid."""
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(data, final=len(data) < SAMPLE)
    except UnicodeDecodeError:
        return None
    return text


def _looks_binary(text: str) -> bool:
    return len(CONTROL.findall(text)) > len(text) / 50


def _utf16_without_mark(data: bytes) -> str | None:
    """Return the UTF-16 codec in which the zero bytes belong to ASCII characters, or None."""
    pairs = max(1, len(data) // 2)
    for name, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros = data[offset::2].count(0)
        text = _decoded(data[: len(data) // 2 * 2], name)
        if zeros > pairs / 50 and data[1 - offset :: 2].count(0) == 0 and text and not _looks_binary(text):
            return name
    return None


def _japanese(data: bytes) -> str | None:
    scores = {}
    for name in JAPANESE:
        text = _decoded(data, name)
        if text is not None:
            scores[name] = _how_japanese(text)
    best = max(scores, key=lambda name: scores[name], default=None)
    return best if best is not None and scores[best] > 0.3 else None


def _how_japanese(text: str) -> float:
    """Return the mean score of the non-ASCII characters: kana count for Japanese, half-width katakana against it."""
    total = count = 0.0
    for character in text:
        code = ord(character)
        if code < 0x80:
            continue
        count += 1
        if 0x3041 <= code <= 0x30FE or character in "、。「」『』・ー々！？　":
            total += 1.0
        elif 0x4E00 <= code <= 0x9FFF:
            total += 0.6 if _is_common(character) else 0.1
        elif 0xFF61 <= code <= 0xFF9F:
            total -= 1.0
        elif 0xE000 <= code <= 0xF8FF or CONTROL.match(character):
            total -= 2.0
    return total / count if count else 0.0


def _is_common(kanji: str) -> bool:
    """Return whether a kanji is in level 1 of JIS X 0208, rows 16 to 47: those in everyday use."""
    try:
        return 0xB0 <= kanji.encode("euc_jp")[0] <= 0xCF
    except UnicodeEncodeError:
        return False


def _by_statistics(data: bytes) -> str | None:
    matches = from_bytes(data[:65536])
    best = matches.best()
    if best is None or _looks_binary(str(best)):
        return None
    # The Western encodings differ in a few letters; this one is the most frequent.
    return "cp1252" if any(match.encoding == "cp1252" for match in matches) else best.encoding
