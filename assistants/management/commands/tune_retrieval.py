"""`manage.py tune_retrieval ASSISTANT`: weights by the assistant's own questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services import tuning


class Command(BaseCommand):
    help = (
        "Weigh words and meaning for an assistant by questions whose answers are known, or by what "
        "its answers have cited. The weights are kept only if they are better on questions that "
        "they were not tuned on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("assistant", metavar="ASSISTANT", help="its slug")
        parser.add_argument(
            "--queries",
            type=Path,
            metavar="PATH",
            help="lines {question, document, contains}, or a folder with queries.jsonl and "
            "qrels.tsv; documents are named by their origin (default: what answers have cited)",
        )
        parser.add_argument("--evaluate", action="store_true", help="measure, and change nothing")

    def handle(
        self, *args: Any, assistant: str, queries: Path | None, evaluate: bool, **options: Any
    ) -> None:
        try:
            tuned = tuning.tune_assistant(assistant, queries, write=not evaluate)
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
        keyword_weight, crowding_weight = tuned.weights
        self.stdout.write(f"{tuned.questions} questions, each scored by weights tuned without it.")
        self.stdout.write(f"nDCG@10 before: {tuned.before:.3f}, after: {tuned.after:.3f}")
        self.stdout.write(f"Best weights: words {keyword_weight:g}, crowding {crowding_weight:g}")
        if evaluate:
            self.stdout.write("Nothing was changed.")
        elif tuned.better:
            self.stdout.write("They are the assistant's weights now.")
        else:
            self.stdout.write("That is no more than chance would bring: the weights stay.")
