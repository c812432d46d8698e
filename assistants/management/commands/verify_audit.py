from __future__ import annotations

from itertools import chain

from django.core.management.base import BaseCommand, CommandError

from assistants import control, data
from assistants.models import Answer, AuditEvent, KeptReceipt


class Command(BaseCommand):
    help = "Check the audit chain, the egress ledger and every receipt; says where tampering shows."

    def handle(self, *args: object, **options: object) -> None:
        broken = control.verify_chain()
        if broken is not None:
            raise CommandError(f"The audit chain breaks at event {broken}.")
        record = control.verify_ledger()
        if record is not None:
            raise CommandError(f"The egress record {record} was changed, removed or inserted.")
        answers = Answer.objects.exclude(receipt=None).values_list(
            "pk", "receipt", "receipt_sha256"
        )
        with data.rights_of_system():
            kept = KeptReceipt.objects.values_list("answer", "receipt", "receipt_sha256")
            for pk, receipt, sha256 in chain(answers.iterator(), kept.iterator()):
                told = AuditEvent.objects.filter(subject=str(pk), data__receipt_sha256=sha256)
                if not control.verify_receipt(receipt or {}, sha256) or not told.exists():
                    raise CommandError(f"The receipt of answer {pk} was changed.")
        last = AuditEvent.objects.last()
        self.stdout.write(
            f"The chain holds: {last.number} events, last hash {last.sha256}."
            if last
            else "There are no events yet."
        )
