"""PPTX to Markdown: a heading a slide, then its text, lists, tables, charts' figures and notes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pptx
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.oxml.ns import qn

from assistants.formats import MAX_PAGES, Reading, Reason, Unreadable, markup
from assistants.formats.archive import check_archive

_TITLES = {PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.VERTICAL_TITLE}
_FURNITURE = {PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER}
_LISTS = {PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY}
_POOR_TITLE = re.compile(r"power ?point|^presentation\d*$|^untitled", re.I)
_DIAGRAM = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
MAX_DEPTH = 20  # of groups in groups


def read(content: bytes) -> Reading:
    """A hidden slide keeps its number and has no text."""
    check_archive(content)
    deck = pptx.Presentation(io.BytesIO(content))
    if len(deck.slides) > MAX_PAGES:
        raise Unreadable(Reason.TOO_MANY_PAGES, f"{len(deck.slides)} slides")
    text = ""
    starts = []
    for number, slide in enumerate(deck.slides, start=1):
        hidden = slide._element.get("show") in ("0", "false")
        page = "" if hidden else "\n\n".join(write(slide, number))
        text += "\n\n" if text and page else ""
        starts.append(len(text))
        text += page
    title = (deck.core_properties.title or "").strip()
    return Reading("" if _POOR_TITLE.search(title) else title, text, tuple(starts))


def write(slide: Any, number: int) -> list[str]:
    shapes = list(flat(slide.shapes, 0))
    title = next((shape for shape in shapes if kind(shape) in _TITLES and words(shape)), None)
    body = [text for shape in shapes if shape is not title for text in of_shape(shape)]
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = markup.paragraph(slide.notes_slide.notes_text_frame.text)
        if notes:
            body.append(f"Notes: {notes}")
    if title is None and not body:
        return []
    # the title slide's heading is the presentation's title
    first = number == 1 and title is not None and kind(title) is PP_PLACEHOLDER.CENTER_TITLE
    return [markup.heading(1 if first else 2, words(title) or f"Slide {number}"), *body]


def flat(shapes: Iterable[Any], depth: int) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            if depth < MAX_DEPTH:
                yield from flat(shape.shapes, depth + 1)
        else:
            yield shape


def kind(shape: Any) -> Any:
    return shape.placeholder_format.type if shape.is_placeholder else None


def words(shape: Any) -> str:
    frame = shape is not None and shape.has_text_frame
    return " ".join(shape.text_frame.text.split()) if frame else ""


def of_shape(shape: Any) -> Iterator[str]:
    if kind(shape) in _FURNITURE:
        return
    if getattr(shape, "has_table", False) and shape.has_table:
        rows = [[cell_text(cell) for cell in row.cells] for row in shape.table.rows]
        yield markup.table(rows, 1 if shape.table.first_row or len(rows) > 1 else 0)
    elif getattr(shape, "has_chart", False) and shape.has_chart:
        yield from of_chart(shape.chart)
    elif shape.has_text_frame:
        listed = kind(shape) in _LISTS
        for paragraph in shape.text_frame.paragraphs:
            text = paragraph.text.replace("\v", "\n")
            if not text.strip():
                continue
            if listed or has_bullet(paragraph):
                yield markup.item(paragraph.level, "-", text)
            else:
                yield markup.paragraph(text)
    else:
        yield from of_diagram(shape)


def cell_text(cell: Any) -> str:
    return "" if cell.is_spanned else str(cell.text_frame.text)


def has_bullet(paragraph: Any) -> bool:
    properties = paragraph._p.find(qn("a:pPr"))
    if properties is None:
        return False
    return any(properties.find(qn(name)) is not None for name in ("a:buChar", "a:buAutoNum"))


def of_chart(chart: Any) -> Iterator[str]:
    """The figures that the chart draws, as a table."""
    if chart.has_title and chart.chart_title.has_text_frame:
        yield markup.paragraph(chart.chart_title.text_frame.text)
    for plot in chart.plots:
        series = list(plot.series)
        categories = [str(category) for category in plot.categories]
        rows = [["", *(str(one.name) for one in series)]]
        for at, category in enumerate(categories):
            rows.append([category, *(figure(one.values, at) for one in series)])
        if len(rows) > 1:
            yield markup.table(rows, 1)


def figure(values: Any, at: int) -> str:
    value = values[at] if at < len(values) else None
    return "" if value is None else f"{value:.10g}"


def of_diagram(shape: Any) -> Iterator[str]:
    """SmartArt: its words are in a part of their own."""
    for reference in shape._element.iter(f"{{{_DIAGRAM}}}relIds"):
        part = shape.part.related_part(reference.get(qn("r:dm")))
        root = pptx.oxml.parse_xml(part.blob)
        for point in root.iter(f"{{{_DIAGRAM}}}t"):
            text = " ".join("".join(run.text or "" for run in point.iter(qn("a:t"))).split())
            if text:
                yield markup.item(0, "-", text)
