"""How often the encoding of a text is found, and how often one that is called certain is wrong.

    python -m tests.benchmarks.encodings FOLDER [--samples 100]

FOLDER contains one UTF-8 text a language, named ja.txt, zh_CN.txt, … (LANGUAGES); use texts on which nothing was
tuned. Random parts of 20, 60, 200 and 2,000 characters with at least one that is not ASCII are encoded. Right is a
part that decodes to itself. The peer, charset-normalizer, is measured where it is installed.
"""

import argparse
import random
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from engine.text.encodings import Guess, detect

LANGUAGES = {
    "ja": ("cp932", "euc_jp", "iso2022_jp"),
    "zh_CN": ("gb18030",),
    "zh_TW": ("big5",),
    "ko": ("cp949",),
    "ru": ("cp1251", "koi8_r"),
    "el": ("cp1253",),
    "tr": ("cp1254",),
    "th": ("cp874",),
    "fr": ("cp1252", "mac_roman"),
    "de": ("cp1252",),
    "pl": ("cp1250", "iso8859_2"),
    "he": ("cp1255",),
    "ar": ("cp1256",),
    "vi": ("cp1258",),
}
UNICODE = ("utf-8", "utf-16-le", "utf-16-be")
LENGTHS = (20, 60, 200, 2000)
TONES = "\u0300\u0301\u0303\u0309\u0323"  # cp1258 writes the tones of Vietnamese as characters of their own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=100)
    options = parser.parse_args()
    print(f"{'':18}" + "".join(f"{length:>28,}" for length in LENGTHS))
    print(f"{'':18}" + f"{'right certain wrong/certain':>28}" * len(LENGTHS))
    total = {length: Counter[str]() for length in LENGTHS}
    for language, encodings in LANGUAGES.items():
        text = (options.folder / f"{language}.txt").read_text("utf-8")
        for encoding in (*encodings, *UNICODE):
            counts = [_measure(text, encoding, length, options.samples) for length in LENGTHS]
            print(f"{language + ' ' + encoding:18}" + "".join(map(_cells, counts)), flush=True)
            if encoding in encodings:
                for length, count in zip(LENGTHS, counts, strict=True):
                    total[length] += count
    print(f"{'without Unicode':18}" + "".join(_cells(total[length]) for length in LENGTHS))
    print(f"{'charset-normalizer':18}" + "".join(f"{100 * c['peer'] / c['all']:11.1f}{'':17}" for c in total.values()))
    print(f"{'ms a text':18}" + "".join(f"{c['us'] / c['all'] / 1000:11.2f}{'':17}" for c in total.values()))


def _measure(text: str, encoding: str, length: int, samples: int) -> Counter[str]:
    count: Counter[str] = Counter(all=0)
    for part, data in _samples(text, encoding, length, samples):
        begun = time.perf_counter()
        found = detect(data) or Guess("ascii", certain=False)
        right = data.decode(found.encoding, "replace") == part
        count.update({"all": 1, "right": right, "certain": found.certain, "false": found.certain and not right})
        count["us"] += round(1e6 * (time.perf_counter() - begun))
        count["peer"] += encoding not in UNICODE and _peer(data) == part
    return count


def _samples(text: str, encoding: str, length: int, samples: int) -> Iterator[tuple[str, bytes]]:
    rng = random.Random(f"{encoding} {length}")
    for _ in range(samples if length < 1000 else max(1, samples // 5)):
        start = rng.randrange(max(1, len(text) - length))
        part = text[start : start + length]
        if encoding == "cp1258":
            part = "".join(map(_with_separate_tone, part))
        data = part.encode(encoding, "ignore")
        part = data.decode(encoding)
        if not part.isascii():
            yield part, data


def _with_separate_tone(character: str) -> str:
    parts = unicodedata.normalize("NFD", character)
    letter = unicodedata.normalize("NFC", "".join(c for c in parts if c not in TONES))
    return letter + "".join(c for c in parts if c in TONES)


def _peer(data: bytes) -> str:
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return ""
    found = from_bytes(data).best()
    return data.decode(found.encoding, "replace") if found else ""


def _cells(count: Counter[str]) -> str:
    if not count["all"]:
        return f"{'–':>28}"
    false = 100 * count["false"] / max(1, count["certain"])
    return f"{100 * count['right'] / count['all']:11.1f}{100 * count['certain'] / count['all']:8.0f}{false:9.2f}"


if __name__ == "__main__":
    main()
