"""How a database of any earlier version becomes one of the present tables.

`kchat_search.databases.opening` runs it, inside one transaction. To change the tables:

1. change `tables.py` and its `MIGRATION`;
2. add `versions/v<number>_<what>.py`. Its `revision` (Alembic's word for a migration) is that
   number, its `down_revision` is the number before.

A migration never deletes data. There is no way back: an older program refuses a newer database.

    env.py     what Alembic runs
    versions/  the migrations, one file each
"""
