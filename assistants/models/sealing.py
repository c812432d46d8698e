from __future__ import annotations

from django.db import models

from assistants.models.conversations import Conversation


class RedactionMap(models.Model):
    """What each placeholder of a conversation stands for, encrypted; see `data/sealing/store.py`.

    `sealed` is AES-256-GCM: a nonce of twelve bytes, then the ciphertext with its tag. `key_id`
    tells which key it was written with.
    """

    conversation = models.OneToOneField(
        Conversation, primary_key=True, on_delete=models.CASCADE, related_name="redaction_map"
    )
    sealed = models.BinaryField()
    key_id = models.CharField(max_length=16)
    updated = models.DateTimeField(auto_now=True)
