"""`manage.py evaluate KIND PATH`: measure on your own data; the last line is one JSON object."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services import (
    evaluation,
    guardrail_evaluation,
    redaction_evaluation,
    speech_evaluation,
)


def share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


class Command(BaseCommand):
    help = "Measure on your own data. The last line printed is one JSON object."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "kind", choices=["retrieval", "redaction", "guardrails", "transcription"]
        )
        parser.add_argument(
            "path",
            type=Path,
            metavar="PATH",
            help="retrieval: a folder with corpus.jsonl, queries.jsonl and qrels.tsv; "
            "redaction: a file of lines {text, spans: [{start, end, type}]}; "
            "guardrails: a file of lines {text, label, kind}; "
            "transcription: a manifest of lines {file, text}, files relative to it",
        )
        parser.add_argument(
            "--keyword-weight",
            type=share,
            metavar="W",
            help="share of the keyword side, 0 to 1 (default: the search chooses)",
        )

    def handle(
        self, *args: Any, kind: str, path: Path, keyword_weight: float | None, **options: Any
    ) -> None:
        # So that a terminated measurement removes what it read in as well.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        try:
            if kind == "redaction":
                figures = redaction_evaluation.evaluate_redaction(path)
            elif kind == "guardrails":
                figures = guardrail_evaluation.evaluate_guardrails(path)
            elif kind == "transcription":
                figures = speech_evaluation.evaluate_transcription(path)
            else:
                figures = evaluation.evaluate_retrieval(path, keyword_weight)
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
        self.stdout.write(json.dumps(figures))
