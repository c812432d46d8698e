"""From a file's bytes and name to a parsed document, or a clear refusal that names the file.

The content decides what a file is; its name decides only among kinds of text. Hostile formats
(PDF, office, HTML, mail, pictures) are read in a process of their own.
"""

from __future__ import annotations

import io
import re
import time
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from assistants.data import attachments, blocks, captions, delimited, pictures
from assistants.data.blocks import ParsedDocument
from assistants.data.normalising import control_share, normalise
from assistants.data.sandbox import read_apart
from assistants.data.structure import find_blocks
from assistants.data.structure.logs import looks_like_log
from assistants.data.structure.turns import looks_like_transcript
from assistants.exceptions import DocumentRejected
from assistants.formats import (
    MAX_CHARACTERS,
    MAX_DOTS,
    MAX_PAGES,
    MAX_PARTS,
    MAX_ROWS,
    Attachment,
    Reading,
    Reason,
    Unreadable,
)

TITLE_CHARACTERS = 300
NAME_CHARACTERS = 120
MAX_ATTACHMENTS = 50  # of a mail and the mails within it
MAX_NESTED = 3  # mails within mails
MAIL_SECONDS = 120.0  # for a mail with all that came with it
MAIL_SCANS = 10  # pages that are recognised of all that came with a mail

_READERS = {
    blocks.PDF: "pdf",
    blocks.DOCX: "docx",
    blocks.PPTX: "pptx",
    blocks.XLSX: "xlsx",
    blocks.HTML: "html",
    blocks.MAIL: "mail",
    **dict.fromkeys(pictures.MEDIA_TYPES, "picture"),
}
_CODE = "text/x-"
_BY_SUFFIX = {
    "md": blocks.MARKDOWN,
    "markdown": blocks.MARKDOWN,
    "txt": blocks.PLAIN_TEXT,
    "text": blocks.PLAIN_TEXT,
    "rst": blocks.PLAIN_TEXT,
    "log": blocks.LOG,
    "vtt": blocks.TRANSCRIPT,
    "srt": blocks.TRANSCRIPT,
    "csv": blocks.CSV,
    "tsv": blocks.CSV,
    "tab": blocks.CSV,
    "html": blocks.HTML,
    "htm": blocks.HTML,
    "xhtml": blocks.HTML,
    "py": blocks.PYTHON,
    "pyi": blocks.PYTHON,
    "json": "application/json",
    "jsonl": "application/json",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "toml": "application/toml",
    **{
        suffix: _CODE + language
        for language, suffixes in {
            "javascript": "js mjs cjs jsx",
            "typescript": "ts mts cts tsx",
            "java": "java",
            "kotlin": "kt kts",
            "go": "go",
            "rust": "rs",
            "c": "c h",
            "c++": "cc cpp cxx hpp hh",
            "csharp": "cs",
            "swift": "swift",
            "ruby": "rb",
            "php": "php",
            "perl": "pl pm",
            "scala": "scala",
            "r": "r",
            "lua": "lua",
            "sql": "sql",
            "shell": "sh bash zsh",
            "powershell": "ps1",
            "css": "css scss less",
            "ini": "ini cfg conf properties",
            "protobuf": "proto",
            "graphql": "graphql",
            "terraform": "tf hcl",
        }.items()
        for suffix in suffixes.split()
    },
}
_BY_NAME = {"Dockerfile": _CODE + "docker", "Makefile": _CODE + "make"}

# What begins like this is not text, whatever it is called.
_SIGNATURES = [
    (b"\x1f\x8b", "an archive"),
    (b"BZh", "an archive"),
    (b"\xfd7zXZ", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"Rar!", "an archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"SQLite format 3", "a database"),
    (b"ID3", "a recording"),
    (b"OggS", "a recording"),
    (b"fLaC", "a recording"),
]
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED_OFFICE = "EncryptedPackage".encode("utf-16-le")
_BINARY = {"pdf", "docx", "pptx", "xlsx", "docm", "pptm", "xlsm", "doc", "ppt", "xls", "msg"}
# Parts that only office files with programs in them have
_MACROS = re.compile(r"vbaproject|vbadata|/macrosheets/", re.I)
_MACRO_TYPE = b"macroEnabled"
_MAIN_PARTS = {
    "word/document.xml": blocks.DOCX,
    "ppt/presentation.xml": blocks.PPTX,
    "xl/workbook.xml": blocks.XLSX,
}
_HEADER = re.compile(rb"([A-Za-z][A-Za-z0-9-]{0,60}):")
_MAIL_HEADERS = {b"from", b"to", b"subject", b"date", b"received", b"return-path"}
_SURE_HEADERS = {b"message-id", b"mime-version", b"received", b"return-path", b"dkim-signature"}
_PAGE = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S
)
_TAG = re.compile(r"<(?:p|div|h[1-6]|body|head|table|ul|ol|br|span|a)\b[^>]*>", re.I)
_HEADINGS = re.compile(r"^#{1,6} \S", re.M)

_REASONS = {
    Reason.BROKEN: "is damaged and cannot be opened. Please export or save it again.",
    Reason.ENCRYPTED: "is protected with a password. Please remove the protection first.",
    Reason.EXPANDS: "unpacks to far more than a document should, so it was not opened. "
    "Please save its text as a new file.",
    Reason.NO_TEXT: "holds no text.",
    Reason.TOO_LONG: "holds too much text for one document. Please split it into parts.",
    Reason.TOO_MANY_PAGES: f"has more than {MAX_PAGES:,} pages, the most that can be read. "
    "Please split it into parts.",
    Reason.TOO_MANY_ROWS: f"has more than {MAX_ROWS:,} rows, the most that can be read. "
    "Please split it, or leave out what nobody will ask about.",
    Reason.TOO_MANY_PARTS: f"holds more than {MAX_ATTACHMENTS} files or {MAX_PARTS} parts, or "
    f"mails within mails more than {MAX_NESTED} deep. "
    "Please save what is needed as files of their own.",
    Reason.TOO_COSTLY: "took more time or memory to read than a document should. "
    "Please export it again, or split it into parts.",
    Reason.TOO_MANY_DOTS: f"has more than {MAX_DOTS // 1_000_000} million dots, the most that can "
    "be read. Please save it smaller.",
    Reason.TOO_MANY_SCANS: "has more scanned pages than are read at once. "
    "Please split it into parts.",
    Reason.NOTHING_RECOGNISED: "shows no text that could be recognised. Its text is all that is "
    "read of a picture. Please take a sharper one, or type what matters in it.",
    Reason.NO_RECOGNITION: "is a picture or a scan, and what recognises its text is not installed "
    "here. Please tell your administrator, or attach the document that it comes from.",
}


def parse_document(name: str, content: bytes, max_bytes: int) -> ParsedDocument:
    """`name` is a file name or path. Raises DocumentRejected; its `user_message` names the file."""
    return _parse(name, content, max_bytes, _Mail(time.monotonic() + MAIL_SECONDS))


def take_in(name: str, content: bytes, max_bytes: int) -> tuple[bytes, str]:
    """What may be kept of a file until it is read, and its media type: of a picture its dots alone.

    Cheap for all else. Raises DocumentRejected as `detect` does, and for a picture that cannot be
    opened.
    """
    media_type = detect(name, content, max_bytes)
    if media_type not in pictures.MEDIA_TYPES:
        return content, media_type
    try:
        kept = pictures.clean_picture(content)
    except Unreadable as error:
        raise _unreadable(name, error) from error
    return kept, pictures.picture_type(kept)


@dataclass(slots=True)
class _Mail:
    """What a mail, and the mails within it, may still cost."""

    ends: float
    files: int = MAX_ATTACHMENTS
    depth: int = 0
    scans: int = pictures.MOST_SCANS
    scans_within: int = MAIL_SCANS

    @property
    def scans_of_file(self) -> int:
        return self.scans_within if self.depth else self.scans


@dataclass(frozen=True, slots=True)
class ReadFile:
    """`confidence`: how sure what was recognised in pictures is, 0 to 1; None where nothing was."""

    text: str
    media_type: str
    title: str
    pages: tuple[int, ...]
    confidence: float | None = None


def read_file(name: str, content: bytes, max_bytes: int, most_scans: int) -> ReadFile:
    """As `parse_document` reads it, without its structure; of so many scanned pages at most. Raises
    DocumentRejected as there.
    """
    cost = _Mail(time.monotonic() + MAIL_SECONDS, scans=most_scans)
    return _read(name, content, max_bytes, cost)


def _parse(name: str, content: bytes, max_bytes: int, mail: _Mail) -> ParsedDocument:
    found = _read(name, content, max_bytes, mail)
    outline = find_blocks(found.text, found.media_type)
    named = outline.title or found.title or file_name(name)
    return ParsedDocument(
        named[:TITLE_CHARACTERS],
        found.text,
        found.media_type,
        tuple(outline.blocks),
        found.pages,
        found.confidence,
    )


def _read(name: str, content: bytes, max_bytes: int, mail: _Mail) -> ReadFile:
    media_type = detect(name, content, max_bytes)
    pages: tuple[int, ...] = ()
    title = ""
    confidence = None
    try:
        if reader := _READERS.get(media_type):
            reading = _recognised(reader, content, mail.scans_of_file)
            confidence = reading.confidence
            if mail.depth and confidence is not None:
                mail.scans_within -= len(reading.pages)
            title = " ".join(normalise(reading.title).split())
            text, pages = _join_pages(reading.text, reading.pages)
            if reading.attachments:
                text += _with_attachments(name, reading.attachments, max_bytes, mail)
        else:
            text = _from_text(name, media_type, normalise(decode(name, content)))
    except Unreadable as error:
        raise _unreadable(name, error, mail.scans_of_file) from error
    if not any(map(str.isalnum, text)):
        raise rejected(name, "holds no text.")
    if len(text) > MAX_CHARACTERS:
        raise rejected(name, _REASONS[Reason.TOO_LONG], f"{len(text)} characters")
    return ReadFile(text, media_type, title, pages, confidence)


def _recognised(reader: str, content: bytes, most_scans: int) -> Reading:
    """What the reader makes of it, with the text of pages that are pictures. Raises Unreadable."""
    if reader == "picture":
        reading = pictures.read_picture(content, most_scans)
    else:
        reading = read_apart(reader, content)
        if not reading.scanned:
            return reading
        reading = pictures.read_scans(content, reading, most_scans)
    if not any(map(str.isalnum, reading.text)):
        raise Unreadable(Reason.NOTHING_RECOGNISED)
    return reading


def _unreadable(name: str, error: Unreadable, most: int = pictures.MOST_SCANS) -> DocumentRejected:
    told = _REASONS[error.reason]
    if error.reason is Reason.TOO_MANY_SCANS and most > 0:
        told = (
            f"has more scanned pages than are read at once, which is {most}. "
            "Please split it into parts."
        )
    return rejected(name, told, str(error))


def _from_text(name: str, media_type: str, text: str) -> str:
    """Tables and subtitles are stored as they are read, other text as it is."""
    if media_type == blocks.CSV:
        return normalise(delimited.to_markdown(text, delimited.find_delimiter(text)))
    if media_type == blocks.TRANSCRIPT and _suffix(file_name(name)) in ("vtt", "srt"):
        return captions.to_transcript(text) or text
    return text


def _with_attachments(name: str, found: tuple[Attachment, ...], max_bytes: int, mail: _Mail) -> str:
    """Each in a section; one that cannot be read is named, and why. Raises Unreadable."""
    mail.files -= len(found)
    if mail.files < 0 or mail.depth >= MAX_NESTED:
        raise Unreadable(Reason.TOO_MANY_PARTS, f"{len(found)} more at depth {mail.depth}")
    sections = []
    mail.depth += 1
    for attachment in found:
        if time.monotonic() > mail.ends:
            raise Unreadable(Reason.TOO_COSTLY, f"over {MAIL_SECONDS} s")
        shown = file_name(attachment.name)
        try:
            if not attachment.content:
                raise rejected(shown, "is a recording, or a picture of another kind.")
            inner = _parse(shown, attachment.content, max_bytes, mail)
            sections.append(attachments.as_section(shown, inner))
        except DocumentRejected as error:
            why = error.__cause__
            if isinstance(why, Unreadable) and why.reason is Reason.TOO_MANY_PARTS:
                raise why from None  # a mail within that holds too much: so does the whole
            sections.append(attachments.as_note(shown, error.user_message))
    mail.depth -= 1
    return "\n\n" + normalise("\n\n".join(sections))


def detect(name: str, content: bytes, max_bytes: int) -> str:
    """The media type, by cheap checks only. Raises DocumentRejected for what is no document."""
    if not content:
        raise rejected(name, "is empty.")
    if len(content) > max_bytes:
        limit = f"{max_bytes / 1024**2:.3g} MB"
        raise rejected(name, f"is larger than {limit}, the most that can be read. Please split it.")
    shown = file_name(name)
    suffix = _suffix(shown)
    # Some files have a few odd bytes before the mark; a text that speaks of it is no PDF.
    begins = content[:1024].lstrip(b"\xef\xbb\xbf\x00 \t\r\n").startswith(b"%PDF-")
    if begins or (suffix == "pdf" and b"%PDF-" in content[:1024]):
        return blocks.PDF
    if content.startswith(b"PK\x03\x04"):
        return _office(name, suffix, content)
    if content.startswith(_OLD_OFFICE):
        raise rejected(name, _old_office(suffix, content))
    if picture := pictures.picture_type(content):
        return picture
    if pictures.is_other_picture(content):
        raise rejected(
            name, "is a picture of a kind that is not read here. Please save it as JPEG or PNG."
        )
    for signature, what in _SIGNATURES:
        if content.startswith(signature):
            raise rejected(name, f"is {what}, not a text. {_READABLE}")
    if suffix in _BINARY:
        raise rejected(name, f"is not a {suffix.upper()} file, although its name says so. {_AGAIN}")
    if _PAGE.match(content):
        return blocks.HTML
    if _is_mail(suffix, content):
        return blocks.MAIL
    return _text_type(shown, suffix, decode(name, content))


_READABLE = (
    "PDF, Word, PowerPoint and Excel files (DOCX, PPTX, XLSX), CSV, HTML, e-mail (EML), Markdown, "
    "text, source code and the text in pictures (PNG, JPEG, WebP, GIF, TIFF, BMP) can be read."
)
_AGAIN = "Please export or save it again."


def _office(name: str, suffix: str, content: bytes) -> str:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        parts = archive.namelist()
        with (
            archive.open("[Content_Types].xml")
            if "[Content_Types].xml" in parts
            else (io.BytesIO()) as opened
        ):
            types = opened.read(1 << 20)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, RuntimeError, zlib.error) as error:
        raise rejected(name, _REASONS[Reason.BROKEN], str(error)) from error
    kind = next((kind for part, kind in _MAIN_PARTS.items() if part in parts), None)
    office = kind or any(part.startswith(("word/", "ppt/", "xl/")) for part in parts)
    if office and (_MACRO_TYPE in types or any(map(_MACROS.search, parts))):
        raise rejected(
            name,
            "holds macros, which are programs, so it was not opened. Please save it without them, "
            "as DOCX, PPTX or XLSX.",
        )
    if kind:
        return kind
    if office or "mimetype" in parts:
        raise rejected(
            name, "is an Office file of another kind. Please save it as PDF, DOCX, PPTX or XLSX."
        )
    raise rejected(name, f"is an archive. Please unpack it and upload the files. {_READABLE}")


def _old_office(suffix: str, content: bytes) -> str:
    """Files with a password look like old ones."""
    if _LOCKED_OFFICE in content:
        return _REASONS[Reason.ENCRYPTED]
    if suffix == "msg":
        return "is an Outlook message. Please save it as EML or PDF."
    return (
        "is an old Office file, or one with a password. "
        "Please save it as DOCX, PPTX, XLSX or PDF without a password."
    )


def _is_mail(suffix: str, content: bytes) -> bool:
    """By the names of its first headers: few are enough where the file's name says so."""
    found = set()
    for line in content[:16_384].lstrip(b"\xef\xbb\xbf\r\n").split(b"\n"):
        if not line.strip():
            break
        if line[:1] in b" \t":
            continue
        header = _HEADER.match(line)
        if not header:
            return False
        found.add(header[1].lower())
    known = found & _MAIL_HEADERS
    return bool(known) if suffix == "eml" else len(known) > 1 and bool(found & _SURE_HEADERS)


def _text_type(shown: str, suffix: str, text: str) -> str:
    """Among kinds of text the name decides, unless the text is clear."""
    named = _BY_SUFFIX.get(suffix) or _BY_NAME.get(shown)
    if named == blocks.HTML and not _TAG.search(text):
        return blocks.PLAIN_TEXT
    if named == blocks.CSV and not delimited.find_delimiter(text):
        return blocks.PLAIN_TEXT
    if named not in (None, blocks.PLAIN_TEXT):
        return named or blocks.PLAIN_TEXT
    if looks_like_transcript(text):
        return blocks.TRANSCRIPT
    if looks_like_log(text):
        return blocks.LOG
    if named is None and text.startswith("#!"):
        return blocks.PYTHON if "python" in text[:60] else _CODE + "shell"
    if len(_HEADINGS.findall(text[:100_000])) > 1:
        return blocks.MARKDOWN
    return blocks.PLAIN_TEXT


def decode(name: str, content: bytes) -> str:
    """UTF-8, UTF-16 with its mark, or Windows-1252. Raises DocumentRejected for anything else."""
    text = _decoded(content)
    if text is None:
        raise rejected(name, "is in an unknown character encoding. Please save it as UTF-8.")
    if "\x00" in text or control_share(text) > 0.02:
        raise rejected(name, f"is not a text. {_READABLE}")
    return text


def _decoded(content: bytes) -> str | None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    # A cut or spoilt character does not make a UTF-8 file Windows-1252.
    text = content.decode("utf-8-sig", errors="replace")
    spoilt = text.count("\ufffd")
    if sum(map(str.isascii, text)) + 11 * spoilt < len(text):
        return text
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return None


def _join_pages(text: str, starts: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Normalises page by page, so that the pages' offsets stay true."""
    if not starts:
        return normalise(text), ()
    joined = ""
    offsets = []
    for start, end in zip(starts, (*starts[1:], len(text)), strict=True):
        page = normalise(text[start:end])
        joined += "\n\n" if joined and page else ""
        offsets.append(len(joined))
        joined += page
    return joined, tuple(offsets)


def file_name(name: str) -> str:
    """The last part of a name or path, fit to be shown and stored.

    No folders of any system, no control characters, nothing that turns the direction of writing,
    at most `NAME_CHARACTERS`; "file" where nothing is left.
    """
    last = re.split(r"[/\\]", normalise(name).strip().rstrip("/\\"))[-1]
    last = " ".join(last.split())
    if len(last) > NAME_CHARACTERS:
        suffix = PurePosixPath(last).suffix[:10]
        last = last[: NAME_CHARACTERS - 1 - len(suffix)] + "…" + suffix
    return last if last.strip(".") else "file"


def _suffix(shown: str) -> str:
    return PurePosixPath(shown).suffix.lower().removeprefix(".")


def rejected(name: str, what: str, detail: str = "") -> DocumentRejected:
    shown = file_name(name)
    return DocumentRejected(f"{shown}: {detail or what}", user_message=f"“{shown}” {what}")
