"""Clients that search over HTTP, each as fast as it gets answers."""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

_TIMEOUT_SECONDS = 60.0
_BEGIN = b'{"query":'


@dataclass
class Load:
    """What a number of clients measured."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    """For each answered request, the seconds from sending it to the last byte."""
    errors: list[str] = field(default_factory=list)


def load(port: int, paths: Sequence[str], clients: int, seconds: float) -> Load:
    """`clients` threads request `paths` in random order, each over a connection of its own.
    `seconds` is for how long; 0 is a short round to warm up."""
    began = perf_counter()
    loads = [Load() for _ in range(clients)]
    threads = [
        threading.Thread(target=_client, args=(port, _order(paths, i, seconds), seconds, one))
        for i, one in enumerate(loads)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(
        seconds=perf_counter() - began,
        times=[seconds for one in loads for seconds in one.times],
        errors=[error for one in loads for error in one.errors],
    )


def get(port: int, path: str) -> bytes:
    """One answer. Raises OSError and `http.client.HTTPException`, also if the status is not 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        return _get(connection, path)
    finally:
        connection.close()


def _order(paths: Sequence[str], client: int, seconds: float) -> list[str]:
    order = list(paths)
    random.Random(client).shuffle(order)
    return order if seconds else order[:: max(1, len(order) // 30)]


def _client(port: int, paths: Sequence[str], seconds: float, found: Load) -> None:
    end = perf_counter() + seconds
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    turn = 0
    while perf_counter() < end or (not seconds and turn < len(paths)):
        path = paths[turn % len(paths)]
        turn += 1
        began = perf_counter()
        try:
            body = _get(connection, path)
        except (OSError, http.client.HTTPException) as error:
            found.errors.append(f"{path}: {type(error).__name__} {error}")
            connection.close()  # it opens again by itself
            continue
        found.times.append(perf_counter() - began)
        if not body.startswith(_BEGIN):
            found.errors.append(f"{path}: {body[:100]!r}")
    connection.close()


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise http.client.HTTPException(f"{response.status} {body[:200]!r}")
    return body
