"""Verify: prove that the archive is what was stored, and that the index agrees with it.

First every row of the archive is checked (`ports.ArchiveCheck`). What is damaged there is named,
and left out of the comparison, because building the index again would not help. Then random strings
are taken from the archive and searched for. What the search finds is compared with what a plain
scan of every chat finds. Verify may run during a sync. Chats that change in the meantime are left
out of the comparison.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kchat_search.chats.participants import names_as_text
from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.models.chats import StoredChat, Understand
from kchat_search.models.damage import DamagedRow
from kchat_search.models.reports import Progress, VerifyReport, no_progress
from kchat_search.models.search import SearchRequest
from kchat_search.ports import ArchiveCheck, Engine, IndexSource, VerifySource
from kchat_search.search.searcher import Searcher
from kchat_search.search.tree import quoted
from kchat_search.text.fold import fold

LONGEST = 12
"""Characters of a random string, at most."""
_MAX_DIFFERENCES = 100
"""Differences of each kind that the report lists, at most."""


def verify(
    archive: VerifySource,
    engine: Engine,
    searcher: Searcher,
    chat_reader: ChatReader,
    understand: Understand,
    *,
    strings: int,
    seed: int,
    progress: Progress = no_progress,
) -> VerifyReport:
    """Check every row of the archive against its seal and every byte of the index against its
    checksum, compare the ids and revisions of all chats, then search for `strings` random strings
    and scan for them.

    `understand` reads a chat's raw JSON, as `ports.ArchiveCheck.check` says. `seed` decides which
    strings. `progress` is called as `models.reports.Progress` says. Memory holds two ids for each
    chat that has one of the strings. The time is that of one pass over the archive for the seals
    and one for the strings. Raises `ArchiveError` or `IndexDamaged` where one of the two cannot be
    read at all.
    """
    began = time.perf_counter()
    rows, findings = check_archive(archive, understand, progress)
    damaged = {finding.chat_id for finding in findings if finding.chat_id is not None}
    before = dict(archive.id_revisions())
    damage = engine.damage()
    if damage is not None:  # then no other difference is of interest
        seconds = time.perf_counter() - began
        return VerifyReport(
            len(before), 0, damage=damage, rows=rows, archive=findings, seconds=seconds, seed=seed
        )
    indexed = dict(engine.id_revisions())
    waiting = {entry.chat_id for entry in archive.changes(len(before) + 1)}
    rng = random.Random(seed)  # noqa: S311  # nosec B311  # a sample, drawn again by its seed
    drawn = _draw(archive, chat_reader, sorted(before), strings, rng)
    searched = {}
    for number, string in enumerate(drawn, start=1):
        request = SearchRequest(q=quoted(string))
        searched[string] = searcher.all_ids(request)
        progress("look up", number, len(drawn))
    scanned = _scan(archive, chat_reader, drawn, len(before), progress)
    changed = damaged | waiting | _changed_since(archive, before)
    return VerifyReport(
        chats=len(before),
        strings=len(drawn),
        missed=_differences(drawn, scanned, searched, changed),
        wrong=_differences(drawn, searched, scanned, changed),
        lacking=tuple(
            sorted(i for i, n in before.items() if indexed.get(i) != n and i not in changed)
        ),
        surplus=tuple(sorted(i for i in indexed if i not in before and i not in changed)),
        rows=rows,
        archive=findings,
        seconds=time.perf_counter() - began,
        seed=seed,
    )


def check_archive(
    archive: ArchiveCheck, understand: Understand, progress: Progress = no_progress
) -> tuple[int, tuple[DamagedRow, ...]]:
    """(how many rows the archive has, what is wrong with them), each finding once."""
    rows, findings = 0, dict[DamagedRow, None]()
    position: str | None = ""
    while position is not None:
        part = archive.check(position, understand=understand)
        rows += part.rows
        findings |= dict.fromkeys(part.findings)
        position = part.next
        progress("check the archive", rows, None)
    return rows, tuple(findings)


def _changed_since(archive: IndexSource, before: Mapping[int, int]) -> set[int]:
    """The chats that wait for the index now, and those whose revision is another than `before`."""
    now = dict(archive.id_revisions())
    waiting = {entry.chat_id for entry in archive.changes(len(now) + 1)}
    return waiting | {i for i in before.keys() | now.keys() if before.get(i) != now.get(i)}


def _draw(
    archive: IndexSource, chat_reader: ChatReader, ids: list[int], strings: int, rnd: random.Random
) -> list[str]:
    """Random substrings of all that is searched, 1 to 12 characters long, no two alike."""
    drawn: dict[str, None] = {}
    agents = archive.agents()
    for _ in range(20 * strings):  # the archive may have too little text, so there is a limit
        if len(drawn) == strings or not ids:
            break
        chat_id = rnd.choice(ids)
        stored = archive.get([chat_id]).get(chat_id)
        read = chat_reader.read(stored.raw, agents) if isinstance(stored, StoredChat) else None
        texts = [text for text in _texts(read) if text] if read is not None else []
        if texts:
            text = rnd.choice(texts)
            length = rnd.randint(1, min(LONGEST, len(text)))
            start = rnd.randint(0, len(text) - length)
            string = text[start : start + length]
            drawn[string.strip() or string] = None  # as in quotes
    return list(drawn)


def _texts(read: Transcript) -> Iterator[str]:
    """What of a chat is searched, folded: what was said, the names of files and of the visitor."""
    yield from read.texts
    yield from (fold(m.upload.name) for m in read.chat.messages if m.upload is not None)
    yield from names_as_text(read.visitor_names)


def _scan(
    archive: IndexSource,
    chat_reader: ChatReader,
    drawn: list[str],
    total: int,
    progress: Progress,
) -> dict[str, set[int]]:
    """Which chats have each string. Every chat is looked at."""
    scanned: dict[str, set[int]] = {string: set() for string in drawn}
    agents = archive.agents()
    for number, stored in enumerate(archive.iterate(), start=1):
        if isinstance(stored, DamagedRow):
            continue
        # No folded text has a line break, so a string can't match across two messages.
        text = "\n".join(_texts(chat_reader.read(stored.raw, agents)))
        for string in drawn:
            if string in text:
                scanned[string].add(stored.id)
        progress("scan", number, max(total, number))
    return scanned


def _differences(
    drawn: Iterable[str],
    having: Mapping[str, set[int]],
    lacking: Mapping[str, set[int]],
    changed: set[int],
) -> tuple[Mapping[str, Any], ...]:
    """Which chats have a string according to `having` but not according to `lacking`."""
    rows = [
        {"string": string, "chat_id": chat_id}
        for string in drawn
        for chat_id in sorted(having[string] - lacking[string] - changed)
    ]
    return tuple(rows[:_MAX_DIFFERENCES])
