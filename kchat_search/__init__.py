"""kchat-search: the full-text archive of a company's Kchat conversations.

Open the rooms in this order, and you follow one chat from the wire to the screen:

    kchat/          asks the Kchat API and understands what it says             (requests)
    sync/           decides what to fetch, fetches, archives, indexes           (APScheduler)
    archive/        keeps every chat, every version of it                       (SQLAlchemy)
    databases/      what the archive and the database of people share           (SQLAlchemy)
    chats/          reads a stored chat: who spoke, names, ratings, history     (pure)
    text/           folds text, cuts it into words and grams                    (jieba, opencc)
    meaning/        guesses what was meant: vectors of what visitors asked      (numpy)
    engines/        holds the index and answers plans                           (Whoosh)
    search/         reads what people type, plans, shows what matched
    access/         who may see what: people, roles, tokens, sessions, audit    (argon2-cffi)
    oidc/           asks a provider of OpenID Connect who somebody is           (Authlib)
    serialization/  the form of every answer: JSON, JSON Lines, CSV, workbooks, links
    web/            the API and the pages                                       (Flask)
    cli/            the command line                                            (click, rich)
    demo/           a Kchat server of our own, and conversations for it

What the rooms share:

    fields.py       what chats are filtered by: one table
    models/         frozen records that every room speaks in
    ports/          protocols: what the middle needs of Kchat, the archive and the engine
    service.py      what the program can do, for one principal
    operating.py    what its owner does with it: sync, index, check, repair
    reporting.py    how it is: what syncs did, how far it has come, what is wrong
    gate.py         the one way to a service: it says for whom
    composition.py  `make_gate`: the only file that knows who stands behind the ports
    config/         settings, read once
    env_file.py     the file `.env`, without the secrets for those who do not need them
    memory_dumps.py a process that dies leaves no copy of its memory
    processor_time.py  how much processor time one request may use
    hosts.py        hosts in addresses: which of them mean this machine
    errors.py       every error that this program raises on purpose
    answer_deadline.py  connections that limit the time until an answer has arrived
    private_files.py makes files and folders that only this user can read
    logs.py         how the log is written
    wsgi.py         the web for any WSGI server
    __main__.py     `python -m kchat_search`

The import rule, held by `tests/test_house.py`:

    wsgi, cli, web -> serialization, service -> sync, search, access -> ports -> models, errors
                      gate -> service, access                       (nobody else makes a service)
                      composition -> kchat, archive, engines        (the only place)
                      kchat, archive, engines -> chats, text, models, errors; never each other
                      engines, search, sync -> meaning -> models, errors
                      text -> nothing of ours

The words are the Kchat API's own (chat, message, visitor, agent, upload), and these:

    archive     the system of record: every chat as Kchat sent it, every version of it
    raw         what Kchat sent, as JSON text
    version     one state of a chat's content; each change of the content begins a new one
    digest      the SHA-256 of a chat's content; equal digests mean the same version
    reject      a chat that could not be fetched or understood; it is kept and tried again
    gone        no longer at Kchat; a sync reports how many chats *vanished*: were marked as gone
    index       what an engine searches; derived from the archive, rebuilt at will
    engine      what holds the index and answers from it
    generation  one complete build of the index
    revision    a number of a chat that changes whenever its document in the index would differ
    sync        fetch, archive and index; it is a backfill, a tick or a reconcile
    backfill    the sync that reads all of Kchat's list for the first time
    tick        one scheduled sync: what is new, and what may have changed
    reconcile   a sync that also finds what changed or vanished where no tick looks
    cursor      where something goes on: a sync (in the archive), a walk through hits (a client's)
    fold        map text to the form in which two strings are compared
    literal     a string that must occur in a message's folded text, character by character
    gram        one character or two neighbours (or three digits) of folded text
    position    the index of a message in its chat, from 0
    principal   who asks: a person, a token, or the owner at the command line
    sight       what a principal sees: some chats (the restriction), with numbers or masked
    coverage    whether an answer covers every chat that Kchat has
"""

__version__ = "0.1.0"
