"""Queries that mean what chats of the demo are about, and share no word with them.

`paraphrases.tsv` has them: an intent and a query a line, as an agent types it. An intent is what
visitors of one or several situations of the demo's scripts want (`INTENTS`). Right for a query are
all chats with such a situation. Situations in which the agent begins are left out, since there the
visitor does not say what the chat is about. For queries of the intent `nothing`, no chat is right.

Invariant (`shared_words`): no word of two characters or more of a query stands anywhere in what
the scripts let visitors of its intent say. Words of one character stand there only if they are in
`FUNCTION_CHARACTERS`, which mean nothing alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from kchat_search.demo.conversations.chat_planner import situations
from kchat_search.demo.conversations.dialogue_script import Branches, Node, Perhaps, Say
from kchat_search.demo.conversations.word_lists import GROUPS, LISTS
from kchat_search.text.fold import fold
from kchat_search.text.segmentation import Segmenter

FILE = Path(__file__).with_name("paraphrases.tsv")

INTENTS: dict[str, tuple[str, ...]] = {
    # an online shop
    "money_back": ("refund_slow", "refund_again", "hotel_again"),
    "size": ("wrong_size",),
    "wrong_colour": ("exchange_colour",),
    "invoice": ("invoice", "invoice_wrong"),
    "coupon": ("coupon",),
    "not_sent": ("late_ship",),
    "broken": ("quality",),
    "cheaper_now": ("price_drop",),
    "about_goods": ("presale_ask",),
    "new_address": ("change_address", "addr_change"),
    "missing_part": ("missing_part",),
    "points": ("shop_robotask",),
    # parcels
    "parcel_stuck": ("late_parcel",),
    "damaged": ("damaged", "claim_again"),
    "pickup": ("pickup",),
    "pickup_code": ("pickup_code",),
    "rude_courier": ("attitude",),
    "customs": ("customs",),
    "monthly_bill": ("monthly",),
    # software for companies
    "login": ("login",),
    "api": ("api_error", "api_again"),
    "export": ("export_fail",),
    "renew": ("renew",),
    "sync": ("sync_bug",),
    "how_to": ("how_to",),
    "push": ("webhook",),
    "security": ("security",),
    # telephone and internet
    "no_internet": ("broadband", "broadband_again"),
    "phone_bill": ("bill",),
    "porting": ("porting",),
    "plan": ("plan",),
    "sim": ("sim",),
    "weak_signal": ("signal",),
    "move_internet": ("move",),
    "recharge": ("recharge",),
    "roaming": ("roaming",),
    # flights and hotels
    "hotel_off": ("hotel_cancel",),
    "flight": ("flight_change",),
    "visa": ("visa",),
    "tour": ("tour",),
    "lost": ("lost",),
    "hotel_problem": ("hotel_problem",),
    "train": ("train",),
    "entrance": ("ticket_spot",),
    # names, codes and what customer service is not asked: no chat is right
    "nothing": (),
}
"""What visitors want, and the codes of the situations in which they want it."""

FUNCTION_CHARACTERS = frozenset(
    "的地得了着过吗呢吧啊呀啦么嘛哦"  # particles
    "我你您他她它谁这那哪啥咋几"  # pronouns
    "不没别未"  # negation
    "是有在要能会想可该得让把被给对向从到跟和与按为以用于由比"  # auxiliaries, prepositions
    "也都还又就才再只太很好更最已"  # adverbs
    "一二两三个次件下上里外中前后时来去出起回进点些"  # numerals, measures, directions
)

Half = Literal["tune", "held"]

_SLOT = re.compile(r"\{([a-z_0-9]+)[^}]*\}")
_HAN = re.compile("[\u4e00-\u9fff]")


class Paraphrase(NamedTuple):
    """A query and the intent that it means."""

    intent: str
    query: str

    @property
    def half(self) -> Half:
        """What is chosen is chosen with the one half, and reported of the other. A query stays in
        its half whatever other queries there are."""
        return "held" if hashlib.sha256(self.query.encode()).digest()[0] & 1 else "tune"


@cache
def paraphrases() -> tuple[Paraphrase, ...]:
    """All of them, in the order of the file."""
    lines = FILE.read_text("utf-8").splitlines()
    return tuple(Paraphrase(*line.split("\t")) for line in lines)


@cache
def said_by_visitors(intent: str) -> str:
    """All that the scripts let visitors of this intent say, folded, with everything that a slot
    may become, a phrase a line."""
    phrases: list[str] = []
    for known in situations().values():
        for code in INTENTS[intent]:
            if code in known:
                phrases += _visitor_phrases(known[code].body)
    slots = sorted({name for phrase in phrases for name in _SLOT.findall(phrase)})
    for name in slots:
        phrases += _values(name)
    return "\n".join(fold(_SLOT.sub("\t", phrase)) for phrase in phrases)


def shared_words(paraphrase: Paraphrase, segmenter: Segmenter) -> list[str]:
    """The words of the query that visitors of its intent say too. (See the invariant.)"""
    said = said_by_visitors(paraphrase.intent)
    words = set(segmenter.tokens(said.splitlines()))
    return [
        word
        for word in segmenter.tokens([fold(paraphrase.query)])
        if word not in FUNCTION_CHARACTERS and (word in words or (len(word) > 1 and word in said))
    ]


def _visitor_phrases(body: Sequence[Node]) -> Iterator[str]:
    for node in body:
        match node:
            case Say():
                for phrase in node.phrases:
                    yield phrase.text if node.who == "v" else phrase.reply
            case Perhaps():
                yield from _visitor_phrases(node.body)
            case Branches():
                for part in node.bodies:
                    yield from _visitor_phrases(part)
            case _:
                pass


def _values(slot: str) -> Sequence[str]:
    if slot in GROUPS:
        keys, rows = GROUPS[slot]
        return [row[keys.index(slot)] for row in rows]
    return LISTS.get(slot, ())
