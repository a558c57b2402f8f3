"""What people type, and what must come first, over the conversations of `kchat-search demo`.

A chat is right if it is about the matter, not if it has the words. The demo makes each chat from a
situation («refund_slow», «late_parcel»), and a case names the situations that are right. A chat
that only mentions the matter («上次问过退款的事，今天是另一件») is made from another situation, so
it is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from benchmarks import ours
from kchat_search.chats.visible_text import visible_text
from kchat_search.demo.conversations import conversations
from kchat_search.demo.conversations.chat_planner import ChatPlanner, situations
from kchat_search.demo.conversations.dialogue_script import Situation
from kchat_search.demo.conversations.people import Past
from kchat_search.models.search import SearchPage, SearchRequest
from kchat_search.service import Service

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)
SEED, COUNT = 1, 2_000
"""The same as the command's."""
FIRST = 5


class Case(NamedTuple):
    """One search: at least `least` of the first five chats must be about this."""

    q: str
    about: str
    """The codes of the situations that are right, separated by blanks."""
    least: int = FIRST
    says: str = ""
    """A pattern that one of the chat's messages must have too. It names what is only a part of a
    situation: a place, a version, a branch of the talk."""


SHOP = [
    Case("怎么申请退款", "refund_slow refund_again hotel_cancel hotel_again"),
    Case("退款一直没到账是怎么回事啊", "refund_slow refund_again hotel_again"),
    Case("我的退款呢？？都两周了！！", "refund_slow refund_again hotel_again", 4),
    Case("衣服小了能不能换大一码？运费谁出？", "wrong_size"),
    Case("颜色发错了怎么换货", "exchange_colour"),
    Case("您好！请问耳机充不进电，能换新的吗？", "quality"),
    Case("刚买就降价了，可以补差价吗", "price_drop"),
    Case("请问一下优惠券为什么用不了呀", "coupon"),
    Case("包裹里少了配件怎么办", "missing_part"),
    Case("下单五天了怎么还不发货", "late_ship"),
    Case("地址填错了，快递已经发出来了还能拦截吗", "change_address addr_change", 4),
    Case("你好，麻烦帮我查一下发票什么时候能开好，谢谢", "invoice invoice_wrong"),
]
PARCELS = [
    Case("快递还没到怎么办", "late_parcel late_ship", 4),
    Case("快递显示签收了，我根本没收到", "late_parcel", 4),
    Case("快递把东西摔坏了怎么赔", "damaged claim_again"),
    Case("取件码收不到怎么办", "pickup_code"),
    Case("快递柜打不开怎么办", "pickup_code", 2, "柜子打不开|櫃子打不開"),  # there are two
    Case("约好了上门取件，快递员一直没来", "pickup"),
    Case("投诉快递员态度差", "attitude", 4),
    Case("从日本寄来的包裹卡在海关了怎么办", "customs"),
]
TELEPHONES = [
    Case("从昨天晚上开始就上不了网，路由器重启了也没用", "broadband broadband_again"),
    Case("家里的网又断了，这个月好几次了！", "broadband broadband_again"),
    Case("搬家了，宽带怎么迁过去", "move"),
    Case("我想把手机号转到别家，要怎么弄呢", "porting"),
    Case("想換個便宜一點的套餐", "plan"),
    Case("换套餐", "plan", 4),
    Case("ｅＳＩＭ怎么开通，ｉＰｈｏｎｅ能用吗", "sim", 4, "(?i)esim"),  # there are four
    Case("SIM卡坏了要去哪里补", "sim"),
    Case("话费怎么多扣了这么多钱", "bill", 4),
    Case("昨天充的话费，到现在还没有到账呢", "recharge"),
]
SOFTWARE = [
    Case("登录不上去，一直提示密码错误", "login"),
    Case("升级v2.14.1以后接口401了", "api_error api_again", FIRST, r"v2\.14"),
    Case("导出来的CSV用Excel打开全是乱码", "export_fail", FIRST, "乱码|亂碼"),
    Case("企业版和专业版有什么区别", "renew", 3, "企业版和专业版"),  # there are three
    Case("收到一封钓鱼邮件，已经点了链接怎么办", "security", 2, "钓鱼"),  # there are two
    Case("晚上值班能开暗色模式吗", "how_to", 1, "暗色"),  # there is one
]
TRAVEL = [
    Case("机票怎么改签啊，要多少手续费", "flight_change", 4),
    Case("航班取消了能全额退吗", "flight_change", 4, "取消|延误"),
    Case("签证要准备什么材料呢", "visa"),
    Case("日本签证 材料", "visa", 4, "日本"),
    Case("到酒店了，前台说没有我的订单", "hotel_problem", 4),
    Case("酒店 隔壁太吵 换房", "hotel_problem"),
    Case("孩子生病了去不了，酒店能退吗", "hotel_cancel hotel_again"),
    Case("高铁票没抢到怎么办", "train"),
]
CASES = [*SHOP, *PARCELS, *TELEPHONES, *SOFTWARE, *TRAVEL]


class Demo(NamedTuple):
    """The demo's chats, ready to be searched, and the situation of each."""

    service: Service
    chats: Mapping[int, dict[str, Any]]
    made_from: Mapping[int, str]

    def asked(self, q: str) -> SearchPage:
        return self.service.search(SearchRequest(q=q, per_page=FIRST, facets=()))

    def right(self, case: Case) -> set[int]:
        """All chats that are about these situations."""
        about = set(case.about.split())
        return {
            number
            for number, chat in self.chats.items()
            if self.made_from[number] in about
            and any(
                re.search(case.says, visible_text(message["msg"] or ""))
                for message in chat["messages"]
            )
        }


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    codes: list[str] = []
    choose = ChatPlanner._situation

    def noted(world: ChatPlanner, trade: str, past: Past | None) -> Situation:
        situation = choose(world, trade, past)
        codes.append(situation.code)
        return situation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ChatPlanner, "_situation", noted)
        chats = conversations(SEED, NOW, COUNT)
    made_from = {chat["id"]: code for chat, code in zip(chats, codes, strict=True)}
    folder = tmp_path_factory.mktemp("demo")
    (folder / "index").mkdir()
    with ours.opened(folder) as service:
        assert sum(ours.saving(service, chats)) == COUNT
        ours.build(service)
        yield Demo(service, {chat["id"]: chat for chat in chats}, made_from)


@pytest.mark.parametrize("case", CASES, ids=[case.q for case in CASES])
def test_what_it_is_about_comes_first(demo: Demo, case: Case) -> None:
    right = demo.right(case)
    answer = demo.asked(case.q)
    shown = [*answer.hits, *(each.hit for each in answer.related)]
    first = [hit.chat.id for hit in shown[:FIRST]]
    assert sum(number in right for number in first) >= case.least, [
        (number, demo.made_from[number], "right" if number in right else "wrong")
        for number in first
    ]


def test_each_case_names_situations_that_exist_and_chats_that_are_few_but_enough(
    demo: Demo,
) -> None:
    known = {code for trade in situations().values() for code in trade}
    for case in CASES:
        assert set(case.about.split()) <= known, case
        assert case.least <= len(demo.right(case)) < COUNT / 10, case


def test_most_of_what_people_type_is_in_no_chat_with_all_its_words(demo: Demo) -> None:
    relaxed = [case.q for case in CASES if not demo.asked(case.q).total]
    assert len(relaxed) > 0.7 * len(CASES)
