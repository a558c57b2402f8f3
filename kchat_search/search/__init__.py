"""From what people type to what they see.

tokens.py        from query text to tokens: words, quoted strings, operators, brackets
syntax.py        from tokens to a tree; every input is a query
units.py         which characters of a text stay together: a number and its unit
unit_words.py    by what Chinese counts; where only a blank stands between a number and its unit
conditions.py    what the values of conditions mean: codes, labels, names
tree.py          the tree: words, phrases, fields, and, or, not; and how it is written
understood.py    how a query was understood: with the written forms of its words
dates.py         from days, months and ranges of them to moments, in the configured time zone
whole_numbers.py what a query asks for of whoever sees private numbers masked
plan.py          from the tree and the filters to a plan for an engine
related.py       what related chats fulfil: some of the words, or the same meaning
request_limits.py   what a search may ask for
coverage.py      whether an answer covers every chat that Kchat has
searcher.py      a search, from what was asked to what is shown
hits.py          the chats that were found, read for one viewer
cursor.py        encodes and decodes where a walk through the hits goes on
place.py         where a chat stands among the hits of a search, and what is beside it
similar_chats.py the chats that are like one
visitor_chats.py all chats of one visitor
recent_chats.py  a cache of the chats that were shown last, as they were read
marks.py         where the messages of a chat have the texts of a query
opening_message.py  which messages say what the visitor came for
hot.py           hot questions: what is kept of them, and the chats of one
hot_page.py      the hot questions of a period, as one viewer sees them
not_seen.py      the chats of a saved search that were not there when it was seen last
snippets.py      the messages that matched best, and the reply
zero_results.py  why a search found nothing: what each part finds alone, what each filter takes away
said_instead.py  what was said in a time, where the search is for chats that were created in it
completion.py    what may be typed at the cursor: operators and their values
did_you_mean.py  what may have been meant: similar words that the index has
similar_values.py   the same for conditions: agents and values that there are
export_walk.py   every hit, as whole chats
verify.py        proves that the index agrees with the archive
"""
