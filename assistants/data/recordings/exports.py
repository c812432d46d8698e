"""A transcript in the formats that others read. Pure: lines in, text or bytes out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Line:
    """A segment as it is exported. `start`, `end` in seconds; `speaker` a name, or empty.

    `words` (`text`, `start`, `end`, `probability`) are left out where the text was changed or
    redacted: they would tell what it said before.
    """

    start: float
    end: float
    speaker: str
    text: str
    words: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above: `facts` are pairs of a name and a value."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()


def as_text(heading: Heading, lines: Sequence[Line]) -> bytes:
    """Paragraphs by speaker, each with the time at which it begins."""
    blocks = [heading.title, *(f"{name}: {value}" for name, value in heading.facts)]
    written = ["\n".join(blocks)]
    for speaker, start, text in _paragraphs(lines):
        written.append(f"[{clock(start)}] {speaker + ': ' if speaker else ''}{text}")
    return ("\n\n".join(written) + "\n").encode()


def as_srt(heading: Heading, lines: Sequence[Line]) -> bytes:
    """SubRip: numbered cues, UTF-8."""
    cues = [
        f"{number}\n{_stamp(line.start, ',')} --> {_stamp(_end(line), ',')}\n{_spoken(line)}\n"
        for number, line in enumerate(lines, start=1)
    ]
    return "\n".join(cues).encode()


def as_vtt(heading: Heading, lines: Sequence[Line]) -> bytes:
    """WebVTT (W3C), the speaker in a voice tag."""
    cues = ["WEBVTT", f"NOTE\n{_one_line(heading.title).replace('-->', '→')}"]
    for line in lines:
        # What would be markup, or end the cue, is written so that it is text.
        voice = f"<v {_vtt(line.speaker)}>" if line.speaker else ""
        times = f"{_stamp(line.start, '.')} --> {_stamp(_end(line), '.')}"
        cues.append(f"{times}\n{voice}{_vtt(_one_line(line.text))}")
    return ("\n\n".join(cues) + "\n").encode()


def as_json(heading: Heading, lines: Sequence[Line]) -> bytes:
    """`{"title", facts…, "segments": [{"start", "end", "speaker", "text", "words"}]}`."""
    whole = {
        "title": heading.title,
        **{name.lower().replace(" ", "_"): value for name, value in heading.facts},
        "segments": [asdict(line) for line in lines],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1).encode()


def as_docx(heading: Heading, lines: Sequence[Line]) -> bytes:
    """Title, a table of facts, a paragraph each time another speaks."""
    import docx  # 30 MB, for the few who ask

    document = docx.Document()
    document.core_properties.title = _writable(heading.title)[:250]
    document.add_heading(_writable(heading.title), level=1)
    if heading.facts:
        table = document.add_table(rows=0, cols=2)
        for name, value in heading.facts:
            cells = table.add_row().cells
            cells[0].text, cells[1].text = _writable(name), _writable(value)
        document.add_paragraph()
    for speaker, start, text in _paragraphs(lines):
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{clock(start)}  ").italic = True
        if speaker:
            paragraph.add_run(f"{_writable(speaker)}: ").bold = True
        paragraph.add_run(_writable(text))
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


Writer = Callable[[Heading, Sequence[Line]], bytes]
# By the name of the format, which is the ending of the file: how, and its media type.
FORMATS: dict[str, tuple[Writer, str]] = {
    "txt": (as_text, "text/plain; charset=utf-8"),
    "srt": (as_srt, "application/x-subrip; charset=utf-8"),
    "vtt": (as_vtt, "text/vtt; charset=utf-8"),
    "json": (as_json, "application/json"),
    "docx": (
        as_docx,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
}


def clock(seconds: float) -> str:
    """0:00:07, as people read it."""
    whole = max(0, int(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _stamp(seconds: float, point: str) -> str:
    millis = max(0, round(seconds * 1000))
    clocked = f"{millis // 3_600_000:02}:{millis // 60_000 % 60:02}:{millis // 1000 % 60:02}"
    return f"{clocked}{point}{millis % 1000:03}"


def _end(line: Line) -> float:
    """A cue lasts at least a moment: players drop one that ends where it begins."""
    return max(line.end, line.start + 0.001)


def _spoken(line: Line) -> str:
    return _one_line(f"{line.speaker}: {line.text}" if line.speaker else line.text)


def _one_line(text: str) -> str:
    """An empty line would end the cue."""
    return " ".join(text.split()) or "…"


def _vtt(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _writable(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(c for c in text if c in "\t\n" or (c >= " " and not 0xD800 <= ord(c) <= 0xDFFF))


def _paragraphs(lines: Sequence[Line]) -> Iterator[tuple[str, float, str]]:
    for speaker, said in groupby(lines, key=lambda line: line.speaker):
        spoken = list(said)
        yield speaker, spoken[0].start, " ".join(_one_line(line.text) for line in spoken)
