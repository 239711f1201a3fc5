"""The names of text encodings on screen."""

import codecs

from gui.i18n import t

# In the order of the dialog. Each is a key under "encodings.name.".
ENCODINGS = (
    *("utf_8", "utf_16_le", "utf_16_be"),
    *("cp932", "euc_jis_2004", "iso2022_jp_2"),
    *("gb18030", "big5hkscs", "cp949", "johab"),
    *("cp1252", "iso8859_15", "mac_roman", "cp437", "cp850"),
    *("cp1250", "iso8859_2"),
    *("cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866"),
    *("cp1253", "iso8859_7", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
)
# Codecs that are shown under the name of another one, from which they differ in few characters.
SAME = {
    "utf_8_sig": "utf_8",
    "ascii": "utf_8",
    "utf_16": "utf_16_le",
    "shift_jis": "cp932",
    "shift_jis_2004": "cp932",
    "shift_jisx0213": "cp932",
    "euc_jp": "euc_jis_2004",
    "euc_jisx0213": "euc_jis_2004",
    "iso2022_jp": "iso2022_jp_2",
    "iso2022_jp_1": "iso2022_jp_2",
    "iso2022_jp_3": "iso2022_jp_2",
    "iso2022_jp_2004": "iso2022_jp_2",
    "iso2022_jp_ext": "iso2022_jp_2",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "euc_kr": "cp949",
}


def standard_name(codec: str) -> str:
    """Return the one of ENCODINGS that names a codec on screen; its own name if there is none."""
    try:
        name = codecs.lookup(codec).name.replace("-", "_")
    except LookupError:
        return codec
    return SAME.get(name, name)


def encoding_name(codec: str) -> str:
    """Return the name of a codec on screen, such as "Japanese (Shift_JIS)"."""
    name = standard_name(codec)
    return t(f"encodings.name.{name}") if name in ENCODINGS else codec.upper()


def describe_encoding(codec: str, certain: bool, replaced: int) -> str:
    """Return the name of a codec, with whether it is only probable, and how many places of the text are invalid."""
    name = encoding_name(codec)
    words = name if certain else t("encodings.probably", name=name)
    return f"{words} · {t('encodings.replaced', count=replaced)}" if replaced else words
