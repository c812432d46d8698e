"""PostgreSQL and Valkey from wheels, and the supervisor behind `make run`.

`with Postgres(folder) as postgres: postgres.url` is a running database, `Valkey` likewise a
broker; tests and benchmarks use them as `make run` does.
"""

from hybridapp.embedded.postgres import Postgres
from hybridapp.embedded.valkey import Valkey

__all__ = ["Postgres", "Valkey"]
