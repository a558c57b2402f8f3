"""Does the right chat come first? People judged it; rivals are measured beside it.

    python -m benchmarks.relevance

The judgements are in `../shared/data/relevance`: names of hotels, restaurants, sights, films, songs
and people. For each name they list the chats of its data set that are about it. Rivals are asked
for all words of the name and for any of them. Ours decides that by itself, as it does for people.

    MRR@10      1 / rank of the first right chat; 0 beyond the tenth
    nDCG@10     discounted gain of the first ten chats, as a share of the best possible gain
    recall@20   the share of the right chats that are among the first twenty
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import corpus, ours, rivals, tables
from benchmarks.measure import say
from kchat_search.models.search import SearchRequest

SETS = ("crosswoz", "kdconv")
_SHOWN = 20

Ask = Callable[[str], list[int]]
"""The ids of the first twenty chats, best first."""
Judged = Sequence[tuple[str, set[int]]]
"""Each query with the chats that are right."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Does the right chat stand first?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    chosen = parser.parse_args()
    if not all((corpus.DATA / f"{name}.jsonl.gz").exists() for name in SETS):
        raise SystemExit(f"The judgements and their chats are wanted in {corpus.DATA}.")
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in SETS:
        with TemporaryDirectory(prefix="kchat-relevance-") as folder:
            found[name] = _of_all(name, Path(folder))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), "utf-8")
    for name, engines in found.items():
        head = [name, *next(iter(engines.values()))]
        rows = [
            [engine, *(f"{f:.3f}" for f in figures.values())] for engine, figures in engines.items()
        ]
        print(tables.table(head, rows) + "\n")  # noqa: T201  # a command's answer


def _of_all(name: str, folder: Path) -> dict[str, dict[str, float]]:
    """The figures of each engine over a data set."""
    chats = list(corpus.lines(corpus.DATA / f"{name}.jsonl.gz"))
    judged = [
        (line["query"], set(line["relevant"]))
        for line in corpus.lines(corpus.DATA / "relevance" / f"{name}-entity.jsonl.gz")
    ]
    found = {}
    say(f"{name}: ours")
    with ours.opened(folder / "ours") as service:
        for _ in ours.saving(service, chats):
            pass
        ours.build(service)

        def asked(q: str) -> list[int]:
            page = service.search(SearchRequest(q=q, per_page=_SHOWN, snippets=0, facets=()))
            related = [one.hit for one in page.related]
            return [hit.chat.id for hit in (*page.hits, *related)]

        found["ours"] = figures(judged, asked)
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
    return found


def figures(judged: Judged, ask: Ask) -> dict[str, float]:
    """The mean of each figure over all queries."""
    sums = {"MRR@10": 0.0, "nDCG@10": 0.0, "recall@20": 0.0}
    for q, right in judged:
        places = [place for place, chat_id in enumerate(ask(q)) if chat_id in right]
        ten = [place for place in places if place < 10]
        best = sum(map(_gain, range(min(10, len(right)))))
        sums["MRR@10"] += 1 / (ten[0] + 1) if ten else 0.0
        sums["nDCG@10"] += sum(map(_gain, ten)) / best
        sums["recall@20"] += len(places) / len(right)
    return {name: total / len(judged) for name, total in sums.items()}


def _gain(place: int) -> float:
    return 1 / math.log2(place + 2)


if __name__ == "__main__":
    main()
