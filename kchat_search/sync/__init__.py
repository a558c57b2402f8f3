"""Sync: fetch, archive, index.

    decide.py     what to fetch: functions from data to data, no dependencies
    updater.py    fetches it and puts it into the archive, cursor and chats in one transaction
    document.py   a chat as the index sees it
    indexer.py    from the archive's change queue to the engine; rebuilds; heals
    lock.py       one indexer at a time
    scheduler.py  ticks (APScheduler)

A crash at any point only repeats work: the archive commits chats and cursor together, and an
entry leaves the change queue after the engine has committed.
"""
