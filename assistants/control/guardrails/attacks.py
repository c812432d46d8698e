"""Attacks that say what they want: rules for their forms, in the spelling a person reads.

Each form needs the verb, its object and who is addressed, since the words alone ("ignore",
"password", "system prompt") stand in many harmless questions. What is encoded is decoded first.
"""

# ruff: noqa: E501 (a form is read in one line)

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assistants.control.guardrails.checked import Kind
from assistants.control.inspection.decoding import Unreadable, read_layers
from assistants.control.inspection.folding import fold

LONGEST = 20_000  # characters that the rules look at, from each end
_ENCODED = re.compile(
    r"[A-Za-z0-9+/=]{20,}|(?:[0-9A-Fa-f]{2}[ :]){6,}|(?:[01]{8} ?){4,}|%[0-9A-F]{2}"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """`severity` 0 to 1; `start` and `end` are offsets into the text, both 0 where it was encoded."""

    kind: Kind
    severity: float
    reason: str
    start: int = 0
    end: int = 0


def _spaced(pattern: str) -> re.Pattern[str]:
    """One blank in a form stands for any number of them, and for commas and line ends."""
    pattern = pattern.replace(r"\s?", r"[ ,\r\n\t]{0,6}")
    return re.compile(pattern.replace(r"\s", r"[ ,\r\n\t]{1,6}"), re.IGNORECASE)


_OVERRIDE = (
    r"(?:ignore|disregard|forget|discard|override|bypass|neglect|abandon|cancel|erase|void|dismiss"
    r"|set\saside|throw\saway|pay\sno\sattention\sto|do\snot\sfollow|don't\sfollow|stop\sfollowing)"
)
_OWN_RULES = (
    r"(?:instructions?|directions|rules|guidelines|orders|commands|directives|prompts?|restrictions"
    r"|constraints|programming|training|policies|assignments?)"
)
_BEFORE = (
    r"(?:previous|prior|earlier|preceding|above|former|original|initial|past|existing|system"
    r"|developer'?s?|safety|content)"
)

# (kind, severity, reason, pattern); patterns are bounded, so that time is linear in the text.
_FORMS: list[tuple[Kind, float, str, re.Pattern[str]]] = [
    (kind, severity, reason, _spaced(pattern))
    for kind, severity, reason, pattern in (
        (
            Kind.PROMPT_INJECTION, 0.95, "asks to ignore the instructions",
            rf"\b{_OVERRIDE}\s(?:(?:all|any|each|every|of|the|your|my|these|those|and)\s){{0,4}}"
            rf"{_BEFORE}\s(?:\w{{2,12}}\s){{0,2}}?{_OWN_RULES}\b",
        ),
        (
            Kind.PROMPT_INJECTION, 0.9, "asks to ignore the instructions",
            rf"\b{_OVERRIDE}\s(?:all\s|any\s)?(?:of\s)?(?:your|the)\s{_OWN_RULES}\sand\b"
            rf"|\b{_OVERRIDE}\s(?:all|everything|whatever|anything)\s(?:that\s)?(?:you|I|they|we)"
            r"(?:'ve|\shave|\shad)?\s(?:\w+\s)?(?:told|said|been|given|know|got|were|asked|wrote)\b"
            rf"|\b{_OVERRIDE}\s(?:all|everything|whatever|anything)\syou\s(?:have\s)?(?:learned|learnt)\s(?:before|so\sfar|until\snow)\b"
            rf"|\b{_OVERRIDE}\s(?:all\s(?:of\s)?)?(?:the\s)?(?:instructions|rules|orders)\s(?:you|I)\s"
            rf"|\b{_OVERRIDE}\s(?:everything|all)\s(?:written\s|said\s|stated\s)?(?:above|before|prior)\b"
            rf"|\b{_OVERRIDE}\sall\s{_OWN_RULES}\b",
        ),
        (
            Kind.PROMPT_INJECTION, 0.9, "pretends to be the system",
            r"<\|(?:im_start|im_end|system|endoftext)\|?>|\[/?INST\]|<</?SYS>>|(?m:^)\#{2,3}\s?(?:system|instruction)s?:?[ ]*$"
            r"|(?m:^[ \t]{0,8}\[?(?:system|developer)\s?(?:message|override|note|prompt)?\]?\s?:\s)",
        ),
        (
            Kind.PROMPT_INJECTION, 0.75, "claims a special mode or authority",
            r"\b(?:enable|activate|enter(?:ing)?|switch(?:ed)?\s(?:you\s)?(?:in)?to|(?:you\sare|you're)\s(?:now\s)?(?:entering|in))\s"
            r"(?:now\s|the\s|a\s)?(?:security\s|system\s)?(?:developer|debug|debugging|god|admin|administrator|jailbreak|root|sudo|override|unrestricted|maintenance|diagnostic|superuser|dan|evil|opposite)\s(?:override\s)?mode\b"
            r"|<\s?(?:now\s)?(?:entering|enter)\s[^<>]{3,40}\smode\s?>"
            r"|\bI(?:'m|\sam)\s(?:your|the)\s(?:developer|creator|programmer|maker|god|master|boss)\b(?=.{0,160}\b(?:must|need\syou|tell|reveal|print|show|explain|ignore|obey|check))",
        ),
        (
            Kind.JAILBREAK, 0.95, "asks for an assistant without rules",
            r"\bdo\sanything\snow\b|\b(?:DAN|STAN|DUDE|AIM)\s(?:mode|virtual\smachine|can\b|has\b|does\b)|\bjailbreak\s(?:mode|prompt|enabled)"
            r"|\b(?:act|behave|respond|reply|answer|pretend|play|simulate|role-?play|you\sare|you're|you\swill\s(?:be|act|play))\b.{0,120}?"
            r"\b(?:without|no|free\s(?:of|from)|not\sbound\sby|ignores?|unbound\sby|never\srefus\w+|bypass\w*)\s(?:any\s|all\s|its\s|the\s|moral\s|ethical\s|content\s){0,3}"
            r"(?:restrictions|limits|limitations|rules|filters?|guidelines|ethics|morals|censorship|polic(?:y|ies)|request)\b"
            r"|\b(?:unfiltered|uncensored|unrestricted|amoral)\s(?:\w+\s)?(?:AI|assistant|model|chatbot|response|answer|language\smodel)\b(?=.{0,200}\b(?:you|never|will|must)\b)",
        ),
        (
            Kind.JAILBREAK, 0.8, "forbids to refuse",
            r"\b(?:never|do\snot|don't|may\snot|cannot)\s(?:say|tell\sme|reply|respond|answer)\s(?:that\s|with\s)?(?:you\s(?:can't|cannot|are\snot\sable)|.{0,3}I(?:'m|\sam)?\s(?:sorry|can't|cannot))"
            r"|\bstay\sin\scharacter\b.{0,300}\b(?:no\srestrictions|refus\w+|illegal|unethical|tokens)\b"
            r"|\b(?:start|begin)\s(?:your\s)?(?:answer|response|reply)\swith\s.{0,3}(?:sure|absolutely|of\scourse)[,!]?\s?here",
        ),
        (
            Kind.PROMPT_EXTRACTION, 0.9, "asks for the hidden instructions",
            r"\b(?:show|print|reveal|repeat|output|display|tell|give|write|recite|dump|list|share|leak|expose|quote|copy|state|return|echo|spell|disclose|paraphrase|summari[sz]e|translate|encode|read|see|what(?:'s|\sis|\sare|\swere))\b"
            r"(?:[ \n](?:me|us|out|all|of|back|verbatim|exactly|first|and|then|show|please|is|in|to)){0,8}\s?:?\s(?:the\s|all\s|of\s){0,2}(?:your|its|thy)\s(?:(?:full|whole|entire|complete|exact|own|secret|hidden|original|initial|first|very|internal|system|base|current|complete)\s){0,3}"
            r"(?:system\s(?:prompt|message|instructions?)|prompts?\b(?!\s(?:library|response|payment))|pre-?prompt|instructions|directives|initial\sconfiguration|configuration|developer\smessage|preamble)",
        ),
        (
            Kind.PROMPT_EXTRACTION, 0.85, "asks for what stands before the conversation",
            r"\b(?:repeat|print|output|show|recite|copy|write|translate|display|return|dump)\b.{0,40}?\b(?:the\s)?(?:text|everything|words|instructions|content|all|conversation|prompt|lines?)\s(?:\w+\s){0,3}?(?:above|before\sthis|prior\sto\sthis|you\swere\s(?:given|told)|that\s(?:starts|begins)\swith\s.you\sare)"
            r"|\b(?:beginning|starting|starts?|begin)\swith\s.{0,2}you\sare\b"
            r"|\binitial\s(?:prompt|instructions)\b.{0,60}\b(?:word\sfor\sword|verbatim|exactly|you\swere|back\sto\sme)"
            r"|\bdisplay\s(?:the\s)?system\s(?:prompt|configuration|message)|\bshow\sme\sthe\ssystem\s(?:prompt|message)",
        ),
        (
            Kind.PROMPT_EXTRACTION, 0.75, "asks the assistant for a secret that it keeps",
            r"\b(?:your|you\swere\s(?:told|given))\s(?:secret\s|hidden\s|admin\s|own\s)?(?:password|passphrase|passcode|secret\s(?:key|word|code|phrase)|secret|code\sword|access\scode|master\skey|api\skey)\b(?!\s(?:policy|manager|reset|protect|hash|safe|secure|must|should|strong|expires?))"
            r"|\b(?:the|a)\s(?:password|passphrase|secret\s(?:key|word|code|phrase)|code\sword)\s(?:you|that\syou|for\sour\ssystem)\b"
            r"|\b(?:write|spell|say|give|tell|translate|reveal|encode|rhyme|describe|hint|haiku|poem|song|story)\b.{0,40}\bthe\s(?:password|passphrase|secret\s(?:key|word|code|phrase)|code\sword)\b(?!\s(?:policy|manager|reset|field|rules|hash|of\smy|for\smy|check))",
        ),
        (
            Kind.PROMPT_EXTRACTION, 0.75, "asks for what the assistant knows of a user",
            r"\b(?:what|where|when|tell|give|reveal|write|spell|translate|say|list|show|which)\b.{0,40}\bthe\suser(?:'s|s')\s(?:\w+\s)?(?:name|initials|e-?mail|birth|birthday|date\sof\sbirth|address|city|home|location|phone|age|personal|private|favou?rite|password|account)"
            r"|\bwhere\s(?:does|did|was|is)\sthe\suser\s(?:live|born|now|currently|from)",
        ),
        (
            Kind.PROMPT_EXTRACTION, 0.75, "asks the assistant for a secret that it keeps",
            r"\b(?:was|wie|welch\w+)\s(?:ist|lautet)\s(?:das|dein|ihr)\s(?:geheime\s)?(?:passwort|kennwort|losungswort)\s?\?|\b(?:dein|ihr)\s(?:passwort|kennwort)\b(?=.{0,40}\b(?:gib|geben|sag|nenn|verrat))|\b(?:sag|gib|nenn|verrat)\w*\b.{0,30}\b(?:das|dein|ihr)\s(?:geheime\s)?(?:passwort|kennwort)\b"
            r"|\b(?:cual\ses\s(?:la|tu)|dime\s(?:la|tu)|revela\s(?:la|tu))\s(?:contrasena|palabra\ssecreta|clave\ssecreta)|\b(?:quel\sest\s(?:le|ton|votre)|donne[sz]?-moi\s(?:le|ton|votre)|dis-moi\s(?:le|ton))\smot\sde\spasse"
            r"|\b(?:qual\se'?\s(?:la|tua)|dimmi\s(?:la|tua)|qual\s(?:e\s)?a|diga\sa|diz\sa)\s(?:password|parola\ssegreta|parola\sd'ordine|senha|palavra\ssecreta)|\bwat\sis\s(?:het|je|jouw)\s(?:geheime\s)?wachtwoord",
        ),
        # Other languages: ignore + instructions, and the hidden prompt.
        (
            Kind.PROMPT_INJECTION, 0.9, "asks to ignore the instructions",
            r"\b(?:ignorier\w*|vergiss|vergessen\ssie|missacht\w*|uberschreib\w*|umgeh\w*)\b.{0,30}\b(?:anweisung\w*|regeln|instruktion\w*|richtlinien|vorgaben|befehle)"
            r"|\b(?:ignor[ea]\w*|oubli\w+|ne\stiens\spas\scompte|olvid\w+|dimentic\w+|esque[cç]\w+|desconsider\w+|no\ssigas|non\sseguire|negeer|vergeet|zignoruj|zapomnij)\b.{0,40}\b(?:instru\w+|consign\w+|regl\w+|istruzion\w+|regol\w+|orden\w+|instructies|regels|polecen\w+|zasad\w*|todo\slo|tout\sce|ordres)"
            r"|(?:onceki|yukaridaki).{0,30}(?:talimat|kural).{0,20}(?:yok\ssay|unut|dikkate)",
        ),
        (
            Kind.PROMPT_EXTRACTION, 0.85, "asks for the hidden instructions",
            r"\b(?:system-?prompt\w*|prompt\s(?:de\s|del\s|do\s|di\s)?(?:systeme|sistema)|mensaje\sde\ssistema|instrucciones\siniciales|instructions\sinitiales|istruzioni\siniziali|instrucoes\siniciais|systemprompt)\b"
            r"(?=.{0,80}(?:zeig|nenn|gib|wort|montre|repete|mot|quel|cual|muestra|repite|palabra|qual|mostra|ripeti|parola|repita|palavra|toon|wat|herhaal|woord|wie\slaut))"
            r"|\b(?:zeig|gib|nenn|wiederhol|montre|repete|muestra|repite|mostra|ripeti|repita|toon|herhaal|powtorz|pokaz)\w*\b.{0,40}\b(?:deine|tes|tus|tue|suas|tuas|je|swoje|swoj)\s(?:\w+\s)?(?:anweisungen|instructions|instrucciones|istruzioni|instrucoes|instructies|instrukcje|prompt)",
        ),
    )
]  # fmt: skip

# Each form needs one word of each of its groups, in small letters: looking for those costs next to
# nothing. No word holds a blank, since there may be more than one between two.
_VERBS = (
    *("ignore", "disregard", "forget", "discard", "override", "bypass", "neglect", "abandon"),
    *("cancel", "erase", "void", "dismiss", "aside", "away", "attention", "follow"),
)
_RULES = (
    *("instruction", "direction", "rules", "guideline", "orders", "command", "directive", "prompt"),
    *("restriction", "constraint", "programming", "training", "polic", "assignment"),
)
_FREE = (
    *("anything", "dan", "stan", "dude", "aim", "jailbreak", "unfiltered", "uncensored"),
    *("unrestricted", "amoral", "restrictions", "limits", "limitations", "rules", "filter"),
    *("guidelines", "ethics", "morals", "censorship", "polic", "request"),
)
_NEEDS: list[tuple[tuple[str, ...], ...]] = [
    (_VERBS, _RULES),
    (_VERBS, (*_RULES, "told", "said", "been", "given", "know", "got", "were", "asked", "wrote", "learn", "above", "before", "prior")),
    (("<|", "[inst", "[/inst", "<<", "##", "system", "developer"),),
    (("mode", "i'm", "i am"), ("mode", "developer", "creator", "programmer", "maker", "god", "master", "boss")),
    (_FREE, ("act", "behave", "respond", "reply", "answer", "pretend", "play", "simulate", "you", "anything", "jailbreak", "dan", "stan", "dude", "aim"), ("now", "mode", "virtual", "can", "has", "does", "jailbreak", "without", "no", "free", "ignore", "unbound", "bypass", "un", "amoral")),
    (("never", "not", "n't", "character", "start", "begin"), ("can't", "cannot", "able", "sorry", "restrictions", "refus", "illegal", "unethical", "tokens", "here")),
    (("your", "its", "thy"), ("prompt", "instruction", "directive", "configuration", "message", "preamble")),
    (("above", "this", "were", "you", "initial", "system"), ("repeat", "print", "output", "show", "recite", "copy", "write", "translate", "display", "return", "dump", "start", "begin", "initial")),
    (("your", "you", "the"), ("passw", "passphrase", "passcode", "secret", "word", "access", "master", "api")),
    (("user",),),
    (("passwort", "kennwort", "losungswort", "contrasena", "palabra", "clave", "passe", "password", "parola", "senha", "palavra", "wachtwoord"),),
    (("ignor", "vergiss", "vergessen", "missacht", "uberschreib", "umgeh", "oubli", "tiens", "olvid", "dimentic", "esque", "desconsider", "sigas", "seguire", "negeer", "vergeet", "zignoruj", "zapomnij", "onceki", "yukaridaki"),),
    (("prompt", "mensaje", "instruc", "instructions", "istruzioni", "anweisungen", "instructies", "instrukcje"), ("zeig", "nenn", "gib", "wort", "montre", "repete", "mot", "quel", "cual", "muestra", "repit", "palabra", "qual", "mostra", "ripeti", "parola", "palavra", "toon", "wat", "herhaal", "woord", "lautet", "wiederhol", "powtorz", "pokaz")),
]  # fmt: skip

# Scripts that `fold` leaves as they are, or spells in letters that look alike.
_OTHER_SCRIPTS: list[tuple[Kind, float, str, re.Pattern[str]]] = [
    (
        Kind.PROMPT_INJECTION,
        0.9,
        "asks to ignore the instructions",
        re.compile(
            r"(?:忽略|忘记|忘掉|无视|不要理会|不要遵守).{0,12}(?:指令|指示|规则|规定|提示|说明|要求|命令)"
            r"|(?:指示|命令|ルール|規則|指令).{0,10}(?:無視|忘れ)|(?:지시|명령|규칙|지침).{0,12}(?:무시|잊)"
            r"|(?:игнорир|забуд|забыть|не обращай|отмени|пренебреги)[а-яё]*.{0,30}(?:инструкц|указан|правил|команд|распоряжен|сказан|говорил)"
            r"|(?:تجاهل|انس).{0,30}(?:التعليمات|الأوامر|القواعد|تعليمات)|(?:निर्देश|नियम).{0,20}(?:अनदेखा|भूल)"
            r"|(?:התעלם|שכח).{0,30}(?:הוראות|כללים)",
            re.IGNORECASE,
        ),
    ),
    (
        Kind.PROMPT_EXTRACTION,
        0.75,
        "asks the assistant for a secret that it keeps",
        re.compile(
            r"(?:告诉我|说出|给我|你的|秘密).{0,6}(?:密码|口令|暗号)(?!.{0,6}(?:政策|重置))|パスワード.{0,14}(?:教えて|提供して|言って)"
            r"|(?:назови|скажи|какой|дай)[а-яё]*.{0,20}(?:пароль|секретн[а-яё]+ слово)|비밀번호.{0,10}(?:알려|말해)"
            r"|(?:أخبرني|ما هي|أعطني).{0,20}كلمة (?:السر|المرور)(?! (?:الخاصة بي|لي))|पासवर्ड.{0,10}(?:बताओ|बताइए)",
            re.IGNORECASE,
        ),
    ),
    (
        Kind.PROMPT_EXTRACTION,
        0.85,
        "asks for the hidden instructions",
        re.compile(
            r"(?:系统|系統|初始|原始).{0,3}(?:提示|指令|设定)(?=.{0,20}(?:什么|显示|告诉|输出|重复|是))|(?:重复|显示|告诉|输出|逐字).{0,12}(?:系统提示|初始指令|你的指令|提示词)"
            r"|システム(?:プロンプト|指示).{0,12}(?:表示|教え|見せ|出力)|시스템\s?프롬프트.{0,12}(?:보여|알려|출력)"
            r"|(?:покажи|повтори|выведи|какой|каков)[а-яё]*.{0,30}(?:системн[а-яё]+ (?:промпт|сообщени|инструкц)|свои инструкц)"
            r"|(?:كرر|اعرض|أظهر|ما هي).{0,20}(?:تعليمات النظام|تعليماتك|موجه النظام)|सिस्टम प्रॉम्प्ट.{0,10}(?:दिखा|बता)",
            re.IGNORECASE,
        ),
    ),
]


def find_attacks(text: str) -> list[Hit]:
    """What the rules find in a text, also spelt otherwise, encoded, reversed or in other scripts."""
    looked_at = _ends(text)
    found = list(_find(looked_at))
    if not found and _ENCODED.search(looked_at):
        try:
            layers = read_layers(looked_at)
        except Unreadable:
            layers = []
        found += [
            Hit(hit.kind, hit.severity, f"{hit.reason}, encoded")
            for layer in layers[:20]
            for hit in _find(_ends(layer))
        ]
    return found


def _ends(text: str) -> str:
    return text if len(text) <= 2 * LONGEST else text[:LONGEST] + text[-LONGEST:]


def _find(text: str) -> Iterator[Hit]:
    plain = fold(text)
    aligned = len(plain) == len(text)
    lower = plain.lower()
    for (kind, severity, reason, pattern), needs in zip(_FORMS, _NEEDS, strict=True):
        if not all(any(word in lower for word in group) for group in needs):
            continue
        for match in pattern.finditer(plain):
            start, end = match.span() if aligned else (0, 0)
            yield Hit(kind, severity, reason, start, end)
    if text.isascii():
        return
    for kind, severity, reason, pattern in _OTHER_SCRIPTS:
        for match in pattern.finditer(text):
            yield Hit(kind, severity, reason, *match.span())
