"""Does the right chat come first, and is what is guessed by meaning right?

    python -m benchmarks.relevance [crosswoz] [kdconv] [paraphrases]

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

The vectors are made with the table that comes with the package, or with `--fitted` as `reindex`
makes them.

What stands in the exact part or in that by words does not stand in the part by meaning. So for
names, only what these two lack is right there.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks import corpus, ours, rivals, tables
from benchmarks.measure import say
from benchmarks.paraphrases import INTENTS, paraphrases
from kchat_search.demo.conversations import Timeline
from kchat_search.meaning import floor
from kchat_search.models.search import SearchRequest
from kchat_search.service import Service

NAMES = ("crosswoz", "kdconv")
SETS = (*NAMES, "paraphrases")
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


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Does the right chat stand first?")
    parser.add_argument("sets", nargs="*", choices=SETS, default=SETS, help="by default all")
    parser.add_argument("--floors", action="store_true", help="what other floors would show")
    parser.add_argument(
        "--fitted", action="store_true", help="fit the table of meanings on the chats, as reindex"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    chosen = parser.parse_args()
    wanted = [corpus.DATA / f"{name}.jsonl.gz" for name in NAMES if name in chosen.sets]
    if not all(path.exists() for path in wanted):
        raise SystemExit(f"The judgements and their chats are wanted in {corpus.DATA}.")
    found: dict[str, Report] = {}
    for name in chosen.sets:
        with TemporaryDirectory(prefix="kchat-relevance-") as folder:
            found |= (
                _of_names(name, Path(folder), fitted=chosen.fitted)
                if name in NAMES
                else _of_paraphrases(name, Path(folder), floors=chosen.floors, fitted=chosen.fitted)
            )
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), "utf-8")
    for title, report in found.items():
        heads = list(dict.fromkeys(head for figures in report.values() for head in figures))
        rows = [
            [part, *(f"{of_part[head]:.3f}" if head in of_part else "" for head in heads)]
            for part, of_part in report.items()
        ]
        print(tables.table([title, *heads], rows) + "\n")  # noqa: T201  # a command's answer


# -- the sets --------------------------------------------------------------------------------------


def _of_names(name: str, folder: Path, *, fitted: bool) -> dict[str, Report]:
    """The figures of each engine over a data set."""
    chats = list(corpus.lines(corpus.DATA / f"{name}.jsonl.gz"))
    judged = [
        (line["query"], set(line["relevant"]))
        for line in corpus.lines(corpus.DATA / "relevance" / f"{name}-entity.jsonl.gz")
    ]
    pages, changed = _ours(name, folder, chats, [q for q, _ in judged], fitted=fitted)
    found = parts(judged, pages)
    found["ours"]["changed"] = changed
    for label, rival_name in (
        ("(a) Whoosh, usual recipe", "whoosh"),
        ("(b) FTS5, jieba words", "fts5"),
    ):
        say(f"{name}: {label}")
        home = folder / rival_name
        home.mkdir()
        rival: Any = rivals.make(rival_name, home)  # these two have `first`
        rival.build(chats)
        rival.open()
        for any_, which in ((False, "all"), (True, "any")):
            found[f"{label}, {which} of the words"] = figures(
                judged, partial(rival.first, limit=_SHOWN, any_=any_)
            )
    return {name: found}


def _of_paraphrases(name: str, folder: Path, *, floors: bool, fitted: bool) -> dict[str, Report]:
    """The figures of both halves, and what is shown where nothing is right."""
    timeline = Timeline(*_DEMO)
    about = timeline.situations()
    asked = paraphrases()
    if floors:
        floor.FLOOR = min(_FLOORS)
    pages, changed = _ours(
        name, folder, timeline.chats(), [one.query for one in asked], fitted=fitted
    )
    found: dict[str, Report] = {}
    for half in ("tune", "held"):
        judged = [
            (one.query, {chat for chat, code in about.items() if code in INTENTS[one.intent]})
            for one in asked
            if one.half == half
        ]
        if floors:
            found[f"floor ({half})"] = {
                f"{least:.2f}": at_floor(judged, pages, least) for least in _FLOORS
            }
            continue
        meant = [(q, right) for q, right in judged if right]
        found[f"{name} ({half})"] = {
            **parts(meant, pages),
            "ours, where nothing is right": shown(
                [one for one in judged if not one[1]], pages, "meaning"
            ),
        }
        found[f"{name} ({half})"]["ours"]["changed"] = changed
    return found


def _ours(
    name: str,
    folder: Path,
    chats: Iterable[dict[str, Any]],
    queries: Sequence[str],
    *,
    fitted: bool,
) -> tuple[dict[str, Page], float]:
    """What ours shows for each query, and for which share of them the exact part or that by words
    is another one without meaning."""
    pages: list[dict[str, Page]] = []
    for meaning in (True, False):
        say(f"{name}: ours, {'with' if meaning else 'without'} meaning")
        with ours.opened(folder / "ours", meaning=meaning) as service:
            if meaning:
                for _ in ours.saving(service, chats):
                    pass
            ours.build(service, fitted=fitted and meaning)
            state = service.engine.describe()
            say(f"{name}: table {state.table}, fitted: {state.table_fitted}")
            pages.append({q: _page(service, q) for q in queries})
    with_, without = pages
    assert not any(page.meaning for page in without.values())
    return with_, sum(with_[q][:2] != without[q][:2] for q in queries) / len(queries)


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


def parts(judged: Judged, pages: dict[str, Page]) -> Report:
    """The figures of ours, part by part."""
    before = {q: [*pages[q].exact, *pages[q].words] for q, _ in judged}
    rest = [(q, left) for q, right in judged if (left := right.difference(before[q]))]
    return {
        "ours": figures(judged, lambda q: before[q]),
        "ours, exact alone": {
            **figures(judged, lambda q: pages[q].exact),
            **shown(judged, pages, "exact"),
        },
        "ours, related by words": {
            **figures(judged, lambda q: pages[q].words),
            **shown(judged, pages, "words"),
        },
        "ours, related by meaning": {
            **figures(rest, lambda q: pages[q].meaning),
            **shown(judged, pages, "meaning"),
        },
    }


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
