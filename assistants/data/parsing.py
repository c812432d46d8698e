"""From a file's bytes and name to a parsed document, or a clear refusal that names the file.

The content decides what a file is; its name decides only among kinds of text. Hostile formats
(PDF, DOCX, HTML) are read in a process of their own.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePosixPath

from assistants.data import blocks
from assistants.data.blocks import ParsedDocument
from assistants.data.normalising import control_share, normalise
from assistants.data.sandbox import read_apart
from assistants.data.structure import find_blocks
from assistants.data.structure.logs import looks_like_log
from assistants.exceptions import DocumentRejected
from assistants.formats import MAX_CHARACTERS, Reason, Unreadable

TITLE_CHARACTERS = 300

_CODE = "text/x-"
_BY_SUFFIX = {
    "md": blocks.MARKDOWN,
    "markdown": blocks.MARKDOWN,
    "txt": blocks.PLAIN_TEXT,
    "text": blocks.PLAIN_TEXT,
    "rst": blocks.PLAIN_TEXT,
    "log": blocks.LOG,
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
            "csv": "csv tsv",
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
    (b"\x89PNG\r\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"II*\x00", "an image"),
    (b"MM\x00*", "an image"),
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
    Reason.NO_TEXT: "holds no text, perhaps only scanned images. "
    "Please run text recognition (OCR) on it first.",
    Reason.TOO_LONG: "holds too much text for one document. Please split it into parts.",
    Reason.TOO_COSTLY: "took more time or memory to read than a document should. "
    "Please export it again, or split it into parts.",
}


def parse_document(name: str, content: bytes, max_bytes: int) -> ParsedDocument:
    """`name` is a file name or path. Raises DocumentRejected; its `user_message` names the file."""
    media_type = detect(name, content, max_bytes)
    pages: tuple[int, ...] = ()
    title = ""
    reader = {blocks.PDF: "pdf", blocks.DOCX: "docx", blocks.HTML: "html"}.get(media_type)
    if reader:
        try:
            reading = read_apart(reader, content)
        except Unreadable as error:
            raise rejected(name, _REASONS[error.reason], str(error)) from error
        title = " ".join(normalise(reading.title).split())
        text, pages = _join_pages(reading.text, reading.pages)
    else:
        text = normalise(decode(name, content))
    if not any(map(str.isalnum, text)):
        raise rejected(name, "holds no text.")
    if len(text) > MAX_CHARACTERS:
        raise rejected(name, _REASONS[Reason.TOO_LONG], f"{len(text)} characters")
    outline = find_blocks(text, media_type)
    named = outline.title or title or PurePosixPath(name).name
    return ParsedDocument(named[:TITLE_CHARACTERS], text, media_type, tuple(outline.blocks), pages)


def detect(name: str, content: bytes, max_bytes: int) -> str:
    """The media type, by cheap checks only. Raises DocumentRejected for what is no document."""
    if not content:
        raise rejected(name, "is empty.")
    if len(content) > max_bytes:
        limit = f"{max_bytes / 1024**2:.3g} MB"
        raise rejected(name, f"is larger than {limit}, the most that can be read. Please split it.")
    path = PurePosixPath(name)
    suffix = path.suffix.lower().removeprefix(".")
    # Some files have a few odd bytes before the mark; a text that speaks of it is no PDF.
    begins = content[:1024].lstrip(b"\xef\xbb\xbf\x00 \t\r\n").startswith(b"%PDF-")
    if begins or (suffix == "pdf" and b"%PDF-" in content[:1024]):
        return blocks.PDF
    if content.startswith(b"PK\x03\x04"):
        return _office(name, content)
    if content.startswith(_OLD_OFFICE):
        raise rejected(
            name,
            "is an old Office file, or one with a password. "
            "Please save it as DOCX or PDF without a password.",
        )
    for signature, what in _SIGNATURES:
        if content.startswith(signature):
            raise rejected(name, f"is {what}, not a text. {_READABLE}")
    if suffix in ("pdf", "docx"):
        raise rejected(name, f"is not a {suffix.upper()} file, although its name says so. {_AGAIN}")
    if _PAGE.match(content):
        return blocks.HTML
    return _text_type(path, suffix, decode(name, content))


_READABLE = "Markdown, text, HTML, PDF, DOCX and source code can be read."
_AGAIN = "Please export or save it again."


def _office(name: str, content: bytes) -> str:
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise rejected(name, _REASONS[Reason.BROKEN], str(error)) from error
    if "word/document.xml" in parts:
        return blocks.DOCX
    if any(part.startswith(("xl/", "ppt/")) or part == "mimetype" for part in parts):
        raise rejected(name, "is an Office file of another kind. Please save it as PDF or DOCX.")
    raise rejected(name, f"is an archive. Please unpack it and upload the files. {_READABLE}")


def _text_type(path: PurePosixPath, suffix: str, text: str) -> str:
    """Among kinds of text the name decides, unless the text is clear."""
    named = _BY_SUFFIX.get(suffix) or _BY_NAME.get(path.name)
    if named == blocks.HTML and not _TAG.search(text):
        return blocks.PLAIN_TEXT
    if named not in (None, blocks.PLAIN_TEXT):
        return named or blocks.PLAIN_TEXT
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


def rejected(name: str, what: str, detail: str = "") -> DocumentRejected:
    shown = PurePosixPath(name).name or name
    return DocumentRejected(f"{name}: {detail or what}", user_message=f"“{shown}” {what}")
