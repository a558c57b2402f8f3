"""How a database of any earlier version becomes one of the present tables.

Run by `kchat_search.archive.opening`, inside one transaction. To change the tables: change
`tables.py` and its `MIGRATION`, and add `versions/v<number>_<what>.py` with that number as its
`revision` (Alembic's word) and the one before it as its `down_revision`. Data is never taken away on the way, and there is no way back: an
older program refuses a newer database.

    env.py     what Alembic runs: the steps, on the connection that `opening` hands over
    versions/  the steps
"""
