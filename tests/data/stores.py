"""A small S3-compatible store over HTTP: lists in pages, checks each signature, can fail.

It works the signature out anew from what it was sent: the canonical request, the string to sign
and the chain of keys, as the protocol's documentation describes them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit

KEY_ID, SECRET = "TESTKEY", "a secret of the test"
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_AUTHORIZATION = re.compile(
    r"^AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/s3/aws4_request,"
    r" ?SignedHeaders=(?P<names>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})$"
)


@dataclass
class Stored:
    content: bytes
    modified: str = "2026-01-01T00:00:00.000Z"

    @property
    def etag(self) -> str:
        return hashlib.md5(self.content).hexdigest()


@dataclass
class Failure:
    """Answers with `status` and the error code `code` to requests whose path and query match."""

    pattern: str
    status: int
    code: str = "InternalError"
    times: int = 1_000_000


class Store(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, bucket: str = "handbook", page: int = 3) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bucket = bucket
        self.page = page
        self.region = "us-east-1"
        self.public = False
        self.objects: dict[str, Stored] = {}
        self.failures: list[Failure] = []
        self.requests: list[str] = []
        self.before_get: dict[str, Callable[[], object]] = {}  # once, by key
        self.redirect_to = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def put(self, key: str, content: str | bytes) -> None:
        self.objects[key] = Stored(content.encode() if isinstance(content, str) else content)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.requests.append(self.path)
        if self.server.redirect_to:
            return self._send(307, b"", {"Location": self.server.redirect_to + self.path})
        for failure in self.server.failures:
            if failure.times and re.search(failure.pattern, self.path):
                failure.times -= 1
                return self._error(failure.status, failure.code)
        if not self.server.public and (code := self._check_signature(parts.path, parts.query)):
            return self._error(400 if code == "AuthorizationHeaderMalformed" else 403, code)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        if bucket != self.server.bucket:
            return self._error(404, "NoSuchBucket")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if not key:
            return self._list(query)
        if change := self.server.before_get.pop(key, None):
            change()
        stored = self.server.objects.get(key)
        if stored is None:
            return self._error(404, "NoSuchKey")
        if self.headers.get("If-Match", f'"{stored.etag}"') != f'"{stored.etag}"':
            return self._error(412, "PreconditionFailed")
        return self._send(200, stored.content, {"ETag": f'"{stored.etag}"'})

    def _list(self, query: dict[str, str]) -> None:
        assert query.get("list-type") == "2"
        prefix = query.get("prefix", "")
        keys = sorted(key for key in self.server.objects if key.startswith(prefix))
        start = int(query.get("continuation-token", "0"))
        size = min(self.server.page, int(query.get("max-keys", "1000")))
        page, more = keys[start : start + size], start + size < len(keys)
        escaped = query.get("encoding-type") == "url"
        contents = "".join(
            f"<Contents><Key>{quote(key, safe='/') if escaped else key}</Key>"
            f"<LastModified>{self.server.objects[key].modified}</LastModified>"
            f"<ETag>&quot;{self.server.objects[key].etag}&quot;</ETag>"
            f"<Size>{len(self.server.objects[key].content)}</Size></Contents>"
            for key in page
        )
        following = f"<NextContinuationToken>{start + size}</NextContinuationToken>"
        self._send(
            200,
            f'<?xml version="1.0"?><ListBucketResult xmlns="{NAMESPACE}">'
            f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
            f"{'<EncodingType>url</EncodingType>' if escaped else ''}"
            f"{contents}{following if more else ''}</ListBucketResult>".encode(),
        )

    def _check_signature(self, path: str, query: str) -> str:
        """The error's code; "" if the request was signed with our key, now, for this region."""
        claimed = _AUTHORIZATION.match(self.headers.get("Authorization", ""))
        if not claimed:
            return "AccessDenied"
        if claimed["id"] != KEY_ID:
            return "InvalidAccessKeyId"
        if claimed["region"] != self.server.region:
            return "AuthorizationHeaderMalformed"
        names = claimed["names"].split(";")
        if names != sorted(names) or not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(
            names
        ):
            return "AccessDenied"
        pairs = sorted(
            (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
            for name, value in parse_qsl(query, keep_blank_values=True)
        )
        canonical = [self.command, path, "&".join(f"{name}={value}" for name, value in pairs)]
        canonical += [f"{name}:{self.headers[name].strip()}" for name in names]
        canonical += ["", claimed["names"], self.headers["x-amz-content-sha256"]]
        scope = f"{claimed['day']}/{claimed['region']}/s3/aws4_request"
        digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], scope, digest])
        key = f"AWS4{SECRET}".encode()
        for part in (*scope.split("/"), text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return "" if key.hex() == claimed["signature"] else "SignatureDoesNotMatch"

    def _error(self, status: int, code: str) -> None:
        self._send(status, f"<Error><Code>{code}</Code></Error>".encode())

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass
