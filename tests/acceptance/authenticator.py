"""The six digits on a phone: time-based one-time passwords (RFC 6238 over HOTP, RFC 4226; SHA-1, 30 s, 6 digits).

A code is good once, and the broker takes the codes of the step before, the step of now and the step after. So one device
has three codes to spend at any moment, in increasing order; `Authenticator` hands them out in that order and never waits.
"""

import base64
import hashlib
import hmac
import struct
import time

STEP_SECONDS = 30


def one_time_code(seed: bytes, step: int) -> str:
    """The HOTP value of `step`, dynamically truncated to six digits (RFC 4226 section 5.3)."""
    digest = hmac.new(seed, struct.pack(">Q", step), hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


class Authenticator:
    """An authenticator app that holds one seed."""

    def __init__(self, base32_seed: str):
        padding = "=" * (-len(base32_seed) % 8)
        self.seed = base64.b32decode(base32_seed + padding)
        self.last_step = 0
        self.shown: list[str] = []

    def first_two(self) -> tuple[str, str]:
        """Two consecutive codes, as enabling a device asks for: of the step before and of this one."""
        now = int(time.time()) // STEP_SECONDS
        self.last_step = now
        return self._show(now - 1), self._show(now)

    def next_code(self) -> str:
        """The earliest code that has not been spent and that the broker takes."""
        now = int(time.time()) // STEP_SECONDS
        step = max(self.last_step + 1, now)
        assert step <= now + 1, "this device has no unspent code within the broker's window; plan the story with another device"
        self.last_step = step
        return self._show(step)

    def _show(self, step: int) -> str:
        code = one_time_code(self.seed, step)
        self.shown.append(code)
        return code
