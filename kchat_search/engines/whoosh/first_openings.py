"""What visitors asked first, as vectors: for the hot questions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kchat_search.engines.whoosh.postings import DocNumbers
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.meaning.clusters import Openings
from kchat_search.meaning.codes import BYTES, WORDS, Codes, decode


def first_openings(found: Sequence[tuple[Segment, DocNumbers]]) -> Openings:
    """The first opening of each of these documents, in the order of the chats' ids. A document
    without one is left out, and one whose opening has no word that the table knows."""
    ids = [np.empty(0, np.int64)]
    signs, magnitudes = [np.empty((0, WORDS), np.uint64)], [np.empty((0, BYTES), np.uint8)]
    for segment, docs in found:
        vectors = segment.file.vectors
        asked = docs[vectors.counts[docs] > 0]
        codes = vectors.codes(vectors.starts[asked].astype(np.int64))
        known = codes.magnitudes.any(axis=1)
        ids.append(segment.ids[asked][known])
        signs.append(codes.signs[known])
        magnitudes.append(codes.magnitudes[known])
    every_id = np.concatenate(ids)
    order = np.argsort(every_id)
    codes = Codes(np.concatenate(signs)[order], np.concatenate(magnitudes)[order])
    return Openings(
        every_id[order], lambda which: decode(Codes(codes.signs[which], codes.magnitudes[which]))
    )
