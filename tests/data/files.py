"""Small real files, made where they are needed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import Any

import docx
import openpyxl
import pptx
from pypdf import PdfReader, PdfWriter

Line = str | Sequence[tuple[int, str]]


def make_pdf(*pages: Sequence[Line]) -> bytes:
    """A PDF with a page for each sequence of lines (Latin-1, no parentheses).

    A line is a text, or texts with the places where they begin, in points from the margin.
    """
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    objects.append(font)
    for lines in pages:
        shown = b" ".join(
            b"1 0 0 1 %d %d Tm (%s) Tj" % (72 + x, 720 - 14 * number, text.encode("cp1252"))
            for number, line in enumerate(lines)
            for x, text in ([(0, line)] if isinstance(line, str) else line)
        )
        stream = b"BT /F1 11 Tf " + shown + b" ET"
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return out + b"startxref\n%d\n%%%%EOF\n" % table


def make_encrypted_pdf(user_password: str) -> bytes:
    writer = PdfWriter(PdfReader(io.BytesIO(make_pdf(["The secret is 42."]))))
    writer.encrypt(user_password, owner_password="owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def make_docx(write: Callable[[Any], None]) -> bytes:
    document = docx.Document()
    write(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def make_xlsx(write: Callable[[Any], None]) -> bytes:
    """`write` is given a workbook with one empty sheet."""
    book = openpyxl.Workbook()
    write(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def make_pptx(write: Callable[[Any], None]) -> bytes:
    deck = pptx.Presentation()
    write(deck)
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


def make_mail(body: str, *, subject: str = "Gifts", **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = "Anna Kern <anna@example.org>"
    mail["Date"] = "Fri, 14 Mar 2025 09:12:00 +0100"
    for name, value in headers.items():
        mail[name] = value
    mail.set_content(body)
    return mail


def change_part(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """An office file with one of its parts changed, or made if it has none of that name."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, change(old.read(name) if name in old.namelist() else b""))
    return out.getvalue()


def make_zip(**members: bytes) -> bytes:
    """Member names with `__` for a slash."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def make_zip_bomb(part: str = "word/document.xml") -> bytes:
    """An office file of some kilobytes of which one part unpacks to 30 MB."""
    blanks = b"<a>" + b" " * (30 << 20) + b"</a>"
    return make_zip(**{"[Content_Types].xml": b"<Types/>", part: blanks})
