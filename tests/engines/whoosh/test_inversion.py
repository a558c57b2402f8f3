"""Inversion: the terms of every document are those that a plain scan finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.engines.whoosh.inversion import Run, invert, split_terms
from kchat_search.engines.whoosh.schema import FRAGMENTS, TERM_FIELDS, TEXTS
from kchat_search.engines.whoosh.text_encoding import MARKS
from kchat_search.models.plan import NO_TIME, IndexDocument, Passage
from kchat_search.text.fold import fold
from tests.engines.documents import documents, make
from tests.engines.whoosh.stock import Terms, expected_terms, parts_of

any_text = (st.text(max_size=9) | st.text("0157５a退\0", max_size=9)).map(fold)
odd = st.builds(
    make,
    st.integers(-(2**63), 2**63 - 1),
    any_text,
    any_text,
    created=st.none() | st.integers(-(2**40), 2**40),
    files=st.tuples(any_text),
    visitor=st.none() | st.text(max_size=3).map(fold),
)
"""Documents with any characters at all."""
chats = st.lists(st.integers(1, 99).flatmap(documents) | odd, max_size=6, unique_by=lambda d: d.id)


def terms(run: Run) -> Terms:
    """The posting lists of a run, by field, term and chat id."""
    ids = run.arrays["id"].tolist()
    found: Terms = {}
    for field in TERM_FIELDS:
        docs = iter(run.arrays[f"{field}.docs"].tolist())
        freqs = iter(run.arrays[f"{field}.freqs"].tolist() if field == "words" else [])
        written = split_terms(run.arrays[f"{field}.terms"], run.arrays[f"{field}.ends"])
        assert written == sorted(set(written))
        found[field] = {}
        for term, df in zip(written, run.arrays[f"{field}.df"].tolist(), strict=True):
            having = [next(docs) for _ in range(df)]
            assert having == sorted(set(having))
            found[field][term] = {ids[doc]: next(freqs, 1) for doc in having}
        assert next(docs, None) is None
    return found


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(chats)
def test_the_terms_of_documents_are_those_of_a_scan(made: Sequence[IndexDocument]) -> None:
    assert terms(invert(made)) == expected_terms(made)


@settings(max_examples=50, deadline=None)
@given(chats)
def test_columns_and_texts_are_those_of_the_documents(made: Sequence[IndexDocument]) -> None:
    arrays = invert(made).arrays
    assert arrays["id"].tolist() == [d.id for d in made]
    assert arrays["version"].tolist() == [d.revision for d in made]
    assert arrays["length"].tolist() == [len(d.words) for d in made]
    assert arrays["created"].tolist() == [NO_TIME if d.created is None else d.created for d in made]
    parts = [parts_of(document) for document in made]
    for name in TEXTS:
        texts = ["".join(part for _, part in some[name]) for some in parts]
        assert arrays[name].tobytes().decode() == "".join(texts)
        assert arrays[f"{name}.chars"].tolist() == list(map(len, texts))
    for name in FRAGMENTS:
        assert arrays[f"{name}.counts"].tolist() == [len(some[name]) for some in parts]
        assert arrays[f"{name}.place"].tolist() == [n for some in parts for n, _ in some[name]]


def test_a_spilled_run_is_read_back_unchanged(tmp_path: Path) -> None:
    made = [make(n, f"退款 {n * 37}", "ab ab", created=-n, files=("a.b",)) for n in range(1, 50)]
    run = invert(made)
    run.spill(tmp_path / "a.run")
    back = Run.read(tmp_path / "a.run")
    assert back.size == run.size == 49
    assert back.arrays.keys() == run.arrays.keys()
    for name, array in run.arrays.items():
        assert back.arrays[name].tolist() == array.tolist()
    assert terms(back) == terms(run)


@pytest.mark.parametrize("mark", sorted(set(MARKS.values())))
@pytest.mark.parametrize("where", ["{}", "{}ab", "a{}b", "ab{}"])
@pytest.mark.parametrize("field", ["passages", "files"])
def test_what_is_not_folded_is_refused(mark: str, where: str, field: str) -> None:
    """A line break in a message would look like the beginning of another message."""
    text = where.format(mark)
    broken = make(2, "退款", files=("a",))
    object.__setattr__(
        broken, field, (Passage(text, "agent"),) if field == "passages" else ("a", text)
    )
    with pytest.raises(ValueError, match="folding"):
        invert([make(1, "x"), broken, make(3, "y")])


@pytest.mark.parametrize(
    "made",
    [
        [],
        [make(1)],
        [make(1), make(2, ""), make(3, " ")],
        [make(1), make(2, "ab"), make(3)],
        [make(1, "1", "57"), make(2, "157"), make(3, "15", "7")],
        [make(1, "12", files=("3",)), make(2, "3", files=("12", "3"))],
    ],
)
def test_no_gram_reaches_from_one_text_into_the_next(made: list[IndexDocument]) -> None:
    run = invert(made)
    assert terms(run) == expected_terms(made)
    assert run.size == len(made)
