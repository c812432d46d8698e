"""Cards, accounts and addresses of money."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assistants.data.privacy import checksums
from assistants.data.privacy.rules import Rule, Searched, form, words
from assistants.data.privacy.spans import SensitiveSpan

_CARD_WORDS = words(
    "cards?", "credit", "debit", "visa", "master ?card", "amex", "american express", "maestro",
    "diners", "discover", "pan", "cc", "ccn",
)  # fmt: skip
_BANK_WORDS = words(
    "accounts?", "acct", "a/c", "bank", "iban", "bic", "swift", "routing", "aba", "wire", "transfer",
    "sort ?code", "deposit", "beneficiary", "payee", "remit", "konto", "compte", "cuenta",
)  # fmt: skip


def _card_by_context(digits: str) -> bool:
    return checksums.luhn(digits) or checksums.card_prefix(digits)


def _swift(code: str) -> bool:
    return code[4:6].upper() in _COUNTRIES


_COUNTRIES = frozenset(checksums.IBAN_LENGTHS) | {
    *("US", "CA", "AU", "NZ", "JP", "CN", "HK", "SG", "IN", "KR", "TW", "TH", "MY", "ID", "PH"),
    *("VN", "ZA", "NG", "KE", "MA", "MX", "AR", "CL", "CO", "PE", "UY", "VE", "BM", "BS", "BB"),
    *("KY", "JE", "GG", "IM", "PA"),
}


@dataclass(frozen=True, slots=True)
class IbanRule:
    """As many characters as the country's numbers have, in groups or not."""

    pattern = re.compile(r"(?<![^\W_])[A-Za-z]{2}[ .\-/_]?[0-9]{2}(?=[ .\-/_]?[A-Za-z0-9])")
    character = re.compile(r"[ .\-/_]?([A-Za-z0-9])")

    def find(self, text: Searched) -> Iterator[SensitiveSpan]:
        for first, last in text.stretches(4):
            for match in self.pattern.finditer(text.text, first, last):
                bare = "".join(filter(str.isalnum, match[0])).upper()
                end = match.end()
                length = checksums.IBAN_LENGTHS.get(bare[:2], 0)
                while len(bare) < length and (more := self.character.match(text.text, end)):
                    bare += more[1].upper()
                    end = more.end()
                ends = not text.text[end : end + 1].isalnum()
                if ends and bare.isascii() and checksums.iban(bare):
                    yield SensitiveSpan(match.start(), end, "IBAN_CODE", 0.98, "pattern")


@dataclass(frozen=True, slots=True)
class CardRule:
    """Whole groups of digits that make up a card's number, whatever numbers stand beside them."""

    type = "CREDIT_CARD"
    run = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){11,200}(?![\w-]|\.\d)")
    group = re.compile(r"\d+")

    def find(self, text: Searched) -> Iterator[SensitiveSpan]:
        for first, last in text.stretches(12):
            for match in self.run.finditer(text.text, first, last):
                groups = [each.span() for each in self.group.finditer(text.text, *match.span())]
                place = 0
                while place < len(groups):
                    end = self._end(text.text, groups, place)
                    if end:
                        start = groups[place][0]
                        yield SensitiveSpan(start, groups[end - 1][1], self.type, 0.97, "pattern")
                    place = end or place + 1

    def _end(self, text: str, groups: list[tuple[int, int]], first: int) -> int:
        """How many groups there are up to the end of the longest card from `first`; 0 if none."""
        digits, longest = "", 0
        for number, (start, end) in enumerate(groups[first:], start=first + 1):
            digits += text[start:end]
            if len(digits) > 19:
                break
            if len(digits) >= 12 and checksums.card(digits):
                longest = number
        return longest


RULES: tuple[Rule | IbanRule | CardRule, ...] = (
    CardRule(),
    Rule(
        "CREDIT_CARD",
        re.compile(r"(?<![\w.+-])(?:\d[ .-]?){11,18}\d(?!\w)"),
        alone=0.0,
        near=0.85,
        context=_CARD_WORDS,
        check=_card_by_context,
        digits=12,
    ),
    Rule(
        "CREDIT_CARD",  # glued to a word before or behind it; a hash is none
        re.compile(
            r"(?<!\w)(?![0-9A-Fa-f]{1,200}(?!\w))(?:\w{0,40}[^\W\d])?"
            r"(?P<value>(?:(?<=[^\W\d])\d{13,19}|\d{13,19}(?=[^\W\d])))(?!\d)"
        ),
        alone=0.92,
        check=checksums.card,
        digits=13,
    ),
    Rule(
        "CARD_SECURITY_CODE",
        re.compile(
            r"(?i)\b(?:cvv2?|cvc2?|cvn|security code)\W{0,3}(?:is\W{1,2})?(?P<value>\d{3,4})\b"
        ),
        alone=0.9,
        needs=("cv", "security code"),
        digits=3,
    ),
    Rule(
        "CARD_EXPIRY",
        re.compile(
            r"(?i)\b(?:exp(?:\.|ires?|iry|iration)?(?: date)?|valid (?:thru|until))\W{0,4}"
            r"(?P<value>(?:0?[1-9]|1[0-2]) ?[/-] ?(?:20)?\d\d)\b"
        ),
        alone=0.0,
        near=0.8,
        context=_CARD_WORDS,
        needs=("exp", "valid"),
        digits=3,
    ),
    Rule(
        "PIN",
        re.compile(r"(?i)\bpin(?: code| number)?\W{0,3}(?:is\W{1,2})?(?P<value>\d{4,8})\b"),
        0.8,
        digits=4,
        needs=("pin",),
    ),
    IbanRule(),
    Rule(
        "IBAN_CODE",
        form(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?", re.I),
        alone=0.0,
        near=0.85,
        context=words("iban"),
        needs=("iban",),
        check=lambda bare: bare[:2].upper() in checksums.IBAN_LENGTHS,
        digits=4,
    ),
    Rule(
        "SWIFT_CODE",
        form(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?"),
        alone=0.0,
        near=0.85,
        needs=("swift", "bic", "iban", "wire"),
        context=words("swift", "bic", "iban", "wire"),
        check=_swift,
    ),
    Rule(
        "ROUTING_NUMBER",
        form(r"\d{9}"),
        alone=0.0,
        near=0.92,
        context=words("routing", "aba", "rtn", "transit"),
        check=checksums.routing_number,
        digits=9,
    ),
    Rule(
        "SORT_CODE",
        form(r"\d\d[- ]?\d\d[- ]?\d\d"),
        alone=0.0,
        near=0.85,
        context=words("sort ?code"),
        needs=("sort",),
        digits=6,
    ),
    Rule(
        "BANK_ACCOUNT",
        form(r"\d(?:[ -]?\d){5,16}"),
        alone=0.0,
        near=0.7,
        context=re.compile(
            r"(?i)\b(?:bank|checking|savings?|deposit|current|iban|giro)\b.{0,30}\b(?:accounts?|acct|a/c)\b"
            r"|\b(?:accounts?|acct|a/c|konto|compte|cuenta)\W{0,3}(?:number|nummer|num|no|nr|#)?\W{0,4}(?:is\W{0,2})?\x20?\x00"
        ),
        digits=6,
    ),
    Rule(
        "CRYPTO_ADDRESS",
        form(r"(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[a-z0-9]{11,71}|BC1[A-Z0-9]{11,71})"),
        alone=0.97,
        check=checksums.bitcoin_address,
        digits=1,
    ),
    Rule("CRYPTO_ADDRESS", form(r"0x[0-9a-fA-F]{40}"), alone=0.92, needs=("0x",)),
    Rule(
        "CRYPTO_ADDRESS",
        form(
            r"(?:4[0-9AB][1-9A-HJ-NP-Za-km-z]{93}|T[1-9A-HJ-NP-Za-km-z]{33}|[LM][1-9A-HJ-NP-Za-km-z]{26,33})"
        ),
        alone=0.0,
        near=0.85,
        needs=("wallet", "crypto", "monero", "tron", "usdt", "litecoin"),
        context=words("wallet", "crypto", "monero", "tron", "usdt", "litecoin", "address"),
        digits=1,
    ),
)
