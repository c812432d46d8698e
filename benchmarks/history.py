"""What a person with many conversations waits for: the sidebar, the next page of it, the search.

    python -m benchmarks.history [--conversations 10000] [--repeat 20]

On a throw-away database. Half of the conversations are one person's, half another's; each has two
questions and two answers of about 120 words made of the demo's documents. Times are of the whole
view, with its HTML: the processor's, in this process and in the database, and what passed. The
search is asked for words that stand nowhere, in a few, and in nearly all conversations.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import database

if TYPE_CHECKING:
    from django.test import Client

WORDS_EACH = 120
RARE_EVERY = 500
SEARCHES = {
    "nowhere": "axolotl",
    "in one of 500": "marmoset",
    "in nearly all": "limit",
    "two words": "gift limit",
    "while typing": "compl",
}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args(argv or [])
    database.start()
    client = fill(options.conversations)
    print(f"{options.conversations} conversations, of which half are the reader's\n")
    print(f"{'':24}{'ms here':>10}{'database':>10}{'passed':>10}{'kB':>7}")
    page = client.get("/chat/").content.decode()
    more = re.search(r'data-more="([^"]*)"', page)
    assert more
    report(client, "a new chat's page", "/chat/", options.repeat)
    report(client, "the next 50", more[1].replace("&amp;", "&"), options.repeat)
    for name, words in SEARCHES.items():
        report(client, f"search: {name}", f"/chat/search/?q={words}", options.repeat)


def report(client: Client, name: str, address: str, repeat: int) -> None:
    size = len(client.get(address).content)
    times, before = [], database.Cost.now()
    for _ in range(repeat):
        begun = time.perf_counter()
        client.get(address)
        times.append((time.perf_counter() - begun) * 1000)
    after = database.Cost.now()
    own, server = (after.own - before.own), (after.database - before.database)
    each = 1000 / repeat
    print(
        f"{name:24}{own * each:>10.1f}{server * each:>10.1f}"
        f"{statistics.median(times):>10.1f}{size / 1000:>7.0f}"
    )


def fill(count: int) -> Client:
    """A signed-in client of the person whom half of the conversations are."""
    from django.conf import settings
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command
    from django.test import Client

    from assistants import data
    from assistants.models import Answer, Assistant, Conversation, Message, PromptVersion, Zone

    settings.ALLOWED_HOSTS = ["*"]
    call_command("collectstatic", verbosity=0, interactive=False)
    group = Group.objects.create(name="compliance")
    zone = Zone.objects.create(slug="general", name="General", sensitivity=1, residency=["on_prem"])
    zone.readers.add(group)
    prompt = PromptVersion.objects.create(name="x", number=1, text="x")
    assistant = Assistant.objects.create(
        slug="compliance", name="Compliance", department=group, prompt=prompt, question_zone=zone
    )
    people = [User.objects.create_user(name) for name in ("reader", "other")]
    for person in people:
        person.groups.add(group)
    folder = Path(__file__).parent.parent / "assistants" / "demo" / "documents" / "compliance"
    words = " ".join(path.read_text() for path in sorted(folder.glob("*.md"))).split()
    chance = random.Random(1)  # for text, not for secrets

    def text(length: int, number: int) -> str:
        start = chance.randrange(len(words) - length)
        rare = ["marmoset"] if number % RARE_EVERY == 0 else []
        return " ".join([*words[start : start + length], *rare])

    with data.rights_of_system():
        for begin in range(0, count, 500):
            chats, messages, answers = [], [], []
            for number in range(begin, min(begin + 500, count)):
                owner = people[number % 2]
                chat = Conversation(
                    owner=owner, assistant=assistant, title=text(7, 1)[:110], zones=["general"]
                )
                chats.append(chat)
                for _ in range(2):
                    message = Message(
                        conversation=chat,
                        author=owner,
                        client_id=uuid.uuid4().hex,
                        text=text(15, 1) + " limit",
                        zones=["general"],
                    )
                    messages.append(message)
                    answers.append(
                        Answer(
                            message=message,
                            status="completed",
                            text=text(WORDS_EACH, number),
                            zones=["general"],
                            made_from=["general"],
                        )
                    )
            Conversation.objects.bulk_create(chats)
            Message.objects.bulk_create(messages)
            Answer.objects.bulk_create(answers)
    database.analyze()
    client = Client()
    client.force_login(people[0])
    return client


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
