"""What somebody who writes may name: the documents that an answer is to be made from."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from assistants import data
from assistants.exceptions import NotFound
from assistants.models import Assistant
from assistants.services import registry
from assistants.services.conversations import access_conversation, list_assistants
from assistants.types import Scope

DOCUMENTS_OFFERED = 8
QUERY_CHARACTERS = 200


def list_documents(
    user: AbstractBaseUser, *, assistant: str, conversation: str | None, query: str
) -> list[data.naming.NamedDocument]:
    """Those that this assistant searches and this person may read, by words of their title."""
    with data.rights_of_user(user) as scope:
        chosen = get_assistant(user, scope, assistant, conversation)
    zones = registry.get_searched_zones().get(chosen.pk, [])
    words = query[:QUERY_CHARACTERS].replace("\x00", "")
    return data.naming.list_namable(scope, zones, words, DOCUMENTS_OFFERED)


def get_assistant(
    user: AbstractBaseUser, scope: Scope, assistant: str, conversation: str | None
) -> Assistant:
    """The conversation's, else the one of this slug, where the person may ask it. Inside
    `data.rights_of_user`, whose scope it is given.
    """
    allowed = list_assistants(user)
    if conversation:
        allowed = allowed.filter(pk=access_conversation(scope, conversation).assistant_id)
    else:
        allowed = allowed.filter(slug=assistant)
    chosen = allowed.first()
    if chosen is None:
        raise NotFound(f"assistant {assistant!r}")
    return chosen
