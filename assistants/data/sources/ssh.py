"""The `ssh` program for git: no questions, no forwarding, no unknown host, no environment."""

from __future__ import annotations

import os
import subprocess

from dulwich.client import SSHVendor, StrangeHostname, SubprocessWrapper

from assistants.exceptions import SourceUnavailable

PASSED_ON = ("HOME", "PATH", "LANG")  # never a secret of ours


class Ssh(SSHVendor):
    """`key` is the path of a private key, "" for what the account has."""

    def __init__(self, key: str, seconds: float) -> None:
        self._key = key
        self._seconds = seconds

    def run_command(
        self,
        host: str,
        command: bytes,
        username: str | None = None,
        port: int | None = None,
        password: str | None = None,
        key_filename: str | None = None,
        ssh_command: str | None = None,
        protocol_version: int | None = None,
    ) -> SubprocessWrapper:
        if host.startswith("-") or (username or "").startswith("-"):
            raise StrangeHostname(host)
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "ClearAllForwardings": "yes",
            "ForwardAgent": "no",
            "PermitLocalCommand": "no",
            "ConnectTimeout": "10",
            "ServerAliveInterval": "10",
            "ServerAliveCountMax": str(max(1, round(self._seconds / 10))),
        }
        if self._key:
            options["IdentitiesOnly"] = "yes"
        argv = ["ssh", "-F", "none", "-x", "-T"]
        argv += [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        argv += ["-i", self._key] if self._key else []
        argv += ["-p", str(port)] if port else []
        argv += ["--", f"{username}@{host}" if username else host, command.decode()]
        try:
            process = subprocess.Popen(  # noqa: S603  # the arguments are ours, and end at "--"
                argv,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            )
        except FileNotFoundError as error:
            raise SourceUnavailable(
                user_message="The program “ssh” is not installed here. "
                "Please use an https:// address, or install an OpenSSH client."
            ) from error
        return SubprocessWrapper(process)
