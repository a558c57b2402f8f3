"""One file for each migration, in the order of their numbers.

v0001_first_tables.py  the first tables
v0002_gone.py          a mark for rejects that Kchat no longer shows
v0003_seals.py         every row is sealed; what was damaged is set aside
"""
