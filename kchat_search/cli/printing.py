"""What the command line prints: progress bars, tables, chats, pages of hits, and JSON.

Invariant: nothing that a stranger wrote reaches a terminal as an escape sequence (`clean`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from kchat_search.chats import ratings
from kchat_search.chats.history import FieldDifference, History, MessageDifference, value_text
from kchat_search.chats.visible_text import visible_text
from kchat_search.cli.retry_line import retries_shown
from kchat_search.models.chats import Message, StoredReject
from kchat_search.models.damage import DamagedRow, RepairOutcome, RepairReport
from kchat_search.models.hot import HotPage
from kchat_search.models.reports import (
    Coverage,
    MeaningState,
    Progress,
    Status,
    SyncReport,
    VerifyReport,
    no_progress,
)
from kchat_search.models.search import ChatView, Hit, QueryReading, SearchPage, SimilarPage
from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.notes import note_text
from kchat_search.text.fold import without_surrogates

_STEPS = {
    "fetch": "Fetching chats",
    "prove": "Proving that none was missed",
    "recheck": "Looking again at open and recent chats",
    "fit": "Reading what words mean here",
    "index": "Indexing",
    "merge": "Writing the index",
    "export": "Exporting chats",
    "look up": "Looking strings up",
    "scan": "Scanning the archive for them",
    "copy": "Copying rows",
    "compare": "Proving every row",
}
_MAX_FINDINGS = 20
_KEY_SHOWN = 12
_DAY_WIDTH = len("2015-04-25")


def console(*, to_stderr: bool = False) -> Console:
    """Where to print. There are colours only on a terminal, and text is never read as markup."""
    return Console(stderr=to_stderr, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_bars(*, quiet: bool = False) -> Iterator[Progress]:
    """One bar for each step, on standard error. Without a terminal nothing is printed."""
    out = console(to_stderr=True)
    if quiet or not out.is_terminal:  # elsewhere rich prints the last state of each bar
        yield no_progress
        return
    bars = Bars(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=out,
    )
    tasks: dict[str, TaskID] = {}
    reached: dict[str, int] = {}  # in the present round of a step
    before: dict[str, int] = {}  # in its earlier rounds

    def show(step: str, done: int, total: int | None) -> None:
        if step not in tasks:
            tasks[step] = bars.add_task(_STEPS.get(step, step), total=total, rate="")
        task = bars.tasks[tasks[step]]
        speed = f"{task.speed:.0f}/s" if task.speed else ""
        if done < reached.get(step, 0):  # a new round, for instance of chats that changed meanwhile
            before[step] = before.get(step, 0) + reached[step]
        reached[step] = done if total is None else min(done, total)  # a page may be read twice
        base = before.get(step, 0)
        whole = None if total is None else base + total
        bars.update(tasks[step], completed=base + reached[step], total=whole, rate=speed)

    def show_retries(count: int) -> None:
        if "retries" not in tasks:
            tasks["retries"] = bars.add_task("", total=None, rate="")
        asked = f"Kchat does not answer well: asked again {count:,} times"
        bars.update(tasks["retries"], description=asked, completed=count)

    with bars, retries_shown(show_retries):
        yield show


def print_json(value: object) -> None:
    """What the API answers, as one line on standard output."""
    click.echo(json_text(value))


def print_page(page: SearchPage, zone: ZoneInfo) -> None:
    """The hits of a search."""
    out = console()
    took = "" if page.took_ms is None else f" in {page.took_ms:.0f} ms"
    out.print(f"{_chats(page.total)}{took}: {clean(page.query.understood)}")
    for explanation in _explanations(page.query):
        out.print(f"  {clean(explanation)}")
    for row in page.damaged:
        out.print(f"  damaged: {clean(str(row))}")
    for hit in page.hits:
        _print_hit(hit, zone)
    for why in ("words", "meaning"):
        _print_related(page, why, zone)


def _print_related(page: SearchPage, why: str, zone: ZoneInfo) -> None:
    chats = [related for related in page.related if related.why == why]
    if not chats:
        return
    out = console()
    out.print()
    if why == "words":
        out.print(f"{_chats(page.related_total)} with only some of it:")
    else:
        out.print("Guessed by meaning, perhaps without your words:")
    for related in chats:
        has, lacks = (" ".join(map(clean, words)) for words in (related.has, related.lacks))
        _print_hit(related.hit, zone, f"has {has}, lacks {lacks}" if why == "words" else "")


def print_similar(chat_id: int, found: SimilarPage, zone: ZoneInfo) -> None:
    """The chats that are like one."""
    out = console()
    out.print(f"{_chats(len(found.hits))} like chat {chat_id}")
    for row in found.damaged:
        out.print(f"  damaged: {clean(str(row))}")
    for hit in found.hits:
        _print_hit(hit, zone)


_NO_HOT = {
    "off": "The index has no vectors, so no questions are put together: see KCHAT_MEANING.",
    "waiting": "Not computed yet. The worker does it once the first import is complete; "
    "kchat-search hot --renew does it now.",
}


def print_hot(page: HotPage, zone: ZoneInfo) -> None:
    """The hot questions of a period."""
    out = console()
    if page.state != "ready":
        out.print(_NO_HOT[page.state])
        return
    days = f"{page.days.start} to {page.days.end}"
    out.print(
        f"{_chats(page.total)} from {days}, {page.covered:,} of them in {len(page.questions)} hot "
        f"questions; computed {time_text(page.made_at, zone)}"
    )
    for question in page.questions:
        out.print()
        words = clean(" ".join(question.words)) or "(no word in common)"
        size = f"{_chats(question.total)} ({question.change:+,} against {question.before:,})"
        out.print(Text(f"{words}: {size}", style="bold"))
        for message in question.messages:
            out.print(Text(f"  #{message.chat_id} {clean(message.snippet.text)}"))
        out.print(Text(f"  kchat-search search --hot {question.id}", style="dim"))


def _print_hit(hit: Hit, zone: ZoneInfo, note: str = "") -> None:
    """A chat that was found: its facts, a `note`, its snippets."""
    out = console()
    chat = hit.chat
    agents = "、".join(one.name or one.value for one in hit.participants)
    who = " · ".join(filter(None, [agents, hit.visitor_name, chat.status]))
    out.print()
    out.print(Text(f"#{chat.id}  {time_text(chat.created_at, zone)}  {clean(who)}", style="bold"))
    if note:
        out.print(Text(f"  {note}", style="dim"))
    for snippet in hit.snippets:
        line = Text(f"  {clean(snippet.name or snippet.speaker)}: ")
        offset = len(line)
        line.append(clean(snippet.text))
        for start, end in snippet.highlights:
            line.stylize("bold yellow", offset + start, offset + end)
        out.print(line)


def _explanations(query: QueryReading) -> Iterator[str]:
    """What was not read as typed. Where no chat fulfils the query: why, and what may help."""
    for note in query.notes:
        yield f"note: {note_text(note, 'en')}"
    for suggestion in query.suggestions:
        yield f"did you mean {suggestion.q} ({_chats(suggestion.total)})"
    for part in query.parts if len(query.parts) > 1 else ():
        count = "not counted" if part.count is None else _chats(part.count)
        yield f"{part.text}: {count} by itself"
    for cut in query.cuts:
        if cut.total:
            yield f"without {cut.part or cut.parameter}: {_chats(cut.total)}"
    if query.without_filters:
        yield f"without any filter: {_chats(query.without_filters)}"


def _chats(count: int) -> str:
    return "1 chat" if count == 1 else f"{count:,} chats"


def print_chat(view: ChatView, zone: ZoneInfo) -> None:
    """A whole chat."""
    out = console()
    chat = view.chat
    facts = {
        "agent": view.agent_name or chat.agent_id,
        "others who took part": "、".join(
            one.name or one.value for one in view.participants if one.id != chat.agent_id
        ),
        "visitor": view.visitor_name or chat.visitor_id,
        "status": chat.status,
        "rating": ratings.label(chat.rating),
        "gone from Kchat": time_text(view.gone_at, zone) if view.gone_at else None,
    }
    out.print(Text(f"Chat {chat.id}, {time_text(chat.created_at, zone)}", style="bold"))
    for name, value in facts.items():
        if value:
            out.print(f"  {name}: {clean(value)}")
    for message, speaker in zip(chat.messages, view.speakers, strict=True):
        text = visible_text(message.text) or ("" if message.upload else _event(message.type))
        if message.upload:
            text += f" [{message.upload.name}]"
        recalled = " (recalled)" if message.recalled else ""
        head = f"{time_text(message.created_at, zone)} {message.name or speaker}{recalled}: "
        line = Text(clean(head), style="dim")
        line.append(clean(text), style="not dim")
        out.print(line)


def print_versions(chat_id: int, history: History, zone: ZoneInfo) -> None:
    """The versions of a chat, oldest first, and what changed in each."""
    out = console()
    for version in history.walk():
        if version.damage is not None:
            out.print(Text(clean(f"{version.damage}"), style="bold"))
            continue
        until = f", until {time_text(version.until, zone)}" if version.until else ""
        until = ", the present one" if version.is_present else until
        head = f"Chat {chat_id}, version {version.number}: seen {time_text(version.seen_at, zone)}"
        out.print(Text(head + until, style="bold"))
        for difference in version.differences:
            if isinstance(difference, FieldDifference):
                out.print(Text(f"  {_field_changed(difference)}"))
            else:
                _print_message_changed(difference, zone)
        if not version.differences:
            first = version.number == 1
            nothing = "the first in the archive" if first else "nothing that can be shown"
            unknown = "what changed is not known: the version before can't be read"
            out.print(f"  {unknown if version.follows_damage else nothing}")


def _print_message_changed(difference: MessageDifference, zone: ZoneInfo) -> None:
    message = difference.message
    name = f"#{message.id}" if message.id is not None else f"message {message.position + 1}"
    when = f" {time_text(message.created_at, zone)}" if message.created_at else ""
    line = Text(clean(f"  {difference.kind} {name}{when} {message.name}: "), style="dim")
    texts = [
        _content(message)
        for message in (difference.before, difference.after)
        if message is not None
    ]
    line.append(clean(" → ".join(dict.fromkeys(texts))), style="not dim")
    console().print(line)
    for field in difference.fields:
        console().print(Text(f"    {_field_changed(field)}", style="dim"))


def _content(message: Message) -> str:
    file = f"[{message.upload.name or 'file'}]" if message.upload else ""
    return " ".join(filter(None, (visible_text(message.text), file))) or "(nothing)"


def _field_changed(difference: FieldDifference) -> str:
    before, after = (
        "(none)" if value is None else value_text(value) or '""'
        for value in (difference.before, difference.after)
    )
    return clean(f"{difference.name}: {before} → {after}")


def print_status(
    status: Status, rejects: Sequence[StoredReject], total_rejects: int, zone: ZoneInfo
) -> None:
    """The state of the whole program. `rejects` are the first of `total_rejects`."""
    table = Table(show_header=False, box=None)
    last = status.last_report
    rows = {
        "chats": f"{status.counts.chats:,} ({status.counts.gone:,} gone from Kchat)",
        "versions": f"{status.counts.versions:,}",
        "waiting for the index": f"{status.counts.pending:,}",
        "rejected": f"{status.counts.rejected:,}",
        "complete": "yes" if status.coverage.complete else "not yet",
        "last sync": time_text(status.coverage.synced_at, zone)
        + (f" ({last.kind})" if last else ""),
        "indexer": str(status.indexer or "not running"),
        "index": f"{status.engine.engine}, {status.engine.generation or 'not built yet'}, "
        f"{status.engine.documents:,} documents, {status.engine.size_bytes / 1e6:.1f} MB"
        + ("" if status.index_current else "; to be rebuilt by the next sync"),
        "by meaning": _meaning(status.meaning),
        "time zone": status.timezone,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console().print(table)
    if last is not None and last.error is not None:
        console().print(f"  the last sync failed: {clean(last.error)}")
    if rejects:
        print_rejects(rejects, zone, total_rejects - len(rejects), "status --rejects")


_MEANING = {
    "on": "on",
    "off": "off (KCHAT_MEANING)",
    "waiting": "on from the next build of the index",
    "damaged": "not possible",
}


def _meaning(meaning: MeaningState) -> str:
    """Whether chats are found by their meaning, and if not, why."""
    words = _MEANING[meaning.state]
    if meaning.state == "on":
        words += ", fitted on the own archive" if meaning.fitted else ", with the shipped table"
    return words if meaning.problem is None else f"{words}: {clean(meaning.problem)}"


def print_rejects(
    rejects: Sequence[StoredReject], zone: ZoneInfo, left: int, following: str
) -> None:
    """Rejects, a row each. `left` of them are not shown; the command `following` shows more."""
    out = console()
    gone = any(stored.gone_at for stored in rejects)
    table = Table(box=None, title="Chats that could not be understood", title_justify="left")
    table.add_column("chat", no_wrap=True)
    for name in ("first seen", "last seen", *(["gone from Kchat"] if gone else [])):
        table.add_column(
            name, width=_DAY_WIDTH
        )  # so the time goes on a second line, and the reason has room
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for stored in rejects:
        times = [stored.first_seen_at, stored.last_seen_at, *([stored.gone_at] if gone else [])]
        table.add_row(
            Text(clean(_key(stored))),
            *("" if moment is None else time_text(moment, zone) for moment in times),
            f"{stored.times:,}",
            Text(" ".join(clean(stored.reject.reason).split())),
        )
    out.print()
    out.print(table)
    if left > 0:
        out.print(f"  and {left:,} more: kchat-search {following}")


def _key(stored: StoredReject) -> str:
    """The name of a reject: the id of its chat where that is known."""
    reject = stored.reject
    return reject.key[:_KEY_SHOWN] if reject.chat_id is None else f"#{reject.chat_id}"


def print_exported(
    total: int, path: Path, coverage: Coverage, damaged: Sequence[DamagedRow] = ()
) -> None:
    """How many chats an export has. On standard error, because the chats may go to standard
    output."""
    out = console(to_stderr=True)
    out.print(f"{_chats(total)} exported" + ("" if str(path) == "-" else f" to {clean(str(path))}"))
    reasons = {
        f"{coverage.pending:,} chats wait for the index": coverage.pending > 0,
        f"{coverage.rejected:,} could not be understood": coverage.rejected > 0,
        "older chats are still being fetched": not coverage.backfilled,
    }
    if not coverage.complete:
        why = ", ".join(text for text, applies in reasons.items() if applies)
        out.print(f"  note: that may not be everything: {why}; see kchat-search status")
    for row in damaged[:_MAX_FINDINGS]:
        out.print(f"  damaged: {clean(str(row))}")
    if len(damaged) > _MAX_FINDINGS:
        out.print(f"  and {len(damaged) - _MAX_FINDINGS:,} more damaged chats")


def print_report(report: SyncReport) -> None:
    """What a sync did."""
    out = console()
    out.print(
        f"{report.kind}: {report.seen:,} chats seen, {report.new:,} new, {report.changed:,} "
        f"changed, {report.vanished:,} vanished, {report.rejected:,} rejected, "
        f"{report.indexed:,} indexed, {report.retries:,} retries, {report.seconds:.1f} s"
    )
    for note in report.notes:
        out.print(f"  note: {note}")
    if report.error is not None:
        out.print(f"  ended early: {clean(report.error)}")


def print_verify(report: VerifyReport) -> None:
    """What a check found."""
    out = console()
    out.print(f"{report.rows:,} rows of the archive: {len(report.archive)} damaged or missing")
    for finding in report.archive[:_MAX_FINDINGS]:
        out.print(f"  archive: {clean(str(finding))}")
    if len(report.archive) > _MAX_FINDINGS:
        out.print(f"  and {len(report.archive) - _MAX_FINDINGS:,} more; --json has all")
    out.print(
        f"{report.chats:,} chats, {report.strings:,} strings: {len(report.missed)} missed, "
        f"{len(report.wrong)} wrong, {len(report.lacking)} chats lacking in the index, "
        f"{len(report.surplus)} too many; {report.seconds:.1f} s, seed {report.seed}"
    )
    if report.damage:
        out.print(report.damage)
    for name, rows in (("missed", report.missed), ("wrong", report.wrong)):
        for row in rows[:10]:
            out.print(f"  {name}: {row['string']!r} in chat {row['chat_id']}")


_OUTCOMES: dict[RepairOutcome, str] = {
    "planned": "kchat-search repair would try",
    "mended": "mended",
    "fetched": "fetched again from Kchat",
    "lost": "put aside: it is lost, unless a backup has it",
    "gone": "Kchat no longer has this chat: put back a backup",
    "refused": "what Kchat has can't be understood: put back a backup",
    "later": "Kchat failed: try again later",
    "remains": "nothing helped: put back a backup",
}


def print_repair(report: RepairReport) -> None:
    """What was damaged in the archive, and what was done about it."""
    out = console()
    out.print(f"{report.rows:,} rows of the archive: {len(report.repairs)} were damaged or missing")
    for repair in report.repairs:
        finding, more = repair.finding, f" ({repair.detail})" if repair.detail else ""
        out.print(
            clean(
                f"  {finding.what} ({finding.table}): {finding.problem}; "
                f"{_OUTCOMES[repair.outcome]}{more}"
            )
        )
    if report.indexed:
        out.print(f"{report.indexed:,} chats indexed.")


def _event(type_: str) -> str:
    return "(joined)" if type_ == "chat.memberjoin" else f"({type_})"


def clean(text: str) -> str:
    """Text that somebody wrote, for a terminal: without escape sequences and lone surrogates."""
    encodable = without_surrogates(text)
    return "".join(c if c.isprintable() or c in "\n " else "\ufffd" for c in encodable)


def time_text(moment: datetime | None, zone: ZoneInfo) -> str:
    """A time for a table; «never» for None."""
    return "never" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
