"""`make run`: starts the product, keeps it running, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import sys

from hybridapp.embedded.log import Log
from hybridapp.embedded.process import PartFailed, end_with_parent
from hybridapp.embedded.supervisor import Supervisor


def main() -> int:
    os.umask(0o077)  # the state directory holds keys, addresses and data
    log = Log()
    try:
        end_with_parent()
        asyncio.run(Supervisor(log, os.environ).run())
    except PartFailed as error:
        log.show(f"\nhybridapp cannot run: {error}")
        return 1
    finally:
        log.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
