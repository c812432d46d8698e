"""`makemessages`, which finds what `assistants/sentences.py` lists as well.

manage.py makemessages --all && manage.py makemessages --all --domain djangojs
manage.py compilemessages
"""

from __future__ import annotations

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    xgettext_options = [
        *makemessages.Command.xgettext_options,
        "--keyword=said",
        "--keyword=counted:1,2",
    ]
