"""A terminal: what every command prints with, progress bars, and JSON.

Invariant: nothing that a stranger wrote reaches it as an escape sequence (`clean`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
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

from kchat_search.cli.retry_line import retries_shown
from kchat_search.models.reports import (
    Progress,
    no_progress,
)
from kchat_search.serialization.json_text import json_text
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


def clean(text: str) -> str:
    """Text that somebody wrote, for a terminal: without escape sequences and lone surrogates."""
    encodable = without_surrogates(text)
    return "".join(c if c.isprintable() or c in "\n " else "\ufffd" for c in encodable)


def time_text(moment: datetime | None, zone: ZoneInfo) -> str:
    """A time for a table; «never» for None."""
    return "never" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def chats_text(count: int) -> str:
    """How many chats, in words."""
    return "1 chat" if count == 1 else f"{count:,} chats"
