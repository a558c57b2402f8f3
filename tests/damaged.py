"""An archive with everything in it, ways to damage it, and all that the program makes of it."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.composition import make_service
from kchat_search.config import only
from kchat_search.errors import KchatSearchError
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat, RejectedChat
from kchat_search.models.reports import SyncReport, VerifyReport
from kchat_search.serialization import export_formats
from kchat_search.serialization.chats import agents_json, chat_json
from kchat_search.serialization.history import versions_json
from kchat_search.serialization.links import Links
from kchat_search.serialization.search import search_json
from kchat_search.serialization.status import rejects_json, status_json
from kchat_search.service import Service
from tests.serialization.export_files import about
from tests.world import BEGIN, asked, chat

FIRST, LAST = 101, 124
LINKS = Links("http://127.0.0.1:5080", None)


def parsed(parser: ChatParser, sent: object) -> FetchedChat:
    """A chat of the tests, as fetched."""
    fetched = parser.parse_chat(sent)
    assert isinstance(fetched, FetchedChat)
    return fetched


def fill(archive: SqlArchive, parser: ChatParser) -> None:
    """Chats with up to four versions, chats that are gone, rejects, agents, cursors, reports."""
    now = BEGIN
    for round_ in range(4):
        changed = range(FIRST, LAST + 1, round_) if round_ else range(FIRST, LAST + 1)
        sent = [chat(i, *([f"第{round_}次 退款 {i}", "好的"] if round_ else [])) for i in changed]
        sent[0]["messages"][0]["msg"] = f"长 {round_} " * 3_000  # on pages of its own
        position = {"page": round_, "number": 2, "done": True, "proven": True}
        archive.save(
            [parsed(parser, each) for each in sent],
            [
                RejectedChat(f"chat:{900 + round_}", 900 + round_, '{"id":9,"odd":1}', "no time"),
                RejectedChat(f"raw:{round_}", None, '{"odd":[1,2]}', "no id"),
            ],
            now=now,
            cursor=("backfill", position),
        )
        report = SyncReport("tick", now, now + timedelta(seconds=9), seen=len(sent), new=round_)
        archive.save_report(report)
        now += timedelta(hours=1)
    archive.mark_gone([FIRST + 3, FIRST + 5], now=now)
    archive.mark_rejects_gone(BEGIN + timedelta(minutes=90), now=now)
    archive.save_agents({"2192": "李雷", "2193": "韩梅梅", "7": "someone"}, now=now)
    archive.set_cursor("synced", {"at": now.isoformat()}, now=now)
    archive.set_cursor("agents", {"at": now.isoformat()}, now=now)


@dataclass(frozen=True)
class Outcome:
    """What the program makes of an archive."""

    refused: str | None
    """Why the archive could not be opened; None if it was."""
    answers: dict[str, Any]
    report: VerifyReport | None
    verify_error: str | None = None

    @property
    def named(self) -> bool:
        """Was damage of the archive said?"""
        findings = self.report is not None and bool(self.report.archive)
        return bool(self.refused or self.verify_error or findings)


class Target:
    """A sound archive and its index. `outcome` asks everything of a damaged copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "sound.sqlite3"
        settings = only(archive_url=f"sqlite:///{self.file}", index_dir=folder / "index")
        self.service = make_service(settings, clock=lambda: BEGIN + timedelta(hours=9))
        self.parser = ChatParser(settings.zone)
        assert isinstance(self.service.archive, SqlArchive)
        fill(self.service.archive, self.parser)
        with self.service.indexing("test"):
            self.service.reindex()
        self.service.close()  # what the log has is in the file now
        assert not self.file.with_name("sound.sqlite3-wal").exists()
        self.sound = self.outcome(self.file)
        assert self.sound.report is not None
        assert self.sound.report.clean, self.sound.report

    def copy(self, name: str = "damaged") -> Path:
        """A copy of the archive, to be damaged."""
        for old in self.folder.glob(f"{name}.sqlite3*"):
            old.unlink()
        return Path(shutil.copyfile(self.file, self.folder / f"{name}.sqlite3"))

    def over(self, archive: SqlArchive) -> Service:
        """The program over another archive, with the same index."""
        service = self.service
        indexer = replace(service.indexer, archive=archive)
        return replace(
            service,
            archive=archive,
            searcher=replace(service.searcher, archive=archive),
            indexer=indexer,
            refitter=replace(service.refitter, archive=archive, indexer=indexer),
        )

    def outcome(self, file: Path) -> Outcome:
        """Everything that the program answers over this archive. Raises only what is a bug."""
        try:
            archive = open_archive(f"sqlite:///{file}")
        except KchatSearchError as error:
            return Outcome(_said(error), {}, None)
        with closing(archive):
            service = self.over(archive)
            answers = {name: _answer(ask) for name, ask in questions(service)}
            try:
                report = service.verify(strings=5, seed=1)
            except KchatSearchError as error:
                return Outcome(None, answers, None, _said(error))
            return Outcome(None, answers, report)


def _answer(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except KchatSearchError as error:
        return _said(error)


def _said(error: KchatSearchError) -> str:
    """The text of an error: one line, and not the advice to build the index again, since nothing is
    wrong with the index."""
    text = f"{type(error).__name__}: {error}"
    assert "reindex" not in text, text
    assert "\n" not in text, text
    return text


def questions(service: Service) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Everything that can be asked: (its name, what asks it)."""
    zone = service.presentation.zone

    def search(q: str, **more: Any) -> Any:
        request = asked(q, per_page=50, **more)
        return {**search_json(request, service.search(request), zone, LINKS), "took_ms": 0}

    def export(form: export_formats.Format) -> Any:
        chats = service.export(asked(sort="oldest")).chats
        return b"".join(export_formats.pieces(chats, form, about(zone=zone, links=LINKS)))

    def status() -> Any:
        return status_json(service.status(), service.reports(), service.rejects(), zone)

    def rejects() -> Any:
        total = service.count_rejects()
        return rejects_json(service.rejects(), zone, LINKS, page=1, per_page=99, total=total)

    for q in ("", "退款", "agent:李雷", "is:gone", "订单号"):
        yield f"search {q}", lambda q=q: search(q)  # type: ignore[misc]
    for i in range(FIRST - 1, LAST + 1):
        yield (
            f"chat {i}",
            lambda i=i: [  # type: ignore[misc]
                chat_json(view := service.chat(i, "退款"), zone, LINKS),
                view.seen_at,
                [other.id for other in view.others],
            ],
        )
        yield (
            f"versions {i}",
            lambda i=i: versions_json(i, service.history(i), zone, LINKS),  # type: ignore[misc]
        )
    yield "jsonl", lambda: export("jsonl")
    yield "csv", lambda: export("csv")
    yield "xlsx", lambda: export("xlsx")
    yield "status", status
    yield "rejects", rejects
    yield "agents", lambda: agents_json(service.agents())
    yield "totals", service.totals
    yield "revisions", lambda: list(service.archive.id_revisions())


def flip(file: Path, rnd: random.Random) -> str:
    """Flip one bit of the file, anywhere."""
    content = bytearray(file.read_bytes())
    place, bit = rnd.randrange(len(content)), rnd.randrange(8)
    content[place] ^= 1 << bit
    file.write_bytes(content)
    return f"bit {bit} of byte {place % 4096} of page {place // 4096 + 1}"


def edit(file: Path, rnd: random.Random) -> str:
    """Edit the database as somebody with an SQL tool would."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.create_function("flipped", 1, lambda value: _flipped(value, rnd))
        statement = rnd.choice(_EDITS)(connection, rnd)
        connection.execute(statement)
    return statement


TABLES = ("chats", "versions", "rejects", "cursors", "agents", "reports", "tally")


def _flipped(value: object, rnd: random.Random) -> str | int:
    if isinstance(value, int):
        return value ^ (1 << rnd.randrange(40))
    if isinstance(value, str) and value:
        place = rnd.randrange(len(value))
        return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
    return "x"


def _place(connection: sqlite3.Connection, table: str, rnd: random.Random) -> int:
    rows = [row[0] for row in connection.execute(f"SELECT rowid FROM {table}")]  # noqa: S608
    return int(rnd.choice(rows))


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _one_column(connection: sqlite3.Connection, rnd: random.Random) -> str:
    table = rnd.choice(TABLES)
    column = rnd.choice(_columns(connection, table))
    place = _place(connection, table, rnd)
    return f"UPDATE OR REPLACE {table} SET {column} = flipped({column}) WHERE rowid = {place}"  # noqa: S608


def _one_row(connection: sqlite3.Connection, rnd: random.Random) -> str:
    table = rnd.choice(TABLES)
    return f"DELETE FROM {table} WHERE rowid = {_place(connection, table, rnd)}"  # noqa: S608


def _swapped_raw(connection: sqlite3.Connection, rnd: random.Random) -> str:
    table = rnd.choice(("chats", "versions", "rejects"))
    here, there = _place(connection, table, rnd), _place(connection, table, rnd)
    column = rnd.choice(("raw", "digest" if table != "rejects" else "reason"))
    return (
        f"UPDATE {table} SET {column} = "  # noqa: S608
        f"(SELECT {column} FROM {table} WHERE rowid = {there}) WHERE rowid = {here}"
    )


def _other_type(connection: sqlite3.Connection, rnd: random.Random) -> str:
    table = rnd.choice(TABLES)
    column = rnd.choice(_columns(connection, table))
    value = rnd.choice(("x'ff00'", "9223372036854775807", "-1.5e300", "''", "'a' || char(0)"))
    place = _place(connection, table, rnd)
    return f"UPDATE OR IGNORE {table} SET {column} = {value} WHERE rowid = {place}"  # noqa: S608


def _duplicate(connection: sqlite3.Connection, rnd: random.Random) -> str:
    table = rnd.choice(("chats", "versions", "rejects", "cursors", "agents", "reports"))
    columns = _columns(connection, table)
    key = "version" if table == "versions" else columns[0]
    other = f"{key} || 'x'" if table in ("rejects", "cursors", "agents") else f"{key} + 1000"
    values = ", ".join(other if name == key else name for name in columns)
    place = _place(connection, table, rnd)
    return f"INSERT INTO {table} SELECT {values} FROM {table} WHERE rowid = {place}"  # noqa: S608


def _older_present(connection: sqlite3.Connection, rnd: random.Random) -> str:
    """A version from the history, in the place of the present one, with all that belongs to it."""
    row = connection.execute(
        "SELECT chat_id, version FROM versions ORDER BY random() LIMIT 1"
    ).fetchone()
    del rnd
    columns = "version, digest, raw, sha256"
    it = f"chat_id = {row[0]} AND version = {row[1]}"
    old = f"SELECT {columns} FROM versions WHERE {it}"  # noqa: S608
    return f"UPDATE chats SET ({columns}) = ({old}) WHERE id = {row[0]}"  # noqa: S608


_EDITS = (_one_column, _one_column, _one_row, _swapped_raw, _other_type, _duplicate, _older_present)


def problem(target: Target, outcome: Outcome) -> str | None:
    """What the program did wrong with this damage; None if nothing.

    If any answer differs, the damage is named. The index is not blamed for it.
    """
    sound = target.sound.answers
    different = [name for name in sound if outcome.answers.get(name) != sound[name]]
    if outcome.refused is None and different and not outcome.named:
        return f"not named; {len(different)} answers differ: {different[:3]}"
    if outcome.report is not None and not outcome.report.index_clean:
        return f"the index is blamed: {outcome.report}"
    return None
