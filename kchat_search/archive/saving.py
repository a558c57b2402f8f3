"""Save what one step of sync has fetched: chats with their versions, and rejects.

Invariants: a version that was seen once is never lost. Before a changed chat is replaced, its
present version is copied to `versions`, in the same transaction. A chat whose row is damaged is
not changed but by `restoring`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Text, bindparam, func, insert, null, select

from kchat_search.archive import (
    change_queue,
    reject_list,
    restoring,
    sealed_rows,
    seals,
    stored_chats,
)
from kchat_search.archive.column_conversion import stored_id
from kchat_search.archive.sealed_rows import Row
from kchat_search.archive.stored_columns import chat_row
from kchat_search.archive.tables import chats, versions
from kchat_search.archive.tally import add_seals, add_to_tally
from kchat_search.databases.column_values import moment_in, storable
from kchat_search.databases.statements import chunks
from kchat_search.models.chats import AddsNothing, FetchedChat, RejectedChat, SaveReport
from kchat_search.models.damage import DamagedRow

_COPY = insert(versions).from_select(
    ["chat_id", "version", "digest", "seen_at", "raw", "sha256", "seal"],
    select(
        chats.c.id,
        chats.c.version,
        chats.c.digest,
        chats.c.changed_at,
        chats.c.raw,
        chats.c.sha256,
        bindparam("new_seal", type_=Text()),
    ).where(chats.c.id == bindparam("chat_id")),
)


def always_new(_fetched: FetchedChat, _stored: str) -> bool:
    """An `AddsNothing` for which every other digest is another version."""
    return False


def save(
    connection: Connection,
    fetched: Sequence[FetchedChat],
    rejected: Sequence[RejectedChat],
    now: datetime,
    adds_nothing: AddsNothing,
    *,
    seen_since: datetime | None = None,
) -> SaveReport:
    """Save chats and rejects, as `ports.SyncArchive.save` says."""
    latest = {stored_id(item.chat.id): item for item in fetched}
    known, damaged = _known(connection, sorted(latest))
    seen_at = moment_in(now)
    digests = {chat_id: storable(item.digest) for chat_id, item in latest.items()}
    new = latest.keys() - known.keys() - damaged
    changed = {i for i, before in known.items() if before["digest"] != digests[i]}
    raws, last_versions = _raws_and_last_versions(connection, sorted(changed), sorted(new))
    nothing_new, unreadable = _with_nothing_new(
        [latest[i] for i in sorted(changed)], raws, adds_nothing
    )
    changed -= nothing_new | unreadable
    same = known.keys() - changed - unreadable
    returned = {i for i, before in known.items() if before["gone_at"] is not None} - unreadable
    written = sorted(new | changed)
    _number_behind_versions(connection, known, sorted(changed), last_versions)
    _copy_to_versions(connection, [known[i] for i in sorted(changed)])
    _put(connection, latest, known, written, seen_at=seen_at, last_versions=last_versions)
    marked = same if seen_since is None else _not_seen(known, same, moment_in(seen_since), seen_at)
    _mark_seen(connection, [known[i] for i in sorted(marked)], seen_at)
    add_to_tally(connection, chats=len(new), versions=len(new) + len(changed), gone=-len(returned))
    restored = restoring.restore(
        connection, [latest[i] for i in sorted(damaged | unreadable)], seen_at
    )
    change_queue.put(connection, sorted(new | changed | returned | restored))
    reject_list.drop(connection, map(_reject_key, sorted(latest)))
    understood = {_reject_key(i) for i in latest}
    rejects = [item for item in rejected if item.key not in understood]
    return SaveReport(
        new=len(new),
        changed=len(changed | restored),
        same=len(same),
        rejected=reject_list.put(connection, rejects, seen_at),
        replaced={i: known[i]["digest"] for i in sorted(changed)},
    )


def restore(
    connection: Connection,
    fetched: Sequence[FetchedChat],
    now: datetime,
    adds_nothing: AddsNothing,
) -> tuple[int, ...]:
    """Restore damaged and missing chats, as `ports.ArchiveCheck.restore` says."""
    latest = {item.chat.id: item for item in fetched}
    there = stored_chats.by_ids(connection, sorted(latest))
    missing = [i for i in sorted(latest) if i not in there]
    damaged = [i for i in sorted(latest) if isinstance(there.get(i), DamagedRow)]
    seen_at = moment_in(now)
    restored = restoring.restore(connection, [latest[i] for i in damaged], seen_at)
    change_queue.put(connection, sorted(restored))
    if missing:
        save(connection, [latest[i] for i in missing], (), now, adds_nothing)
    return tuple(sorted(restored.union(missing)))


def see(connection: Connection, chat_ids: Sequence[int], now: datetime) -> None:
    """Kchat still shows these chats: mark them as seen and not gone. Content stays as it is."""
    known, _ = _known(connection, chat_ids)
    returned = [i for i in sorted(known) if known[i]["gone_at"] is not None]
    _mark_seen(connection, [known[i] for i in sorted(known)], moment_in(now))
    change_queue.put(connection, returned)
    add_to_tally(connection, gone=-len(returned))


def mark_gone(connection: Connection, chat_ids: Sequence[int], now: datetime) -> int:
    """Mark and queue the chats that are not marked yet. Returns how many were marked."""
    known, _ = _known(connection, chat_ids)
    marked = [i for i in sorted(known) if known[i]["gone_at"] is None]
    sealed_rows.change(connection, chats, [known[i] for i in marked], {"gone_at": moment_in(now)})
    change_queue.put(connection, marked)
    add_to_tally(connection, gone=len(marked))
    reject_list.mark_gone(connection, chat_ids, now)
    return len(marked)


def _known(connection: Connection, chat_ids: Sequence[int]) -> tuple[dict[int, Row], set[int]]:
    """(what the archive knows of these chats, the ids of those whose row is damaged)."""
    known: dict[int, Row] = {}
    damaged: set[int] = set()
    for part in chunks(chat_ids):
        sound, not_sound = sealed_rows.sound_and_damaged(connection, chats, chats.c.id.in_(part))
        known.update({row["id"]: row for row in sound})
        damaged.update(row["id"] for row in not_sound)
    return known, damaged


def _with_nothing_new(
    fetched: Sequence[FetchedChat],
    stored: Mapping[int, tuple[str, str]],
    adds_nothing: AddsNothing,
) -> tuple[set[int], set[int]]:
    """(chats that say nothing that their stored form does not say, chats whose stored form is
    damaged). `fetched`: those whose digest is another one than the stored; `stored`: the raw JSON
    and SHA-256 of these."""
    same: set[int] = set()
    damaged: set[int] = set()
    for item in fetched:
        raw, sha256 = stored[item.chat.id]
        if seals.raw_problem(raw, sha256) is not None:
            damaged.add(item.chat.id)
        elif adds_nothing(item, raw):
            same.add(item.chat.id)
    return same, damaged


def _number_behind_versions(
    connection: Connection,
    known: dict[int, Row],
    chat_ids: Sequence[int],
    last: Mapping[int, int],
) -> None:
    """The present version has a higher number than all earlier ones. Unless somebody put back what
    its row was earlier: then it gets the next number now, so that no version is overwritten."""
    for chat_id in [i for i in chat_ids if last.get(i, 0) >= known[i]["version"]]:
        version = {"version": last[chat_id] + 1}
        sealed_rows.change(connection, chats, [known[chat_id]], version)
        add_to_tally(connection, versions=version["version"] - known[chat_id]["version"])
        known[chat_id] = sealed_rows.sealed(chats, known[chat_id] | version)


def _copy_to_versions(connection: Connection, rows: Sequence[Row]) -> None:
    """Copy the present versions of these chats. Their raw JSON is copied as it is, with the SHA-256
    that it had when it was saved, so that damage to it stays visible."""
    if not rows:
        return
    copies = [
        sealed_rows.sealed(
            versions,
            {
                "chat_id": row["id"],
                "version": row["version"],
                "digest": row["digest"],
                "seen_at": row["changed_at"],
                "sha256": row["sha256"],
            },
        )
        for row in rows
    ]
    connection.execute(
        _COPY, [{"chat_id": copy["chat_id"], "new_seal": copy["seal"]} for copy in copies]
    )
    add_seals(connection, "versions", [copy["seal"] for copy in copies])


def _put(
    connection: Connection,
    latest: dict[int, FetchedChat],
    known: dict[int, Row],
    chat_ids: Collection[int],
    *,
    seen_at: int,
    last_versions: Mapping[int, int],
) -> None:
    rows: dict[int, Row] = {}
    # The present row of a new chat that has earlier versions was lost: it had the next number, and
    # the version that is saved now has the one after that.
    lost = {i: last_versions[i] for i in chat_ids if i not in known and i in last_versions}
    for chat_id in chat_ids:
        before = known.get(chat_id)
        version = 1 if before is None else before["version"] + 1
        if chat_id in lost:
            version = lost[chat_id] + 2
        first_seen_at = seen_at if before is None else before["first_seen_at"]
        rows[chat_id] = chat_row(latest[chat_id], version, first_seen_at, seen_at, seen_at)
    sealed_rows.add(connection, chats, [row for i, row in rows.items() if i not in known])
    replaced = [i for i in rows if i in known]
    sealed_rows.put(connection, chats, [rows[i] for i in replaced], [known[i] for i in replaced])
    for chat_id, last in lost.items():
        restoring.put_lost_version(connection, chat_id, last + 1, seen_at)


def _raws_and_last_versions(
    connection: Connection, known: Sequence[int], new: Sequence[int]
) -> tuple[dict[int, tuple[str, str]], dict[int, int]]:
    """(raw JSON and SHA-256 of the `known` chats, the numbers of the last earlier versions of all
    of these chats, where they have some). One statement, because a save is made of few."""
    raws: dict[int, tuple[str, str]] = {}
    last: dict[int, int] = {}
    with_raw = set(known)
    for part in chunks(sorted({*known, *new}), 2):
        of_versions = versions.c.chat_id.in_(part)
        numbers = (
            select(versions.c.chat_id, null(), null(), func.max(versions.c.version))
            .where(of_versions)
            .group_by(versions.c.chat_id)
        )
        of_chats = chats.c.id.in_([i for i in part if i in with_raw])
        rows = select(chats.c.id, chats.c.raw, chats.c.sha256, null()).where(of_chats)
        for chat_id, raw, sha256, number in connection.execute(rows.union_all(numbers)):
            if number is None:
                raws[chat_id] = raw, sha256
            else:
                last[chat_id] = number
    return raws, last


def _mark_seen(connection: Connection, rows: Sequence[Row], seen_at: int) -> None:
    sealed_rows.change(connection, chats, rows, {"seen_at": seen_at, "gone_at": None})


def _not_seen(known: Mapping[int, Row], chat_ids: Iterable[int], since: int, now: int) -> set[int]:
    """Those that were not seen between these moments, or are marked as gone."""
    return {
        i
        for i in chat_ids
        if known[i]["gone_at"] is not None or not since <= known[i]["seen_at"] <= now
    }


def _reject_key(chat_id: int) -> str:
    return f"chat:{chat_id}"
