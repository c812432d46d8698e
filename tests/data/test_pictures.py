"""Text in pictures and scans: recognised, in order, upright; and what is kept of a picture."""

from __future__ import annotations

import io
from functools import partial

import pytest
from PIL import Image

from assistants import data
from assistants.data import parsing
from assistants.data import pictures as reading
from assistants.data.sandbox import read_apart
from assistants.exceptions import DocumentRejected
from assistants.formats import Reason, Unreadable, cleaned, lines, picture, pixels
from tests import pictures
from tests.data.files import make_mail, make_pdf

TEXT = "Client: Ingrid Thorvaldsen\nIBAN DE89 3704 0044 0532 0130 00\nThe fee is EUR 42.50 a year."
LIMIT = 10**8


def read(content: bytes) -> str:
    return picture.read(content).text


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_each_kind_is_read(kind):
    content = pictures.save(pictures.draw(TEXT), kind)
    assert data.detect("x", content, LIMIT) == f"image/{kind.lower()}"
    assert read(content) == TEXT


@pytest.mark.parametrize("turned", [90, 180, 270, 3, -4])
def test_a_turned_page_is_read(turned):
    page = pictures.draw(TEXT).rotate(turned, expand=True, fillcolor="white")
    assert read(pictures.save(page)) == TEXT


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
def test_whatever_its_dots_are(mode):
    drawn = pictures.draw(TEXT)
    if mode == "CMYK":
        content = pictures.save(drawn.convert(mode), "JPEG")
    elif mode == "I;16":
        content = pictures.save(drawn.convert("L").convert("I").point(lambda d: d * 257), "TIFF")
    else:
        content = pictures.save(drawn.convert(mode))
    assert read(content) == TEXT


def test_letters_on_nothing_are_on_white():
    drawn = pictures.draw(TEXT).convert("L")
    clear = Image.merge("LA", (Image.new("L", drawn.size, 0), drawn.point(lambda dot: 255 - dot)))
    assert read(pictures.save(clear)) == TEXT


def test_umlauts_accents_and_small_letters():
    text = "Größe übermäßig: Straße 12, Zürich\nDéjà vu à la façade, señor Núñez"
    assert read(pictures.save(pictures.draw(text, letters=20))) == text


def test_how_sure_it_is():
    sharp = picture.read(pictures.save(pictures.draw(TEXT))).confidence
    assert sharp is not None
    assert sharp > 0.95
    nothing = picture.read(pictures.save(Image.new("RGB", (400, 300), "white")))
    assert (nothing.text, nothing.confidence) == ("", None)


def test_pages_of_a_fax():
    pages = [pictures.draw(f"Page {number} of the fax") for number in (1, 2, 3)]
    content = pictures.save(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    found = picture.read(content)
    assert found.text == "Page 1 of the fax\n\nPage 2 of the fax\n\nPage 3 of the fax"
    assert found.pages == (0, 19, 38)


# ---- the order of lines ----


def line(x: float, y: float, text: str, length: float = 100.0) -> lines.Line:
    return lines.Line(x + length / 2, y, length, 10.0, text, 1.0)


def test_columns_of_prose_are_read_one_after_the_other_below_their_heading():
    found = [line(0, 0, "Heading", 230)]
    for number in range(4):
        found += [line(0, 20 * (number + 1), f"left {number}"), line(130, 20 * (number + 1), "r")]
    found.append(line(60, 120, "Page 1 of 2", 120))
    text = lines.in_order(found)
    assert text.startswith("Heading\n\nleft 0\nleft 1")
    assert text.endswith("left 3\n\nr\nr\nr\nr\n\nPage 1 of 2")


def test_a_thousand_lines_are_put_in_order_too():
    found = [line(0, 20 * number, f"{number}", 40) for number in range(1_000)]
    assert lines.in_order(found).split("\n") == [str(number) for number in range(1_000)]


def test_cells_of_a_table_stay_in_their_row():
    rows = [
        [line(0, 20 * n, f"Item {n}", 40), line(200, 20 * n + 2, f"{n}.00", 30)] for n in (1, 2, 3)
    ]
    assert (
        lines.in_order([each for row in rows for each in row])
        == "Item 1   1.00\nItem 2   2.00\nItem 3   3.00"
    )


def test_a_gap_begins_a_paragraph():
    assert (
        lines.in_order([line(0, y, str(y)) for y in (0, 14, 28, 60, 74)]) == "0\n14\n28\n\n60\n74"
    )
    assert lines.in_order([]) == ""


# ---- what is kept of a picture ----


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_a_camera_wrote_is_gone_and_the_picture_upright(orientation):
    drawn = Image.new("RGB", (60, 40), "white")
    drawn.paste("red", (0, 0, 20, 10))  # above, on the left
    way = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    held = drawn.transpose(Image.Transpose(way[orientation])) if orientation > 1 else drawn
    content = pictures.photograph(held, orientation)
    assert b"Secret" in content
    kept, media_type = data.take_in("a.jpg", content, LIMIT)
    assert media_type == "image/jpeg"
    shown = Image.open(io.BytesIO(kept))
    assert shown.size == (60, 40)
    red, green, _ = shown.getpixel((6, 4))
    assert (red > 200, green < 80) == (True, True)
    assert dict(shown.getexif()) == {}
    assert not {"exif", "xmp", "icc_profile", "comment"} & shown.info.keys()
    assert b"Secret" not in kept


def test_nor_does_a_png_keep_its_notes():
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Author", "Secret")
    notes.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>Secret</x:xmpmeta>")
    content = pictures.save(pictures.draw("Hello"), pnginfo=notes)
    kept, media_type = data.take_in("a.png", content, LIMIT)
    assert (media_type, b"Secret" in kept) == ("image/png", False)
    assert Image.open(io.BytesIO(kept)).info == {}


def test_a_fax_keeps_all_of_its_pages():
    pages = [Image.new("RGB", (40, 30 + number), "white") for number in range(3)]
    content = pictures.save(
        pages[0], "TIFF", save_all=True, append_images=pages[1:], description="Secret"
    )
    (kept,) = cleaned.read(content).attachments
    assert b"Secret" not in kept.content
    assert Image.open(io.BytesIO(kept.content)).n_frames == 3


def test_all_else_is_kept_as_it_is():
    assert data.take_in("a.txt", b"Text.", LIMIT) == (b"Text.", "text/plain")


def test_a_huge_picture_becomes_smaller():
    content = pictures.save(Image.new("1", (7_000, 1_000)))
    (kept,) = cleaned.read(content).attachments
    assert max(Image.open(io.BytesIO(kept.content)).size) == pixels.LONGEST


# ---- hostile ones ----


@pytest.mark.parametrize("side", [60_000, 8_100])
def test_a_bomb_is_counted_before_it_is_unpacked(side):
    for take in (data.take_in, data.parse_document):
        with pytest.raises(DocumentRejected) as refused:
            take("bomb.png", pictures.bomb(side), LIMIT)
        assert "“bomb.png” has more than 64 million dots" in refused.value.user_message


@pytest.mark.parametrize(
    "content",
    [
        pictures.save(pictures.draw(TEXT))[:2_000],
        pictures.photograph(pictures.draw(TEXT))[:3_000],
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"RIFF\x20\x00\x00\x00WEBPVP8 " + bytes(30),
        b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(40),
    ],
    ids=["cut png", "cut jpeg", "no png", "no webp", "no tiff"],
)
def test_a_broken_one_says_so(content):
    with pytest.raises(DocumentRejected) as refused:
        data.take_in("a.png", content, LIMIT)
    assert "“a.png” is damaged and cannot be opened" in refused.value.user_message


def test_one_of_another_kind_says_what_to_do():
    with pytest.raises(DocumentRejected) as refused:
        data.detect("a.heic", b"\x00\x00\x00\x18ftypheic" + bytes(20), LIMIT)
    assert "save it as JPEG or PNG" in refused.value.user_message


def test_one_without_text_says_so():
    with pytest.raises(DocumentRejected) as refused:
        data.parse_document("sky.jpg", pictures.save(Image.new("RGB", (300, 200)), "JPEG"), LIMIT)
    assert "“sky.jpg” shows no text that could be recognised" in refused.value.user_message


def test_without_the_weights_it_is_said(monkeypatch):
    from assistants.formats import recognition

    monkeypatch.setattr(recognition, "PACKAGE", "no_such_package")
    recognition._session.cache_clear()
    try:
        with pytest.raises(Unreadable) as refused:
            recognition.load()
    finally:
        recognition._session.cache_clear()
    assert refused.value.reason is Reason.NO_RECOGNITION


# ---- scans ----


def test_pages_that_are_pictures_are_recognised_and_the_others_read():
    from pypdf import PdfReader, PdfWriter

    written = PdfReader(io.BytesIO(make_pdf(["The second page has letters of its own, so many."])))
    drawn = pictures.draw(TEXT, pictures.PAGE)
    turned = pictures.draw("Turned by hand", pictures.PAGE).rotate(180)
    scanned = PdfReader(io.BytesIO(pictures.scan([drawn, turned])))
    writer = PdfWriter()
    for page in (scanned.pages[0], written.pages[0], scanned.pages[1]):
        writer.add_page(page)
    saved = io.BytesIO()
    writer.write(saved)
    parsed = data.parse_document("scan.pdf", saved.getvalue(), LIMIT)
    first, second, third = (
        parsed.text[start:end].strip()
        for start, end in zip(parsed.pages, (*parsed.pages[1:], None), strict=True)
    )
    assert first == TEXT
    assert second == "The second page has letters of its own, so many."
    assert third == "Turned by hand"
    assert parsed.confidence > 0.9
    assert data.parse_document("a.pdf", make_pdf(["Letters."]), LIMIT).confidence is None


def test_many_pages_are_read_a_few_at_a_time(monkeypatch):
    calls = []

    def apart(kind, content, wall_seconds=0.0, pages=()):
        calls.append(tuple(pages))
        return read_apart(kind, content, wall_seconds, pages)

    monkeypatch.setattr(reading, "SCANS_AT_ONCE", 2)
    monkeypatch.setattr(reading, "read_apart", apart)
    content = pictures.scan([pictures.draw(f"Sheet {n}") for n in (1, 2, 3)])
    found = reading.read_scans(content, read_apart("pdf", content), 3)
    assert calls == [(0, 1), (2,)]
    assert found.text == "Sheet 1\n\nSheet 2\n\nSheet 3"
    assert [found.text[at : at + 7] for at in found.pages] == ["Sheet 1", "Sheet 2", "Sheet 3"]
    with pytest.raises(Unreadable) as refused:
        reading.read_scans(content, read_apart("pdf", content), 2)
    assert refused.value.reason is Reason.TOO_MANY_SCANS


def test_so_many_and_no_more_while_somebody_waits():
    content = pictures.scan([pictures.draw("x", (60, 60))] * 3)
    with pytest.raises(DocumentRejected) as refused:
        data.read_file("long.pdf", content, LIMIT, 2)
    assert "more scanned pages than are read at once, which is 2." in refused.value.user_message


def test_what_came_with_a_mail_is_recognised_as_far_as_it_may_cost(monkeypatch):
    mail = make_mail("See the scans.")
    for name in ("one.png", "two.png"):
        content = pictures.save(pictures.draw(f"This is {name}"))
        mail.add_attachment(content, maintype="image", subtype="png", filename=name)
    logo = {"maintype": "image", "subtype": "png", "disposition": "inline", "filename": "logo.png"}
    mail.add_attachment(pictures.save(pictures.draw("Logo")), **logo)
    monkeypatch.setattr(parsing, "_Mail", partial(parsing._Mail, scans_within=1))
    text = data.parse_document("a.eml", mail.as_bytes(), LIMIT).text
    assert "Text recognised in a picture, 9" in text
    assert "This is one.png" in text
    assert "This is two.png" not in text
    assert "“two.png” has more scanned pages than are read at once. Please" in text
    assert "ogo" not in text
