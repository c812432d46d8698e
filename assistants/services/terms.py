"""Importing a zone's names to protect from a file: one a line, `#` for comments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistants import data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Zone

COMMENT = "#"


@contextmanager
def editing_terms() -> Iterator[None]:
    """The lists of every zone are seen and changed inside, by whoever has the permission to."""
    with data.rights_of_system():
        yield


@dataclass(frozen=True, slots=True)
class ImportedTerms:
    read: int
    new: int


def import_terms(path: Path, slug: str) -> ImportedTerms:
    """Adds the file's names to the zone's list. Raises InvalidRequest, with the line's number."""
    zone = Zone.objects.filter(slug=slug).first()
    if zone is None:
        raise NotFound(user_message=f"There is no zone with the slug {slug}.")
    terms = read_terms(path)
    return ImportedTerms(len(terms), data.add_terms(zone, terms))


def read_terms(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(user_message=f"{path} cannot be read: {error}.") from error
    terms = []
    for number, line in enumerate(lines, start=1):
        term = " ".join(line.partition(COMMENT)[0].split())
        if not term:
            continue
        if len(term) > data.LONGEST_TERM or not any(c.isalnum() for c in term):
            raise InvalidRequest(
                user_message=f"{path.name}, line {number}: a name has letters or digits, "
                f"and at most {data.LONGEST_TERM} characters."
            )
        terms.append(term)
    if not terms:
        raise InvalidRequest(user_message=f"{path} holds no names.")
    return terms
