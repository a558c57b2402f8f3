"""Made-up conversations from a seed: what the demo's Kchat server shows.

    dialogue_script.py  the language in which conversations are written, and its parser
    shop.py             the situations of each trade: an online shop
    express.py          parcels
    telecom.py          telephone and internet
    saas.py             software for companies
    travel.py           flights and hotels
    smalltalk.py        what all trades share
    word_lists.py       products, places, firms
    people.py           agents and visitors, with their habits
    facts.py            the numbers and names of one chat
    typing_style.py     how a person types a phrase
    dialogue.py         turns a situation into lines
    chat_course.py      how a chat begins and ends: queues, robots, transfers, farewells
    msg_form.py         the form in which Kchat has what was said: HTML, JSON
    planned_chat.py     a chat as the API shows it at any time
    chat_planner.py     plans one chat after another
    timeline.py         two years of chats, and what happens next

All chance comes from `random.Random(seed)`, and no clock is read: `now` is an argument. So the same
seed gives the same chats.
"""

from kchat_search.demo.conversations.timeline import Timeline, agents, conversations

__all__ = ["Timeline", "agents", "conversations"]
