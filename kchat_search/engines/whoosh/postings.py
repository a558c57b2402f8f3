"""How a posting list is laid out in bytes.

A posting list is `df` ascending document numbers below `size`, the number of documents in the
segment. It takes the smallest of three forms. The form follows from `df` and `size` alone, so it is
not stored:

    single      one document: its number stands in the term's record, and the list has no bytes
    bitmap      one bit for each document of the segment: `size` bits
    Elias-Fano  each number is cut into its low bits (one or two whole bytes, in an array) and the
                rest above them. The high parts ascend, so they are written in unary: one bit for
                each document, one zero bit for each step of the high part. (Elias 1974, Fano 1971,
                here with low parts of whole bytes, so that numpy reads both parts where they lie.)
                First come the unary bits, then the low bytes.

Measured on recombined real dialogues (100,000 chats): all lists take 0.4 of the text's size, where
plain uint32 would take 2.0, and reading takes 2 to 3 ns a number. A segment has hundreds of
thousands of lists, most of them short, and one call of numpy costs as much as a hundred numbers. So
many lists are written and read in one call.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.damage import Damaged

DocNumbers = NDArray[np.int64]
"""Document numbers of one segment: ascending, each once. Shape: (df,)."""
ByteArray = NDArray[np.uint8]

EMPTY: DocNumbers = np.empty(0, np.int64)

SINGLE, BITMAP, ELIAS_FANO_1, ELIAS_FANO_2 = range(4)
"""The forms. `ELIAS_FANO_n` has `n` low bytes a number."""


class PostingsDamaged(Damaged):
    """The bytes cannot be a posting list of that many documents."""


def _unary_bytes(df: NDArray[np.int64], size: int, low: int) -> NDArray[np.int64]:
    """Bytes of the unary part of Elias-Fano lists with `low` low bytes. Shape: that of `df`."""
    return (df + (max(size - 1, 0) >> (8 * low)) + 8) >> 3


def choose_forms(df: NDArray[np.int64], size: int) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """The form and the length in bytes of each list. Shape of both: that of `df`."""
    byte_lengths = np.stack(
        [
            np.full(len(df), (size + 7) >> 3, np.int64),
            _unary_bytes(df, size, 1) + df,
            _unary_bytes(df, size, 2) + 2 * df,
        ]
    )
    form = byte_lengths.argmin(axis=0)
    chosen_length = byte_lengths[form, np.arange(len(df))]
    single = df == 1
    return (
        np.where(single, SINGLE, form + 1).astype(np.int8),
        np.where(single, 0, chosen_length),
    )


def choose_form(df: int, size: int) -> tuple[int, int, int]:
    """(form, bytes, bytes of the unary part) of one list. The same choice as `choose_forms`."""
    if df == 1:
        return SINGLE, 0, 0
    top = max(size - 1, 0)
    unary_1, unary_2 = (df + (top >> 8) + 8) >> 3, (df + (top >> 16) + 8) >> 3
    byte_lengths = (size + 7) >> 3, unary_1 + df, unary_2 + 2 * df
    form = byte_lengths.index(min(byte_lengths))
    return form + 1, byte_lengths[form], (0, unary_1, unary_2)[form]


def decode(data: ByteArray, df: int, size: int) -> DocNumbers:
    """Decode one list of two or more documents. `data` begins where the list begins and may go on
    behind it.

    Cost: 2 to 3 ns a document. Raises `PostingsDamaged`.
    """
    form, length, unary = choose_form(df, size)
    if len(data) < length:
        raise PostingsDamaged(f"a list of {length} bytes ends after {len(data)}")
    if form == BITMAP:
        docs = np.flatnonzero(np.unpackbits(data[:length], bitorder="little")[:size])
    else:
        docs = np.flatnonzero(np.unpackbits(data[:unary], bitorder="little").view(np.bool_))
    if len(docs) != df:
        raise PostingsDamaged(f"a list of {df} documents has {len(docs)}")
    if form != BITMAP:
        docs -= np.arange(df)
        low = form - BITMAP
        docs <<= 8 * low
        docs |= data[unary : unary + low * df].view(f"<u{low}")
        _check(docs, size)
    return docs


def encode_many(
    docs: DocNumbers, df: NDArray[np.int64], size: int
) -> tuple[ByteArray, NDArray[np.int64]]:
    """Encode many lists. `docs` has the lists end to end, `df` has their lengths.

    Returns all their bytes end to end, and where each list begins in them; for a list of a single
    document, the document number instead.
    """
    form, byte_lengths = choose_forms(df, size)
    starts = np.cumsum(byte_lengths) - byte_lengths
    out = np.zeros(int(byte_lengths.sum()), np.uint8)
    first = np.cumsum(df) - df
    places = starts.copy()
    single = form == SINGLE
    places[single] = docs[first[single]]
    bitmap = form == BITMAP
    _set_bits(out, np.repeat(starts[bitmap] * 8, df[bitmap]) + docs[np.repeat(bitmap, df)])
    for low in (1, 2):
        chosen = form == BITMAP + low
        if not chosen.any():
            continue
        numbers = docs[np.repeat(chosen, df)]
        lengths = df[chosen]
        position = positions_within(lengths)
        bits = np.repeat(starts[chosen] * 8, lengths) + (numbers >> (8 * low)) + position
        _set_bits(out, bits)
        low_starts = starts[chosen] + _unary_bytes(lengths, size, low)
        where = np.repeat(low_starts, lengths) + position * low
        out[where] = numbers & 0xFF
        if low == 2:
            out[where + 1] = (numbers >> 8) & 0xFF
    return out, places


def _set_bits(out: ByteArray, bits: NDArray[np.int64]) -> None:
    """Set these bits of `out`. They ascend and each comes once, so the bits of one byte are
    neighbours."""
    if not len(bits):
        return
    byte_of_bit = bits >> 3
    values = (np.uint8(1) << (bits & 7).astype(np.uint8)).astype(np.uint8)
    first_of_byte = np.flatnonzero(np.concatenate(([True], byte_of_bit[1:] != byte_of_bit[:-1])))
    out[byte_of_bit[first_of_byte]] |= np.bitwise_or.reduceat(values, first_of_byte)


def decode_many(
    data: ByteArray, places: NDArray[np.int64], df: NDArray[np.int64], size: int
) -> DocNumbers:
    """Decode many lists; they come end to end, in order. `places` are those that `encode_many`
    returned, counted from the beginning of `data`.

    Cost: some 10 ns a document. Raises `PostingsDamaged`.
    """
    form, byte_lengths = choose_forms(df, size)
    if len(df) and (int(df.max()) > size or int(byte_lengths.sum()) > len(data)):
        raise PostingsDamaged("lists are longer than all their bytes")
    out = np.empty(int(df.sum()), np.int64)
    single = form == SINGLE
    out[(np.cumsum(df) - df)[single]] = places[single]
    for kind in (BITMAP, ELIAS_FANO_1, ELIAS_FANO_2):
        chosen = form == kind
        if chosen.any():
            out[np.repeat(chosen, df)] = _decode_form(data, places[chosen], df[chosen], size, kind)
    _check(out, size)
    return out


def _check(docs: DocNumbers, size: int) -> None:
    if len(docs) and not 0 <= docs.min() <= docs.max() < size:
        raise PostingsDamaged(f"a list names documents {docs.min()} to {docs.max()} of {size}")


def _decode_form(
    data: ByteArray, places: NDArray[np.int64], df: NDArray[np.int64], size: int, kind: int
) -> DocNumbers:
    """Decode lists that all have one form. They come end to end."""
    low = kind - BITMAP
    unary = _unary_bytes(df, size, low) if low else np.full(len(df), (size + 7) >> 3, np.int64)
    if (places + unary + df * low).max() > len(data) or places.min() < 0:
        raise PostingsDamaged("a list reaches beyond the end of all lists")
    bits = np.unpackbits(data[concatenated_ranges(places, unary)], bitorder="little")
    docs = np.flatnonzero(bits.view(np.bool_))
    if len(docs) != df.sum():
        raise PostingsDamaged(f"lists of {df.sum()} documents have {len(docs)}")
    docs -= np.repeat((np.cumsum(unary) - unary) * 8, df)
    if (docs < 0).any() or (docs >= np.repeat(unary * 8, df)).any():
        raise PostingsDamaged("one list has more documents than it should, another fewer")
    if low:
        docs -= positions_within(df)
        docs <<= 8 * low
        docs |= data[concatenated_ranges(places + unary, df * low)].view(f"<u{low}")
    return docs


def positions_within(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each length n the numbers 0 to n - 1, end to end: (2, 3) gives 0 1 0 1 2."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)


def concatenated_ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each start, that number and the ones behind it, end to end: (5, 9) and (2, 3) give
    5 6 9 10 11."""
    return np.repeat(starts, lengths) + positions_within(lengths)
