from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants.data import ParsedDocument, chunk_document
from assistants.data.blocks import (
    DOCX,
    LOG,
    MARKDOWN,
    PDF,
    PLAIN_TEXT,
    PPTX,
    PYTHON,
    TRANSCRIPT,
    BlockKind,
    page_of,
)
from assistants.data.chunking import MAX_TOKENS, MAX_WORDS, estimate_tokens
from assistants.data.structure import find_blocks
from assistants.data.structure.definitions import GRAMMARS
from assistants.data.structure.turns import looks_like_transcript


def parsed(text: str, media_type: str = MARKDOWN, title: str = "", **more) -> ParsedDocument:
    text = textwrap.dedent(text).strip("\n")
    outline = find_blocks(text, media_type)
    return ParsedDocument(title or outline.title, text, media_type, tuple(outline.blocks), **more)


def words(number: int) -> str:
    return " ".join(f"word{n}" for n in range(number)) + "."


PIECES = st.sampled_from(
    [
        "# A title",
        "## 4. Record keeping",
        "### 4.1 Länge",
        "UNDERLINED\n==========",
        "1. Which courses are mandatory",
        "1.1 Every employee must report it,\n    and at once.",
        "(a) where it applies;",
        "- an item\n  that goes on\n- another",
        "| a | b |\n|---|---|\n| 1 | 2 |\n" + "| long cell | " + "x" * 30 + " |\n" * 40,
        "Time    Value\n11:08   26\n11:35   24",
        "```python\nprint('x')\n```",
        "def f(a):\n    return a\n\n\nclass B:\n    def c(self):\n        pass",
        "export function go() {\n  return 1;\n}",
        "CREATE TABLE t (\n  id int\n);",
        "[00:01:02] Anna Kern: Are we done?\nI think so.\nBen: Yes. " + "And so on. " * 150,
        "2025-03-14 09:12:04 ERROR lost\n  Traceback\n2025-03-14 09:12:05 INFO found",
        words(30),
        words(400),
        "x" * 3000,
        "ein Wort mit Ümläuten, 漢字漢字 и кириллица 😀😀",
        ">" * 50 + " deep",
        "---",
        "   ",
        "\t- odd\tindentation",
        "<div>not closed",
        "§ 12 Notice of 3.5 % a year: as follows:",
    ]
)
TEXTS = st.lists(PIECES, max_size=12).flatmap(
    lambda parts: st.sampled_from(["\n", "\n\n", "\n\n\n"]).map(lambda gap: gap.join(parts))
)
MEDIA_TYPES = st.sampled_from(
    [MARKDOWN, PLAIN_TEXT, DOCX, PDF, LOG, TRANSCRIPT, "application/json", *GRAMMARS]
)


@settings(deadline=None)
@given(TEXTS | st.text(max_size=300), MEDIA_TYPES, st.text(max_size=400))
def test_chunks_are_exact_ordered_pieces_that_fit_the_model(text, media_type, title):
    document = parsed(text, media_type, title)
    end = 0
    for position, chunk in enumerate(chunk_document(document)):
        assert chunk.position == position
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert chunk.start >= end
        assert estimate_tokens(chunk.embedded) <= MAX_TOKENS
        assert len(chunk.text.split()) <= MAX_WORDS + 1
        assert len(chunk.section) <= 500
        end = chunk.end


@settings(deadline=None)
@given(TEXTS, MEDIA_TYPES)
def test_every_block_that_is_no_heading_is_in_a_chunk(text, media_type):
    document = parsed(text, media_type)
    covered: set[int] = set()
    for chunk in chunk_document(document):
        covered.update(range(chunk.start, chunk.end))
    for block in document.blocks:
        if block.kind is not BlockKind.HEADING:
            lost = set(range(block.start, block.end)) - covered
            assert not "".join(document.text[n] for n in lost).strip()


def test_a_section_that_fits_is_one_chunk_under_its_path():
    document = parsed(
        """
        # Gifts Policy

        Owner: Compliance.

        ## 4. Records

        4.1 Enter it in the register.

        4.2 Keep it for six years.

        ### 4.3 Exceptions

        None.
        """
    )
    chunks = chunk_document(document)
    assert [chunk.section for chunk in chunks] == ["", "4. Records", "4. Records › 4.3 Exceptions"]
    assert chunks[1].text == "4.1 Enter it in the register.\n\n4.2 Keep it for six years."
    assert chunks[1].embedded.startswith("Gifts Policy. 4. Records. 4.1 Enter it")


def test_a_long_section_is_cut_between_its_clauses_into_equal_parts():
    clauses = "\n\n".join(f"4.{n} {words(50)}" for n in range(1, 7))
    chunks = chunk_document(parsed(f"# T\n\n## 4. Records\n\n{clauses}"))
    assert len(chunks) > 1
    assert all(chunk.text.startswith("4.") and chunk.text.endswith(".") for chunk in chunks)
    sizes = [len(chunk.text.split()) for chunk in chunks]
    assert max(sizes) <= 2 * min(sizes)


def test_a_table_keeps_its_head_in_every_chunk_and_the_line_that_introduces_it():
    rows = "\n".join(f"| Test {n} | {n}–{n + 5} | mmol/L | not in pregnancy |" for n in range(60))
    document = parsed(
        "# Ranges\n\n## 2. Chemistry\n\nThe ranges are:\n\n"
        f"| Test | Reference range | Unit | Note |\n|---|---|---|---|\n{rows}"
    )
    chunks = chunk_document(document)
    assert len(chunks) > 2
    assert chunks[0].text.startswith("The ranges are:\n\n| Test | Reference range")
    for chunk in chunks[1:]:
        assert chunk.text.startswith("| Test ")
        assert "Test, Reference range, Unit, Note" in chunk.embedded
        assert "---" not in chunk.embedded
        assert "|" not in chunk.embedded


def test_a_paragraph_without_end_is_cut_at_sentences():
    text = " ".join(f"Sentence {n} says something about records." for n in range(100))
    chunks = chunk_document(parsed(text))
    assert len(chunks) > 2
    assert all(chunk.text.endswith("records.") for chunk in chunks)


def test_plain_text_has_sections_clauses_and_tables():
    document = parsed(
        """
        SUSPICIOUS ACTIVITY REPORTING

        Document SAR-05.


        1. Who must report, and what

        1.1 Every employee must report
            what they know.
        1.2 There is no minimum amount. Attempted transactions, refused customers
            and events are reported.
        1.3 Are certificates accepted? Yes, for
            Send a copy.

        2. Internal report
        2.1 On form F-17:

        Time    Medicine     Dose
        11:12   Salbutamol   5 mg
        """,
        PLAIN_TEXT,
    )
    assert document.title == "SUSPICIOUS ACTIVITY REPORTING"
    chunks = chunk_document(document)
    assert [chunk.section for chunk in chunks] == [
        "",
        "1. Who must report, and what",
        "2. Internal report",
    ]
    kinds = [block.kind for block in document.blocks if block.section == ("2. Internal report",)]
    assert kinds == ["heading", "paragraph", "header", "row"]


def test_python_is_cut_by_functions_and_methods():
    body = "\n".join(f"        value_{n} = self.count + {n}" for n in range(12))
    document = parsed(
        f'"""Retries."""\n\nimport os\n\n\nclass Policy:\n    """Figures."""\n\n'
        f"    # how long to wait\n    def delay(self):\n{body}\n\n"
        f"    @property\n    def span(self):\n{body}\n",
        PYTHON,
        "retry.py",
    )
    chunks = chunk_document(document)
    # the few lines above `delay` join it
    assert [chunk.section for chunk in chunks] == ["Policy.delay", "Policy › span"]
    assert "    # how long to wait\n    def delay" in chunks[0].text
    assert chunks[1].text.startswith("    @property\n    def span")
    assert chunks[1].embedded.startswith("retry.py. Policy › span. ")


def test_small_definitions_share_a_chunk_that_names_them():
    source = "class A:\n    def b(self):\n        pass\n\n    def c(self):\n        pass\n"
    assert [c.section for c in chunk_document(parsed(source, PYTHON))] == ["A › b, c"]
    alone = "class A:\n    pass\n\n\nclass B:\n    pass\n"
    assert [c.section for c in chunk_document(parsed(alone, PYTHON))] == ["A, B"]


def test_python_that_does_not_parse_is_cut_by_its_indentation():
    document = parsed("def one(:\n    return 1\n\ndef two(a):\n    return a\n", PYTHON)
    assert [block.section for block in document.blocks] == [("one",), ("two",)]


CALLS = {
    "javascript": (
        "// how often\nexport const limit = 3;\n\nexport class Client {\n  #n = 0;\n\n"
        "  /** Once more. */\n  async call() {\n    return <p>1</p>;\n  }\n}\n\n"
        "const go = async (a) => {\n  return a;\n};\n",
        [(), ("Client",), ("Client", "call"), ("go",)],
    ),
    "typescript": (
        "interface Path { a(): void }\n\nexport namespace N {\n"
        "  export function q<T>(x: T) {}\n}\n\n"
        "const cast = <T,>(x: unknown) => <T>x;\n",
        [("Path",), ("N",), ("N", "q"), ("cast",)],
    ),
    "java": (
        "package a;\n\n@Deprecated\npublic class A {\n  int x;\n\n"
        "  A() {}\n\n  record R(int a) {}\n}\n",
        [(), ("A",), ("A", "A"), ("A", "R")],
    ),
    "go": (
        "package a\n\n// Next is when.\nfunc (r *Retry[T]) Next() int {\n\treturn 1\n}\n\n"
        "type (\n\tA int\n\tB string\n)\n",
        [(), ("Retry.Next",), ("A, B",)],
    ),
    "rust": (
        "#[derive(Debug)]\npub struct S;\n\nimpl<T> Tr for S {\n    fn f(&self) {}\n}\n\nmod m {\n"
        "    fn g() {}\n}\n",
        [("S",), ("Tr for S",), ("Tr for S", "f"), ("m",), ("m", "g")],
    ),
    "c": (
        "#ifndef A_H\nint f(int);\n\n"
        "/* twice */\nstatic int *g(int a)\n{\n    return 0;\n}\n#endif\n",
        [(), ("g",)],
    ),
    "c++": (
        "namespace a {\nclass C : D {\n  ~C() {}\n};\n}\n\ntemplate <class T>\nT C::most(T a) {\n"
        "  return a;\n}\n",
        [("a",), ("a", "C"), ("a", "C", "~C"), ("C::most",)],
    ),
    "csharp": (
        "namespace A.B;\n\nclass C\n{\n    int P { get; set; }\n\n    void F()\n    {\n    }\n}\n",
        [(), ("C",), ("C", "F")],
    ),
    "ruby": (
        "module M\n  class C\n    def self.g\n      1\n    end\n  end\nend\n",
        [("M",), ("M", "C"), ("M", "C", "g")],
    ),
    "php": (
        "<?php\nnamespace A;\n\ntrait T {\n  function f() {}\n}\n\nfunction h() {}\n",
        [(), ("T",), ("T", "f"), ("h",)],
    ),
}


@pytest.mark.parametrize("language", CALLS)
def test_code_is_cut_by_its_own_grammar(language):
    source, sections = CALLS[language]
    blocks = parsed(source, f"text/x-{language}").blocks
    assert list(dict.fromkeys(block.section for block in blocks)) == sections


def test_what_stands_directly_above_a_definition_belongs_to_it():
    for language in ("java", "go", "rust", "c", "javascript"):
        source = CALLS[language][0]
        blocks = parsed(source, f"text/x-{language}").blocks
        texts = [source[block.start : block.end] for block in blocks]
        begins = ("@Deprecated", "// Next is", "#[derive", "/* twice */", "  /** Once more.")
        assert any(text.startswith(begins) for text in texts)


@pytest.mark.parametrize(
    ("source", "sections"),
    [
        (
            "/** Client. */\nexport class Client {\n  constructor() {\n    this.a = 1;\n  }\n\n"
            "  private async call<T>(\n    path: string,\n  ): Promise<T> {\n"
            "    return 1;\n  }\n}\n\n"
            "const go = async (a: number) => {\n  return a;\n};\n",
            [("Client",), ("Client", "constructor"), ("Client", "call"), ("go",)],
        ),
        (
            "BEGIN;\n\n-- money\nCREATE TABLE IF NOT EXISTS accounts (\n  id int\n);\n\n"
            "CREATE FUNCTION refuse() RETURNS trigger AS $$\nBEGIN\n  RETURN NULL;\nEND;\n$$;\n",
            [(), ("accounts",), ("refuse",)],
        ),
        ("func (r *Retry) Next() int {\n\treturn 1\n}\n", [("Next",)]),
        ("public static int Main(string[] a)\n{\n    Run();\n}\n", [()]),
        ("run() {\n  echo hi\n}\n", [("run",)]),
        ("[server]\nport = 1\n\n[log.file]\nname = 2\n", [("server",), ("log.file",)]),
        ("lanes:\n  submit: 1\n\njobs:\n  - a\n", [("lanes",), ("jobs",)]),
    ],
)
def test_other_code_is_cut_by_its_definitions(source, sections):
    blocks = parsed(source, "text/x-code").blocks
    assert list(dict.fromkeys(block.section for block in blocks)) == sections


def test_a_log_is_cut_between_entries_and_says_from_when():
    entries = "\n".join(
        f"2025-03-14 09:{n:02}:04 ERROR submit failed after {n} attempts\n  Traceback line {n}"
        for n in range(60)
    )
    chunks = chunk_document(parsed(entries, LOG, "worker.log"))
    assert len(chunks) > 3
    assert chunks[0].section == "from 2025-03-14 09:00:04"
    assert all(chunk.text.startswith("2025-03-14") for chunk in chunks)
    assert all("Traceback" in chunk.text.split("\n")[-1] for chunk in chunks)


def test_a_chunk_of_a_pdf_names_its_page():
    text = "1. Scope\nIt applies to all.\n\nIt applies at once."
    document = parsed(text, PDF, "Policy", pages=(0, text.index("It applies at")))
    assert chunk_document(document)[0].section == "1. Scope › page 1"
    second = parsed("Page one.\n\nPage two.", PDF, "P", pages=(0, 11))
    assert chunk_document(second)[0].section == "page 1"


def test_a_chunk_of_a_presentation_names_its_slide():
    text = "## Aims\n\nGrow.\n\n## Means\n\nWork."
    chunks = chunk_document(parsed(text, PPTX, "Plan", pages=(0, text.index("## Means"))))
    assert [chunk.section for chunk in chunks] == ["Aims › slide 1", "Means › slide 2"]


def test_a_character_stands_on_a_page_or_on_none():
    assert [page_of((0, 10, 10, 25), at) for at in (0, 9, 10, 24, 25, 99)] == [1, 1, 3, 3, 4, 4]
    assert page_of((3,), 0) == 1
    assert page_of((), 7) is None


# -- transcripts ----------------------------------------------------------------------------------

MEETING = """\
Steering committee

[00:00:05] Anna Kern: Shall we begin?
There is much to do.
[00:00:09] Ben: Yes.
[00:01:40] Anna Kern: The limit is EUR 50.
[00:02:00] Ben: Agreed.
"""


@pytest.mark.parametrize(
    "text",
    [
        MEETING,
        "Anna: Hello.\nBen: Hello.\nAnna: Well?\nBen: Well.",
        "Dr. Weber (Chair): Hello.\n\nMs O'Neil: Yes.\n\nDr. Weber (Chair): So.\n\nMs O'Neil: No.",
        "Q: Since when?\nA: Monday.\nQ: Fever?\nA: No.",
        "Anna (00:12): Hello.\nBen (00:15): Hello.\nAnna (01:02): Well?\nBen (01:09): Well.",
    ],
)
def test_transcripts_are_known_by_those_who_speak_again_and_again(text):
    assert looks_like_transcript(text)
    assert [b.kind for b in find_blocks(text, TRANSCRIPT).blocks].count(BlockKind.TURN) == 4


@pytest.mark.parametrize(
    "text",
    [
        "Owner: Compliance\nVersion: 3\nDate: 2025-01-01\nStatus: final\n",
        "09:12:04 ERROR: lost\n09:12:05 INFO: found\n09:12:06 ERROR: lost\n09:12:07 INFO: b\n",
        "Note: this is a text.\n\nIt goes on.\n\nAnd on.\n\nNote: there is more of it.\n",
        "",
    ],
)
def test_other_texts_with_colons_are_no_transcripts(text):
    assert not looks_like_transcript(text)


def test_a_transcript_is_cut_between_turns_and_says_from_when():
    document = parsed(MEETING * 30, TRANSCRIPT, "meeting.txt")
    chunks = chunk_document(document)
    assert len(chunks) > 3
    turns = [chunk for chunk in chunks if not chunk.text.startswith("Steering")]
    assert all(chunk.text.startswith("[00:0") for chunk in turns)
    assert turns[0].section == f"from {turns[0].text[1:9]}"
    assert "[00:" not in turns[0].embedded
    assert "Anna Kern: The limit is EUR 50. Ben: Agreed." in " ".join(c.embedded for c in chunks)


def test_a_long_turn_is_cut_at_sentences_and_each_piece_says_who_speaks():
    speech = " ".join(f"Sentence {n} says something about records." for n in range(100))
    chunks = chunk_document(parsed(f"Ben: {speech}", TRANSCRIPT, "talk.txt"))
    assert len(chunks) > 2
    assert all(chunk.embedded.startswith("talk.txt. Ben: Sentence") for chunk in chunks)
    assert not chunks[1].text.startswith("Ben:")


def test_a_heading_with_nothing_below_is_kept():
    chunks = chunk_document(parsed("# T\n\n## One\n\n## Two\n\nText."))
    assert [chunk.text for chunk in chunks] == ["## One", "Text."]
    assert [chunk.text for chunk in chunk_document(parsed("# Alone"))] == ["# Alone"]


def test_front_matter_names_the_document_and_is_not_text():
    document = parsed("---\ntitle: Gifts\n---\n\n## 1. Scope\n\nAll.")
    assert document.title == "Gifts"
    assert [chunk.text for chunk in chunk_document(document)] == ["All."]


def test_a_real_counter_of_tokens_can_be_given():
    chunks = chunk_document(parsed(words(200)), lambda text: 2 * len(text.split()))
    assert len(chunks) == 2
    assert all(2 * len(chunk.embedded.split()) <= MAX_TOKENS for chunk in chunks)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("shape", ["[", "*_", "a(", "1. ", "A: ", "1:1"])
def test_hostile_shapes_take_no_long_time(shape):
    for media_type in (MARKDOWN, PLAIN_TEXT, TRANSCRIPT, "text/x-code", "text/x-javascript"):
        chunk_document(parsed("\n".join([shape * 3000] * 10), media_type))
