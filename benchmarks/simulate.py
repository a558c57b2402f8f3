"""What many chats need: disks, memory, shards, nodes, hours; on paper, from measured figures.

    python -m benchmarks.simulate [--inputs FILE] [--set NAME=VALUE ...] [--write docs/scale.md]

The inputs are in `simulate.json`: what was measured, each figure with the command that printed it,
and what is assumed of Kchat, of the machines and of the settings. `benchmarks.costs --inputs FILE`
puts new figures there, and so does `--engines FILE`, from what `benchmarks.engines --json FILE` has
kept; `--set` tries other ones. All else is arithmetic (`needs`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import tables
from benchmarks.needs import INPUTS, Inputs, breaks_at, figures, limits, read
from benchmarks.tables import number, size, span, whole

SIZES = {
    "1 million": 1_000_000,
    "10 million": 10_000_000,
    "100 million": 100_000_000,
    "1 billion": 1_000_000_000,
}
BEGIN, END = "<!-- simulate: begin -->", "<!-- simulate: end -->"


class Row(NamedTuple):
    """A row of a table: what it says, of which figure, how that is written."""

    label: str
    figure: str
    written: Callable[[float], str]


ONE_MACHINE = (
    Row("archive", "one_archive", size),
    Row("index", "one_index", size),
    Row("disk: both, room for the next generation, backups", "one_disk", size),
    Row("memory: building the index", "one_building", size),
    Row("memory: serving, the index's mapped pages included", "one_serving", size),
    Row("memory: the indexer when it begins", "one_begin_memory", size),
    Row("a search, p95", "one_search", span),
    Row("a reindex", "one_reindex", span),
    Row("a round of the scrub, of a processor", "one_scrub", span),
)
CLUSTER = (
    Row("archive", "archive", size),
    Row("archive, with its standby", "archive_disk", size),
    Row("backups", "backups", size),
    Row("index, one copy", "index", size),
    Row("index, with replicas", "index_copies", size),
    Row("disk of the nodes, with room for the next generation", "index_disk", size),
    Row("documents, as Lucene counts", "documents", number),
    Row("shards", "shards", whole),
    Row("chats a shard", "chats_a_shard", number),
    Row("memory: pages of the index that searches touch", "cache", size),
    Row("memory: heap, of it for who said it (a bit a document)", "bits", size),
    Row("nodes", "nodes", whole),
    Row("memory: heaps of the nodes", "heap", size),
    Row("memory: the indexer when it begins", "begin_memory", size),
    Row("and it takes", "begin", span),
    Row("a search, mean, processors of the nodes together", "search_processor", span),
    Row("the same, the shards beside one another", "search", span),
    Row("processors busy with searches", "busy", number),
    Row("a reindex: processors of the indexer", "reindex_ours", span),
    Row("a reindex: processors of the nodes", "reindex_servers", span),
    Row("a reindex takes", "reindex", span),
    Row("a new or renamed agent: every text is looked through", "agent", span),
    Row("a round of the scrub, of a processor", "scrub", span),
    Row("`archive copy`, of a processor", "copy", span),
    Row("indexing what changes in a day, of a processor", "indexing", span),
)
SYNC = (
    Row("the backfill takes", "backfill", span),
    Row("new chats a day", "arrivals", number),
    Row("a tick takes", "tick", span),
    Row("how often a chat is looked at again after its end", "rechecks", number),
    Row("a sweep of the whole list takes", "sweep", span),
    Row("a reconcile keeps ticks waiting for", "reconcile", span),
    Row("PostgreSQL's log a day", "wal", size),
)


def markdown(given: Inputs) -> str:
    """All tables."""
    columns = [figures(given, chats) for chats in SIZES.values()]

    def table(head: str, rows: Sequence[Row]) -> str:
        cells = [[row.label, *(row.written(one[row.figure]) for one in columns)] for row in rows]
        return tables.table([head, *SIZES], cells)

    parts = [
        "### One machine: SQLite and Whoosh",
        table("chats", ONE_MACHINE),
        "### A cluster: PostgreSQL and OpenSearch",
        table("chats", CLUSTER),
        "### Following Kchat",
        table("chats", SYNC),
        "### What breaks first",
        _limits(given),
        "### What was measured",
        _inputs(given, "measured", "command"),
        "### What is assumed",
        _inputs(given, "assumed", "why"),
    ]
    return "\n\n".join(parts) + "\n"


def _limits(given: Inputs) -> str:
    found = [(breaks_at(given, limit), limit) for limit in limits(given)]
    ordered = sorted(((at, limit) for at, limit in found if at is not None), key=lambda one: one[0])
    rows = [[limit.what, number(at), limit.step] for at, limit in ordered]
    lines = tables.table(["what", "from so many chats on", "the next step"], rows)
    return lines.replace("| --- | ---: | ---: |", "| --- | ---: | --- |")


def _inputs(given: Inputs, kind: str, last: str) -> str:
    rows = []
    for name, one in given.content[kind].items():
        points = one.get("points")
        value = _given(one["value"]) if points is None else _line(points)
        source = f"`{one[last]}`" if last == "command" else one[last]
        rows.append([f"`{name}`", f"{one['what']}: {value}", source])
    lines = tables.table(["input", "", "from" if last == "command" else "because"], rows)
    return lines.replace("---: | ---: |", "--- | --- |")


def _line(points: Sequence[Sequence[float]]) -> str:
    return "; ".join(f"{_given(value)} at {chats:,.0f} chats" for chats, value in points)


def _given(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"


# -- the command -----------------------------------------------------------------------------------


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="What many chats need, from measured figures.")
    parser.add_argument("--inputs", type=Path, metavar="FILE", default=INPUTS)
    parser.add_argument(
        "--set", type=_assignment, action="append", default=[], metavar="NAME=VALUE"
    )
    parser.add_argument("--engines", type=Path, metavar="FILE", help="take its figures first")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables in there")
    chosen = parser.parse_args()
    if chosen.engines:
        take_engines(chosen.inputs, json.loads(chosen.engines.read_text("utf-8")))
    tables_of_all = markdown(read(chosen.inputs, **dict(chosen.set)))
    if chosen.write:
        document = chosen.write.read_text("utf-8")
        chosen.write.write_text(with_tables(document, tables_of_all), "utf-8")
    else:
        print(tables_of_all)  # noqa: T201  # a command's answer


def take_engines(inputs: Path, found: Mapping[str, Any]) -> None:
    """Put the figures of `benchmarks.engines` among the inputs. Of two points of a line, the one at
    the more similar number of chats gives way."""
    chats = found["chats"]
    content = json.loads(inputs.read_text("utf-8"))
    command = f"python -m benchmarks.engines --chats {chats}"
    ours = found["engines"]["ours"]
    content["measured"]["whoosh_bytes"] |= {
        "value": round(ours["build"]["bytes"] / chats),
        "command": command,
    }
    for name, value in (
        ("whoosh_building_bytes", ours["build"]["peak"]["pss"]),
        ("whoosh_serving_bytes", ours["ask"]["memory"]["pss"]),
        ("whoosh_search_ms", 1000 * ours["ask"]["warm"]["service"]["the whole set"]["p95"]),
    ):
        one = content["measured"][name]
        one["points"].sort(key=lambda point: max(point[0], chats) / min(point[0], chats))
        one["points"] = sorted([[chats, float(f"{value:.4g}")], *one["points"][1:]])
        one["command"] = f"{command}, and --chats {one['points'][-1][0]}"
    cluster = found["engines"].get("opensearch-1")
    if cluster:
        kinds = cluster["ask"]["warm"]["opensearch-1"].items()
        medians = [1000 * each["p50"] for kind, each in kinds if kind != "the whole set"]
        here = {"command": f"{command} --only ours,opensearch-1"}
        bytes_ = {"value": round(cluster["build"]["bytes"] / chats)}
        points = {"points": [[0, 0], [chats, float(f"{sum(medians) / len(medians):.4g}")]]}
        content["measured"]["opensearch_bytes"] |= bytes_ | here
        content["measured"]["opensearch_search_ms"] |= points | here
    inputs.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _assignment(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


def with_tables(document: str, tables_of_all: str) -> str:
    """A document with these tables between its two marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables_of_all}\n{END}{after}"


if __name__ == "__main__":
    main()
