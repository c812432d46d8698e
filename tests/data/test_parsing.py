from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given
from hypothesis import strategies as st

from assistants.data import chunk_document, parse_document
from assistants.data.blocks import DOCX, HTML, LOG, MARKDOWN, PDF, PLAIN_TEXT, PYTHON
from assistants.data.normalising import normalise
from assistants.data.sandbox import read_apart
from assistants.exceptions import DocumentRejected
from assistants.formats import Reason, Unreadable
from tests.data.files import make_docx, make_encrypted_pdf, make_pdf, make_zip, make_zip_bomb

LIMIT = 1 << 20


def parse(name: str, content: bytes | str):
    return parse_document(name, content.encode() if isinstance(content, str) else content, LIMIT)


def sections(document) -> dict[str, str]:
    return {chunk.section: chunk.text for chunk in chunk_document(document)}


# -- formats --------------------------------------------------------------------------------------


def test_markdown():
    document = parse("docs/gifts.md", "# Gifts\r\n\r\n## 3. Limits\r\n\r\nEUR 50.\r\n")
    assert (document.title, document.media_type) == ("Gifts", MARKDOWN)
    assert document.text == "# Gifts\n\n## 3. Limits\n\nEUR 50."
    assert sections(document) == {"3. Limits": "EUR 50."}


def test_numbered_chapters_of_the_first_level_are_sections_and_no_title():
    document = parse("policy.md", "# 1. Scope\n\nAll.\n\n# 2. Limits\n\nEUR 50.")
    assert document.title == "policy.md"
    assert sections(document) == {"1. Scope": "All.", "2. Limits": "EUR 50."}


def test_plain_text_and_its_title():
    document = parse("sar.txt", "REPORTING PROCEDURE\n\n1. Who must report\n\nEverybody.\n")
    assert (document.title, document.media_type) == ("REPORTING PROCEDURE", PLAIN_TEXT)
    assert sections(document) == {"1. Who must report": "Everybody."}


def test_html_keeps_headings_lists_tables_and_code_and_drops_the_rest():
    document = parse(
        "ranges.html",
        """<!DOCTYPE html><html><head><title>Ranges</title><style>p {color: red}</style></head>
        <body><nav>Home</nav><h1>Reference <em>ranges</em></h1>
        <script>alert("boo")</script>
        <h2>2. Chemistry</h2><p>The ranges<br>apply to <b>ad</b>ults &amp; children.</p>
        <table><caption>In blood</caption>
        <thead><tr><th rowspan=2>Test</th><th colspan=2>Range</th></tr>
        <tr><th>low</th><th>high</th></tr></thead>
        <tr><td>Sodium</td><td>133</td><td>146</td></tr>
        <tr><td rowspan="2">Creatinine</td><td>59</td><td>104 | men</td></tr>
        <tr><td><p>45</p><p>up</p></td><td>84</td></tr></table>
        <ol start="3"><li>Third<ul><li>inner</li></ul></li><li>Fourth</li></ol>
        <div hidden>unseen</div><pre>if x:
    y()</pre><p># not a heading</p>
        </body></html>""",
    )
    assert (document.title, document.media_type) == ("Reference ranges", HTML)
    assert document.text == "\n\n".join(
        [
            "# Reference ranges",
            "## 2. Chemistry",
            "The ranges\napply to adults & children.",
            "In blood",
            "| Test | Range low | Range high |\n| --- | --- | --- |\n| Sodium | 133 | 146 |\n"
            "| Creatinine | 59 | 104 \\| men |\n| Creatinine | 45 up | 84 |",
            "3. Third",
            "  - inner",
            "4. Fourth",
            "```\nif x:\n    y()\n```",
            "\\# not a heading",
        ]
    )


def test_html_that_lays_itself_out_with_tables_is_text():
    document = parse(
        "old.htm",
        "<html><body><table><tr><td>Menu</td><td><h2>Limits</h2><p>EUR 50.</p></td></tr></table>",
    )
    assert document.text == "Menu\n\n## Limits\n\nEUR 50."


def test_html_in_an_older_encoding():
    page = '<html><head><meta charset="iso-8859-1"></head><body><p>Länge</p></body></html>'
    assert parse("a.html", page.encode("latin-1")).text == "Länge"
    assert parse("a.html", page.replace("Länge", "“Länge”").encode("cp1252")).text.endswith("”")


def test_pdf_keeps_its_pages_and_loses_running_heads_and_hyphens():
    document = parse(
        "policy.pdf",
        make_pdf(
            ["Aldermoor Bank", "1. Scope", "It applies to all em-", "ployees at once.", "Page 1"],
            [
                "Aldermoor Bank",
                "It covers anti-money laundering and anti-",
                "money rules.",
                "Page 2",
            ],
            ["Aldermoor Bank", "2. Limits", "No more than EUR 50.", "Page 3"],
        ),
    )
    assert document.media_type == PDF
    assert document.title == "policy.pdf"
    assert "Aldermoor" not in document.text
    assert "Page 2" not in document.text
    assert "employees at once" in document.text
    assert "anti-money rules" in document.text
    assert len(document.pages) == 3
    assert document.text[document.pages[2] :].startswith("2. Limits")
    assert sections(document)["2. Limits › page 3"] == "No more than EUR 50."


def test_pdf_that_only_forbids_printing_is_read():
    assert parse("a.pdf", make_encrypted_pdf("")).text == "The secret is 42."


def test_docx_keeps_headings_numbers_lists_and_tables():
    def write(document):
        document.core_properties.title = "Not this one"
        document.add_paragraph("Retention schedule", style="Title")
        document.add_paragraph("1. Periods", style="Heading 1")
        document.add_paragraph("Keep what is needed.")
        document.add_paragraph("no longer", style="List Bullet")
        document.add_paragraph("first", style="List Number")
        document.add_paragraph("second", style="List Number")
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(
            [*table.rows[0].cells, *table.rows[1].cells],
            ["Record", "Period", "Complaint\nfile", "6 years"],
            strict=True,
        ):
            cell.text = text
        paragraph = document.add_paragraph("Kept. ")
        paragraph._p.append(
            parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>Inserted.</w:t></w:r></w:ins>")
        )
        paragraph._p.append(
            parse_xml(f"<w:del {nsdecls('w')}><w:r><w:delText>Deleted.</w:delText></w:r></w:del>")
        )
        document.element.body.insert(
            0,
            parse_xml(
                f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r>"
                "</w:p></w:sdtContent></w:sdt>"
            ),
        )

    document = parse("retention.docx", make_docx(write))
    assert (document.title, document.media_type) == ("Retention schedule", DOCX)
    assert document.text == "\n\n".join(
        [
            "In a control.",
            "# Retention schedule",
            "## 1. Periods",
            "Keep what is needed.",
            "- no longer",
            "1. first",
            "2. second",
            "| Record | Period |\n| --- | --- |\n| Complaint file | 6 years |",
            "Kept. Inserted.",
        ]
    )


def test_docx_shows_the_numbers_that_word_counts():
    def write(document):
        numbering = document.part.numbering_part.element
        levels = "".join(
            f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>'
            f'<w:lvlText w:val="{pattern}"/></w:lvl>'
            for at, start, form, pattern in [
                (0, 1, "decimal", "%1."),
                (1, 1, "decimal", "%1.%2"),
                (2, 3, "lowerRoman", "(%3)"),
            ]
        )
        kind = f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90">{levels}</w:abstractNum>'
        numbering.insert(0, parse_xml(kind))
        number = '<w:num {} w:numId="90"><w:abstractNumId w:val="90"/></w:num>'
        numbering.append(parse_xml(number.format(nsdecls("w"))))

        def add(depth, text, style=None):
            paragraph = document.add_paragraph(text, style=style)
            properties = paragraph._p.get_or_add_pPr()
            place = f'<w:ilvl w:val="{depth}"/><w:numId w:val="90"/>'
            properties.append(parse_xml(f"<w:numPr {nsdecls('w')}>{place}</w:numPr>"))

        add(0, "Scope", "Heading 1")
        add(1, "It applies to all.")
        add(2, "at work")
        add(2, "at home")
        add(1, "It applies at once.")
        add(0, "Limits", "Heading 1")
        add(1, "EUR 50.")

    document = parse("policy.docx", make_docx(write))
    assert document.text.split("\n\n") == [
        "## 1. Scope",
        "1.1 It applies to all.",
        "(iii) at work",
        "(iv) at home",
        "1.2 It applies at once.",
        "## 2. Limits",
        "2.1 EUR 50.",
    ]
    assert list(sections(document)) == ["1. Scope", "2. Limits"]


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("retry.py", "def f():\n    return 1\n", PYTHON),
        ("payments.ts", "export const a = 1;\n", "text/x-typescript"),
        ("schema.SQL", "CREATE TABLE a (id int);\n", "text/x-sql"),
        ("config.yaml", "a: 1\n", "application/yaml"),
        ("Dockerfile", "FROM scratch\n", "text/x-docker"),
        ("deploy", "#!/bin/sh\necho hi\n", "text/x-shell"),
        ("worker.log", "started\nended\n", LOG),
        ("out.txt", "2025-01-01 10:00:00 a\n" * 4, LOG),
        ("readme.txt", "# One\n\ntext\n\n## Two\n\ntext\n", MARKDOWN),
        ("notes", "Just a few words.", PLAIN_TEXT),
        ("notes.xyz", "Just a few words.", PLAIN_TEXT),
    ],
)
def test_the_name_decides_among_kinds_of_text(name, content, media_type):
    assert parse(name, content).media_type == media_type


def test_clear_content_beats_a_wrong_name():
    assert parse("a.txt", make_pdf(["Some words."])).media_type == PDF
    assert parse("a.pdf", make_docx(lambda d: d.add_paragraph("Words."))).media_type == DOCX
    assert parse("a.md", "<!-- old -->\n<html><body><p>Words.</p></body></html>").media_type == HTML
    assert parse("a.py", "MARK = '%PDF-'").media_type == PYTHON
    assert parse("a.pdf", b"odd bytes" + make_pdf(["Some words."])).media_type == PDF
    assert parse("a.html", "No tag at all here.").media_type == PLAIN_TEXT


# -- encodings and characters ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "Länge – “viel”".encode(),
        b"\xef\xbb\xbf" + "Länge – “viel”".encode(),
        "Länge – “viel”".encode("utf-16"),
        "Länge – “viel”".encode("cp1252"),
        unicodedata.normalize("NFD", "Länge – “viel”").encode(),
    ],
)
def test_encodings(content):
    assert parse("a.txt", content).text == "Länge – “viel”"


def test_one_spoilt_character_does_not_spoil_the_others():
    assert parse("a.txt", "ä".encode() * 50 + b" b\xc3 c").text == "ä" * 50 + " b\ufffd c"


@given(st.text())
def test_normalising_twice_changes_nothing_and_leaves_no_control_character(text):
    once = normalise(text)
    assert normalise(once) == once
    assert not [c for c in once if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    assert "\x00" not in once


def test_unseen_marks_go_and_colours_too():
    text = "\x1b[31mpay\u200bment\u202e\x1b[0m\u00ad of\u2028EUR\t5 \r\n"
    assert normalise(text) == "payment of\nEUR\t5"


# -- what is refused ------------------------------------------------------------------------------


BOMB = make_zip_bomb()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.md", b"", "is empty"),
        ("a.md", b" \r\n\t ", "holds no text"),
        ("a.md", b"x" * (LIMIT + 1), "is larger than 1 MB"),
        ("a.txt", b"\x00\x01\x02some junk\x03\xff", "is not a text"),
        ("a.txt", b"words and a \x00 among them", "is not a text"),
        ("a.txt", bytes(range(1, 32)) * 9, "is not a text"),
        ("a.txt", b"odd \x81\x8d\x8f\x90 bytes", "unknown character encoding"),
        ("a.txt", b"\xff\xfea", "unknown character encoding"),
        ("a.png", b"\x89PNG\r\n\x1a\n....", "is an image"),
        ("a.md", b"\x1f\x8b\x08....", "is an archive"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "is an old Office file"),
        ("a.zip", make_zip(a=b"b"), "is an archive"),
        ("a.xlsx", make_zip(xl__workbook=b"b"), "is an Office file of another kind"),
        ("a.pdf", b"no PDF at all", "is not a PDF file"),
        ("a.docx", b"no DOCX at all", "is not a DOCX file"),
        ("a.pdf", b"%PDF-1.7\nbut nothing else", "is damaged"),
        ("a.pdf", make_pdf(["cut"])[:200], "is damaged"),
        ("a.pdf", make_pdf([]), "holds no text, perhaps only scanned images"),
        ("a.pdf", make_encrypted_pdf("secret"), "is protected with a password"),
        ("a.docx", make_docx(lambda d: d.add_paragraph("x" * 999))[:-400], "is damaged"),
        ("a.docx", make_zip(word__document=b"", **{"word__document.xml": b"<a"}), "is damaged"),
        ("a.docx", BOMB, "unpacks to far more"),
        ("a.html", "<html>" + "<div>" * 9000 + "words", "is damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(name, content, says):
    with pytest.raises(DocumentRejected) as refused:
        parse(f"folder/{name}", content)
    assert refused.value.user_message.startswith(f"“{name}” ")
    assert says in refused.value.user_message
    assert refused.value.user_message.endswith(".")
    assert refused.value.permanent


@given(st.binary(max_size=400), st.sampled_from(["a.txt", "a.md", "a.py", "a.log", "a.c", "a"]))
def test_any_bytes_are_read_or_refused(content, name):
    try:
        document = parse(name, content)
    except DocumentRejected as error:
        refused = error.user_message
    else:
        assert document.text == normalise(document.text)
        return
    assert refused.startswith(f"“{name}” ")


def test_a_bomb_is_small():
    assert len(BOMB) < 100_000


# -- the reader's process -------------------------------------------------------------------------


def test_a_reader_that_takes_too_long_is_ended():
    with pytest.raises(Unreadable) as refused:
        read_apart("pdf", make_pdf(["Words."]), wall_seconds=0.01)
    assert refused.value.reason is Reason.TOO_COSTLY


def test_the_reader_limits_its_own_memory():
    program = "from assistants.formats.__main__ import limit; limit(); bytearray(2 << 30)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert b"MemoryError" in ended.stderr


def test_the_reader_does_not_inherit_the_environment(monkeypatch, tmp_path):
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\nenv >&2\n")
    interpreter.chmod(0o755)
    monkeypatch.setenv("SECRET_KEY", "not for readers")
    monkeypatch.setattr(sys, "executable", str(interpreter))
    with pytest.raises(Unreadable) as refused:
        read_apart("pdf", b"")
    assert "LANG=C.UTF-8" in str(refused.value)
    assert "not for readers" not in str(refused.value)
