"""Frozen records that every room speaks in.

    chats.py    a chat as understood, as fetched, as stored, as rejected
    plan.py     what an engine is asked and what it answers; a chat as the index sees it
    search.py   what a person asks of the search and what it answers
    hot.py      hot questions: what visitors asked about in a period
    id_sets.py  sets of chat ids as a text
    saved.py    saved searches, and what of them is new
    reports.py  what a sync, a check or the whole program reports; sizes; coverage
    progress.py how far long work is, and how much time is left
    holder.py   who is the indexer
    account.py  the account at Kchat, as the web server knows it
    people.py   who asks: people, tokens, roles, what a principal may do
    sign_in.py  signing in elsewhere: what a provider of OpenID Connect says of a person
    audit.py    the record of who did what
    damage.py   what is wrong with a row of the archive, and the way out
    copies.py   what was copied from one database to another

What came from the wire, what is stored and what is shown are different types with different
names. No record here does anything but answer simple questions about its own values.
"""
