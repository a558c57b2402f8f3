"""From what people type to what they see.

tokens.py    query text -> tokens: words, quoted strings, operators
syntax.py    tokens -> tree: every input is some query
tree.py      the tree: words, phrases, fields, and, or, not; and how it is said back
dates.py     days, months, ranges -> moments, in the configured zone
plan.py      tree and filters -> plan for an engine
snippets.py  which messages matched, and where, on the original text
zero_results.py  why nothing was found: what each part has alone, what each filter cuts away
did_you_mean.py  what may have been meant: near words that the index has
export_walk.py   every hit, whole chats
verify.py    proves the index against the archive
cursor.py    where a walk through the hits goes on
recent_chats.py  the chats that were shown last, kept as they were read
searcher.py  all of it together
"""
