"""Does the right chat come first, and is what is guessed by meaning right?

    python -m benchmarks.relevance [crosswoz] [kdconv] [paraphrases]
    OPENSEARCH_HOSTS=http://127.0.0.1:9200 python -m benchmarks.relevance --only ours,opensearch

The judgements of `crosswoz` and `kdconv` are in `../shared/data/relevance`: names of hotels,
restaurants, sights, films, songs and people. For each name they list the chats of its data set that
are about it. Rivals are asked for all words of the name and for any of them. Ours decides that by
itself, as it does for people. `paraphrases` are the project's own (paraphrases.py): queries that
share no word with the chats of the demo that they mean.

«Ours» is the exact hits and behind them the related chats by words. Its two parts follow, each
alone, and then the related chats by meaning.

    MRR@10      1 / rank of the first right chat; 0 beyond the tenth
    nDCG@10     discounted gain of the first ten chats, as a share of the best possible gain
    recall@20   the share of the right chats that are among the first twenty
    answered    the share of the queries for which there is anything in the part
    right of 5  the share that is right of the first five, all queries together
    changed     the share of the queries that «ours» answers otherwise with `KCHAT_MEANING=false`
    unlike      the share of the queries for which any part is not the same on OpenSearch, chat by
                chat, as on Whoosh

The vectors are made with the table that comes with the package, or with `--fitted` as `reindex`
makes them.

What stands in the exact part or in that by words does not stand in the part by meaning. So for
names, only what these two lack is right there.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks import corpus, ours, rivals, tables
from benchmarks.cluster import NAMED as CLUSTER
from benchmarks.engines import names_among
from benchmarks.measure import say
from benchmarks.paraphrases import INTENTS, paraphrases
from kchat_search.demo.conversations import Timeline
from kchat_search.meaning import floor
from kchat_search.models.search import SearchRequest
from kchat_search.service import Service

NAMES = ("crosswoz", "kdconv")
SETS = (*NAMES, "paraphrases")
RIVALS = {"whoosh": "(a) Whoosh, usual recipe", "fts5": "(b) FTS5, jieba words"}
ENGINES = ("ours", *RIVALS)
_LABELS = {"ours": "ours", CLUSTER: "ours on OpenSearch"}
_SHOWN = 20
_FIRST = 5
_DEMO = (23, datetime(2026, 1, 1, tzinfo=UTC), 5_000)
"""Seed, time and number of the demo's chats."""
_FLOORS = [step / 50 for step in range(12, 23)]

Ask = Callable[[str], list[int]]
"""The ids of the first twenty chats, best first."""
Judged = Sequence[tuple[str, set[int]]]
"""Each query with the chats that are right."""
Figures = dict[str, float]
Report = dict[str, Figures]
"""The figures of each engine or part."""


class Page(NamedTuple):
    """What a search shows, in its parts: ids, best first."""

    exact: list[int]
    words: list[int]
    meaning: list[int]
    cosines: list[float]
    """Of `meaning`."""


class Shown(NamedTuple):
    """What ours shows, on one engine."""

    pages: dict[str, Page]
    """By query."""
    changed: float
    """For which share of the queries the exact part or that by words is another one without
    meaning."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Does the right chat stand first?")
    parser.add_argument("sets", nargs="*", type=_set, default=SETS, help=f"of {', '.join(SETS)}")
    parser.add_argument("--floors", action="store_true", help="what other floors would show")
    parser.add_argument(
        "--fitted", action="store_true", help="fit the table of meanings on the chats, as reindex"
    )
    parser.add_argument(
        "--only", type=names_among(*ENGINES), default=ENGINES, metavar="NAMES",
        help=",".join((*ENGINES, CLUSTER)),
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    chosen = parser.parse_args()
    wanted = [corpus.DATA / f"{name}.jsonl.gz" for name in NAMES if name in chosen.sets]
    if not all(path.exists() for path in wanted):
        raise SystemExit(f"The judgements and their chats are wanted in {corpus.DATA}.")
    found: dict[str, Report] = {}
    for name in chosen.sets:
        with TemporaryDirectory(prefix="kchat-relevance-") as folder:
            bench = _Bench(name, Path(folder), chosen.only, fitted=chosen.fitted)
            found |= bench.names() if name in NAMES else bench.paraphrases(floors=chosen.floors)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), "utf-8")
    for title, report in found.items():
        heads = list(dict.fromkeys(head for figures in report.values() for head in figures))
        rows = [
            [part, *(f"{of_part[head]:.3f}" if head in of_part else "" for head in heads)]
            for part, of_part in report.items()
        ]
        print(tables.table([title, *heads], rows) + "\n")  # noqa: T201  # a command's answer


def _set(name: str) -> str:
    """One of `SETS`. As `choices`, no set at all would be held against them, too."""
    if name not in SETS:
        raise argparse.ArgumentTypeError(f"there is no {name}")
    return name


# -- the sets --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Bench:
    """One set, and who is asked."""

    name: str
    folder: Path
    only: Sequence[str]
    _: KW_ONLY
    fitted: bool

    def names(self) -> dict[str, Report]:
        """The figures of each engine over a data set."""
        chats = list(corpus.lines(corpus.DATA / f"{self.name}.jsonl.gz"))
        judged = judgements(self.name)
        found = _side_by_side(judged, self._ours(chats, [q for q, _ in judged]))
        for rival_name, label in RIVALS.items():
            if rival_name in self.only:
                found |= self._rival(rival_name, label, chats, judged)
        return {self.name: found}

    def paraphrases(self, *, floors: bool) -> dict[str, Report]:
        """The figures of both halves, and what is shown where nothing is right."""
        timeline = Timeline(*_DEMO)
        about = timeline.situations()
        asked = paraphrases()
        if floors:
            floor.FLOOR = min(_FLOORS)
        every = self._ours(timeline.chats(), [one.query for one in asked])
        found: dict[str, Report] = {}
        for half in ("tune", "held"):
            judged = [
                (one.query, {chat for chat, code in about.items() if code in INTENTS[one.intent]})
                for one in asked
                if one.half == half
            ]
            if floors:
                for label, of_ours in every.items():
                    found[f"{label}, floor ({half})"] = {
                        f"{least:.2f}": at_floor(judged, of_ours.pages, least) for least in _FLOORS
                    }
                continue
            found[f"{self.name} ({half})"] = {
                **_side_by_side([one for one in judged if one[1]], every),
                **{
                    f"{label}, where nothing is right": shown(
                        [one for one in judged if not one[1]], of_ours.pages, "meaning"
                    )
                    for label, of_ours in every.items()
                },
            }
        return found

    def _rival(
        self, name: str, label: str, chats: Sequence[dict[str, Any]], judged: Judged
    ) -> Report:
        say(f"{self.name}: {label}")
        home = self.folder / name
        home.mkdir()
        rival: Any = rivals.make(name, home)  # these two have `first`
        rival.build(chats)
        rival.open()
        return {
            f"{label}, {which} of the words": figures(
                judged, partial(rival.first, limit=_SHOWN, any_=any_)
            )
            for any_, which in ((False, "all"), (True, "any"))
        }

    def _ours(self, chats: Iterable[dict[str, Any]], queries: Sequence[str]) -> dict[str, Shown]:
        """What ours shows, by label; on Whoosh first."""
        home = self.folder / "ours"
        with ours.opened(home) as service:
            for _ in ours.saving(service, chats):
                pass
        return {
            label: shown_by(home, queries, cluster=engine == CLUSTER, fitted=self.fitted)
            for engine, label in _LABELS.items()
            if engine in self.only
        }


def _side_by_side(judged: Judged, every: Mapping[str, Shown]) -> Report:
    """The parts of ours on each engine, by label."""
    found: Report = {}
    for label, of_ours in every.items():
        found |= parts(judged, of_ours.pages, label)
        found[label]["changed"] = of_ours.changed
    if len(every) > 1:
        (_, one), (label, other) = every.items()
        found[label]["unlike"] = unlike([q for q, _ in judged], one.pages, other.pages)
    return found


def judgements(name: str) -> Judged:
    """The queries of a data set."""
    lines = corpus.lines(corpus.DATA / "relevance" / f"{name}-entity.jsonl.gz")
    return [(line["query"], set(line["relevant"])) for line in lines]


def shown_by(home: Path, queries: Sequence[str], *, cluster: bool, fitted: bool) -> Shown:
    """What ours shows over the archive in a folder, of which it makes an index."""
    pages: list[dict[str, Page]] = []
    for meaning in (True, False):
        say(f"{'OpenSearch' if cluster else 'Whoosh'}, {'with' if meaning else 'without'} meaning")
        with ours.opened(home, meaning=meaning, cluster=cluster) as service:
            ours.build(service, fitted=fitted and meaning)
            state = service.engine.describe()
            say(f"table {state.table}, fitted: {state.table_fitted}")
            pages.append(pages_of(service, queries))
    with_, without = pages
    assert not any(page.meaning for page in without.values())
    changed = sum(with_[q][:2] != without[q][:2] for q in queries) / len(queries)
    return Shown(with_, changed)


def pages_of(service: Service, queries: Iterable[str]) -> dict[str, Page]:
    """What ours shows for each query."""
    return {q: _page(service, q) for q in queries}


def _page(service: Service, q: str) -> Page:
    page = service.search(SearchRequest(q=q, per_page=_SHOWN, snippets=0, facets=()))
    meant = [one.hit for one in page.related if one.why == "meaning"]
    return Page(
        [hit.chat.id for hit in page.hits],
        [one.hit.chat.id for one in page.related if one.why == "words"],
        [hit.chat.id for hit in meant],
        [hit.score for hit in meant],
    )


# -- figures ---------------------------------------------------------------------------------------


def parts(judged: Judged, pages: dict[str, Page], label: str = "ours") -> Report:
    """The figures of ours, part by part."""
    before = {q: [*pages[q].exact, *pages[q].words] for q, _ in judged}
    rest = [(q, left) for q, right in judged if (left := right.difference(before[q]))]
    return {
        label: figures(judged, lambda q: before[q]),
        f"{label}, exact alone": {
            **figures(judged, lambda q: pages[q].exact),
            **shown(judged, pages, "exact"),
        },
        f"{label}, related by words": {
            **figures(judged, lambda q: pages[q].words),
            **shown(judged, pages, "words"),
        },
        f"{label}, related by meaning": {
            **figures(rest, lambda q: pages[q].meaning),
            **shown(judged, pages, "meaning"),
        },
    }


def unlike(queries: Sequence[str], one: dict[str, Page], other: dict[str, Page]) -> float:
    """For which share of the queries any part has other chats, or the same in another order."""
    differ = sum(one[q][:3] != other[q][:3] for q in queries)
    return differ / len(queries)


def shown(judged: Judged, pages: dict[str, Page], part: str) -> Figures:
    """For how many queries the part has anything, and how much of its first five is right."""
    firsts = [(right, getattr(pages[q], part)[:_FIRST]) for q, right in judged]
    return _shares(firsts)


def at_floor(judged: Judged, pages: dict[str, Page], least: float) -> Figures:
    """What the part by meaning would show with this floor: of queries with right chats, of those
    without any, and of all together."""
    firsts = [
        (right, [i for i, near in zip(page.meaning, page.cosines, strict=True) if near >= least])
        for q, right in judged
        for page in (pages[q],)
    ]
    meant = _shares([one for one in firsts if one[0]])
    return {
        **meant,
        "answered, nothing right": _shares([one for one in firsts if not one[0]])["answered"],
        "right of all shown": _shares(firsts).get("right of 5", math.nan),
    }


def _shares(firsts: Sequence[tuple[set[int], list[int]]]) -> Figures:
    count = sum(len(ids) for _, ids in firsts)
    good = sum(len(right.intersection(ids)) for right, ids in firsts)
    answered = {"answered": sum(bool(ids) for _, ids in firsts) / len(firsts)}
    return {**answered, "right of 5": good / count} if count else answered


def figures(judged: Judged, ask: Ask) -> Figures:
    """The mean of each figure over all queries."""
    sums = {"MRR@10": 0.0, "nDCG@10": 0.0, "recall@20": 0.0}
    for q, right in judged:
        places = [place for place, chat_id in enumerate(ask(q)) if chat_id in right]
        ten = [place for place in places if place < 10]
        best = sum(map(_gain, range(min(10, len(right)))))
        sums["MRR@10"] += 1 / (ten[0] + 1) if ten else 0.0
        sums["nDCG@10"] += sum(map(_gain, ten)) / best
        sums["recall@20"] += len(places) / len(right)
    return {name: total / max(1, len(judged)) for name, total in sums.items()}


def _gain(place: int) -> float:
    return 1 / math.log2(place + 2)


if __name__ == "__main__":
    main()
