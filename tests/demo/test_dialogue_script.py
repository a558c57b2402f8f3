"""The language of the conversations. Everything that is written in it can be performed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from random import Random

import pytest

from kchat_search.demo.conversations.chat_planner import blocks, situations
from kchat_search.demo.conversations.dialogue import TALK, Dialogue
from kchat_search.demo.conversations.dialogue_script import (
    Branches,
    Call,
    Node,
    Perhaps,
    Phrase,
    Say,
    Transfer,
    read,
)
from kchat_search.demo.conversations.facts import Facts
from kchat_search.demo.conversations.people import AGENTS, TRADES, make_visitor

WHEN = datetime(2026, 3, 18, 14, 30)  # noqa: DTZ001 - facts speak of local time

SCRIPT = """
= one | 退款 | 2 | after=two started=agent
v: 你好 // 在吗 #late | !快点
? 0.25
  a: [好的/嗯] => 谢谢
* 3 #late
  v+: a.jpg
* 1
  > wait
  transfer: 物流组
a: 甲 | 乙
v&: 丙 | 丁
rate: bad
"""


def test_a_script_is_parsed_into_turns_branches_and_calls() -> None:
    known = read(SCRIPT.replace("after=two started=agent", "after=two | started=agent"))
    one = known["one"]
    assert (one.topic, one.weight, one.options) == (
        "退款",
        2.0,
        {"after": "two", "started": "agent"},
    )
    say, perhaps, branches, *_ = one.body
    assert say == Say("v", "msg", (Phrase("", "你好 // 在吗", "", "late"), Phrase("angry", "快点")))
    assert isinstance(perhaps, Perhaps)
    assert perhaps.body == (Say("a", "msg", (Phrase("", "[好的/嗯]", "谢谢"),)),)
    assert isinstance(branches, Branches)
    assert branches.weights == (3.0, 1.0)
    assert branches.routes == (frozenset({"late"}), frozenset())
    assert branches.bodies[1] == (Call("wait"), Transfer("物流组"))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("v: 你好", "must begin with"),
        ("= a | 甲\n", "empty or there twice"),
        ("= a | 甲\nv: 你好\n= a | 乙\nv: 你好", "empty or there twice"),
        ("= a | 甲\nx: 你好", "not understood"),
        ("= a | 甲\nv: 你好 | ", "empty phrasing"),
        ("= a | 甲\nv: 你好\n    a: 好", "too far in"),
        ("= a | 甲\nv: 一 | 二\na&: 好", "does not answer"),
    ],
)
def test_a_script_that_is_wrong_is_refused_and_the_error_names_the_line(
    script: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=f"line [0-9]+: .*{reason}"):
        read(script)


def phrases(body: Sequence[Node]) -> Iterator[tuple[str, Phrase]]:
    for node in body:
        match node:
            case Say():
                yield from ((node.who, phrase) for phrase in node.phrases)
            case Perhaps():
                yield from phrases(node.body)
            case Branches():
                for branch in node.bodies:
                    yield from phrases(branch)
            case Call():
                assert node.name in blocks()
            case _:
                pass


def every_phrase() -> Iterator[Phrase]:
    for trade in TRADES:
        for situation in situations()[trade].values():
            yield from (phrase for _, phrase in phrases(situation.body))
    for block in blocks().values():
        yield from (phrase for _, phrase in phrases(block.body))
    for talk in TALK.values():
        yield from talk


def test_every_phrase_can_be_filled_with_facts() -> None:
    rng = Random(1)
    for phrase in every_phrase():
        visitor = make_visitor(rng, 5, None, "shop")
        facts = Facts(rng, WHEN, visitor, {})
        for name in ("agent", "agent_then", "before", "daypart", "topic", "department"):
            facts.set(name, "某")
        for text in (phrase.text, phrase.reply):
            filled = facts.fill(text)
            assert "{" not in filled.replace('{"code"', "")
            assert " #" not in filled
            assert "，，" not in filled


def test_each_trade_has_ten_situations_and_one_that_follows_another() -> None:
    for trade in TRADES:
        known = situations()[trade]
        assert len(known) >= 10
        follow = [s for s in known.values() if "after" in s.options]
        assert follow
        assert all(s.options["after"] in known for s in follow)


def test_a_route_leads_to_branches_that_exist() -> None:
    for trade in TRADES:
        for situation in situations()[trade].values():
            wanted = {p.route for _, p in phrases(situation.body) if p.route}
            assert wanted <= set(routes(situation.body)), situation.code


def routes(body: Sequence[Node]) -> Iterator[str]:
    for node in body:
        if isinstance(node, Branches):
            for names, branch in zip(node.routes, node.bodies, strict=True):
                yield from names
                yield from routes(branch)
        elif isinstance(node, Perhaps):
            yield from routes(node.body)


def test_a_fact_stays_the_same_within_a_chat() -> None:
    rng = Random(4)
    visitor = make_visitor(rng, 5, None, "shop")
    facts = Facts(rng, WHEN, visitor, {})
    text = "{order} {wear} {price} {city2} {tracking} {d-3}"
    assert facts.fill(text) == facts.fill(text)
    assert (
        facts["courier"]
        == {"SF": "顺丰", "YT": "圆通", "JD": "京东快递", "ZT": "中通"}[facts["tracking"][:2]]
    )
    assert facts["order"].endswith(facts["ordertail"])
    assert int(facts["price-10"]) == int(facts["price"]) - 10
    assert facts["city2"] != facts["city"]


def test_a_question_gets_the_answer_written_for_it() -> None:
    script = (
        "= q | 问 | 1\nv: 甲 #a | 乙 #b\n* 1 #a\n  a: 甲甲\n* 1 #b\n  a: 乙乙\n"
        "v: 一 | 二\na&: 一一 | 二二\n"
    )
    body = read(script)["q"].body
    for seed in range(40):
        rng = Random(seed)
        visitor = make_visitor(rng, 5, None, "shop")
        visitor.script, visitor.emoji, visitor.wide = "simplified", False, False
        dialogue = Dialogue(rng, Facts(rng, WHEN, visitor, {}), visitor, "plain", {})
        dialogue.agent = AGENTS[3]
        dialogue.play(body)
        first, answer, second, echo = [line.text for line in dialogue.lines]
        assert (answer, echo) == (first * 2, second * 2)


def test_nobody_asks_for_a_number_that_was_already_given() -> None:
    for seed in range(40):
        rng = Random(seed)
        visitor = make_visitor(rng, 5, None, "express")
        dialogue = Dialogue(rng, Facts(rng, WHEN, visitor, {}), visitor, "plain", blocks())
        dialogue.agent = AGENTS[3]
        dialogue.utter("v", "{tracking}")
        before = len(dialogue.lines)
        dialogue.play((Call("ask_track"),))
        assert len(dialogue.lines) == before or visitor.wide
