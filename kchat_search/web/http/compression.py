"""Answers are compressed where the client takes gzip (RFC 9110, section 8.4).

Invariant: what the client unpacks is, byte for byte, what it would get without. A stream stays one:
each piece leaves as soon as it is made, and a stream that breaks has no end, so no part of an
export is taken for the whole.

An `ETag` names the content, whichever way it is sent, so it is a weak one: the same `If-None-Match`
serves both. Parts of a file (206) are parts of the file itself, and are left alone.

An attacker who has text of theirs put into a page beside a secret, and sees how long the encrypted
answer is, learns whether the two are alike (the BREACH attack). So the CSRF token looks different
in every answer (`csrf`), nothing is compressed that answers a POST, and the length of every
answer is blurred by up to `_BLUR` bytes, as Django does it (`django/utils/text.py`).

Not Flask-Compress: its release 1.25 compresses for `gzip;q=0`, also a part of a file, holds back
the first bytes of a stream, and brings two more codecs that are compiled.
"""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Iterable, Iterator
from functools import lru_cache
from io import BytesIO

from flask import Flask, Response, request

LEAST = 1_024
"""Bytes. A smaller answer fits into one packet as it is."""
_LEVEL = 5
"""Level 6 takes up to twice the time for 1 % less (162 KB of our text: 5.8 and 10.6 ms)."""
_BLUR = 100
_FILES = 64
"""More than we have files in `static/`."""
_METHODS = frozenset({"GET", "HEAD"})
_TYPES = frozenset(
    {"application/json", "application/problem+json", "application/x-ndjson", "image/svg+xml"}
)


def install(app: Flask) -> None:
    """Compress the answers of `app`. To be installed first: what is installed later sees and
    changes the answer before it is compressed."""
    app.after_request(_encode)


def _encode(response: Response) -> Response:
    tag, is_weak = response.get_etag()
    if tag is not None and not is_weak:
        response.set_etag(tag, weak=True)
    if not _can_be_compressed(response):
        return response
    response.vary.add("Accept-Encoding")
    if not _is_taken():
        return response
    if response.is_streamed and not response.direct_passthrough:
        _compress_stream(response)
    else:
        _compress_whole(response)
    return response


def _can_be_compressed(response: Response) -> bool:
    kind = response.mimetype or ""
    return (
        request.method in _METHODS
        and response.status_code not in (204, 206, 304)
        and "Content-Encoding" not in response.headers
        and (kind.startswith("text/") or kind in _TYPES)
    )


def _is_taken() -> bool:
    """Does the client take gzip, and not rather the answer as it is?"""
    taken = request.accept_encodings
    return taken["gzip"] > 0 and taken["gzip"] >= taken["identity"]


def _compress_whole(response: Response) -> None:
    is_file = response.direct_passthrough
    response.direct_passthrough = False
    content = response.get_data()
    if len(content) >= LEAST:
        response.set_data(_of_file(content) if is_file else b"".join(_pieces([content])))
        response.headers["Content-Encoding"] = "gzip"


@lru_cache(_FILES)
def _of_file(content: bytes) -> bytes:
    """One of our own files: it holds no secret, and is packed once, as small as can be."""
    return gzip.compress(content, mtime=0)


def _compress_stream(response: Response) -> None:
    content = response.response
    response.response = _pieces(response.iter_encoded())
    if (close := getattr(content, "close", None)) is not None:
        response.call_on_close(close)
    response.headers.pop("Content-Length", None)
    response.headers["Content-Encoding"] = "gzip"


def _pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    """The gzip file of all `content`: for each piece of it a piece that can be unpacked at once,
    and its end. Where `content` raises, there is no end."""
    packed = BytesIO()
    name = "a" * secrets.randbelow(_BLUR)  # readers skip it (RFC 1952, section 2.3.1)
    with gzip.GzipFile(name, "wb", _LEVEL, packed, mtime=0) as file:
        for piece in content:
            file.write(piece)
            file.flush()
            yield packed.getvalue()
            packed.seek(0)
            packed.truncate()
    yield packed.getvalue()
