from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from kchat_search.errors import BadRequest, LimitExceeded
from kchat_search.models.chats import SPEAKERS, Speaker
from kchat_search.models.plan import (
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    Messages,
    Near,
    Node,
    NoneOf,
    Said,
)
from kchat_search.search import conditions
from kchat_search.search.plan import Context, filters, parts_alone, ranking, to_node
from kchat_search.search.related import related
from tests.engines.documents import make
from tests.oracle import matches
from tests.search.words import SHANGHAI, TODAY, by_twos, tree
from tests.world import asked

AGENTS = {"2192": "李雷", "2193": "Han Meimei", "7": "李雷", "8": " ＤＡＶＥ "}
CONTEXT = Context(AGENTS, TODAY, SHANGHAI)


def planned(query: str) -> Node:
    return to_node(tree(query), CONTEXT)


def related_to(query: str) -> Node | None:
    """What a chat fulfils that has some of the query."""
    found = related(tree(query), CONTEXT, 20)
    if found is None:
        return None
    assert isinstance(found.required, AllOf)
    return AllOf((*found.required.parts, AnyOf(found.parts)))


def said(text: str, speaker: Speaker | None = None) -> Contains:
    """A text without quotes."""
    return Contains(text, Messages(speaker), joined=True)


def exactly(text: str) -> Contains:
    return Contains(text)


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp())


BY_VISITOR, BY_AGENT = Messages("visitor"), Messages("agent")
ON_THE_2ND = Messages(start=moment("2019-07-02"), end=moment("2019-07-03"))
VISITOR_ON_THE_2ND = Messages("visitor", (), moment("2019-07-02"), moment("2019-07-03"))
SPOKE_VISITOR, SPOKE_AGENT, SPOKE_ROBOT = (Said(Messages(side)) for side in SPEAKERS[:3])

NODES: list[tuple[str, Node]] = [
    ("", Everything()),
    ("退款", said("退款")),
    ("退款流程", AllOf((said("退款"), said("流程")))),
    ('"退款流程"', exactly("退款流程")),
    ("iPhone", HasWord("iphone")),
    ("iph*", HasWord("iph", prefix=True)),
    ("-退款流程", NoneOf(AllOf((said("退款"), said("流程"))))),
    ("退款 OR 退货", AnyOf((said("退款"), said("退货")))),
    ("id:0290", FieldIs("id", ("290",))),
    ("id:２９０", FieldIs("id", ("290",))),
    ("visitor:547",
     AnyOf((FieldIs("visitor_id", ("547",)), FieldIs("visitor_name", ("547",))))),
    ("visitor:访客５",
     AnyOf((FieldIs("visitor_id", ("访客５", "访客5")), FieldIs("visitor_name", ("访客5",))))),
    ("visitor:none", FieldIs("visitor_id", (None,))),
    ("user:45190", FieldIs("user_id", ("45190",))),
    ("status:close", FieldIs("status", ("close",))),
    ("status:ＣＬＯＳＥ", FieldIs("status", ("ＣＬＯＳＥ", "close"))),
    ("started:visitor", FieldIs("started_by", ("visitor",))),
    ("type:chat", FieldIs("type", ("chat",))),
    ("rating:满意", FieldIs("rating", ("1",))),
    ("rating:滿意", FieldIs("rating", ("1",))),
    ("rating:１", FieldIs("rating", ("１", "1"))),
    ("rating:1", FieldIs("rating", ("1",))),
    ("rating:不满意", FieldIs("rating", ("0",))),
    ("rating:Great", FieldIs("rating", ("Great", "great"))),
    ("rating:NONE", FieldIs("rating", (None,))),
    ("has:upload", FieldIs("has_upload", ("true",))),
    ("is:gone", FieldIs("gone", ("true",))),
    ("IS：Gone", FieldIs("gone", ("true",))),
    ("file:发票.PDF", FileNamed("发票.pdf")),
    ('file:"a  b"', FileNamed("a b")),
    ("date:2015-04", CreatedIn(moment("2015-04-01"), moment("2015-05-01"))),
    ("after:2015-04", CreatedIn(moment("2015-04-01"), None)),
    ("before:2015-04", CreatedIn(None, moment("2015-05-01"))),
    ("date:1d", CreatedIn(moment("2026-03-15"), moment("2026-03-16"))),
    # agents: by id, or by the whole name that one or more agents have
    ("agent:2192", FieldIs("participant", ("2192",))),
    ("agent:２１９３", FieldIs("participant", ("２１９３", "2193"))),
    ("agent:李雷", FieldIs("participant", ("李雷", "2192", "7"))),
    ("agent:李", FieldIs("participant", ("李", "2192", "7"))),
    ("agent:mei", FieldIs("participant", ("mei", "2193"))),
    ("agent:e", FieldIs("participant", ("e",))),
    ("agent:韩", FieldIs("participant", ("韩",))),
    ("agent:7", FieldIs("participant", ("7",))),
    ("assigned:2192", FieldIs("agent_id", ("2192",))),
    ("assigned:dave", FieldIs("agent_id", ("dave", "8"))),
    ("assigned:none", FieldIs("agent_id", (None,))),
    ("agent:无客服", FieldIs("participant", (None,))),
    ('agent:"han meimei"', FieldIs("participant", ("han meimei", "2193"))),
    ('agent:" Han  Meimei "', FieldIs("participant", ("Han  Meimei", "han meimei", "2193"))),
    ("agent:dave", FieldIs("participant", ("dave", "8"))),
    ("agent:none", FieldIs("participant", (None,))),
    # labels, as the pages show them
    ("status:进行中", FieldIs("status", ("open",))),
    ("status:進行中", FieldIs("status", ("open",))),
    ("status:Closed", FieldIs("status", ("close",))),
    ('rating:"Rather dissatisfied"', FieldIs("rating", ("2",))),
    ("rating:未评价", FieldIs("rating", (None,))),
    ("rating:Unrated", FieldIs("rating", (None,))),
    ("started:访客", FieldIs("started_by", ("visitor",))),
    ("started:机器人", FieldIs("started_by", ("robot",))),
    ("has:附件", FieldIs("has_upload", ("true",))),
    ("has:有附件", FieldIs("has_upload", ("true",))),
    ("has:file", FieldIs("has_upload", ("true",))),
    ('has:"With files"', FieldIs("has_upload", ("true",))),
    ("has:无附件", FieldIs("has_upload", ("false",))),
    ('is:"Gone from Kchat"', FieldIs("gone", ("true",))),
    ('is:"Kchat 上已不存在"', FieldIs("gone", ("true",))),
    ("type:none", FieldIs("type", (None,))),
    (
        "访客782",
        AnyOf((AllOf((said("访客"), said("782"))), FieldIs("visitor_name", ("访客782",)))),
    ),
    # from: is about the texts beside it, in its group and in the groups inside
    ("from:visitor", SPOKE_VISITOR),
    ("from:VISITOR", SPOKE_VISITOR),
    ("from:访客", SPOKE_VISITOR),
    ("from:客服", SPOKE_AGENT),
    ("from:機器人", SPOKE_ROBOT),
    ("from:李雷", Said(Messages(senders=("李雷", "#2192", "#7")))),
    ("from:Dave", Said(Messages(senders=("dave", "#8")))),
    ("from:2193", Said(Messages(senders=("2193", "#2193")))),
    ("from:访客5", Said(Messages(senders=("访客5",)))),
    ("from:visitor 退款", said("退款", "visitor")),
    ("退款 from:visitor", said("退款", "visitor")),
    ("from:visitor ipa*", HasWord("ipa", True, BY_VISITOR)),
    ('from:访客5 "退款"', Contains("退款", Messages(senders=("访客5",)))),
    ("from:visitor (退款 OR 退货)", AnyOf((said("退款", "visitor"), said("退货", "visitor")))),
    (
        "from:visitor (甲 OR 乙 丙)",
        AnyOf((said("甲", "visitor"), AllOf((said("乙", "visitor"), said("丙", "visitor"))))),
    ),
    ("from:visitor -退款", AllOf((SPOKE_VISITOR, NoneOf(said("退款", "visitor"))))),
    ("from:visitor (退款 OR -退货)",
     AllOf((SPOKE_VISITOR, AnyOf((said("退款", "visitor"), NoneOf(said("退货", "visitor"))))))),
    ("from:visitor status:close", AllOf((SPOKE_VISITOR, FieldIs("status", ("close",))))),
    ("-from:visitor 退款", AllOf((NoneOf(SPOKE_VISITOR), said("退款")))),
    ("from:visitor OR 退款", AnyOf((SPOKE_VISITOR, said("退款")))),
    ("from:visitor 退款 OR 退货", AnyOf((said("退款", "visitor"), said("退货")))),
    ("from:visitor from:agent 款", AllOf((said("款", "visitor"), said("款", "agent")))),
    (
        "(from:visitor 退款) (from:agent 退货) 发票",
        AllOf((said("退款", "visitor"), said("退货", "agent"), said("发票"))),
    ),
    ("from:visitor (from:agent 退款)", AllOf((SPOKE_VISITOR, said("退款", "agent")))),
    # said: likewise; with from:, it is about one message
    ("said:2019-07-02", Said(ON_THE_2ND)),
    ("said:昨天", Said(Messages(start=moment("2026-03-14"), end=moment("2026-03-15")))),
    ("said:2019-07-02..", Said(Messages(start=moment("2019-07-02")))),
    ("said:0001-01-01..9999-12-31", Said(Messages(start=-62_135_596_800))),
    ("said:2019-07-02 from:visitor", Said(VISITOR_ON_THE_2ND)),
    ("status:close from:visitor (said:2019-07-02)",
     AllOf((Said(VISITOR_ON_THE_2ND), FieldIs("status", ("close",))))),
    (
        "said:2019-07-02 from:visitor -退款",
        AllOf((Said(VISITOR_ON_THE_2ND),
               NoneOf(Contains("退款", VISITOR_ON_THE_2ND, joined=True)))),
    ),
    ("退款 said:2019-07-02", Contains("退款", ON_THE_2ND, joined=True)),
    (
        "said:2019-07-02 from:visitor 退款 流程",
        AllOf(tuple(Contains(t, VISITOR_ON_THE_2ND, joined=True) for t in ("退款", "流程"))),
    ),
    (
        "said:2019-07-02 (from:visitor 退款) 流程",
        AllOf(
            (
                Contains("退款", VISITOR_ON_THE_2ND, joined=True),
                Contains("流程", ON_THE_2ND, joined=True),
            )
        ),
    ),
    (
        "(said:2019-07-02 OR said:2019-07-04) 退款",
        AnyOf(
            (
                Contains("退款", ON_THE_2ND, joined=True),
                Contains("退款", Messages(start=moment("2019-07-04"), end=moment("2019-07-05")),
                         joined=True),
            )
        ),
    ),
    ('said:2019-07-02 "退款 到账"~8', Near(("退款", "到账"), 8, ON_THE_2ND)),
    ('"退款 到账"~8', Near(("退款", "到账"), 8)),
    # earlier versions: a flag of the plan
    ("in:history", Everything()),
    ("in:history 退款", said("退款")),
    # numbers and names in one piece, with separators and without
    ("13811112222", said("13811112222")),
    ("138 1111 2222", AnyOf((exactly("138 1111 2222"), said("13811112222")))),
    ("138-1111-2222", AnyOf((exactly("138-1111-2222"), said("13811112222")))),
    ("（+86）138－1111－2222", AnyOf((exactly("(+86)138-1111-2222"), said("13811112222")))),
    ("1，299", AnyOf((exactly("1,299"), said("1299")))),
    ("KT-INS114", AnyOf((exactly("kt-ins114"), said("ktins114")))),
    ("iPhone 6", AnyOf((exactly("iphone 6"), said("iphone6")))),
    ("iPhone6", said("iphone6")),
    ("3.6.0", said("3.6.0")),
    ("1 2 3", AllOf((said("1"), said("2"), said("3")))),
    ('"138 1111 2222"', exactly("138 1111 2222")),
    # a word in its other written forms; in quotes as it stands
    ("账号", AnyOf((said("账号"), said("帐号")))),
    ("帳號", AnyOf((said("帐号"), said("账号")))),
    ("-帐号", NoneOf(AnyOf((said("帐号"), said("账号"))))),
    ("from:visitor 瞭解", AnyOf((said("瞭解", "visitor"), said("了解", "visitor")))),
    ('"账号"', exactly("账号")),
    ("배송 조회", AllOf((said("배송"), said("조회")))),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), NODES)
def test_a_query_asks_of_the_engine_what_it_says(query: str, expected: Node) -> None:
    assert planned(query) == expected


def test_a_side_that_said_it_is_told_from_one_that_only_spoke() -> None:
    visitor_asks = make(1, "要退款", "好的", speakers=("visitor", "agent"))
    agent_says = make(2, "你好", "给您退款", speakers=("visitor", "agent"))
    both = planned("(from:visitor 退款) (from:agent 好的)")
    assert [matches(d, planned("from:visitor 退款")) for d in (visitor_asks, agent_says)] == [
        True,
        False,
    ]
    assert matches(visitor_asks, both)
    assert not matches(agent_says, both)


RELAXED: list[tuple[str, Node | None]] = [
    ("", None),
    ("退款", None),
    ("退款 退款", None),
    ('"退款流程"', None),
    ('退款 "流程"', None),
    ("退款 OR 流程", None),
    ("-(退款 流程)", None),
    ("from:visitor 退款", None),
    ("status:close", None),
    ("退款流程", AllOf((AnyOf((said("退款"), said("流程"))),))),
    ("退款 iph*", AllOf((AnyOf((said("退款"), HasWord("iph", prefix=True))),))),
    (
        '退款流程 "发票" -退货 status:close (甲 OR 乙)',
        AllOf(
            (
                exactly("发票"),
                NoneOf(said("退货")),
                FieldIs("status", ("close",)),
                AnyOf((said("甲"), said("乙"))),
                AnyOf((said("退款"), said("流程"))),
            )
        ),
    ),
    (
        "from:visitor 退款流程",
        AllOf((AnyOf((said("退款", "visitor"), said("流程", "visitor"))),)),
    ),
    (
        "退款流程 (from:agent 可以 马上)",
        AllOf(
            (
                AllOf((said("可以", "agent"), said("马上", "agent"))),
                AnyOf((said("退款"), said("流程"))),
            )
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), RELAXED)
def test_only_words_are_relaxed_and_only_where_there_are_several(
    query: str, expected: Node | None
) -> None:
    assert related_to(query) == expected


def test_what_matches_all_matches_some() -> None:
    document = make(1, "退款流程说明", "发票")
    for query in ("退款流程", '退款 "流程" 发票', "退款 说明 -退货"):
        assert matches(document, planned(query))
        some = related_to(query)
        assert some is not None
        assert matches(document, some)


@pytest.mark.parametrize(
    ("query", "words", "phrases"),
    [
        ("", (), ()),
        ("退款流程", ("退款", "流程"), ("退款流程",)),
        ("退款 流程", ("退款", "流程"), ()),
        ('"退款流程"', ("退款", "流程"), ()),
        ("-退款流程", (), ()),
        ("退款 -流程", ("退款",), ()),
        ("退款 OR 流程", ("退款", "流程"), ()),
        ("iPhone", ("iphone",), ()),
        ("iph*", (), ()),
        ("手机iph*", ("手机",), ("手机iph",)),
        ("手机iPhone", ("手机", "iphone"), ("手机iphone",)),
        ("status:close file:发票", (), ()),
        ("退款，流程 退款，流程", ("退款", "流程", "退款", "流程"), ("退款,流程",)),
    ],
)
def test_what_ranks_is_what_is_asked_for(
    query: str, words: tuple[str, ...], phrases: tuple[str, ...]
) -> None:
    found = ranking(tree(query), lambda texts: [w for text in texts for w in by_twos(text)])
    assert (found.words, found.phrases, found.forms) == (words, phrases, ())


@pytest.mark.parametrize(
    ("query", "tails"),
    [
        ("8845", ("8845",)),
        ("138 1111 2222 退款", ("13811112222",)),
        ("KT-INS114 退款 114", ("ktins114", "114")),
        ('"电话 8845" OR 845', ("电话 8845", "845")),
        ("NOT 8845 退款", ()),
        ("45 1元 abc 第123次", ()),
    ],
)
def test_a_text_that_ends_in_three_digits_may_be_the_end_of_a_number(
    query: str, tails: tuple[str, ...]
) -> None:
    assert ranking(tree(query), lambda texts: [*texts]).tails == tails


def test_a_word_ranks_in_its_other_written_forms_and_weighs_no_more() -> None:
    found = ranking(tree("账号登录"), lambda texts: [w for text in texts for w in by_twos(text)])
    assert found.words == ("账号", "登录")
    assert found.phrases == ("账号登录", "帐号登录")
    assert found.forms == (("帐号", "账号"),)


def test_the_parts_of_a_query_are_named_as_they_would_be_typed() -> None:
    query = '退款iph* "流 程" -发票 (甲 OR 乙) from:visitor agent:"李 雷"'
    assert [text for text, _ in parts_alone(tree(query), CONTEXT)] == [
        "from:visitor 退款", "from:visitor iph*", 'from:visitor "流 程"', "-发票",
        "from:visitor (甲 OR 乙)", "from:visitor", 'agent:"李 雷"',
    ]  # fmt: skip
    assert parts_alone(None, CONTEXT) == []
    assert dict(parts_alone(tree(query), CONTEXT))["from:visitor 退款"] == said("退款", "visitor")


@pytest.mark.parametrize(
    "query",
    [
        '退款iph* "流 程" -发票 (甲 OR 乙) from:visitor agent:"李 雷"',
        "(from:visitor OR from:agent) 退款 (甲 乙 from:robot) -(a OR b) 😀",
        '退款流程 "" ! date:2015',
    ],
)
def test_each_part_alone_is_what_it_finds_when_it_is_typed(query: str) -> None:
    for text, alone in parts_alone(tree(query), CONTEXT):
        typed = to_node(tree(text), CONTEXT)
        parts = typed.parts if isinstance(typed, AllOf) else ()
        # Who said it has spoken: that says nothing more.
        assert alone in (typed, *(part for part in parts if not is_about_speakers(part))), text
        assert sum(not is_about_speakers(part) for part in parts) <= 1


def is_about_speakers(asked: Node) -> bool:
    if isinstance(asked, AnyOf):
        return all(map(is_about_speakers, asked.parts))
    return isinstance(asked, Said) or (isinstance(asked, FieldIs) and asked.field == "spoke")


def test_many_sides_to_choose_from_make_no_larger_plan() -> None:
    query = "(from:visitor OR from:agent) " * 20 + "退款"
    assert len(str(to_node(tree(query), CONTEXT))) < 5_000


@pytest.mark.parametrize(
    "query",
    ["".join(f"from:{n} " for n in range(17)) + "退款",
     "".join(f"from:{n} said:{2010 + n} " for n in range(5)) + "退款"],
)  # fmt: skip
def test_too_many_groups_of_messages_are_refused(query: str) -> None:
    with pytest.raises(LimitExceeded, match="16") as refused:
        planned(query)
    assert (refused.value.limit, refused.value.parameter) == (16, "q")


def test_no_message_is_of_two_days_or_of_two_sides() -> None:
    assert conditions.both(ON_THE_2ND, Messages(start=moment("2019-07-03"))) is None
    assert conditions.both(BY_VISITOR, BY_AGENT) is None
    assert conditions.both(Messages(senders=("a",)), Messages(senders=("b",))) is None
    assert conditions.both(BY_VISITOR, ON_THE_2ND) == VISITOR_ON_THE_2ND


# -- filters -------------------------------------------------------------------------------------


def chosen(**fields: Any) -> dict[str, Node]:
    return filters(asked(**fields), SHANGHAI)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"agent_id": ("1", "none", "1")}, {"agent_id": FieldIs("agent_id", ("1", None))}),
        ({"status": ("close", "none")}, {"status": FieldIs("status", ("close", None))}),
        (
            {"rating": ("满意", "1", "0", "none", "Great")},
            {"rating": FieldIs("rating", ("1", "0", None, "Great"))},
        ),
        ({"visitor_id": "547"}, {"visitor_id": FieldIs("visitor_id", ("547",))}),
        ({"visitor_id": "none"}, {"visitor_id": FieldIs("visitor_id", (None,))}),
        ({"user_id": "4"}, {"user_id": FieldIs("user_id", ("4",))}),
        ({"started_by": "agent"}, {"started_by": FieldIs("started_by", ("agent",))}),
        ({"type": "none"}, {"type": FieldIs("type", (None,))}),
        ({"has_upload": True}, {"has_upload": FieldIs("has_upload", ("true",))}),
        ({"has_upload": False}, {"has_upload": FieldIs("has_upload", ("false",))}),
        ({"agent_id": ("\ud800",)}, {"agent_id": FieldIs("agent_id", ("\ufffd",))}),
        ({"start": "2015-04-01"}, {"created": CreatedIn(moment("2015-04-01"), None)}),
        ({"end": "2015-04-30"}, {"created": CreatedIn(None, moment("2015-05-01"))}),
        (
            {"start": "2015-04-01T00:00:00Z", "end": "2015-04-01"},
            {"created": CreatedIn(1427846400, moment("2015-04-02"))},
        ),
    ],
    ids=str,
)
def test_filters_choose_by_value_or_by_none(
    fields: dict[str, object], expected: dict[str, Node]
) -> None:
    assert chosen(**fields) == expected


@pytest.mark.parametrize("name", ["start", "end"])
def test_a_bad_date_is_refused_with_its_name(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        chosen(**{name: "last week"})
    assert refused.value.parameter == name
