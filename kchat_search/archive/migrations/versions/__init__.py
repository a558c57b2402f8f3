"""One file for each migration, in the order of their numbers.

v0001_first_tables.py  the first tables
v0002_gone.py          a mark for rejects that Kchat no longer shows
"""
