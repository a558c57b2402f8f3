"""Engines: what holds the index and answers from it. One protocol (`ports.Engine`), one room each.

whoosh/       files in a folder; nothing to install beside Python
opensearch/   a cluster of servers; the extra `opensearch`

What must be the same in all of them is said once:

ranking.py    what ranks: BM25's constants, what a word of a query weighs
terms.py      what is made of a value to filter by, and of a literal with whole numbers
days.py       the days of a time zone
nearness.py   which words are near one another
workers.py    other processes that make the documents of a build
"""
