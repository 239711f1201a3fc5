"""Read files of any size as text in bounded memory; encodings are detected, all line ends become a newline.

A line ends at LF, CR or CR LF only, not at the other characters where str.splitlines ends one.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.errors import EngineError
from engine.messages.texts import EncodingPreview, TextInfo
from engine.text.encodings import MARK_INVALID, Guess, codec_of, declared_in_html, detect, mark_of, unmarked

CHUNK = 1 << 20  # characters read at a time
SAMPLE = 1 << 18  # bytes that decide the encoding
BEFORE = 512  # further bytes before the first one that is not ASCII
EXCERPT = 600  # characters shown of a text
ASCII = bytes(range(128))
PICTURES = {  # how files in these formats begin, by their specifications
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}


class TextFile:
    """A text and its encoding, which is the one chosen or else the one detected.

    `replaced` is the number of places with invalid bytes in what `chunks` has yielded.
    """

    def __init__(self, path: Path, encoding: str = "", is_html: bool = False) -> None:
        """Find the encoding of the file at `path`; HTML may declare it.

        Raises EngineError: error.encoding_unknown, error.text_unreadable, error.text_empty, error.text_binary,
        error.text_nul, error.text_picture.
        """
        self.path, self.replaced = path, 0
        head, sample = _decisive_bytes(path)
        if not head:
            raise EngineError("error.text_empty", file=str(path))
        guess = _chosen(encoding, head) if encoding else detect(sample, declared_in_html(head) if is_html else "")
        if guess is None:
            raise _not_text(path, head)
        self.encoding, self.certain, self.others = guess.encoding, guess.certain, guess.others

    def chunks(self) -> Iterator[str]:
        """Yield the text, about a million characters at a time. Invalid bytes become U+FFFD, NULs are dropped.

        Raises EngineError error.text_unreadable.
        """
        self.replaced, start = 0, "\ufeff"
        try:
            with self.path.open(encoding=self.encoding, errors=MARK_INVALID, newline=None) as file:
                while chunk := file.read(CHUNK):
                    text, replaced = unmarked(chunk.removeprefix(start))
                    self.replaced, start = self.replaced + replaced, ""
                    if text:
                        yield text
        except OSError as error:
            raise EngineError("error.text_unreadable", file=str(self.path), reason=error.strerror or "") from error


def _not_text(path: Path, head: bytes) -> EngineError:
    """Return why a file that begins with these bytes has no text."""
    picture = next((name for start, name in PICTURES.items() if head.startswith(start)), "")
    if picture == "WebP" and head[8:12] != b"WEBP":  # another format in RIFF, such as a sound
        picture = ""
    if picture:
        return EngineError("error.text_picture", file=str(path), format=picture)
    only_nul = b"\0" in head and detect(head.replace(b"\0", b"")) is not None
    return EngineError("error.text_nul" if only_nul else "error.text_binary", file=str(path))


def find_files(paths: Iterable[str | Path], encoding: str = "") -> list[Path]:
    """Return all texts of `paths`: files as named, folders with everything but hidden and binary files.

    Raises EngineError: error.text_missing, error.text_none (no text at all), and what TextFile raises for a file
    that was named itself.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and not _hidden(p.relative_to(path)))
            found += [p for p in inside if p.stat().st_size and _is_text(p)]
        elif path.exists():
            TextFile(path, encoding)
            found.append(path)
        else:
            raise EngineError("error.text_missing", file=str(path))
    if not found:
        raise EngineError("error.text_none", folder=", ".join(map(str, paths)))
    return found


def read_chunks(path: Path, encoding: str = "") -> Iterator[str]:
    """Yield the text of a file, about a million characters at a time. Raises EngineError as TextFile."""
    yield from TextFile(path, encoding).chunks()


def find_texts(paths: Iterable[str | Path], encoding: str = "") -> list[TextFile]:
    """Return all texts of `paths` with their encodings. Raises EngineError as find_files."""
    return [TextFile(path, encoding) for path in find_files(paths, encoding)]


def read_all(paths: Iterable[str | Path], encoding: str = "") -> Iterator[str]:
    """Yield the texts of all files in chunks; each file ends with a line end. Raises EngineError as find_files."""
    yield from read_texts(find_texts(paths, encoding))


def read_texts(texts: Iterable[TextFile]) -> Iterator[str]:
    """Yield texts in chunks; each ends with a line end."""
    for text in texts:
        last = "\n"
        for chunk in text.chunks():
            last = chunk[-1]
            yield chunk
        if last != "\n":
            yield "\n"


def inspect(paths: tuple[str, ...], encoding: str = "") -> TextInfo:
    """Describe the texts of `paths`. Characters are counted in small texts and estimated in large ones."""
    files = find_texts(paths, encoding)
    size = sum(file.path.stat().st_size for file in files)
    excerpt, characters = "", 0
    for file in files:
        start = next(file.chunks(), "")
        excerpt = excerpt or start.strip()[:EXCERPT]
        length = file.path.stat().st_size
        read = len(start.encode(file.encoding, "replace"))
        characters += len(start) if len(start) < CHUNK else round(len(start) * max(1.0, length / read))
    name = Path(paths[0]).name + (f" +{len(paths) - 1}" if len(paths) > 1 else "")
    return TextInfo(
        paths=tuple(str(path) for path in paths),
        name=name,
        files=len(files),
        bytes=size,
        characters=characters,
        encoding=files[0].encoding.replace("-sig", ""),
        excerpt=excerpt,
        chosen=encoding,
        differing=sum(file.encoding != files[0].encoding for file in files),
        certain=all(file.certain for file in files),
        replaced=sum(file.replaced for file in files),
    )


def preview(path: str, encoding: str = "") -> EncodingPreview:
    """Return a few lines around the first non-ASCII character of a file, or of the most doubtful one in a folder.

    Raises EngineError as find_files.
    """
    files = find_files([path], encoding)
    doubtful = min(files, key=lambda name: TextFile(name).certain) if len(files) > 1 else files[0]
    file = TextFile(doubtful, encoding)
    text = next(file.chunks(), "")
    first = len(text) - len(text.lstrip(ASCII.decode()))
    around = max(0, first - EXCERPT // 4) if first < len(text) else 0
    start = text.rfind("\n", 0, around) + 1 if around else 0
    start = start if around - start < EXCERPT // 4 else around
    return EncodingPreview(
        path=path,
        excerpt=text[start : start + EXCERPT],
        encoding=file.encoding.replace("-sig", ""),
        certain=file.certain,
        replaced=file.replaced,
        others=file.others,
    )


# --- How an encoding is found ---------------------------------------------------------------------


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_text(path: Path) -> bool:
    try:
        TextFile(path)
    except EngineError:
        return False
    return True


def _chosen(encoding: str, head: bytes) -> Guess:
    """Return the codec of a chosen encoding; of UTF-16, the byte order in the file's mark counts."""
    codec, mark = codec_of(encoding), mark_of(head)
    return Guess(mark if mark and codec.startswith(mark.removesuffix("-sig")) else codec)


def _decisive_bytes(path: Path) -> tuple[bytes, bytes]:
    """Return the first bytes of a file, and those around and after its first non-ASCII byte."""
    try:
        with path.open("rb") as file:
            head = block = file.read(SAMPLE)
            while block.isascii() and (following := file.read(SAMPLE)):
                block = following
            if block.isascii():
                return head, head
            first = len(block) - len(block.lstrip(ASCII))
            decisive = block[max(0, first - BEFORE) // 4 * 4 :]  # a whole character also in UTF-16 and UTF-32
            return head, decisive + file.read(SAMPLE - len(block) + first)
    except OSError as error:
        raise EngineError("error.text_unreadable", file=str(path), reason=error.strerror or "") from error
