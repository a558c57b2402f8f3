"""Who runs a command: the owner, by the name of their account at this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from kchat_search.access.administration import Administration
from kchat_search.access.recorder import AuditRecorder
from kchat_search.composition import make_access
from kchat_search.config import Settings
from kchat_search.models.people import OWNER, Principal


def owner() -> Principal:
    """The owner, with the name of the account that the process runs under: what the system says,
    not the environment, which anybody may set."""
    return replace(OWNER, name=_account() or OWNER.name)


@contextmanager
def administration(settings: Settings) -> Iterator[Administration]:
    """People and tokens, for the owner; every change is recorded. Raises `AccessError` where the
    database of people can't be opened."""
    with closing(make_access(settings)) as access:
        asks = owner()
        yield Administration(access, asks, AuditRecorder(access.audit, asks))


def _account() -> str | None:
    try:
        import pwd  # noqa: PLC0415  # Windows has none

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return None
