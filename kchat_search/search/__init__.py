"""From what people type to what they see.

syntax.py    query text -> tree: every input is some query
tree.py      the tree: words, phrases, fields, and, or, not; and how it is said back
dates.py     days, months, ranges -> moments, in the configured zone
plan.py      tree and filters -> plan for an engine
snippets.py  which messages matched, and where, on the original text
search.py    all of it together
"""
