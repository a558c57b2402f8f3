"""Every error that this program raises on purpose.

    KchatSearchError            .retry: may the same call succeed later?
    ├── SettingsError           a setting is missing or wrong; the message names it
    ├── BadRequest              what was asked can't be answered; .parameter names the input
    │   └── LimitExceeded       a stated limit was passed; .limit says which
    ├── NotFound                no such chat
    ├── RequestRefused          this request may not be answered: 403 on the web
    ├── KchatError              the Kchat API
    │   ├── KchatUnreachable    no answer: name, connection, time-out             (retry)
    │   ├── KchatRefused        401 or 403: e-mail, token or permission
    │   ├── KchatNotFound       404 or 410: no such chat, or no such path
    │   ├── KchatBusy           429 or 5xx after all retries                      (retry)
    │   └── KchatBadAnswer      an answer that is not what the API describes      (retry)
    ├── ArchiveError            the system of record
    │   └── ArchiveFull         no room left on the disk                          (retry)
    ├── IndexDamaged            the index can't be read; the way out is `kchat-search reindex`
    ├── IndexUnwritable         the index's folder is full or can't be written     (retry)
    ├── IndexerBusy             another process is the indexer; .holder says which (retry)
    ├── TooManyExports          as many are being sent as may be at once           (retry)
    └── OutputUnwritable        the file of an export can't be written             (retry)

Errors wrap what the world does wrong (the network, a disk, a person's input). A bug in this
program is never wrapped: it flies as what it is.
"""

from __future__ import annotations


class KchatSearchError(Exception):
    """The root of the tree. The text is one line for a person and says what to do next."""

    retry: bool = False


class SettingsError(KchatSearchError):
    """A setting is missing or wrong."""


class BadRequest(KchatSearchError):
    """What was asked can't be answered as it was asked."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class LimitExceeded(BadRequest):
    """A stated limit was passed."""

    def __init__(self, message: str, parameter: str, limit: int) -> None:
        super().__init__(message, parameter)
        self.limit = limit


class NotFound(KchatSearchError):
    """No such chat in the archive."""


class RequestRefused(KchatSearchError):
    """This request may not be answered. The text says why."""


class KchatError(KchatSearchError):
    """The Kchat API did not give what was asked of it."""


class KchatUnreachable(KchatError):
    """No answer came: name look-up, connection, TLS or time-out."""

    retry = True


class KchatRefused(KchatError):
    """Kchat refused the credentials (401) or the permission (403)."""


class KchatNotFound(KchatError):
    """Kchat says there is no such thing (404, 410)."""


class KchatBusy(KchatError):
    """Kchat asked to wait (429) or failed (5xx), and went on doing so through every retry."""

    retry = True


class KchatBadAnswer(KchatError):
    """Kchat answered something that its API does not describe: no JSON, half a JSON, no list."""

    retry = True
    status: int | None = None
    """Of the answer, where it is that which is wrong."""


class ArchiveError(KchatSearchError):
    """The archive can't be read or written."""


class ArchiveFull(ArchiveError):
    """The disk of the archive has no room left. Nothing was half written."""

    retry = True


class IndexDamaged(KchatSearchError):
    """The index can't be read. It is derived: `kchat-search reindex` builds it anew."""


class IndexUnwritable(KchatSearchError):
    """The index's folder has no room left or can't be written. Nothing was half written."""

    retry = True


class IndexerBusy(KchatSearchError):
    """Another process holds the indexer's lock."""

    retry = True

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class TooManyExports(KchatSearchError):
    """As many exports are being sent as may be at once."""

    retry = True


class OutputUnwritable(KchatSearchError):
    """The file of an export can't be written. What was there before is untouched."""

    retry = True
