from __future__ import annotations

import datetime
import subprocess
import sys
import unicodedata
from email.message import EmailMessage

import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given, settings
from hypothesis import strategies as st
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from assistants.data import chunk_document, page_of, parse_document
from assistants.data.blocks import (
    CSV,
    DOCX,
    HTML,
    LOG,
    MAIL,
    MARKDOWN,
    PDF,
    PLAIN_TEXT,
    PPTX,
    PYTHON,
    TRANSCRIPT,
    XLSX,
)
from assistants.data.normalising import normalise
from assistants.data.parsing import MAX_ATTACHMENTS, file_name
from assistants.data.sandbox import read_apart
from assistants.exceptions import DocumentRejected
from assistants.formats import MAX_PAGES, MAX_ROWS, Reason, Unreadable
from assistants.formats.cells import shown
from assistants.formats.columns import find_tables, put_in
from tests.data.files import (
    change_part,
    make_docx,
    make_encrypted_pdf,
    make_mail,
    make_pdf,
    make_pptx,
    make_xlsx,
    make_zip,
    make_zip_bomb,
)

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


def test_pdf_keeps_the_rows_of_its_tables_together():
    document = parse(
        "ranges.pdf",
        make_pdf(
            [
                "1. Chemistry",
                "The ranges apply to all who are older than twelve years.",
                "",
                [(0, "Test"), (120, "Range"), (260, "Note")],
                [(0, "Sodium"), (120, "133-146 mmol/l"), (260, "Urgent below 120")],
                [(0, "Creatinine"), (120, "59-104 mmol/l"), (260, "In men; women have")],
                [(260, "other ranges")],
                [(0, "Potassium"), (120, "3.5-5.3 mmol/l")],
                "",
                "See below.",
            ]
        ),
    )
    table = document.text[document.text.index("Test") : document.text.index("See below.")]
    assert table.strip().split("\n") == [
        "Test | Range | Note",
        "Sodium | 133-146 mmol/l | Urgent below 120",
        "Creatinine | 59-104 mmol/l | In men; women have other ranges",
        "Potassium | 3.5-5.3 mmol/l |",
    ]
    kinds = [block.kind.value for block in document.blocks]
    assert kinds == ["heading", "paragraph", "header", "row", "row", "row", "paragraph"]


LIST = """\
4.1    Every employee must report what they know.
4.2    There is no minimum amount.
4.3    Certificates are sent by post.
"""
COLUMNS = "\n".join(
    ["words that fill the line of a column    and others that fill the next one."] * 9
)
JUSTIFIED = """\
A  justified  paragraph  has  gaps  that
grow with what is  left  of  the  line in
which they  are,  and are  no  columns at
"""
CONTENTS = "\n".join(f"{n}. Part    . . . . . . . . . . . .    {n}" for n in range(1, 6))
BULLETS = "•    One thing    3\n•    Another one    4\n•    A third one    5\n"


@pytest.mark.parametrize("laid_out", [LIST, COLUMNS, JUSTIFIED, CONTENTS, BULLETS, "", "a    b"])
def test_what_only_looks_like_a_table_is_none(laid_out):
    assert find_tables(laid_out) == []


def test_a_table_is_found_although_its_head_is_centred():
    laid_out = (
        "   Test         Range\nSodium       133 to 146\nPotassium    3.5 to 5.3\n\n          7\n"
    )
    rows = [["Test", "Range"], ["Sodium", "133 to 146"], ["Potassium", "3.5 to 5.3"]]
    assert find_tables(laid_out) == [rows]
    assert put_in("Before\nTest Range\nSodium 133 to 146\nPotassium 3.5 to 5.3\n7", [rows]) == (
        "Before\n\nTest | Range\nSodium | 133 to 146\nPotassium | 3.5 to 5.3\n\n7"
    )


CELLS = st.lists(st.sampled_from(["", "a", "bb c", "1 2 3", "x|y", "long words here"]), max_size=4)


@given(st.lists(CELLS, max_size=6), st.lists(st.sampled_from(["a", "bb c a", "x|y a", "1 2 3"])))
def test_no_word_is_lost_or_doubled_where_a_table_is_put_into_a_page(rows, lines):
    laid_out = "\n".join("".join(cell.ljust(20) for cell in row) for row in rows)
    text = "\n".join([*lines, *(" ".join(row) for row in rows)])
    written = put_in(text, find_tables(laid_out))
    assert sorted(filter(str.isalnum, written)) == sorted(filter(str.isalnum, text))


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


def test_docx_keeps_footnotes_below_the_paragraph_that_refers_to_them():
    relation = (
        b'<Relationship Id="rId900" Target="footnotes.xml" Type="http://schemas.openxmlformats.org'
        b'/officeDocument/2006/relationships/footnotes"/></Relationships>'
    )
    note = '<w:footnote w:id="{}"{}><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:footnote>'
    notes = f"<w:footnotes {nsdecls('w')}>" + note.format(-1, ' w:type="separator"', "line")
    notes += note.format(2, "", "Since 2024.") + "</w:footnotes>"

    def write(document):
        paragraph = document.add_paragraph("The limit is EUR 50")
        paragraph._p.append(parse_xml(f'<w:r {nsdecls("w")}><w:footnoteReference w:id="2"/></w:r>'))
        document.add_paragraph("It applies to all.")

    content = change_part(make_docx(write), "word/footnotes.xml", lambda _: notes.encode())
    content = change_part(
        content,
        "word/_rels/document.xml.rels",
        lambda old: old.replace(b"</Relationships>", relation),
    )
    assert parse("a.docx", content).text.split("\n\n") == [
        "The limit is EUR 50[2]",
        "[2] Since 2024.",
        "It applies to all.",
    ]


def test_a_table_of_docx_that_goes_over_pages_has_one_head():
    def write(document):
        table = document.add_table(rows=3, cols=2)
        for cell, text in zip(
            [cell for row in table.rows for cell in row.cells],
            ["Period", "Period", "from", "to", "1", "6"],
            strict=True,
        ):
            cell.text = text
        for row in table.rows[:2]:
            row._tr.get_or_add_trPr().append(parse_xml(f"<w:tblHeader {nsdecls('w')}/>"))

    assert parse("a.docx", make_docx(write)).text == (
        "| Period from | Period to |\n| --- | --- |\n| 1 | 6 |"
    )


# -- sheets and other tables ----------------------------------------------------------------------


def test_xlsx_keeps_sheets_heads_and_values_as_they_are_shown():
    def write(book):
        sheet = book.active
        sheet.title = "Limits"
        for row in (
            ["Gift limits"],
            [],
            ["Country", "Limit", "Since", "Share"],
            ["Germany", 1234.5, datetime.date(2025, 3, 14), 0.125],
            ["All", "=SUM(B4:B4)", None, True],
        ):
            sheet.append(row)
        sheet["B4"].number_format = "#,##0.00 [$€-407]"
        sheet["C4"].number_format = "dd/mm/yyyy"
        sheet["D4"].number_format = "0.0%"
        hidden = book.create_sheet("Hidden")
        hidden["A1"] = "not shown"
        hidden.sheet_state = "hidden"
        book.create_sheet("Empty")
        years = book.create_sheet("Years")
        years.append([None, 2024, 2025])
        years.append(["Cases", 1, 2])

    content = change_part(
        make_xlsx(write),
        "xl/worksheets/sheet1.xml",
        lambda sheet: sheet.replace(b"<v></v>", b"<v>1234.5</v>").replace(b"<v/>", b"<v>7.25</v>"),
    )
    document = parse("limits.xlsx", content)
    assert (document.title, document.media_type) == ("limits.xlsx", XLSX)
    shown_sum = document.text.split("| All | ")[1].split(" |")[0]
    assert shown_sum in ("1234.5", "7.25")  # as it was saved, and nothing is computed
    assert document.text.replace(shown_sum, "SUM").split("\n\n") == [
        "## Limits",
        "Gift limits",
        "| Country | Limit | Since | Share |\n| --- | --- | --- | --- |\n"
        "| Germany | 1,234.50 € | 14/03/2025 | 12.5% |\n| All | SUM |  | TRUE |",
        "## Years",
        "|  | 2024 | 2025 |\n| --- | --- | --- |\n| Cases | 1 | 2 |",
    ]


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (None, "General", ""),
        ("as it is", "@", "as it is"),
        (3.0, "General", "3"),
        (1 / 3, "General", "0.33333333333"),
        (1234567.891, "#,##0", "1,234,568"),
        (-1234.5, "#,##0.00;(#,##0.00)", "(1,234.50)"),
        (-0.001, "0.0", "0.0"),
        (0, '0;-0;"none"', "0"),
        (0.5, "0.##", "0.5"),
        (7, "000", "007"),
        (1_500_000, '0.0,,"m"', "1.5m"),
        (0.256, "0%", "26%"),
        (12345, "0.00E+00", "1.23E+04"),
        (-3, '[Red]"minus "0', "-minus 3"),
        (50, "[$EUR] #,##0.00", "EUR 50.00"),
        (49221234567, "(0000) 0000-000", "49221234567"),
        (datetime.datetime(2025, 3, 14), "mm-dd-yy", "2025-03-14"),
        (datetime.datetime(2025, 3, 4, 9, 5), "mm-dd-yy", "2025-03-04 09:05"),
        (datetime.datetime(2025, 3, 4, 15, 5), "d. mmmm yyyy h:mm AM/PM", "4. March 2025 3:05 PM"),
        (datetime.datetime(2025, 3, 4), "ddd dd/mm/yy", "Tue 04/03/25"),
        (datetime.datetime(2025, 3, 4), '[$-407]d\\.\\ mmm" "yyyy;@', "4. Mar 2025"),
        (datetime.time(9, 5, 7), "mm:ss", "05:07"),
        (datetime.time(9, 5), "General", "09:05"),
    ],
)
def test_a_value_is_written_as_its_cell_shows_it(value, form, text):
    assert shown(value, form) == text


@given(
    st.floats(allow_nan=False, allow_infinity=False, width=32), st.text('#0?,.%;E+-/[]"\\_* $dmyhs')
)
def test_every_value_is_written_by_every_format(value, form):
    assert isinstance(shown(value, form), str)
    assert shown(datetime.datetime(2025, 3, 4, 9, 5), form)


@pytest.mark.parametrize(
    ("name", "content", "row"),
    [
        ("a.csv", 'Country,Limit\nGermany,50\nFrance,"60, or more"\n', "60, or more"),
        ("a.csv", "Country;Limit\nGermany;1,50\nFrance;2,50\n", "2,50"),
        ("a.tsv", "Country\tLimit\nGermany\t50\nFrance\t60\n", "60"),
        ("a.csv", "sep=|\nCountry|Limit\nGermany|50\nFrance|a, b\n", "a, b"),
        ("a.csv", 'Country,Limit\r\nGermany,50\r\nFrance,"60\r\nor 70"\r\n', "60 or 70"),
    ],
)
def test_values_in_a_text_file_are_a_table_with_its_head(name, content, row):
    document = parse(name, content)
    assert document.media_type == CSV
    assert document.text.startswith("| Country | Limit |\n| --- | --- |\n| Germany |")
    assert document.text.endswith(f"| France | {row} |")


def test_a_table_in_a_text_file_in_the_encoding_of_a_spreadsheet():
    assert "Düren" in parse("a.csv", "Ort;Zahl\nDüren;5\nKöln;6\n".encode("cp1252")).text
    assert "Düren" in parse("a.csv", "Ort\tZahl\nDüren\t5\nKöln\t6\n".encode("utf-16")).text


def test_figures_in_the_first_row_are_no_head_and_words_are_no_table():
    assert parse("a.csv", "1,2\n3,4\n").text == "|  |  |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |"
    assert parse("a.csv", "only words\nand more words").media_type == PLAIN_TEXT
    endless = 'a,"b' + "c" * 200_000 + "\nd,e\nf,g\n"  # a quotation mark that is never closed
    assert parse("a.csv", endless).media_type == PLAIN_TEXT


def test_a_table_that_is_cut_says_its_head_again_to_the_model():
    rows = "".join(f"Germany {n},{n},by hand\n" for n in range(200))
    chunks = chunk_document(parse("a.csv", f"Country,Limit,How\n{rows}"))
    assert len(chunks) > 3
    assert all("Country, Limit, How" in chunk.embedded for chunk in chunks)


# -- slides ---------------------------------------------------------------------------------------


def test_pptx_keeps_slides_lists_tables_charts_and_notes():
    def write(deck):
        deck.core_properties.title = "PowerPoint Presentation"
        first = deck.slides.add_slide(deck.slide_layouts[0])
        first.shapes.title.text = "Strategy 2026"
        first.placeholders[1].text = "For the board"
        aims = deck.slides.add_slide(deck.slide_layouts[1])
        aims.shapes.title.text = "Aims"
        aims.placeholders[1].text = "Grow"
        inner = aims.placeholders[1].text_frame.add_paragraph()
        inner.text, inner.level = "in the north", 1
        aims.notes_slide.notes_text_frame.text = "Say it slowly."
        hidden = deck.slides.add_slide(deck.slide_layouts[5])
        hidden.shapes.title.text = "Not shown"
        hidden._element.set("show", "0")
        figures = deck.slides.add_slide(deck.slide_layouts[6])
        table = figures.shapes.add_table(2, 2, 0, 0, 99, 99).table
        for at, text in enumerate(["Year", "Sales", "2025", "12"]):
            table.cell(at // 2, at % 2).text = text
        group = figures.shapes.add_group_shape()
        group.shapes.add_textbox(0, 0, 99, 99).text_frame.text = "# in a group"
        data = CategoryChartData()
        data.categories = ["Q1", "Q2"]
        data.add_series("East", (19.2, None))
        figures.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 99, 99, data)

    document = parse("deck.pptx", make_pptx(write))
    assert (document.title, document.media_type) == ("Strategy 2026", PPTX)
    assert document.text.split("\n\n") == [
        "# Strategy 2026",
        "For the board",
        "## Aims",
        "- Grow",
        "  - in the north",
        "Notes: Say it slowly.",
        "## Slide 4",
        "| Year | Sales |\n| --- | --- |\n| 2025 | 12 |",
        "\\# in a group",
        "|  | East |\n| --- | --- |\n| Q1 | 19.2 |\n| Q2 |  |",
    ]
    assert len(document.pages) == 4
    chunks = chunk_document(document)
    assert [chunk.section for chunk in chunks] == ["slide 1", "Aims › slide 2", "Slide 4"]
    assert page_of(document.pages, chunks[-1].start) == 4


# -- mail -----------------------------------------------------------------------------------------

TRAIL = """Hello Ben,

the limit is EUR 50.

# Anna

On Thu, 13 Mar 2025 at 10:00, Ben <ben@example.org> wrote:
> What is the limit?
>
> > From me?
"""


def test_mail_says_who_wrote_what_and_keeps_earlier_mails_apart():
    mail = make_mail(TRAIL, To="Ben <ben@example.org>", Bcc="hidden@example.org")
    mail.add_alternative("<p>Hello <img src='http://example.org/a.png'>", subtype="html")
    document = parse("gifts.eml", mail.as_bytes())
    assert (document.title, document.media_type) == ("Gifts", MAIL)
    assert document.text.split("\n\n") == [
        "# Gifts",
        "From: Anna Kern <anna@example.org>\nTo: Ben <ben@example.org>\n"
        "Date: 2025-03-14 09:12 +0100",
        "Hello Ben,",
        "the limit is EUR 50.",
        "\\# Anna",
        "## Earlier messages",
        "On Thu, 13 Mar 2025 at 10:00, Ben <ben@example.org> wrote:\nWhat is the limit?",
        "From me?",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "-----Original Message-----\nFrom: Ben\nSubject: Limits",
        "From: Ben <ben@example.org>\nSent: Thursday, March 13, 2025 10:00 AM\nTo: Anna",
        "Am Do., 13. März 2025 um 10:00 Uhr schrieb Ben <ben@example.org>:",
        "On Thursday, 13 March 2025, at ten o'clock,\nBen <ben@example.org> wrote:",
        "---------- Forwarded message ---------\nFrom: Ben",
    ],
)
def test_the_trail_of_earlier_mails_is_known_by_what_programs_write_above_it(line):
    mail = make_mail(f"The limit is EUR 50.\n\n{line}\n\nWhat is it?\n")
    written, earlier = parse("a.eml", mail.as_bytes()).text.split("\n\n## Earlier messages\n\n")
    assert written.endswith("The limit is EUR 50.")
    assert earlier.endswith("What is it?")


def test_answers_between_quoted_lines_stay_with_them():
    mail = make_mail(
        "On Thu, 13 Mar 2025, Ben wrote:\n> The limit?\n\nEUR 50.\n\n> Since?\n\n2024.\n"
    )
    text = parse("a.eml", mail.as_bytes()).text
    assert "Earlier" not in text
    assert text.index("> The limit?") < text.index("EUR 50.") < text.index("> Since?")


def test_mail_that_is_only_a_page_is_read_as_one():
    mail = make_mail("")
    mail.set_content("<h2>Limits</h2><p>EUR 50.</p><script>x</script>", subtype="html")
    assert parse("a.eml", mail.as_bytes()).text.endswith("\n\n## Limits\n\nEUR 50.")


def test_what_came_with_a_mail_is_in_sections_and_what_cannot_be_read_is_named():
    def write(book):
        book.active.title = "Limits"
        book.active.append(["Country", "Limit"])
        book.active.append(["Germany", 50])

    inner = make_mail("Inner words.", subject="Forwarded")
    inner.add_attachment("one,two\n3,4\n", subtype="csv", filename="inner.csv")
    mail = make_mail("See below.")
    octets = {"maintype": "application", "subtype": "octet-stream"}
    mail.add_attachment(make_xlsx(write), **octets, filename="..\\..\\limits.xlsx")
    mail.add_attachment("1. Scope\n\nIt applies to all.\n", filename="note.txt")
    mail.add_attachment("def f():\n    return 1\n", filename="f.py")
    mail.add_attachment(b"%PDF-1.7 cut", **octets, filename="cut.pdf")
    mail.add_attachment(b"<svg/>", maintype="image", subtype="svg+xml", filename="photo.svg")
    mail.add_attachment(inner)
    mail.add_attachment(b"...", maintype="application", subtype="pgp-signature", filename="s.asc")
    document = parse("a.eml", mail.as_bytes())
    found = sections(document)
    assert list(found) == [
        "",
        "Attachment: limits.xlsx › Limits",
        "Attachment: note.txt › 1. Scope",
        "Attachment: f.py",
        "Attachment: cut.pdf",
        "Attachment: photo.svg",
        "Attachment: Forwarded.eml › Forwarded",
        "Attachment: Forwarded.eml › Forwarded › Attachment: inner.csv",
    ]
    assert found["Attachment: limits.xlsx › Limits"].endswith("| Germany | 50 |")
    assert "def f():\n    return 1" in found["Attachment: f.py"]
    assert "Not read: “cut.pdf” is damaged" in found["Attachment: cut.pdf"]
    assert "Inner words." in found["Attachment: Forwarded.eml › Forwarded"]


def nested(depth: int) -> EmailMessage:
    mail = make_mail("Words.", subject=f"Number {depth}")
    if depth:
        mail.add_attachment(nested(depth - 1))
    return mail


def test_a_mail_that_holds_too_much_is_refused_as_a_whole():
    many = make_mail("Words.")
    for number in range(MAX_ATTACHMENTS + 1):
        many.add_attachment("a", filename=f"{number}.txt")
    for mail in (nested(9), many):
        with pytest.raises(DocumentRejected) as refused:
            parse("bomb.eml", mail.as_bytes())
        assert refused.value.user_message.startswith("“bomb.eml” holds more than 50 files")
    assert "Number 0" in parse("deep.eml", nested(3).as_bytes()).text


def test_parts_within_parts_without_end_are_refused():
    boundaries = [f"b{n}" for n in range(3000)]
    head = "From: a@example.org\nSubject: Deep\n"
    inside = "".join(
        f"Content-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n"
        for boundary in boundaries
    )
    with pytest.raises(DocumentRejected) as refused:
        parse("deep.eml", f"{head}{inside}\nWords.\n")
    assert refused.value.user_message.startswith("“deep.eml” took more time or memory")


def test_a_mail_is_known_by_its_headers():
    mail = make_mail("Words.", **{"Message-ID": "<a@example.org>"}).as_bytes()
    assert parse("saved.txt", mail).media_type == MAIL
    assert parse("a.eml", "Just words, and no header.").media_type == PLAIN_TEXT
    assert parse("a.txt", "From: here\nTo: there\n\nWords.").media_type == PLAIN_TEXT


# -- transcripts ----------------------------------------------------------------------------------


def test_subtitles_are_a_transcript():
    cues = [
        ("00:00:01.000 --> 00:00:04.000 align:start", "<v Anna>Hello there,"),
        ("00:00:04.500 --> 00:00:06.000", "<v Anna>all of you.</v>"),
        ("00:00:07.000 --> 00:00:08.000", "<v.loud Ben>Yes &amp; no."),
    ]
    text = "WEBVTT\n\n" + "\n\n".join(f"{n}\n{when}\n{what}" for n, (when, what) in enumerate(cues))
    document = parse("a.vtt", text)
    assert document.media_type == TRANSCRIPT
    assert document.text == "[00:00:01] Anna: Hello there, all of you.\n[00:00:07] Ben: Yes & no."
    titles = "1\n00:00:01,000 --> 00:00:02,000\nIt is\n\n2\n00:00:03,000 --> 00:00:04,000\nlate.\n"
    assert parse("a.srt", titles).text == "[00:00:01] It is late."


def test_a_text_of_turns_is_a_transcript():
    turns = "10:00:05 Anna: Hello.\n10:00:09 Ben: Hello.\n" * 3
    assert parse("talk.txt", turns).media_type == TRANSCRIPT
    assert parse("talk.log", turns).media_type == LOG


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
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
LOCKED = "EncryptedPackage".encode("utf-16-le")
SHEET = make_xlsx(lambda book: book.active.append(["Words"]))


def with_macros(content: bytes) -> bytes:
    return change_part(content, "word/vbaProject.bin", lambda _: b"program")


def of_macro_type(content: bytes) -> bytes:
    def change(types: bytes) -> bytes:
        return types.replace(
            b"openxmlformats-officedocument.presentationml.presentation.main",
            b"ms-powerpoint.presentation.macroEnabled.main",
        )

    return change_part(content, "[Content_Types].xml", change)


def laughs(part: bytes) -> bytes:
    """Entities that multiply."""
    head, _, body = part.partition(b"?>") if part.startswith(b"<?xml") else (b"", b"", part)
    return head + (b"?>" if head else b"") + b'<!DOCTYPE a [<!ENTITY b "ha">]>' + body


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
        ("a.png", b"\x89PNG\r\n\x1a\n....", "cannot be opened"),
        ("a.md", b"\x1f\x8b\x08....", "is an archive"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "is an old Office file"),
        ("a.zip", make_zip(a=b"b"), "is an archive"),
        ("a.xlsx", make_zip(xl__workbook=b"b"), "is an Office file of another kind"),
        ("a.odt", make_zip(mimetype=b"b"), "is an Office file of another kind"),
        ("a.doc", OLE + LOCKED, "is protected with a password"),
        ("a.xlsx", OLE + LOCKED, "is protected with a password"),
        ("a.msg", OLE, "is an Outlook message. Please save it as EML"),
        ("a.pptx", b"no PPTX at all", "is not a PPTX file"),
        ("a.docx", with_macros(make_docx(lambda d: None)), "holds macros"),
        ("a.xlsm", with_macros(make_xlsx(lambda b: None)), "holds macros"),
        ("a.pptm", of_macro_type(make_pptx(lambda d: None)), "holds macros"),
        ("a.pptx", make_pptx(lambda d: None)[:-900], "is damaged"),
        ("a.xlsx", make_xlsx(lambda b: None)[:-900], "is damaged"),
        ("a.xlsx", make_xlsx(lambda b: None), "holds no text"),
        ("a.pptx", make_zip_bomb("ppt/presentation.xml"), "unpacks to far more"),
        ("a.xlsx", make_zip_bomb("xl/workbook.xml"), "unpacks to far more"),
        ("a.xlsx", change_part(SHEET, "xl/workbook.xml", laughs), "unpacks to far more"),
        ("a.csv", b"a,b\n" * (MAX_ROWS + 1), "has more than 50,000 rows"),
        ("a.eml", b"From: a@b.c\nContent-Type: application/pkcs7-mime\n\nAA==", "a password"),
        ("a.pdf", b"no PDF at all", "is not a PDF file"),
        ("a.docx", b"no DOCX at all", "is not a DOCX file"),
        ("a.pdf", b"%PDF-1.7\nbut nothing else", "is damaged"),
        ("a.pdf", make_pdf(["cut"])[:200], "is damaged"),
        ("a.pdf", make_pdf([]), "shows no text that could be recognised"),
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


@settings(deadline=None)  # what begins as a picture is looked at by a process of its own
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


def test_a_book_of_too_many_pages_is_refused_with_the_limit():
    with pytest.raises(DocumentRejected) as refused:
        parse_document("long.pdf", make_pdf(*[["Words."]] * (MAX_PAGES + 1)), 8 * LIMIT)
    assert refused.value.user_message == (
        "“long.pdf” has more than 5,000 pages, the most that can be read. "
        "Please split it into parts."
    )


def test_a_sheet_of_too_many_rows_is_refused_with_the_limit():
    row = b'<row><c t="inlineStr"><is><t>x</t></is></c></row>'
    content = change_part(
        SHEET,
        "xl/worksheets/sheet1.xml",
        lambda sheet: (
            sheet.split(b"<sheetData>")[0]
            + b"<sheetData>"
            + row * (MAX_ROWS + 1)
            + b"</sheetData></worksheet>"
        ),
    )
    with pytest.raises(DocumentRejected, match=r"over 50000 rows") as refused:
        parse_document("long.xlsx", content, 8 * LIMIT)
    assert "has more than 50,000 rows" in refused.value.user_message


@pytest.mark.parametrize(
    ("name", "shown_as"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\a\\plan.docx", "plan.docx"),
        ("\\\\server\\share\\a b.txt", "a b.txt"),
        ("a\x00b\r\nSet: c.txt", "ab Set: c.txt"),
        ("gpj.\u202eexe.txt", "gpj.exe.txt"),
        ("..", "file"),
        ("", "file"),
        ("folder/", "folder"),
        ("x" * 300 + ".docx", "x" * 114 + "….docx"),
    ],
)
def test_a_name_is_only_a_name(name, shown_as):
    assert file_name(name) == shown_as
    with pytest.raises(DocumentRejected) as refused:
        parse(name, b"")
    assert refused.value.user_message == f"“{shown_as}” is empty."


@given(st.text())
def test_every_name_is_fit_to_be_shown(name):
    shown_as = file_name(name)
    assert 0 < len(shown_as) <= 120
    assert not set(shown_as) & set("/\\\n\x00\u202e")
    assert shown_as.strip(".")


def test_a_text_from_right_to_left_is_read_without_marks_that_turn_it():
    document = parse("a.txt", "סעיף 1: המגבלה היא 50\u202e אירו.\n\nالحد الأقصى ٥٠ يورو.")
    assert document.text == "סעיף 1: המגבלה היא 50 אירו.\n\nالحد الأقصى ٥٠ يورو."


def test_a_bomb_is_small():
    assert len(BOMB) < 100_000


# -- the reader's process -------------------------------------------------------------------------


def test_a_reader_that_takes_too_long_is_ended():
    with pytest.raises(Unreadable) as refused:
        read_apart("pdf", make_pdf(["Words."]), wall_seconds=0.01)
    assert refused.value.reason is Reason.TOO_COSTLY


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import os; os.system('true')",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.fork()",
        "open('/tmp/written', 'w')",
        "import os; os.open('/tmp/written', os.O_RDWR | os.O_CREAT)",
    ],
)
def test_the_reader_reaches_no_network_no_program_and_no_file(attempt):
    program = f"from assistants.formats.__main__ import forbid; forbid()\n{attempt}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert b"PermissionError" in ended.stderr


def test_the_reader_has_a_network_of_its_own_where_the_system_permits_it():
    program = (
        "import os\nfrom assistants.formats.__main__ import leave_network\n"
        "print(os.readlink('/proc/self/ns/net')); leave_network()\n"
        "print(os.readlink('/proc/self/ns/net'), len(os.listdir('/sys/class/net')))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert ended.returncode == 0
    before, after = ended.stdout.decode().split()[:2]
    may = subprocess.run(["unshare", "-Un", "true"], capture_output=True, check=False)
    assert (before != after) == (may.returncode == 0)


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
