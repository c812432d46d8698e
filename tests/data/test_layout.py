from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assistants.data import lay_out
from assistants.data.blocks import LOG, MARKDOWN, PLAIN_TEXT, PYTHON, TRANSCRIPT

TEXT = """# Gifts

Owner: **Compliance**.

## 3. Limits

3.1 No more than `EUR 50`.

| Kind | Most |
|---|---|
| Gift \\| card | EUR 50 |

### 3.2 Exceptions

```python
if x:
    y()
```

- one
- two"""


def texts(part):
    if part.kind != "table":
        return [span.text for span in part.spans]
    return [
        ["".join(span.text for span in cell) for cell in row] for row in [part.head, *part.rows]
    ]


def marked(sections) -> list[str]:
    return [
        span.text
        for section in sections
        for part in section.parts
        for row in [[part.spans], part.head, *part.rows]
        for cell in row
        for span in (cell if isinstance(cell, list) else [cell])
        if span.marked
    ]


def test_sections_paragraphs_tables_and_code():
    sections = lay_out(TEXT, MARKDOWN)
    assert [(s.anchor, s.name, s.level) for s in sections] == [
        ("section-1", "", 1),
        ("section-2", "3. Limits", 1),
        ("section-3", "3.2 Exceptions", 2),
    ]
    assert [(p.kind, texts(p)) for s in sections for p in s.parts] == [
        ("paragraph", ["Owner: Compliance."]),
        ("paragraph", ["3.1 No more than EUR 50."]),
        ("table", [[" Kind ", " Most "], [" Gift | card ", " EUR 50 "]]),
        ("code", ["if x:\n    y()"]),
        ("item", ["- one"]),
        ("item", ["- two"]),
    ]
    assert marked(sections) == []


def test_a_range_is_marked_across_parts_and_its_beginning_once():
    start, end = TEXT.index("No more"), TEXT.index(" |\n\n###")
    sections = lay_out(TEXT, MARKDOWN, start, end)
    assert marked(sections) == [
        "No more than EUR 50.", " Kind ", " Most ", " Gift | card ", " EUR 50"
    ]  # fmt: skip
    firsts = [span for s in sections for p in s.parts for span in p.spans if span.first]
    assert [span.text for span in firsts] == ["No more than EUR 50."]


def test_columns_of_plain_text_become_a_table_and_a_log_stays_as_it_is():
    (section,) = lay_out("Time    Dose\n-----   ----\n11:07   5 mg a\n", PLAIN_TEXT)
    assert texts(section.parts[0]) == [["Time", "Dose"], ["11:07", "5 mg a"]]


def test_code_and_logs_stay_as_they_are():
    code = "def one():\n    a | b\n\n\ndef two(): pass"
    (section,) = lay_out(code, PYTHON, 4, 7)
    (part,) = section.parts
    assert (part.kind, texts(part)) == ("code", ["def ", "one", code[7:]])
    assert marked([section]) == ["one"]


@given(
    st.text(alphabet="ab |-#*\n\\`", max_size=120),
    st.sampled_from([MARKDOWN, PLAIN_TEXT, LOG, "text/x-c"]),
    st.integers(0, 130),
    st.integers(0, 130),
)
def test_any_range_of_any_text_can_be_marked(text, media_type, start, end):
    sections = lay_out(text, media_type, start, end)
    everything = [
        span
        for section in sections
        for part in section.parts
        for row in [[part.spans], part.head, *part.rows]
        for cell in row
        for span in cell
    ]
    assert sum(span.first for span in everything) == any(span.marked for span in everything)
    if start >= end:
        assert not any(span.marked for span in everything)


def test_turns_of_a_transcript_are_paragraphs():
    text = "Meeting\n\n[00:00:05] Anna: Shall we?\nSo.\n[00:00:09] Ben: Yes."
    (section,) = lay_out(text, TRANSCRIPT)
    assert [(part.kind, part.spans[0].text) for part in section.parts] == [
        ("paragraph", "Meeting"),
        ("paragraph", "[00:00:05] Anna: Shall we?\nSo."),
        ("paragraph", "[00:00:09] Ben: Yes."),
    ]
