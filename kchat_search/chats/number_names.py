"""What a text calls a number that stands in it: an identity card's, an order's. Pure.

The digits alone can't tell. One in ten numbers of orders ends in the check digit of a bank card by
chance, and nothing in an old identity card's number can be checked.
"""

from __future__ import annotations

import re

LOOK_BACK = 20
"""Characters before a number in which the text may say what it is."""
_LOOK_AHEAD = 6
_IDENTITY = re.compile("身份证|身分证|证件|identity|id card|id no")
_ORDER = re.compile(
    r".*(?:订单|单号|单编号|运单|快递|包裹|流水|交易|物流|order|tracking)(?P<between>[^0-9,，。;；]{0,10})$",
    re.DOTALL,
)
"""Up to the last word for an order before a number, and what stands between."""
_NAMING = re.compile(r"(?:号|码|编|单|num(?:ber)?|no|id|is|是|为|[\W_])*")
"""What may stand between «订单» and its number, if that is what it names."""
_CARD = re.compile(
    r"卡|银行|[工建农交招]行|账|帐|户|付款|支付|付到|付给|[转汇打退]到|[转汇打]款|[转汇]入|[转打]给"
    r"|bank|card|visa|unionpay|pay|account"
)


def is_identity(text: str, start: int) -> bool:
    """Does the text call the number at `start` an identity card's?"""
    return _IDENTITY.search(text, max(0, start - LOOK_BACK), start) is not None


def is_order(text: str, start: int, end: int) -> bool:
    """Does the text call the number at `[start, end)` an order's? «订单号» just before says so. A
    word for an order that is farther off does, if none for a card or a payment is nearer
    («订单付款卡号», «订单…银行卡»)."""
    order = _ORDER.match(text[max(0, start - LOOK_BACK) : start])
    if order is None:
        return False
    if _NAMING.fullmatch(order["between"]):
        return True
    return not _CARD.search(order["between"]) and not _CARD.search(text, end, end + _LOOK_AHEAD)
