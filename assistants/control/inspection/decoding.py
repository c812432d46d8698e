"""What an encoded text says: every layer of it, as far as a bounded number of steps goes.

Two ways. What is written in place (`%4A`, `&#74;`, `\\u004a`, `=4A`) is decoded where it stands,
so that a value half of which is encoded is whole again. What is a run of its own (base64, base32,
base85, hexadecimal, binary; compressed as well) is decoded by itself. Bounds: `DEPTH` layers,
`GROWTH` times the text. Whatever looks encoded and cannot be read raises Unreadable.

Patterns begin where a run begins, and are possessive or bounded: time is linear in the text.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import html
import lzma
import re
import zlib
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import unquote

DEPTH = 4
LEAST_READ = 200_000  # characters that may be decoded in any case
GROWTH = 4
_DEEPER = 24  # characters that still decode below the last layer are no accident

_ESCAPE = re.compile(
    r"\\x([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\[uxU]\{0*([0-9A-Fa-f]{1,6})\}|\\U([0-9A-Fa-f]{8})"
    r"|[Uu]\+([0-9A-Fa-f]{4,6})(?![0-9A-Fa-f])|\\([0-3][0-7]{2})"
)
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_QUOTED = re.compile(r"(?:=[0-9A-F]{2})++")
# Not behind a run in base64, which ends so as well.
_SOFT_BREAK = re.compile(r"(?<![A-Za-z0-9+/]{20})(?<!=)=\r?\n(?=\S)")
_ENTITY = re.compile(r"&#?[A-Za-z0-9]{2,8}")
_MARKUP = re.compile(r"<!--[^<>]{0,200}-->|</?[A-Za-z][^<>]{0,60}>|/\*[^*]{0,200}\*/")
_CODES = re.compile(r"(?<![\w.])\d{2,3}(?:[ ,;]{1,2}\d{2,3}){3,300}+(?![\w.])")
_CALLS = re.compile(r"(?:chr|char|String\.fromCharCode)\((\d{2,3})\)")
_BINARY = re.compile(r"(?<![\w])[01]{8}(?:[ ,]?[01]{8}){2,300}+(?!\w)")

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{6,}+={0,2}")
_LINES = re.compile(
    r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{16,}+\r?\n[ \t]{0,8}+){1,500}+[A-Za-z0-9+/]*+={0,2}"
)
_BASE32 = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z2-7]{12,}+|[a-z2-7]{16,}+)={0,6}(?![A-Za-z0-9])")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x)?([0-9A-Fa-f]{8,}+)(?![0-9A-Za-z])")
_HEX_PAIRS = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?([0-9A-Fa-f]{2}"
    r"(?:(?:[ :,\-]|,? ?0x)[0-9A-Fa-f]{2}){3,300}+)(?![0-9A-Za-z])"
)
_HEX_SIGNS = re.compile(r"0x|[^0-9A-Fa-f]")
_BASE85 = re.compile(r"(?<!\S)(?:<~)?([!-~]{15,}+)(?!\S)")
_NOT_BASE85 = re.compile(r"[a-z]{5}|[A-Z][a-z]{4}")
_DIGEST = re.compile(r"(?i)sha(?:256|384|512)[-/][A-Za-z0-9+/]{43,86}={0,2}$")
_OPAQUE = 48  # characters of a run that nobody wrote by hand
_OPAQUE_PART = 32  # of these, those that are no word, path or digest
_BETWEEN_PARTS = re.compile(r"[/_\-+]")
_HEX_PART = re.compile(r"[0-9a-fA-F]+")
_HEX_OPAQUE = 130  # longer than the digest of SHA-512

_PACKED = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
)


class Unreadable(Exception):
    """Something encoded that cannot be read; the text says what, never its content."""


def read_layers(text: str) -> list[str]:
    """What is encoded in the text, a string a layer; empty for plain text."""
    layers: list[str] = []
    left = max(LEAST_READ, GROWTH * len(text))
    seen, current = {text}, [text]
    for _ in range(DEPTH):
        current, _ = _layer(current, seen, left)
        if not current:
            return layers
        layers.append("\n\n".join(current))
        left -= len(layers[-1])
    if _layer(current, seen, left)[1] >= _DEEPER:
        raise Unreadable(f"it is encoded more than {DEPTH} times over")
    return layers


def _layer(texts: list[str], seen: set[str], left: int) -> tuple[list[str], int]:
    """What one step of decoding says that was not `seen` yet, and of how many characters it is
    news. The same text is reached in more than one way, and is read on from once.
    """
    found: list[str] = []
    news = 0
    for text in texts:
        in_place = [each for each in (_in_place(text), _unquoted(text)) if each not in seen]
        runs = [run for run in _runs(text, left) if run not in seen]
        # What is decoded in place gets shorter.
        news += sum(map(len, set(runs))) + sum(abs(len(text) - len(each)) for each in set(in_place))
        for each in (*in_place, *runs):
            if each not in seen:
                seen.add(each)
                found.append(each)
        if sum(map(len, found)) > left:
            raise Unreadable("decoded, it is longer than what is inspected")
    return found, news


def _in_place(text: str) -> str:
    decoded = text
    if "%" in decoded and _PERCENT.search(decoded):
        decoded = unquote(decoded, errors="replace")
    if "&" in decoded and _ENTITY.search(decoded):
        decoded = html.unescape(decoded)
    if "\\" in decoded or "+" in decoded:
        decoded = _ESCAPE.sub(_escaped, decoded)
    if "(" in decoded:
        decoded = _CALLS.sub(lambda match: _character(int(match[1])) or match[0], decoded)
    decoded = _CODES.sub(_from_codes, decoded)
    decoded = _BINARY.sub(_from_binary, decoded)
    if "<" in decoded or "/*" in decoded:
        decoded = _MARKUP.sub("", decoded)
    return decoded


def _unquoted(text: str) -> str:
    """Quoted-printable; by itself, as `=45` is as often the number 45."""
    return _QUOTED.sub(_quoted, _SOFT_BREAK.sub("", text)) if "=" in text else text


def _escaped(match: re.Match[str]) -> str:
    digits = next(filter(None, match.groups()))
    code = int(digits, 8 if match[6] else 16)
    return chr(code) if code < 0x110000 else match[0]


def _quoted(match: re.Match[str]) -> str:
    value = bytes.fromhex(match[0].replace("=", ""))
    if min(value) < 32 and not value.isspace():
        return match[0]
    return value.decode("utf-8", "replace")


def _character(code: int) -> str:
    return chr(code) if 32 <= code < 127 else ""


def _from_codes(match: re.Match[str]) -> str:
    characters = [_character(int(code)) for code in re.findall(r"\d+", match[0])]
    return "".join(characters) if all(characters) else match[0]


def _from_binary(match: re.Match[str]) -> str:
    bits = re.sub(r"[^01]", "", match[0])
    value = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return _as_text(value) or match[0]


def _runs(text: str, left: int) -> Iterator[str]:
    for match in _LINES.finditer(text):
        yield from _base64(re.sub(r"\s", "", match[0]), left)
    for match in _BASE64.finditer(text):
        run = match[0]
        # Words and names in code are no base64; nearly all of it mixes cases or holds digits.
        if run.islower() or run.isupper() or (run.isalpha() and run[1:].islower()):
            continue
        read = list(_base64(run, left))
        yield from read
        if not read and _is_opaque(run) and not _DIGEST.match(run):
            raise Unreadable("it holds an encoded run that cannot be read")
    for match in _BASE32.finditer(text):
        run = match[0].rstrip("=").upper()
        yield from _tried(base64.b32decode, run[: len(run) // 8 * 8 or None], left)
        if rest := len(run) % 8:
            yield from _tried(base64.b32decode, run + "=" * (8 - rest), left)
    for match in (*_HEX.finditer(text), *_HEX_PAIRS.finditer(text)):
        digits = _HEX_SIGNS.sub("", match[1])
        read = list(_tried(bytes.fromhex, digits, left))
        yield from read
        if not read and len(digits) >= _HEX_OPAQUE and len(set(digits)) > 8:
            raise Unreadable("it holds a run of hexadecimal digits that cannot be read")
    for match in _BASE85.finditer(text):
        run = match[1].removesuffix("~>")
        if not run.isalnum() and not _NOT_BASE85.search(run):
            yield from _tried(base64.a85decode, run, left)
            yield from _tried(base64.b85decode, run, left)


def _base64(run: str, left: int) -> Iterator[str]:
    bare = run.rstrip("=").replace("-", "+").replace("_", "/")
    # Glued to a name, the run begins somewhere behind it.
    for skipped in range(4 if len(bare) >= 16 else 1):
        part = bare[skipped:]
        if len(part) % 4 == 1:
            part = part[:-1]
        read = list(_tried(base64.b64decode, part + "=" * (-len(part) % 4), left))
        if read:
            yield from read
            return


def _tried(decode: object, run: str, left: int) -> Iterator[str]:
    try:
        value = decode(run)  # type: ignore[operator]
    except (ValueError, binascii.Error):
        return
    value = _unpacked(value, left)
    if text := _as_text(value):
        yield text


def _unpacked(value: bytes, left: int) -> bytes:
    kind = next((kind for magic, kind in _PACKED if value.startswith(magic)), "")
    zlibbed = len(value) > 8 and value[0] == 0x78 and int.from_bytes(value[:2], "big") % 31 == 0
    if not kind and not zlibbed:
        return value
    if kind == "zip":
        raise Unreadable("it holds an archive")
    try:
        if kind == "bzip2":
            read = bz2.BZ2Decompressor().decompress(value, left + 1)
        elif kind == "xz":
            read = lzma.LZMADecompressor(memlimit=1 << 26).decompress(value, left + 1)
        else:
            read = zlib.decompressobj(wbits=47).decompress(value, left + 1)
    except (OSError, ValueError, EOFError, zlib.error, lzma.LZMAError):
        if zlibbed and len(value) < 64:
            return value  # two bytes are easily an accident
        raise Unreadable("it holds something compressed that cannot be read") from None
    if len(read) > left:
        raise Unreadable("unpacked, it is longer than what is inspected")
    return read


def _as_text(value: bytes) -> str:
    """Empty where it is none: a few signs that nobody writes are enough."""
    if len(value) < 3:
        return ""
    encoding = "utf-8"
    if value[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif 2 * value.count(0) >= len(value) - 1:
        encoding = "utf-16-le" if value[1] == 0 else "utf-16-be"
    try:
        text = value.decode(encoding)
    except ValueError:
        return ""
    shown = sum(character.isprintable() or character.isspace() for character in text)
    return text if shown >= 0.9 * len(text) else ""


def _is_opaque(run: str) -> bool:
    """Long, and changes between capitals, small letters and digits as no name or path does."""
    if len(run) < _OPAQUE:
        return False
    parts = (part for part in _BETWEEN_PARTS.split(run) if not _HEX_PART.fullmatch(part))
    return sum(len(part) for part in parts if _is_mixed(part)) >= _OPAQUE_PART


def _is_mixed(part: str) -> bool:
    kinds = "".join("A" if c.isupper() else "a" if c.islower() else "0" for c in part)
    changes = sum(one != other for one, other in pairwise(kinds))
    return changes >= 0.4 * len(part) and len(set(kinds)) == 3
