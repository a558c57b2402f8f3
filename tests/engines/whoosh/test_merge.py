"""Merging: whatever the inputs were, the segment is that of all documents at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from itertools import count, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.engines.whoosh import passages
from kchat_search.engines.whoosh.inversion import COLUMNS, invert
from kchat_search.engines.whoosh.merge import HALVES, MergeInput, join, merge
from kchat_search.engines.whoosh.schema import LISTS, ORDINALS, TERM_FIELDS, TEXTS
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.models.plan import IndexDocument
from tests.engines.documents import documents, make

Content = dict[str, object]


@pytest.fixture
def new(tmp_path: Path) -> Callable[[], Path]:
    """Makes paths at which no file exists yet."""
    numbers = count()
    return lambda: tmp_path / f"{next(numbers)}.arrays"


def content(file: SegmentFile) -> Content:
    """The whole content of a segment, decoded. Equal contents may still differ in bytes."""
    found: Content = {"size": file.size, "words": file.total_words}
    for field in TERM_FIELDS:
        found[field] = {
            file.term(field, row): file.docs(field, row).tolist()
            for row in range(file.term_count(field))
        }
        many, df = file.postings_range(field, 0, file.term_count(field))
        assert many.tolist() == [d for docs in found[field].values() for d in docs]  # type: ignore[attr-defined]
        assert df.tolist() == [file.df(field, row) for row in range(file.term_count(field))]
    found["freqs"] = [frequencies(file, row) for row in range(file.term_count("words"))]
    joined = file.frequencies_range(0, file.term_count("words")).tolist()
    assert joined == [times for row in found["freqs"] for times in row]  # type: ignore[attr-defined]
    for field in ORDINALS:
        ordinals = file.arrays[f"{field}.ordinals"].tolist()
        found[f"{field} by document"] = [file.term(field, ordinal) for ordinal in ordinals]
    for field in LISTS:
        ordinals = iter(file.arrays[f"{field}.ordinals"].tolist())
        counts = file.arrays[f"{field}.counts"].tolist()
        found[f"{field} by document"] = [
            [file.term(field, next(ordinals)) for _ in range(values)] for values in counts
        ]
    for name, columns in passages.COLUMNS.items():
        for column in ("counts", *columns):
            found[f"{name}.{column}"] = file.arrays[f"{name}.{column}"].tolist()
    for name in COLUMNS:
        found[name] = file.arrays[name].tolist()
    for name in TEXTS:
        texts = [file.text(name, doc) for doc in range(file.size)]
        found[name] = list(map(file.alphabet.string, texts))
    return found


def frequencies(file: SegmentFile, row: int) -> list[int]:
    """How often a word occurs in each of its documents."""
    found = file.frequencies(row)
    return [1] * file.df("words", row) if found is None else found.tolist()


def segment_of(path: Path, chats: Sequence[IndexDocument]) -> SegmentFile:
    """A segment of all these chats at once."""
    merge(path, [MergeInput(invert(chats))])
    return SegmentFile(path)


chats_of_some_inputs = st.lists(st.integers(0, 6), min_size=1, max_size=5).flatmap(
    lambda sizes: st.tuples(
        *(
            st.tuples(*(documents(chat_id) for chat_id in range(start, end)))
            for start, end in pairwise(np.cumsum([1, *sizes]).tolist())
        )
    )
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(chats_of_some_inputs, st.data())
def test_merged_inputs_are_the_segment_of_all_documents_at_once(
    inputs: Sequence[Sequence[IndexDocument]], data: st.DataObject
) -> None:
    every = [chat for chats in inputs for chat in chats]
    stays = data.draw(st.lists(st.booleans(), min_size=len(every), max_size=len(every)))
    survivors = [chat for chat, stay in zip(every, stays, strict=True) if stay]
    memory = data.draw(st.sampled_from([1, 128 * 7, 1 << 20]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = content(segment_of(folder / "whole", every))
        runs = [invert(chats) for chats in inputs]
        merge(folder / "runs", [MergeInput(run) for run in runs], memory)
        assert content(SegmentFile(folder / "runs")) == whole

        file = [segment_of(folder / f"input{n}", chats) for n, chats in enumerate(inputs)]
        merge(folder / "segments", [MergeInput(each) for each in file], memory)
        assert content(SegmentFile(folder / "segments")) == whole

        mixed = [
            MergeInput(s if n % 2 else r) for n, (s, r) in enumerate(zip(file, runs, strict=True))
        ]
        merge(folder / "mixed", mixed, memory)
        assert content(SegmentFile(folder / "mixed")) == whole

        keep = np.array(stays, np.bool_)
        starts = np.cumsum([0, *map(len, inputs)])
        left = [MergeInput(s, keep[a:b]) for s, (a, b) in zip(file, pairwise(starts), strict=True)]
        assert merge(folder / "left", left, memory) == len(survivors)
        assert content(SegmentFile(folder / "left")) == content(
            segment_of(folder / "survivors", survivors)
        )


def some(number: int, first: int = 1) -> list[IndexDocument]:
    """Chats with words of many frequencies, and some equal texts."""
    return [
        make(
            chat_id,
            "退款 " * (chat_id % 4) + f"订单 {chat_id}",
            "ab " * (chat_id % 3 + 1) + "15" * (chat_id % 5),
            created=chat_id * 7 % 30,
            month=f"2015-{1 + chat_id % 12:02}",
            agent=str(chat_id % 3),
            files=("发票.pdf",) * (chat_id % 2),
        )
        for chat_id in range(first, first + number)
    ]


def test_the_content_is_the_same_however_little_memory_there_is(
    new: Callable[[], Path],
) -> None:
    """One term at a time, some terms at a time, all terms at once."""
    inputs = [MergeInput(invert(some(40, first))) for first in (1, 41, 81)]
    contents = []
    for memory in (1, 3000, 1 << 30):
        path = new()
        merge(path, inputs, memory)
        contents.append(content(SegmentFile(path)))
    assert contents[0] == contents[1] == contents[2]


def test_one_range_of_terms_gives_the_bytes_of_a_segment_that_was_never_divided(
    new: Callable[[], Path],
) -> None:
    whole, inputs = new(), new()
    merge(whole, [MergeInput(invert(some(120)))])
    merge(inputs, [MergeInput(invert(some(40, first))) for first in (1, 41, 81)])
    assert whole.read_bytes() == inputs.read_bytes()


def test_halves_that_are_joined_have_the_arrays_of_the_whole(new: Callable[[], Path]) -> None:
    inputs = [MergeInput(invert(some(30, first))) for first in (1, 31)]
    whole = new()
    assert merge(whole, inputs) == 60
    halves = []
    for group in HALVES:
        halves.append(new())
        merge(halves[-1], inputs, group=group)
    both = new()
    assert join(both, halves) == 60
    one, other = SegmentFile(whole), SegmentFile(both)
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        assert one.arrays.kind(name) == other.arrays.kind(name)
        assert array.tobytes() == other.arrays[name].tobytes(), name
    assert content(one) == content(other)
    assert sorted(one.fields) == sorted(other.fields) == sorted(TERM_FIELDS)
    assert other.arrays.damage() is None
    assert other.unsound() is None


@pytest.mark.parametrize("most", [1, 2, 255, 256, 65_535, 65_536, 70_000])
def test_frequencies_of_any_size_survive(new: Callable[[], Path], most: int) -> None:
    often = make(1, "ab", "cd")
    object.__setattr__(often, "words", ("ab",) * most + ("cd",))
    rest = [make(2, "ab ab ef"), make(3, "cd gh gh gh")]
    whole = segment_of(new(), [often, *rest])
    inputs = [segment_of(new(), [often]), segment_of(new(), rest)]
    merged, without = new(), new()
    merge(merged, [MergeInput(each) for each in inputs], memory=1)
    keep = np.array([True, False])
    merge(without, [MergeInput(inputs[0]), MergeInput(inputs[1], keep)], memory=1)
    for file in (whole, SegmentFile(merged)):
        found = {file.term("words", r): frequencies(file, r) for r in range(4)}
        assert found == {b"ab": [most, 2], b"cd": [1, 1], b"ef": [1], b"gh": [3]}
        assert file.total_words == most + 1 + 3 + 4
    left = SegmentFile(without)
    assert [left.term("words", r) for r in range(left.term_count("words"))] == [b"ab", b"cd", b"ef"]
    assert [frequencies(left, r) for r in range(3)] == [[most, 2], [1], [1]]


def test_long_texts_are_merged_some_characters_at_a_time(
    new: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = some(30)
    whole = content(segment_of(new(), chats))
    monkeypatch.setattr("kchat_search.engines.whoosh.merge._CHARACTERS_AT_ONCE", 25)
    inputs = [segment_of(new(), chats[:11]), segment_of(new(), chats[11:])]
    path = new()
    merge(path, [MergeInput(each) for each in inputs])
    assert content(SegmentFile(path)) == whole
    keep = np.array([n % 3 != 0 for n in range(11)])
    merge(left := new(), [MergeInput(inputs[0], keep), MergeInput(inputs[1])])
    expected = [chat for n, chat in enumerate(chats) if n >= 11 or n % 3]
    assert content(SegmentFile(left)) == content(segment_of(new(), expected))


def test_progress_goes_from_the_first_field_to_the_columns(new: Callable[[], Path]) -> None:
    seen: list[tuple[str, int, int | None]] = []
    merge(new(), [MergeInput(invert(some(2)))], progress=lambda *said: seen.append(said))
    fields = len(TERM_FIELDS)
    assert seen == [("merge", n, fields + 1) for n in range(fields + 1)]
