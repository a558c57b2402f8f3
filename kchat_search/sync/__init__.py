"""Sync: fetch, archive, index. The files in the order in which a sync passes them:

    scheduler.py       calls the tick at fixed intervals (APScheduler)
    lock.py            one indexer at a time
    worker.py          the indexer's process: holds the lock, ticks, heals the index first
    policy.py          what a sync may spend: one value, made from the settings
    run.py             one whole sync: decides what it does, fetches, indexes, reports
    decide.py          every decision of a sync: functions from data to data, no dependencies
    backfill.py        reads the whole list until nothing was missed
    tick.py            what is new, and what may have changed
    reconcile.py       finds chats that changed or vanished where no tick looks
    list_pass.py       one pass over the whole list
    kept_progress.py   how far that is, kept where every web server reads it
    transfer.py        from Kchat into the archive: by page, or one chat at a time
    fetcher.py         several requests at the same time, their answers in order
    large_page.py      a page that is too large to be read, in smaller pages               (pure)
    list_lookup.py     is a chat in Kchat's list?
    alternating.py     chats that Kchat shows with two contents in one sync                (pure)
    archive_writer.py  into the archive, and counted
    document.py        a chat as the index sees it
    scrub.py           reads everything again, a part with each tick, and names damage
    scrub_pace.py      how much of it a tick reads: pure, as decide.py
    repair.py          sets right what is damaged in the archive
    hot.py             finds what visitors asked about most lately
    tables.py          the table of meanings that comes with the program: to be used, and whole?
    indexer.py         from the archive's change queue to the engine; rebuilds; heals
    refit.py           the table of meanings, fitted on the archive's own chats

A crash at any point only repeats work: the archive commits chats and cursor together, and an
entry leaves the change queue after the engine has committed.

Two words are used here alone. A *pass* is one reading of the whole list. A *sweep* is the slow
part of a reconcile: one pass, spread over many ticks, and then every chat that it did not show.
"""
