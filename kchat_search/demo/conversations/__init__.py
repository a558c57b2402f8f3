"""Made-up conversations from a seed: what the demo's Kchat server shows.

    dialogue_script.py     the language in which they are written, and its reader
    shop.py       the situations, trade by trade: an online shop
    express.py    parcels
    telecom.py    telephone and internet
    saas.py       software for companies
    travel.py     flights and hotels
    smalltalk.py  what all trades share
    word_lists.py     products, places, firms
    people.py     agents and visitors with their habits
    facts.py      the numbers and names of one chat
    typing_style.py     how this person types
    dialogue.py      performs a situation
    chat_course.py     beginnings and ends: queues, robots, transfers, farewells
    planned_chat.py      a chat at any moment of its course
    chat_planner.py      one chat after another
    timeline.py       two years of them, and what happens next

Nothing is random but `random.Random(seed)`, and no clock is read: `now` is an argument.
"""

from kchat_search.demo.conversations.timeline import Timeline, agents, conversations

__all__ = ["Timeline", "agents", "conversations"]
