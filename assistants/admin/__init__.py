"""The console: what an admin registers and reads. Private chats are not part of it."""

from assistants.admin import audit, registry, sources, zones

__all__ = ["audit", "registry", "sources", "zones"]
