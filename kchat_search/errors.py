"""Every error that this program raises on purpose.

    KchatSearchError            .retry: may the same call succeed later?
    ├── SettingsError           a setting is missing or wrong; the text names it
    ├── BadRequest              a request cannot be answered; .parameter names the input
    │   └── LimitExceeded       a documented limit was exceeded; .limit is that limit
    ├── NotFound                there is no such chat, person, token or row
    ├── RequestRefused          this request may not be answered: 403 on the web
    │   ├── HostMalformed       its Host is no host: 400 on the web
    │   ├── FormExpired         a change that does not come from our own page
    │   └── Forbidden           this principal may not do this; .permission
    ├── NotSignedIn             nobody is known who asks: 401, or the log-in page
    ├── SignInRefused           signing in elsewhere did not succeed; .reason, .detail
    │   └── ProviderUnreachable who vouches for people can't be asked               (retry)
    ├── TooManyRequests         this principal asks too often; .retry_after             (retry)
    │   └── TooManyAttempts     too many log-ins failed                                 (retry)
    ├── RequestTooExpensive     it would use more processor time than a request may; .seconds
    ├── KchatError              the Kchat API failed
    │   ├── KchatUnreachable    no answer: name look-up, connection, time-out       (retry)
    │   ├── KchatRefused        401 or 403: e-mail, token or permission
    │   ├── KchatNotFound       404 or 410: no such chat, or no such path
    │   ├── KchatBusy           429 or 5xx after all retries                        (retry)
    │   └── KchatBadAnswer      an answer that the API does not describe            (retry)
    ├── ArchiveError            the archive cannot be read or written
    │   ├── ArchiveFull         the disk of the archive is full                     (retry)
    │   └── ChatDamaged         this chat is damaged in the archive; .chat_id names it
    ├── AccessError             the database of people and audit cannot be used: no answer
    │   └── AuditUnwritable     an entry can't be recorded, so what it is about is refused (retry)
    ├── IndexDamaged            the index cannot be read; run `kchat-search reindex`
    ├── IndexUnwritable         what holds the index is full or read-only           (retry)
    │   ├── EngineUnreachable   the servers of the index do not answer              (retry)
    │   └── ChatsRefused        they do not take some chats; .chats names them      (retry)
    ├── IndexerBusy             another process is the indexer; .holder names it    (retry)
    ├── IndexerDeposed          this process was the indexer, and is it no more     (retry)
    ├── TooManyExports          the most exports allowed are already running        (retry)
    │   └── ExportQuotaReached  one client runs as many exports as it may           (retry)
    ├── ReaderTooSlow           the client of an export reads too slowly            (retry)
    └── OutputUnwritable        the file of an export cannot be written             (retry)

These errors stand for faults outside the program: the network, a disk, what a person typed. A bug
in the program is never wrapped in one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self


class KchatSearchError(Exception):
    """The root of the tree. The text is one line for a person, and says what to do next."""

    retry: bool = False

    @property
    def kind(self) -> str:
        """The name of the error, for whoever words it: «KchatUnreachable.tls», «ArchiveFull»."""
        return type(self).__name__


class SettingsError(KchatSearchError):
    """A setting is missing or wrong."""


class BadRequest(KchatSearchError):
    """A request cannot be answered in this form. `parameter` is the name of the input that is
    wrong."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class LimitExceeded(BadRequest):
    """A documented limit was exceeded. `limit` is that limit, in the unit of the parameter."""

    def __init__(self, message: str, parameter: str, limit: int) -> None:
        super().__init__(message, parameter)
        self.limit = limit


class NotFound(KchatSearchError):
    """There is no such chat in the archive; no such person, token, session or row."""


class RequestRefused(KchatSearchError):
    """This request may not be answered. The text says why."""


class HostMalformed(RequestRefused):
    """The `Host` of a request is missing, or is not `host` or `host:port`."""


class FormExpired(RequestRefused):
    """A change that has no valid CSRF token: the form is of another log-in, or of another site."""


class Forbidden(RequestRefused):
    """This principal may not do this. `permission` names what it lacks."""

    def __init__(self, permission: str) -> None:
        super().__init__(
            f"Your account may not do this: it lacks the permission '{permission}'. Ask an "
            "administrator."
        )
        self.permission = permission


class NotSignedIn(KchatSearchError):
    """Nobody is known who asks: no session, no token, or one that has ended."""


class SignInRefused(KchatSearchError):
    """Signing in by OpenID Connect did not succeed, or what it gave has ended. `reason` is a word
    of `REASONS`; `detail` names a claim or one of the error codes of OAuth 2.0, never what somebody
    else wrote."""

    REASONS: ClassVar = {
        "attempt": "This answer belongs to no sign-in that began in this browser, or to one that "
        "began too long ago: sign in again.",
        "provider": "The provider refused the sign-in: try again, or ask your administrator.",
        "answer": "The provider's answer does not prove who you are, so nobody was signed in: try "
        "again. If it stays so, the log says more to your administrator.",
        "no_role": "You have an account at the provider, but none of its groups gives you a role "
        "here: ask your administrator.",
        "disabled": "Your account here is disabled: ask your administrator.",
        "ended": "The provider no longer says who you are: sign in again.",
        "unreachable": "The provider can't be asked who you are: try again in a minute.",
        "busy": "Many people are signing in at this moment: try again in some seconds.",
    }

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(self.REASONS[reason] + (f" ({detail})" if detail else ""))
        self.reason = reason
        self.detail = detail


class ProviderUnreachable(SignInRefused):
    """Who vouches for people elsewhere can't be asked at this moment."""

    retry = True


class TooManyRequests(KchatSearchError):
    """This principal makes more requests than it may. `retry_after`: seconds."""

    retry = True

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyAttempts(TooManyRequests):
    """Too many log-ins failed for this name from this address, or too many run at one time."""


class RequestTooExpensive(KchatSearchError):
    """Answering would use more processor time than one request may. `seconds` is what it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"To answer this takes more than {seconds:g} s of processor time, which is the most "
            "for one request. Search for fewer or longer words, without a star, in fewer days, "
            "with another filter, or for fewer hits at a time. Of a long chat, ask for one page or "
            "one version at a time."
        )
        self.seconds = seconds


class KchatError(KchatSearchError):
    """The Kchat API did not give the answer that was requested."""

    cause: str = ""
    """What exactly went wrong, in one word, if that is known: «name», «tls», «time-out», «401»."""

    @property
    def kind(self) -> str:
        """Its name and its cause."""
        return f"{type(self).__name__}.{self.cause}" if self.cause else type(self).__name__

    def because(self, cause: str) -> Self:
        """The same error, with its cause."""
        self.cause = cause
        return self


class KchatUnreachable(KchatError):
    """No answer came: name look-up, connection, TLS or time-out failed."""

    retry = True
    no_contact: bool = False
    """No connection comes about, and none ever did in this process: the address or the network is
    wrong, so no other request need be tried."""


class KchatRefused(KchatError):
    """Kchat refused the credentials (401) or the permission (403)."""


class KchatNotFound(KchatError):
    """Kchat says that there is no such chat or path (404, 410)."""


class KchatBusy(KchatError):
    """Kchat asked to wait (429) or failed (5xx), and still did after the last retry."""

    retry = True


class KchatBadAnswer(KchatError):
    """Kchat's answer is not what its API describes: no JSON, incomplete JSON, no list."""

    retry = True
    too_large: bool = False
    """The answer is beyond a bound. A smaller page may be within it."""
    first_id: int | None = None
    """The id of the first chat of an answer that is too large, if the answer begins with it."""
    status: int | None = None
    """The HTTP status, if that is what is wrong with the answer."""


class ArchiveError(KchatSearchError):
    """The archive cannot be read or written."""


class ArchiveFull(ArchiveError):
    """The disk of the archive is full. Nothing was written in part."""

    retry = True


class ChatDamaged(ArchiveError):
    """A chat is not what was stored, or can't be read. Others can. `chat_id` names it."""

    def __init__(self, message: str, chat_id: int) -> None:
        super().__init__(message)
        self.chat_id = chat_id


class AccessError(KchatSearchError):
    """The database of people, tokens, sessions and audit cannot be read or written. As nobody can
    be told from anybody then, nobody gets an answer."""


class AuditUnwritable(AccessError):
    """An entry of the audit can't be recorded. What it is about must not happen."""

    retry = True


class IndexDamaged(KchatSearchError):
    """The index cannot be read. It is derived from the archive: `kchat-search reindex` builds it
    again."""


class TableDamaged(KchatSearchError):
    """The table of meanings is missing or not as it was written. Only what is found by meaning
    depends on it."""


class IndexUnwritable(KchatSearchError):
    """What holds the index is full or cannot be written. Nothing was written in part."""

    retry = True


class EngineUnreachable(IndexUnwritable):
    """The servers that hold the index do not answer, or not in time. Nothing is wrong with the
    archive: searches can be made again later, and what changed waits for the index."""


INDEX_SILENT = (IndexDamaged, EngineUnreachable)
"""What is raised where the index can't be read, whatever it is asked. The archive still can."""


class ChatsRefused(IndexUnwritable):
    """What holds the index does not take some chats, because of what they are; all others are in
    it. `chats`: why, by the id of a chat; `written`: how many chats the index has now."""

    def __init__(self, chats: Mapping[int, str], written: int = 0) -> None:
        first = min(chats)
        others = f", nor {len(chats) - 1} others" if len(chats) > 1 else ""
        super().__init__(
            f"The index does not take chat {first} ({chats[first]}){others}. Nothing was lost: the "
            "archive has all of them, and they wait; all other chats can be found."
        )
        self.chats = chats
        self.written = written


class IndexerBusy(KchatSearchError):
    """Another process holds the indexer's lock. `holder` names that process."""

    retry = True

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder

    @classmethod
    def held_by(cls, holder: object) -> IndexerBusy:
        """The error that says who holds it."""
        return cls(
            f"Another process is the indexer: {holder}. Wait until it is done, or stop it; "
            "searches go on meanwhile.",
            str(holder),
        )


class IndexerDeposed(KchatSearchError):
    """This process was the indexer and lost its connection to the database, so another one may be
    it now; or another one has written the index since. Nothing was written in part."""

    retry = True


class TooManyExports(KchatSearchError):
    """The most exports allowed at one time are already running."""

    retry = True


class ExportQuotaReached(TooManyExports):
    """This client runs as many exports as one client may."""


class ReaderTooSlow(KchatSearchError):
    """The client of an export reads too slowly. The export is broken off, and its place is free."""

    retry = True


class OutputUnwritable(KchatSearchError):
    """The file of an export cannot be written. The former file is unchanged."""

    retry = True
