"""Real git repositories, made by the `git` program and served by its own HTTP backend."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

IDENTITY = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *IDENTITY, "-c", "init.defaultBranch=main", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"},
    )
    return done.stdout.strip()


class Work:
    """A work tree, and the bare repository that it pushes to."""

    def __init__(self, folder: Path, name: str = "handbook") -> None:
        self.bare = folder / f"{name}.git"
        self.tree = folder / name
        self.bare.mkdir(parents=True)
        self.tree.mkdir()
        git(self.bare, "init", "--bare")
        git(self.tree, "init")
        git(self.tree, "remote", "add", "origin", str(self.bare))

    def commit(self, files: dict[str, str | None], branch: str = "main") -> str:
        """Write these files, None deletes; commit and push. Returns the commit's id."""
        for path, text in files.items():
            file = self.tree / path
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        return self.push(branch)

    def push(self, branch: str = "main") -> str:
        git(self.tree, "add", "-A")
        git(self.tree, "commit", "--allow-empty", "-m", "Change.")
        git(self.tree, "push", "--force", "origin", f"HEAD:refs/heads/{branch}")
        return git(self.tree, "rev-parse", "HEAD")


class GitServer(ThreadingHTTPServer):
    """Serves the bare repositories of a folder; `authorization` is asked for if it is set."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.authorization = ""
        self.redirect_to = ""
        self.requests: list[str] = []
        self.failures: list[int] = []  # statuses to answer with first

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GitServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        self.server.requests.append(f"{self.command} {self.path}")
        if self.server.failures:
            return self._send(self.server.failures.pop(0), [], b"")
        if self.server.redirect_to:
            location = self.server.redirect_to + self.path
            return self._send(302, [("Location", location)], b"")
        wanted = self.server.authorization
        if wanted and self.headers.get("Authorization") != wanted:
            return self._send(401, [("WWW-Authenticate", "Basic")], b"")
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            env={
                "PATH": os.environ["PATH"],
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_PROJECT_ROOT": str(self.server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.partition(": ") for line in head.decode().split("\r\n")]
        status = next((int(value.split()[0]) for name, _, value in fields if name == "Status"), 200)
        return self._send(status, [(n, v) for n, _, v in fields if n != "Status"], content)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
