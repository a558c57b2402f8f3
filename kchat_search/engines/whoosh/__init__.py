"""The Whoosh engine: a search engine over arrays.

An index answers «which chats have this?». It keeps, for each term, a posting list: the documents
that have the term. A document is one chat, known inside a segment by its document number (0, 1,
2 ...). A term is a word, a gram (one, two or three characters), or the value of a field. The files
here make such lists, lay them out so that they are small and can be read where they lie, and
combine whole lists at once instead of looking at one document at a time.

Read them in this order, and you follow a chat from a document to a file, and from a file to an
answer. Writing:

    schema.py         the fields of a document: which are terms, columns, texts
    text_encoding.py  how texts are written, so that equal bytes mean equal characters
    hidden_spans.py   where in a passage stands what not everybody sees
    passages.py       who said each passage and when, as columns
    vectors.py        what the visitor asked first as vectors, in columns of codes
    inversion.py      documents -> run: the posting lists of some chats, sorted, as arrays
    postings.py       how a posting list is laid out in bytes
    array_file.py     a file of named arrays with checksums
    segment_file.py   the file of one segment: finds a term, decodes its posting list
    merge.py          runs or segments -> one segment, some terms at a time
    merged_columns.py what a merge writes of a field beside its terms and lists
    build.py          the whole archive -> one segment, in several processes
    damage.py         what reading raises for bytes that no writer has written
    sealed_json.py    a small file of JSON behind its own checksum
    contents.py       the table of contents: the segments of a commit, and their deletions
    generation_table.py  the table that a generation's vectors were made with
    generations.py    which build of the index answers, and the swap to the next
    writer.py         one commit: the few chats of a tick; which segments are merged

Reading:

    vocabulary.py     words that sound like a given one, or differ by one character
    facets.py         how many matches have each value of a field
    sets.py           and, or, not of posting lists
    segment.py        one segment as of one commit and as somebody sees it: deletions, postings
                      kept in memory
    message_filter.py which passages are among the messages that are looked into
    near.py           texts that stand near one another in one passage
    text_scan.py      searches the texts themselves, where posting lists cannot decide
    literals.py       which documents contain a literal, in the texts that somebody looks into
    evaluate.py       which chats match: a tree of conditions, smallest lists first
    rank.py           in which order: BM25, whole phrases, proximity; the top k
    snapshot.py       one state of the index, opened: a commit of a generation
    check.py          the bytes against their checksums, a part at a time
    meant.py          the chats that are about the same matter, by their vectors
    first_openings.py what visitors asked first, as vectors
    answer.py         one plan, one state of the index, one answer: hits, total, facets
    alike.py          the chats that are like one
    reader.py         the same for somebody who sees only a part: `ports.IndexReader`
    engine.py         the protocol `ports.Engine` over all of this; notices newer commits

Beside these:

    codec.py          Whoosh's own readers and queries over our segments

Whoosh gave this room its terms and its shape: segments that never change, deletions and a table of
contents beside them, commits. Its readers, matchers and queries work on our segments through
`codec.py`, and the tests compare their answers with ours. We do not use its term index and its
columns: a term takes 80 bytes there and some 20 bytes in an array, and arrays can be merged, mapped
and counted as a whole. We do not use its table of contents either: it is a pickle, and a pickle
runs any command when it is read. Nothing that lies in the folder of an index is executed, or made
into objects, or believed without its checksum.

Short names that all files use: `df`, document frequency, how many documents have a term;
`docs`, ascending document numbers; `ordinal`, a term's place among the sorted terms of its field;
`size`, how many documents a segment has, deleted ones included.

Where to begin: `postings.py`, then `sets.py`, then `evaluate.py`.
"""
