"""`manage.py transcribe FILE`: what is said in a file, heard in this process; nothing is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants import data
from assistants.exceptions import AssistantsError
from assistants.services import speech_evaluation


class Command(BaseCommand):
    help = "Write what is said in a file to standard output. Nothing is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="sound, or a film with sound")
        formats = [name for name in data.recordings.FORMATS if name != "docx"]
        parser.add_argument("--format", choices=formats, default="txt")
        parser.add_argument("--language", default="", help="such as en; without it it is detected")

    def handle(self, *args: Any, file: Path, format: str, language: str, **options: Any) -> None:
        try:
            heard = speech_evaluation.transcribe_file(file, language=language)
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
        except OSError as error:
            raise CommandError(f"{file} cannot be opened: {error.strerror}.") from error
        lines = [
            data.recordings.Line(segment.start, segment.end, "", segment.text)
            for segment in heard.segments
        ]
        write, _ = data.recordings.FORMATS[format]
        heading = data.recordings.Heading(file.name)
        self.stdout.write(write(heading, lines).decode(), ending="")
        if heard.note:
            self.stderr.write(heard.note)
