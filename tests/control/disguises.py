"""Ways to write a value so that a search for it finds nothing: each returns the text around it."""

from __future__ import annotations

import base64
import bz2
import codecs
import gzip
import html
import json
import lzma
import zlib
from collections.abc import Callable
from urllib.parse import quote

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LOOK_ALIKES = str.maketrans("aeopcxyiABEHKMOPTX", "аеорсхуіАВЕНКМОРТХ")
LEET = str.maketrans("aeiostAEIOST", "431057431057")
FULL_WIDTH = {code: code + 0xFEE0 for code in range(33, 127)}
SMALL_CAPITALS = str.maketrans("abcdefghijklmnoprstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ")
BOLD = {
    **{65 + n: 0x1D400 + n for n in range(26)},
    **{97 + n: 0x1D41A + n for n in range(26)},
    **{48 + n: 0x1D7CE + n for n in range(10)},
}


def _in_words(value: str) -> str:
    return " ".join(WORDS[int(c)] if c.isdigit() else c for c in value if c != " ")


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _chunks(text: str, size: int, between: str) -> str:
    return between.join(text[i : i + size] for i in range(0, len(text), size))


ALWAYS: dict[str, Callable[[str], str]] = {
    "in clear": lambda v: f"They asked about {v} again.",
    "in capitals": lambda v: f"RE: {v.upper()}",
    "in small letters": lambda v: f"dictated, {v.lower()} comes in on monday",
    "in odd capitals": lambda v: "".join(
        c.upper() if i % 2 else c.lower() for i, c in enumerate(v)
    ),
    "with zero-width characters": lambda v: "\u200b".join(v),
    "with soft hyphens": lambda v: "\u00ad".join(v),
    "with joiners and marks": lambda v: "".join(c + "\u034f\ufe0f" for c in v),
    "with combining marks": lambda v: "".join(c + "\u0335" if c.isalnum() else c for c in v),
    "in look-alikes": lambda v: v.translate(LOOK_ALIKES),
    "full width": lambda v: v.translate(FULL_WIDTH),
    "mathematical bold": lambda v: v.translate(BOLD),
    "small capitals": lambda v: v.lower().translate(SMALL_CAPITALS),
    "spaced": lambda v: " ".join(v),
    "hyphenated": lambda v: "-".join(v),
    "dotted": lambda v: ".".join(v.replace(" ", "")),
    "underscored": lambda v: "_".join(v.replace(" ", "")),
    "one a line": lambda v: "\n".join(v),
    "in an identifier": lambda v: f"file_{v.replace(' ', '_')}_final.docx",
    "backwards": lambda v: f"read it backwards: {v[::-1]}",
    "in a comment": lambda v: f"def f():\n    # {v}\n    return 1",
    "in markup": lambda v: v[:2] + "<b></b>" + v[2:],
    "in a comment of markup": lambda v: v[:2] + "<!-- x -->" + v[2:],
    "in a table": lambda v: f"| a | b |\n|---|---|\n| {v} | 12 |",
    "base64": _base64,
    "base64 for URLs": lambda v: base64.urlsafe_b64encode(v.encode()).decode().rstrip("="),
    "base64 inside of a text": lambda v: _base64(f"the one we mean is {v}, as you know"),
    "base64 over lines": lambda v: _chunks(_base64(f"the one we mean is {v}"), 20, "\n"),
    "base64 in pieces": lambda v: _chunks(_base64(f"xy {v} and more"), 4, " "),
    "base64 backwards": lambda v: _base64(f"here {v} there")[::-1],
    "base64 of base64": lambda v: _base64(_base64(f"it is {v}")),
    "base64 of it backwards": lambda v: _base64(v[::-1]),
    "base64 of UTF-16": lambda v: base64.b64encode(f"it is {v}".encode("utf-16")).decode(),
    "base32": lambda v: base64.b32encode(v.encode()).decode(),
    "base85": lambda v: base64.b85encode(f"it is {v}".encode()).decode(),
    "ascii85": lambda v: base64.a85encode(f"it is {v}".encode(), adobe=True).decode(),
    "hexadecimal": lambda v: v.encode().hex(),
    "hexadecimal, spaced": lambda v: v.encode().hex(" "),
    "hexadecimal, listed": lambda v: ", ".join(f"0x{byte:02X}" for byte in v.encode()),
    "escapes of bytes": lambda v: "".join(f"\\x{byte:02x}" for byte in v.encode()),
    "escapes of Unicode": lambda v: "".join(f"\\u{ord(c):04x}" for c in v),
    "escapes in escapes": lambda v: json.dumps("".join(f"\\u{ord(c):04x}" for c in v)),
    "code points": lambda v: " ".join(f"U+{ord(c):04X}" for c in v),
    "octal": lambda v: "".join(f"\\{ord(c):03o}" for c in v),
    "decimal codes": lambda v: " ".join(str(ord(c)) for c in v),
    "calls": lambda v: " + ".join(f"chr({ord(c)})" for c in v),
    "binary": lambda v: " ".join(f"{ord(c):08b}" for c in v),
    "percent": lambda v: "".join(f"%{byte:02X}" for byte in v.encode()),
    "percent, in part": lambda v: quote(v) + "".join(f"%{byte:02X}" for byte in v.encode()[:3]),
    "percent, one": lambda v: f"?q={v[0]}%{ord(v[1]):02x}{quote(v[2:])}",
    "percent twice": lambda v: quote("".join(f"%{byte:02X}" for byte in v.encode())),
    "entities": lambda v: "".join(f"&#{ord(c)};" for c in v),
    "entities in hexadecimal": lambda v: "".join(f"&#x{ord(c):x};" for c in v),
    "entities, one": lambda v: f"{v[0]}&#{ord(v[1])};{html.escape(v[2:])}",
    "quoted-printable": lambda v: "".join(f"={byte:02X}" for byte in v.encode()),
    "quoted-printable, one": lambda v: f"{v[0]}={ord(v[1]):02X}{v[2:]}",
    "quoted-printable, soft break": lambda v: f"{v[:3]}=\n{v[3:]}",
    "gzip": lambda v: base64.b64encode(gzip.compress(v.encode())).decode(),
    "zlib": lambda v: base64.b64encode(zlib.compress(v.encode())).decode(),
    "bzip2": lambda v: base64.b64encode(bz2.compress(v.encode())).decode(),
    "xz": lambda v: base64.b64encode(lzma.compress(v.encode())).decode(),
    "gzip in hexadecimal": lambda v: gzip.compress(v.encode()).hex(),
    "tag characters": lambda v: "harmless" + "".join(chr(0xE0000 + ord(c)) for c in v),
}
LETTERS: dict[str, Callable[[str], str]] = {
    "ROT13": lambda v: codecs.encode(v, "rot13"),
    "leet": lambda v: v.translate(LEET),
    "leet with signs": lambda v: v.translate(str.maketrans("aeios", "@3!0$")),
    "words backwards": lambda v: " ".join(word[::-1] for word in v.split()),
    "in another order": lambda v: ", ".join(v.split()[::-1]),
    "run together": lambda v: v.replace(" ", "").lower(),
    "camel case": lambda v: f"get{v.title().replace(' ', '')}Record",
    "digits between": lambda v: "".join(f"{c}{i % 10}" for i, c in enumerate(v.replace(" ", ""))),
    "with accents": lambda v: v.replace("a", "ä").replace("e", "é").replace("o", "ø"),
    "with a possessive": lambda v: f"{v}'s file",
    "hash": lambda v: __import__("hashlib").sha256(v.encode()).hexdigest(),
}
DIGITS: dict[str, Callable[[str], str]] = {
    "in words": _in_words,
    "in German words": lambda v: " ".join(
        ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"][int(c)]
        for c in v
        if c.isdigit()
    ),
    "letters for digits": lambda v: v.replace("0", "O").replace("1", "l"),
    "without signs": lambda v: "".join(c for c in v if c.isalnum()),
    "grouped otherwise": lambda v: _chunks("".join(c for c in v if c.isdigit()), 3, " "),
    "with words between": lambda v: _chunks("".join(c for c in v if c.isdigit()), 4, " then "),
    "full stops": lambda v: _chunks("".join(c for c in v if c.isdigit()), 2, "."),
}
