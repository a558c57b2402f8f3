"""Which chats are like one: by the words that both have, and by what their visitors asked first.

The rule is that of `engines.whoosh.alike`: the sum of what each of the most telling words of the
chat adds to another, as a share of what they add to the chat itself; and to the best by words a
part of the nearness of the two openings that are nearest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kchat_search.engines.opensearch import openings
from kchat_search.engines.opensearch.mapping import SEPARATOR, Json
from kchat_search.engines.opensearch.meant import cosines, weights
from kchat_search.engines.opensearch.openings import Opening
from kchat_search.engines.opensearch.queries import every, none, restriction, some
from kchat_search.engines.opensearch.scoring import bm25
from kchat_search.engines.opensearch.snapshot import BY_SCORE, NOTHING_STORED, Snapshot
from kchat_search.engines.ranking import (
    COMPARED,
    CONSIDERED,
    COSINE_DIGITS,
    K1,
    TELLING,
    VECTOR_WEIGHT,
    B,
    average_length,
    idf_of,
)
from kchat_search.meaning.codes import SIZE, Vectors, decode
from kchat_search.models.plan import Alike, AlikeHit, EngineHit, Sight


class _Words(NamedTuple):
    """The most telling words of a chat."""

    weights: Mapping[str, float]
    """What each adds to a document of which its BM25 without the idf is 1."""
    average: float


class _Asking(NamedTuple):
    """The openings of the chat that the table knows something of."""

    vectors: Vectors
    counts: np.ndarray[Any, np.dtype[np.float64]]


def alike(snapshot: Snapshot, sight: Sight, asked: Alike) -> tuple[AlikeHit, ...]:
    """See `ports.IndexReader.alike`."""
    seen = restriction(sight)
    itself: Json = {"term": {"id": asked.id}}
    words = _telling(snapshot, sight, asked, every([seen, itself]))
    if not words.weights:
        return ()
    having = some({"term": {"words": word}} for word in words.weights)
    body: Json = {
        "query": {
            "bool": {
                "filter": [every([seen, none(itself), having])],
                "should": list(bm25(words.weights, words.average)),
            }
        },
        "sort": BY_SCORE,
        "size": max(COMPARED, asked.limit),
        "docvalue_fields": ["openings", "length"],
        **NOTHING_STORED,
    }
    hits = snapshot.search(body)["hits"]["hits"]
    found = list(_compared(hits, _asking(snapshot, every([seen, itself]))))
    found.sort(key=lambda one: one[:3], reverse=True)
    best = found[: asked.limit]
    common = _common(snapshot, [chat_id for _, _, chat_id, _, _ in best], words)
    return tuple(
        AlikeHit(
            EngineHit.at(chat_id, sum(common[chat_id].values()) + near, time),
            common[chat_id],
            place,
        )
        for _, time, chat_id, place, near in best
    )


def _telling(snapshot: Snapshot, sight: Sight, asked: Alike, itself: Json) -> _Words:
    """The words of the chat that weigh most. A word that only the chat itself has tells nothing."""
    frequencies = dict(Counter(asked.words).most_common(CONSIDERED))
    listed = list(frequencies)
    statistics = snapshot.statistics(sight, listed)
    average = average_length(statistics.words, statistics.documents)
    in_index = bool(listed) and snapshot.count(itself) > 0
    norm = K1 * (1 - B + B * len(asked.words) / average)
    idf = {
        word: idf_of(statistics.dfs[word], statistics.documents)
        for word in listed
        if statistics.dfs[word] > in_index
    }
    own = {w: i * (K1 + 1) * frequencies[w] / (frequencies[w] + norm) for w, i in idf.items()}
    chosen = sorted(own, key=lambda word: (-own[word], word))[:TELLING]
    square = sum(own[word] ** 2 for word in chosen)
    return _Words({word: own[word] / square * idf[word] for word in chosen}, average)


def _asking(snapshot: Snapshot, itself: Json) -> _Asking:
    """The openings of the chat; none where it is not in the index."""
    body: Json = {"query": itself, "size": 1, "docvalue_fields": ["openings"], "_source": False}
    hits = snapshot.search(body)["hits"]["hits"]
    known, places = _openings(hits[0]) if hits else ([], [])
    if not known:
        return _Asking(np.empty((0, SIZE), np.float32), np.empty(0))
    return _Asking(decode(openings.codes(known)), weights(known, places))


def _openings(hit: Mapping[str, Any]) -> tuple[list[Opening], list[int]]:
    """(the openings of a hit that the table knows something of, their places)."""
    encoded = hit.get("fields", {}).get("openings")
    every_one = list(enumerate(openings.read(encoded[0]))) if encoded else []
    known = [(opening, place) for place, opening in every_one if opening.features]
    return [opening for opening, _ in known], [place for _, place in known]


def _compared(
    hits: Sequence[Mapping[str, Any]], asking: _Asking
) -> Iterator[tuple[float, int, int, int | None, float]]:
    """(score, time, id, which opening is the nearest, what that adds) of each hit."""
    read = [_openings(hit) if len(asking.vectors) else ([], []) for hit in hits]
    flat = [opening for known, _ in read for opening in known]
    places = [place for _, of_hit in read for place in of_hit]
    nearest = np.empty(0)
    if flat:
        pairs = cosines(flat, asking.vectors) * asking.counts * weights(flat, places)[:, None]
        nearest = pairs.max(axis=1).round(COSINE_DIGITS)
    done = 0
    for hit, (known, of_hit) in zip(hits, read, strict=True):
        score, time, chat_id = hit["sort"]
        place, near = None, 0.0
        if known:
            values = nearest[done : done + len(known)].tolist()
            best = max(values)
            place = of_hit[values.index(best)]
            near = VECTOR_WEIGHT * max(best, 0.0)
            done += len(known)
        yield score + near, time, chat_id, place, near


def _common(snapshot: Snapshot, ids: Sequence[int], words: _Words) -> dict[int, dict[str, float]]:
    """By chat: the words that it has, with what each adds to its score."""
    body: Json = {
        "query": {"terms": {"id": list(ids)}},
        "size": len(ids),
        "_source": ["id", "words"],
    }
    found = {}
    for hit in snapshot.search(body)["hits"]["hits"] if ids else ():
        source = hit["_source"]
        counts = Counter(source["words"].split(SEPARATOR))
        norm = K1 * (1 - B + B * counts.total() / words.average)
        found[source["id"]] = {
            word: weight * (K1 + 1) * counts[word] / (counts[word] + norm)
            for word, weight in words.weights.items()
            if counts[word]
        }
    return found
