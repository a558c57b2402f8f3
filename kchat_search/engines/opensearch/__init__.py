"""The OpenSearch engine: an index on a cluster of servers.

OpenSearch finds, filters, counts and sorts. What decides which chats match, and how they rank, is
said on our side: folded texts, words, statistics of what somebody sees. Read the files in this
order, and you follow a chat to the servers, and a query to its answer. Writing:

    mapping.py      settings and mapping of an index: which fields, and why so
    columns.py      bytes in a column
    openings.py     what the visitor asked first as vectors
    documents.py    from an `IndexDocument` to what is sent
    transport.py    one request to one server, and what is wrong where it fails
    connection.py   requests, several hosts, and what is wrong where they fail
    portions.py     portions of what is too much at once
    bulk.py         many documents in few requests; only what failed is sent again
    build.py        the documents of the whole archive, in several processes
    fence.py        keeps an indexer from writing whose term is over
    generations.py  which index answers, commits, and the swap to the next generation

Reading:

    scripts.py      what only a look at the texts decides, in Painless
    queries.py      from a `Node` to a query that filters
    clauses.py      queries in parts of which each has as few clauses as a server takes
    snapshot.py     one state of the index, opened: a point in time, its statistics
    scoring.py      what ranks, as parts of a query
    facets.py       how many matches have each value of a field
    meant.py        the chats that are about the same matter, by their vectors
    answer.py       one plan, one state of the index, one answer
    alike.py        the chats that are like one
    similar.py      words near a given one
    check.py        the documents against their seals, a part at a time
    reader.py       all of this for somebody who sees a part: `ports.IndexReader`
    engine.py       the protocol `ports.Engine`

Exactness. A literal is a phrase of pairs of characters, which Lucene decides exactly; so is who
said it and when, by nested documents. What Lucene has no query for (texts near one another, the end
of a number) a script decides on the texts themselves, for the few chats that can fulfil it. Scores
are computed from statistics that are sent along: those of what somebody sees, over all shards. So
an answer depends on nothing else.
"""
