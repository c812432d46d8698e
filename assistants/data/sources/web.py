"""HTTP to one host: what a source's address names, and nothing that this host points to.

An admin configures sources, but what answers at the address may be anybody's: an answer cannot
lead the reader to another host, hold it for ever, or fill its memory.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.response import BaseHTTPResponse

from assistants.exceptions import SourceUnavailable

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0  # without a byte
TRIES = 4  # in all, with 0.5, 1 and 2 seconds between them
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PIECE = 64 * 1024


class ForbiddenAddress(HTTPError):
    """A request that would leave the source's host."""


def check_address(url: str, *, has_key: bool = False) -> None:
    """Raises SourceUnavailable for what is no plain http(s) address of a host.

    With `has_key`, a key goes along in the clear: only over TLS, or within this machine.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SourceUnavailable(user_message=f"“{url}” is no web address.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise SourceUnavailable(user_message="The address must begin with https:// or http://.")
    if parts.username is not None or parts.password is not None:
        raise SourceUnavailable(
            user_message="The address must not hold a user name or a key. Please put the key into "
            "an environment variable and name that variable."
        )
    if parts.query or parts.fragment:
        raise SourceUnavailable(user_message="The address must not hold “?” or “#”.")
    if has_key and parts.scheme == "http" and host not in LOOPBACK:
        raise SourceUnavailable(user_message="A key is sent over https:// only.")


class OneHost(urllib3.PoolManager):
    """Reaches the host of one address, on its scheme and port, whoever asks it for another.

    Lost connections and overloaded servers are tried again; addresses that machines in a cloud
    serve about themselves (link-local ones) are refused after the name is resolved.
    """

    def __init__(self, url: str, *, seconds: float = READ_SECONDS, tries: int = TRIES) -> None:
        super().__init__(
            timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
            retries=urllib3.Retry(
                total=None,
                connect=tries - 1,
                read=tries - 1,
                status=tries - 1,
                other=0,
                redirect=3,
                backoff_factor=0.5,
                status_forcelist=(429, 500, 502, 503, 504),
                allowed_methods=None,  # fetching a pack is a POST that changes nothing
                raise_on_status=False,
                respect_retry_after_header=False,  # it could ask for an hour
            ),
        )
        self.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        self._origin = _origin(url)

    def urlopen(  # type: ignore[override]  # one signature for all of its overloads
        self, method: str, url: str, redirect: bool = True, **more: Any
    ) -> BaseHTTPResponse:
        # A redirect comes through here as well.
        if _origin(url) != self._origin:
            raise ForbiddenAddress("the server points to another host")
        return super().urlopen(method, url, redirect, **more)


def read_bounded(response: BaseHTTPResponse, limit: int, seconds: float) -> bytes:
    """At most `limit` bytes and one, so that the caller sees that it was too much.

    Raises urllib3's HTTPError where it takes longer than `seconds`, however steadily it drips.
    """
    deadline = time.monotonic() + seconds
    content = bytearray()
    while len(content) <= limit:
        piece = response.read(min(_PIECE, limit + 1 - len(content)))
        if not piece:
            break
        content += piece
        if time.monotonic() > deadline:
            raise HTTPError(f"more than {seconds:g} s")
    return bytes(content)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").lower(), port


def _checked(connection: HTTPConnection, made: socket.socket) -> socket.socket:
    """Looks at whom we are talking to, not at what the name said a moment before."""
    peer = ipaddress.ip_address(made.getpeername()[0].partition("%")[0])
    mapped = getattr(peer, "ipv4_mapped", None) or peer
    if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified:
        made.close()
        raise NewConnectionError(connection, "a link-local address is no source")
    return made


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
