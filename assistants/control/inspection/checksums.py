"""Check digits, each of the bare characters: whether they fit."""

from __future__ import annotations

from collections.abc import Sequence

# Lengths of IBANs by country (SWIFT's registry).
_IBAN_COUNTRIES = {
    15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT", 26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA",
    30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
IBAN_LENGTH = {
    country: length
    for length, countries in _IBAN_COUNTRIES.items()
    for country in countries.split()
}
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_VERHOEFF_TIMES = tuple(
    tuple(
        (a + b) % 5 if a < 5 and b < 5
        else 5 + (a + b) % 5 if a < 5
        else 5 + (a - b) % 5 if b < 5
        else (a - b) % 5
        for b in range(10)
    )
    for a in range(10)
)  # fmt: skip
_VERHOEFF_STEP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0 and len(set(digits)) > 1


def card(digits: str) -> bool:
    """Luhn, and a prefix with a length of one of the large networks."""
    two, four, size = int(digits[:2]), int(digits[:4]), len(digits)
    known = (
        (digits[0] == "4" and size in (13, 16, 19))
        or (size == 16 and (51 <= two <= 55 or 2221 <= four <= 2720 or 2200 <= four <= 2204))
        or (size == 15 and two in (34, 37))
        or (size == 14 and (two in (36, 38, 39) or 3000 <= four <= 3059))
        or (size in (16, 19) and (two in (30, 35, 36, 38, 39, 60, 62, 64, 65, 81)))
        or (size in (16, 18, 19) and two in (50, 56, 57, 58, 63, 67))
    )
    return known and luhn(digits)


def iban(text: str) -> bool:
    """ISO 13616: the length of its country, and 1 modulo 97."""
    if IBAN_LENGTH.get(text[:2]) != len(text) or not text[2:4].isdigit():
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def us_ssn(digits: str) -> bool:
    """What the Social Security Administration gives out, and no number of advertisements."""
    return (
        digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
        and digits not in ("123456789", "078051120", "219099999")
    )


def aba_routing(digits: str) -> bool:
    return weighted(digits, (3, 7, 1) * 3) % 10 == 0 and int(digits[:2]) <= 80 and int(digits) > 0


def nhs(digits: str) -> bool:
    check = -weighted(digits[:9], range(10, 1, -1)) % 11
    return check == int(digits[9]) and len(set(digits)) > 1


def bsn(digits: str) -> bool:
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and len(set(digits)) > 2


def german_tax_id(digits: str) -> bool:
    """ISO/IEC 7064, MOD 11,10."""
    product = 10
    for digit in digits[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1]) and digits[0] != "0"


def french_nir(text: str) -> bool:
    body = text[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and (int(body) + int(text[13:])) % 97 == 0


def spanish_dni(text: str) -> bool:
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


def italian_code(text: str) -> bool:
    """The last letter of a codice fiscale; odd places count by a table of their own."""
    odd = "BAKPLCQDREVOSFTGUHMINJWZYX"
    total = 0
    for place, character in enumerate(text[:15]):
        value = int(character) if character.isdigit() else ord(character) - 65
        total += odd.index(chr(65 + value)) if place % 2 == 0 else value
    return chr(65 + total % 26) == text[15]


def belgian_number(digits: str) -> bool:
    check = int(digits[9:])
    return any((int(century + digits[:9]) + check) % 97 == 0 for century in ("", "2"))


def pesel(digits: str) -> bool:
    return weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0 and len(set(digits)) > 2


def swiss_ahv(digits: str) -> bool:
    return weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0


def personnummer(digits: str) -> bool:
    ten = digits[-10:]
    return luhn(ten) and 1 <= int(ten[2:4]) <= 12 and 1 <= int(ten[4:6]) % 60 <= 31


def hetu(text: str) -> bool:
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(text[:6] + text[-4:-1]) % 31] == text[-1]


def cpf(digits: str) -> bool:
    return len(set(digits)) > 1 and all(
        weighted(digits[:n], range(n + 1, 1, -1)) * 10 % 11 % 10 == int(digits[n]) for n in (9, 10)
    )


def aadhaar(digits: str) -> bool:
    """Verhoeff's dihedral check."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = _VERHOEFF_STEP[value]
        check = _VERHOEFF_TIMES[check][value]
    return check == 0 and digits[0] > "1"


def npi(digits: str) -> bool:
    return digits[0] in "12" and luhn("80840" + digits)


def dea(text: str) -> bool:
    digits = text[2:]
    return weighted(digits[:6], (1, 2) * 3) % 10 == int(digits[6])


def vin(text: str) -> bool:
    """The check digit at the ninth place (49 CFR 565.15)."""
    values = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True))
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum(int(values.get(c, c)) * w for c, w in zip(text, weights, strict=True))
    return text[8] == "0123456789X"[total % 11] and not text.isdigit() and not text.isalpha()


def weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
