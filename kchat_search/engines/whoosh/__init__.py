"""The Whoosh engine, in the order in which a chat goes through it.

    schema.py       what a document looks like in the index
    generations.py  which build of the index answers; the swap
    writer.py       documents in, ids out, one commit
    segment.py      one segment, as sorted arrays
    evaluate.py     which chats match: set operations on those arrays
    rank.py         in which order
    engine.py       the protocol over all of it

What is used of Whoosh: its directory, table of contents, segments, write lock, deletions,
merging, terms, postings and columns. Its query objects and scoring are not.
"""
