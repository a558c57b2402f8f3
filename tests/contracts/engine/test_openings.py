"""What visitors asked first, as vectors."""

from __future__ import annotations

import numpy as np

from kchat_search.meaning.codes import decode, encode
from kchat_search.models.plan import CreatedIn, Everything, FieldIs, Sight
from kchat_search.ports import Engine
from tests.contracts.engine.conftest import build
from tests.contracts.engine.test_meant import CHARACTERS, TABLE, asked

FIRST = {9: "退款", 4: "发票几天", 7: "到账", 12: "流程"}


def filled(engine: Engine) -> Engine:
    documents = [asked(n, text, "发票", created=n) for n, text in FIRST.items()]
    nothing = [asked(5, "退款", places=(), created=5), asked(6, "unknown", created=6)]
    build(engine, [documents[:2], [*documents[2:], *nothing]], table=TABLE)
    engine.write([asked(12, FIRST[12], created=12), asked(13, "退", created=13)])
    engine.write([], [13])
    return engine


def test_each_chat_that_asked_something_has_its_first_opening(engine: Engine) -> None:
    found = filled(engine).openings(Everything())
    assert found.ids.tolist() == sorted(FIRST)
    expected = decode(encode(TABLE.vectors([FIRST[n] for n in sorted(FIRST)])))
    assert np.allclose(found.read(np.arange(len(FIRST))), expected)
    assert np.allclose(found.read(np.array([2])), expected[2:3])


def test_only_of_chats_that_match_and_are_seen(engine: Engine) -> None:
    filled(engine)
    assert engine.openings(CreatedIn(5, 10)).ids.tolist() == [7, 9]
    seen = engine.seen(Sight(FieldIs("id", ("4", "9"))))
    assert seen.openings(CreatedIn(5, None)).ids.tolist() == [9]


def test_without_a_table_there_are_none(engine: Engine) -> None:
    build(engine, [[asked(1, CHARACTERS, created=1)]])
    found = engine.openings(Everything())
    assert len(found.ids) == 0
    assert len(found.read(found.ids)) == 0
