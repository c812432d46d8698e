"""`manage.py train_guardrail FILES…`: train the learned guardrail, also on your own texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services import guardrail_training


class Command(BaseCommand):
    help = (
        "Train the learned guardrail on made-up texts and on your own labelled ones. The last "
        "line printed is one JSON object: what its card says."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="*", type=Path, metavar="FILES", help="lines {text, label, kind}"
        )
        parser.add_argument(
            "--out",
            type=Path,
            metavar="PATH",
            help="where to write it, ending in .npz (default: in place of the shipped one)",
        )
        parser.add_argument(
            "--half",
            type=int,
            choices=(0, 1),
            help="use one half of each file only, so that the other can measure",
        )

    def handle(
        self, *args: Any, files: list[Path], out: Path | None, half: int | None, **options: Any
    ) -> None:
        if out is not None and out.suffix != ".npz":
            raise CommandError(f"--out must end in .npz, such as {out.with_suffix('.npz')}.")
        try:
            card = guardrail_training.train_guardrail(files, out, half=half)
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
        self.stdout.write(json.dumps(card))
