"""Code that destroys, opens a door, or brings somebody else's licence along."""

# ruff: noqa: E501 (a form is read in one line)

from __future__ import annotations

import re

from assistants.control.guardrails.checked import Kind
from assistants.control.guardrails.patterns import Form, make_guardrail
from assistants.types import Stage

NAME, VERSION = "code hazards", "1"


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


_FORMS = (
    Form(
        Kind.CODE_HAZARD, 0.95, "destroys files, disks or tables",
        _re(r"\brm\s+(?:-[a-z]+\s+)*-[a-z]*(?:rf|fr|r\s+-f)[a-z]*\s+(?:--no-preserve-root\s+)?(?:/(?:[\s`\'\"\*;]|$|usr|etc|var|home|bin|boot|lib)|~|\$HOME|\*)"
            r"|\bmkfs(?:\.\w+)?\s+/dev/|\bdd\s+[^\n]{0,60}\bof=/dev/(?:sd|nvme|disk|hd)|:\(\)\s*\{\s*:\|:&\s*\};:|\bformat\s+c:|\bdel\s+/[sfq]\s[^\n]{0,20}c:\\"
            r"|\bdrop\s+(?:database|schema)\s+\w|\btruncate\s+table\s+\w|\bdelete\s+from\s+[\w.\"]+\s*(?:;|$)|\bshutil\.rmtree\(\s*['\"](?:/|~|C:)['\"]|\bchmod\s+-R\s+777\s+/(?:\s|$)"
            r"|>\s*/dev/sd[a-z]\b|\bgit\s+push\s+[^\n]{0,40}(?:--force|-f)\b[^\n]{0,30}\b(?:main|master)\b|\bdrop\s+table\s+(?:if\s+exists\s+)?\w"),
        ("rm -", "mkfs", "of=/dev/", ":()", "format c:", "del /", "drop database", "drop schema", "drop table",
         "truncate table", "delete from", "rmtree(", "chmod", "/dev/sd", "git push"),
        quoted=0.6,
    ),
    Form(
        Kind.CODE_HAZARD, 0.92, "runs what it loads from elsewhere, or lets somebody in",
        _re(r"\b(?:curl|wget)\b[^\n|]{0,120}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|\b(?:nc|ncat|netcat)\b[^\n]{0,40}\s-e\s|/dev/tcp/\d|\biex\s*\(?\s*\(?new-object\s+net\.webclient"
            r"|\bexec\(\s*(?:requests\.get|urllib)|\bbase64\s+-d[^\n]{0,20}\|\s*(?:ba)?sh"),
        ("curl", "wget", " -e", "/dev/tcp/", "net.webclient", "exec(", "base64 -d"),
        quoted=0.6,
    ),
    Form(
        Kind.CODE_HAZARD, 0.75, "puts what it is given into a command or a query",
        _re(r"\b(?:os\.system|os\.popen|subprocess\.\w+)\(\s*(?:f['\"]|['\"][^'\"\n]{0,80}['\"]\s*(?:\+|%|\.format))|\bshell\s*=\s*True\b"
            r"|\b(?:execute|executemany|raw|query|cursor\.execute)\(\s*(?:f['\"]{1,3}|['\"]{1,3}[^'\"\n]{0,200}['\"]{1,3}\s*(?:\+|%\s*[\w(]|\.format\())[^\n]{0,20}"
            r"|[\"'](?:select|insert|update|delete)\s[^\"'\n]{0,120}[\"']\s*\+\s*\w|\beval\(\s*(?:input|request|sys\.argv|params|req\.)|\bexec\(\s*(?:input|request)"
            r"|\binnerHTML\s*=\s*[^'\"\n;]{0,60}(?:location|params|input|req|value)|\bdangerouslySetInnerHTML"),
        ("os.system(", "os.popen(", "subprocess.", "shell", "execute(", "executemany(", "raw(", "query(",
         *(f"{mark}{verb}" for mark in "'\"" for verb in ("select", "insert", "update", "delete")),
         "eval(", "exec(", "innerhtml"),
    ),
    Form(
        Kind.CODE_HAZARD, 0.7, "turns a protection off",
        _re(r"\bverify\s*=\s*False\b|\bpickle\.loads?\(|\byaml\.load\((?![^)]*Safe)|\bssl\._create_unverified_context|\bcheck_hostname\s*=\s*False|\brejectUnauthorized\s*:\s*false|\bStrictHostKeyChecking[= ]no|\bhashlib\.(?:md5|sha1)\([^\n]{0,40}passw|\bDEBUG\s*=\s*True\b(?=[^\n]{0,40}prod)|\bcsrf_exempt\b|\bsetenforce\s+0\b|\bchmod\s+(?:-R\s+)?777\b"),
        ("verify", "pickle.load", "yaml.load", "_create_unverified_context", "check_hostname", "rejectunauthorized",
         "stricthostkeychecking", "hashlib.", "debug", "csrf_exempt", "setenforce", "chmod"),
    ),
    Form(
        Kind.CODE_HAZARD, 0.7, "holds a password in clear",
        _re(r"\b(?:password|passwd|pwd|secret|api_?key|token)\s*(?:=|:)\s*['\"](?!\s*['\"]|<|\$\{|\{|your|xxx|changeme|example|\.\.\.|\*)[^'\"\n]{6,80}['\"]"),
        ("passw", "pwd", "secret", "key", "token"),
    ),
    Form(
        Kind.CODE_HAZARD, 0.6, "carries somebody else's licence",
        _re(r"\bGNU (?:Affero |Lesser )?General Public License\b|\bSPDX-License-Identifier:\s*(?:A?GPL|LGPL|SSPL|BUSL)|\bCopyright\s+(?:\(c\)|©)\s*(?:\d{4}[-, ]*)+[^\n]{0,60}all rights reserved|\bServer Side Public License\b"),
        ("general public license", "spdx-license-identifier", "all rights reserved", "side public license"),
    ),
)  # fmt: skip

code_hazards = make_guardrail(
    NAME, VERSION, _FORMS, frozenset({Stage.BLOCK, Stage.ANSWER}), cost_ms=0.4
)
