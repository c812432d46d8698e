"""Check digits of identifiers. Each takes the bare characters and says whether they fit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_STEPS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_VIN_VALUES = {
    **{letter: 1 + place for place, letter in enumerate("ABCDEFGH")},
    **{letter: 1 + place for place, letter in enumerate("JKLMN")},
    "P": 7,
    "R": 9,
    **{letter: 2 + place for place, letter in enumerate("STUVWXYZ")},
    **{str(digit): digit for digit in range(10)},
}
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_CODICE_DIGITS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_CODICE_LETTERS = (*_CODICE_DIGITS, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_CODICE_ODD = {
    **{str(digit): value for digit, value in enumerate(_CODICE_DIGITS)},
    **{chr(65 + place): value for place, value in enumerate(_CODICE_LETTERS)},
}

# Lengths by country, from the SWIFT registry of IBANs.
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip


def digits_of(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and len(set(digits)) > 1


def card(digits: str) -> bool:
    """Luhn, and a prefix and length that some network gives out (ISO/IEC 7812)."""
    return luhn(digits) and card_prefix(digits)


def card_prefix(digits: str) -> bool:
    length, two, four = len(digits), int(digits[:2] or 0), int(digits[:4] or 0)
    six = int(digits[:6] or 0)
    return (
        (digits[:1] == "4" and length in (13, 16, 19))  # Visa
        or (length == 16 and (51 <= two <= 55 or 2221 <= four <= 2720))  # Mastercard
        or (length == 15 and two in (34, 37))  # American Express
        or (14 <= length <= 19 and (two in (36, 38, 39) or 300 <= four // 10 <= 305))  # Diners
        or (16 <= length <= 19 and (four == 6011 or two in (64, 65) or 622126 <= six <= 622925))
        or (length in (15, 16, 19) and (3528 <= four <= 3589 or four in (2131, 1800)))  # JCB
        or (
            12 <= length <= 19 and (two in (50, 56, 57, 58, 63, 67) or four in (604, 6060))
        )  # Maestro
        or (16 <= length <= 19 and two in (60, 62, 81))  # RuPay, UnionPay
        or (length == 16 and 2200 <= four <= 2204)  # Mir
    )


def iban(text: str) -> bool:
    """ISO 13616: length by country, remainder 1 modulo 97."""
    bare = text.upper()
    if IBAN_LENGTHS.get(bare[:2]) != len(bare) or not bare.isalnum() or not bare.isascii():
        return False
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def routing_number(digits: str) -> bool:
    """ABA routing transit number: weights 3, 7, 1 and a Federal Reserve prefix."""
    prefix = int(digits[:2])
    if not (prefix <= 12 or 21 <= prefix <= 32 or 61 <= prefix <= 72 or prefix == 80):
        return False
    return _weighted(digits, (3, 7, 1) * 3) % 10 == 0 and len(set(digits)) > 1


def us_ssn(digits: str) -> bool:
    """The areas, groups and serials that are given out (since 2011, any area but these)."""
    return (
        digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
        and len(set(digits)) > 1
        and digits not in ("123456789", "987654321")
    )


def us_itin(digits: str) -> bool:
    group = int(digits[3:5])
    return digits[0] == "9" and (
        50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99
    )


def us_npi(digits: str) -> bool:
    """National provider identifier: Luhn over the number after 80840."""
    return digits[0] in "12" and luhn("80840" + digits)


def us_dea(text: str) -> bool:
    digits = text[2:]
    total = _weighted(digits[:6], (1, 2, 1, 2, 1, 2))
    return total % 10 == int(digits[6]) and digits != "0000000"


def us_mbi(text: str) -> bool:
    """Medicare beneficiary identifier: its form alone; it has no check digit."""
    return any(c.isalpha() for c in text)


def uk_nhs(digits: str) -> bool:
    check = 11 - _weighted(digits[:9], range(10, 1, -1)) % 11
    return check != 10 and check % 11 == int(digits[9]) and len(set(digits)) > 1


def german_tax_id(digits: str) -> bool:
    """Steuer-Identifikationsnummer: ISO 7064 mod 11,10; one of ten digits twice or thrice."""
    counts = [digits[:10].count(digit) for digit in set(digits[:10])]
    if digits[0] == "0" or sorted(counts)[-1] not in (2, 3) or len(counts) not in (8, 9):
        return False
    return _mod_11_10(digits)


def french_nir(text: str) -> bool:
    """The number of social security: 97 less the first thirteen modulo 97 (Corsica: A and B)."""
    bare = text.upper()
    body = bare[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(bare[13:])


def spanish_dni(text: str) -> bool:
    """DNI, or NIE with its leading X, Y or Z."""
    bare = text.upper()
    number = bare[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return number.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == bare[-1]


def italian_fiscal_code(text: str) -> bool:
    bare = text.upper()
    total = sum(
        _CODICE_ODD[c] if place % 2 == 0 else (int(c) if c.isdigit() else ord(c) - 65)
        for place, c in enumerate(bare[:15])
    )
    return chr(65 + total % 26) == bare[15]


def dutch_bsn(digits: str) -> bool:
    return _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and len(set(digits)) > 2


def belgian_national_number(digits: str) -> bool:
    check = int(digits[9:])
    return check in (97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97)


def polish_pesel(digits: str) -> bool:
    total = _weighted(digits[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3))
    return -total % 10 == int(digits[10]) and 1 <= int(digits[2:4]) % 20 <= 12


def swiss_ahv(digits: str) -> bool:
    """EAN-13 with the country's prefix 756."""
    return digits.startswith("756") and -_weighted(digits[:12], (1, 3) * 6) % 10 == int(digits[12])


def swedish_personal_number(digits: str) -> bool:
    ten = digits[-10:]
    return luhn(ten) and 1 <= int(ten[2:4]) <= 12 and 1 <= int(ten[4:6]) % 60 <= 31


def finnish_hetu(text: str) -> bool:
    """Henkilötunnus; the sign of the century may be left out."""
    bare = text.upper()
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(bare[:6] + bare[-4:-1]) % 31] == bare[-1]


def norwegian_birth_number(digits: str) -> bool:
    first = -_weighted(digits[:9], (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    second = -_weighted(digits[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return digits[9:] == f"{first}{second}" and 1 <= int(digits[:2]) % 40 <= 31


def indian_aadhaar(digits: str) -> bool:
    """Verhoeff's scheme."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[value]
        check = _in_dihedral_group(check, value)
    return check == 0 and digits[0] not in "01"


def canadian_sin(digits: str) -> bool:
    return luhn(digits)


def australian_tfn(digits: str) -> bool:
    return _weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 and len(set(digits)) > 2


def australian_medicare(digits: str) -> bool:
    return digits[0] in "23456" and (
        _weighted(digits[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(digits[8])
    )


def brazilian_cpf(digits: str) -> bool:
    if len(set(digits)) == 1:
        return False
    return all(
        _weighted(digits[:size], range(size + 1, 1, -1)) * 10 % 11 % 10 == int(digits[size])
        for size in (9, 10)
    )


def vin(text: str) -> bool:
    """Vehicle identification number with the check digit that North America demands."""
    bare = text.upper()
    if bare.isdigit() or bare.isalpha() or any(c not in _VIN_VALUES for c in bare):
        return False
    rest = sum(w * _VIN_VALUES[c] for w, c in zip(_VIN_WEIGHTS, bare, strict=True)) % 11
    return bare[8] == ("X" if rest == 10 else str(rest))


def bitcoin_address(text: str) -> bool:
    """Base58Check (1…, 3…) or Bech32 and Bech32m (bc1…)."""
    if text[:3].lower() == "bc1":
        return _bech32("bc", text[3:].lower())
    number = 0
    for character in text:
        number = number * 58 + _BASE58.index(character)
    if number >> 200:
        return False
    raw = number.to_bytes(25, "big")
    check = hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4]
    return check == raw[21:] and raw[0] in (0, 5)


def _bech32(prefix: str, data: str) -> bool:
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    if any(c not in _BECH32 for c in data):
        return False
    check = 1
    for value in values + [_BECH32.index(c) for c in data]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, step in enumerate(_BECH32_STEPS):
            check ^= step if top >> bit & 1 else 0
    return check in (1, 0x2BC830A3)


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def _mod_11_10(digits: str) -> bool:
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def _in_dihedral_group(a: int, b: int) -> int:
    """The product of D5, with 0 to 4 as rotations and 5 to 9 as reflections."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5
