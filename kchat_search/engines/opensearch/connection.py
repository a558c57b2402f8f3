"""The way to the servers: requests, and what is wrong where they fail.

Any of several hosts may answer. One that does not is left alone for a while, and the request goes
to the next (opensearch-py's pool). Requests that change nothing may be repeated; those that write
are such that a repetition does no harm.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from opensearchpy import OpenSearch, exceptions
from opensearchpy.exceptions import (
    AuthenticationException,
    AuthorizationException,
    NotFoundError,
    OpenSearchException,
    RequestError,
    TransportError,
)

from kchat_search.engines.opensearch.transport import AsParsed, ServerConnection
from kchat_search.errors import EngineUnreachable, IndexDamaged, IndexUnwritable, SettingsError

Answer = TypeVar("Answer")

_RETRIES = 2
"""After the first attempt, at most; each at another host where there are several."""
_DOUBLED = 2
"""A host that does not answer is left alone for a minute, then two, then four, unless none of the
others answers either. Left to itself, opensearch-py goes on to half an hour."""
_ATTEMPTS = 8
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 10.0
"""Seconds between two attempts for what the servers could not do: twice as long each time, so that
servers under load are asked less and less. All pauses together: 36 s, in which another server takes
the place of one that was ended."""
_IN_TIME = 4 << 20
"""Bytes of a bulk request that is answered in the time of any other."""
_OUR_FAULT = 400
_CLOSED = "index_closed_exception"
_MOVED_AWAY = "this Analyzer is closed"
"""What a server says, with 400, of a state that it still keeps of an index of which it has no part
any more: its part was moved to another server."""
_SETTING = re.compile(r"[\['](?:search|script)\.[a-z_]+[\]']")
"""What a server names, in brackets or quotes, that is not allowed to do what is asked, or not so
much of it. Names of its own classes, which an error may have too, stand in none."""
_TOO_MANY_BUCKETS = "too_many_buckets_exception"
_MADE_ALREADY = "resource_already_exists_exception"
_NOT_NOW = (408, 429)
_SERVERS_FAULT = 500
"""From here on, a server can't answer at this moment: most often, because another one is away."""
_REFUSED = (403, 429)
NO_MEMORY = "circuit_breaking_exception"
"""What servers say that have too little memory for a request."""
_BLOCKS = ("cluster_block_exception", "index_create_block_exception")
"""What servers say who take no writes: their disks are full, or somebody said so."""


@dataclass(frozen=True)
class Cluster:
    """Which cluster, who asks it, and how its indexes are laid out."""

    hosts: tuple[str, ...]
    """`https://host:port` of each."""
    prefix: str = "kchat"
    """Every index and alias begins so."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    ca: Path | None = None
    """The certificates that are trusted; None: those that the system trusts."""
    timeout: float = 30.0
    """Seconds that one request may take."""
    shards: int = 1
    replicas: int = 0
    processes: int = 0
    """How many processes make the documents of a build; 0: as many as there are processors."""
    refresh: float = 0.0
    """So many seconds a search goes by what the servers said of the newest state; 0: it asks."""


class SnapshotGone(Exception):
    """The state that was being read is no longer kept by the server. Another must be opened."""


class Connection:
    """Requests to a cluster. Safe to share between threads. No request is sent before the first
    call."""

    def __init__(self, cluster: Cluster) -> None:
        """Raises `SettingsError` where the settings fit no client."""
        self.cluster = cluster
        try:
            trusted = ssl.create_default_context(cafile=cluster.ca)
        except OSError as error:
            raise SettingsError(
                f"KCHAT_OPENSEARCH_CA is no file of certificates in PEM: {cluster.ca} ({error})"
            ) from error
        self._client = OpenSearch(
            [_host(address) for address in cluster.hosts],
            connection_class=ServerConnection,
            headers=_headers(cluster),
            timeout=cluster.timeout,
            max_retries=_RETRIES,
            retry_on_timeout=False,
            timeout_cutoff=_DOUBLED,
            retry_on_status=(502, 504),
            ssl_context=trusted,
        )
        self._client.transport.deserializer = AsParsed()

    def __repr__(self) -> str:
        return f"Connection({', '.join(self.cluster.hosts)})"

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        missing_is_none: bool = False,
        kept: bool = False,
        **params: object,
    ) -> Any:
        """One request and its answer. `missing_is_none`: None for a status of 404. `kept`: it is
        about a state that some of the servers keep, so it is gone where one of them fails.

        Raises `EngineUnreachable`, `IndexUnwritable`, `IndexDamaged`, `SnapshotGone`.
        """
        with self._translated(kept=kept):
            try:
                return self._client.transport.perform_request(
                    method, path, params=params or None, body=body
                )
            except NotFoundError:
                if missing_is_none:
                    return None
                raise
            except TransportError as error:
                if isinstance(error.info, dict) and error.info.get("timed_out"):
                    return error.info  # the health of a cluster that is not yet as it was wished
                raise

    def search(self, bodies: Sequence[object], *, partial: bool) -> list[Mapping[str, Any]]:
        """Searches of a state that is kept, and their answers, all in one request. `partial`: may
        an answer be that of some shards alone? Raises as `ask` does where any of them fails."""
        allowed = str(partial).lower()
        if len(bodies) == 1:
            path = f"/_search?allow_partial_search_results={allowed}"
            return [self.ask("POST", path, bodies[0], kept=True)]
        head = f'{{"allow_partial_search_results":{allowed}}}\n'
        lines = "".join(f"{head}{json.dumps(body, ensure_ascii=False)}\n" for body in bodies)
        answers: list[Mapping[str, Any]] = self.ask("POST", "/_msearch", lines.encode(), kept=True)[
            "responses"
        ]
        for answer in answers:
            if "error" in answer:
                status = answer["status"]
                kind = exceptions.HTTP_EXCEPTIONS.get(status, TransportError)
                with self._translated(kept=True):
                    raise kind(status, answer["error"].get("type"), answer)
        return answers

    def put(self, path: str, body: object) -> None:
        """Make an index, or change its settings. Raises as `ask` does, and `IndexUnwritable` where
        a rule of the cluster's forbids it: how many shards there may be, templates."""
        try:
            self.ask("PUT", path, body)
        except RequestError as error:
            if _MADE_ALREADY in str(error.info):  # a connection broke, and it was sent again
                return
            raise IndexUnwritable(
                f"OpenSearch refuses to make an index ({reason(error)}). Nothing was lost; what it "
                "says must be allowed there, or set otherwise."
            ) from error

    def send(self, lines: bytes) -> list[Mapping[str, Any]]:
        """One bulk request; what the server says of each item. Raises as `ask` does. One document
        may have many megabytes: the more, the longer it may take, because a server goes on with
        what nobody waits for any more, and has no room for it a second time."""
        longer = max(1.0, len(lines) / _IN_TIME)
        answer = self.ask(
            "POST",
            "/_bulk?require_alias=true",
            lines,
            request_timeout=self.cluster.timeout * longer,
        )
        items: list[Mapping[str, Any]] = [next(iter(item.values())) for item in answer["items"]]
        return items

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    @contextmanager
    def _translated(self, *, kept: bool) -> Iterator[None]:
        try:
            yield
        except exceptions.ConnectionError as error:
            if isinstance(error, exceptions.ConnectionTimeout):
                self._leave_alone(error)
            raise unreachable(error.error) from error
        except TransportError as error:
            if _CLOSED in str(error.info):  # by somebody who runs the servers
                raise IndexDamaged(_damaged(reason(error))) from error
            if kept and _MOVED_AWAY in str(error.info):
                raise SnapshotGone from error
            if _SETTING.search(reason(error)) or _TOO_MANY_BUCKETS in str(error.info):
                raise _forbidden(reason(error)) from error
            if error.status_code == _OUR_FAULT:
                raise  # this program asked what no server understands
            raise _of_a_server(error, kept=kept) from error
        except OpenSearchException as error:
            raise unreachable(type(error).__name__) from error

    def _leave_alone(self, error: exceptions.ConnectionTimeout) -> None:
        """Ask others first for a while. The pool does so itself with a server that refuses, but not
        with one that takes a request and says nothing."""
        silent = getattr(error.info, "pool", None)
        transport = self._client.transport
        for connection in list(transport.connection_pool.connections):
            if silent is not None and getattr(connection, "pool", None) is silent:
                transport.mark_dead(connection)


def attempts() -> Iterator[bool]:
    """Of something that servers may do later, with a pause between two of them: is it the last?"""
    for number in range(1, _ATTEMPTS + 1):
        yield number == _ATTEMPTS
        time.sleep(min(_FIRST_PAUSE * 2**number, _LONGEST_PAUSE))


def patiently(call: Callable[[], Answer]) -> Answer:
    """What a call returns, which is made again where the servers can't answer."""
    for last in attempts():
        try:
            return call()
        except EngineUnreachable:
            if last:
                raise
    raise AssertionError("the last attempt returns or raises")


def is_for_want_of_memory(error: EngineUnreachable) -> bool:
    """Did a server refuse a request because it has too little memory for it?"""
    cause = error.__cause__
    return isinstance(cause, TransportError) and NO_MEMORY in str(cause.info)


def is_silence(error: EngineUnreachable) -> bool:
    """Did no answer come in time? One that says that a server can't is no silence."""
    return isinstance(error.__cause__, exceptions.ConnectionTimeout)


def _of_a_server(error: TransportError, *, kept: bool) -> Exception:
    """What it means that a server answers so."""
    status = int(error.status_code)
    if status in _REFUSED and any(block in str(error.info) for block in _BLOCKS):
        return IndexUnwritable(_unwritable(reason(error)))
    if isinstance(error, (AuthenticationException, AuthorizationException)):
        return EngineUnreachable(
            f"OpenSearch refuses who asks ({reason(error)}): check KCHAT_OPENSEARCH_USER and "
            "KCHAT_OPENSEARCH_PASSWORD, or KCHAT_OPENSEARCH_API_KEY."
        )
    if kept and (status >= _SERVERS_FAULT or isinstance(error, NotFoundError)):
        return SnapshotGone()
    if status >= _SERVERS_FAULT or status in _NOT_NOW:
        return unreachable(reason(error))
    return IndexDamaged(_damaged(reason(error)))


def _host(address: str) -> dict[str, Any]:
    """An address as opensearch-py wants it. Without a port it is that of every web server."""
    parts = urlsplit(address)
    secure = parts.scheme == "https"
    return {
        "host": parts.hostname,
        "port": parts.port or (443 if secure else 80),
        "use_ssl": secure,
        "url_prefix": parts.path.strip("/"),
    }


def _headers(cluster: Cluster) -> dict[str, str]:
    if cluster.api_key:
        return {"authorization": f"ApiKey {cluster.api_key}"}
    if cluster.user is None:
        return {}
    pair = f"{cluster.user}:{cluster.password or ''}".encode()
    return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}


def reason(error: TransportError) -> str:
    """What the server says, in one line, without what was asked."""
    info = error.info
    found = info.get("error") if isinstance(info, dict) else None
    if isinstance(found, dict):
        cause = (found.get("root_cause") or [found.get("caused_by") or found])[0]
        return f"{error.status_code} {cause.get('type')}: {str(cause.get('reason'))[:200]}"
    return f"{error.status_code} {error.error}"


def unreachable(why: str) -> EngineUnreachable:
    """The error for servers that can't answer now."""
    return EngineUnreachable(
        f"OpenSearch does not answer ({why}). Nothing was lost: chats are archived and wait for "
        "the index. Check the servers of KCHAT_OPENSEARCH_HOSTS."
    )


def _forbidden(why: str) -> EngineUnreachable:
    return EngineUnreachable(
        f"A setting of the OpenSearch cluster forbids what is asked ({why}). Nothing was lost: set "
        "it as it is by default, or higher."
    )


def _unwritable(why: str) -> str:
    return (
        f"OpenSearch takes no writes ({why}). Nothing was lost; make room on its disks, then allow "
        "writing again."
    )


def _damaged(why: str) -> str:
    return f"The index cannot be used ({why}): run `kchat-search reindex`. Nothing was lost."
