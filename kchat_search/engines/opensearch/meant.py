"""The chats that are about the same matter, by the vectors of what their visitors asked first.

The server guesses by the signs of the vectors which chats may be near, and gives the openings of
those that may be nearest. Their cosines decide here, each by what it counts (`meaning.floor`).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from kchat_search.engines.opensearch import openings, scripts
from kchat_search.engines.opensearch.mapping import MOST_OPENINGS, Json
from kchat_search.engines.opensearch.openings import Opening
from kchat_search.engines.opensearch.queries import every, nested, said, some
from kchat_search.engines.opensearch.snapshot import BY_SCORE, NOTHING_STORED
from kchat_search.engines.ranking import COSINE_DIGITS
from kchat_search.meaning.codes import Vectors, decode, signs
from kchat_search.meaning.floor import OF_OPENINGS, certainty
from kchat_search.meaning.table import Meanings, Table
from kchat_search.models.plan import EVERYWHERE, EngineHit, Meant, MeantHit, Messages

_DECODED = 1_024
"""So many chats, which may be nearest, are looked at."""
_MARGIN = 0.25
"""A guess is by so much too low, at most: three times its standard deviation."""

Scopes = Sequence[Sequence[Messages]]


@dataclass(frozen=True)
class Asked:
    """What is looked for."""

    meant: Meant
    meanings: Meanings

    @classmethod
    def of(cls, meant: Meant, table: Table) -> Self | None:
        """None where the table knows nothing of the text, or too little for any chat to be near
        enough."""
        meanings = table.meanings([meant.text])
        if not meanings.vectors.any() or certainty(meanings.features)[0] < meant.floor:
            return None
        return cls(meant, meanings)

    @property
    def _scopes(self) -> Scopes:
        return [scope for scope in self.meant.scopes if EVERYWHERE not in scope]

    def body(self, may: Json, more: int) -> Json:
        """The search for those of the chats that may be shown that may be nearest, and for so many
        more of them."""
        asked = signs(self.meanings.vectors)[0].astype(np.int64).tolist()
        least = self.meant.floor / float(certainty(self.meanings.features)[0]) - _MARGIN
        return {
            "query": scripts.guess(every([may, _in_scopes(self._scopes)]), asked, least),
            "sort": BY_SCORE,
            "size": _DECODED + more,
            "min_score": max(0.0, 1 + least),
            "docvalue_fields": ["openings"],
            "track_total_hits": False,
            **NOTHING_STORED,
        }

    def hits(
        self, found: Sequence[Mapping[str, Any]], shown: Container[int]
    ) -> tuple[MeantHit, ...]:
        """The best by meaning of what the search found, at most `meant.limit`; without those that
        are shown."""
        others = [hit for hit in found if hit["sort"][2] not in shown]
        best = sorted(_scored(others, self.meanings, self._scopes), reverse=True)
        return tuple(
            MeantHit(EngineHit.at(chat_id, score, time), -place)
            for score, time, chat_id, place in best[: self.meant.limit]
            if score >= self.meant.floor
        )


def _in_scopes(scopes: Scopes) -> Json:
    """What has an opening in all of these."""
    if not scopes:
        return {"exists": {"field": "guess"}}
    opening: Json = {"range": {"passages.opening": {"lt": MOST_OPENINGS}}}
    within = (some(said(messages) for messages in scope) for scope in scopes)
    return nested("passages", every([opening, *within]))


def _scored(
    hits: Sequence[Mapping[str, Any]], asked: Meanings, scopes: Scopes
) -> Iterator[tuple[float, int, int, int]]:
    """(score, time, id, the place of the nearest opening below 0) of each hit."""
    places: list[int] = []
    found: list[Opening] = []
    hit_of: list[int] = []
    for number, hit in enumerate(hits):
        for place, opening in enumerate(openings.read(hit["fields"]["openings"][0])):
            if all(any(map(opening.is_one_of, scope)) for scope in scopes):
                places.append(place)
                found.append(opening)
                hit_of.append(number)
    if not found:
        return
    scores = cosines(found, asked.vectors)[:, 0] * weights(found, places)
    scores *= certainty(asked.features)
    best: dict[int, tuple[float, int]] = {}
    for number, place, score in zip(
        hit_of, places, scores.round(COSINE_DIGITS).tolist(), strict=True
    ):
        best[number] = max(best.get(number, (-2.0, 0)), (score, -place))
    for number, (score, place) in best.items():
        _, time, chat_id = hits[number]["sort"]
        yield score, time, chat_id, place


def cosines(found: Sequence[Opening], vectors: Vectors) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The cosines of these openings with these vectors. Shape: (openings, vectors)."""
    decoded = decode(openings.codes(found))
    # A product of matrices would sum in an order that depends on their shapes.
    columns = [np.einsum("ij,j->i", decoded, vector) for vector in vectors]
    return np.stack(columns, axis=1).astype(np.float64)


def weights(
    found: Sequence[Opening], places: Sequence[int]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What a cosine with each of these openings counts. `places`: of each among its document's."""
    features = np.array([opening.features for opening in found], np.int64)
    counts: np.ndarray[Any, np.dtype[np.float64]] = OF_OPENINGS[list(places)] * certainty(features)
    return counts
