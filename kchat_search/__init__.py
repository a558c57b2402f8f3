"""kchat-search: the full-text archive of a company's Kchat conversations.

Open the rooms in this order, and you follow one chat from the wire to the screen:

    kchat/          asks the Kchat API and understands what it says             (requests)
    sync/           decides what to fetch, fetches, archives, indexes           (APScheduler)
    archive/        keeps every chat, every version of it                       (SQLAlchemy)
    chats/          reads a stored chat: who spoke, names, ratings, history     (pure)
    text/           folds text, cuts it into words and grams                    (jieba, opencc)
    engines/        holds the index and answers plans                           (Whoosh)
    search/         reads what people type, plans, shows what matched
    serialization/  the form of every answer: JSON, JSON Lines, CSV, links
    web/            the API and the pages                                       (Flask)
    cli/            the command line                                            (click, rich)
    demo/           a Kchat server of our own, and conversations for it

What the rooms share:

    fields.py       what chats are filtered by: one table
    models/         frozen records that every room speaks in
    ports/          protocols: what the middle needs of Kchat, the archive and the engine
    service.py      what the program can do
    composition.py  `make_service`: the only file that knows who stands behind the ports
    config.py       settings, read once
    hosts.py        hosts in addresses: which of them mean this machine
    errors.py       every error that this program raises on purpose
    logs.py         how the log is written
    wsgi.py         the web for any WSGI server
    __main__.py     `python -m kchat_search`

The import rule, held by `tests/test_house.py`:

    wsgi, cli, web -> serialization, service -> sync, search -> ports -> models, errors
                      composition -> kchat, archive, engines        (the only place)
                      kchat, archive, engines -> chats, text, models, errors; never each other
                      text -> nothing of ours

The words are the Kchat API's own (chat, message, visitor, agent, upload), and: *archive*, the
system of record; *index*, derived from it; *engine*, what holds the index; *sync*, fetch, archive
and index; *tick*, one scheduled sync; *fold*, map text to the form in which it is compared;
*literal*, occurs as a substring of a message's folded text; *generation*, one build of the index;
*revision*, a number of a chat that changes whenever its document in the index would differ.
"""

__version__ = "0.1.0"
