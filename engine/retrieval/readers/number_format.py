"""Write the numbers of a spreadsheet as it shows them: "25%", "1,234.50", "2026年11月28日" (ISO/IEC 29500-1, 18.8.31).

A cell stores 46354 and the code of a format; people search for the date that they see.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache

# The formats that files name by number only. Those of dates depend on the system's language; here they are written as
# in ISO 8601, which is understood in every language.
BUILT_IN = {
    **dict.fromkeys((3, 5, 6, 41, 42), "#,##0"), **dict.fromkeys((4, 7, 8, 43, 44), "#,##0.00"),
    **dict.fromkeys((14, 27, 30, 36, 50, 57), "yyyy-mm-dd"), **dict.fromkeys((37, 38), "#,##0;-#,##0"),
    1: "0", 2: "0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy",
    18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm",
    39: "#,##0.00;-#,##0.00", 40: "#,##0.00;-#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
    31: 'yyyy"年"m"月"d"日"', 32: 'h"時"mm"分"', 33: 'h"時"mm"分"ss"秒"', 55: 'yyyy"年"m"月"', 56: 'm"月"d"日"',
    58: 'm"月"d"日"',
}  # fmt: skip
_PART = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<elapsed>h+|m+|s+)\]'
    r"|(?P<nothing>\[[^\]]*\]|[_*].)|(?P<noon>AM/PM|A/P)|(?P<general>General)|(?P<era>g+)|(?P<code>y+|m+|d+|h+|s+(?:\.0+)?|e+|a{3,4})"
    r"|(?P<number>[#0?][#0?,.]*(?:[Ee][+-][#0?]+)?)|(?P<sign>.)",
    re.IGNORECASE | re.DOTALL,
)
_ERAS = ((datetime(2019, 5, 1), "令和"), (datetime(1989, 1, 8), "平成"), (datetime(1926, 12, 25), "昭和"))
_DAYS = "月火水木金土日"

Part = tuple[str, str]  # kind and text


def shown(value: float, code: str, date_1904: bool = False) -> str:
    """Return a number as the format `code` shows it; in the format General if `code` is not supported."""
    if code == "General":
        return general(value)
    sections = _sections(code)
    section = sections[1 if value < 0 and len(sections) > 1 else 2 if value == 0 and len(sections) > 2 else 0]
    kinds = {kind for kind, _ in section}
    if kinds & {"code", "elapsed", "era"}:
        return _date(value, section, date_1904)
    if ("sign", "/") in section:  # a fraction
        return general(value)
    if not kinds & {"number", "general"}:
        literal = "".join(text for _, text in section)
        return literal if literal and "@" not in code else general(value)
    sign, value = "-" if value < 0 and len(sections) == 1 else "", abs(value)  # a second section has its own sign
    percent = sum(part == ("sign", "%") for part in section)
    written, seen = "", False
    for kind, text in section:
        if kind == "general":
            written += general(value)
        elif kind != "number":
            written += text
        elif not seen:
            written, seen = written + _digits(value * 100**percent, text), True
    return sign + written.strip()


def general(value: float) -> str:
    """Return a number without a format: at most 11 significant digits, but all of a whole number."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.11g}"


@lru_cache
def _sections(code: str) -> list[list[Part]]:
    """Return the parts of a format for positive numbers, negative ones and zero."""
    sections: list[list[Part]] = [[]]
    for found in _PART.finditer(code[:255]):
        kind = found.lastgroup or "sign"
        if (kind, found[0]) == ("sign", ";"):
            sections.append([])
        elif kind != "nothing":
            literal = kind in ("quoted", "escaped", "currency")
            sections[-1].append(("literal" if literal else kind, found[kind] or ""))
    return sections


def _digits(value: float, places: str) -> str:
    """Return a number that is not negative in the placeholders 0, # and ? of a format."""
    if "e" in places.lower():
        mantissa, _, _ = places.lower().partition("e")
        return f"{value:.{len(mantissa.partition('.')[2])}E}"
    while places.endswith(","):  # thousands, millions
        places, value = places[:-1], value / 1000
    whole, _, decimals = places.partition(".")
    text = f"{value:{',' if ',' in whole else ''}.{len(decimals)}f}"
    optional = len(decimals) - len(decimals.rstrip("#?"))
    for _ in range(optional):
        text = text.removesuffix("0")
    integer, _, rest = text.partition(".")
    integer = integer.zfill(whole.count("0")) if "0" in whole else integer.removeprefix("0")
    return f"{integer}.{rest}" if rest else integer


def _date(value: float, section: list[Part], date_1904: bool) -> str:
    """Return the date of a serial number: days since 1899-12-30, or since 1904-01-01.

    Day 60 is 29 February 1900, which did not exist: days before it count from 1899-12-31.
    """
    first = datetime(1904, 1, 1) if date_1904 else datetime(1899, 12, 30 if value >= 60 else 31)
    try:
        moment = first + timedelta(seconds=round(value * 86400, 3))
    except (OverflowError, ValueError):
        return general(value)
    if not any(text.lower().endswith("0") for kind, text in section if kind == "code"):
        moment = (moment + timedelta(seconds=0.5)).replace(microsecond=0)
    written, after_hour, noon = "", False, any(kind == "noon" for kind, _ in section)
    for index, (kind, text) in enumerate(section):
        following = next((other for other_kind, other in section[index + 1 :] if other_kind == "code"), "")
        if kind == "code" and text[0] in "mM" and len(text) < 3 and (after_hour or following[:1] in ("s", "S")):
            written += f"{moment.minute:0{len(text)}}"
        elif kind == "elapsed":
            unit = {"h": 3600, "m": 60, "s": 1}[text[0].lower()]
            written += f"{int((moment - first).total_seconds()) // unit:0{len(text)}}"
        else:
            written += _of_date(moment, kind, text, noon)
        if kind in ("code", "elapsed"):
            after_hour = text[0] in "hH"
    return written.strip()


def _of_date(moment: datetime, kind: str, text: str, noon: bool) -> str:
    """Return the part of a date that one code of a format shows; literal text is returned as it is."""
    if kind == "noon":
        return "AM" if moment.hour < 12 else "PM"
    begun, era = next(((begun, era) for begun, era in _ERAS if moment >= begun), (datetime(1, 1, 1), ""))
    if kind == "era":
        return era if len(text) > 2 else era[:1]
    if kind != "code":
        return text
    letter, size = text[0].lower(), min(len(text), 4)
    if letter == "e":
        return f"{moment.year - begun.year + 1:0{min(size, 2)}}"
    if letter == "s" and "." in text:
        return f"{moment.second + moment.microsecond / 1e6:0{len(text)}.{len(text.partition('.')[2])}f}"
    hour = (moment.hour % 12 or 12) if noon else moment.hour
    rows: dict[str, tuple[str, ...]] = {  # by the number of letters
        "y": (f"{moment:%y}", f"{moment:%y}", f"{moment.year:04}", f"{moment.year:04}"),
        "m": (f"{moment.month}", f"{moment.month:02}", f"{moment:%b}", f"{moment:%B}"),
        "d": (f"{moment.day}", f"{moment.day:02}", f"{moment:%a}", f"{moment:%A}"),
        "h": (f"{hour}", f"{hour:02}", f"{hour:02}", f"{hour:02}"),
        "s": (f"{moment.second}", *[f"{moment.second:02}"] * 3),
        "a": ("", "", _DAYS[moment.weekday()], _DAYS[moment.weekday()] + "曜日"),
    }
    return rows[letter][size - 1]
