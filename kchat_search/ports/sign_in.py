"""The port to whoever vouches for people elsewhere: a provider of OpenID Connect."""

from __future__ import annotations

from typing import Protocol

from kchat_search.models.people import Person, Principal
from kchat_search.models.sign_in import Answer, Attempt


class SignInElsewhere(Protocol):
    """Methods raise `SignInRefused`, `ProviderUnreachable` where the provider can't be asked, and
    `AccessError`."""

    @property
    def name(self) -> str:
        """What people call the provider."""
        ...

    @property
    def auto_redirect(self) -> bool:
        """Does the log-in page lead to the provider at once?"""
        ...

    def begin(self, redirect_uri: str) -> tuple[Attempt, str]:
        """A new attempt, to be kept in the browser, and the address to which the browser goes."""
        ...

    def finish(self, attempt: Attempt, answer: Answer, redirect_uri: str) -> tuple[Person, str]:
        """Who has signed in, and what is to be kept with their session. `attempt` is the one of
        this browser whose state came back; `redirect_uri` that of `begin`."""
        ...

    def holds(self, principal: Principal) -> bool:
        """Does what the provider said of this person still count as it is? False: look up again who
        has the session. Called at each request of a session that began here."""
        ...

    def log_out_url(self, session: int, return_to: str) -> str | None:
        """Where the browser signs out at the provider too; None where it can't. Call it before the
        session ends."""
        ...

    def signed_out(self, logout_token: str) -> int:
        """End the sessions of whom the provider says it has signed out. Returns how many."""
        ...
