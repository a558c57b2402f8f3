"""Made-up conversations from a seed: what the demo's Kchat server shows.

    script.py     the language in which they are written, and its reader
    shop.py       the situations, trade by trade: an online shop
    express.py    parcels
    telecom.py    telephone and internet
    saas.py       software for companies
    travel.py     flights and hotels
    smalltalk.py  what all trades share
    things.py     products, places, firms
    people.py     agents and visitors with their habits
    facts.py      the numbers and names of one chat
    voices.py     how this person types
    stage.py      performs a situation
    scenes.py     beginnings and ends: queues, robots, transfers, farewells
    plans.py      a chat at any moment of its course
    world.py      one chat after another
    life.py       two years of them, and what happens next

Nothing is random but `random.Random(seed)`, and no clock is read: `now` is an argument.
"""

from kchat_search.demo.conversations.life import Life, agents, conversations

__all__ = ["Life", "agents", "conversations"]
