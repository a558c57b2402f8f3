"""An index to attack: some dozens of chats in several segments with deletions, and all its answers.

`answers` asks an engine everything that an engine can be asked, so two states of an index that give
the same answers are the same for everybody. `named` is what «verify» does with an index.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kchat_search.engines.whoosh import writer
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.errors import IndexDamaged
from kchat_search.models.plan import (
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    IndexDocument,
    Meant,
    Messages,
    Node,
    NoneOf,
    Passage,
    Plan,
    Related,
    Said,
)
from tests.engines.documents import make
from tests.meaning.tables import random_table

_SAID = (
    "退款流程在哪里",
    "订单 1577 还没到",
    "please refund order 42",
    "好的",
    "发票抬头写错了",
    "Hello",
)

TABLE = random_table("".join(_SAID))

FACETS = (
    "status",
    "agent_id",
    "participant",
    "spoke",
    "has_upload",
    "created_month",
    "created_day",
    "type",
)

NODES: tuple[Node, ...] = (
    Everything(),
    *map(Contains, ("退", "退款", "退款流程", "157", "5", "refund order", "的", "无处")),
    *(HasWord(word) for word in ("refund", "order", "42", "nowhere")),
    HasWord("re", prefix=True),
    HasWord("refund", messages=Messages("agent")),
    Contains("发票", messages=Messages("visitor")),
    FileNamed("a.png"),
    FieldIs("status", ("open",)),
    FieldIs("agent_id", ("1", None)),
    FieldIs("id", ("7", "12")),
    CreatedIn(1_400_100_000, 1_400_300_000),
    Contains("订单157", joined=True),
    Contains("1577", Messages(senders=("#1", "访客"), end=1_400_300_000), joined=True),
    Contains("发票", Messages(senders=("#1",), start=1_400_100_000), joined=True),
    HasWord("refund", messages=Messages("visitor", end=1_400_300_000)),
    Said(Messages("agent")),
    Said(Messages(senders=("#2", "访客"), start=1_400_100_000, end=1_400_400_000)),
    Said(Messages(start=1_400_200_000, end=1_400_200_030)),
    AllOf((Contains("款"), NoneOf(Contains("订单")))),
    AnyOf((Contains("发票"), HasWord("hello"))),
)


def document(number: int, revision: int = 1) -> IndexDocument:
    rnd = random.Random(f"{number} {revision}")
    said = [rnd.choice(_SAID) + str(rnd.randrange(30)) for _ in range(rnd.randint(1, 5))]
    created = 1_400_000_000 + number * 9_000 if number % 9 else None
    passages = [
        Passage(
            rnd.choice(_SAID).lower(),
            rnd.choice(("visitor", "agent", "robot", None)),
            rnd.choice(("#1", "#2", "访客")),
            rnd.choice((None, 1_400_000_000 + number * 9_000 + rnd.randrange(9_000))),
            rnd.choice(((), ("订单1577",), ("refundorder42", "13800138000"))),
        )
        for _ in range(6)
    ]
    made = make(
        number,
        *said,
        passages=tuple(passages[:4]),
        former=tuple(passages[4:]) if number % 5 == 0 else (),
        participants=tuple(rnd.sample(("1", "2", "3", "李雷"), rnd.randrange(4))),
        revision=revision,
        speakers=tuple(rnd.choice(("visitor", "agent", "robot")) for _ in said),
        created=created,
        month=f"2014-{number % 12 + 1:02}" if number % 9 else None,
        agent=rnd.choice((None, "1", "2")),
        status=rnd.choice(("open", "close")),
        files=("a.png",) if number % 4 == 0 else (),
    )
    asked = [n for n, passage in enumerate(made.passages) if passage.speaker == "visitor"]
    return replace(made, openings=tuple(asked[:3]))


def make_index(folder: Path) -> dict[int, int]:
    """Make the index in `folder`, and in `folder`.1, .2 ... how it was after each earlier commit.
    Returns the revisions of the chats that it has at the end."""
    engine = WhooshEngine(folder, processes=1)
    held = dict.fromkeys(range(1, 41), 1)
    engine.rebuild([[document(number) for number in held]], "made", table=TABLE)
    for commit, (changed, gone) in enumerate(
        [(range(35, 47), [3, 4]), (range(44, 53), [40]), (range(10, 13), [50, 51])], start=1
    ):
        shutil.copytree(folder, folder.with_suffix(f".{commit}"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(writer, "MERGE_FACTOR", 0)
            patch.setattr(writer, "MAX_DELETED_SHARE", 1.0)
            revisions = {number: held.get(number, 0) + 1 for number in changed}
            engine.write([document(n, revision) for n, revision in revisions.items()], gone)
        held = {n: r for n, r in (held | revisions).items() if n not in gone}
    assert engine.describe().segments == 4
    assert dict(engine.id_revisions()) == held
    engine.close()
    return held


def answers(engine: WhooshEngine) -> list[Any]:
    """Everything that the index can be asked. Raises `IndexDamaged` where it can't be read."""
    return list(_answers(engine))


def _answers(engine: WhooshEngine) -> Iterator[Any]:
    state = engine.describe()
    yield state.documents, state.segments
    yield sorted(dict(engine.id_revisions()).items())
    for node in NODES:
        yield engine.count(node)
        yield engine.count(node, history=True)
        yield list(engine.ids(Plan(node, sort="newest")))
        yield engine.search(
            Plan(
                node,
                words=("退款", "refund", "订单", "order"),
                phrases=("退款流程",),
                limit=100,
            )
        )
    # What depends on the chats that are found, and not on how they are found.
    for node in (Everything(), Contains("退款")):
        yield engine.search(Plan(node, facets=FACETS, limit=100, zone="Asia/Shanghai"))
        filters = {"status": FieldIs("status", ("close",))}
        related = Related(Everything(), (Contains("款"),), 9)
        yield engine.search(Plan(node, related, filters=filters, facets=FACETS, limit=7))
        yield engine.search(Plan(node, sort="oldest", offset=3, limit=9))
    lately = ((Messages(start=1_400_200_000),),)
    for text in ("退款", "发票抬头", "订单"):
        for scopes in ((), lately):
            meant = Meant(text, Everything(), -1, limit=100, scopes=scopes)
            yield engine.search(Plan(Contains("无处"), meant=meant)).meant
    openings = engine.openings(Everything())
    yield openings.ids.tolist(), openings.read(np.arange(len(openings.ids))).tolist()
    for word in ("refnud", "退宽", "tuikuan", "oder"):
        yield engine.similar(word, 9)


def answered(engine: WhooshEngine) -> list[Any] | None:
    """The answers; None if the index says that it is damaged. Nothing else may be raised."""
    try:
        return answers(engine)
    except IndexDamaged as error:
        said = str(error)
    assert "kchat-search reindex" in said
    return None


def named(folder: Path, held: dict[int, int]) -> bool:
    """Does «verify» say that something is wrong? It asks for damage, and compares the revisions
    with those of the archive."""
    engine = WhooshEngine(folder, processes=1)
    try:
        return engine.damage() is not None or dict(engine.id_revisions()) != held
    finally:
        engine.close()
