"""What finding by meaning costs: a search, a build, and the room that vectors take.

    python -m benchmarks.meaning --chats 100000

The index has chats of three messages each, all of them what a visitor asked first. So it is built
soon, and its vectors are those of as many whole chats, and more. Each query is asked with the part
by meaning and without; the difference is what that part takes. The build is measured with whole
chats (`corpus`), in one process. All times are processor time.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import thread_time
from zoneinfo import ZoneInfo

from benchmarks import corpus, measure, paraphrases, tables
from benchmarks.measure import say
from kchat_search.chats.reader import ChatReader
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.inversion import invert
from kchat_search.engines.whoosh.vectors import vector_arrays
from kchat_search.fields import FIELDS
from kchat_search.kchat.parse import ChatParser
from kchat_search.meaning import floor
from kchat_search.meaning.table import shipped
from kchat_search.models.plan import (
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    IndexDocument,
    Meant,
    Node,
    Passage,
    Plan,
)
from kchat_search.models.reports import no_progress
from kchat_search.sync.document import Documents, Source
from kchat_search.text.fold import fold
from kchat_search.text.segmentation import Segmenter

_OPENINGS = 3
_AT_ONCE = 2_000
_QUERIES = 40
_ROUNDS = 5
_TICKS = 20
_PER_TICK = 10
_WHOLE_CHATS = 2_000
_AGENTS = 100


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="What finding by meaning costs.")
    parser.add_argument("--chats", type=int, default=100_000)
    chosen = parser.parse_args()
    rows = [[name, f"{value:,.2f}"] for name, value in _built().items()]
    with TemporaryDirectory(prefix="kchat-meaning-") as folder:
        rows += _asked(Path(folder), chosen.chats)
    print(tables.table(["by meaning", ""], rows))  # noqa: T201  # a command's answer


# -- a build -----------------------------------------------------------------------------------


def _built() -> dict[str, float]:
    """What vectors add to the build of an index of whole chats."""
    say(f"building {_WHOLE_CHATS:,} whole chats")
    zone = ZoneInfo("Asia/Shanghai")
    segmenter = Segmenter()
    segmenter.load()
    make = Documents(
        chat_reader=ChatReader(ChatParser(zone).parse_archived),
        segmenter=segmenter,
        zone=zone,
        agents=corpus.agent_names(),
    )
    raws = [Source(1, json.dumps(chat)) for chat in corpus.chats(_WHOLE_CHATS)]
    documents = make(raws)
    table = shipped()
    made = _best(lambda: make(raws))
    inverted = _best(lambda: invert(documents))
    vectors = _best(lambda: vector_arrays(documents, table))
    arrays = vector_arrays(documents, table).values()
    return {
        "a build, without vectors, µs a chat": made + inverted,
        "the vectors, µs a chat": vectors,
        "the vectors, % of a build": 100 * vectors / (made + inverted),
        "vectors a chat": sum(len(d.openings) for d in documents) / len(documents),
        "bytes a chat": sum(array.nbytes for array in arrays) / len(documents),
    }


def _best(stage: Callable[[], object]) -> float:
    """Microseconds for each whole chat."""
    times = []
    gc.disable()  # as in a build
    for _ in range(_ROUNDS):
        began = thread_time()
        stage()
        times.append(thread_time() - began)
    gc.enable()
    return min(times) / _WHOLE_CHATS * 1e6


# -- a search ----------------------------------------------------------------------------------


def _asked(folder: Path, chats: int) -> Iterator[list[str]]:
    """A row for each kind of search."""
    say(f"building {chats:,} chats of {_OPENINGS} messages")
    engine = WhooshEngine(folder / "index")
    batches = (range(n, min(n + _AT_ONCE, chats)) for n in range(0, chats, _AT_ONCE))
    engine.rebuild(batches, "x", _documents, no_progress, table=shipped())
    filters: Mapping[str, Mapping[str, Node]] = {
        "all chats": {},
        "one of a hundred agents": {"agent_id": FieldIs("agent_id", ("7",))},
        "half of the time": {"created": CreatedIn(0, chats // 2)},
    }
    for state in ("as built", f"after {_TICKS} ticks"):
        for name, chosen in filters.items():
            times = _times(engine, chosen)
            p50, p95 = (tables.ms(measure.quantile(times, share)) for share in (0.5, 0.95))
            yield [f"{name}, {state}: p50, p95, ms", f"{p50}, {p95}"]
        if state == "as built":
            for number in range(_TICKS):
                random = Random(number)
                engine.write(_documents([random.randrange(chats) for _ in range(_PER_TICK)]))
    engine.close()


def _times(engine: WhooshEngine, filters: Mapping[str, Node]) -> list[float]:
    """Seconds that the part by meaning takes, of each query several times."""
    random = Random(5)
    texts = [each.query for each in paraphrases.paraphrases()]
    texts += list(corpus.messages().texts)
    plans = [
        Plan(
            Contains("没有一个会话这么说"),
            meant=Meant(fold(text), Everything(), floor.FLOOR),
            filters=filters,
        )
        for text in random.sample(texts, _QUERIES)
    ]
    times: list[float] = []
    for turn in range(_ROUNDS):
        for plan in plans:
            seconds = []
            for asked in (replace(plan, meant=None), plan):
                began = thread_time()
                engine.search(asked)
                seconds.append(thread_time() - began)
            if turn:  # the first fills what is remembered
                times.append(seconds[1] - seconds[0])
    return times


def _documents(numbers: Sequence[int]) -> list[IndexDocument]:
    return list(map(_document, numbers))


def _document(number: int) -> IndexDocument:
    random = Random(number)
    said = [fold(random.choice(corpus.messages().texts)) for _ in range(_OPENINGS)]
    return IndexDocument(
        id=number + 1,
        revision=1,
        created=number,
        month=None,
        fields={
            **dict.fromkeys((field.name for field in FIELDS), (None,)),
            "agent_id": (str(random.randrange(_AGENTS)),),
        },
        passages=tuple(Passage(text, "visitor") for text in said),
        files=(),
        words=(),
        openings=tuple(range(_OPENINGS)),
    )


if __name__ == "__main__":
    main()
