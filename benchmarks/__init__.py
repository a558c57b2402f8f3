"""Benchmarks: kchat-search beside what a user would take instead, and the program under load.

`README.md` says what each command prints, what it needs and how long it takes. The files:

    engines.py    command: all engines over the same chats
    ticks.py      command: an index that has grown by small commits, beside a fresh one
    stages.py     command: where the time of a build goes
    relevance.py  command: does the right chat come first, as people judged it
    requests.py   command: what the requests of a search take of an OpenSearch server, each alone
    meaning.py    command: what finding by meaning costs
    http.py       command: a served archive under load
    audit.py      command: what the audit costs a search, and a check of it
    browser.py    command: what somebody at the pages waits for and loads, in Chromium
    screenshots.py  command: pictures of the pages in every state
    hostile.py    command: what requests that are made to be expensive cost
    backfill.py   command: the first sync against a Kchat that takes its time
    plot.py       command: growth with the number of chats, as a picture
    costs.py      command: what one chat costs, in each archive and engine
    simulate.py   command: what many chats need, on paper
    needs.py      its arithmetic
    corpus.py     chats, any number of them, made from a few thousand real dialogues
    queries.py    the fixed set of query kinds, drawn from the corpus
    paraphrases.py  queries that share no word with the chats that they mean
    rivals/       the other engines, each built and asked as its own users would
    ours.py       kchat-search: archive, index, engine, service, ticks
    cluster.py    servers of OpenSearch to measure
    step.py       one step (fill, build, ask, tick) in a process of its own
    measure.py    memory, sizes, the page cache, quantiles
    tables.py     figures as Markdown
    targets.py    the targets of section 12 of the design
    kchat.py      a Kchat server that changes while `http` measures
    clients.py    the clients of `http`
    pages.py      a Kchat server whose own work is next to nothing, for `backfill`
    fetch.py      the sync that `backfill` runs with `--no-indexing`
"""
