"""Addresses and postcodes by their form; the tagger finds those without one."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import re

from assistants.data.privacy.rules import Rule, words

_STREET = (
    r"(?:street|str\.?|st\.?|avenue|ave\.?|road|rd\.?|lane|ln\.?|drive|dr\.?|boulevard|blvd\.?|court|ct\.?|"
    r"place|pl\.?|square|sq\.?|terrace|way|parkway|pkwy\.?|highway|hwy\.?|crescent|close|circle|cir\.?|"
    r"trail|alley|plaza|walk|row|mews|grove|gardens|loop|route|turnpike|pike|crossing|mall|heights|hill|"
    r"run|ridge|view|path|gate|rise|rapids|station|bend|manor|meadows?|springs?|estate|quay|wharf|green)"
)
_STATE = (
    r"(?:A[LKZR]|C[AOT]|DE|DC|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|"
    r"V[TA]|W[AVIY]|PR|GU|VI|AB|BC|MB|NB|NL|NS|ON|PE|QC|SK|NSW|VIC|QLD|TAS|ACT)"
)
_CAPITALISED = r"[^\W\d_a-z][\w.'’-]{0,24}"
_UNIT = r"(?:(?:apt|apartment|suite|ste|unit|flat|room|rm|floor|fl|bldg|building)\.? ?#? ?[A-Za-z]?-?\d{1,5}[A-Za-z]?)"
_WEAK_NUMBER = r"\d{1,6}[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?"

_UNITS = (
    "apt",
    "apartment",
    "suite",
    "ste",
    "unit",
    "flat",
    "room",
    "rm",
    "floor",
    "fl",
    "bldg",
    "building",
)
_WAYS_BEFORE = tuple(
    f"{way} "
    for way in [
        "rue",
        "avenue",
        "boulevard",
        "via",
        "viale",
        "piazza",
        "calle",
        "avda",
        "avda.",
        "avenida",
        "rua",
        "ul.",
        "ulica",
        "plaza",
        "paseo",
        "c/",
        "r.",
        "corso",
        "carrer",
        "quai",
        "chemin",
        "route",
        "impasse",
        "allée",
        "strada",
        "vicolo",
        "largo",
        "travessa",
        "rúa",
    ]
)
_WAYS_AFTER = (
    "straße",
    "strasse",
    "str.",
    "gasse",
    "weg",
    "platz",
    "allee",
    "gatan",
    "gata",
    "vägen",
    "veien",
    "vegen",
    "gade",
    "vej",
    "laan",
    "straat",
    "plein",
    "kade",
    "gracht",
    "steenweg",
    "dreef",
    "katu",
    "tie",
    "kuja",
    "utca",
    "útja",
    "ulice",
    "gatvė",
    "iela",
    "stræde",
    "gränd",
    "stíg",
)

RULES = (
    Rule(
        "ADDRESS",  # 221b Baker Street, Suite 4
        re.compile(
            rf"(?<![\w.,$€£/-]){_WEAK_NUMBER},? (?:\d{{1,5}} )?(?:(?:n|s|e|w|ne|nw|se|sw|north|south|east|west)\.? )?"
            rf"(?:{_CAPITALISED} |\d{{1,3}}(?:st|nd|rd|th) ){{1,4}}(?i:{_STREET})(?!\w)(?:(?:,|\s)\s{{0,2}}(?i:{_UNIT}))?"
        ),
        alone=0.8,
        digits=1,
    ),
    Rule(
        "ADDRESS",  # the same in lower case: fewer words, and no measure before it
        re.compile(
            r"(?<![\w.,$€£/-])\d{1,6} (?:[a-z'’-]{3,20} ){1,2}"
            r"(?:street|str|avenue|ave|road|rd|lane|boulevard|blvd|parkway|highway|terrace|crescent|turnpike)(?!\w)"
        ),
        alone=0.7,
        digits=1,
    ),
    Rule(
        "ADDRESS",
        re.compile(rf"(?i)(?<!\w){_UNIT}(?!\w)"),
        0.6,
        needs=_UNITS,
        refuse=re.compile(r"(?i)unit dose|units? ?\d"),
        digits=1,
    ),
    Rule(
        "ADDRESS",
        re.compile(
            r"(?i)\b(?:p\.? ?o\.? ?box|post office box|postfach|psc|box)\.? ?#?\d{1,6}(?:,? box \d{1,6})?"
        ),
        0.75,
        needs=("box", "psc", "postfach"),
        digits=1,
    ),
    Rule(
        "ADDRESS",
        re.compile(r"\b(?:APO|FPO|DPO),? (?:AA|AE|AP),? \d{5}(?:-\d{4})?\b", re.I),
        0.85,
        needs=("apo", "fpo", "dpo"),
        digits=1,
    ),
    Rule(
        "ADDRESS",  # Müllerstraße 12, Rua do Paço 46, 56 rue La Boétie
        re.compile(
            r"(?i)(?<!\w)(?:\d{1,5},? )?(?:rue|avenue|boulevard|via|viale|piazza|calle|avda\.?|avenida|rua|ul\.|ulica|plaza|paseo|c/|r\.|corso|"
            r"carrer|quai|chemin|route|impasse|allée|strada|vicolo|largo|travessa|rúa)\s"
            r"(?:[^\W\d_][\w.'’-]{0,24}\s){1,5}(?:n[°º.]? ?)?\d{1,5}[a-z]?(?!\w)"
        ),
        needs=_WAYS_BEFORE,
        alone=0.75,
        digits=1,
    ),
    Rule(
        "ADDRESS",
        re.compile(
            r"(?i)(?<!\w)(?:\d{1,5} )?[^\W\d_]{2,30}"
            r"(?:straße|strasse|str\.|gasse|weg|platz|allee|gatan|gata|vägen|veien|vegen|gade|vej|laan|straat|"
            r"plein|kade|gracht|steenweg|dreef|katu|tie|kuja|utca|útja|ulice|gatvė|iela|stræde|gränd|stíg(?:ur)?)"
            r"(?:\s\d{1,5} ?[a-z]?(?:[-/]\d{1,4})?)(?!\w)"
        ),
        needs=_WAYS_AFTER,
        alone=0.75,
        digits=1,
    ),
    Rule(
        "ADDRESS",
        re.compile(
            r"(?i)(?<!\w)(?:[^\W\d_][\w.'’-]{1,24} ){1,3}(?:u\.|út|utca|útja|tér|körút|krt\.) ?\d{1,4}\.?(?!\w)"
        ),
        0.75,
        needs=(" u.", " út", " utca", " tér", " kör", " krt"),
        digits=1,
    ),
    Rule(
        "ZIP_CODE",
        re.compile(rf"(?:,|\s)\s?{_STATE},?\s{{1,2}}(?P<value>\d{{5}}(?:-\d{{4}})?)(?!\w)"),
        0.85,
        digits=5,
    ),
    Rule(
        "ZIP_CODE",
        re.compile(r"(?<!\w)\d{5}-\d{4}(?![\w-])"),
        0.5,
        0.85,
        words("zip", "address", "postal"),
        digits=9,
    ),
    Rule(
        "ZIP_CODE",
        re.compile(
            r"(?i)\b(?:zip|postal|post)[ -]?(?:code)?\W{0,3}(?:(?:is|was|to|now)\W{1,2}){0,2}(?P<value>\d{3,6}(?: \d{2,3})?(?:-\d{3,4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d)(?!\w)"
        ),
        needs=("zip", "post"),
        alone=0.85,
        digits=1,
    ),
    Rule(
        "ZIP_CODE",
        re.compile(
            r"(?<!\w)(?:GIR ?0AA|[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d|[A-HK-Y]\d\d|\d[A-HJKPS-UW]|[A-HK-Y]\d[ABEHMNPRV-Y]) \d[ABD-HJLNP-UW-Z]{2})(?!\w)"
        ),
        alone=0.85,
        digits=1,
    ),
    Rule(
        "ZIP_CODE",
        re.compile(r"(?<!\w)[ABCEGHJ-NPRSTVXY]\d[A-Z][ -]\d[A-Z]\d(?!\w)"),
        0.85,
        digits=1,
    ),
    Rule(
        "LOCATION",
        re.compile(
            r"(?<![\w.])[-+]?\d{1,2}\.\d{4,8}°? ?[NS]?,\s?[-+]?\d{1,3}\.\d{4,8}°? ?[EW]?(?!\w)"
        ),
        alone=0.8,
        digits=10,
    ),
)
