"""The hunt for secrets: everything secret that a story makes is remembered, and looked for where it must not be."""

import base64
import binascii
import json
import urllib.parse
from pathlib import Path

# Members of answers and of credential documents that carry a secret.
SECRET_MEMBERS = {"SecretAccessKey", "SessionToken", "Token", "Base32StringSeed", "Password"}


class Hunt:
    """What was secret, and in which spellings it could be written down."""

    def __init__(self):
        self.secrets: dict[str, str] = {}  # secret -> what it was

    def remember(self, what: str, secret: str | bytes) -> None:
        if isinstance(secret, bytes):
            secret = secret.decode()
        assert len(secret) >= 8, f"{what} is too short to be told from chance"
        self.secrets[secret] = what
        if secret.count(".") == 2 and len(secret) > 100:
            # A token cut short in a log line is as bad as a whole one once its signature is there.
            self.secrets[secret.rsplit(".", 1)[1]] = f"signature of {what}"

    def remember_code(self, code: str) -> None:
        """Six digits alone may be chance; as the value of a named member they are not."""
        self.secrets[f'"{code}"'] = "a one-time code"
        self.secrets[f"TokenCode={code}"] = "a one-time code in a form body"

    def remember_all_in(self, answer, where: str) -> None:
        """Walks an answer and remembers each member that carries a secret."""
        if isinstance(answer, dict):
            for name, value in answer.items():
                if name in SECRET_MEMBERS and isinstance(value, (str, bytes)) and value:
                    self.remember(f"{name} of {where}", value)
                else:
                    self.remember_all_in(value, where)
        elif isinstance(answer, list):
            for item in answer:
                self.remember_all_in(item, where)

    def found_in(self, content: bytes, place: str) -> list[str]:
        """One sentence per secret found; the secret itself is not repeated."""
        lowered = content.lower()
        findings = []
        for secret, what in self.secrets.items():
            for spelling, form in spellings(secret).items():
                haystack = lowered if "hexadecimal" in spelling else content
                if form in haystack:
                    findings.append(f"{what} is in {place} ({spelling})")
        return findings

    def found_in_files(self, folder: Path, except_for: set[str] = frozenset()) -> list[str]:
        findings = []
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in except_for:
                findings += self.found_in(path.read_bytes(), path.name)
        return findings


def spellings(secret: str) -> dict[str, bytes]:
    """The ways in which a value could have been written down by accident."""
    raw = secret.encode()
    forms = {
        "as it is": raw,
        "percent-encoded": urllib.parse.quote(secret, safe="").encode(),
        "in JSON": json.dumps(secret)[1:-1].encode(),
        "base64": base64.b64encode(raw).rstrip(b"="),
        "hexadecimal": binascii.hexlify(raw),
    }
    if len(secret) >= 16 and set(secret) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567="):
        seed = base64.b32decode(secret.rstrip("=") + "=" * (-len(secret.rstrip("=")) % 8))
        forms["as the bytes of the seed"] = seed
        forms["as the seed's bytes in hexadecimal"] = binascii.hexlify(seed)
    return forms
