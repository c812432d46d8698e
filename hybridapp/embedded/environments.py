"""Which variables each process is given: what it needs, and nothing that opens more.

The clouds' keys go to the cloud worker alone, and of everything else that worker is given only
what is named here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from assistants.conf import CLOUD_KEY_SUFFIX
from hybridapp.embedded.process import PartFailed

Environment = dict[str, str]

# What only the steps before the start are given: no program changes a table, or reads a password.
OF_THE_STEPS = {"MIGRATION_DATABASE_URL", "DEMO_PASSWORD"}
# What a worker that needs no database is not given.
OF_THE_TRUSTED_SIDE = {"DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS"}
# A variable that holds a cloud's key, or the path of a file that does.
FILE_SUFFIX = "_FILE"
CLOUD_KEY = re.compile(f"{CLOUD_KEY_SUFFIX}({FILE_SUFFIX})?$")
CLOUD_REDIS_URL = "CLOUD_REDIS_URL"
# What a process of any kind needs to run and to be read: paths, language, clock, log.
ORDINARY = re.compile(
    r"PATH|LANG|LANGUAGE|LC_[A-Z]+|TZ|LOG_LEVEL|NO_COLOR|VIRTUAL_ENV|LD_LIBRARY_PATH|SSL_CERT_(FILE|DIR)"
    r"|PYTHON(HOME|PATH|UNBUFFERED|WARNINGS|DONTWRITEBYTECODE)|OMP_NUM_THREADS"
)


def without_cloud_keys(environment: Mapping[str, str]) -> Environment:
    return {
        name: value
        for name, value in environment.items()
        if not CLOUD_KEY.search(name) and name != CLOUD_REDIS_URL
    }


def only_cloud_keys(environment: Mapping[str, str]) -> Environment:
    """Those that are set, by variable."""
    return {n: value for n, value in environment.items() if CLOUD_KEY.search(n) and value.strip()}


def read_files(keys: Mapping[str, str]) -> Environment:
    """The keys themselves, for a user who cannot read the files that hold them."""
    read: Environment = {}
    for name, value in keys.items():
        variable = name.removesuffix(FILE_SUFFIX)
        if variable == name:
            read[name] = value
        elif variable not in keys:
            try:
                read[variable] = Path(value).read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise PartFailed(
                    f"{name}: {value} cannot be read ({type(error).__name__})"
                ) from None
    return read


def names_of(keys: Mapping[str, str]) -> str:
    """The variables of keys as deployments name them, separated by commas: CLOUD_KEYS."""
    return ",".join(sorted({name.removesuffix(FILE_SUFFIX) for name in keys}))


def of_program(name: str, environment: Mapping[str, str]) -> Environment:
    withheld = OF_THE_STEPS | (OF_THE_TRUSTED_SIDE if name == "model" else set())
    return {key: value for key, value in environment.items() if key not in withheld}


def of_the_cloud_worker(
    environment: Mapping[str, str],
    keys: Mapping[str, str],
    *,
    redis_url: str,
    public_key: str,
    state_dir: str,
) -> Environment:
    """`redis_url` is of the account that reaches `cloud:*` only."""
    ordinary = {name: value for name, value in environment.items() if ORDINARY.fullmatch(name)}
    return {
        **ordinary,
        **keys,
        "REDIS_URL": redis_url,
        "EGRESS_PUBLIC_KEY": public_key,
        "STATE_DIR": state_dir,
        "HOME": state_dir,
    }
