"""Read e-mails (.eml) and web pages saved as one file (.mht, RFC 2557), by Python's own library."""

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesParser
from pathlib import Path

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.html import decoded
from engine.retrieval.readers.lines import Lines, append, one_line
from engine.retrieval.readers.page import page_text
from engine.text.encodings import codec_of


def read_mail(path: Path) -> Document:
    """Read the header and the text of an e-mail, or its HTML if it has no plain text; attached e-mails follow."""
    lines = Lines()
    for message in _messages(_parsed(path)):
        subject = _field(message, "Subject")
        lines.add(f"{subject}\n" if subject else "", subject)
        for name in ("From", "To", "Cc", "Date"):
            if value := _field(message, name):
                lines.add(f"{name}: {value}\n")
        lines.add("\n")
        bodies = (_content(part) for kind in ("plain", "html") if (part := message.get_body((kind,))) is not None)
        append(lines, next((body for body in bodies if body.text.strip()), Document("")))
        lines.add("\n")
    return lines.document()


def read_saved_page(path: Path) -> Document:
    """Read a saved page, then the pages in its frames."""
    lines = Lines()
    parts = (part for part in _parsed(path).walk() if part.get_content_type() in ("text/html", "application/xhtml+xml"))
    for part in parts:
        append(lines, _content(part))
        lines.add("\n")
    return lines.document()


def _parsed(path: Path) -> EmailMessage:
    with path.open("rb") as file:
        return BytesParser(EmailMessage, policy=policy.default).parse(file)


def _messages(message: EmailMessage) -> Iterator[EmailMessage]:
    yield message
    for part in message.walk():
        if isinstance(part, EmailMessage) and part.get_content_type() != "message/rfc822":
            continue
        for inner in part.get_payload() if part.is_multipart() else ():
            if isinstance(inner, EmailMessage):
                yield inner


def _field(message: EmailMessage, name: str) -> str:
    try:
        return one_line(str(message.get(name, "")))
    except (AttributeError, LookupError, ValueError):  # raised by the library for damaged fields
        return ""


def _content(part: Message) -> Document:
    data = part.get_payload(decode=True)
    data = data if isinstance(data, bytes) else b""
    try:
        charset = codec_of(str(part.get_param("charset", "")))
    except EngineError:  # unknown, or none is declared
        charset = ""
    text = decoded(data, charset)
    if part.get_content_subtype() != "plain":
        return page_text(text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if part.get_param("format") == "flowed":  # RFC 3676: a line that ends with a space is continued by the next
        joint = "" if str(part.get_param("delsp")).lower() == "yes" else " "
        text = re.sub(r"(?<!^--) \n(?=[^>\n])", joint, text, flags=re.MULTILINE)
    return Document(text)
