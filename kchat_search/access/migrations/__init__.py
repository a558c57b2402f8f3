"""How a database of people of any earlier version becomes one of the present tables.

`kchat_search.databases.opening` runs it, inside one transaction. The rules are those of
`kchat_search.archive.migrations`.

    env.py     what Alembic runs
    versions/  the migrations, one file each
"""
