"""`manage.py policy export|import|diff|test`: policies as files, for review and version control."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services import policy_cases, policy_files, policy_stages
from assistants.services.policy_drafts import find_policy, get_active


class Command(BaseCommand):
    help = "Write policies to files and read them back, compare versions, and run example cases."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        export = actions.add_parser("export", help="write a version to a file, or to the screen")
        _add_policy(export)
        export.add_argument("--version-number", type=int, metavar="N", help="default: the active")
        export.add_argument("file", nargs="?", type=Path, metavar="FILE")

        reading = actions.add_parser("import", help="make a draft of what a file says")
        reading.add_argument("file", type=Path, metavar="FILE")
        stage = reading.add_mutually_exclusive_group()
        stage.add_argument("--activate", action="store_true", help="it holds, if all cases pass")
        stage.add_argument("--shadow", action="store_true", help="it decides beside the active one")
        reading.add_argument("--reason", default="", help="why, for the audit trail")
        reading.add_argument("--by", default="", metavar="USER", help="who does it")

        diff = actions.add_parser(
            "diff", help="what changes from the active version to a file, or between two versions"
        )
        diff.add_argument("file", nargs="?", type=Path, metavar="FILE")
        _add_policy(diff)
        diff.add_argument("--versions", nargs=2, type=int, metavar="N")

        test = actions.add_parser("test", help="run the example cases of a file or a version")
        test.add_argument("file", nargs="?", type=Path, metavar="FILE")
        _add_policy(test)
        test.add_argument("--version-number", type=int, metavar="N", help="default: the active")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            {"export": self._export, "import": self._import, "diff": self._diff}.get(
                action, self._test
            )(options)
        except AssistantsError as error:
            raise CommandError(error.user_message) from error

    def _export(self, options: dict[str, Any]) -> None:
        version = policy_files.find_version(*_split(options["policy"]), options["version_number"])
        text = policy_files.write_file(version)
        if options["file"] is None:
            self.stdout.write(text, ending="")
            return
        try:
            options["file"].write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{version} is in {options['file']}.")

    def _import(self, options: dict[str, Any]) -> None:
        user = _user(options["by"])
        version = policy_files.import_file(user, policy_files.read_file(options["file"]))
        if version is None:
            self.stdout.write("Nothing changed: the active version says the same.")
            return
        active = get_active(version.policy)
        if options["activate"]:
            policy_stages.activate(
                user, version.pk, options["reason"], instead_of=active.pk if active else None
            )
            self.stdout.write(f"{version} holds now.")
        elif options["shadow"]:
            policy_stages.put_in_shadow(user, version.pk, options["reason"])
            self.stdout.write(f"{version} decides in shadow now.")
        else:
            self.stdout.write(f"{version} is a draft; nothing else holds than before.")

    def _diff(self, options: dict[str, Any]) -> None:
        if options["file"] is not None:
            given = policy_files.read_file(options["file"])
            policy = find_policy(given["level"], given.get("target", ""))
            old = get_active(policy) if policy else None
            new = policy_files.build_version(given, policy)
        elif options["versions"]:
            named = _split(options["policy"])
            old, new = (policy_files.find_version(*named, number) for number in options["versions"])
        else:
            raise CommandError("Name a FILE, or two --versions.")
        found = policy_files.compare(old, new)
        for each in found:
            self.stdout.write(str(each))
        if not found:
            self.stdout.write("They say the same.")

    def _test(self, options: dict[str, Any]) -> None:
        if options["file"] is not None:
            version = policy_files.build_version(policy_files.read_file(options["file"]))
        else:
            named = _split(options["policy"])
            version = policy_files.find_version(*named, options["version_number"])
        policy_cases.parse(version)
        results = policy_cases.run_cases(version)
        for result in results:
            says = "passes" if result.passed else f"FAILS: {result.why}"
            self.stdout.write(f"{result.case.name}: {says}")
        failed = sum(not result.passed for result in results)
        if failed or not results:
            raise CommandError(
                f"{failed} of {len(results)} cases fail." if results else "It has no cases."
            )
        self.stdout.write(f"All {len(results)} cases pass.")


def _add_policy(parser: CommandParser) -> None:
    parser.add_argument(
        "--policy",
        default="organisation",
        metavar="WHOSE",
        help="organisation (the default), department:NAME or assistant:SLUG",
    )


def _split(whose: str) -> tuple[str, str]:
    level, _, target = whose.partition(":")
    return level, target


def _user(name: str) -> AbstractUser | None:
    if not name:
        return None
    user = get_user_model().objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name}.")
    assert isinstance(user, AbstractUser)  # noqa: S101  # the only kind there is
    return user
