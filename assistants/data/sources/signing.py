"""Signatures of requests to S3-compatible stores: AWS Signature Version 4, for GET.

docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html; its examples are tests.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_ALGORITHM = "AWS4-HMAC-SHA256"


def sign(
    host: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    *,
    region: str,
    key_id: str,
    secret: str,
    at: datetime,
) -> dict[str, str]:
    """The headers of a GET, `headers` among them, with its signature. `at` is in UTC.

    `path` is as `encode_path` makes it.
    """
    moment, day = at.strftime("%Y%m%dT%H%M%SZ"), at.strftime("%Y%m%d")
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed |= {"host": host, "x-amz-content-sha256": EMPTY_SHA256, "x-amz-date": moment}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        [
            "GET",
            path,
            encode_query(query),
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            EMPTY_SHA256,
        ]
    )
    scope = f"{day}/{region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join([_ALGORITHM, moment, scope, hashed])
    key = ("AWS4" + secret).encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={key_id}/{scope},SignedHeaders={names},Signature={signature}"
    )
    return signed


def encode_path(path: str) -> str:
    return quote(path, safe="/~")


def encode_query(query: Sequence[tuple[str, str]]) -> str:
    """Sorted, as the signature wants it; sent like this, both are the same."""
    return "&".join(
        sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query)
    )
