"""Figures as Markdown. Figures are seconds and bytes; tables show milliseconds and megabytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks import cluster
from benchmarks.measure import quantile
from benchmarks.queries import KINDS
from benchmarks.targets import Figures, targets

__all__ = ["markdown", "targets", "without_runs"]

NAMES = {
    "ours": "ours",
    "engine": "ours, engine",
    "service": "ours, service",
    "share": "of it our own share",
    "whoosh": "(a) Whoosh, usual recipe",
    "fts5": "(b) FTS5, jieba words",
    "trigram": "(b) FTS5, trigram",
    "tantivy": "(c) bare Tantivy",
}
_ALL = "the whole set"
_DAY = 86_400.0


def called(name: str) -> str:
    """What an engine or a column is called."""
    if name in NAMES:
        return NAMES[name]
    engine = name.removeprefix("over_")
    return f"{cluster.label(engine)}, {'engine' if engine == name else 'service'}"


def markdown(figures: Figures) -> str:
    """All tables of a run."""
    machine = figures["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    parts = [
        f"# {figures['chats']:,} chats",
        f"{machine['cores']} × {machine['processor']}; Python {machine['python']}; {packages}.",
        _builds(figures),
        _kinds(figures),
        _found(figures),
        _ticks(figures),
        _targets(figures["targets"]),
        _sizes(figures),
        _growth(figures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def without_runs(figures: Figures) -> dict[str, Any]:
    """Figures for a file: p50, p95, p99 and the maximum instead of every single run."""
    found = dict(figures)
    found["engines"] = {name: _brief(each) for name, each in figures["engines"].items()}
    if "growth" in figures:
        found["growth"] = _brief(figures["growth"])
    return found


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. The first column is text, the others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ms(seconds: float) -> str:
    """Seconds as milliseconds, with three digits."""
    value = seconds * 1000
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def mb(size: float) -> str:
    """Bytes as megabytes (10^6)."""
    value = size / 1e6
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _brief(each: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(each)
    for name, part in each.items():
        if isinstance(part, Mapping) and "warm" in part:
            runs = {state: part[state] for state in ("warm", "cold")}
            found[name] = {k: v for k, v in part.items() if k not in runs} | {
                state: {
                    column: {
                        kind: _quantiles(_runs(columns[column], kind))
                        for kind in _kinds_of(columns[column])
                    }
                    for column in columns
                }
                for state, columns in runs.items()
            }
        elif isinstance(part, Mapping) and "times" in part:
            times = {what: _quantiles(values) for what, values in part["times"].items()}
            found[name] = {**part, "times": times}
    return found


def size(value: float) -> str:
    """Bytes, in units of a thousand."""
    return _scaled(value, (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("KB", 1e3)), "B")


def span(value: float) -> str:
    """Seconds."""
    return _scaled(value, (("days", 2 * _DAY), ("h", 3600.0), ("min", 60.0), ("s", 1.0)), "s")


def number(value: float) -> str:
    """A number, to two digits."""
    return _scaled(value, (("billion", 1e9), ("million", 1e6)), "")


def _scaled(value: float, units: Sequence[tuple[str, float]], smallest: str) -> str:
    for unit, one in units:
        if value >= one:
            return f"{_digits(value / (_DAY if unit == 'days' else one))} {unit}"
    if smallest == "s":
        return f"{_digits(value * 1000)} ms"
    return f"{_digits(value)} {smallest}".strip()


def _digits(value: float) -> str:
    """To two significant digits, and whole from ten on."""
    if value >= 100:
        rounded = round(value, 1 - len(str(int(value))) + 1)
        return f"{rounded:,.0f}"
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def whole(value: float) -> str:
    """A whole number, to the last digit."""
    return f"{value:,.0f}"


def _quantiles(times: Sequence[float]) -> dict[str, float]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(quantile(times, share), 7) for name, share in shares.items()}


def _kinds_of(kinds: Mapping[str, Any]) -> list[str]:
    return [*kinds, _ALL]


def _runs(kinds: Mapping[str, list[list[float]]], kind: str) -> list[float]:
    chosen = list(kinds) if kind == _ALL else [kind] if kind in kinds else []
    return [seconds for one in chosen for runs in kinds[one] for seconds in runs]


def _builds(figures: Figures) -> str:
    head = [
        "build", "chats", "seconds", "chats/s", "index, MB", "of the text", "peak memory, MB",
        "serving, MB (own)", "start, ms", "first search, ms",
    ]  # fmt: skip
    rows = []
    for name, each in figures["engines"].items():
        build, ask = each["build"], each["ask"]
        first = max(ask["first_seconds"].values())
        rows.append(
            [
                cluster.label(name) if cluster.is_cluster(name) else NAMES[name],
                f"{build['chats']:,}",
                f"{build['seconds']:,.1f}",
                f"{build['rate']:,.0f}",
                mb(build["bytes"]),
                f"{build['bytes'] / build['text_bytes']:.2f}",
                mb(build["peak"]["pss"]),
                f"{mb(ask['memory']['pss'])} ({mb(ask['memory']['own'])})",
                ms(ask["start_seconds"]),
                ms(first),
            ]
        )
    filled = figures["engines"].get("ours", {}).get("fill")
    note = (
        f"\n\nBefore ours was built, {filled['chats']:,.0f} chats were archived, "
        f"{filled['rate']:,.0f} a second."
        if filled and filled["chats"]
        else ""
    )
    return table(head, rows) + note + _servers(figures)


def _servers(figures: Figures) -> str:
    """What the servers of a cluster take."""
    rows = [
        [cluster.label(name), *(mb(each[step]["servers"]) for step in ("build", "ask", "tick"))]
        for name, each in figures["engines"].items()
        if each["build"].get("servers")
    ]
    head = ["memory of all servers, MB", "after the build", "after the searches", "after the ticks"]
    return f"\n\n{table(head, rows)}" if rows else ""


def _columns(figures: Figures) -> dict[str, Mapping[str, Any]]:
    """The answers by column. Ours has three columns."""
    found: dict[str, Mapping[str, Any]] = {}
    for each in figures["engines"].values():
        for column in each["ask"]["warm"]:
            found[column] = each["ask"]
    return found


def _kinds(figures: Figures) -> str:
    columns = _columns(figures)
    heads = [called(column) for column in columns]
    if "whoosh" in columns:
        count = figures["engines"]["whoosh"]["build"]["chats"]
        heads = [
            f"{head}, {count:,} chats" if column == "whoosh" else head
            for head, column in zip(heads, columns, strict=True)
        ]
    rows = []
    for kind, label in [*KINDS.items(), (_ALL, f"**{_ALL}**")]:
        cells = []
        for column, ask in columns.items():
            warm = _runs(ask["warm"][column], kind)
            cold = _runs(ask["cold"][column], kind)
            cells.append(
                f"{ms(quantile(warm, 0.5))} / {ms(quantile(warm, 0.95))} · "
                f"{ms(quantile(cold, 0.95))}"
                if warm
                else ""
            )
        rows.append([label, *cells])
    note = (
        "Milliseconds: p50 / p95 of ten queries asked ten times · p95 of the first time, from disk."
    )
    return f"{table(['search', *heads], rows)}\n\n{note}"


def _found(figures: Figures) -> str:
    """How many chats each engine finds. If not what ours finds, its time is for another answer."""
    engines = figures["engines"]
    if "ours" not in engines:
        return ""
    count = engines["ours"]["build"]["chats"]
    others = [n for n in engines if n != "ours" and engines[n]["build"]["chats"] == count]
    if not others:
        return ""
    mine = engines["ours"]["ask"]["found"]
    rows = []
    for kind, label in KINDS.items():
        cells = [_share(engines[name]["ask"]["found"].get(kind), mine[kind]) for name in others]
        rows.append([label, f"{sum(mine[kind]) / len(mine[kind]):,.0f}", *cells])
    head = ["chats found", "ours, mean", *map(called, others)]
    return table(head, rows)


def _share(theirs: Sequence[int] | None, mine: Sequence[int]) -> str:
    if theirs is None:
        return ""
    if list(theirs) == list(mine):
        return "the same"
    return f"{100 * sum(theirs) / sum(mine):.0f} %" if sum(mine) else f"{sum(theirs):,}"


def _ticks(figures: Figures) -> str:
    found = []
    for name, each in figures["engines"].items():
        if tick := each.get("tick"):
            where = f", {cluster.label(name)}" if cluster.is_cluster(name) else ""
            text = f"{tick['ticks']} ticks of ten changed chats after the build{where}:"
            found.append(f"{text}\n\n{_tick_table(tick)}")
    return "\n\n".join(found)


def _tick_table(tick: Mapping[str, Any]) -> str:
    labels = {
        "commit": "commit (`engine.write`)",
        "indexed": "from the queue to the commit",
        "first_search": "first search after it",
        "found": "until the chats are found",
    }
    rows = [
        [label, *(ms(quantile(tick["times"][name], share)) for share in (0.5, 0.95, 1.0))]
        for name, label in labels.items()
    ]
    return table(["a tick, ms", "p50", "p95", "max"], rows)


def _targets(found: Sequence[Mapping[str, Any]]) -> str:
    words = {True: "reached", False: "**not reached**", None: "not measured"}
    rows = [
        [each["name"], each["wanted"], each["measured"], words[each["reached"]]] for each in found
    ]
    return table(["target", "wanted", "measured", ""], rows)


def _sizes(figures: Figures) -> str:
    build = figures["engines"].get("ours", {}).get("build")
    if not build or not build["sizes"]:
        return ""
    ordered = sorted(build["sizes"].items(), key=lambda item: -item[1])
    rows = [
        [kind, mb(size), f"{size / build['text_bytes']:.3f}", f"{size / build['chats']:,.1f}"]
        for kind, size in ordered
    ]
    return "## Size by field kind\n\n" + table(["kind", "MB", "of the text", "bytes a chat"], rows)


def _growth(figures: Figures) -> str:
    grown = figures.get("growth")
    if grown is None:
        return ""
    ticked = grown["ticked"]
    rows = [["index, MB", mb(ticked["bytes"]), mb(grown["build"]["bytes"])]]
    rows[0].append(f"{ticked['bytes'] / grown['build']['bytes']:.2f}")
    for column in ("engine", "service"):
        for label, share in (("p50", 0.5), ("p95", 0.95)):
            was, now = (
                quantile(_runs(grown[name]["warm"][column], _ALL), share)
                for name in ("asked_fresh", "asked_grown")
            )
            rows.append([f"{NAMES[column]}, {label}, ms", ms(now), ms(was), f"{now / was:.2f}"])
    return (
        f"## After {ticked['ticks']:,} ticks\n\n{ticked['documents']:,} chats, "
        f"{ticked['segments']} segments (at most {ticked['most_segments']}).\n\n"
        + table(["", "after the ticks", "built anew", "ratio"], rows)
        + "\n\n"
        + _tick_table(ticked)
    )
