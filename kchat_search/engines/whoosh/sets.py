"""Set operations on ascending arrays of document numbers. Each one takes the cheaper of two ways:

    search   look up the numbers of the shorter list in the longer one, by galloping (numpy's
             searchsorted keeps its place): some 15 ns for each number of the shorter list
    mask     mark the numbers of one list in an array of truth values, one byte for each document
             of the segment, and read it at the numbers of the other: some 1 ns for each number of
             both lists, and the array

So no operation costs as much as the segment is large, unless a list is that long: a mask is made
only where it costs less than the search. (Measured on 2 cores at 2.6 GHz. The constants below are
the ratios.)

In all functions `size` is the number of documents in the segment: every number is below it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.postings import EMPTY, DocNumbers

_SEARCH = 12
"""The cost of looking up one number, where marking or reading one costs 1."""
_PER_MASK = 32
"""So many bytes of a new mask cost 1."""
_SORT = 50
"""The cost of sorting one number."""


def is_member(a: DocNumbers, b: DocNumbers, size: int) -> NDArray[np.bool_]:
    """For each number of `a`: is it in `b`? Shape: that of `a`."""
    if not len(a) or not len(b):
        return np.zeros(len(a), np.bool_)
    if len(a) * _SEARCH > len(a) + len(b) + size // _PER_MASK:
        return mask(b, size)[a]
    places = np.searchsorted(b, a)
    places[places == len(b)] = 0
    member: NDArray[np.bool_] = b[places] == a
    return member


def mask(docs: DocNumbers, size: int) -> NDArray[np.bool_]:
    """For each document of the segment: is it in `docs`? Shape: (size,)."""
    marked = np.zeros(size, np.bool_)
    marked[docs] = True
    return marked


def intersect(a: DocNumbers, b: DocNumbers, size: int) -> DocNumbers:
    """The numbers in both lists."""
    if len(a) > len(b):
        a, b = b, a
    return a[is_member(a, b, size)]


def difference(a: DocNumbers, b: DocNumbers, size: int) -> DocNumbers:
    """The numbers of `a` that are not in `b`."""
    return a[~is_member(a, b, size)] if len(b) else a


def union(lists: Sequence[DocNumbers], size: int) -> DocNumbers:
    """The numbers in any of the lists. The lists need not ascend and may repeat numbers."""
    if not lists:
        return EMPTY
    joined = np.concatenate(lists)
    if len(joined) * _SORT > len(joined) + size // 2:
        return np.flatnonzero(mask(joined, size))
    merged: DocNumbers = np.unique(joined)
    return merged


def either(lists: Sequence[DocNumbers], size: int) -> DocNumbers:
    """The numbers in any of these lists, of which there is at least one. Mostly all but one are
    empty, and then nothing is copied."""
    some = [docs for docs in lists if len(docs)]
    return (some or lists)[0] if len(some) <= 1 else union(some, size)


def narrowed(docs: DocNumbers, within: DocNumbers | None, size: int) -> DocNumbers:
    """Those of `docs` that are in `within`; None means that all are."""
    return docs if within is None else intersect(docs, within, size)
