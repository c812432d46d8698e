"""Texts made up from phrases and word lists, with the label of every character."""

# ruff: noqa: E501 (forms are read in one piece)

from __future__ import annotations

import ast
import importlib.util
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from assistants.data.privacy import tokens
from assistants.data.privacy.training.lexicon import lists, supplies

DOCUMENTS = Path(__file__).resolve().parents[3] / "demo" / "documents"
PHRASES = Path(__file__).with_name("phrases.txt")
SHARES = {
    "names": 30,
    "places": 12,
    "organisations": 13,
    "jobs": 4,
    "addresses": 16,
    "clinical": 12,
    "plain": 26,
}
_SLOT = re.compile(r"\{([a-z]+)\}")
Piece = tuple[str, str]  # text and its label

_UNITS = ("Apt.", "Apt", "Suite", "Unit", "Flat", "Room", "#", "Floor", "Top", "Ste.", "apartment")
_STATES = (
    *("AL", "AK", "AZ", "CA", "CO", "CT", "FL", "GA", "IL", "MA", "NY", "OH", "PA", "TX", "WA"),
    *("NSW", "QLD", "VIC", "WA", "ON", "QC", "BC", "AB", "MB", "NS", "KA", "BY", "TI", "MI", "nan"),
)
_WAYS_AFTER = (
    *(
        "Street",
        "St",
        "St.",
        "Avenue",
        "Ave",
        "Road",
        "Rd",
        "Lane",
        "Drive",
        "Dr",
        "Court",
        "Place",
    ),
    *("Way", "Terrace", "Boulevard", "Square", "Crescent", "Close", "Parkway", "Loop", "Circle"),
    *("Rapids", "Mall", "Turnpike", "Gardens", "Hill", "Row", "Trail", "Crossing", "Meadow"),
)
_WAYS_JOINED = (
    *("straße", "strasse", "gasse", "weg", "platz", "laan", "straat", "gatan", "vägen", "vej"),
    *("gade", "veien", "gate", "katu", "tie", "kuja", "plein", "dreef", "steenweg", "hof", "berg"),
)
_WAYS_BEFORE = (
    *("Rue", "rue de", "Avenue", "Boulevard", "Via", "Viale", "Piazza", "Calle", "Avda.", "C/"),
    *("Avenida", "Rua", "R", "ul.", "Ulica", "Plaza", "Paseo", "Corso", "Largo", "Rúa", "Chemin"),
)
_WAYS_APART = (
    *("utca", "u.", "út", "útja", "tér", "körút", "gt.", "bulvarı", "sokak", "ulice", "náměstí"),
    *("gate", "allé", "plads", "vei", "gränd", "torg", "cesta", "trg", "skov", "bulevar"),
)


class Generator:
    """Every text depends on the seed alone."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - texts, not secrets
        self.phrases = _read_phrases()
        self.lists, self.own = lists(), supplies()
        self.documents = _read_documents()
        self.slots: dict[str, Callable[[], list[Piece]]] = {
            "p": self._full, "f": self._first, "l": self._last, "full": self._full, "mr": self._honorific,
            "initial": lambda: [(self._letter(), "PERSON")], "org": self._organisation,
            "city": self._city, "country": self._country, "region": self._region, "loc": self._location,
            "nat": self._nationality, "job": self._job, "addr": lambda: self._address(self._joint()),
            "addrml": lambda: self._address(self._line_joint()), "street": self._street,
            "corner": self._corner, "unit": self._unit, "zip": self._zip, "state": self._state, "pobox": self._box,
        }  # fmt: skip
        self.plain: dict[str, Callable[[], str]] = {
            "date": self._date, "year": lambda: str(self.random.randint(1930, 2030)),
            "phone": self._phone, "email": self._email, "url": lambda: f"https://www.{self._word()}.com/",
            "ip": lambda: ".".join(str(self.random.randint(1, 254)) for _ in range(4)),
            "num": lambda: str(self.random.randint(10_000, 99_999_999)),
            "n": lambda: str(self.random.choice((self.random.randint(1, 12), self.random.randint(1, 120), self.random.randint(1, 2000)))),
            "card": lambda: str(self.random.randint(10**15, 10**16)), "iban": lambda: f"GB{self.random.randint(10, 99)}WXYZ{self.random.randint(10**13, 10**14)}",
            "money": lambda: f"{self.random.choice('€$£')}{self.random.randint(1, 5000)}",
            "time": lambda: f"{self.random.randint(1, 12)}:{self.random.randint(10, 59)}",
            "weekday": lambda: self.random.choice(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")),
            "drug": lambda: self._own_word("drugs"), "cond": lambda: self._own_word("conditions"), "clin": lambda: self._own_word("clinical words"),
            "word": self._word, "words": lambda: " ".join(self._word() for _ in range(self.random.randint(2, 6))),
            "verb": lambda: self.random.choice(self.phrases["verbs"][0].split("|")).removesuffix("ed"),
            "hes": lambda: self._own_word("hesitations").lower(), "sentence": self._sentence,
            "document": lambda: self.random.choice(self.documents),
            "verbed": lambda: self.random.choice(self.phrases["verbs"][0].split("|")),
            "quote": lambda: self.random.choice(self.phrases["quotes"]),
            "title": lambda: self.random.choice(self.phrases["titles"][0].split("|")),
            "camel": lambda: self._word().title() + self._word().title(),
            "snake": lambda: "_".join(self._word() for _ in range(self.random.randint(1, 3))),
        }  # fmt: skip

    def texts(self, count: int) -> Iterator[tuple[list[str], list[str]]]:
        """Tokens and their labels."""
        for _ in range(count):
            pieces = self._message()
            pieces = self._quoted(self._in_other_case(pieces))
            yield self._tokens(pieces)

    def _message(self) -> list[Piece]:
        pieces: list[Piece] = []
        sentences = self.random.choices((1, 2, 3, 5), (55, 25, 14, 6))[0]
        clinical = self.random.random() < 0.25
        for number in range(sentences):
            if number:
                pieces.append((self.random.choice((" ", " ", "\n", "\n\n", ". ")), "O"))
            groups, shares = list(SHARES), list(SHARES.values())
            group = self.random.choices(groups, shares)[0]
            if clinical and self.random.random() < 0.6:
                group = self.random.choice(("clinical", "plain"))
            pieces += self._fill(self.random.choice(self.phrases[group]))
        return pieces

    def _fill(self, phrase: str) -> list[Piece]:
        pieces: list[Piece] = []
        place = 0
        for match in _SLOT.finditer(phrase):
            pieces.append((phrase[place : match.start()], "O"))
            slot = match[1]
            if slot in self.slots:
                pieces += self.slots[slot]()
            else:
                pieces.append((self.plain[slot](), "O"))
            place = match.end()
        pieces.append((phrase[place:], "O"))
        return pieces

    def _in_other_case(self, pieces: list[Piece]) -> list[Piece]:
        chance = self.random.random()
        if chance < 0.33:
            return [(text.lower(), label) for text, label in pieces]
        if chance < 0.37:
            return [(text.upper(), label) for text, label in pieces]
        if chance < 0.45:  # names and places in capitals
            return [(text if label == "O" else text.upper(), label) for text, label in pieces]
        if chance < 0.5:  # only the names are written small
            return [(text if label == "O" else text.lower(), label) for text, label in pieces]
        return pieces

    def _quoted(self, pieces: list[Piece]) -> list[Piece]:
        """Sometimes each line begins with a mark, as in quoted mails and lists."""
        if self.random.random() > 0.08:
            return pieces
        mark = self.random.choice(("> ", ">", "- ", "* ", "# ", "??? ", "// ", "| ", ">> ", "• "))
        marked: list[Piece] = [(mark, "O")]
        for text, label in pieces:
            lines = text.split("\n")
            for number, line in enumerate(lines):
                if number:
                    marked += [("\n", label), (mark, label)]
                marked.append((line, label))
        return marked

    def _tokens(self, pieces: list[Piece]) -> tuple[list[str], list[str]]:
        text = "".join(piece for piece, _ in pieces)
        labels: list[str] = []
        for piece, label in pieces:
            labels += [label] * len(piece)
        found = tokens.tokenise(text)
        return [t.text for t in found], [labels[t.start] for t in found]

    # -- people -----------------------------------------------------------------------------------

    def _first(self) -> list[Piece]:
        if self.random.random() < 0.03:
            return [(self._invented(), "PERSON")]
        common = self.random.random() < 0.35
        names = self.lists.common_first_names if common else self.lists.first_names
        return [(self.random.choice(names), "PERSON")]

    def _last(self) -> list[Piece]:
        chance = self.random.random()
        if chance < 0.06:
            return [(self._invented(), "PERSON")]
        if chance < 0.09:
            return [
                (
                    f"{self.random.choice(('Mc', 'Mac', 'O’', 'O' + chr(39)))}{self._surname()}",
                    "PERSON",
                )
            ]
        if chance < 0.12:
            particle = self.random.choice(
                ("de ", "van ", "van der ", "von ", "di ", "al-", "el ", "dos ")
            )
            return [(particle + self._surname(), "PERSON")]
        if chance < 0.15:
            return [
                (f"{self._surname()}{self.random.choice(('-', ' '))}{self._surname()}", "PERSON")
            ]
        return [(self._surname(), "PERSON")]

    def _surname(self) -> str:
        common = self.random.random() < 0.35
        return self.random.choice(self.lists.common_surnames if common else self.lists.surnames)

    def _full(self) -> list[Piece]:
        chance = self.random.random()
        first, last = self._first()[0][0], self._last()[0][0]
        if chance < 0.62:
            name = f"{first} {last}"
        elif chance < 0.74:
            name = f"{first} {self._letter()}{self.random.choice(('.', ''))} {last}"
        elif chance < 0.79:
            name = f"{first} {self._first()[0][0]} {last}"
        elif chance < 0.83:
            name = f"{self._letter()}. {last}"
        elif chance < 0.86:
            name = f"{self._letter()}.{self._letter()}. {last}"
        elif chance < 0.89:
            name = f"{first} {last} {self.random.choice(('Jr.', 'Jr', 'III', 'MD', 'PhD', 'DDS', 'RN', 'Sr.', 'DVM'))}"
        elif chance < 0.94:
            name = f"{self._honorific()[0][0]} {first} {last}"
        else:
            name = first
        return [(name, "PERSON")]

    def _honorific(self) -> list[Piece]:
        title = self.random.choice(
            (
                "Mr.",
                "Mrs.",
                "Ms.",
                "Dr.",
                "Dr.",
                "Mr",
                "Mrs",
                "Ms",
                "Dr",
                "Miss",
                "Prof.",
                "Professor",
                "Doctor",
                "Sir",
                "Herr",
                "Frau",
            )
        )
        return [(title, "PERSON")]

    def _invented(self) -> str:
        """A name that no list has."""
        parts = [
            "ba",
            "be",
            "bo",
            "da",
            "de",
            "el",
            "fa",
            "ga",
            "ha",
            "il",
            "ja",
            "ka",
            "ko",
            "la",
            "le",
            "li",
            "lo",
            "ma",
            "me",
            "mi",
            "mo",
            "na",
            "ne",
            "ni",
            "no",
            "or",
            "pa",
            "ra",
            "re",
            "ri",
            "ro",
            "sa",
            "se",
            "shi",
            "ta",
            "te",
            "ti",
            "to",
            "tsu",
            "va",
            "vi",
            "wa",
            "ya",
            "yu",
            "za",
        ]
        ends = (
            "",
            "n",
            "r",
            "s",
            "l",
            "k",
            "sen",
            "son",
            "ski",
            "ov",
            "ova",
            "ic",
            "ez",
            "man",
            "berg",
            "moto",
            "nen",
            "opoulos",
            "yan",
            "dze",
        )
        return (
            "".join(self.random.choices(parts, k=self.random.randint(2, 3)))
            + self.random.choice(ends)
        ).title()

    def _letter(self) -> str:
        return self.random.choice("ABCDEFGHIJKLMNOPRSTUVWZ")

    # -- places, organisations, jobs --------------------------------------------------------------

    def _city(self) -> list[Piece]:
        large = self.random.random() < 0.4
        city = self.random.choice(self.lists.large_cities if large else self.lists.cities)
        return [(city, "LOCATION")]

    def _country(self) -> list[Piece]:
        return [(self.random.choice(self.lists.countries), "LOCATION")]

    def _region(self) -> list[Piece]:
        return [(self.random.choice(self.lists.regions), "LOCATION")]

    def _location(self) -> list[Piece]:
        chance = self.random.random()
        if chance < 0.4:
            return self._country()
        if chance < 0.8:
            return self._city()
        if chance < 0.9:
            return self._region()
        return [*self._city(), (", ", "O"), *self._country()]

    def _nationality(self) -> list[Piece]:
        return [(self.random.choice(self.own["nationalities"]), "NATIONALITY")]

    def _job(self) -> list[Piece]:
        chance = self.random.random()
        if chance < 0.35:
            return [(self._role(), "TITLE")]
        job = self.random.choice(self.lists.jobs if chance < 0.8 else self.own["jobs"])
        parts = job.split(", ")
        if len(parts) == 2 and self.random.random() < 0.6:
            job = f"{parts[1]} {parts[0].lower()}"
        return [(job[0].upper() + job[1:] if self.random.random() < 0.5 else job, "TITLE")]

    def _role(self) -> str:
        role = self.random.choice(self.own["roles"])
        words = [self.random.choice((self._word(), self._frequent())) for _ in range(3)]
        job = self.random.choice(
            (
                role,
                f"{words[0]} {role}",
                f"{words[0]} {words[1]} {role}",
                f"{words[0]} and {words[1]} {role}",
                f"{words[0]}, {words[1]}, and {words[2]} {role}",
            )
        )
        return job[0].upper() + job[1:] if self.random.random() < 0.7 else job

    def _organisation(self) -> list[Piece]:
        chance = self.random.random()
        ending = self.random.choice(self.own["company endings"])
        if chance < 0.22:
            name = self.random.choice(self.lists.companies)
        elif chance < 0.32:
            name = f"{self._surname()}, {self._surname()} and {self._surname()}"
        elif chance < 0.4:
            name = f"{self._surname()}-{self._surname()}"
        elif chance < 0.52:
            name = f"{self._surname()} {ending}"
        elif chance < 0.62:
            name = f"{self._brand()} {ending}"
        elif chance < 0.74:
            name = self._brand() + self._brand().lower()
        elif chance < 0.8:
            name = self._brand() + self._brand()
        elif chance < 0.86:
            name = f"{self._brand()} {self._brand()}"
        elif chance < 0.9:
            name = f"{self._brand()} {self.random.choice(('And', 'and', '&', 'of', 'Of', 'For', 'to'))} {self._brand()}"
        elif chance < 0.93:
            kind = self.random.choice(
                (
                    "Department",
                    "Ministry",
                    "University",
                    "Bank",
                    "Institute",
                    "Bureau",
                    "Office",
                    "Museum",
                    "Hospital",
                )
            )
            name = f"{kind} of {self.random.choice((self._brand(), self._city()[0][0]))}"
        elif chance < 0.96:
            kind = self.random.choice(
                (
                    "Hospital",
                    "Medical Center",
                    "University",
                    "Clinic",
                    "High School",
                    "Bank",
                    "Council",
                    "General Hospital",
                    "Museum",
                )
            )
            name = f"{self.random.choice((self._city()[0][0], self._surname(), 'St. ' + self._first()[0][0]))} {kind}"
        else:
            name = self._invented() + self.random.choice(
                ("", "", " " + ending, "ify", "ly", "tech", "soft")
            )
        return [(name, "ORGANIZATION")]

    def _brand(self) -> str:
        word = (
            self.random.choice(self.own["company words"])
            if self.random.random() < 0.7
            else self._word()
        )
        return word.title()

    # -- addresses --------------------------------------------------------------------------------

    def _street_text(self) -> str:
        name = (
            self._surname()
            if self.random.random() < 0.5
            else self.random.choice((self._city()[0][0], self._word().title(), self._first()[0][0]))
        )
        number = str(
            self.random.choice(
                (
                    self.random.randint(1, 99),
                    self.random.randint(1, 999),
                    self.random.randint(1, 30_000),
                )
            )
        )
        chance = self.random.random()
        if chance < 0.3:
            street = f"{number} {name} {self.random.choice(_WAYS_AFTER)}"
        elif chance < 0.36:
            street = f"{number} {self.random.randint(1, 120)}th {self.random.choice(('Street', 'Avenue', 'St'))}"
        elif chance < 0.5:
            street = f"{name}{self.random.choice(_WAYS_JOINED)} {number}"
        elif chance < 0.63:
            street = f"{self.random.choice(_WAYS_BEFORE)} {name}{self.random.choice(('', ' ' + self._surname()))} {number}"
        elif chance < 0.69:
            street = f"{number} {self.random.choice(_WAYS_BEFORE)} {name}"
        elif chance < 0.79:
            street = f"{name} {self.random.choice(_WAYS_APART)} {number}{self.random.choice(('', '.', ''))}"
        elif chance < 0.93:
            street = f"{self.random.choice(self.lists.streets)} {number}"
        else:
            street = f"{name} {number}"
        if self.random.random() < 0.25:
            street = f"{self._number()} {street}"
        return street

    def _number(self) -> str:
        return str(self.random.randint(1, 99_999)).zfill(self.random.choice((1, 2, 5)))

    def _street(self) -> list[Piece]:
        return [(self._street_text(), "ADDRESS")]

    def _unit(self) -> list[Piece]:
        unit = f"{self.random.choice(_UNITS)} {self.random.choice(('', '', self._letter()))}{self._number()[-3:]}"
        return [(unit, "ADDRESS")]

    def _zip(self) -> list[Piece]:
        digit, letter = self.random.randint, self._letter
        forms = (
            f"{digit(10_000, 99_999)}", f"{digit(0, 99_999):05}", f"{digit(1000, 9999)}", f"{letter()}{digit(1, 20)} {digit(1, 9)}{letter()}{letter()}",
            f"{letter()}{digit(1, 9)}{letter()} {digit(1, 9)}{letter()}{digit(1, 9)}", f"{digit(100, 999)} {digit(10, 99)}", f"{digit(1000, 9999)} {letter()}{letter()}", f"{digit(10_000, 99_999)}-{digit(1000, 9999)}",
        )  # fmt: skip
        return [(self.random.choice(forms), "ADDRESS")]

    def _state(self) -> list[Piece]:
        return [(self.random.choice(_STATES), "ADDRESS")]

    def _corner(self) -> list[Piece]:
        other = self.random.choice(
            (
                self._street_text(),
                f"{self._surname()} {self.random.choice(_WAYS_AFTER)}",
                self._surname(),
            )
        )
        both = [self._street_text(), other]
        self.random.shuffle(both)
        start = self.random.choice(("", "", "the corner of ", "the intersection of "))
        return [(f"{start}{both[0]} and {both[1]}", "ADDRESS")]

    def _box(self) -> list[Piece]:
        number = self.random.randint(1, 9999)
        forms = (
            f"PO Box {number}", f"P.O. Box {number}", f"PSC {number}, Box {number}", f"Unit {number} Box {number}\nDPO AP {self._number()}",
            f"USS {self._surname()}\nFPO AA {self._number()}", f"USNS {self._surname()}\nFPO AP {self._number()}", f"PSC {number} Box {number}\nAPO AE {self._number()}",
        )  # fmt: skip
        return [(self.random.choice(forms), "ADDRESS")]

    def _joint(self) -> str:
        return self.random.choice((", ", ", ", " ", "; "))

    def _line_joint(self) -> str:
        return self.random.choice(("\n", "\n", "\n ", ", ", "\n> "))

    def _address(self, joint: str) -> list[Piece]:
        if self.random.random() < 0.05:
            return self._box()
        parts = [self._street_text()]
        if self.random.random() < 0.45:
            both = [parts[0], self._unit()[0][0]]
            if self.random.random() < 0.12:
                both.reverse()
            parts[0] = self.random.choice((" ", ", ", joint)).join(both)
        city, code = self._city()[0][0], self._zip()[0][0]
        if self.random.random() < 0.3:
            city = city.upper()
        forms = (
            city, f"{city}, {self._state()[0][0]} {code}", f"{city}, {self._state()[0][0]} {code}", f"{code} {city}", f"{city} {code}",
            f"{city} {self._state()[0][0]}", f"{city}{joint}{self._country()[0][0]}", f"{city}{joint}{self._country()[0][0]} {code}",
            f"{city} {self._country()[0][0]}", f"{city}{joint}, {self._state()[0][0]}{joint} {code}", f"{city}{joint}{code}", f"{city}{joint}{self._region()[0][0]}",
        )  # fmt: skip
        if self.random.random() < 0.85:
            parts.append(self.random.choice(forms))
        return [(joint.join(parts), "ADDRESS")]

    # -- what is no name --------------------------------------------------------------------------

    def _word(self) -> str:
        return (
            self.random.choice(self.lists.english)
            if self.random.random() < 0.5
            else self._frequent()
        )

    def _frequent(self) -> str:
        return self.random.choice(self.lists.frequent)

    def _sentence(self) -> str:
        words = " ".join(self._frequent() for _ in range(self.random.randint(3, 12)))
        return self.random.choice((words, words.capitalize() + self.random.choice(".?!")))

    def _own_word(self, name: str) -> str:
        word = self.random.choice(self.own[name])
        return word.title() if self.random.random() < 0.3 else word

    def _date(self) -> str:
        day, month, year = (
            self.random.randint(1, 28),
            self.random.randint(1, 12),
            self.random.randint(1930, 2030),
        )
        name = (
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        )[month - 1]
        return self.random.choice(
            (
                f"{month}/{day}/{year}",
                f"{year}-{month:02}-{day:02}",
                f"{day} {name} {year}",
                f"{name} {day}, {year}",
                f"{day}.{month}.{year}",
                f"{name} {year}",
                f"{name} {day}",
            )
        )

    def _phone(self) -> str:
        return re.sub(
            "9",
            lambda _: str(self.random.randint(0, 9)),
            self.random.choice(
                (
                    "999-999-9999",
                    "(999) 999-9999",
                    "+99 99 9999 9999",
                    "9999 999 999",
                    "999 99 999",
                    "99-99-99-99",
                    "099 999 99 99",
                    "999 9999",
                )
            ),
        )

    def _email(self) -> str:
        return f"{self._first()[0][0]}{self.random.choice(('.', '', '_'))}{self._surname()}@{self._word()}.com".replace(
            " ", ""
        ).lower()


def _read_documents() -> list[str]:
    """Paragraphs without names of people: the demo's own documents, and Python's docstrings."""
    paragraphs: list[str] = []
    for path in sorted(DOCUMENTS.rglob("*.md")) + sorted(DOCUMENTS.rglob("*.txt")):
        if not any(word in path.name for word in ("memo", "visit", "summary")):
            paragraphs += path.read_text(encoding="utf-8").split("\n")
    for name in sorted(sys.stdlib_module_names - {"this", "antigravity"}):
        spec = None if name.startswith("_") else importlib.util.find_spec(name)
        if spec and spec.origin and spec.origin.endswith(".py"):
            tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                    paragraphs += (ast.get_docstring(node) or "").split("\n\n")
    return [text.strip() for text in paragraphs if 20 < len(text.strip()) < 400 and "@" not in text]


def _read_phrases() -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    group = ""
    for line in PHRASES.read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"\[[a-z]+\]", line):
            group = line[1:-1]
        elif line:
            groups.setdefault(group, []).append(line.replace("\\n", "\n").replace("\\t", "\t"))
    return groups
