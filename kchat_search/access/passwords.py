"""Passwords: which can be taken, and what is kept of them.

argon2id with m=19 MiB, t=2, p=1, the first choice of the OWASP Password Storage Cheat Sheet. It is
as strong as its other choices and as RFC 9106's second recommended option in what a guess costs,
and one log-in keeps one processor busy, not four. A hash names its own parameters; when those here
rise, a password is hashed anew at its next log-in.

A password is compared in NFKC, as NIST SP 800-63B section 3.1.1.2 has it, so it does not depend on
how a keyboard composes a letter. Nothing is cut off: one that is too long is refused.
"""

from __future__ import annotations

import os
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kchat_search.access.names import folded
from kchat_search.databases.column_values import storable
from kchat_search.errors import BadRequest

LEAST_CHARACTERS = 8
"""NIST SP 800-63B: at least eight, and no rules of composition."""
MOST_BYTES = 1_000
_COMMON = frozenset(
    """
    password passw0rd password1 password12 password123 12345678 123456789 1234567890 87654321
    0123456789 123123123 12341234 11223344 1q2w3e4r qwertyui qwertyuiop asdfghjk 1qaz2wsx abcd1234
    a1234567 a12345678 aa123456 aa12345678 woaini1314 5201314520 iloveyou sunshine princess football
    baseball superman trustno1 letmein1 administrator changeme changeit welcome1
    """.split()  # noqa: SIM905  # a list of words reads as one
)
"""Those of eight characters and more that head the published lists of leaked passwords."""

NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""A hash of no password, with the present parameters. It is checked where nobody has the name, so
that this takes as long."""


def checked(password: str, name: str) -> str:
    """A password as it is hashed. Raises `BadRequest` for one that can't be taken."""
    text = _normal(password)
    if text is None:
        raise BadRequest(
            f"The password has more than {MOST_BYTES:,} bytes: take a shorter one.", "password"
        )
    if not text.strip():
        raise BadRequest("The password is empty: give one.", "password")
    if len(text) < LEAST_CHARACTERS:
        raise BadRequest(
            f"The password has fewer than {LEAST_CHARACTERS} characters: take a longer one, such "
            "as four words.",
            "password",
        )
    if storable(text) != text:
        raise BadRequest("The password has characters that nobody can type.", "password")
    plain = text.casefold()
    if plain in _COMMON or plain == folded(name) or len(set(plain)) == 1:
        raise BadRequest(
            "The password is one of the first that anybody tries: take another, such as four "
            "words.",
            "password",
        )
    return text


class Passwords:
    """Hashes passwords, one at a time in a process: each takes 19 MiB and a processor."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

    def hash(self, password: str, name: str) -> str:
        """What is kept of a new password. Raises `BadRequest` for one that can't be taken."""
        text = checked(password, name)
        with _one_at_a_time:
            return self._hasher.hash(text)

    def matches(self, kept: str | None, password: str) -> bool:
        """Is it this password? With None (nobody has the name, or no password was given) it is not,
        after the same work."""
        text = _normal(password)
        with _one_at_a_time:
            try:
                self._hasher.verify(kept or NOBODY, _bytes(text or ""))
            except (VerificationError, InvalidHashError):  # another one; a row that is damaged
                return False
        return kept is not None and text is not None

    def hash_anew(self, kept: str, password: str) -> str | None:
        """The right password, hashed with the present parameters; None where it is already."""
        text = _normal(password)
        if text is None or not self._hasher.check_needs_rehash(kept):
            return None
        with _one_at_a_time:
            return self._hasher.hash(_bytes(text))


_one_at_a_time = threading.Lock()


def _renew_lock() -> None:
    global _one_at_a_time  # noqa: PLW0603  # a thread of the parent may have held the other
    _one_at_a_time = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _normal(password: str) -> str | None:
    """The password in NFKC; None where it has more than `MOST_BYTES`."""
    if len(password) > MOST_BYTES:
        return None
    text = unicodedata.normalize("NFKC", password)
    return text if len(_bytes(text)) <= MOST_BYTES else None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
