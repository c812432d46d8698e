"""The data plane: what is stored, found, redacted. It knows no model and no policy."""

from assistants.data.scope import get_scope, rights_of, rights_of_system

__all__ = ["get_scope", "rights_of", "rights_of_system"]
