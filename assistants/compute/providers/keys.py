"""The keys of deployments: where they are, and what may be told of them.

A key is in the environment variable that its deployment names, or in a file whose path is in that
variable's name with `_FILE` behind it, as container platforms mount secrets. It is read when it is
used: a file that is replaced counts at once.
"""

from __future__ import annotations

import os
from pathlib import Path

from assistants.compute.lanes import CLOUD
from assistants.compute.providers.base import failure
from assistants.conf import CLOUD_KEY_SUFFIX
from assistants.exceptions import ProviderError

FILE_SUFFIX = "_FILE"
LONGEST_KEY = 8192


def read_key(variable: str) -> str:
    """Raises ProviderError (`unauthorized`) where there is no usable key. No error repeats it."""
    if not variable:
        raise failure("unauthorized", "no key_variable says where the key is")
    value = os.environ.get(variable, "").strip()
    if not value and (path := os.environ.get(variable + FILE_SUFFIX, "").strip()):
        try:
            with Path(path).open("rb") as file:
                value = file.read(LONGEST_KEY).decode("ascii", "replace").strip()
        except OSError as error:
            detail = f"the file that {variable}{FILE_SUFFIX} names: {error.strerror}"
            raise failure("unauthorized", detail) from None
    if not value:
        raise failure("unauthorized", f"neither {variable} nor {variable}{FILE_SUFFIX} is set")
    # A header takes nothing else, and a client's own complaint would repeat the key.
    if not all("!" <= character <= "~" for character in value):
        raise failure("unauthorized", f"what {variable} holds is no key")
    return value


def list_held() -> list[str]:
    """The variables of cloud keys that this process could use; names only."""
    names = {name.removesuffix(FILE_SUFFIX) for name in os.environ}
    return sorted(name for name in names if name.endswith(CLOUD_KEY_SUFFIX) and _is_held(name))


def _is_held(variable: str) -> bool:
    try:
        return bool(read_key(variable))
    except ProviderError:
        return False


def held_key(variable: str) -> str:
    """The key in the broker that is there while a cloud worker holds this variable."""
    return CLOUD.key(f"holds:{variable}")
