"""Sync: fetch, archive, index.

    policy.py     what a sync may spend: one value, made from the settings
    decide.py     what to fetch: functions from data to data, no dependencies
    fetching.py   requests ahead of need, several in flight, handed out in order
    list_lookup.py     is a chat in Kchat's list?
    archive_writer.py    what was fetched goes into the archive, and is counted
    updater.py    carries out what was decided: backfill, tick, reconcile
    run.py    one whole sync: fetch, archive, index, and the report of it
    document.py   a chat as the index sees it
    indexer.py    from the archive's change queue to the engine; rebuilds; heals
    lock.py       one indexer at a time
    scheduler.py  ticks (APScheduler)

A crash at any point only repeats work: the archive commits chats and cursor together, and an
entry leaves the change queue after the engine has committed.
"""
