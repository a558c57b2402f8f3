"""How long the server waits, and how much it holds. Each limit has its reason.

Together they bound the memory for clients, however many there are and whatever they do:

    connections * (head_bytes + body_bytes + buffers of Python)    about 60 MB
    owed_bytes                                                     64 MB
    threads * (the answer that is being made + buffered_bytes)     a few MB each

The system's own buffers come on top: `SEND_BUFFER` and a receive buffer for each connection.
"""

from __future__ import annotations

from dataclasses import dataclass

from kchat_search.web.http.bodies import MAX_BODY_BYTES
from kchat_search.web.http.least_rate import LEAST_BYTES_PER_SECOND

SEND_BUFFER = 256 * 1024
"""Bytes that the system buffers for a connection. Its own choice is up to 4 MB. Linux then says
that a socket can be written only when a third of that is free, and a reader's rate could not be
measured within seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one server. Times are in seconds, sizes in bytes."""

    threads: int = 8
    """Requests that are answered at the same time. Exports take at most half of them."""
    log_ins: int = 2
    """Log-ins that are answered at the same time: while one password is checked, which needs no
    lock of Python's, the other is made ready or answered."""
    connections: int = 1_000
    """Connections that are open at the same time. A browser opens six."""
    pipelined: int = 16
    """Requests that a client may send before it has the first answer. Browsers send one."""

    request_seconds: float = 10.0
    """From the first byte of a request to its last, body included. A request has at most 64 KB."""
    first_byte_seconds: float = 10.0
    """From the connection to the first byte."""
    idle_seconds: float = 60.0
    """From an answer to the next request. Browsers keep connections for some minutes, but connect
    again where one is closed."""
    linger_seconds: float = 2.0
    """How long what a refused client still sends is thrown away. Closing at once would reset the
    connection, and the client would not see the refusal (RFC 9112, section 9.6)."""

    half_closed_seconds: float = 2.0
    """A request that has waited so long for a thread is not answered if its client has closed its
    side of the connection. Browsers do that when a person leaves or loads again."""

    head_bytes: int = 32 * 1024
    """A search of 1,000 Han characters takes 9 KB in its address. Browsers send the cookies of all
    programs on this machine, because cookies know no ports."""
    header_lines: int = 100
    body_bytes: int = MAX_BODY_BYTES

    reader_seconds: float = 20.0
    reader_bytes_per_second: int = LEAST_BYTES_PER_SECOND
    """A client for which we have waited this long must have read this fast, on the average of that
    time. A slower one is cut off."""
    reader_seconds_when_full: float = 5.0
    """The same when there are as many connections as there may be, and one more comes."""
    buffered_bytes: int = 1024 * 1024
    """While a client has so much still to read, no more is made for it. An answer in one piece is
    taken whole, so it frees its thread at once."""
    owed_bytes: int = 64 * 1024 * 1024
    """What all clients together still have to read. Beyond this, the slowest reader is cut off."""

    tick_seconds: float = 1.0
    """How often the times are looked at."""
