"""PDF to text, page by page; the rows of tables are kept together."""

from __future__ import annotations

import io
import logging
import re
from collections import Counter

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError
from pypdf.generic import DictionaryObject

from assistants.formats import MAX_PAGES, Reading, Reason, Unreadable, columns

MAX_TABLE_PAGES = 500  # the first of a file; looking for tables doubles the time
FEW_LETTERS = 30  # of a page that is a picture with, say, a stamped number
DEEP = 3  # drawings within drawings, in which a picture is looked for
_HYPHENATED = re.compile(r"(\w+)-\n(\w+)")
_POOR_TITLE = re.compile(r"microsoft word|untitled|\.(?:docx?|indd|pdf|tex|qxp|pptx?)$", re.I)


def read(content: bytes) -> Reading:
    logging.disable()  # pypdf remarks on every oddity
    try:
        reader = PdfReader(io.BytesIO(content))
        # Many files only forbid printing: those open with an empty password.
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable(Reason.ENCRYPTED)
        if len(reader.pages) > MAX_PAGES:
            raise Unreadable(Reason.TOO_MANY_PAGES, f"{len(reader.pages)} pages")
        extracted = [page.extract_text() for page in reader.pages]
        laid_out = [lay_out(page) for page in reader.pages[:MAX_TABLE_PAGES]]
        poor = [
            number
            for number, text in enumerate(extracted)
            if sum(map(str.isalnum, text)) < FEW_LETTERS
        ]
        if any(map(str.isalnum, "".join(extracted))):  # else letters may be drawn as lines
            poor = [number for number in poor if has_picture(reader.pages[number])]
        title = str((reader.metadata.title if reader.metadata else "") or "").strip()
    except (FileNotDecryptedError, DependencyError) as error:
        raise Unreadable(Reason.ENCRYPTED, str(error)) from error
    except LimitReachedError as error:
        raise Unreadable(Reason.EXPANDS, str(error)) from error
    pages = [join_hyphens(page) for page in without_running_lines(extracted)]
    for number, page in enumerate(laid_out):
        pages[number] = columns.put_in(pages[number], columns.find_tables(page)).strip()
    text = ""
    starts = []
    for page in pages:
        text += "\n\n" if text else ""
        starts.append(len(text))
        text += page
    title = "" if _POOR_TITLE.search(title) else title
    return Reading(title, text, tuple(starts), scanned=tuple(poor))


def has_picture(drawn: DictionaryObject, depth: int = 0) -> bool:
    """Whether a page, or a drawing on it, holds a picture."""
    try:
        resources = drawn.get("/Resources", {}).get_object()
        parts = resources.get("/XObject", {}).get_object()
        for reference in parts.values():
            part = reference.get_object()
            kind = part.get("/Subtype")
            if kind == "/Image" or (
                kind == "/Form" and depth < DEEP and has_picture(part, depth + 1)
            ):
                return True
    except (Exception, RecursionError):  # a broken page has its text, if that
        return False
    return False


def lay_out(page: PageObject) -> str:
    """The page's words about where they stand on it; "" where that cannot be told."""
    try:
        return str(page.extract_text(extraction_mode="layout"))
    except (Exception, MemoryError):  # the page's text is there already
        return ""


def without_running_lines(pages: list[str]) -> list[str]:
    """Drops first and last lines that most pages share, but for numbers: headers, page numbers."""
    split = [page.strip().split("\n") for page in pages]
    seen = Counter(
        (end, _shape(lines[end])) for lines in split if len(lines) > 2 for end in (0, -1)
    )
    running = {key for key, count in seen.items() if count >= 3 and count > len(pages) / 2}
    kept = []
    for lines in split:
        if len(lines) > 2 and (-1, _shape(lines[-1])) in running:
            lines = lines[:-1]
        if len(lines) > 2 and (0, _shape(lines[0])) in running:
            lines = lines[1:]
        kept.append("\n".join(lines).strip())
    return kept


def _shape(line: str) -> str:
    return re.sub(r"\d+", "0", line.strip())


def join_hyphens(text: str) -> str:
    """A word cut at a line's end is put together; "anti-\\nmoney" only loses its line break,
    if the text writes it with a hyphen elsewhere.
    """

    def join(match: re.Match[str]) -> str:
        before, after = match.groups()
        hyphenated = f"{before}-{after}"
        if hyphenated in text or not after[0].islower() or not before.isalpha():
            return hyphenated
        return before + after

    return _HYPHENATED.sub(join, text)
