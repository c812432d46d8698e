from assistants.compute.liveness import announce, get_alive

__all__ = ["announce", "get_alive"]
