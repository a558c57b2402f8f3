"""Hold every row of the audit against the chain, and name those that are not what was written.

Pure, but that it asks which row has a hash. Rows come in the order of their numbers, once; two of
them are looked at ahead, so the memory it takes does not grow with the audit.

What can be found. A row whose hash is not that of its columns was changed, or stands under another
number: then the hash fits with that number. A row whose hash is right, and is not what the next one
follows, was written anew. A number that is missing was removed. The end of the chain is written
down beside it, and counts as a row after the last. Whoever computes all later hashes anew, and the
end as well, leaves a chain that is whole: only a head that was written down elsewhere finds that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain as chained
from typing import NamedTuple

from kchat_search.access.audit_chain import BEFORE_THE_FIRST, fulfils, row_hash
from kchat_search.models.audit import AuditProblem

MOST_PROBLEMS = 100
"""Problems that are named; of more, only how many there are."""

_CHANGED = "changed: it is not what was recorded"
_REWRITTEN = (
    "changed, and its hash computed anew: what comes next does not follow it. Rows before it may "
    "have been changed in the same way"
)
_PUT_IN = "put in: it was not recorded there"
_NAME = "its name is not the one that was recorded"
_QUERY = "its query is not the one that was recorded"
_GONE = "its texts are gone, and no row says that they were erased"
_NO_ROW = "texts without a row"


class StoredRow(NamedTuple):
    """A row as it comes out of the database, with its texts. After damage, a column may hold
    anything. The order is that of the table."""

    number: object
    at: object
    clock: object
    principal: object
    address: object
    action: object
    object_: object
    count_: object
    numbers: object
    name_commitment: object
    query_commitment: object
    previous: object
    hash: object
    name: object
    name_salt: object
    query: object
    query_salt: object

    @property
    def erased(self) -> bool:
        """Have its texts been erased, by the program or by hand?"""
        return self.name is self.name_salt is self.query is self.query_salt is None

    def hashed_as(self, chain: str, number: int) -> bool:
        """Is its hash the one that it would have under this number?"""
        return row_hash(chain, (number, *self[1:12])) == self.hash


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """What is written down beside the chain."""

    chain: str
    """The id of the chain."""
    rows: int
    head: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A chain in which nothing is wrong."""

    rows: int
    head: str


def whole(end: ChainEnd, known_head: str | None, rows: Iterable[Sequence[object]]) -> Whole | None:
    """The chain, if every row is what was recorded; None at the first that is not, and where
    `known_head` is no row's: then `ChainCheck` finds out what is wrong. Nearly every check ends
    here, and this takes a third of the time. `rows`: as `StoredRow`, number ascending."""
    number, head = 0, BEFORE_THE_FIRST
    head_seen = known_head in (None, BEFORE_THE_FIRST)
    erased: set[object] = set()
    for row in rows:
        number += 1
        if row[0] != number or row[11] != head or row_hash(end.chain, row[:12]) != row[12]:
            return None
        head = str(row[12])
        head_seen = head_seen or head == known_head
        name_commitment, query_commitment, _, _, name, name_salt, query, query_salt = row[9:]
        if name is name_salt is query is query_salt is None:
            erased.add(f"audit:{number}")
        elif not (
            fulfils(name, name_salt, name_commitment)
            and fulfils(query, query_salt, query_commitment)
        ):
            return None
        if row[5] == "text_erased":
            erased.discard(row[6])
    is_whole = head_seen and not erased and (number, head) == (end.rows, end.head)
    return Whole(number, head) if is_whole else None


@dataclass(slots=True)
class _Place:
    """A row in its place, or one of the two ends of the chain."""

    number: int
    previous: object
    hash: object
    shift: int | None
    """The number that it was recorded with, less the number that it has. None: it was changed."""
    stored: StoredRow | None = None
    trusted: bool = False
    """The end of the chain."""

    @property
    def recorded(self) -> int:
        return self.number + (self.shift or 0)


@dataclass
class ChainCheck:
    """One check. `problems` and the rest are complete after `run`."""

    end: ChainEnd
    known_head: str | None = None
    """A hash that was written down before."""
    rows: int = 0
    head: str = BEFORE_THE_FIRST
    _found: dict[int, str] = field(default_factory=dict)
    _more: int = 0
    _changed: dict[int, StoredRow] = field(default_factory=dict)
    _erased: set[int] = field(default_factory=set)
    _shift: int = 0
    _head_seen: bool = False

    def run(self, rows: Iterable[StoredRow]) -> None:
        """Look at all rows, number ascending."""
        places = chained(self._places(rows), [None, None])
        before_last = last = _Place(0, None, BEFORE_THE_FIRST, 0)
        here, after = next(places), next(places)
        while here is not None:
            then = after
            after = next(places, None)
            self._look(before_last, last, here, then)
            before_last, last = last, here
            here = then
        for number in self._erased:
            self._problem(number, _GONE)

    def name_moved(self, numbers: Callable[[Collection[str]], Mapping[str, int]]) -> None:
        """Find out which of the changed rows were only moved. `numbers` gives the number of the row
        that has a hash, for each hash."""
        before = {str(row.previous) for row in self._changed.values()}
        known = {BEFORE_THE_FIRST: 0, **numbers(before)} if before else {}
        for number, row in self._changed.items():
            recorded = known.get(str(row.previous), -2) + 1
            if self._found[number] == _CHANGED and row.hashed_as(self.end.chain, recorded):
                self._found[number] = _moved(recorded)

    def texts_without_rows(self, numbers: Iterable[object]) -> None:
        """Name these numbers of texts that no row has."""
        for number in numbers:
            if isinstance(number, int):
                self._problem(number, _NO_ROW)

    def problems(self) -> tuple[AuditProblem, ...]:
        """What was found, by number."""
        found = [AuditProblem(number, text) for number, text in sorted(self._found.items())]
        if self._more:
            found.append(AuditProblem(None, f"{self._more} more rows are not what was recorded"))
        if self.known_head not in (None, BEFORE_THE_FIRST) and not self._head_seen:
            found.append(
                AuditProblem(
                    None,
                    "no row has the hash that was given: rows were cut off at the end, or some "
                    "were changed and all hashes after them computed anew",
                )
            )
        return tuple(found)

    # -- one row ------------------------------------------------------------------------------

    def _places(self, rows: Iterable[StoredRow]) -> Iterator[_Place]:
        number, shift = 0, 0
        for row in rows:
            self.rows += 1
            if not isinstance(row.number, int) or row.number < 1:
                self._problem(row.number if isinstance(row.number, int) else None, _PUT_IN)
                continue
            place = self._place(row, row.number, shift)
            shift = shift if place.shift is None else place.shift
            number = row.number
            self.head = str(row.hash)
            self._head_seen = self._head_seen or row.hash == self.known_head
            self._texts(row, number)
            yield place
        yield _Place(number + 1, self.end.head, None, self.end.rows - number, trusted=True)

    def _place(self, row: StoredRow, number: int, shift: int) -> _Place:
        for likely in (0, shift, shift + 1, shift - 1):
            if row.hashed_as(self.end.chain, number + likely):
                return _Place(number, row.previous, row.hash, likely, row)
        return _Place(number, row.previous, row.hash, None, row)

    def _texts(self, row: StoredRow, number: int) -> None:
        if row.action == "text_erased":
            what, _, erased = str(row.object_).partition(":")
            if what == "audit" and erased.isdecimal():
                self._erased.discard(int(erased))
        if row.erased:
            self._erased.add(number)
        elif not fulfils(row.name, row.name_salt, row.name_commitment):
            self._problem(number, _NAME)
        elif not fulfils(row.query, row.query_salt, row.query_commitment):
            self._problem(number, _QUERY)

    def _look(self, before: _Place, last: _Place, here: _Place, then: _Place | None) -> None:
        if here.shift is None:
            assert here.stored is not None
            self._problem(here.number, _CHANGED)
            if len(self._changed) < MOST_PROBLEMS:
                self._changed[here.number] = here.stored
        elif here.number > last.number + 1:
            self._removed(last.number + 1 + self._shift, here.number - 1 + self._shift)
        elif here.shift != self._shift:
            self._other_number(here, then)
        elif last.shift == self._shift and here.previous != last.hash:
            self._unlinked(before, last, here, then)

    def _other_number(self, here: _Place, then: _Place | None) -> None:
        """The row was recorded with another number. So were all after it, or it alone was moved."""
        if then is not None and then.shift != here.shift:
            self._problem(here.number, _moved(here.recorded))
            return
        assert here.shift is not None
        if here.shift > self._shift:
            self._removed(here.number + self._shift, here.recorded - 1)
        else:
            for number in range(here.number + here.shift - self._shift, here.number):
                self._problem(number, _PUT_IN)
        self._shift = here.shift

    def _unlinked(self, before: _Place, last: _Place, here: _Place, then: _Place | None) -> None:
        """The row does not follow the one before it. Which of the two is wrong?"""
        trusted = here.trusted or (then is not None and then.previous == here.hash)
        if not trusted or last.number < 1:
            self._problem(here.number, _REWRITTEN)
        else:
            put_in = here.previous == before.hash
            self._problem(last.number, _PUT_IN if put_in else _REWRITTEN)

    def _removed(self, first: int, last: int) -> None:
        self._problem(first, "removed" if first == last else f"removed, as all rows to {last}")

    def _problem(self, number: int | None, text: str) -> None:
        if number in self._found or len(self._found) < MOST_PROBLEMS:
            self._found[number or 0] = text
        else:
            self._more += 1


def _moved(recorded: int) -> str:
    return f"moved: it was recorded as row {recorded}"
