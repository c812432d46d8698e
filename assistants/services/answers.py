"""An answer with all that its turn needs to know of it, in one read."""

from __future__ import annotations

import uuid

from django.contrib.auth import get_user_model

from assistants.models import Answer, Conversation, Message, rows
from assistants.services import assistant_states, registry

# In plain SQL: to build it with the ORM costs a multiple of it, on every turn.
ANSWER, MESSAGE = rows.Columns(Answer, "answer"), rows.Columns(Message, "message")
CONVERSATION = rows.Columns(Conversation, "chat")
AUTHOR = rows.Columns(
    get_user_model(), "author", "id", "username", "first_name", "last_name", "is_active"
)
ASKED = f"""
select {ANSWER}, {MESSAGE}, {CONVERSATION}, {AUTHOR}
from assistants_answer answer
join assistants_message message on message.id = answer.message_id
join assistants_conversation chat on chat.id = message.conversation_id
join auth_user author on author.id = message.author_id
where answer.id = %s
"""  # noqa: S608  # the columns' names are the models' own


def get_answer(answer_id: str | uuid.UUID) -> Answer | None:
    """The answer with its message, conversation, author and assistant, as far as the rights of
    this transaction let it be seen.
    """
    found = rows.read(ASKED, [answer_id])
    if found is None:
        return None
    values = iter(found)
    answer, message = ANSWER.read(values), MESSAGE.read(values)
    chat, author = CONVERSATION.read(values), AUTHOR.read(values)
    answer.message, message.conversation, message.author = message, chat, author
    assistant = registry.get_assistants().get(chat.assistant_id)
    if chat.origin == Conversation.Origin.TRIAL:
        assistant = assistant_states.get_tried(chat)
    if assistant is not None:  # else it is read when it is asked for
        chat.assistant = assistant
    return answer
