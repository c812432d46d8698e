"""An S3-compatible bucket, or what lies below a prefix of it: listing, and reading one object.

Two requests are all that is needed (ListObjectsV2 and GetObject), addressed by path, which every
store understands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from assistants.data.sources import web
from assistants.data.sources.changes import Changed, Entry, Extent, Listing, NotTaken
from assistants.data.sources.paths import settle
from assistants.data.sources.signing import encode_path, encode_query, sign
from assistants.exceptions import SourceUnavailable

PAGE_BYTES = 16 * 1024**2  # a thousand keys of 1,024 bytes, every byte of them escaped
PAGE_SECONDS = 120.0
OBJECT_SECONDS = 600.0
_BUCKET = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9._-]{1,254}$")
_REGION = re.compile(r"^[a-z0-9-]{1,40}$")
_XML = "{*}"  # stores differ in the namespace

# What a store says, and what to do about it.
_ADVICE = {
    "NoSuchBucket": "There is no such bucket at this endpoint.",
    "AccessDenied": "The key may not list or read this bucket.",
    "AllAccessDisabled": "The key may not list or read this bucket.",
    "InvalidAccessKeyId": "The store does not know this key.",
    "SignatureDoesNotMatch": "The store refuses the key's secret. Please check it, and the region.",
    "AuthorizationHeaderMalformed": "The bucket is in another region. Please correct the region.",
    "PermanentRedirect": "The bucket is in another region. Please correct region or endpoint.",
    "RequestTimeTooSkewed": "The clocks here and at the store differ. Please set this one.",
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """`endpoint` "" is Amazon's own. `key` is "ID:SECRET", or "" for what is public."""

    name: str
    endpoint: str
    region: str
    prefix: str
    key: str


def check_bucket(bucket: Bucket, seconds: float) -> str:
    store = _Store(bucket, seconds, tries=1)
    try:
        keys, token = store.list_page("", at_most=10)
    finally:
        store.close()
    if not keys:
        return "The bucket can be listed; nothing lies below this prefix yet."
    return f"The bucket can be listed; it holds {len(keys)}{' or more' if token else ''} objects."


@contextmanager
def list_bucket(bucket: Bucket) -> Iterator[Listing]:
    """Everything below the prefix. Raises SourceUnavailable if any page of it cannot be had."""
    store = _Store(bucket, web.READ_SECONDS)
    try:
        yield Listing(settle(_entries(store, bucket.prefix)), Extent.WHOLE)
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class _Object:
    key: str
    etag: str
    size: int
    modified: str


def _entries(store: _Store, prefix: str) -> Iterator[Entry]:
    token, seen = "", set()
    while True:
        objects, token = store.list_page(token)
        for found in objects:
            # A store that ignores the prefix does not widen the source.
            if not found.key.startswith(prefix) or found.key.endswith("/"):
                continue
            path = found.key.removeprefix(prefix)
            if path.startswith("/") and prefix and not prefix.endswith("/"):
                path = path[1:]
            if not path:
                continue
            fingerprint = f"{found.etag}:{found.size}:{found.modified}"
            yield Changed(path, fingerprint, partial(_read, store, found))
        if not token:
            return
        if token in seen:
            raise SourceUnavailable("the store repeats a page")
        seen.add(token)


def _read(store: _Store, found: _Object, limit: int) -> bytes:
    # Large ones are not even asked for; a byte too many says so to whoever reads.
    if found.size > limit:
        raise NotTaken(f"is larger than {limit / 1024**2:.3g} MB, the most that can be read.")
    return store.read(found, limit)


class _Store:
    def __init__(self, bucket: Bucket, seconds: float, tries: int = web.TRIES) -> None:
        self._bucket = bucket
        region = bucket.region or "us-east-1"
        self._region = region
        self._endpoint = (bucket.endpoint or f"https://s3.{region}.amazonaws.com").rstrip("/")
        if not _BUCKET.match(bucket.name):
            raise SourceUnavailable(user_message=f"“{bucket.name}” is no name of a bucket.")
        if not _REGION.match(region):
            raise SourceUnavailable(user_message=f"“{region}” is no name of a region.")
        web.check_address(self._endpoint)
        self._key_id, _, self._secret = bucket.key.partition(":")
        if bucket.key and not self._secret:
            raise SourceUnavailable(
                user_message="The key's variable must hold the key's id and its secret, with a "
                "colon between them."
            )
        self._pool = web.OneHost(self._endpoint, seconds=seconds, tries=tries)

    def close(self) -> None:
        self._pool.clear()

    def list_page(self, token: str, at_most: int = 1000) -> tuple[list[_Object], str]:
        """Objects, and the token of the next page, "" after the last."""
        query = [("list-type", "2"), ("encoding-type", "url"), ("max-keys", str(at_most))]
        query += [("prefix", self._bucket.prefix)] if self._bucket.prefix else []
        query += [("continuation-token", token)] if token else []
        response = self._get("", query)
        page = _parse(self._body(response, PAGE_BYTES, PAGE_SECONDS))
        if response.status != 200:
            raise _failure(response.status, page)
        if page is None or not page.tag.endswith("ListBucketResult"):
            raise SourceUnavailable(
                user_message="What answers at this endpoint is no S3-compatible store."
            )
        escaped = page.findtext(f"{_XML}EncodingType") == "url"
        objects = [_object(each, escaped) for each in page.iterfind(f"{_XML}Contents")]
        more = page.findtext(f"{_XML}IsTruncated") == "true"
        following = page.findtext(f"{_XML}NextContinuationToken") or ""
        if more and not following:
            raise SourceUnavailable("a page says that more follow, and not where")
        return objects, following if more else ""

    def read(self, found: _Object, limit: int) -> bytes:
        headers = {"if-match": f'"{found.etag}"'} if found.etag else {}
        response = self._get("/" + found.key, [], headers)
        if response.status == 200:
            content = self._body(response, limit, OBJECT_SECONDS)
            if len(content) != found.size:
                raise NotTaken("changed while it was being read.")
            return content
        page = _parse(self._body(response, PAGE_BYTES, PAGE_SECONDS))
        if response.status == 404:
            raise NotTaken("vanished before it could be read.")
        if response.status == 412:
            raise NotTaken("changed while it was being read.")
        if response.status == 403 and _code(page) in ("AccessDenied", "InvalidObjectState"):
            raise NotTaken("may not be read with this key, or is archived.")
        raise _failure(response.status, page)

    def _get(
        self, key: str, query: Sequence[tuple[str, str]], headers: dict[str, str] | None = None
    ) -> BaseHTTPResponse:
        parts = urlsplit(self._endpoint)
        path = encode_path(f"{parts.path}/{self._bucket.name}{key}")
        sent = dict(headers or {})
        if self._key_id:
            sent = sign(
                parts.netloc,
                path,
                query,
                sent,
                region=self._region,
                key_id=self._key_id,
                secret=self._secret,
                at=datetime.now(UTC),
            )
        url = f"{parts.scheme}://{parts.netloc}{path}"
        url += f"?{encode_query(query)}" if query else ""
        try:
            # A redirect would need another signature: it is told, not followed.
            return self._pool.urlopen(
                "GET", url, headers=sent, preload_content=False, redirect=False
            )
        except HTTPError as error:
            raise _unreachable(error) from error

    @staticmethod
    def _body(response: BaseHTTPResponse, limit: int, seconds: float) -> bytes:
        try:
            content = web.read_bounded(response, limit, seconds)
            if len(content) > limit:
                response.close()
            else:
                response.release_conn()
            return content
        except (HTTPError, OSError) as error:
            response.close()
            raise _unreachable(error) from error


def _object(element: Any, escaped: bool) -> _Object:
    def text(name: str) -> str:
        return str(element.findtext(f"{_XML}{name}") or "")

    key = unquote_plus(text("Key"), errors="surrogateescape") if escaped else text("Key")
    size = text("Size")
    if not size.isdigit():
        raise SourceUnavailable("an object without a size")
    return _Object(key, text("ETag").strip('"'), int(size), text("LastModified"))


def _parse(body: bytes) -> Any:
    """The answer's root element; None for what is no XML. Entities stay as they are."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return None


def _code(page: Any) -> str:
    return str(page.findtext(f"{_XML}Code") or "") if page is not None else ""


def _failure(status: int, page: Any) -> SourceUnavailable:
    code = _code(page)
    if advice := _ADVICE.get(code):
        return SourceUnavailable(f"{status} {code}", user_message=advice)
    if status in (301, 302, 307, 308):
        return SourceUnavailable(f"{status} {code}", user_message=_ADVICE["PermanentRedirect"])
    if status in (401, 403):
        return SourceUnavailable(f"{status} {code}", user_message=_ADVICE["AccessDenied"])
    if status == 404:
        return SourceUnavailable(f"{status} {code}", user_message=_ADVICE["NoSuchBucket"])
    return SourceUnavailable(
        f"{status} {code}",
        user_message=f"The store answers with an error ({status}). It is tried again by itself.",
    )


def _unreachable(error: Exception) -> SourceUnavailable:
    return SourceUnavailable(
        f"{type(error).__name__}: {str(error)[:300]}",
        user_message="The store could not be reached, or broke off. Please check the endpoint; "
        "it is tried again by itself.",
    )
