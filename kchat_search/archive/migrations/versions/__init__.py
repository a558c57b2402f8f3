"""One module a step, in order of their numbers.

v0001_first_tables.py  the first tables
v0002_gone.py          rejects that Kchat shows no more
"""
