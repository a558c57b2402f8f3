"""Benchmarks: ours beside what a user would take instead, and the program under load.

    python -m benchmarks.engines --chats 100000 --json results-100000.json
    python -m benchmarks.ticks --chats 10000 --ticks 10000
    python -m benchmarks.stages --chats 5000
    python -m benchmarks.relevance
    python -m benchmarks.http --chats 20000 --clients 8 --seconds 20
    python -m benchmarks.backfill --chats 20000
    python -m benchmarks.plot results-10000.json results-100000.json results-1000000.json

Run them from the root of the repository. They need `pip install -e '.[bench]'`, and the dialogues
in `../shared/data` (without those, the demo's made-up conversations stand in). Each prints
Markdown on standard output and its progress on standard error.

    corpus.py     chats, any number of them, from a few thousand real dialogues
    queries.py    the fixed set of query kinds, drawn from the corpus
    rivals/       the others, each built and asked as its own users would
    ours.py       kchat-search itself: archive, index, engine, service, ticks
    step.py       one step (fill, build, ask, tick) in a process of its own
    measure.py    memory, sizes, the page cache, quantiles
    ticks.py      an index that has grown by small commits, beside a fresh one
    relevance.py  does the right chat stand first, as people judged it
    stages.py     where the time of a build goes
    engines.py    all contenders over the same chats
    tables.py, targets.py    its figures as Markdown, and section 12 of the design
    http.py, kchat.py, clients.py    a served archive under load
    backfill.py, pages.py, fetch.py    the first sync against a Kchat that takes its time
    plot.py       growth with the number of chats
"""
