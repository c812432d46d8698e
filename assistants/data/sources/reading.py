"""One door for every kind of source: try it, and list what changed.

The readers' libraries are imported with the first source of their kind, never with a web process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from assistants import conf
from assistants.data.sources.changes import Listing
from assistants.data.sources.folder import check_folder, list_folder, resolve_below
from assistants.data.sources.seen import state_of_source
from assistants.exceptions import SourceUnavailable
from assistants.models import Source

if TYPE_CHECKING:
    from assistants.data.sources import git, s3

CHECK_SECONDS = 10.0
# Of the environment, a source sees these variables only: never a key of the installation itself.
KEY_VARIABLE = re.compile(r"^SOURCE_KEY[A-Z0-9_]{0,80}$")


def check_source(source: Source) -> str:
    """Try it now, within seconds; a sentence on what was found. Raises SourceUnavailable."""
    if source.kind == Source.Kind.FOLDER:
        return check_folder(_resolve(source))
    if source.kind == Source.Kind.GIT:
        from assistants.data.sources import git

        return git.check_repository(_repository(source), CHECK_SECONDS)
    from assistants.data.sources import s3

    return s3.check_bucket(_bucket(source), CHECK_SECONDS)


@contextmanager
def list_changes(source: Source, cursor: str) -> Iterator[Listing]:
    """What a source holds or what changed in it since `cursor`; its files can be read until the
    block ends. Raises SourceUnavailable unless the listing is complete, or says that it is not.
    """
    if source.kind == Source.Kind.FOLDER:
        yield list_folder(_resolve(source), _private())
        return
    if source.kind == Source.Kind.GIT:
        from assistants.data.sources import git

        with git.list_repository(_repository(source), cursor) as listing:
            yield listing
        return
    from assistants.data.sources import s3

    with s3.list_bucket(_bucket(source)) as listing:
        yield listing


def _resolve(source: Source) -> Path:
    return resolve_below(source.location, settings.SOURCE_ROOTS, _private())


def _repository(source: Source) -> git.Repository:
    from assistants.data.sources import git

    return git.Repository(
        location=source.location,
        branch=_option(source, "branch"),
        key=_key(source),
        copy=state_of_source(source.pk) / "repository",
        roots=settings.SOURCE_ROOTS,
        private=_private(),
    )


def _bucket(source: Source) -> s3.Bucket:
    from assistants.data.sources import s3

    return s3.Bucket(
        name=source.location,
        endpoint=_option(source, "endpoint"),
        region=_option(source, "region"),
        prefix=_option(source, "prefix"),
        key=_key(source),
    )


def _option(source: Source, name: str) -> str:
    return str(source.options.get(name) or "").strip()


def _private() -> Path:
    return conf.load().state_dir


def _key(source: Source) -> str:
    """Raises SourceUnavailable where the variable is another one's, or is not set."""
    name = source.key_variable
    if not name:
        return ""
    if not KEY_VARIABLE.match(name):
        raise SourceUnavailable(user_message="The key's variable must begin with SOURCE_KEY.")
    key = os.environ.get(name, "").strip()
    if not key:
        raise SourceUnavailable(
            user_message=f"The environment variable {name} is not set where this program runs. "
            "Please set it for the web process and the workers, and start them again."
        )
    return key
