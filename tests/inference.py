"""Real local servers for embeddings and reranking, scripted from the test."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, object]  # a status and what goes out as JSON


@contextmanager
def serve(answer: Callable[[str, dict[str, Any], dict[str, str]], Answer]) -> Iterator[str]:
    """Serves POST; `answer` is given path, body and headers. Yields the base URL, with `/v1`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, told = answer(self.path, body, dict(self.headers))
            sent = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def embeddings(body: dict[str, Any], embed: Callable[[str], list[float]]) -> Answer:
    """An answer to `/embeddings`, in another order than asked."""
    data = [{"index": n, "embedding": embed(text)} for n, text in enumerate(body["input"])]
    return 200, {"object": "list", "data": data[::-1], "model": body["model"]}
