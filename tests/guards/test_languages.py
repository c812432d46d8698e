"""What people read is there in every language, whole, and nothing is left in English."""

from __future__ import annotations

import gettext
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.loader import get_template

from assistants.sentences import COMPOSED, COUNTED, SENTENCES
from tests.guards import catalogues
from tests.guards.catalogues import LANGUAGES, PAGES, ROOT, read_catalogue

MAKE = (
    "Run manage.py makemessages (with --domain djangojs for scripts), translate what is new in "
    "locale/*/LC_MESSAGES/*.po, then manage.py compilemessages."
)
FILES = [
    ROOT / "locale" / language / "LC_MESSAGES" / f"{domain}.po"
    for language in LANGUAGES
    for domain in ("django", "djangojs")
]
_PLACE = re.compile(r"%\(\w+\)s|{\w+}|<[^>]+>")


@pytest.fixture(scope="module", params=FILES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def path(request):
    return request.param


def test_each_entry_is_translated_whole(path):
    for entry in read_catalogue(path).values():
        assert not entry.fuzzy, entry.one
        assert all(form.strip() for form in entry.forms.values()), f"{entry.one!r} is empty. {MAKE}"


def test_plural_forms_are_as_many_as_the_language_has(path):
    entries = read_catalogue(path)
    number = int(re.search(r"nplurals=(\d)", entries[""].forms[0])[1])
    for entry in entries.values():
        assert len(entry.forms) == (number if entry.many else 1), entry.one


def test_placeholders_and_markup_agree(path):
    """A form for none, one or two may leave the number out: it is in the word."""
    entries = [entry for entry in read_catalogue(path).values() if entry.one]
    for entry in entries:
        wanted = sorted(_PLACE.findall(entry.many or entry.one))
        for at, form in entry.forms.items():
            found = sorted(_PLACE.findall(form))
            number = [place for place in wanted if place in ("{number}", "%(number)s")]
            spelt = sorted([*found, *number]) if len(entry.forms) == 6 and at < 3 else None
            # “Enter” has another name on other keyboards; its key is marked all the same.
            assert wanted in (found, spelt), f"{entry.one!r}: {form!r}"


def test_what_is_compiled_is_what_is_written(path):
    with path.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog
    written = {}
    for entry in read_catalogue(path).values():
        if entry.many:
            written |= {(entry.one, at): form for at, form in entry.forms.items()}
        else:
            written[entry.one] = entry.forms[0]
    compiled[""] = written[""] = ""
    assert compiled == written, f"{path.with_suffix('.mo')} is not of this text. {MAKE}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_is_asked_for_is_there(language):
    folder = ROOT / "locale" / language / "LC_MESSAGES"
    pages = catalogues.list_page_messages() - set(read_catalogue(folder / "django.po"))
    scripts = catalogues.list_script_messages() - set(read_catalogue(folder / "djangojs.po"))
    assert not pages | scripts, MAKE


def test_each_listed_sentence_is_said_somewhere():
    """Its pieces between the values stand in the code, so that it can be met."""
    said = catalogues.list_literals(ROOT / "assistants").lower().replace("_", " ")
    gone = [
        sentence
        for sentence in (*SENTENCES, *(many for _, many in COUNTED))
        if sentence not in COMPOSED  # see tests/services/test_languages.py
        for piece in re.split(r"{\w+}", sentence)
        if piece.strip(" “”.,:;()").lower().replace("_", " ") not in said
    ]
    assert not gone, "Change assistants/sentences.py where the code says it otherwise now."


class _Words(HTMLParser):
    """Texts and labels of a template in which all that is translated is blanked out."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.skipped = 0

    def handle_starttag(self, tag, attrs):
        self.skipped += tag in ("code", "kbd", "script", "style")
        named = {"aria-label", "title", "placeholder", "alt"}
        self.found += [value for name, value in attrs if name in named and value]

    def handle_endtag(self, tag):
        self.skipped -= tag in ("code", "kbd", "script", "style")

    def handle_data(self, data):
        if not self.skipped:
            self.found.append(data)


# Names, units and file formats are the same everywhere.
_SAME = re.compile(r"\b(?:hybridapp|UTC|EUR|SHA-256|Markdown|PDF|TXT|Ctrl K|Esc)\b|&\w+;")


def _left_in_english(source: str) -> list[str]:
    source = re.sub(r"{% comment %}.*?{% endcomment %}", "", source, flags=re.DOTALL)
    source = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", source, flags=re.DOTALL)
    source = re.sub(r"{% block (?:body_class|icon) %}.*?{% endblock %}", "", source)
    source = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", source, flags=re.DOTALL)
    words = _Words()
    words.feed(source)
    return [text.strip() for text in words.found if re.search(r"[^\W\d_]{2}", _SAME.sub("", text))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "templates")))
def test_a_page_leaves_nothing_untranslated(page: Path):
    left = _left_in_english(page.read_text())
    assert not left, "Put it into {% translate %} or {% blocktranslate %}. " + MAKE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "templates")))
def test_a_page_is_a_template(page: Path):
    get_template(str(page.relative_to(ROOT / "templates")))


def test_the_search_for_untranslated_text_finds_it():
    assert _left_in_english('<p title="More">{{ name }} waits</p>') == ["More", "waits"]
    assert not _left_in_english("<p>{% translate 'More' %} {{ name }} <kbd>Enter</kbd></p>")
