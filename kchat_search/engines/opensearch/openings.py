"""What the visitor asked first, as vectors: how they are kept with a document.

`openings` has all of them, one after the other: which passage, how many features, the codes of the
vector, and who said the passage and when, so that nothing else must be read. `guess` has what a
script guesses from how near each is, for all chats: of each, what it counts and its signs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from kchat_search.engines.opensearch.columns import decoded, encoded
from kchat_search.engines.opensearch.mapping import MOST_OPENINGS, Json
from kchat_search.meaning.codes import BYTES, WORDS, Codes, encode
from kchat_search.meaning.floor import OF_OPENINGS, certainty
from kchat_search.meaning.table import Table
from kchat_search.models.chats import SPEAKERS, Speaker
from kchat_search.models.plan import NO_TIME, IndexDocument, Messages

_HEAD = struct.Struct(f"<BBqH{WORDS * 8}s{BYTES}s")
_MOST_FEATURES = 255
GUESSED = struct.Struct(f">H{WORDS}Q")
"""Of each opening in `guess`: its weight, where `WHOLE_WEIGHT` is 1, and its signs."""
WHOLE_WEIGHT = 2**15


class Opening(NamedTuple):
    """One of a document's openings."""

    features: int
    """Of how many features the vector is the sum; 255 stands for more."""
    speaker: Speaker
    sender: str
    said: int
    """`NO_TIME` where that is not known."""
    signs: bytes
    magnitudes: bytes

    def is_one_of(self, messages: Messages) -> bool:
        """Is it among these messages?"""
        if messages.speaker not in (None, self.speaker):
            return False
        if messages.senders and self.sender not in messages.senders:
            return False
        if messages.start is None and messages.end is None:
            return True
        return self.said != NO_TIME and (
            (messages.start is None or self.said >= messages.start)
            and (messages.end is None or self.said < messages.end)
        )


class Vectors(NamedTuple):
    """Those of a document's openings, in order."""

    codes: Codes
    features: np.ndarray[Any, np.dtype[np.int64]]


def vectors(documents: Sequence[IndexDocument], table: Table | None) -> Iterator[Vectors | None]:
    """The vectors of each document; None of all where there is no table. Those of many documents at
    once take a fraction of the time."""
    if table is None:
        yield from repeat(None, len(documents))
        return
    texts = [
        document.passages[place].text
        for document in documents
        for place in document.openings[:MOST_OPENINGS]
    ]
    meanings = table.meanings(texts)
    codes = encode(meanings.vectors)
    features = np.minimum(meanings.features, _MOST_FEATURES)
    start = 0
    for document in documents:
        end = start + len(document.openings[:MOST_OPENINGS])
        of_it = slice(start, end)
        yield Vectors(Codes(codes.signs[of_it], codes.magnitudes[of_it]), features[of_it])
        start = end


def columns(document: IndexDocument, vectors: Vectors | None, passages: Sequence[Json]) -> Json:
    """The columns of a document's openings. `passages`: as they are sent; those that are openings
    are marked in them."""
    if vectors is None or not document.openings:
        return {}
    places = document.openings[:MOST_OPENINGS]
    asked = [document.passages[place] for place in places]
    codes, features = vectors
    weights = OF_OPENINGS[: len(asked)] * certainty(features)
    packed = guess = b""
    for number, passage in enumerate(asked):
        assert passage.speaker is not None, "somebody asked it"
        sender = passage.sender.encode()
        said = NO_TIME if passage.said is None else passage.said
        packed += _HEAD.pack(
            int(features[number]),
            SPEAKERS.index(passage.speaker),
            max(-(2**63), min(2**63 - 1, said)),
            len(sender),
            codes.signs[number].astype("<u8").tobytes(),
            codes.magnitudes[number].tobytes(),
        )
        packed += sender
        weight = round(float(weights[number]) * WHOLE_WEIGHT)
        guess += GUESSED.pack(weight, *codes.signs[number].tolist())
        passages[places[number]]["opening"] = number
    return {"openings": encoded(packed), "guess": encoded(guess)}


def read(column: str) -> Iterator[Opening]:
    """The openings of a document, in order."""
    data = decoded(column)
    at = 0
    while at < len(data):
        features, side, said, length, signs, magnitudes = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        sender = data[at : at + length].decode()
        at += length
        yield Opening(features, SPEAKERS[side], sender, said, signs, magnitudes)


def codes(openings: Sequence[Opening]) -> Codes:
    """The codes of these openings."""
    signs = np.frombuffer(b"".join(one.signs for one in openings), "<u8")
    magnitudes = np.frombuffer(b"".join(one.magnitudes for one in openings), np.uint8)
    return Codes(signs.reshape(-1, WORDS).astype(np.uint64), magnitudes.reshape(-1, BYTES))
