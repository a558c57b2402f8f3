"""The Whoosh engine: a search engine over arrays, in the order in which a chat goes through it.

An index answers «which chats have this?» by keeping, for each term, the list of the documents that
have it. A document is a chat, known by its number; a term is a word, a gram, or the value of a
field. Everything here is about making such lists, laying them out so that they are small and can
be read where they lie, and combining them without looking at one document at a time.

Writing, from a document to a file:

    schema.py       which fields a document has, and which of them are terms, columns, texts
    inversion.py       documents to a run: each field's lists, sorted, for some chats
    merge.py        runs (or segments) to one segment, a stretch of terms at a time
    postings.py        how a list is laid out in bytes
    text_encoding.py        how the texts are, so that a match of bytes is a match of characters
    array_file.py       a file of named arrays, with checksums
    build.py        all of it in several processes, for a whole archive
    writer.py       all of it for the few chats of a tick: a commit; which segments to merge
    generations.py  which build of the index answers; the swap

Reading, from a file to an answer:

    segment_file.py       a segment's file: find a term, decode its list
    segment.py      a segment of one commit: without its deleted documents, lists remembered
    sets.py         and, or, not of lists
    evaluate.py     which chats match: a tree of conditions, smallest list first
    text_scan.py         the look into a text, where lists alone can't tell
    rank.py         in which order: BM25, whole phrases, closeness; the best of many
    answer.py       one state of the index, one plan, one answer: hits, total, facets
    engine.py       the protocol over all of it; newer commits are seen
    vocabulary.py   near words: by sound, by one character
    facets.py       how many matches have each value of a field
    codec.py        Whoosh's own readers and queries over the same segments

What is used of Whoosh: its directory, table of contents, segments, write lock, deletions and
schema; its readers, matchers and queries work on our segments through `codec.py`, and the tests
hold them against ours. Its term index and columns are not used: a term takes 80 bytes there and
some 20 in an array, and what is an array can be merged, mapped and counted at once.

Where to begin: `postings.py`, then `sets.py`, then `evaluate.py`.
"""
