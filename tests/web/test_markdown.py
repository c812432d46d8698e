from __future__ import annotations

import itertools
import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assistants.markdown import Settler, render, render_passage

LINES = [
    *("", "", " ", "\t", "text", "more *text* [1]", "  two spaces", "    four", "\ttab", "a\\"),
    *(
        "- a",
        "- b",
        "+ c",
        "* d",
        "  - nested",
        "    - deep",
        "- ",
        "-",
        "1. one",
        "2) two",
        "10. x",
    ),
    *("> quote", ">> deeper", "> - in quote", "> ```", ">", "lazy"),
    *("```", "```python", "~~~", "````", "  ```", "x = '''"),
    *(
        "$$",
        "$$ x^2 $$",
        "\\[",
        "a = b \\]",
        "\\[ x_1 \\]",
        "so $a_1$ is",
        "$5 and $6",
        "$$$",
        "$$ x",
    ),
    *("# head", "#", "===", "---", "***", "_ _ _", "--", "="),
    *("| a | b |", "|---|:-:|", "| 1 | [2] |", "a | b", "-|-", "|"),
    *("<div>", "</div>", "<!-- c", "-->", "<script>alert(1)</script>", "<b onclick=x>"),
    *("[1]: http://a.example", "[one]: /x 'title'", "[one]", "[a][1]", "![1](http://a/b.png)"),
    *(
        "**bold",
        "`code [1]",
        "``",
        "\\[1\\]",
        "&amp; &#0; \x00",
        "é\u2028z",
        "\x0b",
        "\x1c",
        "x\ry",
    ),
]
document = st.lists(st.sampled_from(LINES), max_size=14).flatmap(
    lambda lines: st.sampled_from(["\n", "\n", "\r\n", "\r"]).map(lambda end: end.join(lines))
)
nasty = st.one_of(document, st.text(alphabet="ab \n\t#>-=|`*[]()1.:\\<~\r$^", max_size=60))


def settle(text: str, cuts: list[int]) -> tuple[list[str], str]:
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    settler = Settler(citations=None)
    blocks = [
        block for start, end in itertools.pairwise(edges) for block in settler.feed(text[start:end])
    ]
    return blocks, settler.tail


@settings(max_examples=400, deadline=None)
@given(nasty, st.lists(st.integers(0, 10_000), max_size=20))
@example("foo\n| a |\n|---|\n| b |\n\nbar\n", [4, 10, 17, 22])
@example("- a\n\n\n- b\n\n  c\nd\n\n[x]: /y\n\n[x]\n", [3, 4, 6, 10])
@example("> a\nb\n===\n\n```\n\n# no\n```\nz\n", [2, 7, 12, 16, 20])
def test_settled_blocks_and_the_tail_are_the_whole(text: str, cuts: list[int]) -> None:
    blocks, tail = settle(text, cuts)
    assert "".join(blocks) + render(tail, None) == render(text, None)
    assert text.endswith(tail)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "<script>",
                    "<img src=x onerror=y>",
                    "<a href='javascript:x'>",
                    "</p>",
                    "<svg/onload=z>",
                ),
                *(
                    "[a](javascript:x)",
                    "[a](data:text/html,x)",
                    "[a](//evil.example)",
                    "[a](/admin/)",
                ),
                *("![x](http://evil.example/pixel.png)", "<javascript:x>", "[a](JaVaScRiPt:x)"),
                *(
                    "[a](https://ok.example)",
                    "```<b>\n",
                    "`",
                    "\n",
                    "| a |\n|:-:|\n",
                    "[1]",
                    "\"'<",
                ),
            ]
        ),
        max_size=12,
    ).map("".join)
)
def test_nothing_runs_and_nothing_loads(text: str) -> None:
    tags = Tags()
    tags.feed(render(text, None))
    for tag, attributes in tags.seen:
        assert tag not in {"script", "img", "svg", "iframe", "style", "object", "form", "input"}
        assert not any(name.startswith("on") or name in {"style", "src"} for name in attributes)
        if tag == "a" and attributes.get("class") != "citation":
            assert str(attributes["href"]).startswith(("https://ok.example", "http://", "mailto:"))
            assert attributes["rel"] == "noopener noreferrer"
            assert attributes["target"] == "_blank"


CITED = '<a class="citation" href="#citation-1" data-citation="1">1</a>'


@pytest.mark.parametrize(
    ("text", "citations", "expected"),
    [
        ("So [1].", {1}, f"<p>So {CITED}.</p>\n"),
        ("So [1].", None, f"<p>So {CITED}.</p>\n"),
        ("So [1].", (), "<p>So [1].</p>\n"),
        ("So [2].", {1}, "<p>So [2].</p>\n"),
        ("So **[1]**", {1}, f"<p>So <strong>{CITED}</strong></p>\n"),
        ("`a[1]`", {1}, "<p><code>a[1]</code></p>\n"),
        ("a\\[1\\]", {1}, "<p>a[1]</p>\n"),
        ("[0] [01] [1a] [1000]", None, "<p>[0] [01] [1a] [1000]</p>\n"),
    ],
)
def test_citation_marks(text: str, citations: set[int] | None, expected: str) -> None:
    assert render(text, citations) == expected


def test_code_keeps_its_text_and_names_its_language() -> None:
    html = render('```python\n\nif a < "b": pass\n```\n')
    assert html.startswith(
        '<figure class="code numbered"><figcaption>python</figcaption>'
        '<pre><code class="language-python"><span class="line">\n'
    )
    assert '<span class="k">if</span>' in html
    assert "&lt;" in html


@pytest.mark.parametrize("language", ["nosuchlanguage", "<b>", '"onclick="x'])
def test_an_unknown_language_is_shown_plainly(language: str) -> None:
    html = render(f"```{language}\na < b\n```")
    assert "a &lt; b" in html
    assert "<span" not in html
    assert "onclick" not in html


def test_an_image_is_its_alternative_text() -> None:
    assert render("See ![the *plan*](http://x.example/p.png)!") == "<p>See the plan!</p>\n"


def test_columns_are_aligned_by_class() -> None:
    html = render("| a | b |\n|--:|:-:|\n| 1 | 2 |")
    assert '<td class="align-right">1</td>' in html
    assert '<td class="align-center">2</td>' in html


def test_references_defined_later_change_nothing() -> None:
    assert render("[one]\n\n[one]: http://x.example") == (
        "<p>[one]</p>\n<p>[one]: http://x.example</p>\n"
    )


@pytest.mark.parametrize(
    "line",
    ["- item [1]\n", "word word\n", "> quote\n", "[[[[[[[[\n", "**a *b\n", "`` ` ```\n"],
)
def test_a_very_long_block_stays_cheap(line: str) -> None:
    def seconds(lines: int) -> float:
        settler = Settler(citations=None)
        start = time.perf_counter()
        for _ in range(lines):
            settler.feed(line)
        return time.perf_counter() - start

    small, large = seconds(250), seconds(2_000)
    # eight times the text: linear is a factor of 8, quadratic one of 64
    assert large < 30 * max(small, 0.01)


DOCUMENT = """# Gifts

Intro.

| Kind | Limit |
|---|---|
| Gift | EUR 50 |
| Meal | EUR 90 |

- first
- second

```python
x = 1
```

End.
"""


def marked(phrase: str, context: int = 1500) -> tuple[list[str], str]:
    start = DOCUMENT.index(phrase)
    html = render_passage(DOCUMENT, start, start + len(phrase), context=context)
    return re.findall(r"<mark>(.*?)</mark>", html, re.S), html


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("# Gifts", ["Gifts"]),
        ("Intro.", ["Intro."]),
        ("| Meal | EUR 90 |", ["Meal", "EUR 90"]),
        ("- second", ["second"]),
        ("first\n- second", ["first", "second"]),
        ("End.", ["End."]),
    ],
)
def test_the_blocks_of_a_passage_are_marked(phrase: str, expected: list[str]) -> None:
    assert marked(phrase)[0] == expected


def test_marked_code_stays_code() -> None:
    assert "".join(marked("x = 1")[0]).count("<span") > 1


def test_whole_blocks_around_a_passage_are_shown() -> None:
    html = marked("| Meal | EUR 90 |", context=0)[1]
    assert "<th>Kind</th>" in html
    assert "Intro" not in html
    assert "first" not in html


@settings(max_examples=100, deadline=None)
@given(document, st.integers(0, 80), st.integers(0, 80), st.integers(0, 40))
def test_any_passage_of_any_document_renders(text: str, a: int, b: int, context: int) -> None:
    start, end = sorted((min(a, len(text)), min(b, len(text))))
    html = render_passage(text, start, end, context=context)
    assert html.count("<mark>") == html.count("</mark>")


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("text\n", 0),
        ("text\n\n", 1),
        ("text\n \t\n", 1),
        ("text\n\nmore\n\n", 2),
        ("# head\n", 1),
        ("text\n---\n", 0),
        ("***\n", 1),
        ("| a |\n|---|\n| b |\n\n", 1),
        ("> quote\n\n", 1),
        ("- item\n\n", 0),
        ("    code\n\n", 0),
        ("```\ncode\n\n", 0),
        ("```\ncode\n```\n\n", 1),
        ("```\ncode\n```\ntext\n", 1),
    ],
)
def test_a_block_settles_as_soon_as_nothing_can_change_it(text: str, settled: int) -> None:
    assert len(Settler().feed(text)) == settled


def test_a_placeholder_that_could_not_be_restored_is_marked_wherever_it_stands() -> None:
    text = "Ask **[PERSON_1]**, [PERSON_12] or `[PERSON_1]`.\n\n```py\nx = '[PERSON_1]'\n```\n"
    html = render(text, (), ["[PERSON_1]"])
    marked = '<mark class="unrestored">[PERSON_1]</mark>'
    assert html.count(marked) == 3
    assert "[PERSON_12]" in html


def test_a_placeholder_is_text_and_never_markup() -> None:
    html = render("So <b>x</b> & more.", (), ["<b>x</b> &"])
    assert html == '<p>So <mark class="unrestored">&lt;b&gt;x&lt;/b&gt; &amp;</mark> more.</p>\n'


def test_a_placeholder_in_an_address_is_seen_and_cannot_be_followed() -> None:
    html = render("[file](https://example.org/[ID_1])", (), ["[ID_1]"])
    assert "href" not in html  # an address that carries something is text
    assert '(https://example.org/<mark class="unrestored">[ID_1]</mark>)' in html


def test_the_longest_placeholder_goes_first() -> None:
    html = render("P_1 and P_12", (), ["P_1", "P_12"])
    assert '<mark class="unrestored">P_12</mark>' in html


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/c?q=secret",
        "https://evil.example/4111111111111111AbCdEf9876543210abcdef00",
        "https://c2VjcmV0IHBhc3N3b3JkIGlzIGh1bnRlcjI.evil.example/",
        "https://evil.example/c2VjcmV0UGFzc3dvcmQ5",
        "https://user:secret@evil.example/",
        "mailto:eve@evil.example?body=secret",
    ],
)
def test_an_address_that_could_carry_data_is_no_link(address):
    for text in (f"[click]({address})", f"<{address}>", f"![x]({address})"):
        html = render(text)
        assert "href" not in html
        assert "src" not in html


@pytest.mark.parametrize(
    "address",
    [
        "https://bank.example/policies/gifts-and-hospitality.html#limits",
        "https://docs.example.org/en/3.12/library/asyncio-task.html",
        "mailto:compliance@bank.example",
    ],
)
def test_an_address_of_words_is_one(address):
    assert f'href="{address}"' in render(f"[policy]({address})")


def test_sentences_without_support_are_marked_wherever_they_stand():
    text = "- One is so.\n- **Two** is not.\n\nThree is so."
    start = text.index("- **Two")
    html = render(text, (), (), [[start, start + len("- **Two** is not.")]])
    assert '<mark class="unsupported" title="Not supported by the sources">' in html
    assert html.count("<li>") == 2
    assert re.sub(r"</?mark[^>]*>", "", html) == render(text)


@given(st.text(max_size=200), st.lists(st.tuples(st.integers(-5, 220), st.integers(-5, 220))))
def test_whatever_is_marked_the_html_is_clean(text, places):
    html = render(text, (), (), [list(place) for place in places])
    assert "<script" not in html
    assert "\uf8f0" not in html.replace(text, "")


@pytest.mark.parametrize(
    "text",
    [
        "between $100 and $200 a year",
        "US$5 to US$6, or 5$ and 6$",
        "(5$/month, 6$/year)",
        "$HOME/$USER and $PATH",
        "a \\[note\\] and \\(see below\\)",
        "`$x^2$`",
        "```\n$$\nx\n$$\n```",
        "$$$ price list $$$",
    ],
)
def test_money_variables_and_code_are_no_formulas(text):
    assert "<math" not in render(text)


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("so $x^2$, or $a_1 + b$.", False),
        ("let $n$ be", False),
        ("\\(E = mc^2\\)", False),
        ("see $$x = 1$$ here", True),
        ("$$\nx = 1\n+ y\n$$\n", True),
        ("\\[ x_1 \\]", True),
        ("- a list\n  \\[\n  x = 1\n  \\]", True),
        ("\\[\n\\begin{aligned} x &= 1 \\\\ y &= 2 \\end{aligned}\n\\]", True),
    ],
)
def test_formulas_are_drawn_by_the_browser(text, display):
    html = render(text)
    assert html.count("<math") == (2 if "a_1 + b" in text else 1)
    assert ('display="block"' in html) is display
    assert "$" not in html
    assert "\\begin" not in html


@pytest.mark.parametrize(
    "source",
    [
        "\\href{javascript:alert(1)}{x}",
        "\\style{color:red}{x^2}",
        "\\class{evil}{x}",
        "\\text{<img src=x onerror=alert(1)>}",
        "\\text{</mtext><script>alert(1)</script>}",
        "<script>alert(1)</script>",
    ],
)
def test_a_formula_carries_nothing_but_itself(source):
    html = render(f"$${source}$$")
    assert not re.search(
        r"<(?:script|img|a)\\b|style=|href=|evil|onerror=(?!alert\\(1\\)&gt;)", html
    )
    assert "<script" not in html
    assert "<img" not in html


@pytest.mark.parametrize(
    "source",
    ["\\ce{H_2O}", "x_", "\\left( x^2", "{" * 300 + "}" * 300 + "^2", "^" * 900, "x^2" * 900],
)
def test_what_is_no_latex_that_is_known_stays_as_it_is_written(source):
    html = render(f"$${source}$$")
    assert "<math" not in html
    assert source[:50] in html


def test_a_formula_that_never_ends_takes_nothing_with_it():
    html = render("$$ x = 1\n\nA **bold** end.")
    assert "<math" not in html
    assert "<p>$$ x = 1</p>" in html
    assert "<strong>bold</strong>" in html


def test_a_formula_settles_with_its_end():
    settler = Settler(())
    assert settler.feed("$$\nx = 1\n") == []
    assert settler.feed("$$\n") == []
    (block,) = settler.feed("and\n")
    assert block.startswith('<figure class="formula"><math')


def test_lines_of_code_are_numbered_and_copied_without_numbers():
    html = render('```python\n"""one\n\ntwo"""\nx = 1\n```')
    assert '<figure class="code numbered">' in html
    lines = re.findall(
        r'<span class="line">(.*?\n)</span>(?=<span class="line">|</code>)', html, re.S
    )
    assert len(lines) == 4
    text = re.sub(r"<[^>]+>", "", html.partition("<code")[2].partition(">")[2])
    assert text.strip("\n") == '"""one\n\ntwo"""\nx = 1'
    assert "numbered" not in render("```\none line\n```")


def test_a_diagram_is_its_source_for_the_page_to_draw():
    html = render("```mermaid\ngraph TD\nA --> B\n```")
    assert '<figure class="code numbered diagram">' in html
    assert "A --&gt; B" in html
    assert "diagram" not in render("```python\nx\n```")
